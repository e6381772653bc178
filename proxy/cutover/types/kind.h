/* kind.h — what kind of follower the target of a cutover is, and whether a flip back is possible.
 *
 * That somebody else drives the servers (external) is configured. Otherwise the kind follows from
 * facts: a target in recovery is physical; of two servers that both write, the versions decide. The
 * lines of a flip and the durable record go by it. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_CUTOVER_TYPES_KIND_H
#define TEAL_CUTOVER_TYPES_KIND_H

enum cutover_kind {
    CUTOVER_PHYSICAL, /* a streaming standby: promoted */
    CUTOVER_TWO_WAY,  /* both sides >= 16, subscriptions with origin=none stand both ways */
    CUTOVER_ONE_WAY, /* one subscription enabled at a time; the idle direction's slot is advanced */
    CUTOVER_EXTERNAL, /* somebody else's: promoted, fenced and measured by hooks */
};
enum { CUTOVER_KINDS_COUNT = 4 };

/* "physical", "two-way", "one-way", "external": for people, and what the record holds. */
const char *cutover_kind_name(enum cutover_kind kind);

/* Where "origin" filters what a stream has brought, and a standby can write a snapshot of running
 * transactions. */
enum { VERSION_16 = 160000 };

/* The kind of two servers that both write, by their versions: both streams can only run at once
 * where what they bring is not sent back. */
enum cutover_kind cutover_kind_of_versions(int a, int b);

enum cutover_way_back {
    CUTOVER_WAY_BACK_UNKNOWN,
    CUTOVER_WAY_BACK_OPEN,
    CUTOVER_WAY_BACK_MISSING,
};

#endif
