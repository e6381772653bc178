/* probe.c — one server: its address, the connection to it, and the question under way. See
 * probe.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "monitor/probe.h"

#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "conf/conf.h"
#include "net/address.h"
#include "net/loop.h"
#include "net/resolver.h"
#include "topo/conninfo.h"

enum {
    ANSWER_TIMEOUT_US = 2000000,
    RESOLVE_AGAIN_US = 1000000, /* of a server that is down */
    CAP_FOR_US = 1000000,       /* after an error of SQL */
    RETRY_US = 200000,          /* of a server that is down */
    RETRY_URGENT_US = 40000,
    NUDGE_INTERVAL_US = 1000000,
    NUDGE_AGAIN_US = 60000000, /* after an error of it */
};

struct probe {
    struct loop *loop;         /* borrowed */
    struct resolver *resolver; /* borrowed */
    struct conf *conf;         /* shared (ref) */
    struct node_id id;
    char *name;               /* owned: what the log calls it */
    struct node_facts *facts; /* borrowed */
    struct probe_ops ops;
    struct log_ctx log;

    char *conninfo; /* owned; secret */
    struct pq *pq;  /* owned; NULL while no address of a name is known */
    struct address address;
    struct address_list addresses;      /* those that pq was given; not of a fixed host */
    struct resolver_question *question; /* owned; NULL when none is under way */
    bool address_proven;                /* a connection of ours has reached it */
    uint64_t looked_up_us;              /* when the resolver was last asked; 0: never */

    /* The question under way. */
    bool asked;
    struct probe_wish wish;
    enum question_level level;
    uint64_t asked_us;
    bool nudged;  /* it makes the server flush */
    bool retried; /* it was asked again after a loss */

    uint64_t failed_us; /* a server that is down is not asked more often... */
    uint64_t retry_us;  /* ...than after this; 0: it is not down */
    bool is_lasting;    /* also when it is urgent */
    uint64_t no_nudge_before_us;
    enum question_level cap;  /* after an error of SQL: no more than this is asked... */
    uint64_t capped_until_us; /* ...before then */
    bool complained;          /* the error was logged */
    bool identity_known;      /* started_us is of the last answer */
    uint64_t started_us;
    int backend_pid; /* of the connection that answered last */
    bool backlog_known;
    uint64_t backlog;
};

static const struct conf_host *
probe_host(const struct probe *p)
{
    return &p->conf->pairs[p->id.pair].side[p->id.side].hosts[p->id.node];
}

/* ---- addresses ---- */

static void
probe_set_address(struct probe *p, const struct address *address)
{
    if (address_equal(&p->address, address)) {
        return;
    }
    if (p->address_proven) {
        p->facts->incarnation++;
        log_info(&p->log, "the host name leads to another address", "incarnation=%u",
                 p->facts->incarnation);
    }
    p->address = *address;
    p->facts->addr = address->addr;
    p->facts->addr_len = address->len;
}

static void
probe_open(struct probe *p)
{
    CHECK(p->pq == NULL);
    char *conninfo = address_conninfo(p->conninfo, probe_host(p)->name, &p->addresses);
    p->pq = pq_new(p->loop, p->name, conninfo, question_setup());
    p->asked = false;
    conninfo_free(conninfo);
}

/* A connection to an address that the name no longer leads to is given up. One that is being made
 * is let be, and a server that answers gets the rest of its addresses when it does not. */
static void
probe_take_addresses(struct probe *p, const struct address_list *list)
{
    const struct address *address = address_choose(list, &p->address);
    const bool moved = p->address.len != 0 && !address_equal(&p->address, address);
    const bool busy = p->asked || p->facts->answers;
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
    CHECK(p->question != NULL);
    p->question = NULL;
    if (list != NULL) {
        probe_take_addresses(p, list);
    } else if (p->pq == NULL) {
        probe_down(p, err);
    } else { /* the addresses known stay */
        log_debug(&p->log, "resolver", "error=\"%s\"", err->text);
    }
    p->ops.changed(p->ops.ctx, &p->id);
}

static void
probe_look_up_if_due(struct probe *p, uint64_t now_us)
{
    const struct conf_host *host = probe_host(p);
    if (address_is_fixed(host->name) || p->question != NULL) {
        return;
    }
    const bool known = p->pq != NULL && p->facts->answers;
    const uint64_t interval_us =
        known ? resolver_ttl_us(p->resolver, host->name, host->port) : RESOLVE_AGAIN_US;
    if (p->looked_up_us != 0 && p->looked_up_us + interval_us > now_us) {
        return;
    }
    p->looked_up_us = now_us;
    p->question = resolver_ask(p->resolver, host->name, host->port, probe_looked_up, p);
}

/* Without any address there is nobody to ask. */
static void
probe_await_address(struct probe *p, uint64_t now_us)
{
    if (p->question == NULL || p->looked_up_us + p->conf->server_connect_timeout_us > now_us) {
        return;
    }
    struct err err;
    (void)err_set(&err, SQLSTATE_CONNECTION_FAILURE,
                  "the resolver has not answered yet for the host name \"%s\"",
                  probe_host(p)->name);
    probe_down(p, &err);
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
    if (address_is_fixed(text) && address_resolve(text, probe_host(p)->port, &list, NULL)) {
        probe_set_address(p, &list.items[0]);
        p->address_proven = true;
    }
}

/* ---- asking ---- */

static void probe_answered(void *arg, const struct pq_result *result);

static enum question_level
probe_level(const struct probe *p, uint64_t now_us)
{
    if (!p->facts->answers || !p->facts->schema_exists) {
        return QUESTION_PLAIN;
    }
    const enum question_level wanted = p->wish.beat ? QUESTION_BEAT : QUESTION_SCHEMA;
    return now_us < p->capped_until_us && wanted > p->cap ? p->cap : wanted;
}

/* What the question will show holds for everything that was acknowledged before asked_us, so the
 * clock is read first. */
static void
probe_send(struct probe *p)
{
    CHECK(p->pq != NULL && !p->asked);
    const bool connected = pq_is_connected(p->pq);
    const uint64_t timeout_us = connected ? ANSWER_TIMEOUT_US : p->conf->server_connect_timeout_us;
    p->asked = true;
    p->asked_us = clock_now_us();
    p->level = probe_level(p, p->asked_us);
    p->nudged = p->wish.nudge && p->no_nudge_before_us <= p->asked_us;
    if (p->nudged) {
        p->no_nudge_before_us = p->asked_us + NUDGE_INTERVAL_US;
    }
    char *sql = question_sql(p->id.side, p->level, p->nudged);
    pq_query(p->pq, sql, timeout_us, probe_answered, p);
    mem_free(sql);
}

static bool
probe_must_rest(const struct probe *p, bool is_urgent, uint64_t now_us)
{
    const bool soon = is_urgent && !p->is_lasting && p->retry_us > RETRY_URGENT_US;
    return now_us < p->failed_us + (soon ? (uint64_t)RETRY_URGENT_US : p->retry_us);
}

void
probe_ask(struct probe *p, const struct probe_wish *wish)
{
    const uint64_t now_us = clock_now_us();
    probe_look_up_if_due(p, now_us);
    if (p->pq == NULL) {
        probe_await_address(p, now_us);
        return;
    }
    if (p->asked || probe_must_rest(p, wish->is_urgent, now_us)) {
        return;
    }
    p->wish = *wish;
    p->retried = false;
    probe_send(p);
}

/* ---- answers ---- */

/* Another server, or the same one restarted; or only our connection is new: a server that recovered
 * from the crash of a process of its own keeps its start time, and may have lost what had not been
 * flushed. True for all of these. */
static bool
probe_see_identity(struct probe *p, const struct answer *answer)
{
    const int pid = pq_backend_pid(p->pq);
    const bool other =
        p->identity_known && (p->started_us != answer->started_us ||
                              p->facts->system_identifier != answer->system_identifier);
    const bool is_new = other || pid != p->backend_pid;
    if (other) {
        p->facts->incarnation++;
        log_info(&p->log, "the server was restarted or is another one", "incarnation=%u",
                 p->facts->incarnation);
    }
    if (pid != p->backend_pid) {
        probe_take_address(p);
    }
    p->identity_known = true;
    p->started_us = answer->started_us;
    p->backend_pid = pid;
    return is_new;
}

static void
probe_up(struct probe *p, const struct answer *answer, uint64_t now_us)
{
    struct node_facts *facts = p->facts;
    p->retry_us = 0;
    p->failed_us = 0;
    if (facts->answers) {
        return;
    }
    facts->answers = true;
    facts->since_us = now_us;
    log_info(&p->log, "node up", "version=%s role=\"%s\"", answer->version,
             answer->in_recovery ? "standby" : "primary");
}

/* A fence was taken off that this session had begun with. */
static void
probe_renew(struct probe *p)
{
    log_debug(&p->log, "the connection is renewed: a fence was taken off", NULL);
    pq_free(p->pq);
    p->pq = NULL;
    probe_open(p);
}

static void
probe_take_answer(struct probe *p, const struct answer *answer)
{
    const uint64_t now_us = clock_now_us();
    const struct probe_answer a = {.answer = answer,
                                   .is_from_another = probe_see_identity(p, answer),
                                   .asked_us = p->asked_us,
                                   .now_us = now_us,
                                   .generation = p->wish.generation};
    probe_up(p, answer, now_us);
    p->facts->asked_us = p->asked_us;
    p->complained = p->complained && now_us < p->capped_until_us;
    p->backlog_known = answer->slot_known;
    p->backlog = answer->flushed > answer->slot_lsn ? answer->flushed - answer->slot_lsn : 0;
    if (answer->stale) {
        probe_renew(p);
    }
    p->ops.answered(p->ops.ctx, &p->id, &a);
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
    struct node_facts *facts = p->facts;
    CHECK(err_is_set(err));
    const uint64_t now_us = clock_now_us();
    if (facts->answers || strcmp(facts->error.text, err->text) != 0) {
        log_warn(&p->log, "node down", "sqlstate=%s error=\"%s\"", err->sqlstate, err->text);
    }
    if (facts->answers || facts->since_us == 0) {
        facts->since_us = now_us;
    }
    facts->answers = false;
    facts->error = *err;
    p->failed_us = now_us;
    p->is_lasting = refusal_is_lasting(err);
    p->retry_us = p->is_lasting ? p->conf->server_login_retry_us : RETRY_US;
}

/* An error of SQL on a live connection: the fence may have come, the schema may have gone since the
 * last answer, or somebody holds a lock on the marker; or there are no transaction numbers left to
 * nudge with. The server is up; less is asked for a while. */
static bool
probe_can_ask_less(const struct probe *p, const struct pq_result *result)
{
    return !result->unknown && (p->nudged || p->level > QUESTION_PLAIN) && pq_is_connected(p->pq);
}

static void
probe_ask_without_nudge(struct probe *p, const struct err *err)
{
    log_warn(&p->log, "no nudge", "sqlstate=%s error=\"%s\"", err->sqlstate, err->text);
    p->no_nudge_before_us = clock_now_us() + NUDGE_AGAIN_US;
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
    p->ops.changed(p->ops.ctx, &p->id);
}

static void
probe_answered(void *arg, const struct pq_result *result)
{
    struct probe *p = arg;
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
        p->ops.changed(p->ops.ctx, &p->id);
    }
}

/* ---- life ---- */

static char *
conninfo_now(const struct probe *p)
{
    const struct conf *conf = p->conf;
    return conninfo_of(conf, &p->id, conf->pairs[p->id.pair].database, "teal monitor",
                       conf->server_connect_timeout_us);
}

/* A fixed host needs no resolver; one that is no address after all fails in libpq, which tells. */
static void
probe_connect(struct probe *p)
{
    const struct conf_host *host = probe_host(p);
    CHECK(p->pq == NULL && p->question == NULL && p->conninfo == NULL);
    p->conninfo = conninfo_now(p);
    p->asked = false;
    p->looked_up_us = 0;
    probe_forgive(p);
    if (!address_is_fixed(host->name)) {
        probe_look_up_if_due(p, clock_now_us());
        return;
    }
    struct address_list list;
    struct err err;
    if (address_resolve(host->name, host->port, &list, &err)) {
        probe_set_address(p, address_choose(&list, &p->address));
    } else {
        log_debug(&p->log, "resolver", "error=\"%s\"", err.text);
    }
    probe_open(p);
}

static void
probe_disconnect(struct probe *p)
{
    resolver_cancel(p->question);
    p->question = NULL;
    pq_free(p->pq);
    p->pq = NULL;
    conninfo_free(p->conninfo);
    p->conninfo = NULL;
}

/* The side alone where that is one server. */
static char *
name_of(const struct probe *p)
{
    const struct conf_side *side = &p->conf->pairs[p->id.pair].side[p->id.side];
    const struct conf_host *host = probe_host(p);
    return side->hosts_count == 1
               ? xstrdup(side_name(p->id.side))
               : xasprintf("%s/%s:%u", side_name(p->id.side), host->name, host->port);
}

struct probe *
probe_new(struct loop *loop, struct resolver *resolver, struct conf *conf, const struct node_id *id,
          struct node_facts *facts, const struct probe_ops *ops)
{
    CHECK(ops->answered != NULL && ops->changed != NULL);
    struct probe *p = xcalloc(1, sizeof(*p));
    p->loop = loop;
    p->resolver = resolver;
    p->conf = conf_ref(conf);
    p->id = *id;
    p->name = name_of(p);
    p->facts = facts;
    p->ops = *ops;
    p->log = (struct log_ctx){.kind = "monitor", .node = p->name};
    facts->incarnation++;
    probe_connect(p);
    return p;
}

void
probe_free(struct probe *p)
{
    if (p == NULL) {
        return;
    }
    probe_disconnect(p);
    conf_unref(p->conf);
    mem_free(p->name);
    mem_free(p);
}

bool
probe_set_conf(struct probe *p, struct conf *conf)
{
    struct conf *old = p->conf;
    p->conf = conf_ref(conf);
    conf_unref(old);
    char *conninfo = conninfo_now(p);
    const bool same = strcmp(conninfo, p->conninfo) == 0;
    conninfo_free(conninfo);
    if (!same) {
        probe_disconnect(p);
        probe_connect(p);
    }
    return !same;
}

/* ---- verbs ---- */

uint64_t
probe_asked_since_us(const struct probe *p)
{
    return p->asked ? p->asked_us : 0;
}

void
probe_forgive(struct probe *p)
{
    p->failed_us = 0;
    p->retry_us = 0;
}

bool
probe_run(struct probe *p, const char *sql, uint64_t timeout_us, pq_done_fn *done, void *arg)
{
    if (p->pq == NULL || !pq_is_connected(p->pq)) {
        return false;
    }
    pq_query(p->pq, sql, timeout_us, done, arg);
    return true;
}

bool
probe_backlog(const struct probe *p, uint64_t *bytes)
{
    *bytes = p->backlog;
    return p->backlog_known;
}
