/* admission.h — which clients may come in: limits by address, by user and by database, and of
 * those that log in.
 *
 * max_client_conn is in startup.c. Over a limit a client is told (53300), and has ended.
 */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_SESSION_LOGIN_ADMISSION_H
#define TEAL_SESSION_LOGIN_ADMISSION_H

#include "session/state/session.h"

/* A new connection. False when it was refused, and has ended. */
MUST_CHECK bool admission_arrive(struct session *s);
/* It has proved who it is. False when it was refused, and has ended. */
MUST_CHECK bool admission_login(struct session *s);
/* It is counted no more; harmless when it is not. */
void admission_leave(struct session *s);

#endif
