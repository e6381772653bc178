/* frontend.c — what a client asks for, message by message. See frontend.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "session/query/frontend.h"

#include "session/client/client.h"
#include "session/client/messages.h"
#include "session/query/assign.h"
#include "session/query/cycle.h"
#include "session/query/extended.h"
#include "session/query/input.h"
#include "session/query/server.h"
#include "session/query/simple.h"
#include "wire/message.h"

typedef size_t message_fn(struct session *s, const struct input *m);

static message_fn on_terminate;

static message_fn *const handlers[MESSAGE_TYPES] = {
    ['Q'] = simple_query,    ['F'] = simple_function,

    ['P'] = extended_parse,  ['B'] = extended_bind,    ['D'] = extended_describe,
    ['C'] = extended_close,  ['E'] = extended_execute, ['S'] = extended_sync,
    ['H'] = extended_flush,

    ['d'] = input_copy_data, ['c'] = input_copy_end,   ['f'] = input_copy_end,

    ['X'] = on_terminate,
};

static size_t
on_terminate(struct session *s, const struct input *m)
{
    const struct backend *b = s->link.backend;
    if (b == NULL || flow_empty(&b->flow)) {
        session_fail(s, NULL);
        return m->frame.seen.len;
    }
    if (s->cycle.in_batch || b->flow.copy_in) {
        /* Nothing will make the server answer all that it owes: it is told to undo it and go. */
        message_put_simple(server_queue(s), 'X');
    }
    session_enter(s, SESSION_EV_LEAVES);
    return m->frame.seen.len;
}

/* The next bytes of a long message. */
static size_t
pass_on(struct session *s, struct slice in)
{
    const struct client *c = &s->client;
    const size_t here = in.len < c->pass_left ? in.len : (size_t)c->pass_left;
    if (s->link.backend == NULL) {
        client_discard_rest(s);
    }
    if (!c->pass_is_discarded) {
        server_pass(s, slice_of(in.p, here));
    }
    client_passed(s, here);
    return here;
}

/* COPY data and a Flush are not answered: when nothing is owed they have no effect, and no backend
 * is busy with them. */
static bool
has_no_effect(const struct session *s, const struct frame *f)
{
    const bool is_flush = f->type == 'H' && f->total == WIRE_HEADER_LEN;
    return (f->type == 'd' || f->type == 'c' || f->type == 'f' || is_flush) && cycle_is_idle(s);
}

/* What was asked for in good order is answered first, as PostgreSQL does it: the bad message waits.
 */
static bool
answers_come_first(const struct session *s)
{
    const struct backend *b = s->link.backend;
    return b != NULL && !flow_empty(&b->flow) && !s->cycle.in_batch && !b->flow.copy_in;
}

size_t
frontend_consume(struct session *s, struct slice in)
{
    struct input m = {.all = in};
    if (s->client.pass_left > 0) {
        return pass_on(s, in);
    }
    switch (message_read(s, in, &m.frame)) {
    case WIRE_MORE:
        return 0;
    case WIRE_BAD:
        if (!answers_come_first(s)) {
            message_refuse(s, in);
        }
        return 0;
    case WIRE_OK:
        break;
    }
    if (!message_suffices(s, &m.frame)) {
        return 0;
    }
    if (has_no_effect(s, &m.frame)) {
        return input_discard(s, &m);
    }
    CHECK(handlers[m.frame.type] != NULL); /* messages.c knows the same types */
    return assign_admit(s, &m) ? handlers[m.frame.type](s, &m) : 0;
}
