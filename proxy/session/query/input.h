/* input.h — a message of the client that is being processed, and those that go on unread. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_SESSION_QUERY_INPUT_H
#define TEAL_SESSION_QUERY_INPUT_H

#include "session/state/session.h"
#include "wire/frame.h"

/* Decoded once, for all who look at it. */
struct input {
    struct frame frame;
    struct slice all;   /* from its first byte on: all that has arrived; borrowed */
    bool is_classified; /* traits are of its text */
    struct sql_traits traits;
};

/* The message goes to the server as it is, now and as the rest of it arrives. */
size_t input_pass(struct session *s, const struct input *m);
/* The message is discarded, now and as the rest of it arrives. */
size_t input_discard(struct session *s, const struct input *m);

/* CopyData, and CopyDone or CopyFail. Where they would have no effect they do not come here. */
size_t input_copy_data(struct session *s, const struct input *m);
size_t input_copy_end(struct session *s, const struct input *m);

#endif
