/* held.c — sessions that wait for the release of writes. See held.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "session/link/held.h"

#include "session/link/link.h"

/* A session that waits for a backend of the side that is held now would begin something new when
 * its turn came. */
static void
hold_waiters(const struct view *view, struct list *sessions)
{
    LIST_EACH(node, sessions)
    {
        struct session *s = LIST_OBJECT(node, struct session, node);
        if (s->link.waiter.pool == NULL || s->identity.pair != view->pair) {
            continue;
        }
        const struct pool_key *key = pool_key_of(s->link.waiter.pool);
        if (view->paused || (key->node.side == view->writer && !key->read_only)) {
            link_stop_waiting(s);
            link_hold(s, s->link.wait_since_us);
        }
    }
}

void
held_begin(struct worker *w, uint32_t pair)
{
    const struct view *view = w->pairs[pair].view;
    CHECK(view->writes_held || view->paused);
    hold_waiters(view, &w->arriving);
    hold_waiters(view, &w->sessions);
}

static void
leave_dead(struct list *sessions, uint32_t pair, enum side side)
{
    LIST_EACH(node, sessions)
    {
        struct session *s = LIST_OBJECT(node, struct session, node);
        const struct pool *pool = s->link.waiter.pool;
        if (pool != NULL && s->identity.pair == pair && pool_key_of(pool)->node.side == side &&
            pool_key_of(pool)->read_only) {
            link_stop_waiting(s);
            session_wake(s);
        }
    }
}

void
held_leave_dead(struct worker *w, uint32_t pair, enum side side)
{
    leave_dead(&w->arriving, pair, side);
    leave_dead(&w->sessions, pair, side);
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
