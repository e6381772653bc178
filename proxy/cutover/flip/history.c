/* history.c — whether a logical follower still is the server that its stream was made for. See
 * history.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "cutover/flip/history.h"

#include <inttypes.h>

#include "cutover/flip/parts.h"

bool
history_is_whole(const struct cutover *c, struct err *err)
{
    const struct look *to = &c->looks.of[c->flip.to];
    err_clear(err);
    if (!flip_is_logical(c) || to->timeline_kept == to->timeline) {
        return true;
    }
    const char *side = side_name(c->flip.to);
    if (to->timeline_kept == 0) {
        (void)err_set(err, SQLSTATE_OBJECT_NOT_IN_STATE,
                      "%s does not know on which timeline its stream began", side);
        return err_hint(err, "run PREPARE");
    }
    (void)err_set(err, SQLSTATE_OBJECT_NOT_IN_STATE,
                  "%s has failed over since its stream began (timeline %" PRIu64 ", now %" PRIu64
                  "): rows that its standby had not received may be missing there",
                  side, to->timeline_kept, to->timeline);
    return err_hint(err,
                    "make a new copy: FINISH, TRUNCATE the tables there, PREPARE; see \"When a "
                    "side fails over\" in docs/clusters.md");
}

void
history_write_begin(const struct cutover *c, struct place at, struct buf *sql)
{
    buf_printf(
        sql, "UPDATE teal.local_state SET timeline = " HISTORY_SQL_NOW " WHERE side = '%s'%s",
        side_name(at.side), databases_on(c, at)->stream_exists ? " AND timeline IS NULL" : "");
}

void
history_put_leaving(const struct cutover *c, struct buf *sql)
{
    if (c->looks.of[c->flip.from].keeps_timeline) {
        buf_printf(sql, ", timeline = " HISTORY_SQL_NOW);
    }
}
