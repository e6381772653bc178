/* kind.h — what kind of follower the target of a cutover is.
 *
 * It follows from facts, never from the configuration: a target in recovery is physical; of two
 * servers that both write, the versions decide. The flip's lines and the durable record go by it.
 */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_CUTOVER_KIND_H
#define TEAL_CUTOVER_KIND_H

enum cutover_kind {
    CUTOVER_PHYSICAL, /* a streaming standby: promoted */
    CUTOVER_TWO_WAY,  /* L-A: both sides >= 16, subscriptions with origin=none stand both ways */
    CUTOVER_ONE_WAY,  /* L-B: one subscription enabled at a time; the idle direction's slot is
                         advanced */
};
enum { CUTOVER_KINDS_COUNT = 3 };

/* "physical", "two-way", "one-way": for people, and what the record holds. */
const char *cutover_kind_name(enum cutover_kind kind);

#endif
