/* login.c — from the proof of who a client is to its first ReadyForQuery. See login.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "session/login/login.h"

#include "session/link/link.h"
#include "session/link/parameters.h"
#include "session/login/cached_params.h"
#include "session/query/cycle.h"
#include "session/replication/replication.h"
#include "wire/message.h"

/* ParameterStatus, BackendKeyData, ReadyForQuery. */
static void
welcome(struct session *s)
{
    static const char *const node_roles[] = {"default_transaction_read_only", "in_hot_standby"};
    const struct params *told = s->params.told;
    if (s->worker->draining) {
        session_refuse(s, SQLSTATE_CANNOT_CONNECT_NOW, "the proxy is shutting down");
        return;
    }
    struct buf *out = outlet_queue(&s->client.out);
    CHECK(s->phase == SESSION_LOGIN && told != NULL);
    for (uint32_t i = 0; i < told->count; i++) {
        message_put_parameter(out, told->items[i].name, told->items[i].value);
    }
    for (size_t i = 0; i < COUNT_OF(node_roles); i++) {
        message_put_parameter(out, node_roles[i], "off");
    }
    worker_enlist(s->worker, s->identity.cancel_pid, s);
    message_put_key(out, s->identity.cancel_pid,
                    slice_of(s->identity.cancel_key, s->identity.cancel_key_len));
    message_put_ready(out, 'I');
    session_enter(s, SESSION_EV_WELCOMED);
    cycle_init(s);
    list_remove(&s->node);
    list_push_back(&s->worker->sessions, &s->node);
    database_serve(s->worker, s->database);
    s->stats = &s->database->stats;
    stat_add(&s->stats->logins, 1);
    log_debug(&s->log, "client logged in", "addr=%s", s->client.peer);
}

/* Its backend has told what a login like this one is told. */
static void
learn(struct session *s)
{
    CHECK(!s->link.is_applying && flow_empty(&s->link.backend->flow));
    parameters_take(s, s->link.backend->params);
    if (s->identity.use != POOL_SESSIONS) {
        welcome(s);
        if (session_is_open(s)) {
            replication_begin(s);
        }
        return;
    }
    cached_params_remember(s);
    link_give_back(s);
    welcome(s);
}

static bool
backend_has_told(const struct session *s)
{
    return s->link.backend != NULL && !s->link.is_applying && flow_empty(&s->link.backend->flow);
}

bool
login_settle(struct session *s)
{
    if (s->link.backend == NULL && !link_waits(s)) {
        struct params *known = s->identity.use == POOL_SESSIONS ? cached_params_find(s) : NULL;
        if (known != NULL) {
            parameters_take(s, known);
            welcome(s);
            return true;
        }
        (void)link_seek(s, SQL_WRITE); /* what came of it shows below */
    }
    if (!backend_has_told(s)) {
        return false;
    }
    learn(s);
    return true;
}
