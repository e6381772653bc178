/* side_sql.h — SQL on the two sides for the cutover machine.
 *
 * One operator connection to each database of a side, on which queries run one at a time in the
 * order asked; and "fresh" connections of one query each, which meet what a new client would meet.
 * Each query completes exactly once, from the loop. A connection is made for its first query; only
 * so many are being made at a time, and the others wait for them within their own time.
 *
 * A query goes to the server that stands for the side when it is started. Those that follow a
 * failover wait until what runs at the old one has ended.
 *
 * libpq resolves a host name while the thread waits. Then a name server that does not answer would
 * take the console and the signals away. So a connection is made to the address that the monitor
 * knows for the name, and a query waits for that, within its time. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_CONTROL_SIDE_SQL_H
#define TEAL_CONTROL_SIDE_SQL_H

#include "conf/conf.h"
#include "cutover/cutover.h"
#include "monitor/monitor.h"
#include "net/loop.h"

struct side_sql;

/* loop and monitor are borrowed; what it needs of conf is copied. */
struct side_sql *side_sql_new(struct loop *loop, const struct conf *conf, uint32_t pair,
                              const struct monitor *monitor);
/* Drops connections and queries without calling anybody. NULL is fine. */
void side_sql_free(struct side_sql *s);

/* As cutover_ops.sql and sql_fresh. */
void side_sql_run(struct side_sql *s, const struct cutover_where *where, const char *sql,
                  uint64_t timeout_us, cutover_sql_fn *done, void *arg);
void side_sql_run_fresh(struct side_sql *s, const struct cutover_where *where, const char *sql,
                        uint64_t timeout_us, cutover_sql_fn *done, void *arg);
/* No command is under way: closes the connections that were not used for three seconds. To be
 * called each second or so. */
void side_sql_rest(struct side_sql *s);

#endif
