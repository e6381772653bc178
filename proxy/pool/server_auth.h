/* server_auth.h — the proof towards a server that Teal may log in as a user.
 *
 * Bytes in, bytes out: the body of an authentication request, and what is to be sent in answer.
 * SCRAM-SHA-256 with and without channel binding, md5, and the password itself where nobody else
 * can read it. What a server asks for is checked as strictly as what a client sends: a SCRAM
 * message out of turn, or an AuthenticationOk without the server's own proof, is an error.
 *
 * SQLSTATE_PROTOCOL says that the server broke the protocol; any other that this login cannot work,
 * now or later. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_POOL_SERVER_AUTH_H
#define TEAL_POOL_SERVER_AUTH_H

#include "auth/scram_client.h"
#include "auth/users.h"

/* Of one login; a zeroed struct is one at its begin. */
struct server_auth {
    struct scram_client scram; /* secret */
    bool scram_started;
    bool scram_verified; /* the server has proved that it knows the secret */
};

/* What the answers depend on; all borrowed for the call. */
struct server_auth_facts {
    const char *server;      /* its name in errors */
    const char *user_name;   /* the user that logs in */
    const struct user *user; /* NULL: nothing is known of them */
    struct slice binding;    /* the connection's binding data; empty without TLS */
    enum channel_binding use;
    bool is_private; /* nobody but the server can read what is sent */
};

/* The answer to an authentication request is appended to out; there is none to AuthenticationOk,
 * and none to the end of SCRAM. False with err. */
MUST_CHECK bool server_auth_answer(struct server_auth *a, const struct server_auth_facts *facts,
                                   struct slice body, struct buf *out, struct err *err);
/* Before server_auth_answer: whether keys must be derived that are not in the user's cache. Once
 * they are there it takes no time. */
bool server_auth_needs_keys(const struct server_auth *a, const struct server_auth_facts *facts,
                            struct slice body, struct scram_need *need);
/* Wipes it. */
void server_auth_fini(struct server_auth *a);

#endif
