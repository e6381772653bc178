/* authenticate.h — a client proves who it is: for the files of the session layer only.
 *
 *      begin -> LOOKING -> ASKED -> CHECKING -> SESSION_LOGIN, or session_fail
 *                            ^---------'  one more answer is needed
 *
 * LOOKING finds what is known of the user, ASKED waits for the client's answer, CHECKING looks at
 * it. A method (a row of the table in authenticate.c) says what is asked and what an answer does. A
 * login succeeds in one place, login_succeed, and fails in one, login_fail.
 *
 * Three steps may take longer than a turn, and then the session stays in SESSION_AUTH while its
 * input waits in client.in:
 *   - LOOKING, while the user is asked for (auth_query.h);
 *   - CHECKING, while keys are derived from a plain password (key_derivation.h). With SCRAM the
 *     client's answer stays in the input, and is processed again when they are there;
 *   - CHECKING, while a bad password waits for its error (auth/throttle.h).
 * A callback does nothing to a session that is over, and ends with session_wake. What such a step
 * holds is given back in authenticate_fini.
 */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_SESSION_LOGIN_AUTHENTICATE_H
#define TEAL_SESSION_LOGIN_AUTHENTICATE_H

#include "auth/md5.h"
#include "auth/scram_server.h"
#include "auth/users.h"
#include "pool/access.h"
#include "pool/key_derivation.h"
#include "session/login/auth_query.h"
#include "session/state/session.h"

struct auth_method;

enum auth_step {
    AUTH_LOOKING,  /* what is known of the user is not there yet */
    AUTH_ASKED,    /* the client's answer is awaited */
    AUTH_CHECKING, /* the outcome of an answer is not there yet */
};

/* What a login needs until it is decided; owned by its session. */
struct auth_attempt {
    const struct auth_method *method; /* a row of the table */
    const struct hba_row *row;        /* borrowed from access; NULL without a file of rows */
    enum auth_step step;
    struct access *access;   /* shared (ref): what held when it began */
    struct users *found;     /* shared (ref): by auth_query; NULL when it was not asked */
    const struct user *user; /* borrowed from access or found; NULL when nobody knows the name */
    struct auth_query_waiter waiter; /* while it waits for that */
    struct session *session;         /* borrowed: its own */
    bool answer_is_late;             /* it comes by a callback, outside of the session's turn */
    struct scram_server scram;
    bool scram_first_seen;
    struct key_request *keys;   /* owned by the key derivation; NULL when none is under way */
    bool keys_asked;            /* once is enough */
    uint8_t salt[MD5_SALT_LEN]; /* of md5 */
    struct timer *delay;        /* owned: until a bad password is answered; NULL for none */
    struct err failure;         /* what is then said */
};

/* The start-up packet has been taken: begins. Ends in SESSION_LOGIN at once when nothing is asked.
 */
void authenticate_begin(struct session *s);
/* Processes one message at the front of in; the number of bytes, 0 when more is needed or a step is
 * not done. */
size_t authenticate_consume(struct session *s, struct slice in);
/* It waits no more for what another finds out; and gives back what its attempt holds, wiped. Both
 * are harmless without an attempt. */
void authenticate_leave(struct session *s);
void authenticate_fini(struct session *s);

#endif
