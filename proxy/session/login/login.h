/* login.h — from the proof of who a client is to its first ReadyForQuery.
 *
 * What a client is told at login (ParameterStatus) comes from a real backend with the client's own
 * settings applied, so that a bad setting is refused here, with the server's words, and the values
 * shown are the server's. The answer is remembered (cached_params.h): the next login like it needs
 * no backend, so it does not wait while writes are held. A replication connection gets the backend
 * that it will keep. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_SESSION_LOGIN_LOGIN_H
#define TEAL_SESSION_LOGIN_LOGIN_H

#include "session/state/session.h"

/* As far as the login can come now. True when it is done, and input may be processed. */
bool login_settle(struct session *s);

#endif
