/* statement.h — prepared statements by text: one object for all sessions of a worker that prepared
 * the same.
 *
 * A client's name for a statement means nothing to a pooled backend, so Teal gives each distinct
 * statement (text and parameter types) a number, prepares it on whatever backend needs it under a
 * name made of the number, and keeps the client's names in the session. A statement carries what
 * the classifier found, so executing it again costs no look at its text. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_SESSION_PREPARED_STATEMENT_H
#define TEAL_SESSION_PREPARED_STATEMENT_H

#include "base/map.h"
#include "sql/classify.h"

struct statement {
    uint64_t id; /* unique over all workers, never used again */
    uint32_t refs;
    enum sql_class class;
    uint32_t pins;
    enum sql_special special;
    bool lifts_read_only;
    bool may_be_tracked; /* its only pin is a SET that tracked_settings.c may be able to track */
    bool is_opaque;      /* too long to be kept: only the backend that it was sent to has it */
    char *key;           /* owned: types, then text; what makes it distinct */
    size_t types_len;
    size_t text_len;
};

struct statement_table {
    struct map by_key; /* -> struct statement, borrowed: each lives by its references */
    uint64_t next_id;
};

void statement_table_init(struct statement_table *t, uint32_t worker);
void statement_table_fini(struct statement_table *t);
/* The statement of this text and these types, with one reference for the caller. */
struct statement *statement_intern(struct statement_table *t, struct slice text, struct slice types,
                                   const struct sql_extra *extra);
/* A statement of its own, which holds no text: for one that was sent on unread. */
struct statement *statement_opaque(struct statement_table *t);
void statement_unref(struct statement_table *t, struct statement *s);
struct slice statement_text(const struct statement *s);
struct slice statement_types(const struct statement *s);

#endif
