/* kinds.h — the kinds of statements: what each is by its first word, and what its further tokens
 * say.
 *
 * A query is a read until a token denies it: a verb that changes data (which finds a CTE that
 * writes at any depth), INTO, a row lock, or a call (calls.h). Everything that is not a query is a
 * write unless its row says otherwise. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_SQL_KINDS_H
#define TEAL_SQL_KINDS_H

#include "sql/statement.h"

/* The next token will be the first of the statement: from then on s->on_token reads it, and is the
 * function of the kind that the statement has by then. */
void kind_start(struct sql_statement *s);

#endif
