/* pq.h — one libpq connection driven by a loop: the control plane's way to run SQL.
 *
 * A pq connects by itself when the first query is asked and again after a loss. Queries are run one
 * at a time in the order asked; each has a deadline of its own that covers connecting too. The
 * result is given to the callback exactly once: rows, or an error. After a time-out or a loss the
 * connection is closed, because what its server still does is unknown. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_NET_PQ_H
#define TEAL_NET_PQ_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "net/loop.h"

struct pq;

/* The result of one query; borrowed, valid during the callback only. */
struct pq_result {
    bool ok;
    /* Not ok, and the connection was lost or the deadline passed after the query had been sent:
     * whether it ran is unknown. */
    bool unknown;
    struct err err;        /* set when not ok; SQLSTATE of the server, or 08xxx / 57014 of ours */
    const void *pg_result; /* for the accessors below */
};

typedef void pq_done_fn(void *arg, const struct pq_result *result);

/* conninfo as libpq takes it (copied). name is for the log (borrowed for ever, "blue"). setup, when
 * not NULL, is run after each connect, before the first query (copied). */
struct pq *pq_new(struct loop *loop, const char *name, const char *conninfo, const char *setup);
/* Drops the connection and every query not yet answered, without calling their callbacks. May be
 * called from within a callback. The memory goes at the end of the loop's turn. NULL is fine. */
void pq_free(struct pq *pq);
/* Runs the SQL (copied; one or several statements, of which the last one's result is given, or the
 * first error). The callback comes from the loop, never from within this call. COPY is refused. */
void pq_query(struct pq *pq, const char *sql, uint64_t timeout_us, pq_done_fn *done, void *arg);
/* The same of one statement with one parameter, $1, a text (copied). */
void pq_query_with(struct pq *pq, const char *sql, const char *parameter, uint64_t timeout_us,
                   pq_done_fn *done, void *arg);
bool pq_is_connected(const struct pq *pq);
/* The server process of the connection; 0 when not connected. */
int pq_backend_pid(const struct pq *pq);
/* The numeric address that the connection goes to, "" for a Unix socket; NULL when not connected.
 */
const char *pq_host_address(const struct pq *pq);

/* Results. Rows and columns from 0; NULL cells give NULL. */
int pq_rows(const struct pq_result *r);
int pq_columns(const struct pq_result *r);
const char *pq_cell(const struct pq_result *r, int row, int column);
/* A cell as a number; false when it is NULL or none. */
bool pq_cell_u64(const struct pq_result *r, int row, int column, uint64_t *out);
/* A cell of type pg_lsn ("0/3A001F20") as a number. */
bool pq_cell_lsn(const struct pq_result *r, int row, int column, uint64_t *out);

#endif
