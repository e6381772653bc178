/* look.h — what each side says of itself: version, role, fence, databases, and the row that it
 * keeps.
 *
 * A side that does not answer is a fact like any other, and its error stays with it: the two sides
 * are asked at the same time, and each has a reason of its own. The row is asked for in a second
 * statement, because the table may not exist. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_CUTOVER_FLIP_LOOK_H
#define TEAL_CUTOVER_FLIP_LOOK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "cutover/engine/script.h"
#include "cutover/flip/history.h"
#include "cutover/flip/roles.h"
#include "cutover/types/kind.h"
#include "model/side.h"

enum { LOOK_VALUE_SIZE = 32 };

struct look {
    bool answered;
    struct err err; /* why it did not; not set when it did */
    bool in_recovery;
    bool prepared; /* has the schema */
    bool fenced;   /* default_transaction_read_only is on for new sessions, by either means, or a
                      record of a fence is there */
    bool is_other_side; /* it receives the stream to the other side: the two have changed places */
    int version_num;
    char wal_level[LOOK_VALUE_SIZE];
    /* Its own row; epoch 0 when there is none. */
    uint64_t epoch;
    bool writer_known;
    enum side writer;
    uint64_t flip_id;
    char phase[LOOK_VALUE_SIZE];
    /* See history.h; 0 for none, and of a standby. */
    bool keeps_timeline;
    uint64_t timeline_kept, timeline;
};

struct looks {
    struct look of[SIDES_COUNT];
    bool one; /* the script asks look_side only */
    enum side one_side;
};

/* For begin: forgets both looks, and says whom the script asks. */
void look_at_both(struct cutover *c);
void look_at(struct cutover *c, enum side side);

/* For what cannot go on without the side: says that it does not answer, and why. */
enum cutover_event look_no_answer(struct cutover *c, enum side side);

/* Of a target, by what the looks told. */
enum cutover_kind look_kind(const struct cutover *c, enum side to);
/* Both sides are PostgreSQL 16 or newer. */
bool look_both_16(const struct cutover *c);

/* Lines: the look at a side and at its row. */
line_applies_fn look_wants_blue, look_wants_green, look_has_row_blue, look_has_row_green;
#define LOOK_SQL                                                                         \
    "SELECT current_setting('server_version_num'), pg_is_in_recovery(), "                \
    "to_regclass('teal.local_state') IS NOT NULL AND to_regclass('teal.marker') IS NOT " \
    "NULL, " FENCE_SYSTEM_DEFAULT " = 'on' OR " FENCE_SQL_DATABASE_ON                    \
    ", current_setting('wal_level'), (SELECT string_agg(s.subname::text, ',') FROM "     \
    "pg_subscription s JOIN pg_database d ON d.oid = s.subdbid WHERE d.datname = "       \
    "current_database())"
line_judge_fn look_judge;
#define LOOK_SQL_ROW                                                                 \
    "SELECT epoch, writer, flip_id, phase, " FENCE_SQL_KEPT ", " HISTORY_SQL_COLUMNS \
    " FROM teal.local_state t WHERE side = "
#define LOOK_SQL_ROW_BLUE LOOK_SQL_ROW "'blue'"
#define LOOK_SQL_ROW_GREEN LOOK_SQL_ROW "'green'"
line_judge_fn look_judge_row;
line_applies_fn look_has_blue, look_has_green;
line_judge_fn look_judge_databases; /* of DATABASES_SQL_LIST */

/* Line: the version alone, once more; the side may have been down when the flip, or the start-up,
 * looked at it. */
#define LOOK_SQL_VERSION "SELECT current_setting('server_version_num')"
line_judge_fn look_judge_version;

#endif
