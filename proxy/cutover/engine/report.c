/* report.c — the detail, the error and the lines for the operator. See report.h.
 *
 * Each line also goes to the log: warnings and failures as such, the rest for whoever debugs. */
/* SPDX-License-Identifier: PostgreSQL */
#include "cutover/engine/report.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"

void
report_init(struct report *r, const struct cutover_ops *ops)
{
    CHECK(ops->report != NULL);
    r->ops = ops;
    report_detail_clear(r);
    report_err_clear(r);
}

void
report_detail(struct report *r, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(r->detail, sizeof(r->detail), fmt, args);
    va_end(args);
}

void
report_detail_clear(struct report *r)
{
    r->detail[0] = '\0';
}

/* Twice the room, so that err_set does the cutting: it knows where a letter ends. */
static void PRINTF_LIKE(3, 0)
    set_text(struct report *r, const char *sqlstate, const char *fmt, va_list args)
{
    char text[2 * ERR_TEXT_MAX];
    (void)vsnprintf(text, sizeof(text), fmt, args);
    (void)err_set(&r->err, sqlstate, "%s", text);
}

enum cutover_event
report_fail(struct report *r, const char *sqlstate, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    set_text(r, sqlstate, fmt, args);
    va_end(args);
    return CUT_EV_FAIL;
}

enum cutover_event
report_again(struct report *r, const char *sqlstate, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    set_text(r, sqlstate, fmt, args);
    va_end(args);
    return CUT_EV_AGAIN;
}

enum cutover_event
report_hint(struct report *r, const char *fmt, ...)
{
    CHECK(err_is_set(&r->err));
    char text[2 * ERR_HINT_MAX];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    (void)err_hint(&r->err, "%s", text);
    return CUT_EV_FAIL;
}

enum cutover_event
report_rows(struct report *r, const struct cutover_rows *rows)
{
    if (rows->ok) {
        return CUT_EV_OK;
    }
    r->err = rows->err;
    if (!err_is_set(&r->err)) {
        (void)err_set(&r->err, SQLSTATE_INTERNAL, "a statement failed without saying why");
    }
    return rows->unknown ? CUT_EV_UNKNOWN : CUT_EV_FAIL;
}

enum cutover_event
report_answer(struct report *r, const struct hook_answer *answer)
{
    if (answer->ok) {
        report_detail(r, "%s", answer->message);
        return CUT_EV_OK;
    }
    r->err = answer->err;
    if (!err_is_set(&r->err)) {
        (void)err_set(&r->err, SQLSTATE_INTERNAL, "a hook failed without saying why");
    }
    return answer->unknown ? CUT_EV_UNKNOWN : CUT_EV_FAIL;
}

void
report_database(struct report *r, const char *database)
{
    char text[2 * REPORT_DETAIL_MAX];
    if (err_is_set(&r->err)) {
        const struct err plain = r->err;
        (void)err_set(&r->err, plain.sqlstate, "database \"%s\": %s", database, plain.text);
        memcpy(r->err.detail, plain.detail, sizeof(r->err.detail));
        memcpy(r->err.hint, plain.hint, sizeof(r->err.hint));
    }
    if (r->detail[0] != '\0') {
        (void)snprintf(text, sizeof(text), "database \"%s\": %s", database, r->detail);
        report_detail(r, "%s", text);
    }
}

void
report_err(struct report *r, const struct err *err)
{
    r->err = *err;
}

void
report_err_clear(struct report *r)
{
    err_clear(&r->err);
}

static void
send_line(struct report *r, const struct cutover_report *row)
{
    const bool bad = row->result == CUTOVER_FAIL || row->result == CUTOVER_WARN;
    log_line(bad ? LOG_LEVEL_WARN : LOG_LEVEL_DEBUG, NULL, "cutover step",
             "result=%s step=\"%s\" took_us=%" PRIu64 " detail=\"%s\"",
             cutover_result_name(row->result), row->step, row->took_us, row->detail);
    r->ops->report(r->ops->ctx, row);
}

void
report_line(struct report *r, enum cutover_result result, const char *step, const char *fmt, ...)
{
    char text[REPORT_DETAIL_MAX];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    send_line(r, &(struct cutover_report){.result = result, .step = step, .detail = text});
}

void
report_line_took(struct report *r, enum cutover_result result, const char *step, const char *text,
                 uint64_t took_us)
{
    send_line(r, &(struct cutover_report){.result = result,
                                          .step = step,
                                          .detail = text,
                                          .took_us = took_us,
                                          .took_known = true});
}
