/* pq_text.h — errors of libpq as struct err.
 *
 * The SQLSTATE of a refused login is in libpq's text only, so that text is asked for in its verbose
 * form and taken apart here. For pq.c. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_NET_PQ_TEXT_H
#define TEAL_NET_PQ_TEXT_H

#include <libpq-fe.h>

#include "base/err.h"

/* The error of the connection (NULL: there was no memory for one), behind what failed. */
void pq_text_connection_error(const PGconn *conn, const char *what, struct err *err);
/* The error of a result that is one. */
void pq_text_result_error(const PGresult *result, struct err *err);
bool pq_text_is_error(const PGresult *result);
/* The server says that its process ends: what it did with the statement is not told by that. */
bool pq_text_is_loss(const char *sqlstate);

#endif
