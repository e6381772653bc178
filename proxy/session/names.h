/* names.h — the client's names of prepared statements, while the server has not agreed yet.
 *
 * A Parse or a Close of a name takes effect here as soon as it is taken on, because what follows in
 * its batch counts on it. If an error before it makes the server skip it, it is taken back: each
 * change that is not answered yet stands in a queue, with what the name meant before. Only one
 * batch at a time may have such changes (place.c), so an error that skips one skips all of them. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_SESSION_NAMES_H
#define TEAL_SESSION_NAMES_H

#include "base/list.h"
#include "session/statement.h"

struct names {
    struct statement_table *statements; /* borrowed: the worker's */
    struct map by_name;                 /* name -> struct statement, shared (ref) */
    struct list changes;                /* of names.c: not answered yet, the oldest first */
    bool skipped; /* an error made the server skip changes: they are to be taken back */
};

/* The tag of a flow entry that Teal answers, when a change of a name stands behind it. */
#define NAMES_TAG UINT64_C(1)

void names_init(struct names *n, struct statement_table *statements);
void names_fini(struct names *n);
size_t names_count(const struct names *n);
/* NULL when the session has no such name. Borrowed. */
const struct statement *names_get(const struct names *n, struct slice name);
/* The name means this from now on (the reference is taken over), or nothing (NULL). */
void names_change(struct names *n, struct slice name, struct statement *statement);
/* The oldest change that was not answered is good. */
void names_answered(struct names *n);
/* None of those that were not answered took place. */
void names_take_back(struct names *n);
/* Forgets a name at once. */
void names_forget(struct names *n, struct slice name);
/* Forgets all names, or only how to take back changes. */
void names_forget_all(struct names *n);
void names_forget_changes(struct names *n);

#endif
