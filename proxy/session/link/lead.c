/* lead.c — another server of a side takes the writes now. See lead.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "session/link/lead.h"

#include "session/link/link.h"

/* What became of what it did there. */
static void
end_busy(struct session *s)
{
    const bool is_owed = !flow_empty(&s->link.backend->flow);
    struct err err;
    if (is_owed) {
        stat_add(&s->stats->outcome_unknown, 1);
    }
    (void)err_set(&err, SQLSTATE_CONNECTION_FAILURE,
                  "another server of %s takes the writes now; %s", side_name(link_side(s)),
                  is_owed ? "whether the statement took effect is unknown"
                          : "the transaction was rolled back");
    session_fail(s, &err);
}

static void
end_idle(struct session *s)
{
    struct err err;
    if (s->pins == SQL_PIN_NONE) {
        link_give_back(s);
        return;
    }
    (void)err_set(&err, SQLSTATE_ADMIN_SHUTDOWN,
                  "another server of %s takes the writes now, and this session cannot follow: it "
                  "holds %s",
                  side_name(link_side(s)), sql_pin_name(s->pins));
    (void)err_hint(&err, "Connect again.");
    session_fail(s, &err);
}

static void
leave_old_lead(struct list *sessions, const struct node_id *lead)
{
    LIST_EACH(node, sessions)
    {
        struct session *s = LIST_OBJECT(node, struct session, node);
        if (s->link.backend == NULL) {
            continue;
        }
        const struct pool_key *key = pool_key_of(s->link.backend->pool);
        if (key->node.pair != lead->pair || key->node.side != lead->side ||
            key->node.node == lead->node || key->read_only) {
            continue;
        }
        if (s->link.is_busy) {
            end_busy(s);
        } else {
            end_idle(s);
        }
        session_wake(s);
    }
}

void
lead_take_view(struct worker *w, uint32_t pair, const struct view *before)
{
    struct worker_pair *p = &w->pairs[pair];
    if (!route_writer_is_lost(p->view)) {
        p->lost_since_us = 0;
    } else if (p->lost_since_us == 0) {
        p->lost_since_us = loop_now_us(w->loop);
    }
    for (int side = 0; side < SIDES_COUNT; side++) {
        const struct node_id lead = {pair, (enum side)side, p->view->side[side].lead};
        if (lead.node != before->side[side].lead) {
            pools_retire_writers(w->pools, pair, lead.side, lead.node);
            leave_old_lead(&w->arriving, &lead);
            leave_old_lead(&w->sessions, &lead);
        }
    }
}
