/* failover.c — transactions that wait for the next writer of a side. See failover.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "session/link/failover.h"

static const struct conf_pair *
conf_of(const struct session *s)
{
    return &s->worker->conf->pairs[s->identity.pair];
}

static void
say_not_begun(struct err *err)
{
    (void)err_hint(err, "The statement was not begun; it can be sent again.");
}

bool
failover_has_room(struct session *s)
{
    const char *side = side_name(s->link.decision.side);
    struct err err;
    if (conf_of(s)->failover_hold_us == 0) {
        (void)err_set(&err, SQLSTATE_CANNOT_CONNECT_NOW, "the writer of %s is lost", side);
    } else if (worker_waiting_of_all(s->worker->workers, s->identity.pair) >=
               conf_of(s)->failover_hold_max) {
        (void)err_set(&err, SQLSTATE_CANNOT_CONNECT_NOW,
                      "the writer of %s is lost, and as many transactions wait for the next one as "
                      "may (failover_hold_max)",
                      side);
    } else {
        return true;
    }
    say_not_begun(&err);
    session_fail(s, &err);
    return false;
}

bool
failover_is_late(const struct session *s, struct err *err)
{
    const struct worker_pair *pair = &s->worker->pairs[s->identity.pair];
    const struct link *l = &s->link;
    CHECK(l->is_held);
    if (l->decision.reason != ROUTE_FAILOVER) {
        return false;
    }
    /* It may have waited for a backend before. */
    const uint64_t since_us =
        l->wait_since_us > pair->lost_since_us ? l->wait_since_us : pair->lost_since_us;
    if (loop_now_us(s->worker->loop) - since_us <= conf_of(s)->failover_hold_us) {
        return false;
    }
    (void)err_set(err, SQLSTATE_CANNOT_CONNECT_NOW,
                  "the writer of %s is lost, and no other took its place within failover_hold",
                  side_name(l->decision.side));
    say_not_begun(err);
    return true;
}
