/* external.c — asks the hooks, and the servers whether it is true. See external.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "cutover/flip/external.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "cutover/flip/parts.h"

enum { UNFENCE_SEEN_US = 1000 * 1000 };

void
external_clear(struct cutover *c)
{
    c->external = (struct external){0};
}

/* ---- for the machine ---- */

void
external_about(const struct cutover *c, enum hook hook, struct hook_about *out)
{
    *out = (struct hook_about){
        .hook = hook,
        .from = c->flip.from,
        .to = c->flip.to,
        .epoch = c->flip.epoch + 1,
        .flip_id = c->flip.id,
    };
    (void)snprintf(out->position, sizeof(out->position), "%s", c->catchup.lsn);
}

uint64_t
external_limit_us(const struct cutover *c)
{
    CHECK(c->config.hook_timeout_us > 0);
    return c->config.hook_timeout_us;
}

uint64_t
external_with_hooks(const struct cutover *c, uint64_t limit_us, unsigned hooks)
{
    return limit_us + hooks * c->config.hook_timeout_us;
}

/* As the look has found it. */
static bool
has_schema(const struct cutover *c, struct place at)
{
    const struct look *l = &c->looks.of[at.side];
    const struct database_on *on = databases_on(c, at);
    return l->answered &&
           (databases_other(c, at) ? on->prepared && on->error == NULL : l->prepared);
}

/* Whether the side refuses the writes of new sessions, by the row of EXTERNAL_SQL_OPEN. */
static bool
is_closed(const struct cutover_rows *rows)
{
    return rows_bool(rows, 0, 0) || strcmp(rows_text(rows, 0, 1), "off") != 0;
}

/* ---- set-up and preflight ---- */

bool
external_has_prepare(const struct cutover *c)
{
    return flip_is_external(c) && cutover_config_has_hook(&c->config, HOOK_PREPARE);
}

bool
external_has_finish(const struct cutover *c)
{
    return flip_is_external(c) && cutover_config_has_hook(&c->config, HOOK_FINISH);
}

/* Before the kind of the flip is known. */
bool
external_is_configured(const struct cutover *c)
{
    return c->config.external;
}

enum cutover_event
external_judge_checked(struct cutover *c, const struct hook_answer *answer)
{
    c->external.asked = true;
    c->external.lag = *answer;
    return CUT_EV_OK;
}

/* ---- gate ---- */

static void
tell_lag(struct cutover *c, const struct hook_answer *a)
{
    report_detail(&c->report, "%s is %" PRIu64 " bytes, %" PRIu64 " ms behind, says hook_lag",
                  side_name(c->flip.to), a->lag_bytes, a->lag_us / 1000);
}

enum cutover_event
external_judge_near(struct cutover *c, const struct hook_answer *answer)
{
    if (!answer->lag_known) {
        report_detail(&c->report, "hook_lag does not know the lag of %s", side_name(c->flip.to));
        return CUT_EV_AGAIN;
    }
    tell_lag(c, answer);
    const bool near =
        answer->lag_bytes <= c->config.start_lag_bytes && answer->lag_us <= c->config.start_lag_us;
    return near ? CUT_EV_OK : CUT_EV_AGAIN;
}

/* ---- fence ---- */

enum cutover_event
external_judge_fenced(struct cutover *c, struct place at, const struct cutover_rows *rows)
{
    if (!rows->ok) {
        return fence_judge_probe(c, at, rows);
    }
    (void)report_again(&c->report, SQLSTATE_OBJECT_NOT_IN_STATE,
                       "hook_fence does not hold: a new session on %s could still write",
                       side_name(at.side));
    (void)report_hint(&c->report, "it must make new sessions read-only: they must fail with 25006");
    return CUT_EV_AGAIN;
}

enum cutover_event
external_judge_clock(struct cutover *c, struct place at, const struct cutover_rows *rows)
{
    (void)at;
    return fence_see(c, rows_text(rows, 0, 1), "");
}

/* ---- catch-up ---- */

/* Whether the operator can write behind somebody else's fence, nobody knows; where it cannot, the
 * word of hook_lag is all there is. */
enum cutover_event
external_judge_mark(struct cutover *c, struct place at, const struct cutover_rows *rows)
{
    if (rows->ok) {
        return catchup_judge_mark(c, at, rows);
    }
    if (strcmp(rows->err.sqlstate, SQLSTATE_READ_ONLY) == 0 ||
        strcmp(rows->err.sqlstate, SQLSTATE_INSUFFICIENT_PRIVILEGE) == 0) {
        log_info(NULL, "no marker can be written behind the fence", "side=%s error=\"%s\"",
                 side_name(at.side), rows->err.text);
        return CUT_EV_OK;
    }
    return report_rows(&c->report, rows);
}

/* Somebody else may replicate each database on its own: one marker is not enough. */
bool
external_awaits_mark(const struct cutover *c, struct place at)
{
    return flip_is_external(c) && catchup_has_mark(c, at) && has_schema(c, at);
}

static bool
awaits_any(const struct cutover *c)
{
    for (uint32_t i = 0; i < databases_count(c); i++) {
        if (external_awaits_mark(c, (struct place){.side = c->flip.to, .database = i})) {
            return true;
        }
    }
    return false;
}

enum cutover_event
external_judge_caught_up(struct cutover *c, const struct hook_answer *answer)
{
    if (!answer->lag_known) {
        report_detail(&c->report, "hook_lag does not know the lag of %s", side_name(c->flip.to));
        return CUT_EV_AGAIN;
    }
    tell_lag(c, answer);
    if (answer->lag_bytes > 0) {
        return CUT_EV_AGAIN;
    }
    report_detail(&c->report, "%s has all of %s, says hook_lag%s", side_name(c->flip.to),
                  side_name(c->flip.from), awaits_any(c) ? " and the marker" : "");
    return CUT_EV_OK;
}

/* ---- the promotion ---- */

/* So that a start without a record knows that everything had arrived. */
void
external_write_promoting(const struct cutover *c, struct place at, struct buf *sql)
{
    (void)at;
    buf_printf(sql,
               "UPDATE teal.local_state SET phase = '" EXTERNAL_PHASE_PROMOTING
               "', at = clock_timestamp() WHERE side = '%s' AND epoch <= %" PRIu64
               " AND flip_id = '%" PRIu64 "'",
               side_name(c->flip.from), c->flip.epoch, c->flip.id);
}

enum cutover_event
external_judge_hint(struct cutover *c, struct place at, const struct cutover_rows *rows)
{
    (void)c;
    if (!rows->ok) {
        log_debug(NULL, "the fenced side took no note of the flip", "side=%s error=\"%s\"",
                  side_name(at.side), rows->err.text);
    }
    return CUT_EV_OK;
}

/* From here on a promotion may be under way, whatever the target says. */
enum cutover_event
external_judge_promote(struct cutover *c, const struct hook_answer *answer)
{
    commit_promote_maybe(c);
    c->external.way_back = answer->way_back ? CUTOVER_WAY_BACK_OPEN : CUTOVER_WAY_BACK_MISSING;
    report_detail(&c->report, "hook_promote has answered, %s is not open yet",
                  side_name(c->flip.to));
    return CUT_EV_OK;
}

enum cutover_event
external_judge_open(struct cutover *c, struct place at, const struct cutover_rows *rows)
{
    if (is_closed(rows)) {
        return report_again(&c->report, SQLSTATE_CANNOT_CONNECT_NOW, "%s is still %s",
                            side_name(at.side),
                            rows_bool(rows, 0, 0) ? "in recovery" : "read-only");
    }
    return CUT_EV_OK;
}

enum cutover_event
external_judge_promoted(struct cutover *c, struct place at, const struct cutover_rows *rows)
{
    (void)c;
    (void)at;
    return is_closed(rows) ? CUT_EV_NO : CUT_EV_OK;
}

/* ---- opening, and behind the release ---- */

bool
external_probes(const struct cutover *c, struct place at)
{
    return flip_is_external(c) && databases_other(c, at);
}

bool
external_lacks_schema(const struct cutover *c, struct place at)
{
    const bool has_rows = databases_other(c, at) || c->looks.of[at.side].epoch > 0;
    return flip_is_external(c) && !(has_schema(c, at) && has_rows);
}

enum cutover_event
external_call_done(struct cutover *c)
{
    CHECK(c->commit.done && !c->journal.route.writes_held);
    static const char *const texts[] = {
        [CUTOVER_WAY_BACK_UNKNOWN] = "whether there is a way back is not known",
        [CUTOVER_WAY_BACK_OPEN] = "it follows the new side, says hook_promote",
        [CUTOVER_WAY_BACK_MISSING] = "it is left behind, there is no way back",
    };
    stream_set_way_back(c, c->external.way_back);
    report_detail(&c->report, "%s: %s", side_name(c->flip.from), texts[c->external.way_back]);
    return CUT_EV_OK;
}

/* ---- undo ---- */

enum cutover_event
external_call_wait(struct cutover *c)
{
    script_wait(&c->machine.script, UNFENCE_SEEN_US);
    return CUT_EV_OK;
}

/* Where there is no table, nothing could be written and nothing was fenced by this flip. */
bool
external_probes_unfenced(const struct cutover *c, struct place at)
{
    return flip_is_external(c) && (!databases_other(c, at) || databases_on(c, at)->prepared);
}

/* An undo must not fail for a database that was dropped meanwhile. */
enum cutover_event
external_judge_unfenced(struct cutover *c, struct place at, const struct cutover_rows *rows)
{
    if (rows->ok) {
        return CUT_EV_OK;
    }
    if (databases_other(c, at) && strcmp(rows->err.sqlstate, SQLSTATE_INVALID_DATABASE) == 0) {
        return CUT_EV_OK;
    }
    if (strcmp(rows->err.sqlstate, SQLSTATE_READ_ONLY) != 0) {
        return report_rows(&c->report, rows);
    }
    (void)report_fail(&c->report, SQLSTATE_READ_ONLY,
                      "hook_unfence has not worked yet: a new session on %s cannot write",
                      side_name(at.side));
    return script_waited(&c->machine.script) ? CUT_EV_FAIL : CUT_EV_AGAIN;
}
