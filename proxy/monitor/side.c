/* side.c — which server stands for a side. See side.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "monitor/side.h"

#include <inttypes.h>

#include "base/check.h"

/* ---- which cluster ---- */

static uint32_t
answering_count(const struct side_facts *side)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < side->nodes_count; i++) {
        count += side->node[i].answers;
    }
    return count;
}

static uint32_t
votes_for(const struct side_facts *side, uint64_t system_identifier)
{
    uint32_t votes = 0;
    for (uint32_t i = 0; i < side->nodes_count; i++) {
        votes += side->node[i].answers && side->node[i].system_identifier == system_identifier;
    }
    return votes;
}

/* One of the cluster that most servers are of; where that is a draw, of the one with the newest
 * row. NULL when no server answers. */
static const struct node_facts *
most_common(const struct side_facts *side)
{
    const struct node_facts *best = NULL;
    for (uint32_t i = 0; i < side->nodes_count; i++) {
        const struct node_facts *node = &side->node[i];
        if (!node->answers) {
            continue;
        }
        const uint32_t votes = votes_for(side, node->system_identifier);
        const uint32_t best_votes = best == NULL ? 0 : votes_for(side, best->system_identifier);
        if (best == NULL || votes > best_votes ||
            (votes == best_votes && node->local_state.epoch > best->local_state.epoch)) {
            best = node;
        }
    }
    return best;
}

/* As much speaks for another cluster as for that of best. */
static bool
is_draw(const struct side_facts *side, const struct node_facts *best)
{
    for (uint32_t i = 0; i < side->nodes_count; i++) {
        const struct node_facts *node = &side->node[i];
        if (node->answers && node->system_identifier != best->system_identifier &&
            node->local_state.epoch == best->local_state.epoch &&
            votes_for(side, node->system_identifier) == votes_for(side, best->system_identifier)) {
            return true;
        }
    }
    return false;
}

static bool
is_settled(struct side_memory *memory, const struct side_facts *side, uint64_t now_us)
{
    bool all_heard = true;
    for (uint32_t i = 0; i < side->nodes_count; i++) {
        all_heard = all_heard && side->node[i].since_us != 0;
    }
    if (memory->first_us == 0 && answering_count(side) > 0) {
        memory->first_us = now_us;
    }
    return side->settled || all_heard ||
           (memory->first_us != 0 && memory->first_us + SIDE_SETTLE_US <= now_us);
}

static void
settle_cluster(struct side_memory *memory, const struct side_facts *side)
{
    const struct node_facts *best = most_common(side);
    if (best == NULL || best->system_identifier == memory->system_identifier) {
        return;
    }
    const bool all_agree = votes_for(side, best->system_identifier) == side->nodes_count;
    const bool is_first = memory->system_identifier == 0;
    memory->is_disputed = !all_agree && is_first && (memory->is_disputed || is_draw(side, best));
    if (all_agree || (is_first && !memory->is_disputed)) {
        memory->system_identifier = best->system_identifier;
        memory->timeline = 0;
        memory->epoch = 0;
    }
}

/* ---- which primary ---- */

static bool
is_lead(const struct side_facts *side, const struct node_facts *node)
{
    return node == &side->node[side->lead];
}

static bool
is_primary(const struct node_facts *node)
{
    return node->answers && node->standing == NODE_IN_ORDER && !node->in_recovery;
}

/* It lacks what was written where the lead was, or what was decided there. */
static bool
is_behind_memory(const struct side_memory *memory, const struct side_facts *side,
                 const struct node_facts *node)
{
    if (node->timeline != memory->timeline) {
        return node->timeline < memory->timeline;
    }
    return !is_lead(side, node) && node->local_state.present &&
           node->local_state.epoch < memory->epoch;
}

static bool
is_hinted(const struct side_memory *memory, const struct side_facts *side,
          const struct node_facts *node)
{
    return memory->hint != 0 && node == &side->node[memory->hint - 1];
}

/* More than 0: a is the later one; 0: they cannot be told apart. A lead by mere beginning does not
 * count. */
static int
compare_primaries(const struct side_memory *memory, const struct side_facts *side,
                  const struct node_facts *a, const struct node_facts *b)
{
    if (a->timeline != b->timeline) {
        return a->timeline > b->timeline ? 1 : -1;
    }
    if (memory->timeline != 0 && (is_lead(side, a) || is_lead(side, b))) {
        return is_lead(side, a) ? 1 : -1;
    }
    if (a->local_state.epoch != b->local_state.epoch) {
        return a->local_state.epoch > b->local_state.epoch ? 1 : -1;
    }
    return (is_hinted(memory, side, a) ? 1 : 0) - (is_hinted(memory, side, b) ? 1 : 0);
}

static const struct node_facts *
latest_primary(const struct side_memory *memory, const struct side_facts *side, bool *is_ambiguous)
{
    const struct node_facts *best = NULL;
    *is_ambiguous = false;
    for (uint32_t i = 0; i < side->nodes_count; i++) {
        const struct node_facts *node = &side->node[i];
        if (!is_primary(node)) {
            continue;
        }
        const int order = best == NULL ? 1 : compare_primaries(memory, side, node, best);
        *is_ambiguous = order == 0 || (*is_ambiguous && order < 0);
        best = order > 0 ? node : best;
    }
    return best;
}

/* ---- standing ---- */

static void
call_foreign(const struct side_memory *memory, struct node_facts *node, const char *name)
{
    node->standing = NODE_FOREIGN;
    if (memory->system_identifier == 0) {
        (void)err_set(&node->error, SQLSTATE_OBJECT_NOT_IN_STATE,
                      "the servers of %s are of different clusters, and which is the right one "
                      "cannot be told: this one has the system identifier %" PRIu64
                      "; it is not used",
                      name, node->system_identifier);
        (void)err_hint(&node->error, "Take the wrong one out of hosts, and restart Teal.");
        return;
    }
    (void)err_set(&node->error, SQLSTATE_OBJECT_NOT_IN_STATE,
                  "the server is of another cluster than the rest of %s (system identifier %" PRIu64
                  ", not %" PRIu64 "); it is not used",
                  name, node->system_identifier, memory->system_identifier);
}

static void
judge_clusters(const struct side_memory *memory, struct side_facts *side, const char *name)
{
    for (uint32_t i = 0; i < side->nodes_count; i++) {
        struct node_facts *node = &side->node[i];
        if (!node->answers) {
            continue;
        }
        node->standing = NODE_IN_ORDER;
        if (node->system_identifier != memory->system_identifier) {
            call_foreign(memory, node, name);
        }
    }
}

static void
call_stray(struct node_facts *node, const char *name, const char *why)
{
    node->standing = NODE_STRAY;
    (void)err_set(&node->error, SQLSTATE_OBJECT_NOT_IN_STATE,
                  "the server is a second primary of %s, on timeline %" PRIu32
                  ": %s; it is not used",
                  name, node->timeline, why);
}

static void
judge_memory(const struct side_memory *memory, struct side_facts *side, const char *name)
{
    for (uint32_t i = 0; i < side->nodes_count; i++) {
        struct node_facts *node = &side->node[i];
        if (is_primary(node) && is_behind_memory(memory, side, node)) {
            call_stray(node, name, "what was written after it is not there");
        }
    }
}

static void
judge_primaries(struct side_facts *side, const struct node_facts *latest, bool is_ambiguous,
                const char *name)
{
    for (uint32_t i = 0; i < side->nodes_count; i++) {
        struct node_facts *node = &side->node[i];
        if (is_primary(node) && is_ambiguous && node->timeline == latest->timeline) {
            call_stray(node, name, "which of the two is the writer cannot be told");
        } else if (is_primary(node) && node != latest) {
            call_stray(node, name, "another one was promoted later or was there before");
        }
    }
}

/* ---- the lead ---- */

static bool
is_usable_standby(const struct node_facts *node)
{
    return node->answers && node->standing == NODE_IN_ORDER && node->in_recovery;
}

static uint32_t
worth_of_standby(const struct side_facts *side, const struct node_facts *node)
{
    if (!is_usable_standby(node)) {
        return 0;
    }
    return 1 + (node->cascades ? 0U : 4U) + (is_lead(side, node) ? 2U : 0U) +
           (node->receives ? 1U : 0U);
}

/* A primary that was seen, and is not there now, is waited for. */
static bool
lead_is_a_lost_primary(const struct side_memory *memory, const struct side_facts *side)
{
    const struct node_facts *lead = &side->node[side->lead];
    return memory->timeline != 0 && !is_usable_standby(lead);
}

static uint32_t
lead_among_standbys(const struct side_memory *memory, const struct side_facts *side)
{
    uint32_t best = side->lead;
    if (lead_is_a_lost_primary(memory, side)) {
        return best;
    }
    for (uint32_t i = 0; i < side->nodes_count; i++) {
        if (worth_of_standby(side, &side->node[i]) > worth_of_standby(side, &side->node[best])) {
            best = i;
        }
    }
    return best;
}

/* No primary is anywhere: the next one begins a history of its own. */
static void
forget_if_all_are_standbys(struct side_memory *memory, const struct side_facts *side)
{
    for (uint32_t i = 0; i < side->nodes_count; i++) {
        if (!is_usable_standby(&side->node[i])) {
            return;
        }
    }
    memory->timeline = 0;
    memory->epoch = 0;
}

static void
choose_lead(struct side_memory *memory, struct side_facts *side, const char *name)
{
    bool is_ambiguous;
    const struct node_facts *latest = latest_primary(memory, side, &is_ambiguous);
    if (latest != NULL) {
        judge_primaries(side, latest, is_ambiguous, name);
    }
    if (latest == NULL || is_ambiguous) {
        side->lead = lead_among_standbys(memory, side);
        return;
    }
    side->lead = (uint32_t)(latest - side->node);
    memory->timeline = latest->timeline;
    memory->epoch = latest->local_state.present ? latest->local_state.epoch : 0;
}

/* ---- all together ---- */

static void
settle_up(struct side_facts *side, uint64_t now_us)
{
    for (uint32_t i = 0; i < side->nodes_count; i++) {
        struct node_facts *node = &side->node[i];
        const bool up = node->answers && node->standing == NODE_IN_ORDER;
        if (up) {
            err_clear(&node->error);
        }
        node->since_us = up == node->up ? node->since_us : now_us;
        node->up = up;
    }
}

static void
note_loss(struct side_memory *memory, const struct side_facts *side, uint64_t now_us)
{
    const struct node_facts *lead = &side->node[side->lead];
    const bool has_primary = lead->up && !lead->in_recovery;
    if (has_primary) {
        memory->lost_us = 0;
    } else if (memory->has_primary) {
        memory->lost_us = now_us;
    }
    memory->has_primary = has_primary;
}

void
side_judge(struct side_memory *memory, struct side_facts *side, const char *name, uint64_t now_us)
{
    CHECK(side->nodes_count > 0 && side->nodes_count <= NODES_MAX);
    side->settled = is_settled(memory, side, now_us);
    if (side->settled && side->nodes_count > 1) {
        settle_cluster(memory, side);
        judge_clusters(memory, side, name);
        judge_memory(memory, side, name);
        choose_lead(memory, side, name);
        forget_if_all_are_standbys(memory, side);
    } else if (side->nodes_count == 1 && side->node[0].answers) {
        side->node[0].standing = NODE_IN_ORDER;
        memory->timeline = side->node[0].in_recovery ? 0 : side->node[0].timeline;
    }
    settle_up(side, now_us);
    note_loss(memory, side, now_us);
}

bool
side_is_urgent(const struct side_memory *memory, const struct side_facts *side, uint64_t now_us)
{
    return side->nodes_count > 1 && memory->lost_us != 0 &&
           now_us < memory->lost_us + SIDE_URGENT_US;
}
