/* report.h — what a state has to say: its detail, why it failed, and the lines for the operator.
 *
 * The lines of a script write into it while they run; the machine shows the detail when the step
 * ends, and the error when it fails. Only report.c writes the fields. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_CUTOVER_ENGINE_REPORT_H
#define TEAL_CUTOVER_ENGINE_REPORT_H

#include <stdint.h>

#include "base/check.h"
#include "base/err.h"
#include "cutover/types/ops.h"
#include "cutover/types/rows.h"
#include "cutover/types/states.h"

enum { REPORT_DETAIL_MAX = 1024 };

struct report {
    const struct cutover_ops *ops; /* borrowed, outlives the report */
    char detail[REPORT_DETAIL_MAX];
    struct err err; /* not set while nothing has failed */
};

void report_init(struct report *r, const struct cutover_ops *ops);

/* What is shown with the step when it ends, or with its error when its time is over. */
void report_detail(struct report *r, const char *fmt, ...) PRINTF_LIKE(2, 3);
void report_detail_clear(struct report *r);

/* Why it failed; returns CUT_EV_FAIL, so that a judge ends with: return report_fail(...). */
enum cutover_event report_fail(struct report *r, const char *sqlstate, const char *fmt, ...)
    PRINTF_LIKE(3, 4);
/* The same, and CUT_EV_AGAIN: it is said only when the time for it is over. */
enum cutover_event report_again(struct report *r, const char *sqlstate, const char *fmt, ...)
    PRINTF_LIKE(3, 4);
/* Advice for the error that is set. Returns CUT_EV_FAIL as well. */
enum cutover_event report_hint(struct report *r, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* CUT_EV_OK for an answer; else its error, and FAIL, or UNKNOWN when it may have run. */
enum cutover_event report_rows(struct report *r, const struct cutover_rows *rows);
/* The same for the answer of a hook, whose message becomes the detail. */
enum cutover_event report_answer(struct report *r, const struct hook_answer *answer);
/* Puts the database in front of the error and the detail, those that are there. */
void report_database(struct report *r, const char *database);
/* Another's error in place of this one; one that is not set clears it. */
void report_err(struct report *r, const struct err *err);
void report_err_clear(struct report *r);

/* A line for the operator, at once. */
void report_line(struct report *r, enum cutover_result result, const char *step, const char *fmt,
                 ...) PRINTF_LIKE(4, 5);
void report_line_took(struct report *r, enum cutover_result result, const char *step,
                      const char *text, uint64_t took_us);

#endif
