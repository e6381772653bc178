/* settle.c — what follows when the server owes nothing. See settle.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "session/query/settle.h"

#include "session/client/client.h"
#include "session/link/link.h"
#include "session/link/tracked_settings.h"
#include "session/query/cycle.h"
#include "session/query/prepared.h"
#include "session/query/replay.h"

/* All that was sent is answered. In the middle of a batch the server may still undo it. */
static void
end_cycle(struct session *s)
{
    CHECK(!s->replay.is_pending);
    prepared_settle(s);
    if (!s->cycle.in_batch && !s->link.backend->flow.skipping) {
        tracked_settle(s);
    }
    cycle_answered(s);
}

/* What of it has ended: the cycle, and with it perhaps the transaction. */
struct ended {
    bool cycle, transaction;
};

static struct ended
end_what_is_over(struct session *s)
{
    struct ended ended = {.cycle = s->cycle.is_open};
    if (ended.cycle) {
        end_cycle(s);
    }
    ended.transaction = s->link.is_busy && link_is_quiet(s);
    if (ended.transaction) {
        link_end_transaction(s, cycle_end_transaction(s));
        replay_end(s);
    }
    return ended;
}

static bool
owes_nothing(const struct session *s)
{
    return s->link.backend != NULL && flow_empty(&s->link.backend->flow);
}

bool
settle_ready(struct session *s)
{
    if (!owes_nothing(s)) {
        return false;
    }
    if (s->replay.is_pending) {
        replay_again(s);
        return true;
    }
    const struct ended ended = end_what_is_over(s);
    if (ended.transaction && s->pins == SQL_PIN_NONE &&
        (!s->database->keeps_backends || s->link.backend->close_when_idle)) {
        link_give_back(s);
    }
    if (ended.transaction && s->worker->draining) {
        session_refuse(s, SQLSTATE_ADMIN_SHUTDOWN, "the proxy is shutting down");
    }
    return ended.cycle || ended.transaction;
}

bool
settle_leaving(struct session *s)
{
    const struct client *c = &s->client;
    if (owes_nothing(s)) {
        if (s->replay.is_pending) {
            replay_again(s);
            return true;
        }
        (void)end_what_is_over(s);
        link_give_back(s);
    }
    if (s->link.backend == NULL && (outlet_len(&c->out) == 0 || c->write_closed)) {
        session_fail(s, NULL);
    }
    return false;
}

/* Whether anything that the client has asked for is left to be done. */
static bool
has_work(const struct session *s)
{
    const struct backend *b = s->link.backend;
    switch (s->phase) {
    case SESSION_LOGIN:
        return client_waiting_len(s) > 0;
    case SESSION_READY:
        return (b != NULL && !flow_empty(&b->flow) && !s->cycle.in_batch && !b->flow.copy_in) ||
               client_terminate_waits(s);
    case SESSION_REPLICATION:
        return s->replication.terminated;
    case SESSION_LEAVING:
        return true;
    case SESSION_STARTUP:
    case SESSION_AUTH:
    case SESSION_ENDING:
    case SESSION_CLOSED:
    case SESSION_PHASES_COUNT:
        return false;
    }
    UNREACHABLE();
}

void
settle_end_of_input(struct session *s)
{
    const struct client *c = &s->client;
    if (!c->input_ended || !session_is_open(s) ||
        (s->phase == SESSION_REPLICATION && s->replication.terminated)) {
        return;
    }
    if (c->pass_left > 0) {
        session_fail(s, NULL); /* in the middle of a message: its end will never come */
        return;
    }
    const bool works = has_work(s);
    const bool is_being_told =
        s->phase == SESSION_READY && s->link.backend == NULL && outlet_len(&c->out) > 0;
    if (!works && !is_being_told) {
        session_fail(s, NULL);
        return;
    }
    if (s->phase == SESSION_READY && (buf_len(&c->in) == 0 || !works)) {
        session_enter(s, SESSION_EV_LEAVES);
    }
}
