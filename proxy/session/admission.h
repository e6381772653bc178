/* admission.h — who may come in: limits by address, by user and by database, and of those who log
 * in.
 *
 * max_client_conn is not here: see login.c. Over a limit a client is told (53300), and closed. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_SESSION_ADMISSION_H
#define TEAL_SESSION_ADMISSION_H

#include <stdbool.h>

#include "base/check.h"

struct session;

/* A new connection. False when it was refused, and closed. */
MUST_CHECK bool admission_arrive(struct session *s);
/* It has proved who it is. False when it was refused, and closed. */
MUST_CHECK bool admission_login(struct session *s);
/* It is counted no more. */
void admission_leave(struct session *s);

#endif
