/* check.h — assertions that stay on in production. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_BASE_CHECK_H
#define TEAL_BASE_CHECK_H

/* CHECK(cond): what cannot happen did not happen. On in every build: a proxy that is wrong about
 * its own state must stop before it answers the wrong client. Never used on input. */
#define CHECK(cond) ((cond) ? (void)0 : check_failed(#cond, __FILE__, __LINE__))
#define UNREACHABLE() check_failed("unreachable", __FILE__, __LINE__)

/* Prints the condition and its place on stderr, then aborts. */
_Noreturn void check_failed(const char *cond, const char *file, int line);

/* A function whose result says that it failed must not be ignored. */
#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))
#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

#endif
