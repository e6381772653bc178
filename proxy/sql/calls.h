/* calls.h — what a name before "(" means: a construct of the grammar, a definition (a type with its
 * modifier, an alias or a CTE with its columns), or a call, which may deny that a query is a read.
 */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_SQL_CALLS_H
#define TEAL_SQL_CALLS_H

#include "sql/statement.h"

/* At "(", before the walk has counted it. */
void call_open(struct sql_statement *s);
/* At every token while a call of set_config is watched; before the walk has counted it. */
void call_token(struct sql_statement *s, const struct token *t);

#endif
