/* audit.c — the log's line about a command. See audit.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "admin/audit.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"

void
audit_begin(struct audit *a, struct slice text)
{
    const size_t len = text.len < AUDIT_TEXT_MAX ? text.len : AUDIT_TEXT_MAX;
    for (size_t i = 0; i < len; i++) {
        const char c = (char)text.p[i];
        a->text[i] = c == '"' ? '\'' : c == '\n' || c == '\t' ? ' ' : c;
    }
    a->text[len] = '\0';
    if (strcasestr(a->text, "password") != NULL) {
        a->text[strcspn(a->text, "=")] = '\0'; /* of a SET: the value is a secret */
    }
    a->started_us = clock_now_us();
    a->operates = false;
}

void
audit_write(const struct audit *a, const struct err *err)
{
    const struct log_ctx log = {.kind = "console", .id = a->client_id};
    CHECK(a->client_id != 0 && a->started_us != 0 && (err == NULL || err_is_set(err)));
    const uint64_t took_us = clock_now_us() - a->started_us;
    if (err != NULL) {
        log_info(&log, "console command failed",
                 "uid=%u pid=%d took_ms=%" PRIu64 " text=\"%s\" sqlstate=%s error=\"%s\"",
                 (unsigned)a->uid, (int)a->pid, took_us / 1000, a->text, err->sqlstate, err->text);
        return;
    }
    log_line(a->operates ? LOG_LEVEL_INFO : LOG_LEVEL_DEBUG, &log, "console command",
             "uid=%u pid=%d took_ms=%" PRIu64 " text=\"%s\"", (unsigned)a->uid, (int)a->pid,
             took_us / 1000, a->text);
}
