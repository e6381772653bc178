/* errors.h — what clients were told went wrong, counted by SQLSTATE: for SHOW ERRORS.
 *
 * A value of one worker, used on its thread alone; the reports of all workers are merged on their
 * way. An error is rare beside a query, so a row is found by looking at all of them. A kind that
 * finds no free row counts in the last one, under no SQLSTATE. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_SESSION_STATE_ERRORS_H
#define TEAL_SESSION_STATE_ERRORS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"
#include "base/table.h"

enum { ERROR_ROWS_MAX = 64, ERROR_LAST_SIZE = 160 };

struct error_row {
    char sqlstate[6];
    bool is_ours;  /* Teal said so; else a server did */
    bool is_fatal; /* the session ended with it */
    uint64_t count;
    char last[ERROR_LAST_SIZE]; /* the last text of Teal's own; a server's may have data in it */
};

struct errors {
    struct error_row rows[ERROR_ROWS_MAX];
    uint32_t count;
};

void errors_note_ours(struct errors *e, const struct err *err, bool is_fatal);
void errors_note_server(struct errors *e, struct slice sqlstate, bool is_fatal);

/* source, sqlstate, severity, count, last. */
struct table *errors_table(const struct errors *e);
/* Takes from, the table of another worker. */
void errors_merge(struct table *t, struct table *from);

#endif
