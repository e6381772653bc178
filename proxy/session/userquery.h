/* userquery.h — users that are in no file: their secrets are asked of the servers (auth_query).
 *
 * A name that the users file does not have is looked up by one query, over one private connection
 * of the worker that no client's setting ever reaches (CVE-2025-12819): it logs in as auth_user,
 * with fixed settings, read-only, to the writer's side or to whichever is up. Who asks for a name
 * that is being asked for waits for the same answer. Answers, also "nobody", are kept for
 * auth_query_ttl, and forgotten on a reload.
 *
 * What is found is the secret of that user and of nobody else: the client still has to prove
 * itself, and its backends log in as the user, never as auth_user (CVE-2015-6817). A role without a
 * password, or past its VALID UNTIL, is found without a secret, which no method accepts.
 *
 * Belongs to the worker's thread. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_SESSION_USERQUERY_H
#define TEAL_SESSION_USERQUERY_H

#include <stdbool.h>

struct session;
struct userquery;
struct worker;

struct userquery *userquery_new(struct worker *w);
/* Who waits must have gone. NULL is fine. */
void userquery_free(struct userquery *q);
/* Whether names are asked for at all. */
bool userquery_is_on(const struct userquery *q);
/* Ends in authenticate_found, at once or later; in authenticate_fail when the servers cannot be
 * asked. */
void userquery_find(struct userquery *q, struct session *s);
/* The session does not wait any more; harmless when it does not. */
void userquery_leave(struct session *s);
/* The configuration has changed: what was found is forgotten, what is asked for is asked again. */
void userquery_reset(struct userquery *q);

#endif
