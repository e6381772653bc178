/* turn.c — a session's turn. See turn.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "session/turn.h"

#include "base/mem.h"
#include "session/client/client.h"
#include "session/link/link.h"
#include "session/link/parameters.h"
#include "session/link/tracked_settings.h"
#include "session/login/admission.h"
#include "session/login/authenticate.h"
#include "session/login/identity.h"
#include "session/login/login.h"
#include "session/login/startup.h"
#include "session/query/frontend.h"
#include "session/query/prepared.h"
#include "session/query/relay.h"
#include "session/query/replay.h"
#include "session/query/server.h"
#include "session/query/settle.h"
#include "session/replication/replication.h"
#include "wire/message.h"

/* What a session does in each phase. */
static const struct phase_work {
    /* Processes one message of the client at the front of in; the number of bytes, 0 when no more
     * can be processed now. */
    size_t (*consume)(struct session *s, struct slice in);
    /* The server's stream can be read; it takes more of what waits for it. */
    void (*receive)(struct session *s);
    void (*flush)(struct session *s);
    /* What has come to its end since, ends. True when more input may be processed because of it. */
    bool (*settle)(struct session *s);
} work[SESSION_PHASES_COUNT] = {
    /* clang-format off */
    [SESSION_STARTUP]     = {.consume = startup_consume},
    [SESSION_AUTH]        = {.consume = authenticate_consume},
    [SESSION_LOGIN]       = {.receive = relay_receive, .flush = relay_flush,
                             .settle = login_settle},
    [SESSION_READY]       = {.consume = frontend_consume,
                             .receive = relay_receive, .flush = relay_flush,
                             .settle = settle_ready},
    [SESSION_REPLICATION] = {.consume = replication_consume,
                             .receive = replication_receive, .flush = replication_flush},
    [SESSION_LEAVING]     = {.receive = relay_receive, .flush = relay_flush,
                             .settle = settle_leaving},
    [SESSION_ENDING]      = {0},
    [SESSION_CLOSED]      = {0},
    /* clang-format on */
};

/* ---- the turn ---- */

/* True when there is room for more than could be processed. */
static bool
process_input(struct session *s)
{
    const struct slice in = client_input(s);
    size_t used = 0;
    bool has_room = false;
    client_await(s, 0);
    while (used < in.len && work[s->phase].consume != NULL) {
        const size_t n = work[s->phase].consume(s, slice_of(in.p + used, in.len - used));
        if (n == 0) {
            break;
        }
        CHECK(n <= in.len - used);
        used += n;
    }
    if (session_is_open(s)) {
        has_room = server_send(s);
        client_processed(s, used);
        client_keep(s);
    }
    return has_room;
}

static bool
settle(struct session *s)
{
    return work[s->phase].settle != NULL && work[s->phase].settle(s);
}

static void session_release(struct session *s);

void
session_turn(struct session *s)
{
    bool again;
    client_send(s);
    do {
        again = process_input(s);
        again = settle(s) || again;
    } while (again && client_has_input(s));
    settle_end_of_input(s);
    (void)server_send(s); /* a login may have been put on its way */
    client_send(s);
    if (s->phase == SESSION_LEAVING) {
        (void)settle_leaving(s); /* it may have had its last answer just now */
    }
    if (session_is_open(s)) {
        client_arm(s);
        session_check(s);
    } else if (s->phase == SESSION_ENDING) {
        session_release(s);
    }
}

/* ---- events ---- */

static void
on_client_ready(void *arg, unsigned ready)
{
    struct session *s = arg;
    if ((ready & WATCH_READ) != 0 && (s->startup.first_byte_seen || startup_first_byte(s))) {
        client_receive(s);
    }
    session_turn(s);
}

static void
on_server_ready(struct backend *b, unsigned ready)
{
    struct session *s = b->owner;
    CHECK(s != NULL && s->link.backend == b && work[s->phase].receive != NULL);
    if ((ready & WATCH_WRITE) != 0) {
        work[s->phase].flush(s);
    }
    if ((ready & WATCH_READ) != 0 && session_is_open(s) && s->link.backend == b) {
        work[s->phase].receive(s);
    }
    session_turn(s);
}

const struct pool_ops session_pool_ops = {.ready = on_server_ready};

/* ---- cancel ---- */

/* What waits is taken out of the queue, and answered for the server. */
static void
cancel_waiting(struct session *s)
{
    struct err err;
    const size_t len = client_waiting_len(s);
    if (len == 0) {
        return;
    }
    link_abandon_wait(s);
    replay_end(s);
    client_processed(s, len);
    (void)err_set(&err, SQLSTATE_QUERY_CANCELED, "canceling statement due to user request");
    session_send_error(s, &err);
    message_put_ready(outlet_queue(&s->client.out), 'I');
    session_turn(s);
}

void
session_cancel(struct session *s)
{
    struct backend *b = s->link.backend;
    if (s->phase == SESSION_REPLICATION) {
        pool_cancel(b); /* nobody else ever gets this backend: no cancel can be late */
        return;
    }
    if (s->phase != SESSION_READY) {
        return;
    }
    if (link_waits(s)) {
        cancel_waiting(s);
    } else if (b != NULL && !flow_empty(&b->flow)) {
        pool_cancel(b);
    }
}

/* ---- begin and end ---- */

void
session_begin(struct worker *w, int fd, const char *peer, bool is_local)
{
    struct session *s = xcalloc(1, sizeof(*s));
    session_init(s, w);
    client_init(s, fd, peer, is_local, on_client_ready);
    identity_init(s);
    link_init(s);
    prepared_init(s);
    list_push_back(&w->arriving, &s->node);
    (void)atomic_fetch_add(&w->gauges.sessions, 1);
    if (!admission_arrive(s)) {
        session_release(s);
    }
}

static void
session_free(void *arg)
{
    struct session *s = arg;
    CHECK(s->phase == SESSION_CLOSED);
    session_check(s);
    client_fini(s);
    replay_fini(s);
    identity_fini(s);
    authenticate_fini(s);
    mem_free(s);
}

/* Gives back all that others have of it. Its own memory goes at the end of the loop's turn, because
 * this may happen under one of its own callbacks. */
static void
session_release(struct session *s)
{
    struct worker *w = s->worker;
    CHECK(s->phase == SESSION_ENDING);
    client_close(s);
    authenticate_leave(s);
    link_stop_waiting(s);
    link_give_back(s);
    if (s->pins != SQL_PIN_NONE) {
        (void)atomic_fetch_sub(&w->gauges.of_pair[s->identity.pair].pinned, 1);
    }
    admission_leave(s);
    s->stats = &w->stats;
    database_leave(w, s->database);
    s->database = NULL;
    worker_delist(w, s->identity.cancel_pid, s);
    prepared_fini(s);
    tracked_fini(s);
    parameters_fini(s);
    list_remove(&s->node);
    list_remove(&s->woken_node);
    (void)atomic_fetch_sub(&w->gauges.sessions, 1);
    session_enter(s, SESSION_EV_RELEASED);
    loop_dispose(w->loop, session_free, s);
}

void
session_close(struct session *s, const struct err *err)
{
    session_fail(s, err);
    if (s->phase == SESSION_ENDING) {
        session_release(s);
    }
}
