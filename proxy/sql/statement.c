/* statement.c — one SQL statement as far as the classifier has read it. See statement.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "sql/statement.h"

void
sql_statement_deny(struct sql_statement *s, const char *why, struct slice where)
{
    CHECK(why != NULL);
    if (s->denied_why == NULL) {
        s->denied_why = why;
        s->denied_where = where;
    }
}
