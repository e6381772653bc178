/* assign.c — may this message be processed now, and by which backend? See assign.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "session/query/assign.h"

#include "session/link/link.h"
#include "session/link/tracked_settings.h"
#include "session/query/cycle.h"
#include "session/query/prepared.h"
#include "session/query/replay.h"
#include "session/query/server.h"

/* Room in the flow for what one message can leave there: its own entry and the preparations ahead
 * of it. */
enum { ENTRIES_PER_MESSAGE = 8 };

/* The writer is held, or all is paused: a session that sits there begins nothing new. */
static bool
backend_is_held(const struct session *s)
{
    const struct view *view = session_view(s);
    return s->database->facts.paused || (view->writes_held && link_side(s) == view->writer);
}

/* Its backend could write, on a side that is not the writer any more. */
static bool
backend_is_left_behind(const struct session *s)
{
    const struct view *view = session_view(s);
    const struct pool_key *key = pool_key_of(s->link.backend->pool);
    return view->writes_known && !key->read_only && key->node.side != view->writer;
}

/* Another cycle behind one that is not answered yet. */
static bool
may_pipeline(const struct session *s)
{
    return !s->link.decision.read_only && !backend_is_held(s) && !tracked_is_changing(s) &&
           !prepared_is_changing(s);
}

/* A pinned session between two transactions. */
static bool
begin_on_kept_backend(struct session *s)
{
    if (backend_is_held(s)) {
        link_hold(s, loop_now_us(s->worker->loop));
        return false;
    }
    if (backend_is_left_behind(s)) {
        link_left_behind(s);
        return false;
    }
    link_begin_transaction(s);
    return true;
}

static bool
admit_linked(struct session *s)
{
    const struct flow *f = &s->link.backend->flow;
    if (s->replay.is_pending || s->link.is_held || server_is_full(s)) {
        return false;
    }
    if (!flow_has_room(f, ENTRIES_PER_MESSAGE)) {
        if (s->cycle.in_batch && !f->copy_in) {
            prepared_ask_for_answers(s); /* else the server keeps them back until a Sync */
        }
        return false;
    }
    if (s->cycle.in_batch || f->copy_in || f->skipping) {
        return true;
    }
    if (!flow_empty(f)) {
        return !s->cycle.is_sent || may_pipeline(s);
    }
    if (s->cycle.is_open && s->cycle.is_sent) {
        return false; /* it is answered: its end comes first (settle.h) */
    }
    return s->link.is_busy || f->txn != 'I' || begin_on_kept_backend(s);
}

/* It keeps its backend for the session, as pool_mode says, and nothing holds it there. */
static bool
may_leave_backend(const struct session *s)
{
    return !s->link.is_busy && s->pins == SQL_PIN_NONE && !s->link.is_held &&
           backend_is_left_behind(s);
}

static bool
find_backend(struct session *s, struct input *m)
{
    enum sql_class class;
    const uint8_t type = m->frame.type;
    if (s->link.backend != NULL && may_leave_backend(s)) {
        link_give_back(s);
    }
    if (s->link.backend != NULL) {
        return type == 'X' || admit_linked(s);
    }
    if (link_waits(s)) {
        return false;
    }
    if (type == 'X') {
        return true; /* it needs none */
    }
    return batch_classify(s, m, &class) && link_seek(s, class);
}

bool
assign_admit(struct session *s, struct input *m)
{
    if (!find_backend(s, m)) {
        return false;
    }
    if (s->link.backend == NULL) {
        return true;
    }
    CHECK(session_is_open(s) && !link_waits(s));
    cycle_begin_message(s);
    if (link_take_fresh(s)) {
        replay_arm(s);
    }
    return true;
}
