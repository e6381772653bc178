/* flip.c — the identity of the flip, and what follows from its kind. See flip.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "cutover/flip/flip.h"

#include "base/rand.h"
#include "cutover/flip/parts.h"

void
flip_init(struct cutover *c, enum side to)
{
    CHECK(c->journal.route.epoch > 0);
    c->flip = (struct flip){
        .known = true,
        .epoch = c->journal.route.epoch,
        .id = (rand_u64() >> 2) + 1,
        .from = side_other(to),
        .to = to,
        .drain = c->config.drain_policy,
        .way_back_wanted = c->config.require_way_back,
    };
}

void
flip_set_options(struct cutover *c, const struct cutover_options *options)
{
    CHECK(c->flip.known);
    c->flip.way_back_wanted = c->flip.way_back_wanted && !options->no_way_back;
    c->flip.drain = options->drain_set ? options->drain : c->flip.drain;
    c->flip.dry_run = options->dry_run;
}

void
flip_resume(struct cutover *c, const struct record *record, uint64_t epoch)
{
    CHECK(c->flip.known && c->flip.to == record->to && record->from != record->to);
    c->flip.id = record->flip_id;
    c->flip.epoch = epoch;
    c->flip.kind = record->kind;
    c->flip.strict = record->fence_strict;
}

void
flip_set_kind(struct cutover *c, enum cutover_kind kind)
{
    CHECK(c->flip.known);
    c->flip.kind = kind;
}

void
flip_set_strict(struct cutover *c, bool strict)
{
    CHECK(c->flip.known);
    c->flip.strict = strict;
}

enum side
flip_line_side(const struct cutover *c, enum line_side side)
{
    switch (side) {
    case LINE_FROM:
        return c->flip.from;
    case LINE_TO:
        return c->flip.to;
    case LINE_BLUE:
        return SIDE_BLUE;
    case LINE_GREEN:
        return SIDE_GREEN;
    }
    UNREACHABLE();
}

bool
flip_is_physical(const struct cutover *c)
{
    return c->flip.kind == CUTOVER_PHYSICAL;
}

bool
flip_is_logical(const struct cutover *c)
{
    return flip_is_one_way(c) || flip_is_two_way(c);
}

bool
flip_is_external(const struct cutover *c)
{
    return c->flip.kind == CUTOVER_EXTERNAL;
}

bool
flip_is_own(const struct cutover *c)
{
    return !flip_is_external(c);
}

bool
flip_is_promoted(const struct cutover *c)
{
    return flip_is_physical(c) || flip_is_external(c);
}

bool
flip_is_one_way(const struct cutover *c)
{
    return c->flip.kind == CUTOVER_ONE_WAY;
}

bool
flip_is_two_way(const struct cutover *c)
{
    return c->flip.kind == CUTOVER_TWO_WAY;
}

bool
flip_is_strict(const struct cutover *c)
{
    return c->flip.strict && flip_is_own(c);
}

bool
flip_is_dry_run(const struct cutover *c)
{
    return c->flip.dry_run;
}
