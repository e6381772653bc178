/* pair_reports.c — what SHOW tells of the pairs. See pair_reports.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "admin/pair_reports.h"

#include <inttypes.h>
#include <string.h>

#include "admin/pairs.h"
#include "admin/status.h"
#include "admin/text.h"
#include "base/mem.h"

/* NULL when it is not known. */
static void
add_number_if(struct table *t, bool known, uint64_t number)
{
    if (known) {
        table_add_number(t, number);
    } else {
        table_add(t, NULL);
    }
}

static void
add_ms_if(struct table *t, bool known, uint64_t us)
{
    if (known) {
        table_add_time(t, us, CELL_IN_MS);
    } else {
        table_add(t, NULL);
    }
}

struct table *
report_status(const struct snapshot *snap)
{
    static const char *const columns[] = {"status"};
    struct table *t = table_new(columns, COUNT_OF(columns));
    struct buf text;
    buf_init(&text);
    status_print(snap, &text);
    struct slice rest = buf_slice(&text);
    while (rest.len > 0) {
        const uint8_t *end = memchr(rest.p, '\n', rest.len);
        CHECK(end != NULL);
        const size_t len = (size_t)(end - rest.p);
        char *line = xstrndup((const char *)rest.p, len);
        table_add(t, line);
        mem_free(line);
        rest = slice_of(rest.p + len + 1, rest.len - len - 1);
    }
    buf_fini(&text);
    return t;
}

static const char *
way_back_name(enum cutover_way_back way_back)
{
    static const char *const names[] = {[CUTOVER_WAY_BACK_UNKNOWN] = "unknown",
                                        [CUTOVER_WAY_BACK_OPEN] = "open",
                                        [CUTOVER_WAY_BACK_MISSING] = "missing"};
    CHECK((size_t)way_back < COUNT_OF(names));
    return names[way_back];
}

static const char *const pair_columns[] = {"pair",
                                           "epoch",
                                           "writer",
                                           "writer_known",
                                           "reads",
                                           "reads_percent",
                                           "rules",
                                           "held",
                                           "phase",
                                           "since_ms",
                                           "sessions",
                                           "pinned",
                                           "waiting",
                                           "tx_per_s",
                                           "p99_us",
                                           "way_back",
                                           "reverse_lag_bytes",
                                           "blocked",
                                           "hold_left_ms",
                                           "paused",
                                           "databases_paused",
                                           "databases_disabled"};

/* Pinned sessions and latencies are known for all pairs together; of one of several they are not.
 */
static void
add_traffic(struct table *t, const struct snapshot *snap, const struct snapshot_pair *pair)
{
    const bool known = snap->pairs_count == 1;
    struct pair_traffic traffic;
    pair_traffic(snap, pair->view->pair, &traffic);
    table_add_number(t, known ? snap->sessions : traffic.clients);
    add_number_if(t, known, snap->stats->sessions_pinned);
    table_add_number(t, pair->waiting);
    table_add_number(t, known ? snap->rates.xacts_per_s : traffic.xacts_per_s);
    if (known) {
        table_add_time(t, snap->rates.p99_us, CELL_IN_US);
    } else {
        table_add(t, NULL);
    }
}

static void
add_stops(struct table *t, const struct snapshot *snap, const struct view *v)
{
    uint64_t paused = 0;
    uint64_t disabled = 0;
    for (uint32_t i = 0; i < v->stops_count; i++) {
        if (stop_is_of_pair(snap, &v->stops[i], v->pair)) {
            paused += v->stops[i].paused ? 1 : 0;
            disabled += v->stops[i].disabled ? 1 : 0;
        }
    }
    table_add_number(t, paused);
    table_add_number(t, disabled);
}

static void
add_pair(struct table *t, const struct snapshot *snap, const struct snapshot_pair *pair)
{
    const struct view *v = pair->view;
    const struct cutover_status *c = &pair->cutover;
    const struct node_facts *other = facts_lead(pair->facts, side_other(v->writer));
    const uint64_t since_us =
        snap->now_us > c->state_since_us ? snap->now_us - c->state_since_us : 0;
    table_add(t, pair->conf->name);
    table_add_number(t, v->epoch);
    table_add(t, side_name(v->writer));
    table_add_bool(t, v->writes_known);
    table_add(t, reads_name(v->reads));
    table_addf(t, "%" PRIu32 ".%02" PRIu32, v->reads_percent / 100, v->reads_percent % 100);
    table_add_number(t, v->rules_count);
    table_add_bool(t, v->writes_held);
    table_add(t, c->state_name);
    table_add_time(t, since_us, CELL_IN_MS);
    add_traffic(t, snap, pair);
    table_add(t, way_back_name(c->way_back));
    add_number_if(t, v->writer == SIDE_GREEN && other->lag_known, other->lag_bytes);
    table_add_bool(t, c->blocked);
    add_ms_if(t, pair->hold_until_us > snap->now_us, pair->hold_until_us - snap->now_us);
    table_add_bool(t, v->paused);
    add_stops(t, snap, v);
}

struct table *
report_pair(const struct snapshot *snap)
{
    struct table *t = table_new(pair_columns, COUNT_OF(pair_columns));
    for (uint32_t i = snap->first; i < snap->end; i++) {
        add_pair(t, snap, &snap->pairs[i]);
    }
    return t;
}

/* One thing that is so, of a pair. */
static void
add_state(struct table *t, const struct snapshot *snap, uint32_t pair, const char *key,
          const struct cell *value)
{
    pairs_table_add(t, snap, pair);
    table_add(t, key);
    table_add_cell(t, value);
}

static void
add_states(struct table *t, const struct snapshot *snap, uint32_t pair)
{
    const bool paused = snap->pairs[pair].view->paused;
    const struct {
        const char *key;
        bool value;
    } states[] = {{"active", !paused}, {"paused", paused}, {"suspended", false}};
    for (size_t i = 0; i < COUNT_OF(states); i++) {
        const struct cell cell = {.kind = CELL_BOOLEAN, .number = states[i].value ? 1 : 0};
        add_state(t, snap, pair, states[i].key, &cell);
    }
    struct table *row = table_new(pair_columns, COUNT_OF(pair_columns));
    add_pair(row, snap, &snap->pairs[pair]);
    for (size_t column = 0; column < row->columns_count; column++) {
        if (column != table_column(row, "paused")) { /* said already, as PgBouncer does */
            add_state(t, snap, pair, row->columns[column], table_cell(row, 0, column));
        }
    }
    table_free(row);
}

struct table *
report_state(const struct snapshot *snap)
{
    static const char *const columns[] = {"pair", "key", "value"};
    struct table *t = pairs_table_new(snap, columns, COUNT_OF(columns));
    for (uint32_t i = snap->first; i < snap->end; i++) {
        add_states(t, snap, i);
    }
    return t;
}

/* ---- the servers ---- */

static void
add_lag(struct table *t, const struct snapshot_pair *pair, enum side side, uint32_t number)
{
    const struct side_facts *facts = &pair->facts->side[side];
    const struct node_facts *node = &facts->node[number];
    const struct conf_host *host = &pair->conf->side[side].hosts[number];
    table_add(t, side_name(side));
    table_add(t, node_role_name(node->role));
    table_add(t, node->version[0] == '\0' ? NULL : node->version);
    table_add_bool(t, node->up);
    table_add(t, node->lsn == 0 ? NULL : text_lsn(node->lsn).s);
    add_number_if(t, node->lag_known, node->lag_bytes);
    add_ms_if(t, node->lag_known, node->lag_us);
    table_add_bool(t, node->lag_ok);
    table_add_bool(t, node->read_only);
    table_add(t, err_is_set(&node->error) ? node->error.text : NULL);
    table_addf(t, "%s:%u", host->name, host->port);
    add_number_if(t, node->timeline != 0, node->timeline);
    table_add_number(t, node->incarnation);
    table_add_bool(t, number == facts->lead);
    table_add(t, node_standing_name(node->standing));
    table_add_bool(t, node->serves_reads);
    table_add_number(t, host->weight);
}

struct table *
report_lag(const struct snapshot *snap)
{
    static const char *const columns[] = {
        "pair",      "side",        "role",   "version",  "up",           "lsn",
        "lag_bytes", "lag_ms",      "lag_ok", "fenced",   "error",        "address",
        "timeline",  "incarnation", "lead",   "standing", "serves_reads", "weight"};
    struct table *t = pairs_table_new(snap, columns, COUNT_OF(columns));
    for (uint32_t i = snap->first; i < snap->end; i++) {
        for (int side = 0; side < SIDES_COUNT; side++) {
            for (uint32_t n = 0; n < snap->pairs[i].facts->side[side].nodes_count; n++) {
                pairs_table_add(t, snap, i);
                add_lag(t, &snap->pairs[i], (enum side)side, n);
            }
        }
    }
    return t;
}

static void
add_node(struct table *t, const struct snapshot *snap, const struct snapshot_pair *pair,
         const struct node_id *id)
{
    const struct side_facts *side = &pair->facts->side[id->side];
    const struct node_facts *node = &side->node[id->node];
    const struct conf_host *host = &pair->conf->side[id->side].hosts[id->node];
    table_add(t, pair->conf->name);
    table_add(t, side_name(id->side));
    table_add_number(t, id->node);
    table_add(t, host->name);
    table_add_number(t, host->port);
    table_add(t, node_role_name(node->role));
    table_add(t, id->node == side->lead && !node->in_recovery ? "writer node" : "replica");
    table_add_bool(t, id->node == side->lead);
    table_add_bool(t, node->up);
    table_add_bool(t, node->serves_reads);
    add_number_if(t, node->lag_known, node->lag_bytes);
    add_ms_if(t, node->lag_known, node->lag_us);
    table_add_bool(t, node->lag_ok);
    table_add_number(t, host->weight);
    table_add_bool(t, node->standing == NODE_STRAY);
    table_add(t, node_standing_name(node->standing));
    add_ms_if(t, node->since_us != 0 && node->since_us <= snap->now_us,
              snap->now_us - node->since_us);
    table_add(t, node->version[0] == '\0' ? NULL : node->version);
    add_number_if(t, node->timeline != 0, node->timeline);
    table_add(t, err_is_set(&node->error) ? node->error.text : NULL);
}

struct table *
report_nodes(const struct snapshot *snap)
{
    static const char *const columns[] = {
        "pair",  "side",     "node",         "host",      "port",     "role",   "kind",
        "lead",  "up",       "serves_reads", "lag_bytes", "lag_ms",   "lag_ok", "weight",
        "stray", "standing", "since_ms",     "version",   "timeline", "error"};
    struct table *t = table_new(columns, COUNT_OF(columns));
    for (uint32_t i = snap->first; i < snap->end; i++) {
        for (int side = 0; side < SIDES_COUNT; side++) {
            struct node_id id = {.pair = i, .side = (enum side)side};
            for (; id.node < snap->pairs[i].facts->side[side].nodes_count; id.node++) {
                add_node(t, snap, &snap->pairs[i], &id);
            }
        }
    }
    return t;
}

/* ---- the flip ---- */

static void
add_flip(struct table *t, const struct snapshot_pair *pair)
{
    const struct cutover_status *c = &pair->cutover;
    table_add(t, c->state_name);
    table_add(t, c->step_name);
    table_add(t, c->job_name);
    add_number_if(t, c->flip_known, c->flip_id);
    table_add(t, c->flip_known ? side_name(c->from) : NULL);
    table_add(t, c->flip_known ? side_name(c->to) : NULL);
    table_add(t, c->flip_known ? c->kind_name : NULL);
    if (c->flip_known) {
        table_add_bool(t, c->committed);
    } else {
        table_add(t, NULL);
    }
    table_add_bool(t, c->blocked);
    add_ms_if(t, c->flip_known, c->held_us);
    table_add(t, way_back_name(c->way_back));
    table_add(t, err_is_set(&c->failure) ? c->failure.text : NULL);
    table_add(t, pair->runner[0] == '\0' ? NULL : pair->runner);
}

struct table *
report_cutover(const struct snapshot *snap)
{
    static const char *const columns[] = {"pair",    "state",    "step",    "job",       "flip_id",
                                          "from",    "to",       "kind",    "committed", "blocked",
                                          "held_ms", "way_back", "failure", "running"};
    struct table *t = pairs_table_new(snap, columns, COUNT_OF(columns));
    for (uint32_t i = snap->first; i < snap->end; i++) {
        pairs_table_add(t, snap, i);
        add_flip(t, &snap->pairs[i]);
    }
    return t;
}
