/* names.h — the client's names of prepared statements, while the server has not agreed yet.
 *
 * A Parse or a Close of a name takes effect here as soon as it is taken on, because what follows in
 * its batch counts on it. If an error before it makes the server skip it, it is taken back: each
 * change that is not answered yet stands in a queue, with what the name meant before. Only one
 * batch at a time may have such changes (place.c), so an error that skips one skips all of them. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_SESSION_NAMES_H
#define TEAL_SESSION_NAMES_H

#include "base/slice.h"

struct session;
struct statement;

/* The tag of a flow entry that Teal answers, when a change of a name stands behind it. */
#define NAMES_TAG UINT64_C(1)

/* NULL when the session has no such name. Borrowed. */
const struct statement *names_get(const struct session *s, struct slice name);
/* The name means this from now on (the reference is taken over), or nothing (NULL). */
void names_change(struct session *s, struct slice name, struct statement *statement);
/* The oldest change that was not answered is good. */
void names_answered(struct session *s);
/* None of those that were not answered took place. */
void names_take_back(struct session *s);
/* Forgets a name at once. */
void names_forget(struct session *s, struct slice name);
/* Forgets all names, or only how to take back changes. */
void names_forget_all(struct session *s);
void names_forget_changes(struct session *s);

#endif
