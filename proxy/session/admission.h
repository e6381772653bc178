/* admission.h — who may come in: limits by address, by user and by database, and of those who log
 * in.
 *
 * What every session calls, admission_arrive and admission_leave, stands in session.h.
 * max_client_conn is not here: see login.c. Over a limit a client is told (53300), and closed. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_SESSION_ADMISSION_H
#define TEAL_SESSION_ADMISSION_H

#include <stdbool.h>

#include "base/check.h"

struct session;

/* It has proved who it is. False when it was refused, and closed. */
MUST_CHECK bool admission_login(struct session *s);

#endif
