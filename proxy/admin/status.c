/* status.c — the text of STATUS: the pairs at a glance. See status.h.
 *
 * The form is the one of the operator's story. What is not as it should be (writes held, a side
 * down, a flip that was undone) adds words or a line; nothing is left out to make it look calm. */
/* SPDX-License-Identifier: PostgreSQL */
#include "admin/status.h"

#include <inttypes.h>
#include <stdio.h>

#include "admin/pairs.h"
#include "admin/text.h"
#include "base/check.h"

enum { COLUMN_GAP = 3, LINE_SIZE = 256 };

/* One pair of a snapshot. */
struct shown {
    const struct snapshot *snap;
    const struct snapshot_pair *pair;
    struct pair_option option; /* for what tealctl may do about it */
};

static void put_header(const struct shown *s, struct buf *out);
static void put_nodes(const struct shown *s, struct buf *out);
static void put_traffic(const struct snapshot *snap, struct buf *out);
static void put_share(const struct shown *s, struct buf *out);
static void put_way_back(const struct shown *s, struct buf *out);
static void put_orders(const struct shown *s, struct buf *out);
static void put_trouble(const struct shown *s, struct buf *out);

static void
put_pair(const struct snapshot *snap, uint32_t number, struct buf *out)
{
    const struct shown s = {snap, &snap->pairs[number], pair_option(snap, number)};
    CHECK(s.pair->conf != NULL && s.pair->view != NULL && s.pair->facts != NULL);
    put_header(&s, out);
    put_nodes(&s, out);
    if (snap->pairs_count == 1) {
        put_traffic(snap, out); /* the traffic is that of the pair */
    } else {
        put_share(&s, out);
    }
    if (s.pair->view->writes_known && s.pair->view->writer == SIDE_GREEN) {
        put_way_back(&s, out);
    }
    put_orders(&s, out);
    put_trouble(&s, out);
}

void
status_print(const struct snapshot *snap, struct buf *out)
{
    CHECK(snap->conf != NULL && snap->stats != NULL && snap->end <= snap->pairs_count);
    for (uint32_t i = snap->first; i < snap->end; i++) {
        put_pair(snap, i, out);
    }
    if (snap->pairs_count > 1) {
        buf_printf(out, "all pairs\n");
        put_traffic(snap, out);
    }
}

void
status_print_lag(const struct node_facts *node, char *out, size_t size)
{
    if (!node->lag_known) {
        (void)snprintf(out, size, "lag unknown");
        return;
    }
    (void)snprintf(out, size, "%s, %s behind", text_bytes(node->lag_bytes).s,
                   text_duration(node->lag_us).s);
}

static void
put_reads(const struct shown *s, struct buf *out)
{
    const struct view *v = s->pair->view;
    if (v->reads == READS_FOLLOW) {
        buf_printf(out, "reads -> %s", side_name(v->writer));
    } else {
        const enum side side = reads_side(v->reads, v->writer);
        buf_printf(out, "reads -> %s", side_name(side));
        if (v->reads_percent < PERCENT_ALL) {
            buf_printf(out, " %s", text_percent(v->reads_percent).s);
        }
    }
    if (v->rules_count > 0) {
        buf_printf(out, " (%" PRIu32 " %s)", v->rules_count,
                   v->rules_count == 1 ? "rule" : "rules");
    }
}

static void
put_phase(const struct shown *s, struct buf *out)
{
    const struct cutover_status *c = &s->pair->cutover;
    if (c->blocked) {
        buf_printf(out, "BLOCKED in %s", c->state_name);
    } else if (c->state != CUT_IDLE) {
        const uint64_t since_us =
            s->snap->now_us > c->state_since_us ? s->snap->now_us - c->state_since_us : 0;
        buf_printf(out, "%s (%s)", c->state_name, text_duration(since_us).s);
    } else if (s->pair->hold_until_us > s->snap->now_us) {
        buf_printf(out, "held by the operator, %s left",
                   text_duration(s->pair->hold_until_us - s->snap->now_us).s);
    } else {
        buf_printf(out, "idle");
    }
}

static void
put_header(const struct shown *s, struct buf *out)
{
    const struct view *v = s->pair->view;
    buf_printf(out, "pair %s    epoch %" PRIu64 "    ", s->pair->conf->name, v->epoch);
    if (!v->writes_known) {
        buf_printf(out, "writes held: the writer is not known yet    ");
    } else if (v->writes_held) {
        buf_printf(out, "writes held (%s)    ", side_name(v->writer));
    } else {
        buf_printf(out, "writes -> %s    ", side_name(v->writer));
    }
    put_reads(s, out);
    buf_printf(out, "    ");
    put_phase(s, out);
    buf_printf(out, "\n");
}

/* A two-way follower that is the writer is a primary to the operator. */
static const char *
role_text(const struct node_facts *node, bool is_writer)
{
    const bool two_way = is_writer && node->role == NODE_LOGICAL_FOLLOWER;
    return node_role_name(two_way ? NODE_PRIMARY : node->role);
}

static void
add_node(struct table *t, const struct shown *s, enum side side, uint32_t number)
{
    const struct side_facts *facts = &s->pair->facts->side[side];
    const struct node_facts *node = &facts->node[number];
    const struct conf_host *host = &s->pair->conf->side[side].hosts[number];
    const bool is_writer =
        s->pair->view->writes_known && s->pair->view->writer == side && facts->lead == number;
    table_add(t, side_name(side));
    table_addf(t, "%s:%u", host->name, host->port);
    table_add(t, node->version[0] == '\0' ? "?" : node->version);
    table_add(t, role_text(node, is_writer));
    table_add(t, node->up ? "up" : "DOWN");
    if (!node->up) {
        table_addf(t, " %s", node->error.text);
    } else if (is_writer) {
        table_addf(t, " %s", text_lsn(node->lsn).s);
    } else {
        char lag[LINE_SIZE];
        status_print_lag(node, lag, sizeof(lag));
        table_addf(t, " %s", lag);
    }
}

static void
put_nodes(const struct shown *s, struct buf *out)
{
    static const char *const columns[] = {"side", "address", "version", "role", "up", "position"};
    struct table *t = table_new(columns, COUNT_OF(columns));
    for (int side = 0; side < SIDES_COUNT; side++) {
        for (uint32_t i = 0; i < s->pair->facts->side[side].nodes_count; i++) {
            add_node(t, s, (enum side)side, i);
        }
    }
    text_align(t, "  ", COLUMN_GAP, out);
    table_free(t);
}

static void
put_traffic(const struct snapshot *snap, struct buf *out)
{
    const uint64_t pinned = snap->stats->sessions_pinned;
    buf_printf(out, "  %" PRIu32 " %s", snap->sessions,
               snap->sessions == 1 ? "session" : "sessions");
    if (pinned > 0) {
        buf_printf(out, " (%" PRIu64 " cannot move: tealctl sessions --pinned)", pinned);
    }
    const uint32_t waiting = pairs_waiting(snap);
    if (waiting > 0) {
        buf_printf(out, "    %" PRIu32 " waiting", waiting);
    }
    buf_printf(out, "    %" PRIu64 " tx/s    p99 %s\n", snap->rates.xacts_per_s,
               text_latency(snap->rates.p99_us).s);
}

/* What of the traffic is in one of several pairs. */
static void
put_share(const struct shown *s, struct buf *out)
{
    struct pair_traffic traffic;
    pair_traffic(s->snap, s->pair->view->pair, &traffic);
    buf_printf(out, "  %" PRIu64 " %s", traffic.clients,
               traffic.clients == 1 ? "session" : "sessions");
    if (s->pair->waiting > 0) {
        buf_printf(out, "    %" PRIu32 " waiting", s->pair->waiting);
    }
    buf_printf(out, "    %" PRIu64 " tx/s\n", traffic.xacts_per_s);
}

static void
put_way_back(const struct shown *s, struct buf *out)
{
    const struct cutover_status *c = &s->pair->cutover;
    const struct node_facts *old = facts_lead(s->pair->facts, SIDE_BLUE);
    if (c->way_back == CUTOVER_WAY_BACK_MISSING) {
        buf_printf(out, "  there is NO way back to blue: what is written now stays on green\n");
    } else if (c->way_back == CUTOVER_WAY_BACK_OPEN && old->up && old->lag_known) {
        buf_printf(out, "  the way back is open (reverse lag %s): tealctl %srollback\n",
                   text_bytes(old->lag_bytes).s, s->option.s);
    } else if (c->way_back == CUTOVER_WAY_BACK_OPEN) {
        buf_printf(out, "  the way back is open (reverse lag unknown): tealctl %srollback\n",
                   s->option.s);
    }
}

/* What the operator has ordered and may have forgotten: it outlives a restart. */
static void
put_orders(const struct shown *s, struct buf *out)
{
    const struct view *v = s->pair->view;
    if (v->paused) {
        buf_printf(out, "  PAUSED: whatever begins waits: tealctl %sresume\n",
                   s->pair->paused ? s->option.s : "");
    }
    for (uint32_t i = 0; i < v->stops_count; i++) {
        const struct view_stop *stop = &v->stops[i];
        if (!stop_is_of_pair(s->snap, stop, v->pair)) {
            continue;
        }
        if (stop->paused) {
            buf_printf(out, "  PAUSED: whatever begins in %s waits: tealctl resume %s\n",
                       stop->alias, stop->alias);
        }
        if (stop->disabled) {
            buf_printf(out, "  DISABLED: new clients of %s are refused: tealctl enable %s\n",
                       stop->alias, stop->alias);
        }
    }
}

static void
put_trouble(const struct shown *s, struct buf *out)
{
    const struct cutover_status *c = &s->pair->cutover;
    if (s->pair->runner[0] != '\0') {
        buf_printf(out, "  running: %s\n", s->pair->runner);
    }
    if (c->state == CUT_IDLE && c->flip_known && !c->committed && err_is_set(&c->failure)) {
        buf_printf(out, "  the last flip was undone: %s\n", c->failure.text);
    } else if (c->blocked) {
        buf_printf(out, "  it cannot go on: %s\n", c->failure.text);
    }
}
