/* check.c — the end of a process that is wrong about itself. */
/* SPDX-License-Identifier: PostgreSQL */
#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void
check_failed(const char *cond, const char *file, int line)
{
    (void)fprintf(stderr, "teal: bug: %s does not hold (%s:%d)\n", cond, file, line);
    abort();
}
