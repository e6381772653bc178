/* auth_query.c — users that are in no file. See auth_query.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "session/login/auth_query.h"

#include <string.h>

#include "auth/users.h"
#include "base/mem.h"
#include "base/rand.h"
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

struct auth_query {
    struct worker *worker; /* borrowed */
    struct pq *pq;         /* owned; NULL until needed */
    struct node_id server; /* of pq, with its address */
    struct address address;
    struct map by_name; /* -> struct entry, owned */
    struct list entries;
    uint32_t asking_count;
};

static void entry_ask(struct entry *e);

struct auth_query *
auth_query_new(struct worker *w)
{
    struct auth_query *q = xcalloc(1, sizeof(*q));
    q->worker = w;
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

void
auth_query_free(struct auth_query *q)
{
    if (q == NULL) {
        return;
    }
    pq_free(q->pq);
    drop_answers(q, true);
    CHECK(map_count(&q->by_name) == 0);
    map_fini(&q->by_name);
    mem_free(q);
}

bool
auth_query_is_on(const struct auth_query *q)
{
    return q->worker->conf->auth_user[0] != '\0';
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
    const struct user *user = access_user(w->access, w->conf->auth_user);
    const struct address_list list = {.items = {q->address}, .count = 1};
    const char *database = w->conf->auth_dbname;
    char *conninfo = conninfo_of_user(
        w->conf, &q->server, database[0] == '\0' ? pair->database : database, w->conf->auth_user,
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
    const struct view *view = q->worker->pairs[0].view;
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

/* As a line of a users file, which is how secrets are read everywhere else. */
static void
put_quoted(struct buf *b, const char *text)
{
    buf_put_u8(b, '"');
    for (; *text != '\0'; text++) {
        if (*text == '"') {
            buf_put_u8(b, '"');
        }
        buf_put_u8(b, (uint8_t)*text);
    }
    buf_put_u8(b, '"');
}

/* The keys that a login has shown stay for as long as the secret does, also when the answer was
 * forgotten meanwhile: backends of that user may have nothing else, and a client that only tries a
 * name must not take them away. */
static struct users *
users_of_one(const struct entry *e, const char *secret)
{
    struct buf line;
    struct buf mistakes;
    buf_init(&line);
    buf_init(&mistakes);
    put_quoted(&line, e->name);
    buf_put_u8(&line, ' ');
    put_quoted(&line, secret);
    const struct worker *w = e->q->worker;
    struct users *users = users_load_slice(buf_slice(&line), "auth_query", &w->workers->seed,
                                           pools_learnt(w->pools, 0, e->name), &mistakes);
    if (users == NULL) {
        log_warn(NULL, "what auth_query gives is no secret", "user=\"%s\"", e->name);
    }
    explicit_bzero(line.data, line.size);
    buf_fini(&line);
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
    return users_of_one(e, secret == NULL ? "" : secret);
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
        pools_learn_user(q->worker->pools, 0, e->name, e->users);
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
    pq_query_with(q->pq, q->worker->conf->auth_query, e->name, QUERY_TIMEOUT_US, on_answer, e);
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
auth_query_find(struct auth_query *q, const char *name, struct auth_query_waiter *waiter)
{
    struct err err;
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

void
auth_query_reset(struct auth_query *q)
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
        if (auth_query_is_on(q) && connect_pq(q, &err)) {
            entry_ask(e);
            continue;
        }
        (void)err_set(&err, SQLSTATE_CONNECTION_FAILURE,
                      "the user could not be looked up: the configuration has changed");
        answer_waiters(e, &err);
        entry_drop(e);
    }
}
