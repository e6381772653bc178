/* input.c — messages of the client that go on unread. See input.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "session/query/input.h"

#include "session/client/client.h"
#include "session/query/server.h"

size_t
input_pass(struct session *s, const struct input *m)
{
    CHECK(s->client.pass_left == 0);
    server_pass(s, m->frame.seen);
    client_pass(s, m->frame.total - m->frame.seen.len, false);
    return m->frame.seen.len;
}

size_t
input_discard(struct session *s, const struct input *m)
{
    CHECK(s->client.pass_left == 0);
    client_pass(s, m->frame.total - m->frame.seen.len, true);
    return m->frame.seen.len;
}

size_t
input_copy_data(struct session *s, const struct input *m)
{
    return input_pass(s, m);
}

size_t
input_copy_end(struct session *s, const struct input *m)
{
    flow_copy_done(&s->link.backend->flow);
    return input_pass(s, m);
}
