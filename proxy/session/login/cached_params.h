/* cached_params.h — what logins were told, for the next ones like them.
 *
 * By user, database and settings: a login that is like an earlier one needs no backend. What is
 * remembered is the server's own answer, so it is forgotten when the server may be another one. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_SESSION_LOGIN_CACHED_PARAMS_H
#define TEAL_SESSION_LOGIN_CACHED_PARAMS_H

#include "session/state/session.h"

/* NULL when no login like this one is remembered. Borrowed. */
struct params *cached_params_find(const struct session *s);
/* This is what a login like this one is told. */
void cached_params_remember(struct session *s);
void cached_params_forget(struct worker *w);

#endif
