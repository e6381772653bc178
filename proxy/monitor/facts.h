/* facts.h — from answers to facts: the pure part of the monitor. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_MONITOR_FACTS_H
#define TEAL_MONITOR_FACTS_H

#include <stdbool.h>
#include <stdint.h>

#include "monitor/lag.h"
#include "monitor/node.h"
#include "monitor/question.h"

/* How the follower gets the writer's changes, and so what is compared. */
enum stream_kind {
    STREAM_NONE,     /* it does not follow this writer, as far as is known: the lag is unknown */
    STREAM_PHYSICAL, /* a standby of the same cluster and timeline: LSN against LSN */
    STREAM_LOGICAL,  /* heartbeat against heartbeat */
};

/* Puts the answer into the facts (not up, error, addr, incarnation, lag). */
void facts_apply(struct node_facts *facts, const struct answer *answer, bool is_writer);
/* How `follower` follows `writer`. Both sides must have answered and be up. */
enum stream_kind facts_stream(const struct node_facts *writer, const struct node_facts *follower);
/* Whether the writer's heartbeat is to be moved on. */
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

/* Something that a route or a person would see is different. Positions and amounts of lag move all
 * the time and do not count. */
bool facts_differ(const struct node_facts *a, const struct node_facts *b);

#endif
