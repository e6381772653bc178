/* auth_query.c — users that are in no file. See auth_query.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "session/login/auth_query.h"

#include <string.h>

#include "auth/users.h"
#include "base/mem.h"
#include "base/rand.h"
#include "conf/databases.h"
#include "net/address.h"
#include "net/pq.h"
#include "session/state/worker.h"
#include "topo/conninfo.h"

enum {
    ENTRIES_MAX = 10000, /* names kept, found or not: a client that tries out names fills it */
    ASKING_MAX = 1000,   /* names asked for at one time */
    QUERY_TIMEOUT_US = 5 * 1000 * 1000,
};

/* What no role or database may have set otherwise for the session that reads secrets. */
static const char setup[] = "SET search_path = pg_catalog; SET client_encoding = 'UTF8'; "
                            "SET default_transaction_read_only = on; SET statement_timeout = '5s'";

/* A name, and what is known of it. */
struct entry {
    struct list node;     /* in auth_query.entries, the oldest answer first */
    struct auth_query *q; /* borrowed */
    char *name;           /* owned */
    struct users *users;  /* shared (ref): that one user; NULL: nobody */
    bool asking;
    uint64_t expires_us;
    struct list waiters; /* of struct auth_query_waiter */
};

/* Where and as whom is asked, and what: by the database that the client names. */
struct source {
    uint32_t pair;
    const char *database; /* on the servers */
    const char *user;
    const char *query;
};

/* Those of one worker, one for each source in use. */
struct auth_queries {
    struct worker *worker; /* borrowed */
    struct map by_source;  /* text -> struct auth_query, owned */
};

struct auth_query {
    struct worker *worker; /* borrowed */
    struct source source;  /* its texts are owned */
    struct pq *pq;         /* owned; NULL until needed */
    struct node_id server; /* of pq, with its address */
    struct address address;
    struct map by_name; /* -> struct entry, owned */
    struct list entries;
    uint32_t asking_count;
};

static void entry_ask(struct entry *e);

static struct auth_query *
auth_query_new(struct worker *w, const struct source *source)
{
    struct auth_query *q = xcalloc(1, sizeof(*q));
    q->worker = w;
    q->source = (struct source){source->pair, xstrdup(source->database), xstrdup(source->user),
                                xstrdup(source->query)};
    map_init(&q->by_name, rand_u64());
    list_init(&q->entries);
    return q;
}

static void
entry_drop(struct entry *e)
{
    CHECK(list_empty(&e->waiters));
    list_remove(&e->node);
    CHECK(map_remove(&e->q->by_name, slice_of_str(e->name)) == e);
    users_unref(e->users);
    mem_free(e->name);
    mem_free(e);
}

static void
drop_answers(struct auth_query *q, bool also_asking)
{
    LIST_EACH(node, &q->entries)
    {
        struct entry *e = LIST_OBJECT(node, struct entry, node);
        if (!e->asking || also_asking) {
            entry_drop(e);
        }
    }
}

static void
auth_query_free(struct auth_query *q)
{
    pq_free(q->pq);
    drop_answers(q, true);
    CHECK(map_count(&q->by_name) == 0);
    map_fini(&q->by_name);
    mem_free((void *)(uintptr_t)q->source.database);
    mem_free((void *)(uintptr_t)q->source.user);
    mem_free((void *)(uintptr_t)q->source.query);
    mem_free(q);
}

/* ---- all of a worker ---- */

struct auth_queries *
auth_queries_new(struct worker *w)
{
    struct auth_queries *all = xcalloc(1, sizeof(*all));
    all->worker = w;
    map_init(&all->by_source, rand_u64());
    return all;
}

void
auth_queries_free(struct auth_queries *all)
{
    size_t at = 0;
    if (all == NULL) {
        return;
    }
    for (struct auth_query *q = map_next(&all->by_source, &at); q != NULL;
         q = map_next(&all->by_source, &at)) {
        auth_query_free(q);
    }
    map_fini(&all->by_source);
    mem_free(all);
}

static const char *
own_or(const char *own, const char *common)
{
    return own[0] != '\0' ? own : common;
}

static struct source
source_of_database(const struct conf *conf, const struct conf_database *d)
{
    return (struct source){
        .pair = d->pair,
        .database =
            own_or(own_or(d->auth_dbname, conf->auth_dbname), conf->pairs[d->pair].database),
        .user = own_or(d->auth_user, conf->auth_user),
        .query = own_or(d->auth_query, conf->auth_query),
    };
}

/* What holds for the database that clients name so. */
static struct source
source_of(const struct conf *conf, const char *alias)
{
    const struct conf_database *d = conf_database_find(conf, alias);
    return source_of_database(conf, d == NULL ? &conf->rest : d);
}

static bool
source_equal(const struct source *a, const struct source *b)
{
    return a->pair == b->pair && strcmp(a->database, b->database) == 0 &&
           strcmp(a->user, b->user) == 0 && strcmp(a->query, b->query) == 0;
}

/* Whether the configuration leads any client to it. */
static bool
is_in_use(const struct auth_query *q)
{
    const struct conf *conf = q->worker->conf;
    for (uint32_t i = 0; i <= conf->databases_count; i++) {
        const struct source source =
            source_of_database(conf, i < conf->databases_count ? &conf->databases[i] : &conf->rest);
        if (source_equal(&source, &q->source)) {
            return true;
        }
    }
    return false;
}

bool
auth_query_is_on(const struct auth_queries *all, const char *alias)
{
    return source_of(all->worker->conf, alias).user[0] != '\0';
}

/* The one of this source, made when there is none. */
static struct auth_query *
auth_query_of(struct auth_queries *all, const struct source *source)
{
    struct buf key;
    buf_init(&key);
    buf_put_u32(&key, source->pair);
    buf_put_cstr(&key, source->database);
    buf_put_cstr(&key, source->user);
    buf_put_cstr(&key, source->query);
    struct auth_query *q = map_get(&all->by_source, buf_slice(&key));
    if (q == NULL) {
        q = auth_query_new(all->worker, source);
        (void)map_put(&all->by_source, buf_slice(&key), q); /* there was none */
    }
    buf_fini(&key);
    return q;
}

/* ---- the connection ---- */

/* The side's lead, or any other of its servers. */
static bool
choose_node(const struct view_side *side, uint32_t *node)
{
    *node = side->lead;
    for (uint32_t i = 0; i < side->nodes_count && !side->node[*node].up; i++) {
        *node = i;
    }
    return side->node[*node].up && side->node[*node].addr_len > 0;
}

/* Reading is all that is done, so a follower will do where the writer does not answer. */
static bool
choose_server(const struct view *view, struct node_id *id)
{
    *id = (struct node_id){.pair = view->pair, .side = view->writer};
    if (choose_node(&view->side[id->side], &id->node)) {
        return true;
    }
    id->side = side_other(id->side);
    return choose_node(&view->side[id->side], &id->node);
}

/* To the address that the data path uses: libpq would resolve the name while the worker waits. */
static struct pq *
make_pq(const struct auth_query *q)
{
    const struct worker *w = q->worker;
    const struct conf_pair *pair = &w->conf->pairs[q->server.pair];
    const struct conf_host *host = &pair->side[q->server.side].hosts[q->server.node];
    const struct user *user = access_user(w->access, q->source.user);
    const struct address_list list = {.items = {q->address}, .count = 1};
    char *conninfo =
        conninfo_of_user(w->conf, &q->server, q->source.database, q->source.user,
                         user != NULL && user->kind == USER_PASSWORD ? user->secret : "");
    char *with_address = address_conninfo(conninfo, host->name, &list);
    struct pq *pq = pq_new(w->loop, "auth_query", with_address, setup);
    conninfo_free(with_address);
    conninfo_free(conninfo);
    return pq;
}

static bool
connect_pq(struct auth_query *q, struct err *err)
{
    const struct view *view = q->worker->pairs[q->source.pair].view;
    struct node_id server;
    if (!choose_server(view, &server)) {
        return err_set(err, SQLSTATE_CONNECTION_FAILURE,
                       "the user could not be looked up: no server is up");
    }
    const struct view_node *node = &view->side[server.side].node[server.node];
    const struct address address = {node->addr, node->addr_len};
    const bool same = node_id_equal(&q->server, &server) && address_equal(&q->address, &address);
    if (q->pq != NULL && (same || q->asking_count > 0)) {
        return true;
    }
    pq_free(q->pq);
    q->server = server;
    q->address = address;
    q->pq = make_pq(q);
    return true;
}

/* ---- answers ---- */

/* The keys that a login has shown stay for as long as the secret does, also when the answer was
 * forgotten meanwhile: backends of that user may have nothing else, and a client that only tries a
 * name must not take them away. */
static struct users *
users_of_secret(const struct entry *e, const char *secret)
{
    struct buf mistakes;
    buf_init(&mistakes);
    const struct auth_query *q = e->q;
    struct users *users =
        users_of_one(e->name, secret, "auth_query", &q->worker->workers->seed,
                     pools_learnt(q->worker->pools, q->source.pair, e->name), &mistakes);
    if (users == NULL) {
        log_warn(NULL, "what auth_query gives is no secret", "user=\"%s\"", e->name);
    }
    buf_fini(&mistakes);
    return users;
}

/* The one row of the answer must be about the name that was asked for. */
static struct users *
users_of_result(const struct entry *e, const struct pq_result *r)
{
    if (pq_rows(r) != 1 || pq_columns(r) < 2) {
        if (pq_rows(r) != 0) {
            log_error(NULL, "auth_query must give one row of a name and a secret",
                      "rows=%d columns=%d", pq_rows(r), pq_columns(r));
        }
        return NULL;
    }
    const char *name = pq_cell(r, 0, 0);
    const char *secret = pq_cell(r, 0, 1);
    if (name == NULL || strcmp(name, e->name) != 0) {
        log_error(NULL, "auth_query answers about another user", "asked=\"%s\"", e->name);
        return NULL;
    }
    return users_of_secret(e, secret == NULL ? "" : secret);
}

/* Takes the waiters one by one: what each does then may end others. */
static void
answer_waiters(struct entry *e, const struct err *err)
{
    for (struct list *node = list_first(&e->waiters); node != NULL;
         node = list_first(&e->waiters)) {
        struct auth_query_waiter *waiter = LIST_OBJECT(node, struct auth_query_waiter, node);
        auth_query_leave(waiter);
        waiter->done(waiter, err == NULL ? e->users : NULL, err);
    }
}

static void
on_answer(void *arg, const struct pq_result *r)
{
    struct entry *e = arg;
    struct auth_query *q = e->q;
    CHECK(e->asking && q->asking_count > 0);
    e->asking = false;
    q->asking_count--;
    if (!r->ok) {
        /* The server's words are for the log: the client has not proved who it is. */
        struct err err;
        log_warn(NULL, "a user could not be looked up", "user=\"%s\" error=\"%s\"", e->name,
                 r->err.text);
        (void)err_set(&err, SQLSTATE_CONNECTION_FAILURE,
                      "the user could not be looked up; the log of the proxy tells why");
        answer_waiters(e, &err);
        entry_drop(e);
        return;
    }
    struct users *before = e->users;
    e->users = users_of_result(e, r);
    users_unref(before);
    e->expires_us = loop_now_us(q->worker->loop) + q->worker->conf->auth_query_ttl_us;
    list_remove(&e->node);
    list_push_back(&q->entries, &e->node);
    if (e->users != NULL) {
        pools_learn_user(q->worker->pools, q->source.pair, e->name, e->users);
    }
    answer_waiters(e, NULL);
}

/* ---- questions ---- */

static void
entry_ask(struct entry *e)
{
    struct auth_query *q = e->q;
    CHECK(!e->asking && q->pq != NULL);
    e->asking = true;
    q->asking_count++;
    pq_query_with(q->pq, q->source.query, e->name, QUERY_TIMEOUT_US, on_answer, e);
}

static void
make_room(struct auth_query *q)
{
    LIST_EACH(node, &q->entries)
    {
        struct entry *e = LIST_OBJECT(node, struct entry, node);
        if (map_count(&q->by_name) < ENTRIES_MAX) {
            return;
        }
        if (!e->asking) {
            entry_drop(e);
        }
    }
}

static struct entry *
entry_new(struct auth_query *q, const char *name)
{
    make_room(q);
    struct entry *e = xcalloc(1, sizeof(*e));
    e->q = q;
    e->name = xstrdup(name);
    list_init(&e->waiters);
    list_init(&e->node);
    list_push_back(&q->entries, &e->node);
    CHECK(map_put(&q->by_name, slice_of_str(name), e) == NULL);
    return e;
}

/* A question about the name is on its way; false with err when none can be. */
static bool
ask_about(struct auth_query *q, const char *name, struct entry **e, struct err *err)
{
    if (*e != NULL && (*e)->asking) {
        return true;
    }
    if (q->asking_count >= ASKING_MAX) {
        return err_set(err, SQLSTATE_TOO_MANY_CONNECTIONS, "too many users are being looked up");
    }
    if (!connect_pq(q, err)) {
        return false;
    }
    *e = *e == NULL ? entry_new(q, name) : *e;
    entry_ask(*e);
    return true;
}

void
auth_query_find(struct auth_queries *all, const char *alias, const char *name,
                struct auth_query_waiter *waiter)
{
    struct err err;
    const struct source source = source_of(all->worker->conf, alias);
    struct auth_query *q = auth_query_of(all, &source);
    CHECK(!waiter->waits && waiter->done != NULL);
    struct entry *e = map_get(&q->by_name, slice_of_str(name));
    if (e != NULL && !e->asking && loop_now_us(q->worker->loop) < e->expires_us) {
        waiter->done(waiter, e->users, NULL);
        return;
    }
    if (!ask_about(q, name, &e, &err)) {
        waiter->done(waiter, NULL, &err);
        return;
    }
    waiter->waits = true;
    list_push_back(&e->waiters, &waiter->node);
}

void
auth_query_leave(struct auth_query_waiter *waiter)
{
    if (waiter->waits) {
        waiter->waits = false;
        list_remove(&waiter->node);
    }
}

static void
ask_again(struct auth_query *q)
{
    struct err err;
    drop_answers(q, false);
    pq_free(q->pq); /* with what it was asked; nobody is called back */
    q->pq = NULL;
    q->asking_count = 0;
    LIST_EACH(node, &q->entries)
    {
        struct entry *e = LIST_OBJECT(node, struct entry, node);
        e->asking = false;
        if (is_in_use(q) && connect_pq(q, &err)) {
            entry_ask(e);
            continue;
        }
        (void)err_set(&err, SQLSTATE_CONNECTION_FAILURE,
                      "the user could not be looked up: the configuration has changed");
        answer_waiters(e, &err);
        entry_drop(e);
    }
}

void
auth_queries_reset(struct auth_queries *all)
{
    size_t at = 0;
    for (struct auth_query *q = map_next(&all->by_source, &at); q != NULL;
         q = map_next(&all->by_source, &at)) {
        ask_again(q);
    }
}
