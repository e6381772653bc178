/* session_rig.h — one session, its worker and a backend, without a socket and without a running
 * loop: for tests that play the messages themselves and look at what would be sent. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_TESTS_SESSION_RIG_H
#define TEAL_TESTS_SESSION_RIG_H

#include <string.h>

#include "base/mem.h"
#include "conf/load.h"
#include "pool/members.h"
#include "pool/pools.h"
#include "pool/registry.h"
#include "session/client/client.h"
#include "session/link/link.h"
#include "session/link/parameters.h"
#include "session/link/tracked_settings.h"
#include "session/query/prepared.h"
#include "session/query/replay.h"
#include "session/state/session.h"
#include "wire/message.h"

struct session_rig {
    struct worker w;
    struct workers workers;
    struct access access; /* knows no user and no TLS; never freed */
    struct session s;
    uint8_t scratch[256];
};

static inline void
session_rig_nothing(void *ctx)
{
    (void)ctx;
}

static inline void
session_rig_no_turn(struct session *s)
{
    (void)s;
}

static inline void
session_rig_worker(struct session_rig *r, const struct view *view)
{
    static const struct worker_ops ops = {.turn = session_rig_no_turn};
    struct conf_mistakes mistakes = {NULL, 0};
    struct worker *w = &r->w;
    w->ops = &ops;
    w->workers = &r->workers;
    r->workers.ops = (struct workers_ops){.progress = session_rig_nothing};
    w->loop = loop_new();
    w->conf = conf_load_string("[blue]\nhost = b\n[green]\nhost = g\n", "t.ini", &mistakes);
    CHECK(w->conf != NULL);
    w->pairs[0] = (struct worker_pair){.view = view_copy(view), .is_single = route_is_single(view)};
    w->pairs_count = 1;
    map_init(&w->databases, 2);
    list_init(&w->known);
    r->workers.registry = pool_registry_new(1);
    settings_table_init(&w->settings);
    statement_table_init(&w->statements, 0);
    map_init(&w->by_pid, 1);
    list_init(&w->sessions);
    list_init(&w->arriving);
    list_init(&w->held);
    list_init(&w->woken);
    atomic_init(&r->access.refs, 1);
    w->pools = pools_new(&(struct pools_config){.loop = w->loop,
                                                .registry = r->workers.registry,
                                                .settings = &w->settings,
                                                .scratch = r->scratch,
                                                .scratch_len = sizeof(r->scratch)});
    pools_configure(w->pools, w->conf, &r->access);
}

static inline void
session_rig_client(struct session_rig *r)
{
    struct session *s = &r->s;
    struct params *none = params_new();
    struct params *told = params_with(none, slice_of_str("client_encoding"), slice_of_str("UTF8"));
    session_init(s, &r->w);
    s->client.stream.fd = -1;
    buf_init(&s->client.in);
    outlet_init(&s->client.out);
    link_init(s);
    prepared_init(s);
    s->identity.user = xstrdup("app");
    s->identity.database = xstrdup("app");
    struct err err;
    s->database = database_enter(&r->w, "app", false, &err);
    CHECK(s->database != NULL);
    s->stats = &s->database->stats;
    tracked_begin(s, SLICE_EMPTY);
    link_identify(s, false, 0);
    parameters_take(s, told);
    if (told != none) {
        params_unref(told);
    }
    params_unref(none);
    session_enter(s, SESSION_EV_NAMED);
    session_enter(s, SESSION_EV_PROVED);
    session_enter(s, SESSION_EV_WELCOMED);
    list_push_back(&r->w.sessions, &s->node);
}

/* A session that is READY and has nothing to do, and no backend anywhere. */
static inline void
session_rig_init(struct session_rig *r, const struct view *view)
{
    memset(r, 0, sizeof(*r));
    session_rig_worker(r, view);
    session_rig_client(r);
}

/* An idle backend in the pool of the server. */
static inline struct backend *
session_rig_backend_at(struct session_rig *r, enum side side, uint32_t node, bool read_only)
{
    const struct pool_caps caps = {.of_pool = 100};
    struct pool *pool = pools_get(r->w.pools, &(struct pool_key){.node = {0, side, node},
                                                                 .read_only = read_only,
                                                                 .alias = "app",
                                                                 .database = "app",
                                                                 .user = "app"});
    const bool counted = pool_share_open(pool->share, &caps);
    CHECK(counted);
    struct backend *b = members_add(pool, SLICE_EMPTY);
    b->stream.fd = -1;
    members_remove(b);
    members_make_idle(b);
    return b;
}

/* ... of the side's first server. */
static inline struct backend *
session_rig_backend(struct session_rig *r, enum side side, bool read_only)
{
    return session_rig_backend_at(r, side, 0, read_only);
}

static inline void
session_rig_view(struct session_rig *r, const struct view *view)
{
    view_free(r->w.pairs[0].view);
    r->w.pairs[0].view = view_copy(view);
    r->w.pairs[0].is_single = route_is_single(view);
    databases_take_view(&r->w, 0);
}

static inline void
session_rig_stop(void *arg)
{
    loop_stop(arg);
}

/* What was closed is freed. */
static inline void
session_rig_run_disposals(struct loop *loop)
{
    struct timer *now = timer_new(loop, session_rig_stop, loop);
    timer_start(now, 0);
    loop_run(loop);
    timer_free(now);
}

static inline void
session_rig_fini(struct session_rig *r)
{
    struct session *s = &r->s;
    struct worker *w = &r->w;
    link_stop_waiting(s);
    if (s->link.backend != NULL) {
        link_lose(s);
    }
    prepared_fini(s);
    tracked_fini(s);
    parameters_fini(s);
    replay_fini(s);
    client_fini(s);
    mem_free(s->identity.user);
    mem_free(s->identity.database);
    database_leave(w, s->database);
    databases_free(w);
    list_remove(&s->node);
    pools_close(w->pools);
    session_rig_run_disposals(w->loop);
    pools_free(w->pools);
    pool_registry_free(r->workers.registry);
    settings_table_fini(&w->settings);
    statement_table_fini(&w->statements);
    map_fini(&w->by_pid);
    view_free(w->pairs[0].view);
    conf_unref(w->conf);
    loop_free(w->loop);
}

/* ---- what was sent ---- */

/* Appends the types of the whole messages among the bytes, and '+' for a piece of one. */
static inline void
session_rig_types(struct slice bytes, struct buf *out)
{
    struct frame f;
    struct slice ignored;
    while (frame_read(bytes, UINT32_MAX, &f) == WIRE_OK && f.whole &&
           slice_take(&bytes, f.seen.len, &ignored)) {
        buf_put_u8(out, f.type);
    }
    if (bytes.len > 0) {
        buf_put_u8(out, '+');
    }
}

/* The types of what is on its way; it counts as sent from then on. */
static inline void
session_rig_sent(struct outlet *o, struct buf *out)
{
    session_rig_types(buf_slice(outlet_queue(o)), out);
    outlet_clear(o);
}

/* Appends a letter for each entry of the flow from the first-th on: of its kind, with '.' behind it
 * when its answer is swallowed. */
static inline void
session_rig_owed(const struct flow *f, uint32_t first, struct buf *out)
{
    static const char kinds[] = {
        [FLOW_PARSE] = 'p', [FLOW_BIND] = 'b', [FLOW_DESCRIBE] = 'd', [FLOW_EXECUTE] = 'e',
        [FLOW_CLOSE] = 'c', [FLOW_SYNC] = 's', [FLOW_QUERY] = 'q',    [FLOW_FUNCTION] = 'f'};
    for (uint32_t i = first; i < f->count; i++) {
        const struct flow_entry *e = &f->entries[(f->head + i) & (f->size - 1)];
        buf_put_u8(out, (uint8_t)kinds[e->kind]);
        if (e->action == FLOW_SWALLOW) {
            buf_put_u8(out, '.');
        }
    }
}

/* One cell of a table of states and messages: what became of the message, a text with its NUL, is
 * what the table says, or it is told and 1. Frees got. */
static inline unsigned
session_rig_judge(const char *state, const char *message, struct buf *got, const char *expected)
{
    const char *text = (const char *)buf_slice(got).p;
    const bool is_right = expected != NULL && strcmp(text, expected) == 0;
    if (!is_right) {
        print_error("%s, %s: %s, expected %s\n", state, message, text,
                    expected == NULL ? "nothing" : expected);
    }
    buf_fini(got);
    return is_right ? 0 : 1;
}

#endif
