/* server.c — messages on their way to the session's backend. See server.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "session/query/server.h"

#include "session/query/replay.h"
#include "wire/message.h"

void
server_pass(struct session *s, struct slice bytes)
{
    CHECK(s->link.backend != NULL);
    outlet_pass(&s->link.backend->out, bytes);
}

struct buf *
server_queue(struct session *s)
{
    return outlet_queue(&s->link.backend->out);
}

bool
server_skips(const struct session *s)
{
    return s->link.backend->flow.skipping;
}

void
server_owe(struct session *s, enum flow_kind kind, enum flow_action action, struct flow_tag tag)
{
    /* assign_admit has seen to it that there is room. */
    const bool pushed = flow_push(&s->link.backend->flow, kind, action, tag);
    CHECK(pushed);
    if (kind == FLOW_PARSE && action != FLOW_LOCAL) {
        stat_add(&s->stats->server_parses, 1);
    }
    server_answer_local(s);
}

void
server_answer_local(struct session *s)
{
    static const uint8_t types[FLOW_KINDS_COUNT] = {[FLOW_PARSE] = '1', [FLOW_CLOSE] = '3'};
    struct flow_entry entry;
    if (s->reply.left > 0) {
        return; /* the client has had half of a message: behind its end */
    }
    while (flow_take_local(&s->link.backend->flow, &entry)) {
        CHECK(types[entry.kind] != 0);
        for (uint8_t i = 0; i < entry.tag.changes; i++) {
            names_answered(&s->prepared.names);
        }
        message_put_simple(replay_answers(s), types[entry.kind]);
    }
}

bool
server_is_full(const struct session *s)
{
    return s->link.backend != NULL && outlet_len(&s->link.backend->out) > SESSION_QUEUE_HIGH;
}

bool
server_send(struct session *s)
{
    size_t sent;
    struct backend *b = s->link.backend;
    if (b == NULL || outlet_is_empty(&b->out)) {
        return false;
    }
    const bool was_full = server_is_full(s);
    (void)outlet_send(&b->out, &b->stream, &sent);
    return was_full && !server_is_full(s);
}
