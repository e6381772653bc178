/* monitor.c — what is known of the two sides of a pair. See monitor.h.
 *
 *     round:  0 ms  the writer is asked        its position becomes a sample of the lag
 *            20 ms  all others are asked       their positions are compared with the samples
 *           100 ms  the next round
 *
 * A side that has lost its primary is asked in between, every 50 ms.
 *
 * Each server has a probe, which asks (probe.h). Who stands for a side is judged in side.c, what an
 * answer means in facts.c, lag in measure.c; this file has the rounds, and tells when something has
 * changed that makes old samples worthless (another writer, another lead, a restart). */
/* SPDX-License-Identifier: PostgreSQL */
#include "monitor/monitor.h"

#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "conf/conf.h"
#include "monitor/catalog.h"
#include "monitor/facts.h"
#include "monitor/follows.h"
#include "monitor/health.h"
#include "monitor/measure.h"
#include "monitor/patroni.h"
#include "monitor/probe.h"
#include "monitor/side.h"
#include "net/address.h"
#include "net/loop.h"

enum {
    FOLLOWER_DELAY_US_MAX = 20000,
    URGENT_US = 50000,
    URGENT_FIRST_US = 10000, /* while clients wait for the next primary */
    URGENT_FIRST_FOR_US = 15000000,
    SUSPECT_US = 250000,     /* an answer of the writer that is so late makes it suspect */
    NUDGE_AFTER_US = 300000, /* the WAL writer mostly flushes an asynchronous commit by then */
    DATABASES_US = 5000000,
    DATABASES_TIMEOUT_US = 4000000,
};

/* One server. */
struct watched {
    struct probe *probe; /* owned */
    struct health health;
    struct measure measure; /* of what it has got of the writer's changes */
};

/* One side. */
struct watched_side {
    struct monitor *monitor; /* borrowed: the one it stands in */
    enum side side;
    struct watched node[NODES_MAX];
    struct side_memory memory;
    struct patroni *patroni; /* owned; NULL for none */
    uint64_t databases_asked_us;
};

/* What was told last: changes are told by comparing with it. */
struct shown {
    uint32_t lead[SIDES_COUNT];
    bool settled[SIDES_COUNT];
    uint64_t databases[SIDES_COUNT];
    uint32_t follows_count;
    struct node_facts node[SIDES_COUNT][NODES_MAX];
};

struct monitor {
    struct loop *loop;         /* borrowed */
    struct conf *conf;         /* shared (ref) */
    struct resolver *resolver; /* borrowed */
    uint32_t pair;
    struct monitor_ops ops;
    struct timer *round;     /* owned */
    struct timer *followers; /* owned; the second half of a round */
    struct timer *urgent;    /* owned; runs while a primary is lost */
    bool urgent_runs;
    struct watched_side side[SIDES_COUNT];
    struct follows *follows; /* owned */
    struct monitor_facts facts;
    struct shown shown;
    bool heartbeat_paused;
    uint64_t generation; /* of what is measured: grows whenever something is forgotten */
    uint64_t ends;       /* the same, for the two leads alone */
};

static const char *const role_names[] = {
    [NODE_UNKNOWN] = "unknown",
    [NODE_PRIMARY] = "primary",
    [NODE_STANDBY] = "standby",
    [NODE_LOGICAL_FOLLOWER] = "logical follower",
};

static const char *const standing_names[] = {
    [NODE_UNJUDGED] = "unknown",
    [NODE_IN_ORDER] = "in order",
    [NODE_FOREIGN] = "foreign",
    [NODE_STRAY] = "stray",
};

/* ---- who is who ---- */

static const struct conf_pair *
monitor_conf(const struct monitor *m)
{
    return &m->conf->pairs[m->pair];
}

static struct node_facts *
facts_of(struct monitor *m, const struct node_id *id)
{
    return &m->facts.side[id->side].node[id->node];
}

static struct watched *
watched_of(struct monitor *m, const struct node_id *id)
{
    return &m->side[id->side].node[id->node];
}

static struct node_id
lead_id(const struct monitor *m, enum side side)
{
    return (struct node_id){.pair = m->pair, .side = side, .node = m->facts.side[side].lead};
}

static bool
is_lead(const struct monitor *m, const struct node_id *id)
{
    return m->facts.side[id->side].lead == id->node;
}

static bool
is_of_writer_side(const struct monitor *m, const struct node_id *id)
{
    return m->facts.writer_known && m->facts.writer == id->side;
}

/* The server that the others follow. */
static bool
is_writer(const struct monitor *m, const struct node_id *id)
{
    return is_of_writer_side(m, id) && is_lead(m, id);
}

static bool
has_writer(const struct monitor *m)
{
    return m->facts.writer_known && facts_lead(&m->facts, m->facts.writer)->up;
}

/* The side that is asked first. */
static enum side
first_side(const struct monitor *m)
{
    return m->facts.writer_known ? m->facts.writer : SIDE_BLUE;
}

/* Calls fn for every server; the pair's order. */
static void
each_node(struct monitor *m, void (*fn)(struct monitor *m, const struct node_id *id))
{
    for (int side = 0; side < SIDES_COUNT; side++) {
        for (uint32_t i = 0; i < m->facts.side[side].nodes_count; i++) {
            fn(m, &(struct node_id){.pair = m->pair, .side = (enum side)side, .node = i});
        }
    }
}

/* ---- lag ---- */

/* News older than the guard cannot prove the guard. */
static uint64_t
news_age_max_us(const struct monitor *m)
{
    const uint64_t rounds_us = monitor_conf(m)->monitor_interval_us * 3;
    return monitor_conf(m)->lag_max_us > rounds_us ? monitor_conf(m)->lag_max_us : rounds_us;
}

static struct lag_limits
limits_of(const struct monitor *m)
{
    return (struct lag_limits){monitor_conf(m)->lag_max_us, monitor_conf(m)->lag_bytes_max};
}

static void
forget_node(struct monitor *m, const struct node_id *id)
{
    struct node_facts *facts = facts_of(m, id);
    measure_forget(&watched_of(m, id)->measure, ++m->generation);
    facts->fresh_until_us = 0;
    facts_forget_lag(facts);
    if (is_writer(m, id) && facts->up) {
        facts_set_lag(facts, 0, 0, (struct lag_limits){0, 0});
    }
}

static void
forget_all(struct monitor *m)
{
    m->ends++;
    each_node(m, forget_node);
}

static void
forget_side(struct monitor *m, enum side side)
{
    m->ends++;
    for (uint32_t i = 0; i < m->facts.side[side].nodes_count; i++) {
        forget_node(m, &(struct node_id){.pair = m->pair, .side = side, .node = i});
    }
}

/* What was measured against this server, or of it, is worthless. */
static void
forget_measured(struct monitor *m, const struct node_id *id)
{
    if (is_writer(m, id)) {
        forget_all(m);
    } else if (is_lead(m, id)) {
        forget_side(m, id->side);
    } else {
        forget_node(m, id);
    }
}

static enum stream_kind
stream_of(const struct monitor *m, const struct node_id *id)
{
    const struct monitor_facts *facts = &m->facts;
    if (!facts->writer_known || is_writer(m, id)) {
        return STREAM_NONE;
    }
    return facts_stream(facts_lead(facts, facts->writer), &facts->side[id->side].node[id->node],
                        facts_lead(facts, id->side));
}

/* Whether the server follows in another way than before. */
static void
see_stream(struct monitor *m, const struct node_id *id)
{
    struct measure *measure = &watched_of(m, id)->measure;
    if (measure_see_stream(measure, stream_of(m, id), m->generation + 1)) {
        forget_node(m, id);
    }
}

static struct measure_answer
measure_answer_of(const struct probe_answer *a)
{
    return (struct measure_answer){a->answer, a->asked_us, a->now_us, a->generation};
}

static void
take_sample(struct monitor *m, const struct node_id *writer, const struct probe_answer *a)
{
    const struct measure_answer answer = measure_answer_of(a);
    for (int side = 0; side < SIDES_COUNT; side++) {
        for (uint32_t i = 0; i < m->facts.side[side].nodes_count; i++) {
            const struct node_id id = {.pair = m->pair, .side = (enum side)side, .node = i};
            if (!node_id_equal(&id, writer)) {
                see_stream(m, &id);
                measure_sample(&watched_of(m, &id)->measure, &answer);
            }
        }
    }
    facts_set_lag(facts_of(m, writer), 0, 0, (struct lag_limits){0, 0});
}

/* What the slot to the other side has not got confirmed; a standby of a logical follower may be
 * behind that follower as well. */
static struct measure_terms
terms_of(struct monitor *m, const struct node_id *id)
{
    const struct node_id writer = lead_id(m, m->facts.writer);
    const struct node_facts *facts = facts_of(m, id);
    const struct node_facts *lead = facts_lead(&m->facts, id->side);
    struct measure_terms terms = {.news_age_max_us = news_age_max_us(m)};
    terms.backlog_known = probe_backlog(watched_of(m, &writer)->probe, &terms.backlog);
    if (!is_lead(m, id) && lead->lsn > facts->lsn) {
        terms.backlog += lead->lsn - facts->lsn;
    }
    return terms;
}

static void
judge_lag(struct monitor *m, const struct node_id *id, const struct probe_answer *a)
{
    struct node_facts *facts = facts_of(m, id);
    const struct measure_answer answer = measure_answer_of(a);
    const struct measure_terms terms = terms_of(m, id);
    struct measure_verdict verdict;
    see_stream(m, id);
    measure_judge(&watched_of(m, id)->measure, stream_of(m, id), &answer, &terms, &verdict);
    facts_forget_lag(facts);
    facts->fresh_until_us = verdict.fresh_until_us;
    if (verdict.known) {
        facts_set_lag(facts, verdict.bytes, verdict.us, limits_of(m));
    }
}

/* An answer of the writer, or of a follower, counts; without a writer there is nothing to compare
 * it with. */
static void
measure_take(struct monitor *m, const struct node_id *id, const struct probe_answer *a)
{
    if (!has_writer(m) || !facts_of(m, id)->up) {
        return;
    }
    if (is_writer(m, id)) {
        take_sample(m, id, a);
    } else {
        judge_lag(m, id, a);
    }
}

static bool
question_is_late(struct monitor *m, const struct node_id *id, uint64_t now_us)
{
    const uint64_t since_us = probe_asked_since_us(watched_of(m, id)->probe);
    return since_us != 0 && since_us + news_age_max_us(m) < now_us;
}

/* Writer's side lost its primary, and another one is expected. */
static bool
awaits_failover(const struct monitor *m, uint64_t now_us)
{
    const enum side side = m->facts.writer;
    return m->facts.writer_known &&
           side_is_urgent(&m->side[side].memory, &m->facts.side[side], now_us);
}

/* A server that is not up has no lag that is known, nor has any while the writer is not up, nor one
 * whose answer is late. */
static void
drop_unproven(struct monitor *m, const struct node_id *id)
{
    const uint64_t now_us = clock_now_us();
    struct node_facts *facts = facts_of(m, id);
    const bool late = !is_writer(m, id) && question_is_late(m, id, now_us);
    if (!facts->up || late) {
        facts_forget_lag(facts);
    } else if (!is_writer(m, id) && !has_writer(m)) {
        if (awaits_failover(m, now_us)) {
            facts_keep_lag_ok(facts);
        } else {
            facts_forget_lag(facts);
        }
    }
}

/* ---- telling ---- */

static bool
side_differs(const struct monitor *m, enum side side)
{
    const struct side_facts *facts = &m->facts.side[side];
    const struct shown *shown = &m->shown;
    bool differs = shown->lead[side] != facts->lead || shown->settled[side] != facts->settled ||
                   shown->databases[side] != facts->databases.generation;
    for (uint32_t i = 0; i < facts->nodes_count; i++) {
        differs = differs || facts_differ(&shown->node[side][i], &facts->node[i]);
    }
    return differs;
}

static void
side_show(struct monitor *m, enum side side)
{
    const struct side_facts *facts = &m->facts.side[side];
    m->shown.lead[side] = facts->lead;
    m->shown.settled[side] = facts->settled;
    m->shown.databases[side] = facts->databases.generation;
    memcpy(m->shown.node[side], facts->node, sizeof(facts->node));
}

/* Ends each event. */
static void
monitor_settle(struct monitor *m)
{
    each_node(m, drop_unproven);
    const bool follows_differ = m->shown.follows_count != m->facts.databases_count;
    if (follows_differ || side_differs(m, SIDE_BLUE) || side_differs(m, SIDE_GREEN)) {
        m->shown.follows_count = m->facts.databases_count;
        side_show(m, SIDE_BLUE);
        side_show(m, SIDE_GREEN);
        m->ops.changed(m->ops.ctx);
    }
}

static void
on_database_changed(void *ctx)
{
    const struct monitor *m = ctx;
    m->ops.changed(m->ops.ctx);
}

/* ---- asking ---- */

/* Something has been unflushed for longer than the server itself would leave it, and some standby
 * waits for it. */
static bool
wants_nudge(struct monitor *m, uint64_t now_us)
{
    const struct node_facts *writer = facts_lead(&m->facts, m->facts.writer);
    for (int side = 0; side < SIDES_COUNT; side++) {
        for (uint32_t i = 0; i < m->facts.side[side].nodes_count; i++) {
            const struct node_facts *follower = &m->facts.side[side].node[i];
            const struct lag *lag = &m->side[side].node[i].measure.lag;
            const uint64_t since_us = lag_unflushed_since_us(lag);
            if (follower != writer && since_us != 0 && since_us + NUDGE_AFTER_US <= now_us &&
                facts_allow_nudge(writer, follower)) {
                return true;
            }
        }
    }
    return false;
}

static struct probe_wish
wish_of(struct monitor *m, const struct node_id *id, uint64_t now_us)
{
    const bool may_write = is_writer(m, id) && !m->heartbeat_paused;
    const struct node_facts *other = facts_lead(&m->facts, side_other(id->side));
    return (struct probe_wish){
        .beat = may_write && facts_wants_beat(facts_of(m, id), other),
        .nudge = may_write && wants_nudge(m, now_us),
        .is_urgent = side_is_urgent(&m->side[id->side].memory, &m->facts.side[id->side], now_us),
        .generation = m->generation,
    };
}

static void
ask(struct monitor *m, const struct node_id *id)
{
    const struct probe_wish wish = wish_of(m, id, clock_now_us());
    probe_ask(watched_of(m, id)->probe, &wish);
}

static void
ask_unless_first(struct monitor *m, const struct node_id *id)
{
    if (id->side != first_side(m) || !is_lead(m, id)) {
        ask(m, id);
    }
}

static void
on_followers(void *arg)
{
    struct monitor *m = arg;
    each_node(m, ask_unless_first);
    monitor_settle(m);
}

/* ---- a primary that is lost ---- */

/* Its primary is not there, or so late that it may not be: the others are asked what they are. */
static bool
is_urgent(const struct monitor *m, enum side side, uint64_t now_us)
{
    const struct side_facts *facts = &m->facts.side[side];
    const uint64_t since_us = probe_asked_since_us(m->side[side].node[facts->lead].probe);
    const bool is_suspect = facts->nodes_count > 1 && facts->node[facts->lead].up &&
                            !facts->node[facts->lead].in_recovery && since_us != 0 &&
                            since_us + SUSPECT_US <= now_us;
    return is_suspect || side_is_urgent(&m->side[side].memory, facts, now_us);
}

/* What is lost between promotion and question is lost to each client that waits; but nobody waits
 * for ever. */
static uint64_t
urgent_interval_us(const struct monitor *m, uint64_t now_us)
{
    for (int side = 0; side < SIDES_COUNT; side++) {
        const uint64_t lost_us = m->side[side].memory.lost_us;
        if (lost_us != 0 && now_us < lost_us + URGENT_FIRST_FOR_US) {
            return URGENT_FIRST_US;
        }
    }
    return URGENT_US;
}

static void
start_urgent(struct monitor *m, uint64_t delay_us)
{
    const uint64_t now_us = clock_now_us();
    if (!m->urgent_runs && (is_urgent(m, SIDE_BLUE, now_us) || is_urgent(m, SIDE_GREEN, now_us))) {
        m->urgent_runs = true;
        timer_start(m->urgent, delay_us);
    }
}

static void
on_urgent(void *arg)
{
    struct monitor *m = arg;
    const uint64_t now_us = clock_now_us();
    m->urgent_runs = false;
    for (int side = 0; side < SIDES_COUNT; side++) {
        const bool urgent = is_urgent(m, (enum side)side, now_us);
        for (uint32_t i = 0; urgent && i < m->facts.side[side].nodes_count; i++) {
            ask(m, &(struct node_id){.pair = m->pair, .side = (enum side)side, .node = i});
        }
    }
    start_urgent(m, urgent_interval_us(m, now_us));
    monitor_settle(m);
}

/* ---- answers ---- */

static void
log_standing(const struct monitor *m, const struct node_id *id, enum node_standing before)
{
    const struct side_facts *side = &m->facts.side[id->side];
    const struct node_facts *node = &side->node[id->node];
    const struct conf_host *host = &monitor_conf(m)->side[id->side].hosts[id->node];
    const struct log_ctx log = {.kind = "monitor", .node = side_name(id->side)};
    if (node->standing == before || side->nodes_count == 1) {
        return;
    }
    if (node->standing == NODE_FOREIGN || node->standing == NODE_STRAY) {
        log_error(&log, "server not used", "host=\"%s:%u\" standing=%s error=\"%s\"", host->name,
                  host->port, node_standing_name(node->standing), node->error.text);
    } else {
        log_info(&log, "server judged", "host=\"%s:%u\" standing=\"%s\" role=\"%s\" timeline=%u",
                 host->name, host->port, node_standing_name(node->standing),
                 node_role_name(node->role), node->timeline);
    }
}

static void
log_lead(const struct monitor *m, enum side side)
{
    const struct side_facts *facts = &m->facts.side[side];
    const struct conf_host *host = &monitor_conf(m)->side[side].hosts[facts->lead];
    const struct node_facts *lead = &facts->node[facts->lead];
    const struct log_ctx log = {.kind = "monitor", .node = side_name(side)};
    log_info(&log, "another server stands for the side", "host=\"%s:%u\" role=\"%s\" timeline=%u",
             host->name, host->port, node_role_name(lead->role), lead->timeline);
}

static void
judge_side(struct monitor *m, enum side side)
{
    struct watched_side *watched = &m->side[side];
    struct side_facts *facts = &m->facts.side[side];
    const uint32_t lead = facts->lead;
    enum node_standing before[NODES_MAX] = {0};
    for (uint32_t i = 0; i < facts->nodes_count; i++) {
        before[i] = facts->node[i].standing;
    }
    side_judge(&watched->memory, facts, side_name(side), clock_now_us());
    for (uint32_t i = 0; i < facts->nodes_count; i++) {
        facts->node[i].serves_reads =
            facts->node[i].up && health_serves_reads(&watched->node[i].health);
        log_standing(m, &(struct node_id){.pair = m->pair, .side = side, .node = i}, before[i]);
    }
    if (facts->lead != lead) {
        const struct node_id id = lead_id(m, side);
        log_lead(m, side);
        watched->databases_asked_us = 0;
        forget_measured(m, &id);
    }
    start_urgent(m, 0);
}

/* A standby that is fed by another server of its side; names are compared as both files have them.
 */
static bool
cascades(const struct monitor *m, const struct node_id *id, const struct answer *answer)
{
    const struct conf_side *side = &monitor_conf(m)->side[id->side];
    for (uint32_t i = 0; i < side->hosts_count; i++) {
        if (i != id->node && side->hosts[i].port == answer->upstream_port &&
            strcmp(side->hosts[i].name, answer->upstream_host) == 0) {
            return true;
        }
    }
    return false;
}

static void
on_answered(void *ctx, const struct node_id *id, const struct probe_answer *a)
{
    struct monitor *m = ctx;
    struct node_facts *facts = facts_of(m, id);
    if (a->is_from_another) {
        forget_measured(m, id);
    }
    facts_apply(facts, a->answer, is_of_writer_side(m, id));
    facts->cascades = cascades(m, id, a->answer);
    health_good(&watched_of(m, id)->health);
    judge_side(m, id->side);
    measure_take(m, id, a);
    monitor_settle(m);
}

static void
on_changed(void *ctx, const struct node_id *id)
{
    struct monitor *m = ctx;
    if (!facts_of(m, id)->answers) {
        health_bad(&watched_of(m, id)->health);
    }
    judge_side(m, id->side);
    monitor_settle(m);
}

/* ---- Patroni ---- */

static bool
is_host(const struct monitor *m, const struct node_id *id, const char *name, uint16_t port)
{
    const struct conf_host *host = &monitor_conf(m)->side[id->side].hosts[id->node];
    const struct node_facts *facts = &m->facts.side[id->side].node[id->node];
    const struct address known = {facts->addr, facts->addr_len};
    struct address_list list;
    if (strcmp(host->name, name) == 0) {
        return host->port == port;
    }
    return name[0] != '/' && address_is_fixed(name) && address_resolve(name, port, &list, NULL) &&
           address_equal(&list.items[0], &known);
}

/* The leader is looked at now, when it is not the lead already. */
static void
on_patroni(void *arg, const struct patroni_cluster *cluster)
{
    struct watched_side *s = arg;
    struct monitor *m = s->monitor;
    s->memory.hint = 0;
    for (uint32_t i = 0; i < m->facts.side[s->side].nodes_count; i++) {
        const struct node_id id = {.pair = m->pair, .side = s->side, .node = i};
        if (cluster->leader_port != 0 &&
            is_host(m, &id, cluster->leader_host, cluster->leader_port)) {
            s->memory.hint = i + 1;
            if (!is_lead(m, &id) || !facts_of(m, &id)->up) {
                probe_forgive(s->node[i].probe);
                ask(m, &id);
            }
        }
    }
    monitor_settle(m);
}

/* ---- databases ---- */

static void
on_databases(void *arg, const struct pq_result *result)
{
    struct watched_side *s = arg;
    struct side_databases *list = &s->monitor->facts.side[s->side].databases;
    const struct log_ctx log = {.kind = "monitor", .node = side_name(s->side)};
    if (catalog_take(list, result)) {
        log_info(&log, "databases", "count=%u", list->count);
    }
    if (list->is_cut) {
        log_debug(&log, "not all databases are known", "limit=%d", DATABASES_MAX);
    }
    monitor_settle(s->monitor);
}

static void
ask_databases(struct monitor *m, uint64_t now_us)
{
    for (int side = 0; side < SIDES_COUNT; side++) {
        struct watched_side *s = &m->side[side];
        const struct side_facts *facts = &m->facts.side[side];
        const bool due =
            s->databases_asked_us == 0 || s->databases_asked_us + DATABASES_US <= now_us;
        if (due && facts->node[facts->lead].up &&
            probe_run(s->node[facts->lead].probe, catalog_sql(), DATABASES_TIMEOUT_US, on_databases,
                      s)) {
            s->databases_asked_us = now_us;
        }
    }
}

static void
tick_follows(struct monitor *m)
{
    const enum side writer = first_side(m);
    const struct node_facts *from = facts_lead(&m->facts, writer);
    const struct node_facts *to = facts_lead(&m->facts, side_other(writer));
    const struct follows_terms terms = {
        .conf = m->conf,
        .is_on = m->facts.writer_known && from->up && !from->in_recovery && to->up &&
                 to->role == NODE_LOGICAL_FOLLOWER,
        .may_beat = !m->heartbeat_paused && facts_wants_beat(from, to),
        .writer = lead_id(m, writer),
        .follower = lead_id(m, side_other(writer)),
        .writer_facts = from,
        .follower_facts = to,
        .generation = m->ends,
        .interval_us = monitor_conf(m)->monitor_interval_us,
        .news_age_max_us = news_age_max_us(m),
        .limits = limits_of(m),
    };
    follows_tick(m->follows, &terms);
    m->facts.databases = follows_facts(m->follows, &m->facts.databases_count);
}

/* ---- rounds ---- */

static void
on_round(void *arg)
{
    struct monitor *m = arg;
    const uint64_t interval_us = monitor_conf(m)->monitor_interval_us;
    const uint64_t delay_us = interval_us / 5;
    const struct node_id first = lead_id(m, first_side(m));
    timer_start(m->round, interval_us);
    timer_start(m->followers, delay_us < FOLLOWER_DELAY_US_MAX ? delay_us : FOLLOWER_DELAY_US_MAX);
    ask(m, &first);
    ask_databases(m, clock_now_us());
    tick_follows(m);
    for (int side = 0; side < SIDES_COUNT; side++) {
        patroni_tick(m->side[side].patroni, is_urgent(m, (enum side)side, clock_now_us()));
    }
    start_urgent(m, 0);
    monitor_settle(m);
}

/* ---- life ---- */

static void
start_side(struct monitor *m, enum side side)
{
    const struct probe_ops ops = {.ctx = m, .answered = on_answered, .changed = on_changed};
    struct watched_side *s = &m->side[side];
    struct side_facts *facts = &m->facts.side[side];
    s->monitor = m;
    s->side = side;
    s->patroni = patroni_new(m->loop, m->resolver, monitor_conf(m)->side[side].patroni,
                             side_name(side), on_patroni, s);
    facts->nodes_count = monitor_conf(m)->side[side].hosts_count;
    CHECK(facts->nodes_count > 0 && facts->nodes_count <= NODES_MAX);
    for (uint32_t i = 0; i < facts->nodes_count; i++) {
        const struct node_id id = {.pair = m->pair, .side = side, .node = i};
        s->node[i].probe = probe_new(m->loop, m->resolver, m->conf, &id, &facts->node[i], &ops);
    }
}

static void
end_side(struct monitor *m, enum side side)
{
    struct watched_side *s = &m->side[side];
    patroni_free(s->patroni);
    for (uint32_t i = 0; i < NODES_MAX; i++) {
        probe_free(s->node[i].probe);
        measure_fini(&s->node[i].measure);
    }
    catalog_fini(&m->facts.side[side].databases);
}

struct monitor *
monitor_new(struct loop *loop, struct resolver *resolver, struct conf *conf, uint32_t pair,
            const struct monitor_ops *ops)
{
    CHECK(conf != NULL && pair < conf->pairs_count && ops->changed != NULL);
    struct monitor *m = xcalloc(1, sizeof(*m));
    m->loop = loop;
    m->conf = conf_ref(conf);
    m->resolver = resolver;
    m->pair = pair;
    m->ops = *ops;
    m->round = timer_new(loop, on_round, m);
    m->followers = timer_new(loop, on_followers, m);
    m->urgent = timer_new(loop, on_urgent, m);
    m->follows = follows_new(loop, on_database_changed, m);
    m->generation = m->ends = 1;
    start_side(m, SIDE_BLUE);
    start_side(m, SIDE_GREEN);
    timer_start(m->round, 0);
    return m;
}

void
monitor_free(struct monitor *m)
{
    if (m == NULL) {
        return;
    }
    end_side(m, SIDE_BLUE);
    end_side(m, SIDE_GREEN);
    follows_free(m->follows);
    timer_free(m->urgent);
    timer_free(m->followers);
    timer_free(m->round);
    conf_unref(m->conf);
    mem_free(m);
}

/* The number of its servers is what it was when the monitor began. */
static void
reconfigure_node(struct monitor *m, const struct node_id *id)
{
    CHECK(monitor_conf(m)->side[id->side].hosts_count == m->facts.side[id->side].nodes_count);
    if (probe_set_conf(watched_of(m, id)->probe, m->conf)) {
        forget_measured(m, id);
    }
}

void
monitor_reconfigure(struct monitor *m, struct conf *conf)
{
    struct conf *old = m->conf;
    m->conf = conf_ref(conf);
    conf_unref(old);
    each_node(m, reconfigure_node);
    monitor_hurry(m);
}

/* ---- verbs ---- */

void
monitor_set_route(struct monitor *m, enum side writer)
{
    CHECK(writer == SIDE_BLUE || writer == SIDE_GREEN);
    if (m->facts.writer_known && m->facts.writer == writer) {
        return;
    }
    m->facts.writer_known = true;
    m->facts.writer = writer;
    for (int side = 0; side < SIDES_COUNT; side++) {
        for (uint32_t i = 0; i < NODES_MAX; i++) {
            m->side[side].node[i].measure.stream = STREAM_NONE;
        }
    }
    forget_all(m);
    monitor_hurry(m);
}

void
monitor_pause_heartbeat(struct monitor *m, bool paused)
{
    m->heartbeat_paused = paused;
}

static void
forgive(struct monitor *m, const struct node_id *id)
{
    probe_forgive(watched_of(m, id)->probe);
}

void
monitor_hurry(struct monitor *m)
{
    each_node(m, forgive);
    timer_start(m->round, 0);
}

void
monitor_want_databases(struct monitor *m, const char *const *names, uint32_t count)
{
    follows_want(m->follows, names, count);
    m->facts.databases = follows_facts(m->follows, &m->facts.databases_count);
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

const struct conf_host *
monitor_host(const struct monitor *m, enum side side, uint32_t node)
{
    CHECK(node < m->facts.side[side].nodes_count);
    return &monitor_conf(m)->side[side].hosts[node];
}

const char *
node_standing_name(enum node_standing standing)
{
    return standing_names[standing];
}
