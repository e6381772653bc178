/* auth_query.h — users that are in no file: their secrets are asked of the servers (auth_query).
 *
 * A name that the users file does not have is looked up by one query, over one private connection
 * of the worker that no client's setting ever reaches (CVE-2025-12819): it logs in as auth_user,
 * with fixed settings, read-only, to the writer's side or to whichever is up, at the address that
 * the view has for it. Clients that ask for the same name wait for the same answer. Answers, also
 * "nobody", are kept for auth_query_ttl, and forgotten on a reload.
 *
 * What is found is the secret of that user and of nobody else: the client still has to prove
 * itself, and its backends log in as the user, never as auth_user (CVE-2015-6817). A role without a
 * password, or past its VALID UNTIL, is found without a secret, which no method accepts.
 *
 * Belongs to the worker's thread. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_SESSION_LOGIN_AUTH_QUERY_H
#define TEAL_SESSION_LOGIN_AUTH_QUERY_H

#include <stdbool.h>

#include "auth/users.h"
#include "base/err.h"
#include "base/list.h"

struct auth_queries; /* of a worker */
struct worker;

/* One that asks. Begin with zeroes and a node of its own; done is called once, at once or later. */
struct auth_query_waiter {
    struct list node;
    bool waits;
    /* users: that one user, borrowed; NULL: nobody. With err the servers could not be asked. */
    void (*done)(struct auth_query_waiter *w, struct users *users, const struct err *err);
};

struct auth_queries *auth_queries_new(struct worker *w);
/* All waiters must have gone. NULL is fine. */
void auth_queries_free(struct auth_queries *all);
/* Whether names are asked for at all by clients of the database that they name so. */
bool auth_query_is_on(const struct auth_queries *all, const char *alias);
void auth_query_find(struct auth_queries *all, const char *alias, const char *name,
                     struct auth_query_waiter *waiter);
/* It waits no more; harmless when it does not. */
void auth_query_leave(struct auth_query_waiter *waiter);
/* The configuration has changed: what was found is forgotten, what is asked for is asked again. */
void auth_queries_reset(struct auth_queries *all);

#endif
