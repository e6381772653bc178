/* replay.c — a read that is sent again. See replay.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "session/query/replay.h"

#include "session/client/client.h"
#include "session/link/link.h"
#include "session/query/cycle.h"
#include "wire/message.h"

/* A session that asked to be a reader has no writer to go to, but perhaps another server. */
static bool
has_other_servers(const struct session *s)
{
    return session_view(s)->side[s->link.decision.side].nodes_count > 1;
}

void
replay_arm(struct session *s)
{
    CHECK(!s->replay.is_pending && buf_len(&s->replay.messages) == 0);
    CHECK(buf_len(&s->replay.answers) == 0);
    s->replay.is_armed = s->link.decision.read_only && !s->replay.is_second &&
                         (!s->link.traits.reader || has_other_servers(s));
}

void
replay_remember(struct session *s, struct slice bytes)
{
    struct replay *r = &s->replay;
    if (!r->is_armed) {
        return;
    }
    if (buf_len(&r->messages) + bytes.len > SESSION_REPLAY_MAX ||
        !buf_append(&r->messages, bytes)) {
        replay_disarm(s);
    }
}

void
replay_disarm(struct session *s)
{
    struct replay *r = &s->replay;
    CHECK(!r->is_pending);
    r->is_armed = false;
    buf_fini(&r->messages);
    if (buf_len(&r->answers) > 0) {
        const struct slice kept = buf_slice(&r->answers);
        buf_put(outlet_queue(&s->client.out), kept.p, kept.len);
        buf_fini(&r->answers);
    }
}

void
replay_abandon(struct session *s)
{
    s->replay.is_armed = false;
    s->replay.is_pending = false;
}

bool
replay_is_possible(const struct session *s)
{
    const struct replay *r = &s->replay;
    return r->is_pending || (r->is_armed && buf_len(&r->messages) > 0 && !s->cycle.in_batch);
}

void
replay_begin(struct session *s, bool is_lost)
{
    CHECK(replay_is_possible(s));
    s->replay.is_pending = true;
    s->replay.is_lost = is_lost;
}

void
replay_note_lost(struct session *s)
{
    s->replay.is_lost = true;
}

/* Whether it goes as a read, to whatever server there is: each loss is of another one. */
static bool
goes_as_read(struct session *s)
{
    struct replay *r = &s->replay;
    const bool as_read = r->is_lost && has_other_servers(s) && r->servers < NODES_MAX;
    r->servers = (uint8_t)(r->servers + (as_read ? 1 : 0));
    r->is_lost = false;
    return as_read;
}

struct buf *
replay_answers(struct session *s)
{
    return s->replay.is_armed ? &s->replay.answers : outlet_queue(&s->client.out);
}

void
replay_again(struct session *s)
{
    struct replay *r = &s->replay;
    CHECK(r->is_pending || s->link.backend == NULL); /* refused, or lost */
    CHECK(!r->is_second);
    stat_add(&s->stats->replays, 1);
    log_debug(&s->log, "read sent again", "from=%s", side_name(s->link.decision.side));
    replay_abandon(s);
    r->is_second = !goes_as_read(s);
    buf_fini(&r->answers);
    cycle_restart(s);
    link_give_back(s);
    if (s->phase == SESSION_LEAVING) { /* its Terminate was behind them */
        message_put_simple(&r->messages, 'X');
        session_enter(s, SESSION_EV_RETURNS);
    }
    if (!client_prepend(s, &r->messages)) {
        session_refuse(s, SQLSTATE_OUT_OF_MEMORY, "out of memory");
    }
}

void
replay_end(struct session *s)
{
    s->replay.is_second = false;
    s->replay.servers = 0;
    s->replay.is_armed = false;
    buf_fini(&s->replay.messages);
}

void
replay_fini(struct session *s)
{
    buf_fini(&s->replay.messages);
    buf_fini(&s->replay.answers);
}
