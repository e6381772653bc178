/* hook_answer.h — what a hook has answered, from how it ended and what it has written.
 *
 * A hook ends with exit status 0 and writes one JSON object to its standard output:
 *
 *     {"ok": true}                              it has done what it is for
 *     {"ok": false, "error": "no such node"}    it has not, and will not: nothing is under way
 *
 * and where it has more to say, "lag_bytes", "lag_ms" (hook_lag), "way_back" (hook_lag,
 * hook_promote) and "message". Other names are skipped. A word of its own (ok) is all that is
 * believed: whatever else happens, a crash, its time, an exit status without a word, nonsense,
 * leaves it unknown whether the hook has had its effect. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_CONTROL_HOOK_ANSWER_H
#define TEAL_CONTROL_HOOK_ANSWER_H

#include "cutover/types/hook.h"
#include "net/process.h"

void hook_answer_read(enum hook hook, uint64_t timeout_us, const struct process_result *result,
                      struct hook_answer *out);

#endif
