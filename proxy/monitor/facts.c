/* facts.c — from answers to facts: the pure part of the monitor. See facts.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "monitor/facts.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"

static enum node_role
facts_role(const struct node_facts *facts, bool subscription_enabled, bool is_writer)
{
    if (facts->in_recovery) {
        return NODE_STANDBY;
    }
    /* With subscriptions both ways the writer has one, too; it is the writer all the same. */
    return subscription_enabled && !is_writer ? NODE_LOGICAL_FOLLOWER : NODE_PRIMARY;
}

void
facts_apply(struct node_facts *facts, const struct answer *answer, bool is_writer)
{
    facts->in_recovery = answer->in_recovery;
    facts->subscribes = answer->subscription_enabled;
    facts->role = facts_role(facts, answer->subscription_enabled && !answer->has_gap, is_writer);
    facts->server_version_num = answer->server_version_num;
    (void)snprintf(facts->version, sizeof(facts->version), "%s", answer->version);
    facts->system_identifier = answer->system_identifier;
    facts->started_us = answer->started_us;
    facts->timeline = answer->timeline;
    facts->lsn = answer->lsn;
    facts->read_only = answer->read_only;
    facts->closed = answer->closed;
    facts->schema_exists = answer->schema_exists;
    facts->subscription_ready = answer->subscription_ready;
    facts->receives = answer->upstream_host[0] != '\0';
    if (answer->local_state_known || !answer->schema_exists) {
        facts->local_state = answer->local_state;
    }
}

/* The same cluster on another timeline has another history: its LSNs say nothing here. */
static bool
has_same_history(const struct node_facts *a, const struct node_facts *b)
{
    return a->system_identifier != 0 && a->timeline != 0 &&
           a->system_identifier == b->system_identifier && a->timeline == b->timeline;
}

/* While a table is in its initial copy, the heartbeat overtakes that table's rows. */
static bool
follows_logically(const struct node_facts *follower)
{
    return follower->up && follower->role == NODE_LOGICAL_FOLLOWER && follower->subscription_ready;
}

/* A standby shows what its primary has applied, and in that order: the heartbeat, too, and the
 * state of the subscription. */
static bool
stands_behind_logically(const struct node_facts *follower, const struct node_facts *lead)
{
    return follower != lead && follower->subscription_ready && follows_logically(lead) &&
           has_same_history(follower, lead);
}

enum stream_kind
facts_stream(const struct node_facts *writer, const struct node_facts *follower,
             const struct node_facts *lead)
{
    CHECK(writer != follower);
    if (!writer->up || !follower->up || writer->in_recovery) {
        return STREAM_NONE;
    }
    if (follower->role != NODE_STANDBY) {
        return follows_logically(follower) ? STREAM_LOGICAL : STREAM_NONE;
    }
    if (has_same_history(writer, follower)) {
        return STREAM_PHYSICAL;
    }
    return stands_behind_logically(follower, lead) ? STREAM_LOGICAL : STREAM_NONE;
}

bool
facts_wants_beat(const struct node_facts *writer, const struct node_facts *follower)
{
    return writer->up && !writer->in_recovery && !writer->read_only && writer->schema_exists &&
           follower->role == NODE_LOGICAL_FOLLOWER;
}

bool
facts_allow_nudge(const struct node_facts *writer, const struct node_facts *follower)
{
    return !writer->read_only && facts_stream(writer, follower, follower) == STREAM_PHYSICAL;
}

void
facts_set_lag(struct node_facts *facts, uint64_t bytes, uint64_t us, struct lag_limits limits)
{
    CHECK(facts->up);
    facts->lag_known = true;
    facts->lag_bytes = bytes;
    facts->lag_us = us;
    facts->lag_ok = bytes <= limits.bytes && us <= limits.us;
}

void
facts_forget_lag(struct node_facts *facts)
{
    facts->lag_known = false;
    facts->lag_bytes = 0;
    facts->lag_us = 0;
    facts->lag_ok = false;
}

void
facts_keep_lag_ok(struct node_facts *facts)
{
    const bool ok = facts->lag_ok;
    facts_forget_lag(facts);
    facts->lag_ok = ok;
}

static bool
local_state_differs(const struct node_local_state *a, const struct node_local_state *b)
{
    return a->present != b->present || a->epoch != b->epoch || strcmp(a->writer, b->writer) != 0 ||
           strcmp(a->phase, b->phase) != 0 || strcmp(a->flip_id, b->flip_id) != 0;
}

static bool
server_differs(const struct node_facts *a, const struct node_facts *b)
{
    return a->in_recovery != b->in_recovery || a->role != b->role ||
           a->server_version_num != b->server_version_num ||
           a->system_identifier != b->system_identifier || a->timeline != b->timeline ||
           a->read_only != b->read_only || a->closed != b->closed ||
           a->schema_exists != b->schema_exists || a->subscription_ready != b->subscription_ready ||
           local_state_differs(&a->local_state, &b->local_state);
}

bool
facts_differ(const struct node_facts *a, const struct node_facts *b)
{
    return a->up != b->up || a->serves_reads != b->serves_reads || a->standing != b->standing ||
           strcmp(a->error.text, b->error.text) != 0 || a->incarnation != b->incarnation ||
           a->addr_len != b->addr_len || memcmp(&a->addr, &b->addr, sizeof(a->addr)) != 0 ||
           a->lag_known != b->lag_known || a->lag_ok != b->lag_ok ||
           a->fresh_until_us != b->fresh_until_us || server_differs(a, b);
}
