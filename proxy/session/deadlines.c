/* deadlines.c — sessions that take too long. See deadlines.h.
 *
 * The sessions are walked, not kept in order of time: keeping an order would cost every message
 * something, and a walk over 10,000 sessions four times a second is a fraction of a per cent of a
 * core. When no time-out is set it does not take place. A backend that ends with its session is
 * never handed on: session_close discards it, and what it still does is cancelled first. */
/* SPDX-License-Identifier: PostgreSQL */
#include "session/deadlines.h"

#include "session/link/failover.h"
#include "session/link/link.h"
#include "session/turn.h"
#include "wire/message.h"

#define SQLSTATE_IDLE_IN_TRANSACTION "25P03"
#define SQLSTATE_TRANSACTION_TIMEOUT "25P04"
#define SQLSTATE_IDLE_SESSION "57P05"

/* ---- logins ---- */

/* A login that needs a server: why it is not done is the server's matter, and the client is told
 * so. What a pool waits for, it tells itself (pool/waiters.h). */
static bool
server_is_late(const struct session *s, struct err *err)
{
    const struct worker *w = s->worker;
    const uint64_t limit_us = w->conf->server_connect_timeout_us;
    const uint64_t now_us = loop_now_us(w->loop);
    if (s->phase != SESSION_LOGIN) {
        return false;
    }
    if (s->link.is_held && !session_view(s)->writes_known &&
        now_us - s->link.wait_since_us > limit_us) {
        (void)err_set(err, SQLSTATE_CANNOT_CONNECT_NOW,
                      "it is not known which side takes the writes");
        (void)err_hint(err, "The log of the proxy, and SHOW STATUS on its console, tell what it "
                            "waits for.");
        return true;
    }
    if (s->link.is_applying && now_us - s->link.transaction_us > limit_us) {
        (void)err_set(err, SQLSTATE_CANNOT_CONNECT_NOW,
                      "%s does not answer within server_connect_timeout", side_name(link_side(s)));
        return true;
    }
    return false;
}

/* The client itself, or the limit of all that a login may take. */
static bool
login_is_late(const struct session *s, struct err *err)
{
    const struct worker *w = s->worker;
    if (loop_now_us(w->loop) - s->connected_us <= w->conf->client_login_timeout_us) {
        return false;
    }
    if (s->phase == SESSION_LOGIN && link_waits(s)) {
        (void)err_set(err, SQLSTATE_CANNOT_CONNECT_NOW, "%s within client_login_timeout",
                      s->link.is_held ? "writes are held and were not released"
                                      : "no server connection became free");
        return true;
    }
    (void)err_set(err, SQLSTATE_PROTOCOL, "client_login_timeout: the login took too long");
    return true;
}

static void
close_late_logins(struct worker *w)
{
    LIST_EACH(node, &w->arriving)
    {
        struct session *s = LIST_OBJECT(node, struct session, node);
        const uint64_t age_us = loop_now_us(w->loop) - s->connected_us;
        const bool in_handshake = s->client.stream.tls != NULL && s->identity.user == NULL;
        struct err err;
        if (in_handshake && age_us > w->conf->client_tls_timeout_us) {
            session_close(s, NULL);
        } else if (server_is_late(s, &err) || login_is_late(s, &err)) {
            /* A peer that has not said a word of our protocol is not answered in it. */
            session_close(s, s->identity.user == NULL ? NULL : &err);
        }
    }
}

static void
close_late_held(struct worker *w)
{
    const uint64_t limit_us = w->conf->query_wait_timeout_us;
    LIST_EACH(node, &w->held)
    {
        struct session *s = LIST_OBJECT(node, struct session, link.held_node);
        CHECK(s->link.is_held && s->worker == w);
        struct err err;
        if (failover_is_late(s, &err)) {
            session_close(s, &err);
            continue;
        }
        if (limit_us == 0 || loop_now_us(w->loop) - s->link.wait_since_us <= limit_us) {
            continue; /* those behind it may have waited for longer, before they were held */
        }
        (void)err_set(&err, SQLSTATE_CANNOT_CONNECT_NOW, "%s within query_wait_timeout",
                      s->database->facts.paused ? "the database is paused and was not resumed"
                                                : "writes are held and were not released");
        (void)err_hint(&err, "The statement was not begun; it can be sent again.");
        session_close(s, &err);
    }
}

/* ---- sessions ---- */

struct deadline {
    bool (*applies)(const struct session *s);
    uint64_t limit_us;
    uint64_t since_us;
    const char *sqlstate;
    const char *text;
};

static bool
works(const struct session *s)
{
    return s->link.backend != NULL && !flow_empty(&s->link.backend->flow);
}

static bool
idles_in_transaction(const struct session *s)
{
    return s->link.backend != NULL && !works(s) && s->link.backend->flow.txn != 'I';
}

static bool
is_in_transaction(const struct session *s)
{
    return s->link.transaction_us != 0 && s->link.backend != NULL;
}

static bool
idles(const struct session *s)
{
    return !link_waits(s) && !works(s) && !is_in_transaction(s) && buf_len(&s->client.in) == 0;
}

static void
end_late(struct session *s)
{
    const struct conf *conf = s->worker->conf;
    const struct deadline deadlines[] = {
        {works, conf->query_timeout_us, s->cycle.since_us, SQLSTATE_QUERY_CANCELED,
         "canceling statement due to query_timeout"},
        {idles_in_transaction, conf->idle_transaction_timeout_us, s->cycle.since_us,
         SQLSTATE_IDLE_IN_TRANSACTION,
         "terminating connection due to idle-in-transaction timeout (idle_transaction_timeout)"},
        {is_in_transaction, conf->transaction_timeout_us, s->link.transaction_us,
         SQLSTATE_TRANSACTION_TIMEOUT,
         "terminating connection due to transaction timeout (transaction_timeout)"},
        {idles, conf->client_idle_timeout_us, s->cycle.since_us, SQLSTATE_IDLE_SESSION,
         "terminating connection due to idle-session timeout (client_idle_timeout)"},
    };
    const uint64_t now_us = loop_now_us(s->worker->loop);
    for (size_t i = 0; i < COUNT_OF(deadlines); i++) {
        const struct deadline *d = &deadlines[i];
        if (d->limit_us == 0 || now_us - d->since_us <= d->limit_us || !d->applies(s)) {
            continue;
        }
        struct err err;
        (void)err_set(&err, d->sqlstate, "%s", d->text);
        if (works(s)) {
            pool_cancel(s->link.backend); /* else the server would go on until it notices */
        }
        session_close(s, &err);
        return;
    }
}

static void
tell_waiting(struct session *s)
{
    const uint64_t after_us = s->worker->conf->query_wait_notify_us;
    if (after_us == 0 || !link_waits(s) || s->link.backend != NULL ||
        s->link.wait_told_us == s->link.wait_since_us ||
        loop_now_us(s->worker->loop) - s->link.wait_since_us <= after_us) {
        return;
    }
    struct err notice;
    link_told_wait(s);
    (void)err_set(&notice, "00000", "%s",
                  s->link.is_held ? "the statement waits until writes are released"
                                  : "no server connection is free: the statement is queued");
    message_put_error(outlet_queue(&s->client.out), "NOTICE", &notice);
    session_turn(s);
}

static bool
any_is_set(const struct conf *conf)
{
    return conf->query_timeout_us > 0 || conf->idle_transaction_timeout_us > 0 ||
           conf->transaction_timeout_us > 0 || conf->client_idle_timeout_us > 0 ||
           conf->query_wait_notify_us > 0;
}

void
deadlines_check(struct worker *w)
{
    close_late_logins(w);
    close_late_held(w);
    if (!any_is_set(w->conf)) {
        return;
    }
    LIST_EACH(node, &w->sessions)
    {
        struct session *s = LIST_OBJECT(node, struct session, node);
        if (s->phase != SESSION_READY) {
            continue;
        }
        tell_waiting(s);
        if (session_is_open(s)) {
            end_late(s);
        }
    }
}
