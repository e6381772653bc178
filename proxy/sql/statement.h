/* statement.h — one SQL statement as far as the classifier has read it.
 *
 * The walk (classify.c) takes a statement token by token and keeps the place: what stood before,
 * names, parentheses. The first word decides its kind (kinds.c), whose function looks at each
 * further token. A name before "(" may be a call (calls.c). Each part of the struct says which
 * file writes it; all of them write the verdict at the end. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_SQL_STATEMENT_H
#define TEAL_SQL_STATEMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "sql/functions.h"
#include "sql/lexer.h"
#include "sql/traits.h"

/* A name as far as it has been read: word, or schema.word, or longer. Its last part is the token
 * before the one at hand. */
struct name {
    uint32_t parts;
    enum token_kind before;      /* what stood before the first part */
    enum keyword before_keyword; /* the same, when it was a word */
    bool after_operand;          /* an operand ended there */
    bool unicode;                /* one part is U&"...": its spelling is not known */
    struct token first;          /* of several parts */
};

/* The call of set_config whose third argument is being watched. */
struct set_config {
    bool active;
    uint32_t depth; /* inside its parentheses */
    uint32_t argument;
    uint32_t tokens; /* of the argument so far */
};

struct sql_statement;
typedef void sql_token_fn(struct sql_statement *s, const struct token *t);

/* How a statement of some kind is read: see kinds.c. */
enum sql_kind {
    KIND_OTHER, /* nothing to look for but session state */
    KIND_START, /* no verb yet */
    KIND_QUERY,
    KIND_REST,      /* nothing that follows is executed: the options of COPY */
    KIND_EXPLAINED, /* the statement of EXPLAIN: planned only */
    KIND_EXPLAIN,
    KIND_COPY,
    KIND_SHOW,
    KIND_BEGIN,
    KIND_END,
    KIND_SET,
    KIND_RESET,
    KIND_PREPARE,
    KIND_DEALLOCATE,
    KIND_DISCARD,
    KIND_CREATE,
    KIND_DECLARE,
    KINDS_COUNT,
};

struct sql_statement {
    const struct sql_extra *extra; /* borrowed; may be NULL */

    /* The place, kept by the walk (classify.c). */
    struct token prev;
    enum keyword prev2_keyword; /* of the token before prev */
    struct name name;
    uint32_t depth;
    uint64_t operands; /* a bit for each of the 64 innermost parentheses: an operand ends with it */
    uint32_t count;    /* tokens since the verb, which is 0 */

    /* The kind (kinds.c), and what only some kinds keep. */
    enum sql_kind kind;
    sql_token_fn *on_token; /* of the kind */
    bool in_with;           /* between WITH and the query itself */
    uint32_t with_depth;    /* where that began */
    bool explained;         /* behind EXPLAIN ANALYZE */
    bool analyze;           /* EXPLAIN ANALYZE so far */
    bool options;           /* EXPLAIN: inside the parentheses of its options */
    bool done;              /* CREATE, DECLARE: no further token matters */
    bool read_only_seen;    /* BEGIN: READ ONLY */
    bool read_only_denied;  /* BEGIN: something that forbids a follower */

    /* Calls (calls.c). */
    struct set_config set_config;
    bool unknown; /* the query calls a function that is not known */
    struct slice unknown_where;

    /* The verdict so far. */
    enum sql_class class;
    uint32_t pins;
    enum sql_special special;
    struct slice special_name;
    bool lifts_read_only;
    const char *why;
    struct slice where;
    const char *denied_why; /* NULL, or why a query is no read */
    struct slice denied_where;
};

/* Notes why a query is no read; the first reason is kept. It means nothing for other kinds. */
void sql_statement_deny(struct sql_statement *s, const char *why, struct slice where);

#endif
