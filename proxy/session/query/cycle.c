/* cycle.c — the query cycle of a session. See cycle.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "session/query/cycle.h"

#include "session/link/link.h"

void
cycle_init(struct session *s)
{
    s->cycle.since_us = loop_now_us(s->worker->loop);
}

void
cycle_begin_message(struct session *s)
{
    struct cycle *c = &s->cycle;
    CHECK(s->link.backend != NULL);
    c->is_open = true;
    if (c->in_batch) {
        return;
    }
    c->is_alone = link_owes_only_settings(s);
    if (c->is_alone) {
        c->since_us = loop_now_us(s->worker->loop);
    }
}

void
cycle_open_batch(struct session *s)
{
    CHECK(s->cycle.is_open);
    s->cycle.in_batch = true;
}

void
cycle_end_batch(struct session *s)
{
    s->cycle.in_batch = false;
}

void
cycle_sent(struct session *s)
{
    CHECK(s->cycle.is_open);
    s->cycle.in_batch = false;
    s->cycle.is_sent = true;
}

void
cycle_reopen_batch(struct session *s)
{
    s->cycle.in_batch = true;
    s->cycle.is_sent = false;
}

void
cycle_wrote(struct session *s)
{
    s->cycle.wrote = true;
}

void
cycle_failed(struct session *s)
{
    s->cycle.failed = true;
}

void
cycle_answered(struct session *s)
{
    struct cycle *c = &s->cycle;
    const uint64_t now_us = loop_now_us(s->worker->loop);
    CHECK(c->is_open && flow_empty(&s->link.backend->flow));
    stat_add(&s->stats->query_time_us, now_us - c->since_us);
    c->since_us = now_us;
    c->is_open = false;
    c->is_sent = false;
    c->failed = c->failed && c->in_batch; /* the rest of the batch is skipped, and undone with it */
}

bool
cycle_end_transaction(struct session *s)
{
    const bool wrote = s->cycle.wrote;
    CHECK(!s->cycle.in_batch && !s->cycle.is_open);
    s->cycle.wrote = false;
    return wrote;
}

void
cycle_restart(struct session *s)
{
    s->cycle.is_open = false;
    s->cycle.is_sent = false;
    s->cycle.in_batch = false;
}

bool
cycle_is_idle(const struct session *s)
{
    const struct backend *b = s->link.backend;
    if (link_waits(s)) {
        return false;
    }
    return b == NULL || (flow_empty(&b->flow) && !b->flow.skipping && !s->cycle.in_batch);
}
