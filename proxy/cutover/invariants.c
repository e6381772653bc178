/* invariants.c — one writer, held where it must be, and no undo past the commit. See invariants.h.
 */
/* SPDX-License-Identifier: PostgreSQL */
#include "cutover/invariants.h"

#include "cutover/flip/parts.h"

static bool
is_held(enum cutover_state state)
{
    return state >= CUT_DRAIN && state <= CUT_OPEN;
}

/* Until the release, writes wait for the old side. */
static void
check_held(const struct cutover *c)
{
    const struct cutover_route *route = &c->journal.route;
    CHECK(c->flip.known && route->writes_held);
    if (route->writes_known) {
        CHECK(route->writer == c->flip.from && route->epoch == c->flip.epoch);
    }
}

static void
check_flow(const struct cutover *c, enum side writer)
{
    CHECK(!c->journal.route.writes_held && c->journal.route.writer == writer);
}

void
invariants_check(const struct cutover *c)
{
    const enum cutover_state state = c->machine.state;
    const struct cutover_route *route = &c->journal.route;
    CHECK((unsigned)state < CUTOVER_STATES_COUNT);
    CHECK(route->writes_known || route->writes_held);
    CHECK(!c->flip.known || c->flip.from != c->flip.to);
    CHECK(c->hold.since_us == 0 || route->writes_held);
    CHECK(!c->commit.promote_maybe || flip_is_promoted(c));
    if (state >= CUT_CATCHUP && state <= CUT_AFTER) {
        CHECK(c->fence.touched);
    }
    if (is_held(state)) {
        check_held(c);
    }
    if (state == CUT_OPEN || state == CUT_RELEASE || state == CUT_AFTER) {
        CHECK(c->commit.done);
    }
    if (state == CUT_UNDO || state == CUT_UNDO_RELEASE || state == CUT_UNDO_AFTER) {
        CHECK(!c->commit.done);
    }
    if (state == CUT_AFTER) {
        check_flow(c, c->flip.to);
    }
    if (state == CUT_UNDO_AFTER) {
        check_flow(c, c->flip.from);
    }
    if (state == CUT_IDLE) {
        CHECK(!route->writes_known || !route->writes_held);
        CHECK(c->machine.deadline_us == 0);
    }
}
