/* copy.c — COPY data, and messages that go on unread. See copy.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "session/query/copy.h"

#include "session/client/client.h"
#include "session/query/server.h"

size_t
copy_pass(struct session *s, const struct message *m)
{
    CHECK(s->client.pass_left == 0);
    server_pass(s, m->frame.seen);
    client_pass(s, m->frame.total - m->frame.seen.len, false);
    return m->frame.seen.len;
}

size_t
copy_discard(struct session *s, const struct message *m)
{
    client_pass(s, m->frame.total - m->frame.seen.len, true);
    return m->frame.seen.len;
}

size_t
copy_data(struct session *s, const struct message *m)
{
    return s->link.backend == NULL ? copy_discard(s, m) : copy_pass(s, m);
}

size_t
copy_end(struct session *s, const struct message *m)
{
    if (s->link.backend == NULL) {
        return copy_discard(s, m);
    }
    flow_copy_done(&s->link.backend->flow);
    return copy_pass(s, m);
}
