/* http.h — one GET of a small document, by a loop.
 *
 * Each question has a connection of its own, to an address that is known: a name would be resolved
 * while the loop waits. What is too long, too late or no HTTP is an error. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_NET_HTTP_H
#define TEAL_NET_HTTP_H

#include <stdint.h>

#include "base/slice.h"
#include "net/address.h"

struct http_get;
struct loop;

enum { HTTP_BODY_MAX = 64 * 1024 };

/* Once, from the loop: the status and the document (borrowed for the call), or why there is none.
 * The question is gone. */
typedef void http_done_fn(void *arg, int status, struct slice body, const struct err *err);

/* What is asked; borrowed for the call. */
struct http_question {
    const struct address *address;
    const char *name; /* what the address was found by, for the Host header */
    const char *path;
    uint64_t timeout_us;
};

/* Never calls done from within. */
struct http_get *http_get_start(struct loop *loop, const struct http_question *question,
                                http_done_fn *done, void *arg);
/* done is not called any more. Not after it was. NULL is fine. */
void http_get_cancel(struct http_get *get);

#endif
