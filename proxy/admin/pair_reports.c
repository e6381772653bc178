/* pair_reports.c — what SHOW tells of the pair. See pair_reports.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "admin/pair_reports.h"

#include <inttypes.h>
#include <string.h>

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

struct table *
report_pair(const struct snapshot *snap)
{
    static const char *const columns[] = {"pair",
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
                                          "disabled"};
    const struct view *v = snap->view;
    const struct cutover_status *c = &snap->cutover;
    const struct node_facts *other = facts_lead(snap->facts, side_other(v->writer));
    const uint64_t since_us =
        snap->now_us > c->state_since_us ? snap->now_us - c->state_since_us : 0;
    struct table *t = table_new(columns, COUNT_OF(columns));
    table_add(t, snap->conf->pairs[0].name);
    table_add_number(t, v->epoch);
    table_add(t, side_name(v->writer));
    table_add_bool(t, v->writes_known);
    table_add(t, reads_name(v->reads));
    table_addf(t, "%" PRIu32 ".%02" PRIu32, v->reads_percent / 100, v->reads_percent % 100);
    table_add_number(t, v->rules_count);
    table_add_bool(t, v->writes_held);
    table_add(t, c->state_name);
    table_add_time(t, since_us, CELL_IN_MS);
    table_add_number(t, snap->sessions);
    table_add_number(t, snap->stats->sessions_pinned);
    table_add_number(t, snap->waiting);
    table_add_number(t, snap->rates.xacts_per_s);
    table_add_time(t, snap->rates.p99_us, CELL_IN_US);
    table_add(t, way_back_name(c->way_back));
    add_number_if(t, v->writer == SIDE_GREEN && other->lag_known, other->lag_bytes);
    table_add_bool(t, c->blocked);
    add_ms_if(t, snap->hold_until_us > snap->now_us, snap->hold_until_us - snap->now_us);
    table_add_bool(t, v->paused);
    table_add_bool(t, v->disabled);
    return t;
}

struct table *
report_state(const struct snapshot *snap)
{
    static const char *const columns[] = {"key", "value"};
    const struct {
        const char *key;
        bool value;
    } states[] = {
        {"active", !snap->view->paused},
        {"paused", snap->view->paused},
        {"suspended", false},
    };
    struct table *t = table_new(columns, COUNT_OF(columns));
    for (size_t i = 0; i < COUNT_OF(states); i++) {
        table_add(t, states[i].key);
        table_add_bool(t, states[i].value);
    }
    struct table *pair = report_pair(snap);
    for (size_t column = 0; column < pair->columns_count; column++) {
        if (column == table_column(pair, "paused")) {
            continue; /* said already, as PgBouncer does */
        }
        table_add(t, pair->columns[column]);
        table_add_cell(t, table_cell(pair, 0, column));
    }
    table_free(pair);
    return t;
}

static void
add_server(struct table *t, const struct snapshot *snap, enum side side, uint32_t i)
{
    const struct side_facts *facts = &snap->facts->side[side];
    const struct node_facts *node = &facts->node[i];
    const struct conf_host *host = &snap->conf->pairs[0].side[side].hosts[i];
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
    table_add_bool(t, i == facts->lead);
    table_add(t, node_standing_name(node->standing));
    table_add_bool(t, node->serves_reads);
    table_add_number(t, host->weight);
}

struct table *
report_lag(const struct snapshot *snap)
{
    static const char *const columns[] = {
        "side",        "role",   "version",  "up",           "lsn",     "lag_bytes",
        "lag_ms",      "lag_ok", "fenced",   "error",        "address", "timeline",
        "incarnation", "lead",   "standing", "serves_reads", "weight"};
    struct table *t = table_new(columns, COUNT_OF(columns));
    for (int side = 0; side < SIDES_COUNT; side++) {
        for (uint32_t i = 0; i < snap->facts->side[side].nodes_count; i++) {
            add_server(t, snap, (enum side)side, i);
        }
    }
    return t;
}

struct table *
report_cutover(const struct snapshot *snap)
{
    static const char *const columns[] = {"state",    "step",    "job",       "flip_id", "from",
                                          "to",       "kind",    "committed", "blocked", "held_ms",
                                          "way_back", "failure", "running"};
    const struct cutover_status *c = &snap->cutover;
    struct table *t = table_new(columns, COUNT_OF(columns));
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
    table_add(t, snap->runner[0] == '\0' ? NULL : snap->runner);
    return t;
}
