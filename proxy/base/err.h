/* err.h — why an operation failed, in a form that a client, a log and an operator can use.
 *
 * A function that may fail returns bool and takes struct err * last. The error is written once, at
 * the place that knows: SQLSTATE (PostgreSQL appendix A), one sentence that says what failed on
 * what, and where they help a detail (what is known beyond that) and a hint (what to do). It is a
 * plain value, copied freely. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_BASE_ERR_H
#define TEAL_BASE_ERR_H

#include <stdbool.h>

#include "base/check.h"

enum { ERR_TEXT_MAX = 512, ERR_DETAIL_MAX = 256, ERR_HINT_MAX = 256 };

struct err {
    char sqlstate[6]; /* "" while there is no error */
    char text[ERR_TEXT_MAX];
    char detail[ERR_DETAIL_MAX]; /* "" when there is nothing to add */
    char hint[ERR_HINT_MAX];     /* "" when there is nothing to advise */
};

/* The states that Teal itself gives; the rest come from the servers. */
#define SQLSTATE_PROTOCOL "08P01"
#define SQLSTATE_CONNECTION_FAILURE "08006"
#define SQLSTATE_CANNOT_CONNECT_NOW "57P03"
#define SQLSTATE_ADMIN_SHUTDOWN "57P01"
#define SQLSTATE_QUERY_CANCELED "57014"
#define SQLSTATE_INVALID_PASSWORD "28P01"
#define SQLSTATE_INVALID_AUTHORIZATION "28000"
#define SQLSTATE_INVALID_DATABASE "3D000"
#define SQLSTATE_TOO_MANY_CONNECTIONS "53300"
#define SQLSTATE_OUT_OF_MEMORY "53200"
#define SQLSTATE_READ_ONLY "25006"
#define SQLSTATE_FEATURE_NOT_SUPPORTED "0A000"
#define SQLSTATE_INVALID_PARAMETER "22023"
#define SQLSTATE_UNDEFINED_OBJECT "42704"
#define SQLSTATE_INSUFFICIENT_PRIVILEGE "42501"
#define SQLSTATE_CANNOT_CHANGE_NOW "55P02"
#define SQLSTATE_SYNTAX_ERROR "42601"
#define SQLSTATE_OBJECT_NOT_IN_STATE "55000"
#define SQLSTATE_OBJECT_IN_USE "55006"
#define SQLSTATE_EXTERNAL_ROUTINE "38000"
#define SQLSTATE_IO_ERROR "58030"
#define SQLSTATE_CONFIG_FILE "F0000"
#define SQLSTATE_INTERNAL "XX000"

void err_clear(struct err *err);
bool err_is_set(const struct err *err);
/* Always returns false, so that a failing function ends with: return err_set(err, ...). err may be
 * NULL. */
bool err_set(struct err *err, const char *sqlstate, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* Adds the detail to an error that is set. Returns false as well. */
bool err_detail(struct err *err, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Adds the advice to an error that is set. Returns false as well. */
bool err_hint(struct err *err, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* err_set with ": strerror(errno)" behind the text. */
bool err_set_errno(struct err *err, const char *sqlstate, const char *fmt, ...) PRINTF_LIKE(3, 4);

#endif
