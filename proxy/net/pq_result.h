/* pq_result.h — the answer to a query of pq.h, and the cells in it. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_NET_PQ_RESULT_H
#define TEAL_NET_PQ_RESULT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct pq_result {
    bool ok;
    /* Not ok, and the connection was lost or the deadline passed after the query had been sent:
     * whether it ran is unknown. */
    bool unknown;
    struct err err;        /* set when not ok; SQLSTATE of the server, or 08xxx / 57014 of ours */
    const void *pg_result; /* for the accessors below */
};

/* Rows and columns from 0; NULL cells give NULL. */
int pq_rows(const struct pq_result *r);
int pq_columns(const struct pq_result *r);
const char *pq_cell(const struct pq_result *r, int row, int column);
/* A cell as a number; false when it is NULL or none. */
bool pq_cell_u64(const struct pq_result *r, int row, int column, uint64_t *out);
/* A cell of type pg_lsn ("0/3A001F20") as a number. */
bool pq_cell_lsn(const struct pq_result *r, int row, int column, uint64_t *out);

#endif
