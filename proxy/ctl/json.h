/* json.h — rows as JSON: an object a row, the values strings or null as the console gives them. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_CTL_JSON_H
#define TEAL_CTL_JSON_H

#include <libpq-fe.h>
#include <stdio.h>

/* {"column": "value", ...} */
void json_row(FILE *to, const PGresult *result, int row);

#endif
