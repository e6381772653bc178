/* facts.h — from answers to facts: the pure part of the monitor. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_MONITOR_FACTS_H
#define TEAL_MONITOR_FACTS_H

#include <stdbool.h>
#include <stdint.h>

#include "monitor/node.h"
#include "monitor/question.h"
#include "monitor/stream.h"

/* Puts the answer into the facts (not up and what goes with it, error, addr, incarnation, cascades,
 * lag). is_writer: of a server of the writer's side. */
void facts_apply(struct node_facts *facts, const struct answer *answer, bool is_writer);
/* How `follower` follows `writer`, which is the lead of the writer's side. `lead` is that of the
 * follower's side, and may be the writer or the follower itself. */
enum stream_kind facts_stream(const struct node_facts *writer, const struct node_facts *follower,
                              const struct node_facts *lead);
/* Whether the writer's heartbeat is to be moved on: `follower` is the lead of the other side. */
bool facts_wants_beat(const struct node_facts *writer, const struct node_facts *follower);

/* Whether the writer may be asked to flush what its standby waits for. Not under a fence, where
 * nothing more is to be written. */
bool facts_allow_nudge(const struct node_facts *writer, const struct node_facts *follower);

/* What the guard allows, from the configuration. */
struct lag_limits {
    uint64_t us;
    uint64_t bytes;
};
void facts_set_lag(struct node_facts *facts, uint64_t bytes, uint64_t us, struct lag_limits limits);
void facts_forget_lag(struct node_facts *facts);
/* The writer is lost and nothing is written: how far behind is not known any more, but a follower
 * that was within the guard still is. */
void facts_keep_lag_ok(struct node_facts *facts);

/* Something that a route or a person would see is different. Positions and amounts of lag move all
 * the time and do not count. */
bool facts_differ(const struct node_facts *a, const struct node_facts *b);

#endif
