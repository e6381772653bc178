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

enum story { PHYSICAL, TWO_WAY, ONE_WAY, EXTERNAL, EXTERNAL_CLOSED, STORIES_COUNT };

/* A story is told of one database, of several, and of several with an operator that is
 * no superuser: t counts through all. */
enum { ORDINARY = 2 * STORIES_COUNT, TALES = 3 * STORIES_COUNT };

enum {
    CELLS_MAX = 12,
    ROWS_MAX = 4,
    CELL_SIZE = 128,
    KEPT_NONE = -2,
    QUEUE_MAX = 256,
    TAG_SIZE = 64,
    DATABASES = 3, /* of the stories with several */
};

static const char *const database_names[DATABASES] = {"app", "Second one", "third"};

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
    struct node_database {
        bool missing;
        bool unprepared;
        bool stream; /* its subscription is enabled */
        bool stuck;  /* nothing arrives in it */
        bool unlike; /* it has a setting of its own: new sessions are not what the guard says */
        uint64_t marker_epoch;
        uint64_t seq;
        uint64_t sequences_set;
    } database[DATABASES];
    bool strange; /* its side has failed over since its stream began */
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
};

struct entry {
    uint64_t at_us;
    uint64_t order;
    bool is_timer;
    cutover_timer_fn *timer;
    cutover_sql_fn *done;
    void *arg;
    enum side side;
    size_t database;
    enum fault fault;
    bool silent; /* nobody waits for the answer any more */
    bool is_hook;
    cutover_hook_fn *answered;
    struct hook_about about;
    char sql[8192];
};

struct world {
    struct cutover *machine;
    struct node node[SIDES_COUNT];
    size_t databases; /* of both nodes: the first so many names */
    bool all;         /* the configuration says *, and not the names */
    bool one_server;  /* both sides are it, as the monitor tells */
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
    bool unguarded;          /* the monitor sees a follower without its guard */
    bool swapped;            /* each side receives the stream to the other one */
    enum fence_policy fence; /* of the configuration */
    uint32_t cancels;
    uint32_t terminates;
    uint32_t slots;    /* made */
    uint64_t crash_at; /* statement before which the process dies; 0 never */
    bool crashed;
    bool both_writable;
    bool skipped;                /* a slot was moved past what clients have written */
    bool ha_paused;              /* by the hooks */
    uint32_t hooks[HOOKS_COUNT]; /* how often each was run */
    const char *hook_lies;       /* the hook that says ok and does nothing; NULL for none */
    const char *hook_refuses;    /* .. that says no and does nothing */
    bool lag_unknown;            /* hook_lag does not say it */
    bool no_way_back;            /* the hooks promise none */
    enum story story;
    char cells[ROWS_MAX][CELLS_MAX][CELL_SIZE];
    int columns;
    int rows;
};

/* ---- a model of a server ---- */

static bool
node_writable(const struct node *n)
{
    return !n->in_recovery && !n->guard && !n->database_guard;
}

/* One more row. */
static void
answer(struct world *w, int columns, const char *const *cells)
{
    assert_true(w->rows < ROWS_MAX);
    w->columns = columns;
    for (int i = 0; i < columns; i++) {
        (void)snprintf(w->cells[w->rows][i], CELL_SIZE, "%s", cells[i]);
    }
    w->rows++;
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
    ANSWER(w, version, n->in_recovery ? "t" : "f", "t", fenced ? "t" : "f", "logical",
           w->swapped ? "other,teal_to_blue,teal_to_green" : "teal_to_greenish");
}

/* The databases of the server, each with its stream. */
static void
node_list(struct world *w, const struct node *n, enum side side)
{
    w->columns = 3;
    for (size_t i = 0; i < w->databases; i++) {
        uint32_t number = 0;
        if (n->database[i].missing) {
            continue;
        }
        const bool known = databases_find(w->machine, database_names[i], &number);
        const char *stream = known ? databases_stream(w->machine, number, side) : "";
        ANSWER(w, database_names[i], "t", n->database[i].unprepared ? "" : stream);
    }
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

/* One statement for all databases. */
static void
assert_names_all(const struct world *w, const char *sql)
{
    for (uint32_t i = 0; w->machine != NULL && i < databases_count(w->machine); i++) {
        assert_non_null(strstr(sql, databases_name(w->machine, i)));
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
    assert_names_all(w, sql);
    node_replicate(w, n);
    return true;
}

static void
node_look_row(struct world *w, const struct node *n)
{
    char epoch[CELL_SIZE];
    (void)snprintf(epoch, sizeof(epoch), "%u", (unsigned)n->epoch);
    ANSWER(w, epoch, side_name(n->writer), n->flip_id, n->phase,
           n->kept_limit != KEPT_NONE ? "t" : "f", "t", n->strange ? "1" : "2", "2");
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
node_guard_run(struct world *w, struct node *n, const struct node_database *d, const char *tag)
{
    if (n->ordinary && (strstr(tag, "-set") != NULL || strstr(tag, "-reload") != NULL)) {
        return SQLSTATE_INSUFFICIENT_PRIVILEGE;
    }
    if (tag_is(tag, "fence-set") || tag_is(tag, "guard") || tag_is(tag, "tick-guard-set")) {
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
    } else if (strstr(tag, "-probe") != NULL && (n->guard || n->database_guard) != d->unlike) {
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
        {"room", ""},
        {"room-there", ""},
        {"identity", ""},
        {"rows-there", ""},
        {"tables", "public.t"},
        {"tables-there", "public.t"},
        {"replayed", "t"},
        {"stream-back", "t"},
        {"copy", "0"},
        {"slot-there", "1"},
        {"slot-back", "0/1"},
        {"drop-slot", "0"},
        {"drop-slot-back", "0"},
    };
    for (size_t i = 0; i < COUNT_OF(answers); i++) {
        if (strcmp(tag, answers[i].tag) == 0) {
            ANSWER(w, answers[i].cell, "f");
            return true;
        }
    }
    return false;
}

/* Moves the slot, unless the side has been opened in a later epoch; never while clients write. */
static void
node_advance(struct world *w, const struct node *n, enum side side, const struct node_database *d,
             const char *sql)
{
    const struct cutover_route *route = w->machine != NULL ? cutover_route(w->machine) : NULL;
    if (d->marker_epoch > number_after(sql, "epoch > ")) {
        return;
    }
    w->skipped = w->skipped || (route != NULL && route->writes_known && !route->writes_held &&
                                route->writer == side && node_writable(n));
    ANSWER(w, "0/1");
}

/* What is different from database to database; true when the tag is of that kind. */
static bool
node_database_run(struct world *w, struct node_database *d, const char *tag, const char *sql)
{
    if (tag_is(tag, "look-schema-blue") || tag_is(tag, "look-schema-green")) {
        ANSWER(w, d->unprepared ? "f" : "t");
    } else if (tag_is(tag, "catchup-mark") || tag_is(tag, "catchup-hook-mark") ||
               tag_is(tag, "gate-rehearse")) {
        char seq[CELL_SIZE];
        (void)snprintf(seq, sizeof(seq), "%u", (unsigned)++d->seq);
        ANSWER(w, seq);
    } else if (tag_starts(tag, "catchup-arrived") || tag_is(tag, "catchup-hook-arrived") ||
               tag_is(tag, "gate-rehearsed")) {
        ANSWER(w, d->stuck ? "f" : "t", "t", "0/1");
    } else if (tag_is(tag, "open-epoch")) {
        d->marker_epoch = number_after(sql, "epoch = ");
        ANSWER(w, "1");
    } else if (tag_is(tag, "catchup-sequences")) {
        ANSWER(w, "2", "(''public'', ''s'', 5)");
    } else if (tag_is(tag, "sequences-set")) {
        d->sequences_set++;
        ANSWER(w, "2");
    } else if (tag_is(tag, "open-schema")) {
        d->unprepared = false;
    } else if (tag_is(tag, "wayback-stream-off")) {
        d->stream = false;
    } else if (tag_is(tag, "after-reverse-on") || tag_is(tag, "undo-stream-on")) {
        d->stream = true;
    } else {
        return false;
    }
    return true;
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
    } else if (tag_is(tag, "open-slot") || tag_is(tag, "after-slot-from")) {
        w->slots++;
        ANSWER(w, "0/1");
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
    } else if (!tag_is(tag, "tick-behind")) {
        ANSWER(w, "9", "");
    }
    return NULL;
}

static const char *
node_run(struct world *w, enum side side, size_t database, const char *sql)
{
    struct node *n = &w->node[side];
    struct node_database *d = &n->database[database];
    char tag[TAG_SIZE];
    text_after(sql, "/* teal ", tag, sizeof(tag));
    tag[strcspn(tag, " ")] = '\0';
    w->rows = 0;
    w->columns = 0;
    if (tag_starts(tag, "rights-")) {
        node_rights(w, n);
    } else if (node_catalog_run(w, n, tag, sql)) {
        return NULL;
    } else if (tag_is(tag, "promote-seen") || tag_is(tag, "promote-hook-ask") ||
               tag_is(tag, "open-out")) {
        ANSWER(w, n->in_recovery ? "t" : "f", n->guard ? "on" : "off");
        n->in_recovery = n->in_recovery && !n->promoting;
    } else if (tag_starts(tag, "look-row")) {
        node_look_row(w, n);
    } else if (tag_starts(tag, "look-list")) {
        node_list(w, n, side);
    } else if (strstr(sql, "pg_replication_slot_advance") != NULL) {
        node_advance(w, n, side, d, sql);
    } else if (node_database_run(w, d, tag, sql)) {
        return NULL;
    } else if (tag_starts(tag, "look-")) {
        node_look(w, n);
    } else if (tag_starts(tag, "check-")) {
        ANSWER(w, strstr(sql, "data_directory") != NULL ? side_name(side) : "");
    } else if (strstr(sql, "UPDATE teal.local_state") != NULL) {
        node_update_row(w, n, sql);
    } else if (strstr(tag, "-set") != NULL || strstr(tag, "-reload") != NULL ||
               strstr(tag, "-seen") != NULL || strstr(tag, "-probe") != NULL ||
               tag_is(tag, "tick-fence")) {
        if ((tag_starts(tag, "open-probe") || tag_is(tag, "open-hook-probe")) && node_writable(n)) {
            d->marker_epoch = number_after(sql, "epoch = ");
        }
        return node_guard_run(w, n, d, tag);
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

static size_t
database_number(const struct world *w, const char *name)
{
    for (size_t i = 0; i < w->databases; i++) {
        if (strcmp(name, database_names[i]) == 0) {
            return i;
        }
    }
    fail_msg("there is no database %s", name);
    return 0;
}

static void
op_sql(void *ctx, const struct cutover_where *where, const char *sql, uint64_t timeout_us,
       cutover_sql_fn *done, void *arg)
{
    struct world *w = ctx;
    const enum side side = where->side;
    assert_true(timeout_us > 0);
    w->statements++;
    if (w->crash_at != 0 && w->statements >= w->crash_at) {
        w->crashed = true;
        return;
    }
    struct entry *e = world_push(w, 500);
    e->side = side;
    e->database = database_number(w, where->database);
    e->done = done;
    e->arg = arg;
    assert_true(strlen(sql) < sizeof(e->sql));
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

/* A hook is a statement like any other: it counts, and meets faults. */
static void
op_hook(void *ctx, const struct hook_about *about, uint64_t timeout_us, cutover_hook_fn *done,
        void *arg)
{
    struct world *w = ctx;
    char text[TAG_SIZE];
    (void)snprintf(text, sizeof(text), "/* teal hook_%s */", hook_name(about->hook));
    const size_t before = w->queue_len;
    const struct cutover_where where = {.side = about->to, .database = database_names[0]};
    op_sql(ctx, &where, text, timeout_us, NULL, arg);
    if (w->queue_len == before) {
        return; /* crashed */
    }
    struct entry *e = &w->queue[w->queue_len - 1];
    e->is_hook = true;
    e->answered = done;
    e->about = *about;
    w->hooks[about->hook]++;
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
                                  .lag_known = true,
                                  .is_unguarded = w->unguarded && !w->node[side].guard,
                                  .is_other_side = w->one_server};
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
    .hook = op_hook,
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
    return w->cells[row][column];
}

static void
world_look(struct world *w)
{
    if (node_writable(&w->node[SIDE_BLUE]) && node_writable(&w->node[SIDE_GREEN])) {
        w->both_writable = true;
    }
}

/* What the hook does. */
static void
hook_run(struct world *w, const struct hook_about *about)
{
    struct node *from = &w->node[about->from];
    struct node *to = &w->node[about->to];
    switch (about->hook) {
    case HOOK_FENCE:
        from->guard = from->guard_file = true;
        break;
    case HOOK_UNFENCE:
        from->guard = from->guard_file = false;
        break;
    case HOOK_PROMOTE:
        to->promoting = to->in_recovery;
        to->guard = to->guard_file = false;
        break;
    case HOOK_PAUSE_HA:
    case HOOK_RESUME_HA:
        w->ha_paused = about->hook == HOOK_PAUSE_HA;
        break;
    case HOOK_PREPARE:
    case HOOK_FINISH:
    case HOOK_LAG:
        break;
    }
    world_look(w);
}

static bool
is_hook(const struct hook_about *about, const char *name)
{
    return name != NULL && strcmp(hook_name(about->hook), name) == 0;
}

static void
hook_answer(struct world *w, const struct entry *e)
{
    const bool lies = is_hook(&e->about, w->hook_lies);
    const bool refuses = is_hook(&e->about, w->hook_refuses);
    const bool runs = e->fault == FAULT_NONE || e->fault == FAULT_REPLY;
    if (runs && !lies && !refuses) {
        hook_run(w, &e->about);
    }
    if (e->fault == FAULT_DELAYED) {
        struct entry *late = world_push(w, 3000);
        late->is_hook = true;
        late->silent = true;
        late->about = e->about;
    }
    struct hook_answer a = {.ok = e->fault == FAULT_NONE && !refuses,
                            .unknown = e->fault > FAULT_FAIL,
                            .lag_known = !w->lag_unknown,
                            .way_back = !w->no_way_back};
    if (!a.ok) {
        (void)err_set(&a.err, "57000", "hook_%s failed", hook_name(e->about.hook));
    }
    e->answered(e->arg, &a);
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
        error = node_run(w, e->side, e->database, e->sql);
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
        late->database = e->database;
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
    } else if (e.is_hook && e.silent) {
        hook_run(w, &e.about);
    } else if (e.is_hook) {
        hook_answer(w, &e);
    } else if (e.silent) {
        (void)node_run(w, e.side, e.database, e.sql);
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

static void
world_start_machine(struct world *w)
{
    const struct cutover_config config = {
        .databases = database_names,
        .databases_count = w->all ? 1 : (uint32_t)w->databases,
        .databases_all = w->all,
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
        .require_way_back = !w->no_way_back,
        .external = w->story >= EXTERNAL,
        .hooks = w->story >= EXTERNAL ? (1u << HOOKS_COUNT) - 1 : 0,
        .hook_timeout_us = 1000000,
    };
    struct cutover_ops ops = world_ops;
    ops.ctx = w;
    w->machine = cutover_new(&config, &ops);
    cutover_recover(w->machine, slice_of(w->record, w->record_len));
}

/* A prepared pair of so many databases whose machine has just started, on blue. */
static struct world *
a_world_by(enum story story, size_t databases, bool ordinary)
{
    struct world *w = xcalloc(1, sizeof(*w));
    w->databases = databases;
    w->now_us = 1000000;
    w->seed = 42;
    w->story = story;
    for (int s = 0; s < SIDES_COUNT; s++) {
        struct node *n = &w->node[s];
        n->version = story == TWO_WAY ? 170000 : 150000;
        n->limit = 7;
        n->kept_limit = KEPT_NONE;
        n->ordinary = ordinary;
        n->epoch = 7;
        n->writer = SIDE_BLUE;
        (void)snprintf(n->phase, sizeof(n->phase), "idle");
        (void)snprintf(n->flip_id, sizeof(n->flip_id), "0");
        for (size_t i = 0; i < databases; i++) {
            n->database[i].marker_epoch = 7;
            n->database[i].stream = s == SIDE_GREEN && story != PHYSICAL && story != EXTERNAL;
        }
    }
    const bool standby = story == PHYSICAL || story == EXTERNAL;
    const bool by_database = ordinary && story < EXTERNAL;
    w->node[SIDE_GREEN].in_recovery = standby;
    w->node[SIDE_GREEN].guard = w->node[SIDE_GREEN].guard_file = !standby && !by_database;
    w->node[SIDE_GREEN].database_guard = !standby && by_database;
    world_start_machine(w);
    world_settle(w);
    assert_true(cutover_is_ready(w->machine));
    w->statements = 0;
    w->records = 0;
    return w;
}

static struct world *
a_world_of(enum story story, size_t databases)
{
    return a_world_by(story, databases, false);
}

static struct world *
a_world(enum story story)
{
    return a_world_of(story, 1);
}

static struct world *
a_tale(int t)
{
    return a_world_by((enum story)(t % STORIES_COUNT), t < STORIES_COUNT ? 1 : DATABASES,
                      t >= ORDINARY);
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
    assert_false(w->skipped);
}

/* ---- happy paths ---- */

static void
a_flip_moves_the_writes(void **state)
{
    (void)state;
    for (int t = 0; t < TALES; t++) {
        struct world *w = a_tale(t);
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
    for (int t = 0; t < TALES; t++) {
        struct world *w = a_tale(t);
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
    assert_true(w->node[SIDE_BLUE].database[0].stream);
    assert_false(w->node[SIDE_GREEN].database[0].stream);
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
    for (int t = 0; t < TALES; t++) {
        struct world *w = a_tale(t);
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
    for (int t = 0; t < TALES; t++) {
        for (int fault = FAULT_FAIL; fault <= FAULT_LOST; fault++) {
            for (uint64_t k = 1; k <= 110; k++) {
                struct world *w = a_tale(t);
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

/* Whether Teal itself fences in that story. */
static bool
is_own(int t)
{
    return t % STORIES_COUNT != EXTERNAL && t % STORIES_COUNT != EXTERNAL_CLOSED;
}

static void
an_operator_without_alter_system_fences_the_databases(void **state)
{
    (void)state;
    for (int t = ORDINARY; t < TALES; t++) {
        struct world *w = a_tale(t);
        world_flip(w, SIDE_GREEN);
        assert_true(w->done_ok);
        assert_int_equal(w->node[SIDE_BLUE].database_guard, is_own(t));
        assert_int_equal(w->node[SIDE_BLUE].guard, !is_own(t));
        assert_one_side(w);
        world_free(w);
    }
}

/* ALTER SYSTEM would fence what does not move. */
static void
a_part_of_a_cluster_is_fenced_by_its_databases(void **state)
{
    (void)state;
    for (int story = TWO_WAY; story <= ONE_WAY; story++) {
        struct world *w = a_world_of((enum story)story, 2);
        w->databases = DATABASES;
        world_flip(w, SIDE_GREEN);
        assert_true(w->done_ok);
        assert_true(w->node[SIDE_BLUE].database_guard);
        assert_false(w->node[SIDE_BLUE].guard);
        assert_non_null(strstr(w->told, "1 stay behind, and the fence leaves them as they are"));
        world_flip(w, SIDE_BLUE);
        assert_true(w->done_ok);
        assert_one_side(w);
        world_free(w);
    }
}

static void
a_fence_that_is_not_possible_touches_nothing(void **state)
{
    (void)state;
    struct world *w = a_tale(ORDINARY + TWO_WAY);
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
    for (int t = 0; t < TALES; t++) {
        if (!is_own(t)) {
            continue;
        }
        struct world *w = a_tale(t);
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
    struct world *w = a_tale(ORDINARY + PHYSICAL);
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
    for (int t = 0; t < ORDINARY; t++) {
        if (!is_own(t)) {
            continue;
        }
        struct world *w = a_tale(t);
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
    struct world *w = a_world_of(TWO_WAY, DATABASES);
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

/* ---- several databases ---- */

static void
a_flip_carries_every_database(void **state)
{
    (void)state;
    for (int t = STORIES_COUNT; t < TALES; t++) {
        struct world *w = a_tale(t);
        const bool logical = t % STORIES_COUNT == TWO_WAY || t % STORIES_COUNT == ONE_WAY;
        world_flip(w, SIDE_GREEN);
        assert_true(w->done_ok);
        for (size_t i = 0; i < DATABASES; i++) {
            assert_int_equal(w->node[SIDE_GREEN].database[i].sequences_set, logical ? 1 : 0);
            const int story = t % STORIES_COUNT;
            const bool marked = i == 0 || story == ONE_WAY || story >= EXTERNAL;
            assert_int_equal(w->node[SIDE_GREEN].database[i].marker_epoch, marked ? 8 : 7);
            assert_int_equal(w->node[SIDE_BLUE].database[i].stream, t % STORIES_COUNT == ONE_WAY);
        }
        world_free(w);
    }
}

static void
one_database_that_does_not_follow_keeps_the_flip_from_beginning(void **state)
{
    (void)state;
    struct world *w = a_world_of(TWO_WAY, DATABASES);
    w->node[SIDE_GREEN].database[1].stuck = true;
    world_flip(w, SIDE_GREEN);
    assert_false(w->done_ok);
    assert_non_null(strstr(w->done_err.text, "gate did not end"));
    assert_non_null(strstr(w->done_err.text, "database \"Second one\""));
    assert_string_equal(w->node[SIDE_BLUE].phase, "idle");
    assert_one_side(w);
    world_free(w);
}

/* It stops following behind the gate: writes are held by then. */
static void
one_database_that_stops_following_undoes_all(void **state)
{
    (void)state;
    static const enum story stories[] = {TWO_WAY, ONE_WAY};
    for (size_t s = 0; s < COUNT_OF(stories); s++) {
        struct world *w = a_world_of(stories[s], DATABASES);
        struct err err;
        const struct cutover_options options = {.to = SIDE_GREEN};
        assert_true(cutover_start(w->machine, CUTOVER_JOB_FLIP, &options, &err));
        while (w->machine->machine.state != CUT_FENCE) {
            assert_true(world_step(w));
        }
        w->node[SIDE_GREEN].database[2].stuck = true;
        world_settle(w);
        assert_false(w->done_ok);
        assert_non_null(strstr(w->done_err.text, "database \"third\": green does not have"));
        assert_int_equal(cutover_route(w->machine)->writer, SIDE_BLUE);
        assert_one_side(w);
        for (size_t i = 0; i < DATABASES; i++) {
            assert_true(w->node[SIDE_GREEN].database[i].stream);
        }
        world_free(w);
    }
}

static void
a_database_that_the_target_lacks_is_named(void **state)
{
    (void)state;
    static const enum cutover_job jobs[] = {CUTOVER_JOB_PREPARE, CUTOVER_JOB_CHECK,
                                            CUTOVER_JOB_FLIP};
    for (size_t i = 0; i < 2 * COUNT_OF(jobs); i++) {
        struct world *w = a_world_of(TWO_WAY, DATABASES);
        cutover_free(w->machine);
        w->all = i % 2 == 1;
        world_start_machine(w);
        world_settle(w);
        w->node[SIDE_GREEN].database[2].missing = true;
        world_job(w, jobs[i / 2]);
        assert_false(w->done_ok);
        assert_non_null(strstr(w->done_err.text, "1 databases are not on green: third"));
        assert_one_side(w);
        world_free(w);
    }
}

/* Both sides have it, but PREPARE has not seen it. */
static void
a_database_that_is_new_blocks_until_it_is_prepared(void **state)
{
    (void)state;
    struct world *w = a_world_of(ONE_WAY, DATABASES);
    w->node[SIDE_BLUE].database[1].unprepared = true;
    w->node[SIDE_GREEN].database[1].unprepared = true;
    world_flip(w, SIDE_GREEN);
    assert_false(w->done_ok);
    assert_non_null(
        strstr(w->done_err.text, "1 databases are not prepared: Second one. Run PREPARE"));
    assert_one_side(w);
    world_free(w);
}

/* Its guard would fence the only server there is. */
static void
one_server_cannot_be_both_sides(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        struct world *w = a_world(ONE_WAY);
        w->one_server = true;
        if (i == 0) {
            world_flip(w, SIDE_GREEN);
        } else {
            world_job(w, i == 1 ? CUTOVER_JOB_PREPARE : CUTOVER_JOB_CHECK);
        }
        assert_false(w->done_ok);
        assert_non_null(strstr(w->done_err.text, "lead to the same server"));
        assert_one_side(w);
        world_free(w);
    }
}

static void
a_physical_green_takes_every_database_along(void **state)
{
    (void)state;
    struct world *w = a_world_of(PHYSICAL, DATABASES);
    w->databases = 2; /* as it was when the configuration was written */
    cutover_free(w->machine);
    world_start_machine(w);
    world_settle(w);
    w->databases = DATABASES;
    world_job(w, CUTOVER_JOB_PREPARE);
    assert_false(w->done_ok);
    assert_non_null(strstr(w->done_err.text, "takes every database along, and 1 would have no way "
                                             "back: third"));
    assert_string_equal(w->done_err.hint,
                        "set `databases = *` in [pair], or add them there; then run PREPARE");
    world_free(w);
}

static void
names_of_streams_are_those_that_a_slot_may_have(void **state)
{
    (void)state;
    struct world *w = a_world_of(TWO_WAY, DATABASES);
    assert_string_equal(databases_stream(w->machine, 0, SIDE_BLUE), "teal_to_blue");
    assert_string_equal(databases_stream(w->machine, 1, SIDE_GREEN),
                        "teal_to_green_second_one_494c3050b21e97c5");
    for (uint32_t i = 0; i < DATABASES; i++) {
        const char *name = databases_stream(w->machine, i, SIDE_GREEN);
        assert_int_equal(strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_"), strlen(name));
        assert_true(strlen(name) < STREAM_NAME_SIZE);
    }
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
statements_of(int t)
{
    struct world *w = a_tale(t);
    world_flip(w, SIDE_GREEN);
    const uint64_t n = w->statements;
    world_free(w);
    return n;
}

/* With several databases there are so many statements that each fault meets one in five of them. */
static uint64_t
stride_of(int t)
{
    return t < STORIES_COUNT ? 1 : 5;
}

static uint64_t
first_of(int t, int number)
{
    return 1 + (uint64_t)number % stride_of(t);
}

static void
any_one_fault_ends_on_one_side(void **state)
{
    (void)state;
    for (int t = 0; t < TALES; t++) {
        const uint64_t count = statements_of(t);
        for (int fault = FAULT_FAIL; fault < FAULTS_COUNT; fault++) {
            for (uint64_t k = first_of(t, fault); k <= count; k += stride_of(t)) {
                struct world *w = a_tale(t);
                w->fault_at = k;
                w->fault = (enum fault)fault;
                world_flip(w, SIDE_GREEN);
                world_run(w, 15);
                assert_one_side(w);
                assert_false(w->ha_paused);
                world_free(w);
            }
        }
    }
}

static void
a_failed_record_write_ends_on_one_side(void **state)
{
    (void)state;
    for (int t = 0; t < TALES; t++) {
        for (uint64_t k = 1; k <= 5; k++) {
            struct world *w = a_tale(t);
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
    for (int t = 0; t < TALES; t++) {
        const uint64_t count = statements_of(t);
        for (uint64_t k = first_of(t, t); k <= count * 4; k += stride_of(t)) {
            struct world *w = a_tale(t);
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
            assert_false(w->ha_paused);
            world_free(w);
        }
    }
}

static void
a_target_that_holds_the_decision_and_is_down_keeps_writes_held(void **state)
{
    (void)state;
    for (int t = 0; t < TALES; t++) {
        struct world *w = a_tale(t);
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
    for (int t = 0; t < ORDINARY; t++) {
        const uint64_t count = is_own(t) ? statements_of(t) : 0;
        for (int fault = FAULT_FAIL; fault < FAULTS_COUNT; fault++) {
            for (uint64_t k = 1; k <= count; k += stride_of(t)) {
                struct world *w = a_tale(t);
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
    for (int t = 0; t < ORDINARY; t++) {
        const uint64_t count = is_own(t) ? statements_of(t) : 0;
        for (uint64_t k = 1; k <= count * 4; k += stride_of(t)) {
            struct world *w = a_tale(t);
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
    static const char *const decides[STORIES_COUNT] = {
        [PHYSICAL] = "promote-call", [TWO_WAY] = "commit-row",           [ONE_WAY] = "commit-row",
        [EXTERNAL] = "hook_promote", [EXTERNAL_CLOSED] = "hook_promote",
    };
    for (int t = 0; t < TALES; t++) {
        struct world *w = a_tale(t);
        w->told[0] = '\0';
        w->freeze_at = decides[t % STORIES_COUNT];
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
    assert_true(w->node[SIDE_BLUE].database[0].stream);
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

/* It stood in the files of the server that is gone. */
static void
a_follower_without_its_guard_gets_it_again(void **state)
{
    (void)state;
    struct world *w = a_world(TWO_WAY);
    w->node[SIDE_GREEN].guard = w->node[SIDE_GREEN].guard_file = false;
    w->unguarded = true;
    world_run(w, 3);
    assert_true(w->node[SIDE_GREEN].guard);
    assert_false(w->node[SIDE_BLUE].guard);
    world_free(w);
}

/* Whatever it is that the operator has mixed up, nobody is unfenced by it. */
static void
a_record_of_another_pair_and_swapped_sides_open_nothing(void **state)
{
    (void)state;
    for (int swapped = 0; swapped < 2; swapped++) {
        struct world *w = a_world(TWO_WAY);
        char text[2048];
        world_flip(w, SIDE_GREEN); /* the record says green from now on */
        assert_true(w->done_ok);
        const bool guarded[] = {w->node[SIDE_BLUE].guard, w->node[SIDE_GREEN].guard};
        w->swapped = swapped == 1;
        for (int side = 0; side < SIDES_COUNT && swapped == 0; side++) {
            w->node[side].writer = SIDE_BLUE; /* the sides are those of another pair */
            w->node[side].guard = side == SIDE_GREEN;
        }
        const bool before = swapped == 0 ? true : guarded[SIDE_BLUE];
        start_up_log(w, text, sizeof(text));
        assert_non_null(strstr(text, swapped == 1 ? "have changed places"
                                                  : "the state file is not that of this pair"));
        assert_false(cutover_is_ready(w->machine));
        assert_int_equal(w->node[swapped == 0 ? SIDE_GREEN : SIDE_BLUE].guard, before);
        world_free(w);
    }
}

/* ---- hooks ---- */

static uint64_t
flip_and_count(struct world *w, enum hook hook)
{
    world_flip(w, SIDE_GREEN);
    world_run(w, 15);
    assert_one_side(w);
    assert_false(w->ha_paused);
    return w->hooks[hook];
}

static void
an_external_flip_runs_each_of_its_hooks(void **state)
{
    (void)state;
    struct world *w = a_world(EXTERNAL);
    assert_int_equal(flip_and_count(w, HOOK_PROMOTE), 1);
    assert_true(w->done_ok);
    assert_int_equal(w->hooks[HOOK_PAUSE_HA], 1);
    assert_int_equal(w->hooks[HOOK_FENCE], 1);
    assert_int_equal(w->hooks[HOOK_LAG], 3);
    assert_int_equal(w->hooks[HOOK_UNFENCE], 0);
    assert_int_equal(w->hooks[HOOK_RESUME_HA], 1);
    assert_non_null(strstr(w->told, "the way back is open"));
    world_free(w);
}

static void
hooks_run_once_for_all_databases(void **state)
{
    (void)state;
    struct world *w = a_world_of(EXTERNAL, DATABASES);
    assert_int_equal(flip_and_count(w, HOOK_PROMOTE), 1);
    assert_true(w->done_ok);
    assert_int_equal(w->hooks[HOOK_FENCE], 1);
    assert_int_equal(w->hooks[HOOK_LAG], 3);
    world_free(w);
}

/* The hook says ok, and nothing has happened: the server is believed, not the hook. */
static void
a_fence_that_does_not_hold_is_undone(void **state)
{
    (void)state;
    struct world *w = a_world(EXTERNAL);
    w->hook_lies = "fence";
    assert_int_equal(flip_and_count(w, HOOK_PROMOTE), 0);
    assert_false(w->done_ok);
    assert_non_null(strstr(w->done_err.text, "a new session on blue could still write"));
    assert_int_equal(w->hooks[HOOK_UNFENCE], 1);
    assert_int_equal(cutover_route(w->machine)->writer, SIDE_BLUE);
    world_free(w);
}

/* What its old primary had confirmed, and the new one had not received, never comes again. */
static void
a_follower_whose_side_failed_over_gets_no_writes(void **state)
{
    (void)state;
    static const enum cutover_job prepare = CUTOVER_JOB_PREPARE;
    for (int story = TWO_WAY; story <= ONE_WAY; story++) {
        struct world *w = a_world((enum story)story);
        w->node[SIDE_GREEN].strange = true;
        world_flip(w, SIDE_GREEN);
        assert_false(w->done_ok);
        assert_non_null(strstr(w->done_err.text, "green has failed over since its stream began"));
        assert_int_equal(cutover_route(w->machine)->writer, SIDE_BLUE);
        world_job(w, prepare);
        assert_false(w->done_ok);
        assert_non_null(strstr(w->done_err.text, "rows that its standby had not received"));
        world_free(w);
    }
}

/* A hook may set something in each database, and have forgotten one. */
static void
a_fence_that_leaves_one_database_open_is_undone(void **state)
{
    (void)state;
    struct world *w = a_world_of(EXTERNAL, DATABASES);
    w->node[SIDE_BLUE].database[2].unlike = true;
    start_flip(w);
    world_run(w, 4);
    w->node[SIDE_BLUE].database[2].unlike = false; /* by hook_unfence */
    world_run(w, 15);
    assert_false(w->done_ok);
    assert_non_null(strstr(w->done_err.text, "database \"third\""));
    assert_non_null(strstr(w->done_err.text, "a new session on blue could still write"));
    assert_int_equal(w->hooks[HOOK_PROMOTE], 0);
    assert_int_equal(cutover_route(w->machine)->writer, SIDE_BLUE);
    assert_one_side(w);
    world_free(w);
}

/* It has promoted the server, and one database does not accept writes yet: nobody is let in. */
static void
writes_are_held_until_each_database_is_open(void **state)
{
    (void)state;
    struct world *w = a_world_of(EXTERNAL, DATABASES);
    w->node[SIDE_GREEN].database[1].unlike = true;
    start_flip(w);
    world_run(w, 20);
    assert_true(w->held);
    assert_non_null(strstr(w->told, "Second one"));
    w->node[SIDE_GREEN].database[1].unlike = false;
    world_run(w, 15);
    assert_int_equal(cutover_route(w->machine)->writer, SIDE_GREEN);
    assert_one_side(w);
    world_free(w);
}

/* Somebody else may replicate each database on its own. */
static void
one_database_that_does_not_arrive_keeps_the_target_from_being_promoted(void **state)
{
    (void)state;
    struct world *w = a_world_of(EXTERNAL_CLOSED, DATABASES);
    w->node[SIDE_GREEN].database[2].stuck = true;
    assert_int_equal(flip_and_count(w, HOOK_PROMOTE), 0);
    assert_false(w->done_ok);
    assert_non_null(strstr(w->done_err.text, "database \"third\""));
    world_free(w);
}

/* Its target gets it when it is opened, in each database. */
static void
an_external_target_needs_no_schema(void **state)
{
    (void)state;
    struct world *w = a_world_of(EXTERNAL_CLOSED, DATABASES);
    w->node[SIDE_GREEN].database[1].unprepared = true;
    w->node[SIDE_GREEN].database[1].stuck = true; /* nor does a marker get there */
    world_flip(w, SIDE_GREEN);
    assert_true(w->done_ok);
    assert_false(w->node[SIDE_GREEN].database[1].unprepared);
    assert_one_side(w);
    world_free(w);
}

static void
a_hook_that_refuses_before_the_commit_is_undone(void **state)
{
    (void)state;
    static const char *const refusing[] = {"pause_ha", "fence", "promote"};
    for (size_t i = 0; i < COUNT_OF(refusing); i++) {
        for (int story = EXTERNAL; story <= EXTERNAL_CLOSED; story++) {
            struct world *w = a_world((enum story)story);
            w->hook_refuses = refusing[i];
            (void)flip_and_count(w, HOOK_LAG);
            assert_false(w->done_ok);
            assert_string_equal(w->done_err.text + strlen("hook_"), i == 0   ? "pause_ha failed"
                                                                    : i == 1 ? "fence failed"
                                                                             : "promote failed");
            assert_int_equal(cutover_route(w->machine)->writer, SIDE_BLUE);
            world_free(w);
        }
    }
}

static void
a_promotion_that_the_hook_only_claims_is_asked_for_until_it_is_there(void **state)
{
    (void)state;
    for (int story = EXTERNAL; story <= EXTERNAL_CLOSED; story++) {
        struct world *w = a_world((enum story)story);
        w->hook_lies = "promote";
        w->told[0] = '\0';
        start_flip(w);
        world_run(w, 20);
        assert_true(w->held);
        assert_int_equal(w->done_calls, 1);
        assert_false(w->done_ok);
        assert_non_null(strstr(w->told, "commit: BLOCKED: "));
        assert_true(w->hooks[HOOK_PROMOTE] > 1);
        w->hook_lies = NULL;
        world_run(w, 15);
        assert_one_side(w);
        assert_int_equal(cutover_route(w->machine)->writer, SIDE_GREEN);
        assert_false(w->ha_paused);
        world_free(w);
    }
}

static void
an_undo_goes_on_until_the_old_side_is_open_again(void **state)
{
    (void)state;
    struct world *w = a_world(EXTERNAL);
    w->hook_refuses = "promote";
    w->hook_lies = "unfence";
    start_flip(w);
    world_run(w, 20);
    assert_true(w->held);
    assert_int_equal(w->done_calls, 1);
    assert_true(w->hooks[HOOK_UNFENCE] > 1);
    w->hook_lies = NULL;
    world_run(w, 15);
    assert_one_side(w);
    assert_int_equal(cutover_route(w->machine)->writer, SIDE_BLUE);
    world_free(w);
}

static void
a_lag_that_is_not_told_blocks_the_flip(void **state)
{
    (void)state;
    struct world *w = a_world(EXTERNAL);
    w->lag_unknown = true;
    assert_int_equal(flip_and_count(w, HOOK_FENCE), 0);
    assert_false(w->done_ok);
    assert_non_null(strstr(w->done_err.text, "F10 hook-lag: hook_lag does not say lag_bytes"));
    world_free(w);
}

static void
a_target_that_is_open_already_blocks_the_flip(void **state)
{
    (void)state;
    struct world *w = a_world(EXTERNAL_CLOSED);
    w->node[SIDE_GREEN].guard = w->node[SIDE_GREEN].guard_file = false;
    world_flip(w, SIDE_GREEN);
    assert_false(w->done_ok);
    assert_non_null(strstr(w->done_err.text, "F08 target-closed"));
    assert_int_equal(w->hooks[HOOK_FENCE], 0);
    world_free(w);
}

/* Neither hooks nor anybody else gives one: only who says NO ROLLBACK goes on, and is told. */
static void
no_way_back_is_a_matter_of_the_operator(void **state)
{
    (void)state;
    struct world *w = a_world(EXTERNAL);
    struct err err;
    const struct cutover_options options = {.to = SIDE_GREEN, .no_way_back = true};
    w->no_way_back = true;
    w->machine->config.require_way_back = true;
    world_flip(w, SIDE_GREEN);
    assert_false(w->done_ok);
    assert_non_null(strstr(w->done_err.text, "F11 hook-way-back"));
    assert_int_equal(w->hooks[HOOK_PAUSE_HA], 0);
    assert_true(cutover_start(w->machine, CUTOVER_JOB_FLIP, &options, &err));
    world_settle(w);
    assert_true(w->done_ok);
    assert_non_null(strstr(w->told, "there is no way back"));
    assert_one_side(w);
    world_free(w);
}

static void
failover_that_cannot_be_resumed_is_told_and_tried_again(void **state)
{
    (void)state;
    struct world *w = a_world(EXTERNAL);
    w->hook_refuses = "resume_ha";
    world_flip(w, SIDE_GREEN);
    assert_true(w->done_ok);
    assert_non_null(strstr(w->told, "resume-ha: failover is still paused: hook_resume_ha failed"));
    world_run(w, 25);
    assert_true(w->ha_paused);
    assert_true(w->hooks[HOOK_RESUME_HA] >= 3);
    world_crash(w, false);
    world_start_machine(w); /* the record knows */
    w->hook_refuses = NULL;
    world_run(w, 15);
    assert_false(w->ha_paused);
    const uint32_t runs = w->hooks[HOOK_RESUME_HA];
    world_run(w, 30);
    assert_int_equal(w->hooks[HOOK_RESUME_HA], runs);
    assert_one_side(w);
    world_free(w);
}

static void
failover_is_paused_for_other_kinds_too(void **state)
{
    (void)state;
    for (int story = PHYSICAL; story < EXTERNAL; story++) {
        struct world *w = a_world((enum story)story);
        w->machine->config.hooks = 1u << HOOK_PAUSE_HA | 1u << HOOK_RESUME_HA;
        assert_int_equal(flip_and_count(w, HOOK_PAUSE_HA), 1);
        assert_true(w->done_ok);
        assert_int_equal(w->hooks[HOOK_RESUME_HA], 1);
        world_free(w);
    }
}

/* A drain that fails has touched no database, but failover was paused. */
static void
failover_goes_on_when_nothing_was_touched(void **state)
{
    (void)state;
    struct world *w = a_world(EXTERNAL);
    drain_with(DRAIN_ABORT, w);
    assert_false(w->done_ok);
    assert_int_equal(w->hooks[HOOK_FENCE], 0);
    assert_int_equal(w->hooks[HOOK_RESUME_HA], 1);
    assert_false(w->ha_paused);
    world_free(w);
}

static void
a_hook_that_is_late_ends_with_its_state(void **state)
{
    (void)state;
    struct world *w = a_world(EXTERNAL);
    w->freeze_at = "hook_fence";
    start_flip(w);
    world_run(w, 1);
    w->node[SIDE_GREEN].frozen = false;
    world_run(w, 15);
    assert_int_equal(w->done_calls, 1);
    assert_false(w->done_ok);
    assert_one_side(w);
    assert_int_equal(cutover_route(w->machine)->writer, SIDE_BLUE);
    world_free(w);
}

/* ---- random walks ---- */

/* Faults everywhere, a crash now and then, flips to and fro; then the world heals. */
static void
random_walk(uint64_t seed)
{
    struct world *w = a_tale((int)(seed % TALES));
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
        cmocka_unit_test(a_follower_whose_side_failed_over_gets_no_writes),
        cmocka_unit_test(a_flip_carries_every_database),
        cmocka_unit_test(one_database_that_does_not_follow_keeps_the_flip_from_beginning),
        cmocka_unit_test(one_database_that_stops_following_undoes_all),
        cmocka_unit_test(a_database_that_the_target_lacks_is_named),
        cmocka_unit_test(a_database_that_is_new_blocks_until_it_is_prepared),
        cmocka_unit_test(one_server_cannot_be_both_sides),
        cmocka_unit_test(a_physical_green_takes_every_database_along),
        cmocka_unit_test(names_of_streams_are_those_that_a_slot_may_have),
        cmocka_unit_test(an_operator_without_alter_system_fences_the_databases),
        cmocka_unit_test(a_part_of_a_cluster_is_fenced_by_its_databases),
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
        cmocka_unit_test(a_follower_without_its_guard_gets_it_again),
        cmocka_unit_test(a_record_of_another_pair_and_swapped_sides_open_nothing),
        cmocka_unit_test(an_external_flip_runs_each_of_its_hooks),
        cmocka_unit_test(hooks_run_once_for_all_databases),
        cmocka_unit_test(a_fence_that_does_not_hold_is_undone),
        cmocka_unit_test(a_fence_that_leaves_one_database_open_is_undone),
        cmocka_unit_test(writes_are_held_until_each_database_is_open),
        cmocka_unit_test(one_database_that_does_not_arrive_keeps_the_target_from_being_promoted),
        cmocka_unit_test(an_external_target_needs_no_schema),
        cmocka_unit_test(a_hook_that_refuses_before_the_commit_is_undone),
        cmocka_unit_test(a_promotion_that_the_hook_only_claims_is_asked_for_until_it_is_there),
        cmocka_unit_test(an_undo_goes_on_until_the_old_side_is_open_again),
        cmocka_unit_test(a_lag_that_is_not_told_blocks_the_flip),
        cmocka_unit_test(a_target_that_is_open_already_blocks_the_flip),
        cmocka_unit_test(no_way_back_is_a_matter_of_the_operator),
        cmocka_unit_test(failover_that_cannot_be_resumed_is_told_and_tried_again),
        cmocka_unit_test(failover_is_paused_for_other_kinds_too),
        cmocka_unit_test(failover_goes_on_when_nothing_was_touched),
        cmocka_unit_test(a_hook_that_is_late_ends_with_its_state),
        cmocka_unit_test(random_walks_end_on_one_side),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
