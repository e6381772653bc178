/* begin.c — clears the parts of the last flip. See begin.h.
 *
 * A file of its own, above the parts: none of them needs to know the others. */
/* SPDX-License-Identifier: PostgreSQL */
#include "cutover/flip/begin.h"

#include "cutover/flip/parts.h"

void
flip_begin(struct cutover *c, enum side to)
{
    flip_init(c, to);
    hold_clear(c);
    fence_clear(c);
    catchup_clear(c);
    commit_clear(c);
    stream_clear(c);
    effort_clear(c);
    external_clear(c);
}

void
flip_begin_again(struct cutover *c, const struct record *record, uint64_t epoch)
{
    flip_begin(c, record->to);
    flip_resume(c, record, epoch);
    fence_touch(c);
}
