/* clock.c — time. See clock.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "base/clock.h"

#include <stdio.h>
#include <time.h>

#include "base/check.h"

static uint64_t
clock_read_us(clockid_t id)
{
    struct timespec ts;
    const int rc = clock_gettime(id, &ts);
    CHECK(rc == 0);
    return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

uint64_t
clock_now_us(void)
{
    return clock_read_us(CLOCK_MONOTONIC) + 1;
}

uint64_t
clock_wall_us(void)
{
    return clock_read_us(CLOCK_REALTIME);
}

void
clock_format(uint64_t wall_us, char *out, size_t size)
{
    const time_t seconds = (time_t)(wall_us / 1000000);
    struct tm tm;
    char date[24];
    CHECK(gmtime_r(&seconds, &tm) != NULL);
    (void)strftime(date, sizeof(date), "%Y-%m-%d %H:%M:%S", &tm);
    (void)snprintf(out, size, "%s.%03u UTC", date, (unsigned)(wall_us / 1000 % 1000));
}
