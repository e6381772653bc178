/* hint.h — what a comment at the head of a text asks for: teal: read, teal: write. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_SQL_HINT_H
#define TEAL_SQL_HINT_H

#include "sql/lexer.h"
#include "sql/traits.h"

/* The first hint among the leading comments; the lexer moves behind the comments that it reads. */
enum sql_hint sql_hint_find(struct lexer *lexer);

#endif
