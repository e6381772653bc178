/* pq_result.c — what a result of libpq holds. See pq_result.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "net/pq_result.h"

#include <ctype.h>
#include <errno.h>
#include <libpq-fe.h>
#include <stdlib.h>

int
pq_rows(const struct pq_result *r)
{
    return r->pg_result == NULL ? 0 : PQntuples(r->pg_result);
}

int
pq_columns(const struct pq_result *r)
{
    return r->pg_result == NULL ? 0 : PQnfields(r->pg_result);
}

const char *
pq_cell(const struct pq_result *r, int row, int column)
{
    if (row < 0 || row >= pq_rows(r) || column < 0 || column >= pq_columns(r)) {
        return NULL;
    }
    return PQgetisnull(r->pg_result, row, column) ? NULL : PQgetvalue(r->pg_result, row, column);
}

/* All of the text is one number in the base, without sign or blanks. */
static bool
parse_u64(const char *text, char **end, int base, uint64_t *out)
{
    *out = 0;
    if (isxdigit((unsigned char)text[0]) == 0) {
        return false;
    }
    errno = 0;
    const unsigned long long value = strtoull(text, end, base);
    if (errno != 0 || *end == text) {
        return false;
    }
    *out = value;
    return true;
}

bool
pq_cell_u64(const struct pq_result *r, int row, int column, uint64_t *out)
{
    *out = 0;
    const char *text = pq_cell(r, row, column);
    char *end = NULL;
    uint64_t value;
    if (text == NULL || !parse_u64(text, &end, 10, &value) || *end != '\0') {
        return false;
    }
    *out = value;
    return true;
}

bool
pq_cell_lsn(const struct pq_result *r, int row, int column, uint64_t *out)
{
    *out = 0;
    const char *text = pq_cell(r, row, column);
    char *end = NULL;
    uint64_t high;
    uint64_t low;
    if (text == NULL || !parse_u64(text, &end, 16, &high) || *end != '/' || high > UINT32_MAX) {
        return false;
    }
    if (!parse_u64(end + 1, &end, 16, &low) || *end != '\0' || low > UINT32_MAX) {
        return false;
    }
    *out = high << 32 | low;
    return true;
}
