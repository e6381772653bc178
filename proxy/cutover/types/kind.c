/* kind.c — the names of the kinds. See kind.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "cutover/types/kind.h"

#include "base/check.h"

static const char *const kind_names[CUTOVER_KINDS_COUNT] = {
    [CUTOVER_PHYSICAL] = "physical",
    [CUTOVER_TWO_WAY] = "two-way",
    [CUTOVER_ONE_WAY] = "one-way",
    [CUTOVER_EXTERNAL] = "external",
};

const char *
cutover_kind_name(enum cutover_kind kind)
{
    CHECK((unsigned)kind < CUTOVER_KINDS_COUNT);
    return kind_names[kind];
}

enum cutover_kind
cutover_kind_of_versions(int a, int b)
{
    return a >= VERSION_16 && b >= VERSION_16 ? CUTOVER_TWO_WAY : CUTOVER_ONE_WAY;
}
