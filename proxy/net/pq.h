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

#include "net/loop.h"
#include "net/pq_result.h"

struct pq;

/* The result is borrowed, valid during the callback only. */
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

#endif
