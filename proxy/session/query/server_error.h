/* server_error.h — what an error of the server means for the session.
 *
 * Most errors go on as they are. A read that the follower refused is sent again; what Teal had the
 * server refuse is told in Teal's words; and a name that Teal gave a statement becomes the client's
 * own again. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_SESSION_QUERY_SERVER_ERROR_H
#define TEAL_SESSION_QUERY_SERVER_ERROR_H

#include "session/state/session.h"
#include "wire/frame.h"

enum server_error {
    SERVER_ERROR_GOES_ON,
    SERVER_ERROR_IS_FATAL,   /* it goes on, and the server closes behind it */
    SERVER_ERROR_IS_HANDLED, /* the client does not get it */
};

enum server_error server_error_take(struct session *s, const struct frame *f,
                                    const struct flow_verdict *verdict);
/* Queues the error for the client with its own names in it. False when there are none to be put
 * back: then it goes on as it is. */
bool server_error_rewrite(struct session *s, const struct frame *f, const struct flow_entry *entry);

#endif
