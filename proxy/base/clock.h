/* clock.h — time. Deadlines and durations use the monotonic clock; wall time is for people only. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_BASE_CLOCK_H
#define TEAL_BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

/* Durations in microseconds, of 64 bits whatever the type of the number. */
#define CLOCK_MS(n) ((uint64_t)(n)*1000)
#define CLOCK_SECONDS(n) CLOCK_MS(1000 * (uint64_t)(n))

/* Microseconds of the monotonic clock; never 0, never goes back. */
uint64_t clock_now_us(void);
/* Wall clock, microseconds since 1970. */
uint64_t clock_wall_us(void);
/* "2026-11-20 11:30:00.123 UTC" of a wall time. */
enum { CLOCK_TEXT_SIZE = 32 };
void clock_format(uint64_t wall_us, char *out, size_t size);

#endif
