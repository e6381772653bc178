/* status.c — the text of STATUS: the whole pair at a glance. See status.h.
 *
 * The form is the one of the operator's story. What is not as it should be (writes held, a side
 * down, a flip that was undone) adds words or a line; nothing is left out to make it look calm. */
/* SPDX-License-Identifier: PostgreSQL */
#include "admin/status.h"

#include <inttypes.h>
#include <stdio.h>

#include "admin/text.h"
#include "base/check.h"

enum { COLUMN_GAP = 3, LINE_SIZE = 256 };

static void put_header(const struct snapshot *snap, struct buf *out);
static void put_nodes(const struct snapshot *snap, struct buf *out);
static void put_traffic(const struct snapshot *snap, struct buf *out);
static void put_way_back(const struct snapshot *snap, struct buf *out);
static void put_orders(const struct snapshot *snap, struct buf *out);
static void put_trouble(const struct snapshot *snap, struct buf *out);

void
status_print(const struct snapshot *snap, struct buf *out)
{
    CHECK(snap->conf != NULL && snap->view != NULL && snap->facts != NULL && snap->stats != NULL);
    put_header(snap, out);
    put_nodes(snap, out);
    put_traffic(snap, out);
    if (snap->view->writes_known && snap->view->writer == SIDE_GREEN) {
        put_way_back(snap, out);
    }
    put_orders(snap, out);
    put_trouble(snap, out);
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
put_reads(const struct snapshot *snap, struct buf *out)
{
    const struct view *v = snap->view;
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
put_phase(const struct snapshot *snap, struct buf *out)
{
    const struct cutover_status *c = &snap->cutover;
    if (c->blocked) {
        buf_printf(out, "BLOCKED in %s", c->state_name);
    } else if (c->state != CUT_IDLE) {
        const uint64_t since_us =
            snap->now_us > c->state_since_us ? snap->now_us - c->state_since_us : 0;
        buf_printf(out, "%s (%s)", c->state_name, text_duration(since_us).s);
    } else if (snap->hold_until_us > snap->now_us) {
        buf_printf(out, "held by the operator, %s left",
                   text_duration(snap->hold_until_us - snap->now_us).s);
    } else {
        buf_printf(out, "idle");
    }
}

static void
put_header(const struct snapshot *snap, struct buf *out)
{
    const struct view *v = snap->view;
    buf_printf(out, "pair %s    epoch %" PRIu64 "    ", snap->conf->pairs[0].name, v->epoch);
    if (!v->writes_known) {
        buf_printf(out, "writes held: the writer is not known yet    ");
    } else if (v->writes_held) {
        buf_printf(out, "writes held (%s)    ", side_name(v->writer));
    } else {
        buf_printf(out, "writes -> %s    ", side_name(v->writer));
    }
    put_reads(snap, out);
    buf_printf(out, "    ");
    put_phase(snap, out);
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
put_nodes(const struct snapshot *snap, struct buf *out)
{
    static const char *const columns[] = {"side", "address", "version", "role", "up", "position"};
    struct table *t = table_new(columns, COUNT_OF(columns));
    for (int side = 0; side < SIDES_COUNT; side++) {
        const struct node_facts *node = facts_lead(snap->facts, (enum side)side);
        const struct conf_host *host = &snap->conf->pairs[0].side[side].hosts[0];
        const bool is_writer = snap->view->writes_known && (int)snap->view->writer == side;
        char position[LINE_SIZE];
        if (is_writer) {
            (void)snprintf(position, sizeof(position), " %s", text_lsn(node->lsn).s);
        } else {
            char lag[TEXT_VALUE_SIZE * 3];
            status_print_lag(node, lag, sizeof(lag));
            (void)snprintf(position, sizeof(position), " %s", lag);
        }
        table_add(t, side_name((enum side)side));
        table_addf(t, "%s:%u", host->name, host->port);
        table_add(t, node->version[0] == '\0' ? "?" : node->version);
        table_add(t, role_text(node, is_writer));
        table_add(t, node->up ? "up" : "DOWN");
        if (node->up) {
            table_add(t, position);
        } else {
            table_addf(t, " %s", node->error.text);
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
    if (snap->waiting > 0) {
        buf_printf(out, "    %" PRIu32 " waiting", snap->waiting);
    }
    buf_printf(out, "    %" PRIu64 " tx/s    p99 %s\n", snap->rates.xacts_per_s,
               text_latency(snap->rates.p99_us).s);
}

static void
put_way_back(const struct snapshot *snap, struct buf *out)
{
    const struct cutover_status *c = &snap->cutover;
    const struct node_facts *old = facts_lead(snap->facts, SIDE_BLUE);
    if (c->way_back == CUTOVER_WAY_BACK_MISSING) {
        buf_printf(out, "  there is NO way back to blue: what is written now stays on green\n");
    } else if (c->way_back == CUTOVER_WAY_BACK_OPEN && old->up && old->lag_known) {
        buf_printf(out, "  the way back is open (reverse lag %s): tealctl rollback\n",
                   text_bytes(old->lag_bytes).s);
    } else if (c->way_back == CUTOVER_WAY_BACK_OPEN) {
        buf_printf(out, "  the way back is open (reverse lag unknown): tealctl rollback\n");
    }
}

/* What the operator has ordered and may have forgotten: it outlives a restart. */
static void
put_orders(const struct snapshot *snap, struct buf *out)
{
    if (snap->view->paused) {
        buf_printf(out, "  PAUSED: whatever begins waits: tealctl resume\n");
    }
    if (snap->view->disabled) {
        buf_printf(out, "  DISABLED: new clients are refused: tealctl enable %s\n",
                   snap->conf->pairs[0].database);
    }
}

static void
put_trouble(const struct snapshot *snap, struct buf *out)
{
    const struct cutover_status *c = &snap->cutover;
    if (snap->runner[0] != '\0') {
        buf_printf(out, "  running: %s\n", snap->runner);
    }
    if (c->state == CUT_IDLE && c->flip_known && !c->committed && err_is_set(&c->failure)) {
        buf_printf(out, "  the last flip was undone: %s\n", c->failure.text);
    } else if (c->blocked) {
        buf_printf(out, "  it cannot go on: %s\n", c->failure.text);
    }
}
