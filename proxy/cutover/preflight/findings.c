/* findings.c — the findings of the preflight. See findings.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "cutover/preflight/findings.h"

#include <stdio.h>

#include "cutover/flip/parts.h"

void
findings_clear(struct findings *f)
{
    *f = (struct findings){0};
}

void
findings_add(struct findings *f, struct cutover *c, enum cutover_result result, const char *id,
             const char *name, const char *detail)
{
    f->ran++;
    f->failed += result == CUTOVER_FAIL ? 1 : 0;
    f->warned += result == CUTOVER_WARN ? 1 : 0;
    CHECK(f->failed + f->warned <= f->ran);
    if (result == CUTOVER_FAIL && !err_is_set(&f->first)) {
        (void)err_set(&f->first, SQLSTATE_OBJECT_NOT_IN_STATE, "check %s %s: %s", id, name, detail);
    }
    if ((result == CUTOVER_OK || result == CUTOVER_SKIP) && c->command.job != CUTOVER_JOB_CHECK) {
        return;
    }
    char step[128];
    (void)snprintf(step, sizeof(step), "%s %s", id, name);
    report_line(&c->report, result, step, "%s", detail);
}

enum cutover_event
findings_end(const struct findings *f, struct cutover *c)
{
    CHECK(f->ran > 0 && (f->failed > 0) == err_is_set(&f->first));
    report_detail(&c->report, "%zu checks, %zu warnings, %zu failures", f->ran, f->warned,
                  f->failed);
    if (c->command.job == CUTOVER_JOB_CHECK) {
        report_line_took(&c->report, f->failed > 0 ? CUTOVER_FAIL : CUTOVER_OK, "check",
                         c->report.detail, machine_now(&c->machine) - c->machine.step_since_us);
    }
    if (f->failed == 0) {
        return CUT_EV_OK;
    }
    if (f->failed == 1) {
        report_err(&c->report, &f->first);
    } else {
        (void)report_fail(&c->report, SQLSTATE_OBJECT_NOT_IN_STATE,
                          "%zu checks failed, the first: %.300s", f->failed, f->first.text);
    }
    return report_hint(&c->report, "run CHECK to see every finding");
}
