/* deadlines.h — sessions that take too long over something, looked for a few times a second. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_SESSION_DEADLINES_H
#define TEAL_SESSION_DEADLINES_H

struct worker;

/* Ends what is over the time-outs of a login, of a wait and of a session. */
void deadlines_check(struct worker *w);

#endif
