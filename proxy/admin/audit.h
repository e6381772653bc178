/* audit.h — one line of the log for each command of the console: who said what, how it ended. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_ADMIN_AUDIT_H
#define TEAL_ADMIN_AUDIT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/slice.h"

enum { AUDIT_TEXT_MAX = 200 };

struct audit {
    uint64_t client_id;
    uid_t uid;
    pid_t pid;
    uint64_t started_us; /* of the command, monotonic */
    bool operates;       /* it may change something; what only looks is logged at DEBUG */
    char text[AUDIT_TEXT_MAX + 1];
};

/* A command begins: its start in one line, without what is secret and what would break the log's
 * quotes. */
void audit_begin(struct audit *a, struct slice text);
/* It has ended; err NULL: it went well. */
void audit_write(const struct audit *a, const struct err *err);

#endif
