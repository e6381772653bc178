/* names.h — the client's names of prepared statements, while the server has not agreed yet.
 *
 * A Parse or a Close takes effect here as soon as it is processed, because what follows in its
 * batch counts on it. If an error before it makes the server skip it, it is undone: each change
 * that is not answered yet stands in a queue, with what the name meant before. The entry in the
 * flow of the message that is answered or skipped tells how many changes it stands for
 * (flow_tag.changes), so changes leave the queue in the order in which they came into it.
 *
 * The unnamed statement is a name like the others, the empty one; but the server has one only,
 * which another session may have replaced. So what the server is left with is remembered as well:
 * the id of the statement that stood unnamed on the backend before the change. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_SESSION_PREPARED_NAMES_H
#define TEAL_SESSION_PREPARED_NAMES_H

#include "session/prepared/statement.h"

struct name_change {
    char *name; /* owned; NULL: the unnamed statement */
    size_t name_len;
    struct statement *before; /* shared (ref); NULL for none */
    uint64_t at_server;       /* of the unnamed statement: the backend's before; 0 for none */
};

enum { NAMES_INLINE_CHANGES = 2 };

struct names {
    struct statement_table *statements; /* borrowed: the worker's */
    struct map by_name;                 /* name -> struct statement, shared (ref) */
    struct statement *unnamed;          /* shared (ref); NULL for none */
    /* Not answered yet: a ring, the oldest at head. */
    struct name_change inline_changes[NAMES_INLINE_CHANGES];
    struct name_change *changes; /* inline_changes, or owned memory after growth */
    uint32_t size;               /* a power of two */
    uint32_t head;
    uint32_t count;
    uint32_t unnamed_count; /* those of the unnamed statement */
};

void names_init(struct names *n, struct statement_table *statements);
void names_fini(struct names *n);
/* Named statements. */
size_t names_count(const struct names *n);
/* NULL when the session has no such name; the empty one is the unnamed statement. Borrowed. */
const struct statement *names_get(const struct names *n, struct slice name);
/* The name that the session has for the statement of this id; the empty slice for none. A walk: for
 * error texts only. */
struct slice names_of(const struct names *n, uint64_t id);

/* The name means this from now on (the reference is taken over), or nothing (NULL). at_server as in
 * struct name_change; 0 for a named statement. */
void names_change(struct names *n, struct slice name, struct statement *statement,
                  uint64_t at_server);
/* The oldest change took place; nothing when there is none. */
void names_answered(struct names *n);
/* The oldest change did not take place. True when the backend is left with the unnamed statement
 * *at_server because of that. */
bool names_undo(struct names *n, uint64_t *at_server);
/* The oldest change is of a Parse that failed by itself: what the name meant before is gone too. */
void names_failed(struct names *n);
/* None of those that were not answered took place. */
void names_undo_all(struct names *n);
/* All of them took place. */
void names_settle(struct names *n);
/* Forgets all names but the unnamed statement: DEALLOCATE ALL. */
void names_forget_all(struct names *n);

#endif
