/* opening.h — from connect to the first ReadyForQuery of a backend.
 *
 * An opening is a machine that belongs to its backend from backend_open on until it is over. Each
 * call moves it as far as what has arrived allows and returns what happened; the pool
 * decides what that means for those who wait.
 *
 *      opening_begin --> CONNECTING --> [NEGOTIATING -->] LOGIN --> OPENING_DONE
 *                             \               \             \
 *                              +---------------+-------------+--> OPENING_FAILED, and why
 *
 * The state is the backend's, and the opening is the one that changes it until the end. After
 * DONE and FAILED the opening must be freed and nothing else. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_POOL_OPENING_H
#define TEAL_POOL_OPENING_H

#include "base/err.h"
#include "net/loop.h"
#include "pool/key.h"

struct backend;
struct opening;

enum opening_step { OPENING_GOES_ON, OPENING_DONE, OPENING_FAILED };

/* What is to be expected of another attempt. */
enum opening_failure_kind {
    /* No connection, no answer, one that breaks the protocol; or the server says that it starts or
     * stops (57P01 to 57P03). It may pass by itself. */
    OPENING_UNREACHABLE,
    /* The server answers and has no room: too many connections (53300), out of memory, and what
     * else is not wrong with this login. It may pass when others leave. */
    OPENING_REFUSED,
    /* This login does not work: a wrong password, no such database, no TLS. Somebody must act. */
    OPENING_IMPOSSIBLE,
    /* sslmode allow: the server refuses a plain login, so the next attempt is with TLS. */
    OPENING_NEEDS_TLS,
};

struct opening_failure {
    enum opening_failure_kind kind;
    bool in_server_words; /* err is what the server has said, as against what Teal makes of it */
    struct err err;
};

/* How a backend is opened. */
struct opening_plan {
    const struct pool_key *key; /* borrowed for as long as the opening is */
    bool tls;
    watch_fn *ready; /* the callback of the backend's stream from the beginning on */
    /* The opening has waited for keys and can go on: to be answered by opening_resume. */
    void (*wake)(struct backend *b);
};

/* Begins to connect b, which must have no opening and no stream. GOES_ON or FAILED. */
enum opening_step opening_begin(struct backend *b, const struct opening_plan *plan,
                                struct opening_failure *failure);
/* The backend's stream is ready. failure is set with FAILED only, here and below. */
enum opening_step opening_ready(struct opening *o, unsigned ready, struct opening_failure *failure);
/* After wake. */
enum opening_step opening_resume(struct opening *o, struct opening_failure *failure);
/* wake is not called any more. NULL is fine. */
void opening_free(struct opening *o);

#endif
