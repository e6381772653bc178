/* held.c — sessions that wait, and a new view. See held.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "session/link/held.h"

#include "session/link/link.h"

/* It would begin something new when its turn came. */
static bool
is_to_be_held(const struct session *s, const struct view *view, const struct pool_key *key)
{
    return s->database->facts.paused ||
           (view->writes_held && key->node.side == view->writer && !key->read_only);
}

/* The server is down, and its reads have another one; or it does not take the writes any more, or
 * none does. */
static bool
is_to_move(const struct view *view, const struct pool_key *key)
{
    const struct view_side *side = &view->side[key->node.side];
    const bool is_writer = key->node.side == view->writer;
    if (key->read_only) {
        return !side->node[key->node.node].up && (!is_writer || side->nodes_count > 1);
    }
    return is_writer && (key->node.node != side->lead || route_writer_is_lost(view));
}

static void
sort_waiting(const struct view *view, struct list *sessions)
{
    LIST_EACH(node, sessions)
    {
        struct session *s = LIST_OBJECT(node, struct session, node);
        if (s->link.waiter.pool == NULL || s->identity.pair != view->pair) {
            continue;
        }
        const struct pool_key *key = pool_key_of(s->link.waiter.pool);
        if (is_to_be_held(s, view, key)) {
            link_stop_waiting(s);
            link_hold(s, s->link.wait_since_us);
        } else if (is_to_move(view, key)) {
            link_stop_waiting(s);
            session_wake(s);
        }
    }
}

void
held_sort(struct worker *w, uint32_t pair)
{
    sort_waiting(w->pairs[pair].view, &w->arriving);
    sort_waiting(w->pairs[pair].view, &w->sessions);
}

void
held_look_again(struct worker *w, uint32_t pair)
{
    struct list again;
    list_init(&again);
    LIST_EACH(node, &w->held)
    {
        if (LIST_OBJECT(node, struct session, link.held_node)->identity.pair == pair) {
            list_remove(node);
            list_push_back(&again, node);
        }
    }
    for (struct list *node = list_first(&again); node != NULL; node = list_first(&again)) {
        struct session *s = LIST_OBJECT(node, struct session, link.held_node);
        const uint64_t since_us = s->link.wait_since_us;
        link_unhold(s);
        session_wake(s);
        if (s->link.is_held) {
            link_waited_since(s, since_us); /* in all */
        }
    }
}
