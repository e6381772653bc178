/* test_machine.c — the machine against a world in memory: happy paths, every single fault, crashes,
 * random walks.
 *
 * The world is two clusters as small models, which understand the statements by the tag in front of
 * each ("teal fence-set"), a clock that only moves when nothing is due, and a fault for the k-th
 * statement. What must hold at the end of every story, whatever was done to it: writes are released
 * on exactly one side, that side accepts them, the other does not, and the rows agree. What must
 * hold at every moment: never do both sides accept writes. */
/* SPDX-License-Identifier: PostgreSQL */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/mem.h"
#include "cutover/cutover.h"
#include "cutover/engine/record.h"
#include "cutover/flip/parts.h"
#include "cutover/invariants.h"

enum { CELLS_MAX = 12, CELL_SIZE = 64, KEPT_NONE = -2, QUEUE_MAX = 256, TAG_SIZE = 64 };

/* What happens to a statement. */
enum fault {
    FAULT_NONE,
    FAULT_FAIL,    /* an error of the server; it did not run */
    FAULT_REPLY,   /* it ran, and the reply was lost */
    FAULT_LOST,    /* it did not run, and the connection was lost */
    FAULT_DELAYED, /* the connection was lost, and it runs later, in a backend that nobody hears of
                    */
    FAULTS_COUNT,
};

struct node {
    bool in_recovery;
    bool promoting;
    bool guard_file;     /* what ALTER SYSTEM has written */
    bool guard;          /* what new sessions start with */
    bool database_guard; /* the same, by ALTER DATABASE */
    int limit;           /* of connections to the database */
    int kept_limit;      /* in the record of a fence; KEPT_NONE */
    bool ordinary;       /* the operator is no superuser here */
    bool mute;           /* and may make no stream */
    bool exempt;         /* a role's sessions begin read-write all the same */
    bool stream;         /* its subscription is enabled */
    bool down;
    bool nonsense; /* it is no PostgreSQL that answers */
    bool frozen;   /* it answers only when the time of the statement is over */
    bool stubborn; /* it takes no request to promote */
    bool lingers;  /* the worker of a stream that is off does not end */
    int version;
    uint64_t epoch;
    enum side writer;
    char flip_id[32];
    char phase[32];
    uint64_t seq;
};

struct entry {
    uint64_t at_us;
    uint64_t order;
    bool is_timer;
    cutover_timer_fn *timer;
    cutover_sql_fn *done;
    void *arg;
    enum side side;
    enum fault fault;
    bool silent; /* nobody waits for the answer any more */
    char sql[4096];
};

struct world {
    struct cutover *machine;
    struct node node[SIDES_COUNT];
    struct entry queue[QUEUE_MAX];
    size_t queue_len;
    uint64_t now_us;
    uint64_t order;
    uint64_t statements; /* so far */
    uint64_t records;
    uint64_t fault_at; /* the statement that meets the fault; 0 none */
    enum fault fault;
    const char *freeze_at; /* the statement at which its server stops answering */
    uint64_t record_fault_at;
    unsigned fault_percent; /* for random walks */
    uint64_t seed;
    char record[CUTOVER_RECORD_SIZE_MAX];
    size_t record_len;
    bool held;
    uint32_t busy;
    uint32_t done_calls;
    bool done_ok;
    struct err done_err;
    char told[4096];         /* the lines for the operator */
    enum fence_policy fence; /* of the configuration */
    uint32_t cancels;
    uint32_t terminates;
    uint32_t slots;    /* made */
    uint64_t crash_at; /* statement before which the process dies; 0 never */
    bool crashed;
    bool both_writable;
    char cells[CELLS_MAX][CELL_SIZE];
    int columns;
    int rows;
};

/* ---- a model of a server ---- */

static bool
node_writable(const struct node *n)
{
    return !n->in_recovery && !n->guard && !n->database_guard;
}

static void
answer(struct world *w, int columns, const char *const *cells)
{
    w->rows = 1;
    w->columns = columns;
    for (int i = 0; i < columns; i++) {
        (void)snprintf(w->cells[i], CELL_SIZE, "%s", cells[i]);
    }
}

#define ANSWER(w, ...)                                                             \
    answer(w, (int)(sizeof((const char *[]){__VA_ARGS__}) / sizeof(const char *)), \
           (const char *[]){__VA_ARGS__})

static uint64_t
number_after(const char *sql, const char *word)
{
    const char *p = strstr(sql, word);
    return p != NULL ? strtoull(p + strlen(word), NULL, 10) : 0;
}

static void
text_after(const char *sql, const char *word, char *out, size_t size)
{
    const char *p = strstr(sql, word);
    out[0] = '\0';
    if (p != NULL) {
        p += strlen(word);
        (void)snprintf(out, size, "%.*s", (int)strcspn(p, "'"), p);
    }
}

/* An UPDATE of the side's own row. */
static void
node_update_row(struct world *w, struct node *n, const char *sql)
{
    const char *where = strstr(sql, " WHERE ");
    w->rows = 0;
    char id[32];
    text_after(where, "flip_id = '", id, sizeof(id));
    if ((strstr(where, "epoch <= ") != NULL && n->epoch > number_after(where, "epoch <= ")) ||
        (strstr(where, "epoch = ") != NULL && n->epoch != number_after(where, "epoch = ")) ||
        (id[0] != '\0' && strcmp(id, n->flip_id) != 0)) {
        return;
    }
    char set[512];
    (void)snprintf(set, sizeof(set), "%.*s", (int)(where - sql), sql);
    if (strstr(set, "epoch = ") != NULL) {
        n->epoch = number_after(set, "epoch = ");
    }
    if (strstr(set, "flip_id = ") != NULL) {
        text_after(set, "flip_id = '", n->flip_id, sizeof(n->flip_id));
    }
    if (strstr(set, "phase = ") != NULL) {
        text_after(set, "phase = '", n->phase, sizeof(n->phase));
    }
    if (strstr(set, "writer = ") != NULL) {
        n->writer = strstr(set, "writer = 'blue'") != NULL ? SIDE_BLUE : SIDE_GREEN;
    }
    ANSWER(w, "1");
}

static void
node_look(struct world *w, const struct node *n)
{
    char version[CELL_SIZE];
    (void)snprintf(version, sizeof(version), "%d", n->version);
    const bool fenced = n->guard || n->database_guard;
    ANSWER(w, version, n->in_recovery ? "t" : "f", "t", fenced ? "t" : "f", "-1", "logical", "t");
}

static void
node_rights(struct world *w, const struct node *n)
{
    const char *super = n->ordinary ? "f" : "t";
    ANSWER(w, super, super, "t", "t", n->guard ? "t" : "f", n->mute ? "f" : "t", "", "", "");
}

/* A standby gets what stands in the catalogs of its primary. */
static void
node_replicate(struct world *w, const struct node *n)
{
    struct node *other = &w->node[n == &w->node[SIDE_BLUE] ? SIDE_GREEN : SIDE_BLUE];
    if (other->in_recovery) {
        other->database_guard = n->database_guard;
        other->limit = n->limit;
        other->kept_limit = n->kept_limit;
    }
}

/* The statements that change the catalogs; true when the tag is theirs. */
static bool
node_catalog_run(struct world *w, struct node *n, const char *tag, const char *sql)
{
    if (strcmp(tag, "fence-put") == 0 || strcmp(tag, "guard-databases") == 0) {
        n->database_guard = n->database_guard || strstr(sql, "'setting', d.datname, ''") != NULL ||
                            strcmp(tag, "guard-databases") == 0;
        if (strstr(sql, "SELECT 'limit'") != NULL) {
            n->kept_limit = n->kept_limit == KEPT_NONE ? n->limit : n->kept_limit;
            n->limit = 0;
        }
    } else if (strcmp(tag, "undo-lift") == 0 || strcmp(tag, "open-lift") == 0 ||
               strcmp(tag, "tick-relax") == 0) {
        n->database_guard = n->database_guard && strcmp(tag, "tick-relax") == 0;
        n->limit = n->kept_limit != KEPT_NONE ? n->kept_limit : n->limit == 0 ? -1 : n->limit;
        n->kept_limit = KEPT_NONE;
    } else {
        return false;
    }
    node_replicate(w, n);
    return true;
}

static void
node_look_row(struct world *w, const struct node *n)
{
    char epoch[CELL_SIZE];
    (void)snprintf(epoch, sizeof(epoch), "%u", (unsigned)n->epoch);
    ANSWER(w, epoch, side_name(n->writer), n->flip_id, n->phase,
           n->kept_limit != KEPT_NONE ? "t" : "f");
}

static bool
tag_is(const char *tag, const char *name)
{
    return strcmp(tag, name) == 0;
}

static bool
tag_starts(const char *tag, const char *prefix)
{
    return strncmp(tag, prefix, strlen(prefix)) == 0;
}

/* What a server answers; the SQLSTATE of its error, or NULL. */
static const char *
node_guard_run(struct world *w, struct node *n, const char *tag)
{
    if (n->ordinary && (strstr(tag, "-set") != NULL || strstr(tag, "-reload") != NULL)) {
        return SQLSTATE_INSUFFICIENT_PRIVILEGE;
    }
    if (tag_is(tag, "fence-set") || tag_is(tag, "guard")) {
        n->guard_file = true;
    } else if (tag_is(tag, "undo-set") || tag_is(tag, "open-set")) {
        n->guard_file = false;
    } else if (strstr(tag, "-reload") != NULL) {
        n->guard = n->guard_file;
    } else if (strstr(tag, "-seen") != NULL) {
        ANSWER(w, n->guard ? "on" : "off", "2026-11-20 11:30:00+00");
    } else if (tag_is(tag, "tick-fence")) {
        const bool kept = n->kept_limit != KEPT_NONE;
        ANSWER(w, n->guard || n->guard_file || n->database_guard || kept ? "t" : "f");
    } else if (strstr(tag, "-probe") != NULL && (n->guard || n->database_guard)) {
        return SQLSTATE_READ_ONLY;
    }
    return NULL;
}

/* What the lines of PREPARE and FINISH are answered when all is well; true when the tag is theirs.
 */
static bool
node_setup_run(struct world *w, const char *tag)
{
    static const struct {
        const char *tag;
        const char *cell;
    } answers[] = {
        {"identity", ""},       {"rows-there", ""},
        {"tables", "public.t"}, {"tables-there", "public.t"},
        {"replayed", "t"},      {"stream-back", "t"},
        {"copy", "0"},          {"slot-back", "0/1"},
        {"drop-slot", "0"},     {"drop-slot-back", "0"},
    };
    for (size_t i = 0; i < COUNT_OF(answers); i++) {
        if (strcmp(tag, answers[i].tag) == 0) {
            ANSWER(w, answers[i].cell, "f");
            return true;
        }
    }
    return false;
}

static const char *
node_flip_run(struct world *w, struct node *n, const char *tag)
{
    if (tag_is(tag, "promote-call")) {
        if (!n->in_recovery) {
            return SQLSTATE_OBJECT_NOT_IN_STATE;
        }
        n->promoting = !n->stubborn;
        ANSWER(w, n->stubborn ? "f" : "t");
    } else if (tag_is(tag, "promote-ask") || tag_is(tag, "open-recovered")) {
        ANSWER(w, n->in_recovery ? "t" : "f", n->guard ? "on" : "off");
        n->in_recovery = n->in_recovery && !n->promoting;
    } else if (node_setup_run(w, tag)) {
        return NULL;
    } else if (tag_is(tag, "resolve-look")) {
        node_look_row(w, n);
    } else if (tag_is(tag, "catchup-mark")) {
        n->seq++;
        ANSWER(w, "7");
    } else if (tag_is(tag, "catchup-arrived")) {
        ANSWER(w, "t", "t", "0/1");
    } else if (tag_is(tag, "open-slot") || tag_is(tag, "after-slot-from")) {
        w->slots++;
        ANSWER(w, "0/1");
    } else if (tag_is(tag, "wayback-stream-off")) {
        n->stream = false;
    } else if (tag_is(tag, "after-reverse-on") || tag_is(tag, "undo-stream-on")) {
        n->stream = true;
    } else if (tag_is(tag, "after-stream-gone")) {
        ANSWER(w, n->lingers ? "1" : "0");
    } else if (tag_is(tag, "fence-began") || tag_is(tag, "fence-roles")) {
        ANSWER(w,
               tag_is(tag, "fence-began") ? "2026-11-20 11:30:00+00"
               : n->exempt                ? "app"
                                          : "",
               "");
    } else if (tag_is(tag, "fence-clear") || tag_is(tag, "fence-prepared") ||
               tag_is(tag, "after-old-slots")) {
        ANSWER(w, "0", "", "0");
    } else {
        ANSWER(w, "1", "");
    }
    return NULL;
}

static const char *
node_run(struct world *w, enum side side, const char *sql)
{
    struct node *n = &w->node[side];
    char tag[TAG_SIZE];
    text_after(sql, "/* teal ", tag, sizeof(tag));
    tag[strcspn(tag, " ")] = '\0';
    w->rows = 0;
    w->columns = 0;
    if (tag_starts(tag, "rights-")) {
        node_rights(w, n);
    } else if (node_catalog_run(w, n, tag, sql)) {
        return NULL;
    } else if (tag_starts(tag, "look-row")) {
        node_look_row(w, n);
    } else if (tag_starts(tag, "look-")) {
        node_look(w, n);
    } else if (tag_starts(tag, "check-")) {
        ANSWER(w, strstr(sql, "data_directory") != NULL ? side_name(side) : "");
    } else if (strstr(sql, "UPDATE teal.local_state") != NULL) {
        node_update_row(w, n, sql);
    } else if (tag_is(tag, "sequences-read")) {
        ANSWER(w, "0", "");
    } else if (strstr(tag, "-set") != NULL || strstr(tag, "-reload") != NULL ||
               strstr(tag, "-seen") != NULL || strstr(tag, "-probe") != NULL ||
               tag_is(tag, "tick-fence")) {
        return node_guard_run(w, n, tag);
    } else {
        return node_flip_run(w, n, tag);
    }
    return NULL;
}

/* ---- the ops ---- */

static uint64_t
world_random(struct world *w)
{
    w->seed = w->seed * 6364136223846793005u + 1442695040888963407u;
    return w->seed >> 33;
}

static uint64_t
op_now(void *ctx)
{
    return ((struct world *)ctx)->now_us;
}

static struct entry *
world_push(struct world *w, uint64_t delay_us)
{
    assert_true(w->queue_len < QUEUE_MAX);
    struct entry *e = &w->queue[w->queue_len++];
    memset(e, 0, sizeof(*e));
    e->at_us = w->now_us + delay_us;
    e->order = ++w->order;
    return e;
}

static void
op_sql(void *ctx, enum side side, const char *sql, uint64_t timeout_us, cutover_sql_fn *done,
       void *arg)
{
    struct world *w = ctx;
    assert_true(timeout_us > 0);
    w->statements++;
    if (w->crash_at != 0 && w->statements >= w->crash_at) {
        w->crashed = true;
        return;
    }
    struct entry *e = world_push(w, 500);
    e->side = side;
    e->done = done;
    e->arg = arg;
    (void)snprintf(e->sql, sizeof(e->sql), "%s", sql);
    if (w->freeze_at != NULL && strstr(sql, w->freeze_at) != NULL) {
        w->node[side].frozen = true;
        w->freeze_at = NULL;
    }
    if (w->node[side].frozen) {
        e->at_us = w->now_us + timeout_us;
        e->fault = FAULT_LOST;
    } else if (w->fault_at == w->statements) {
        e->fault = w->fault;
    } else if (w->fault_percent > 0 && world_random(w) % 100 < w->fault_percent) {
        e->fault = (enum fault)(1 + world_random(w) % (FAULTS_COUNT - 1));
    }
}

static void
op_timer(void *ctx, uint64_t delay_us, cutover_timer_fn *fn, void *arg)
{
    struct entry *e = world_push(ctx, delay_us);
    e->is_timer = true;
    e->timer = fn;
    e->arg = arg;
}

static bool
op_record_write(void *ctx, struct slice bytes, struct err *err)
{
    struct world *w = ctx;
    w->records++;
    if (w->crashed || w->records == w->record_fault_at) {
        return err_set(err, SQLSTATE_IO_ERROR, "the disk is full");
    }
    memcpy(w->record, bytes.p, bytes.len);
    w->record_len = bytes.len;
    return true;
}

static void
op_publish(void *ctx, const struct cutover_route *route)
{
    struct world *w = ctx;
    w->held = route->writes_held;
}

static bool
op_view_acked(void *ctx)
{
    (void)ctx;
    return true;
}

static uint32_t
op_busy(void *ctx, enum side side)
{
    (void)side;
    return ((struct world *)ctx)->busy;
}

static uint32_t
op_none(void *ctx)
{
    (void)ctx;
    return 0;
}

static void
op_cancel(void *ctx, enum side side)
{
    struct world *w = ctx;
    (void)side;
    w->cancels++;
    w->busy = 0;
}

static void
op_terminate(void *ctx, enum side side)
{
    struct world *w = ctx;
    (void)side;
    w->terminates++;
    w->busy = 0;
}

static void
op_leave(void *ctx, enum side side)
{
    (void)ctx;
    (void)side;
}

static void
op_heartbeat(void *ctx, bool on)
{
    (void)ctx;
    (void)on;
}

static void
op_facts(void *ctx, enum side side, struct cutover_facts *out)
{
    const struct world *w = ctx;
    *out = (struct cutover_facts){.up = !w->node[side].down,
                                  .in_recovery = w->node[side].in_recovery,
                                  .version_num = w->node[side].version,
                                  .lag_known = true};
}

static void
op_report(void *ctx, const struct cutover_report *row)
{
    struct world *w = ctx;
    assert_non_null(row->step);
    assert_non_null(row->detail);
    const size_t len = strlen(w->told);
    (void)snprintf(w->told + len, sizeof(w->told) - len, "%s: %s\n", row->step, row->detail);
}

static void
op_done(void *ctx, bool ok, const struct err *err)
{
    struct world *w = ctx;
    assert_true(ok || (err != NULL && err_is_set(err)));
    w->done_calls++;
    w->done_ok = ok;
    w->done_err = ok ? (struct err){0} : *err;
}

static const struct cutover_ops world_ops = {
    .now_us = op_now,
    .sql = op_sql,
    .sql_fresh = op_sql,
    .timer = op_timer,
    .record_write = op_record_write,
    .publish = op_publish,
    .view_acked = op_view_acked,
    .busy = op_busy,
    .waiting = op_none,
    .sessions = op_none,
    .pinned = op_none,
    .cancel_busy = op_cancel,
    .terminate_busy = op_terminate,
    .leave_side = op_leave,
    .heartbeat = op_heartbeat,
    .facts = op_facts,
    .report = op_report,
    .done = op_done,
};

/* ---- running the world ---- */

static const char *
cell_of(const void *impl, int row, int column)
{
    const struct world *w = impl;
    (void)row;
    return w->cells[column];
}

static void
world_look(struct world *w)
{
    if (node_writable(&w->node[SIDE_BLUE]) && node_writable(&w->node[SIDE_GREEN])) {
        w->both_writable = true;
    }
}

static void
entry_answer(struct world *w, const struct entry *e)
{
    struct cutover_rows rows = {.ok = true, .impl = w, .cell = cell_of};
    const char *error = NULL;
    if (w->node[e->side].down || w->node[e->side].nonsense) {
        rows.ok = false;
        err_set(&rows.err, SQLSTATE_CONNECTION_FAILURE,
                w->node[e->side].down ? "connection to %s refused" : "%s speaks no PostgreSQL",
                side_name(e->side));
    } else if (e->fault == FAULT_NONE || e->fault == FAULT_REPLY) {
        error = node_run(w, e->side, e->sql);
    }
    world_look(w);
    rows.rows = w->rows;
    rows.columns = w->columns;
    if (error != NULL || e->fault != FAULT_NONE) {
        rows.ok = false;
        rows.unknown = e->fault > FAULT_FAIL;
        err_set(&rows.err, error != NULL ? error : "57000", "injected");
    }
    if (e->fault == FAULT_DELAYED) {
        /* Soon enough to meet what comes next, late enough to meet it unawares. */
        struct entry *late = world_push(w, 3000);
        late->side = e->side;
        late->silent = true;
        (void)snprintf(late->sql, sizeof(late->sql), "%s", e->sql);
    }
    e->done(e->arg, &rows);
}

/* The next to happen, or QUEUE_MAX. */
static size_t
world_next(const struct world *w)
{
    size_t first = w->queue_len == 0 ? QUEUE_MAX : 0;
    for (size_t i = 1; i < w->queue_len; i++) {
        const struct entry *a = &w->queue[i];
        const struct entry *b = &w->queue[first];
        if (a->at_us < b->at_us || (a->at_us == b->at_us && a->order < b->order)) {
            first = i;
        }
    }
    return first;
}

static bool
world_step(struct world *w)
{
    const size_t first = world_next(w);
    if (first == QUEUE_MAX || w->crashed) {
        return false;
    }
    const struct entry e = w->queue[first];
    w->queue[first] = w->queue[--w->queue_len];
    w->now_us = e.at_us > w->now_us ? e.at_us : w->now_us;
    if (e.is_timer) {
        e.timer(e.arg);
    } else if (e.silent) {
        (void)node_run(w, e.side, e.sql);
        world_look(w);
    } else {
        entry_answer(w, &e);
    }
    return true;
}

/* For so many seconds of the world's time, with a tick each second. */
static void
world_run(struct world *w, unsigned seconds)
{
    const uint64_t end = w->now_us + (uint64_t)seconds * 1000 * 1000;
    uint64_t tick = w->now_us + 1000 * 1000;
    while (!w->crashed && w->now_us < end) {
        const size_t next = world_next(w);
        if (next != QUEUE_MAX && w->queue[next].at_us <= tick) {
            (void)world_step(w);
        } else {
            w->now_us = tick;
        }
        if (w->now_us >= tick && !w->crashed) {
            tick = w->now_us + 1000 * 1000;
            cutover_tick(w->machine);
        }
    }
}

/* Until the machine is idle; at most a minute. */
static void
world_settle(struct world *w)
{
    const uint64_t end = w->now_us + (uint64_t)60 * 1000 * 1000;
    while (!w->crashed && w->now_us < end && !cutover_is_idle(w->machine) && world_step(w)) {
        invariants_check(w->machine);
    }
}

/* By kind, and by what the operator may do. */
enum story { PHYSICAL, TWO_WAY, ONE_WAY, KINDS_COUNT, STORIES_COUNT = 2 * KINDS_COUNT };

static void
world_start_machine(struct world *w)
{
    const struct cutover_config config = {
        .database = "app",
        .initial_writer = SIDE_BLUE,
        .replication_conninfo = {"host=blue password='x'", "host=green password='y'"},
        .address = {"blue:5432", "green:5432"},
        .hold_timeout_us = 5000000,
        .hold_timeout_physical_us = 15000000,
        .drain_timeout_us = 2000000,
        .fence_timeout_us = 1000000,
        .catchup_timeout_us = 2000000,
        .sync_timeout_us = 1000000,
        .commit_timeout_us = 1000000,
        .open_timeout_us = 10000000,
        .start_lag_bytes = 1 << 20,
        .start_lag_us = 1000000,
        .fence = w->fence,
        .require_way_back = true,
    };
    struct cutover_ops ops = world_ops;
    ops.ctx = w;
    w->machine = cutover_new(&config, &ops);
    cutover_recover(w->machine, slice_of(w->record, w->record_len));
}

/* A prepared pair whose machine has just started, on blue. */
static struct world *
a_world(enum story story)
{
    struct world *w = xcalloc(1, sizeof(*w));
    const enum story kind = story % KINDS_COUNT;
    const bool ordinary = story >= KINDS_COUNT;
    w->now_us = 1000000;
    w->seed = 42;
    for (int s = 0; s < SIDES_COUNT; s++) {
        struct node *n = &w->node[s];
        n->version = kind == TWO_WAY ? 170000 : 150000;
        n->limit = 7;
        n->kept_limit = KEPT_NONE;
        n->ordinary = ordinary;
        n->epoch = 7;
        n->writer = SIDE_BLUE;
        (void)snprintf(n->phase, sizeof(n->phase), "idle");
        (void)snprintf(n->flip_id, sizeof(n->flip_id), "0");
    }
    w->node[SIDE_GREEN].in_recovery = kind == PHYSICAL;
    w->node[SIDE_GREEN].guard = w->node[SIDE_GREEN].guard_file = kind != PHYSICAL && !ordinary;
    w->node[SIDE_GREEN].database_guard = kind != PHYSICAL && ordinary;
    w->node[SIDE_GREEN].stream = kind != PHYSICAL;
    world_start_machine(w);
    world_settle(w);
    assert_true(cutover_is_ready(w->machine));
    w->statements = 0;
    w->records = 0;
    return w;
}

static void
world_free(struct world *w)
{
    cutover_free(w->machine);
    mem_free(w);
}

static void
world_flip(struct world *w, enum side to)
{
    struct err err;
    const struct cutover_options options = {.to = to};
    const uint32_t calls = w->done_calls;
    assert_true(cutover_start(w->machine, CUTOVER_JOB_FLIP, &options, &err));
    world_settle(w);
    if (!w->crashed && cutover_is_idle(w->machine)) {
        assert_int_equal(w->done_calls, calls + 1);
    }
}

/* The end of every story. */
static void
assert_one_side(const struct world *w)
{
    const struct cutover_route *route = cutover_route(w->machine);
    assert_false(w->both_writable);
    assert_true(cutover_is_idle(w->machine));
    assert_true(route->writes_known);
    assert_false(route->writes_held);
    assert_false(w->held);
    const struct node *writer = &w->node[route->writer];
    const struct node *other = &w->node[side_other(route->writer)];
    assert_true(node_writable(writer));
    assert_false(node_writable(other));
    assert_false(writer->guard_file);
    assert_int_equal(writer->limit, 7);
    assert_int_equal(writer->kept_limit, KEPT_NONE);
    assert_int_equal(writer->epoch, route->epoch);
    assert_int_equal(writer->writer, route->writer);
    assert_true(other->epoch <= route->epoch);
}

/* ---- happy paths ---- */

static void
a_flip_moves_the_writes(void **state)
{
    (void)state;
    for (int story = 0; story < STORIES_COUNT; story++) {
        struct world *w = a_world((enum story)story);
        world_flip(w, SIDE_GREEN);
        assert_true(w->done_ok);
        assert_int_equal(cutover_route(w->machine)->writer, SIDE_GREEN);
        assert_int_equal(cutover_route(w->machine)->epoch, 8);
        assert_one_side(w);
        world_free(w);
    }
}

static void
a_rollback_is_the_same_flip_with_the_sides_swapped(void **state)
{
    (void)state;
    for (int story = 0; story < STORIES_COUNT; story++) {
        struct world *w = a_world((enum story)story);
        for (uint64_t epoch = 8; epoch < 14; epoch++) {
            const enum side to = side_other(cutover_route(w->machine)->writer);
            world_flip(w, to);
            assert_true(w->done_ok);
            assert_int_equal(cutover_route(w->machine)->writer, to);
            assert_int_equal(cutover_route(w->machine)->epoch, epoch);
            assert_one_side(w);
        }
        world_free(w);
    }
}

static void
one_way_streams_change_their_direction(void **state)
{
    (void)state;
    struct world *w = a_world(ONE_WAY);
    world_flip(w, SIDE_GREEN);
    assert_true(w->node[SIDE_BLUE].stream);
    assert_false(w->node[SIDE_GREEN].stream);
    world_free(w);
}

static void
a_dry_run_moves_nothing(void **state)
{
    (void)state;
    struct world *w = a_world(TWO_WAY);
    struct err err;
    const struct cutover_options options = {.to = SIDE_GREEN, .dry_run = true};
    assert_true(cutover_start(w->machine, CUTOVER_JOB_FLIP, &options, &err));
    world_settle(w);
    assert_true(w->done_ok);
    assert_int_equal(cutover_route(w->machine)->writer, SIDE_BLUE);
    assert_int_equal(cutover_route(w->machine)->epoch, 7);
    assert_one_side(w);
    world_free(w);
}

static void
world_job(struct world *w, enum cutover_job job)
{
    struct err err;
    const struct cutover_options options = {.to = side_other(cutover_route(w->machine)->writer)};
    assert_true(cutover_start(w->machine, job, &options, &err));
    world_settle(w);
}

static void
the_set_up_runs_and_is_taken_down(void **state)
{
    (void)state;
    static const enum cutover_job jobs[] = {CUTOVER_JOB_PREPARE, CUTOVER_JOB_CHECK,
                                            CUTOVER_JOB_FINISH};
    for (int story = 0; story < STORIES_COUNT; story++) {
        struct world *w = a_world((enum story)story);
        for (size_t i = 0; i < COUNT_OF(jobs); i++) {
            world_job(w, jobs[i]);
            assert_true(w->done_ok);
        }
        world_free(w);
    }
}

static void
any_one_fault_of_the_set_up_ends_it_idle(void **state)
{
    (void)state;
    for (int story = 0; story < STORIES_COUNT; story++) {
        for (int fault = FAULT_FAIL; fault <= FAULT_LOST; fault++) {
            for (uint64_t k = 1; k <= 32; k++) {
                struct world *w = a_world((enum story)story);
                w->fault_at = k;
                w->fault = (enum fault)fault;
                world_job(w, CUTOVER_JOB_PREPARE);
                world_job(w, CUTOVER_JOB_FINISH);
                assert_int_equal(w->done_calls, 2);
                assert_true(cutover_is_idle(w->machine));
                world_free(w);
            }
        }
    }
}

/* ---- the fence ---- */

static void
an_operator_without_alter_system_fences_the_database(void **state)
{
    (void)state;
    for (int kind = 0; kind < KINDS_COUNT; kind++) {
        struct world *w = a_world((enum story)(KINDS_COUNT + kind));
        world_flip(w, SIDE_GREEN);
        assert_true(w->done_ok);
        assert_true(w->node[SIDE_BLUE].database_guard);
        assert_false(w->node[SIDE_BLUE].guard);
        assert_one_side(w);
        world_free(w);
    }
}

static void
a_fence_that_is_not_possible_touches_nothing(void **state)
{
    (void)state;
    struct world *w = a_world(KINDS_COUNT + TWO_WAY);
    w->machine->config.fence = FENCE_SOFT;
    world_flip(w, SIDE_GREEN);
    assert_false(w->done_ok);
    assert_non_null(strstr(w->done_err.text, "may not ALTER SYSTEM"));
    assert_string_equal(w->node[SIDE_BLUE].phase, "idle");
    assert_one_side(w);
    world_free(w);
}

/* As a role that was altered since the preflight. */
static void
a_role_that_begins_read_write_undoes_the_flip(void **state)
{
    (void)state;
    for (int story = 0; story < STORIES_COUNT; story++) {
        struct world *w = a_world((enum story)story);
        w->node[SIDE_BLUE].exempt = true;
        world_flip(w, SIDE_GREEN);
        assert_false(w->done_ok);
        assert_non_null(strstr(w->told, "sessions of app on blue begin read-write"));
        assert_int_equal(cutover_route(w->machine)->writer, SIDE_BLUE);
        assert_one_side(w);
        world_free(w);
    }
}

static void
a_standby_whose_streams_cannot_be_made_is_promoted_without_a_slot(void **state)
{
    (void)state;
    struct world *w = a_world(KINDS_COUNT + PHYSICAL);
    w->node[SIDE_BLUE].mute = w->node[SIDE_GREEN].mute = true;
    world_flip(w, SIDE_GREEN);
    assert_true(w->done_ok);
    assert_int_equal(w->slots, 0);
    assert_non_null(strstr(w->told, "no more: there is no way back"));
    world_run(w, 3);
    assert_one_side(w);
    world_free(w);
}

static void
a_strict_fence_gives_back_the_limit_that_it_found(void **state)
{
    (void)state;
    for (int kind = 0; kind < KINDS_COUNT; kind++) {
        struct world *w = a_world((enum story)kind);
        w->machine->config.fence = FENCE_STRICT;
        for (int flips = 0; flips < 4; flips++) {
            const enum side from = cutover_route(w->machine)->writer;
            world_flip(w, side_other(from));
            assert_true(w->done_ok);
            assert_int_equal(w->node[from].limit, 0);
            assert_one_side(w);
        }
        world_free(w);
    }
}

static void
a_strict_fence_that_is_not_wanted_any_more_is_relaxed(void **state)
{
    (void)state;
    struct world *w = a_world(TWO_WAY);
    w->machine->config.fence = FENCE_STRICT;
    world_flip(w, SIDE_GREEN);
    world_run(w, 3);
    assert_int_equal(w->node[SIDE_BLUE].limit, 0);
    w->fence = FENCE_AUTO;
    struct cutover_config config = w->machine->config;
    config.fence = FENCE_AUTO;
    struct cutover_config copy;
    cutover_config_copy(&copy, &config);
    assert_true(cutover_reconfigure(w->machine, &copy));
    cutover_config_fini(&copy);
    world_run(w, 3);
    assert_int_equal(w->node[SIDE_BLUE].limit, 7);
    assert_true(w->node[SIDE_BLUE].guard);
    assert_one_side(w);
    world_free(w);
}

/* ---- what is refused ---- */

static void
the_writer_cannot_be_the_target(void **state)
{
    (void)state;
    struct world *w = a_world(TWO_WAY);
    struct err err;
    const struct cutover_options options = {.to = SIDE_BLUE};
    assert_false(cutover_start(w->machine, CUTOVER_JOB_FLIP, &options, &err));
    assert_string_equal(err.sqlstate, SQLSTATE_OBJECT_NOT_IN_STATE);
    world_free(w);
}

static void
a_second_operator_is_refused(void **state)
{
    (void)state;
    struct world *w = a_world(TWO_WAY);
    struct err err;
    const struct cutover_options options = {.to = SIDE_GREEN};
    assert_true(cutover_start(w->machine, CUTOVER_JOB_FLIP, &options, &err));
    assert_false(cutover_start(w->machine, CUTOVER_JOB_CHECK, &options, &err));
    assert_string_equal(err.sqlstate, SQLSTATE_OBJECT_IN_USE);
    world_settle(w);
    assert_one_side(w);
    world_free(w);
}

/* ---- the drain ---- */

static void
drain_with(enum drain_policy policy, struct world *w)
{
    struct err err;
    w->busy = 3;
    const struct cutover_options options = {.to = SIDE_GREEN, .drain_set = true, .drain = policy};
    assert_true(cutover_start(w->machine, CUTOVER_JOB_FLIP, &options, &err));
    world_settle(w);
    assert_one_side(w);
}

static void
a_drain_that_does_not_end_is_undone(void **state)
{
    (void)state;
    struct world *w = a_world(TWO_WAY);
    drain_with(DRAIN_ABORT, w);
    assert_false(w->done_ok);
    assert_int_equal(cutover_route(w->machine)->writer, SIDE_BLUE);
    struct cutover_status status;
    cutover_status(w->machine, &status);
    assert_non_null(strstr(status.failure.text, "3 transactions"));
    world_free(w);
}

static void
a_drain_may_push(void **state)
{
    (void)state;
    struct world *w = a_world(TWO_WAY);
    drain_with(DRAIN_CANCEL, w);
    assert_true(w->done_ok);
    assert_int_equal(w->cancels, 1);
    world_free(w);
    w = a_world(PHYSICAL);
    drain_with(DRAIN_TERMINATE, w);
    assert_true(w->done_ok);
    assert_int_equal(w->terminates, 1);
    world_free(w);
}

static void
the_operator_may_call_it_off_before_the_commit(void **state)
{
    (void)state;
    struct world *w = a_world(TWO_WAY);
    struct err err;
    w->busy = 1;
    const struct cutover_options options = {.to = SIDE_GREEN};
    assert_true(cutover_start(w->machine, CUTOVER_JOB_FLIP, &options, &err));
    while (w->machine->machine.state != CUT_DRAIN) {
        assert_true(world_step(w));
    }
    assert_true(cutover_abort(w->machine));
    world_settle(w);
    assert_false(w->done_ok);
    assert_one_side(w);
    assert_false(cutover_abort(w->machine));
    world_free(w);
}

/* ---- every single fault ---- */

static uint64_t
statements_of(enum story story)
{
    struct world *w = a_world(story);
    world_flip(w, SIDE_GREEN);
    const uint64_t n = w->statements;
    world_free(w);
    return n;
}

static void
any_one_fault_ends_on_one_side(void **state)
{
    (void)state;
    for (int story = 0; story < STORIES_COUNT; story++) {
        const uint64_t count = statements_of((enum story)story);
        for (int fault = FAULT_FAIL; fault < FAULTS_COUNT; fault++) {
            for (uint64_t k = 1; k <= count; k++) {
                struct world *w = a_world((enum story)story);
                w->fault_at = k;
                w->fault = (enum fault)fault;
                world_flip(w, SIDE_GREEN);
                world_run(w, 10);
                assert_one_side(w);
                world_free(w);
            }
        }
    }
}

static void
a_failed_record_write_ends_on_one_side(void **state)
{
    (void)state;
    for (int story = 0; story < STORIES_COUNT; story++) {
        for (uint64_t k = 1; k <= 5; k++) {
            struct world *w = a_world((enum story)story);
            w->record_fault_at = k;
            world_flip(w, SIDE_GREEN);
            assert_one_side(w);
            world_free(w);
        }
    }
}

static void
a_failed_record_write_before_the_hold_touches_nothing(void **state)
{
    (void)state;
    struct world *w = a_world(TWO_WAY);
    w->record_fault_at = 1;
    world_flip(w, SIDE_GREEN);
    assert_false(w->done_ok);
    assert_int_equal(w->node[SIDE_GREEN].epoch, 7);
    assert_string_equal(w->node[SIDE_BLUE].phase, "idle");
    world_free(w);
}

/* ---- crashes ---- */

/* The process dies; what was sent may still run, or not. */
static void
world_crash(struct world *w, bool sent_runs)
{
    cutover_free(w->machine);
    w->machine = NULL;
    size_t kept = 0;
    for (size_t i = 0; i < w->queue_len; i++) {
        struct entry e = w->queue[i];
        if (e.is_timer || (!e.silent && !sent_runs)) {
            continue;
        }
        e.silent = true;
        w->queue[kept++] = e;
    }
    w->queue_len = kept;
    w->crashed = false;
    w->crash_at = 0;
}

static void
world_restart(struct world *w, bool record_lost)
{
    if (record_lost) {
        w->record_len = 0;
    }
    world_start_machine(w);
    world_settle(w);
    world_run(w, 10);
}

static void
a_crash_at_any_statement_resumes_on_one_side(void **state)
{
    (void)state;
    for (int story = 0; story < STORIES_COUNT; story++) {
        const uint64_t count = statements_of((enum story)story);
        for (uint64_t k = 1; k <= count * 4; k++) {
            struct world *w = a_world((enum story)story);
            w->crash_at = 1 + (k - 1) / 4;
            world_flip(w, SIDE_GREEN);
            assert_true(w->crashed);
            world_crash(w, (k & 1u) != 0);
            world_restart(w, (k & 2u) != 0);
            assert_one_side(w);
            const enum side to = side_other(cutover_route(w->machine)->writer);
            world_flip(w, to);
            assert_true(w->done_ok);
            assert_int_equal(cutover_route(w->machine)->writer, to);
            assert_one_side(w);
            world_free(w);
        }
    }
}

static void
a_target_that_holds_the_decision_and_is_down_keeps_writes_held(void **state)
{
    (void)state;
    for (int story = 0; story < STORIES_COUNT; story++) {
        struct world *w = a_world((enum story)story);
        struct err err;
        const struct cutover_options options = {.to = SIDE_GREEN};
        assert_true(cutover_start(w->machine, CUTOVER_JOB_FLIP, &options, &err));
        while (w->machine->journal.record.phase != RECORD_COMMIT) {
            assert_true(world_step(w));
        }
        world_crash(w, true);
        w->node[SIDE_GREEN].down = true;
        world_start_machine(w);
        world_run(w, 30);
        assert_true(w->held);
        assert_false(cutover_is_ready(w->machine));
        w->node[SIDE_GREEN].down = false;
        world_run(w, 30);
        assert_one_side(w);
        world_free(w);
    }
}

static void
an_idle_record_needs_the_writer_only(void **state)
{
    (void)state;
    struct world *w = a_world(TWO_WAY);
    world_crash(w, false);
    w->node[SIDE_GREEN].down = true;
    world_start_machine(w);
    world_settle(w);
    assert_true(cutover_is_ready(w->machine));
    assert_int_equal(cutover_route(w->machine)->writer, SIDE_BLUE);
    world_free(w);
}

static void
a_corrupt_record_is_rebuilt_from_the_sides(void **state)
{
    (void)state;
    struct world *w = a_world(ONE_WAY);
    world_flip(w, SIDE_GREEN);
    world_crash(w, false);
    w->record[20] ^= 1;
    world_restart(w, false);
    assert_int_equal(cutover_route(w->machine)->writer, SIDE_GREEN);
    assert_int_equal(cutover_route(w->machine)->epoch, 8);
    assert_one_side(w);
    world_free(w);
}

static void
a_strict_fence_gives_the_limit_back_after_any_one_fault(void **state)
{
    (void)state;
    for (int story = 0; story < KINDS_COUNT; story++) {
        for (int fault = FAULT_FAIL; fault < FAULTS_COUNT; fault++) {
            for (uint64_t k = 1; k <= statements_of((enum story)story); k++) {
                struct world *w = a_world((enum story)story);
                w->machine->config.fence = FENCE_STRICT;
                w->fault_at = k;
                w->fault = (enum fault)fault;
                world_flip(w, SIDE_GREEN);
                world_run(w, 10);
                assert_one_side(w);
                world_free(w);
            }
        }
    }
}

/* What was sent may still run, and the record of the flip may be lost. */
static void
a_strict_fence_gives_the_limit_back_after_a_crash(void **state)
{
    (void)state;
    for (int story = 0; story < KINDS_COUNT; story++) {
        const uint64_t count = statements_of((enum story)story);
        for (uint64_t k = 1; k <= count * 4; k++) {
            struct world *w = a_world((enum story)story);
            w->fence = w->machine->config.fence = FENCE_STRICT;
            w->crash_at = 1 + (k - 1) / 4;
            world_flip(w, SIDE_GREEN);
            world_crash(w, (k & 1u) != 0);
            world_restart(w, (k & 2u) != 0);
            assert_one_side(w);
            world_free(w);
        }
    }
}

/* ---- limits ---- */

static void
start_flip(struct world *w)
{
    struct err err;
    const struct cutover_options options = {.to = SIDE_GREEN};
    assert_true(cutover_start(w->machine, CUTOVER_JOB_FLIP, &options, &err));
}

static void
run_until(struct world *w, enum cutover_state state)
{
    while (w->machine->machine.state != state) {
        assert_true(world_step(w));
    }
}

/* Nobody knows whether it has committed: writes stay held, and the operator is told so. */
static void
a_commit_without_an_answer_ends_the_command_and_is_resolved_later(void **state)
{
    (void)state;
    static const char *const decides[KINDS_COUNT] = {"promote-call", "commit-row", "commit-row"};
    for (int story = 0; story < STORIES_COUNT; story++) {
        struct world *w = a_world((enum story)story);
        w->told[0] = '\0';
        w->freeze_at = decides[story % KINDS_COUNT];
        start_flip(w);
        world_run(w, 10);
        assert_true(w->held);
        assert_int_equal(w->done_calls, 1);
        assert_false(w->done_ok);
        assert_non_null(strstr(w->told, "commit: BLOCKED: "));
        struct cutover_status status;
        cutover_status(w->machine, &status);
        assert_true(status.blocked);
        w->node[SIDE_GREEN].frozen = false;
        world_run(w, 10);
        assert_one_side(w);
        world_free(w);
    }
}

static void
a_promotion_that_is_never_begun_ends_the_command_and_is_asked_for_again(void **state)
{
    (void)state;
    struct world *w = a_world(PHYSICAL);
    w->node[SIDE_GREEN].stubborn = true;
    start_flip(w);
    w->told[0] = '\0';
    world_run(w, 10);
    assert_true(w->held);
    assert_int_equal(w->done_calls, 1);
    assert_false(w->done_ok);
    assert_non_null(strstr(w->told, "commit: BLOCKED: "));
    w->node[SIDE_GREEN].stubborn = false;
    world_run(w, 10);
    assert_one_side(w);
    assert_int_equal(cutover_route(w->machine)->writer, SIDE_GREEN);
    world_free(w);
}

/* Writes flow long since; the command must not wait for ever. */
static void
an_old_worker_that_does_not_end_is_left_to_the_tick(void **state)
{
    (void)state;
    struct world *w = a_world(ONE_WAY);
    w->node[SIDE_GREEN].lingers = true;
    start_flip(w);
    w->told[0] = '\0';
    run_until(w, CUT_AFTER);
    world_run(w, 119);
    assert_false(w->held);
    assert_int_equal(w->done_calls, 0);
    world_run(w, 2);
    assert_int_equal(w->done_calls, 1);
    assert_true(w->done_ok);
    assert_non_null(strstr(w->told, "after: there is no way back yet: "));
    assert_non_null(strstr(w->told, "the stream to green still runs"));
    w->node[SIDE_GREEN].lingers = false;
    world_run(w, 10);
    assert_one_side(w);
    assert_true(w->node[SIDE_BLUE].stream);
    world_free(w);
}

/* ---- whose error it is ---- */

static void
the_preflight_gives_each_side_its_own_error(void **state)
{
    (void)state;
    struct world *w = a_world(TWO_WAY);
    w->node[SIDE_BLUE].nonsense = true;
    w->node[SIDE_GREEN].down = true;
    w->told[0] = '\0';
    world_job(w, CUTOVER_JOB_CHECK);
    assert_non_null(strstr(w->told, "F01 blue-answers: blue speaks no PostgreSQL\n"));
    assert_non_null(strstr(w->told, "F02 green-answers: connection to green refused\n"));
    world_free(w);
}

static void
the_set_up_names_the_error_of_the_side_that_it_is_about(void **state)
{
    (void)state;
    static const enum cutover_job jobs[] = {CUTOVER_JOB_PREPARE, CUTOVER_JOB_FINISH};
    for (size_t i = 0; i < COUNT_OF(jobs); i++) {
        struct world *w = a_world(TWO_WAY);
        w->node[SIDE_BLUE].nonsense = true;
        w->node[SIDE_GREEN].down = true;
        world_job(w, jobs[i]);
        assert_string_equal(w->done_err.text,
                            "blue (blue:5432) does not answer: blue speaks no PostgreSQL");
        world_free(w);
    }
}

/* What the start-up has logged of the writer that it cannot find. */
static void
start_up_log(struct world *w, char *out, size_t size)
{
    char path[] = "/tmp/teal_test_machine_XXXXXX";
    const int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_true(log_open(path));
    world_crash(w, false);
    world_start_machine(w);
    world_run(w, 3);
    assert_true(log_open("/dev/null"));
    const ssize_t len = read(fd, out, size - 1);
    assert_true(len > 0);
    out[len] = '\0';
    (void)close(fd);
    (void)unlink(path);
}

static void
the_start_up_logs_the_error_of_the_side_that_it_is_about(void **state)
{
    (void)state;
    static const struct {
        bool record;
        const char *reason;
    } cases[] = {
        {false, "the initial writer does not answer"},
        {true, "the writer does not answer"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct world *w = a_world(TWO_WAY);
        char text[2048];
        w->node[SIDE_BLUE].nonsense = true;
        w->node[SIDE_GREEN].down = true;
        w->record_len = cases[i].record ? w->record_len : 0;
        start_up_log(w, text, sizeof(text));
        assert_non_null(strstr(text, cases[i].reason));
        assert_non_null(strstr(text, "side=blue address=blue:5432"));
        assert_non_null(strstr(text, "blue speaks no PostgreSQL"));
        assert_null(strstr(text, "connection to green"));
        assert_false(cutover_is_ready(w->machine));
        world_free(w);
    }
}

/* ---- random walks ---- */

/* Faults everywhere, a crash now and then, flips to and fro; then the world heals. */
static void
random_walk(uint64_t seed)
{
    struct world *w = a_world((enum story)(seed % STORIES_COUNT));
    w->seed = seed * 0x9E3779B97F4A7C15u + 1;
    for (int round = 0; round < 4; round++) {
        w->fault_percent = 6;
        if (world_random(w) % 3 == 0) {
            w->crash_at = w->statements + 120 + world_random(w) % 60;
        }
        struct err err;
        const struct cutover_options options = {.to =
                                                    side_other(cutover_route(w->machine)->writer)};
        const bool started = cutover_start(w->machine, CUTOVER_JOB_FLIP, &options, &err);
        world_run(w, 5);
        w->fault_percent = 0;
        if (w->crashed) {
            world_crash(w, world_random(w) % 2 == 0);
            world_restart(w, world_random(w) % 4 == 0);
        }
        w->crash_at = 0;
        world_settle(w);
        world_run(w, 15);
        assert_true(started || round > 0);
        assert_one_side(w);
    }
    world_free(w);
}

static void
random_walks_end_on_one_side(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 1500; seed++) {
        random_walk(seed);
    }
}

int
main(void)
{
    log_set_level(LOG_LEVEL_ERROR);
    if (!log_open("/dev/null")) {
        return 1;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_flip_moves_the_writes),
        cmocka_unit_test(a_rollback_is_the_same_flip_with_the_sides_swapped),
        cmocka_unit_test(one_way_streams_change_their_direction),
        cmocka_unit_test(a_dry_run_moves_nothing),
        cmocka_unit_test(the_set_up_runs_and_is_taken_down),
        cmocka_unit_test(any_one_fault_of_the_set_up_ends_it_idle),
        cmocka_unit_test(an_operator_without_alter_system_fences_the_database),
        cmocka_unit_test(a_fence_that_is_not_possible_touches_nothing),
        cmocka_unit_test(a_role_that_begins_read_write_undoes_the_flip),
        cmocka_unit_test(a_standby_whose_streams_cannot_be_made_is_promoted_without_a_slot),
        cmocka_unit_test(a_strict_fence_gives_back_the_limit_that_it_found),
        cmocka_unit_test(a_strict_fence_gives_the_limit_back_after_any_one_fault),
        cmocka_unit_test(a_strict_fence_gives_the_limit_back_after_a_crash),
        cmocka_unit_test(a_strict_fence_that_is_not_wanted_any_more_is_relaxed),
        cmocka_unit_test(the_writer_cannot_be_the_target),
        cmocka_unit_test(a_second_operator_is_refused),
        cmocka_unit_test(a_drain_that_does_not_end_is_undone),
        cmocka_unit_test(a_drain_may_push),
        cmocka_unit_test(the_operator_may_call_it_off_before_the_commit),
        cmocka_unit_test(any_one_fault_ends_on_one_side),
        cmocka_unit_test(a_failed_record_write_ends_on_one_side),
        cmocka_unit_test(a_failed_record_write_before_the_hold_touches_nothing),
        cmocka_unit_test(a_crash_at_any_statement_resumes_on_one_side),
        cmocka_unit_test(a_target_that_holds_the_decision_and_is_down_keeps_writes_held),
        cmocka_unit_test(an_idle_record_needs_the_writer_only),
        cmocka_unit_test(a_corrupt_record_is_rebuilt_from_the_sides),
        cmocka_unit_test(a_commit_without_an_answer_ends_the_command_and_is_resolved_later),
        cmocka_unit_test(a_promotion_that_is_never_begun_ends_the_command_and_is_asked_for_again),
        cmocka_unit_test(an_old_worker_that_does_not_end_is_left_to_the_tick),
        cmocka_unit_test(the_preflight_gives_each_side_its_own_error),
        cmocka_unit_test(the_set_up_names_the_error_of_the_side_that_it_is_about),
        cmocka_unit_test(the_start_up_logs_the_error_of_the_side_that_it_is_about),
        cmocka_unit_test(random_walks_end_on_one_side),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
