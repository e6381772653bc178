/* findings.h — what the preflight has found: counted, told to the operator, the first failure kept.
 */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_CUTOVER_PREFLIGHT_FINDINGS_H
#define TEAL_CUTOVER_PREFLIGHT_FINDINGS_H

#include <stddef.h>

#include "base/err.h"
#include "cutover/types/ops.h"
#include "cutover/types/states.h"

struct cutover;

struct findings {
    size_t ran;
    size_t failed;
    size_t warned;
    struct err first; /* of those that failed */
};

void findings_clear(struct findings *f);
/* CHECK shows all of them; a flip only those that are not ok. */
void findings_add(struct findings *f, struct cutover *c, enum cutover_result result, const char *id,
                  const char *name, const char *detail);
/* The event of the preflight: FAIL when one has failed. */
enum cutover_event findings_end(const struct findings *f, struct cutover *c);

#endif
