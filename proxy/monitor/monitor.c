/* monitor.c — what is known of the two sides. See monitor.h.
 *
 *     round:  0 ms  the writer is asked        its position becomes a sample of the lag
 *            20 ms  the follower is asked      its position is compared with the samples
 *           100 ms  the next round
 *
 * A side has at most one question under way. What an answer means is decided in facts.c, and for
 * the lag in measure.c; this file asks, and tells when something has changed that makes old samples
 * worthless (another writer, a restart).
 *
 * A lost connection is tried again at once: somebody may have ended our process only. A side is
 * down when it cannot be reached, refuses the login, or does not answer in time. An error of SQL is
 * neither: then the fence has come or the schema teal has changed, and less is asked for a while.
 */
/* SPDX-License-Identifier: PostgreSQL */
#include "monitor/monitor.h"

#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "conf/conf.h"
#include "monitor/address.h"
#include "monitor/facts.h"
#include "monitor/lookup.h"
#include "monitor/measure.h"
#include "monitor/question.h"
#include "net/loop.h"
#include "net/pq.h"
#include "topo/conninfo.h"

enum {
    ANSWER_TIMEOUT_US = 2000000,
    RESOLVE_INTERVAL_US = 15000000,
    RESOLVE_AGAIN_US = 1000000, /* of a side that is down */
    CAP_FOR_US = 1000000,       /* after an error of SQL */
    RETRY_US = 200000,          /* of a side that is down */
    FOLLOWER_DELAY_US_MAX = 20000,
    NUDGE_AFTER_US = 300000, /* the WAL writer mostly flushes an asynchronous commit by then */
    NUDGE_INTERVAL_US = 1000000,
    NUDGE_AGAIN_US = 60000000, /* after an error of it */
};

/* One side and the connection to it. */
struct probe {
    struct monitor *monitor; /* borrowed: the one it stands in */
    enum side side;
    char *conninfo; /* owned; secret */
    struct pq *pq;  /* owned; NULL while no address of a name is known */
    struct log_ctx log;
    struct address address;
    struct address_list addresses; /* those that pq was given; not of a fixed host */
    struct lookup *lookup;         /* owned; NULL when none is under way */
    bool address_proven;           /* a connection of ours has reached it */
    uint64_t looked_up_us;         /* when the resolver was last asked; 0: never */

    /* The question under way. */
    bool asked;
    enum question_level level;
    uint64_t asked_us;
    uint64_t generation;
    bool nudged;  /* it makes the server flush */
    bool retried; /* it was asked again after a loss */

    uint64_t not_before_us;   /* a side that is down is not asked more often */
    enum question_level cap;  /* after an error of SQL: no more than this is asked... */
    uint64_t capped_until_us; /* ...before then */
    bool complained;          /* the error was logged */
    bool identity_known;      /* started_us is of the last answer */
    uint64_t started_us;
    int backend_pid; /* of the connection that answered last */
    bool backlog_known;
    uint64_t backlog; /* bytes that the slot to the other side has not got confirmed */
};

struct monitor {
    struct loop *loop; /* borrowed */
    struct conf *conf; /* shared (ref) */
    struct monitor_ops ops;
    struct timer *round;    /* owned */
    struct timer *follower; /* owned; the second half of a round */
    struct probe probe[SIDES_COUNT];
    struct monitor_facts facts;
    bool heartbeat_paused;
    uint64_t no_nudge_before_us;
    struct measure measure;
};

static const char *const role_names[] = {
    [NODE_UNKNOWN] = "unknown",
    [NODE_PRIMARY] = "primary",
    [NODE_STANDBY] = "standby",
    [NODE_LOGICAL_FOLLOWER] = "logical follower",
};

static struct node_facts *
probe_facts(const struct probe *p)
{
    return &p->monitor->facts.node[p->side];
}

static bool
probe_is_writer(const struct probe *p)
{
    return p->monitor->facts.writer_known && p->monitor->facts.writer == p->side;
}

static bool
probe_is_follower(const struct probe *p)
{
    return p->monitor->facts.writer_known && p->monitor->facts.writer != p->side;
}

static struct probe *
probe_other(const struct probe *p)
{
    return &p->monitor->probe[side_other(p->side)];
}

/* The side that is asked first. */
static struct probe *
monitor_first(struct monitor *m)
{
    return &m->probe[m->facts.writer_known ? m->facts.writer : SIDE_BLUE];
}

static void
monitor_changed_unless(struct monitor *m, enum side side, const struct node_facts *before)
{
    if (facts_differ(before, &m->facts.node[side])) {
        m->ops.changed(m->ops.ctx);
    }
}

/* ---- lag ---- */

/* News older than the guard cannot prove the guard. */
static uint64_t
news_age_max_us(const struct monitor *m)
{
    const uint64_t rounds_us = m->conf->monitor_interval_us * 3;
    return m->conf->lag_max_us > rounds_us ? m->conf->lag_max_us : rounds_us;
}

/* An answer of the writer, or of the follower, counts. */
static void
monitor_measure(struct monitor *m, const struct probe *p, const struct answer *answer,
                uint64_t now_us)
{
    const struct measure_answer a = {answer, p->asked_us, now_us, p->generation};
    measure_see_stream(&m->measure, &m->facts);
    if (probe_is_writer(p)) {
        measure_sample(&m->measure, &a);
        facts_set_lag(probe_facts(p), 0, 0, (struct lag_limits){0, 0});
    } else if (probe_is_follower(p)) {
        const struct probe *writer = probe_other(p);
        const struct measure_terms terms = {
            .limits = {m->conf->lag_max_us, m->conf->lag_bytes_max},
            .news_age_max_us = news_age_max_us(m),
            .backlog_known = writer->backlog_known,
            .backlog = writer->backlog,
        };
        measure_judge(&m->measure, &m->facts, &a, &terms);
    }
}

static void
monitor_forget_lag(struct monitor *m)
{
    measure_forget(&m->measure, &m->facts);
}

/* ---- addresses ---- */

static void
probe_set_address(struct probe *p, const struct address *address)
{
    struct node_facts *facts = probe_facts(p);
    if (address_equal(&p->address, address)) {
        return;
    }
    if (p->address_proven) {
        facts->incarnation++;
        log_info(&p->log, "the host name leads to another address", "incarnation=%u",
                 facts->incarnation);
    }
    p->address = *address;
    facts->addr = address->addr;
    facts->addr_len = address->len;
}

static void
probe_open(struct probe *p)
{
    CHECK(p->pq == NULL);
    const char *host = p->monitor->conf->node[p->side].host;
    char *conninfo = address_conninfo(p->conninfo, host, &p->addresses);
    p->pq = pq_new(p->monitor->loop, side_name(p->side), conninfo, question_setup());
    p->asked = false;
    conninfo_free(conninfo);
}

/* A connection to an address that the name no longer leads to is given up. One that is being made
 * is let be, and a side that is up gets the rest of its addresses when it is down. */
static void
probe_take_addresses(struct probe *p, const struct address_list *list)
{
    const struct address *address = address_choose(list, &p->address);
    const bool moved = p->address.len != 0 && !address_equal(&p->address, address);
    const bool busy = p->asked || probe_facts(p)->up;
    if (p->pq != NULL && !moved && (busy || address_list_equal(list, &p->addresses))) {
        return;
    }
    probe_set_address(p, address);
    p->addresses = *list;
    pq_free(p->pq);
    p->pq = NULL;
    probe_open(p);
}

static void probe_down(struct probe *p, const struct err *err);

static void
probe_looked_up(void *arg, const struct address_list *list, const struct err *err)
{
    struct probe *p = arg;
    const struct node_facts before = *probe_facts(p);
    CHECK(p->lookup != NULL);
    p->lookup = NULL;
    if (list != NULL) {
        probe_take_addresses(p, list);
    } else if (p->pq == NULL) {
        probe_down(p, err);
    } else { /* the addresses known stay */
        log_debug(&p->log, "resolver", "error=\"%s\"", err->text);
    }
    monitor_changed_unless(p->monitor, p->side, &before);
}

static void
probe_look_up_if_due(struct probe *p, uint64_t now_us)
{
    const struct conf_node *node = &p->monitor->conf->node[p->side];
    const bool known = p->pq != NULL && probe_facts(p)->up;
    const uint64_t interval_us = known ? RESOLVE_INTERVAL_US : RESOLVE_AGAIN_US;
    const bool due = p->looked_up_us == 0 || p->looked_up_us + interval_us <= now_us;
    if (address_is_fixed(node->host) || p->lookup != NULL || !due) {
        return;
    }
    p->looked_up_us = now_us;
    p->lookup = lookup_start(p->monitor->loop, node->host, node->port, probe_looked_up, p);
}

/* Without any address there is nobody to ask. */
static void
probe_await_address(struct probe *p, uint64_t now_us)
{
    const struct conf *conf = p->monitor->conf;
    if (p->lookup == NULL || p->looked_up_us + conf->server_connect_timeout_us > now_us) {
        return;
    }
    const struct node_facts before = *probe_facts(p);
    struct err err;
    (void)err_set(&err, SQLSTATE_CONNECTION_FAILURE,
                  "the resolver has not answered yet for the host name \"%s\"",
                  conf->node[p->side].host);
    probe_down(p, &err);
    monitor_changed_unless(p->monitor, p->side, &before);
}

/* The address that libpq found to work is the one for the data path. */
static void
probe_take_address(struct probe *p)
{
    const char *text = pq_host_address(p->pq);
    if (text == NULL || text[0] == '\0') {
        return; /* a Unix socket */
    }
    struct address_list list;
    const uint16_t port = p->monitor->conf->node[p->side].port;
    if (address_is_fixed(text) && address_resolve(text, port, &list, NULL)) {
        probe_set_address(p, &list.items[0]);
        p->address_proven = true;
    }
}

/* ---- asking ---- */

static void probe_answered(void *arg, const struct pq_result *result);

static enum question_level
probe_level(const struct probe *p, uint64_t now_us)
{
    const struct node_facts *facts = probe_facts(p);
    if (!facts->up || !facts->schema_exists) {
        return QUESTION_PLAIN;
    }
    const bool beat = probe_is_writer(p) && !p->monitor->heartbeat_paused &&
                      facts_wants_beat(facts, probe_facts(probe_other(p)));
    const enum question_level wanted = beat ? QUESTION_BEAT : QUESTION_SCHEMA;
    return now_us < p->capped_until_us && wanted > p->cap ? p->cap : wanted;
}

/* Something has been unflushed for longer than the server itself would leave it. */
static bool
probe_wants_nudge(const struct probe *p, uint64_t now_us)
{
    const struct monitor *m = p->monitor;
    const uint64_t since_us = lag_unflushed_since_us(&m->measure.lag);
    return probe_is_writer(p) && !m->heartbeat_paused && since_us != 0 &&
           since_us + NUDGE_AFTER_US <= now_us && m->no_nudge_before_us <= now_us &&
           facts_allow_nudge(probe_facts(p), probe_facts(probe_other(p)));
}

/* What the question will show holds for everything that was acknowledged before asked_us, so the
 * clock is read first. */
static void
probe_send(struct probe *p)
{
    CHECK(p->pq != NULL && !p->asked);
    const bool connected = pq_is_connected(p->pq);
    const uint64_t timeout_us =
        connected ? ANSWER_TIMEOUT_US : p->monitor->conf->server_connect_timeout_us;
    p->asked = true;
    p->generation = p->monitor->measure.generation;
    p->asked_us = clock_now_us();
    p->level = probe_level(p, p->asked_us);
    p->nudged = probe_wants_nudge(p, p->asked_us);
    if (p->nudged) {
        p->monitor->no_nudge_before_us = p->asked_us + NUDGE_INTERVAL_US;
    }
    char *sql = question_sql(p->side, p->level, p->nudged);
    pq_query(p->pq, sql, timeout_us, probe_answered, p);
    mem_free(sql);
}

/* A question that is late makes the lag unknown before it makes the side down. */
static void
probe_await(struct probe *p, uint64_t now_us)
{
    struct node_facts *facts = probe_facts(p);
    const bool follower = probe_is_follower(p);
    if (follower && facts->lag_known && p->asked_us + news_age_max_us(p->monitor) < now_us) {
        const struct node_facts before = *facts;
        facts_forget_lag(facts);
        monitor_changed_unless(p->monitor, p->side, &before);
    }
}

static void
probe_ask(struct probe *p)
{
    const uint64_t now_us = clock_now_us();
    probe_look_up_if_due(p, now_us);
    if (p->pq == NULL) {
        probe_await_address(p, now_us);
        return;
    }
    if (p->asked) {
        probe_await(p, now_us);
        return;
    }
    if (now_us < p->not_before_us) {
        return;
    }
    p->retried = false;
    probe_send(p);
}

/* ---- answers ---- */

/* Another server, or the same one restarted; or only our connection is new: a server that recovered
 * from the crash of a process of its own keeps its start time, and may have lost what had not been
 * flushed. */
static void
probe_see_identity(struct probe *p, const struct answer *answer)
{
    struct node_facts *facts = probe_facts(p);
    const int pid = pq_backend_pid(p->pq);
    const bool other = p->identity_known && (p->started_us != answer->started_us ||
                                             facts->system_identifier != answer->system_identifier);
    if (other) {
        facts->incarnation++;
        log_info(&p->log, "the server was restarted or is another one", "incarnation=%u",
                 facts->incarnation);
    }
    if (pid != p->backend_pid) {
        probe_take_address(p);
    }
    if (other || pid != p->backend_pid) {
        monitor_forget_lag(p->monitor);
    }
    p->identity_known = true;
    p->started_us = answer->started_us;
    p->backend_pid = pid;
}

static void
probe_up(struct probe *p, uint64_t now_us)
{
    struct node_facts *facts = probe_facts(p);
    p->not_before_us = 0;
    if (facts->up) {
        return;
    }
    facts->up = true;
    facts->since_us = now_us;
    err_clear(&facts->error);
    log_info(&p->log, "node up", "version=%s role=\"%s\"", facts->version,
             node_role_name(facts->role));
}

static void
probe_take_answer(struct probe *p, const struct answer *answer)
{
    struct monitor *m = p->monitor;
    struct node_facts *facts = probe_facts(p);
    const uint64_t now_us = clock_now_us();
    probe_see_identity(p, answer);
    facts_apply(facts, answer, probe_is_writer(p));
    facts->asked_us = p->asked_us;
    probe_up(p, now_us);
    p->complained = p->complained && now_us < p->capped_until_us;
    p->backlog_known = answer->slot_known;
    p->backlog = answer->flushed > answer->slot_lsn ? answer->flushed - answer->slot_lsn : 0;
    monitor_measure(m, p, answer, now_us);
    if (answer->stale) {
        log_debug(&p->log, "the connection is renewed: a fence was taken off", NULL);
        pq_free(p->pq);
        p->pq = NULL;
        probe_open(p);
    }
}

/* Refusals that will be the same in a moment are not worth a line in the server's log each time. */
static bool
refusal_is_lasting(const struct err *err)
{
    return strncmp(err->sqlstate, "28", 2) == 0 || strncmp(err->sqlstate, "3D", 2) == 0 ||
           strncmp(err->sqlstate, "53", 2) == 0;
}

static void
probe_down(struct probe *p, const struct err *err)
{
    struct monitor *m = p->monitor;
    struct node_facts *facts = probe_facts(p);
    CHECK(err_is_set(err));
    const uint64_t now_us = clock_now_us();
    if (facts->up || strcmp(facts->error.text, err->text) != 0) {
        log_warn(&p->log, "node down", "sqlstate=%s error=\"%s\"", err->sqlstate, err->text);
    }
    if (facts->up || facts->since_us == 0) {
        facts->since_us = now_us;
    }
    facts->up = false;
    facts->error = *err;
    facts_forget_lag(facts);
    if (probe_is_writer(p)) {
        facts_forget_lag(probe_facts(probe_other(p)));
    }
    const uint64_t wait_us = refusal_is_lasting(err) ? m->conf->server_login_retry_us : RETRY_US;
    p->not_before_us = now_us + wait_us;
}

/* An error of SQL on a live connection: the fence may have come, the schema may have gone since the
 * last answer, or somebody holds a lock on the marker; or there are no transaction numbers left to
 * nudge with. The side is up; less is asked for a while. */
static bool
probe_can_ask_less(const struct probe *p, const struct pq_result *result)
{
    return !result->unknown && (p->nudged || p->level > QUESTION_PLAIN) && pq_is_connected(p->pq);
}

static void
probe_ask_without_nudge(struct probe *p, const struct err *err)
{
    log_warn(&p->log, "no nudge", "sqlstate=%s error=\"%s\"", err->sqlstate, err->text);
    p->monitor->no_nudge_before_us = clock_now_us() + NUDGE_AGAIN_US;
    probe_send(p);
}

static void
probe_ask_less(struct probe *p, const struct err *err)
{
    if (p->nudged) {
        probe_ask_without_nudge(p, err);
        return;
    }
    if (!p->complained) {
        p->complained = true;
        log_warn(&p->log, p->level == QUESTION_BEAT ? "no heartbeat" : "schema teal unreadable",
                 "sqlstate=%s error=\"%s\"", err->sqlstate, err->text);
    }
    p->cap = (enum question_level)((int)p->level - 1);
    p->capped_until_us = clock_now_us() + CAP_FOR_US;
    probe_send(p);
}

static void
probe_failed(struct probe *p, const struct pq_result *result)
{
    const bool late = strcmp(result->err.sqlstate, SQLSTATE_QUERY_CANCELED) == 0;
    if (probe_can_ask_less(p, result)) {
        probe_ask_less(p, &result->err);
        return;
    }
    if (result->unknown && !late && !p->retried) {
        p->retried = true;
        probe_send(p);
        return;
    }
    probe_down(p, &result->err);
}

static void
probe_answered(void *arg, const struct pq_result *result)
{
    struct probe *p = arg;
    struct monitor *m = p->monitor;
    const struct node_facts before[SIDES_COUNT] = {m->facts.node[0], m->facts.node[1]};
    struct answer answer;
    struct err err;
    CHECK(p->asked);
    p->asked = false;
    if (!result->ok) {
        probe_failed(p, result);
    } else if (answer_read(result, &answer, &err)) {
        probe_take_answer(p, &answer);
    } else {
        probe_down(p, &err);
    }
    const bool differ =
        facts_differ(&before[0], &m->facts.node[0]) || facts_differ(&before[1], &m->facts.node[1]);
    if (differ) {
        m->ops.changed(m->ops.ctx);
    }
}

/* ---- rounds ---- */

static void
monitor_ask_follower(void *arg)
{
    struct monitor *m = arg;
    probe_ask(probe_other(monitor_first(m)));
}

static void
monitor_round(void *arg)
{
    struct monitor *m = arg;
    const uint64_t interval_us = m->conf->monitor_interval_us;
    const uint64_t delay_us = interval_us / 5;
    timer_start(m->round, interval_us);
    timer_start(m->follower, delay_us < FOLLOWER_DELAY_US_MAX ? delay_us : FOLLOWER_DELAY_US_MAX);
    probe_ask(monitor_first(m));
}

/* ---- verbs ---- */

static char *
probe_conninfo(const struct monitor *m, enum side side)
{
    return conninfo_of(m->conf, side, "teal monitor", m->conf->server_connect_timeout_us);
}

/* A fixed host needs no resolver; one that is no address after all fails in libpq, which tells. */
static void
probe_connect(struct probe *p)
{
    const struct conf_node *node = &p->monitor->conf->node[p->side];
    CHECK(p->pq == NULL && p->lookup == NULL && p->conninfo == NULL);
    p->conninfo = probe_conninfo(p->monitor, p->side);
    p->asked = false;
    p->not_before_us = 0;
    p->looked_up_us = 0;
    if (!address_is_fixed(node->host)) {
        probe_look_up_if_due(p, clock_now_us());
        return;
    }
    struct address_list list;
    struct err err;
    if (address_resolve(node->host, node->port, &list, &err)) {
        probe_set_address(p, address_choose(&list, &p->address));
    } else {
        log_debug(&p->log, "resolver", "error=\"%s\"", err.text);
    }
    probe_open(p);
}

static void
probe_disconnect(struct probe *p)
{
    lookup_cancel(p->lookup);
    p->lookup = NULL;
    pq_free(p->pq);
    p->pq = NULL;
    conninfo_free(p->conninfo);
    p->conninfo = NULL;
}

struct monitor *
monitor_new(struct loop *loop, struct conf *conf, const struct monitor_ops *ops)
{
    CHECK(conf != NULL && ops->changed != NULL);
    struct monitor *m = xcalloc(1, sizeof(*m));
    m->loop = loop;
    m->conf = conf_ref(conf);
    m->ops = *ops;
    m->round = timer_new(loop, monitor_round, m);
    m->follower = timer_new(loop, monitor_ask_follower, m);
    for (int side = 0; side < SIDES_COUNT; side++) {
        struct probe *p = &m->probe[side];
        p->monitor = m;
        p->side = (enum side)side;
        p->log = (struct log_ctx){.kind = "monitor", .node = side_name(p->side)};
        m->facts.node[side].incarnation = 1;
        probe_connect(p);
    }
    timer_start(m->round, 0);
    return m;
}

void
monitor_free(struct monitor *m)
{
    if (m == NULL) {
        return;
    }
    for (int side = 0; side < SIDES_COUNT; side++) {
        probe_disconnect(&m->probe[side]);
    }
    timer_free(m->follower);
    timer_free(m->round);
    conf_unref(m->conf);
    mem_free(m);
}

void
monitor_reconfigure(struct monitor *m, struct conf *conf)
{
    struct conf *old = m->conf;
    m->conf = conf_ref(conf);
    conf_unref(old);
    for (int side = 0; side < SIDES_COUNT; side++) {
        struct probe *p = &m->probe[side];
        char *conninfo = probe_conninfo(m, p->side);
        const bool same = strcmp(conninfo, p->conninfo) == 0;
        conninfo_free(conninfo);
        if (same) {
            continue;
        }
        probe_disconnect(p);
        probe_connect(p);
        monitor_forget_lag(m);
    }
    monitor_hurry(m);
}

void
monitor_set_route(struct monitor *m, enum side writer)
{
    CHECK(writer == SIDE_BLUE || writer == SIDE_GREEN);
    if (m->facts.writer_known && m->facts.writer == writer) {
        return;
    }
    m->facts.writer_known = true;
    m->facts.writer = writer;
    m->measure.stream = STREAM_NONE;
    monitor_forget_lag(m);
    monitor_hurry(m);
}

void
monitor_pause_heartbeat(struct monitor *m, bool paused)
{
    m->heartbeat_paused = paused;
}

void
monitor_hurry(struct monitor *m)
{
    for (int side = 0; side < SIDES_COUNT; side++) {
        m->probe[side].not_before_us = 0;
    }
    timer_start(m->round, 0);
}

const struct monitor_facts *
monitor_facts(const struct monitor *m)
{
    return &m->facts;
}

const char *
node_role_name(enum node_role role)
{
    return role_names[role];
}
