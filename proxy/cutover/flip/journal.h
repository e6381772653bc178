/* journal.h — what is decided: the durable record, and the route that the workers have.
 *
 * The record is written before the act that it announces, the route is published after what makes
 * it true. Both name the writer and its epoch; in the middle of a flip the record is ahead. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_CUTOVER_FLIP_JOURNAL_H
#define TEAL_CUTOVER_FLIP_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"
#include "base/err.h"
#include "base/slice.h"
#include "cutover/engine/record.h"
#include "cutover/types/ops.h"
#include "model/side.h"

struct cutover;

struct journal {
    struct record record; /* as last written, or to be written next; epoch 0: there is none */
    struct cutover_route route;
};

/* Before anything is known: the configured writer, writes held. */
void journal_init(struct cutover *c);
/* Takes what the state file held; a corrupt one is as good as none. */
void journal_read(struct cutover *c, struct slice bytes);
/* The writer and its epoch, in record and route; nothing is written or published yet. */
void journal_writer(struct cutover *c, enum side writer, uint64_t epoch);
/* The record names the flip under way. */
void journal_flip(struct cutover *c);
/* Whether failover is paused; nothing is written yet. */
void journal_ha_paused(struct cutover *c, bool paused);
/* Durable when it returns true. */
MUST_CHECK bool journal_write(struct cutover *c, enum record_phase phase, struct err *err);
/* The same where the databases have decided already, and recovery asks them: a disk that fails is
 * logged, and nothing waits for it. */
void journal_write_late(struct cutover *c, enum record_phase phase);
void journal_publish(struct cutover *c, bool held);

#endif
