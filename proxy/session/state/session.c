/* session.c — phases, ends and pins. See session.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "session/state/session.h"

#include <stdarg.h>
#include <stdio.h>

#include "net/tls.h"
#include "wire/message.h"

/* ---- phases ---- */

void
session_enter(struct session *s, enum session_event event)
{
    enum session_phase to;
    CHECK(session_step(s->phase, event, &to));
    log_debug(&s->log, "session phase", "from=%s to=%s", session_phase_name(s->phase),
              session_phase_name(to));
    s->phase = to;
}

bool
session_is_open(const struct session *s)
{
    return s->phase < SESSION_ENDING;
}

void
session_init(struct session *s, struct worker *w)
{
    s->worker = w;
    s->stats = &w->stats;
    s->id = (uint64_t)w->index << 40 | ++w->next_session_id;
    s->phase = SESSION_STARTUP;
    s->connected_us = loop_now_us(w->loop);
    s->log = (struct log_ctx){.kind = "session", .id = s->id};
    list_init(&s->node);
    list_init(&s->woken_node);
}

/* ---- what must hold ---- */

static void
check_link(const struct session *s)
{
    const struct link *l = &s->link;
    CHECK(l->backend != NULL || (!l->is_busy && !l->is_applying));
    CHECK(l->waiter.pool == NULL || (l->backend == NULL && !l->is_held));
    CHECK(!l->is_held || l->backend == NULL || !l->is_busy);
    CHECK(l->backend == NULL || l->backend->owner == s);
}

void
session_check(const struct session *s)
{
    CHECK(s->client.fresh.len == 0 && s->client.out.run.len == 0);
    CHECK(!s->replay.is_pending || s->replay.is_armed);
    check_link(s);
    switch (s->phase) {
    case SESSION_STARTUP:
    case SESSION_AUTH:
        CHECK(s->link.backend == NULL && s->link.waiter.pool == NULL && !s->link.is_held);
        return;
    case SESSION_LOGIN:
    case SESSION_READY:
        CHECK(s->settings.now != NULL && s->auth == NULL);
        return;
    case SESSION_REPLICATION:
        CHECK(s->link.backend != NULL && s->pins != SQL_PIN_NONE);
        return;
    case SESSION_LEAVING:
    case SESSION_ENDING:
        return;
    case SESSION_CLOSED:
        CHECK(s->link.backend == NULL && s->link.waiter.pool == NULL && !s->link.is_held);
        return;
    case SESSION_PHASES_COUNT:
        break;
    }
    UNREACHABLE();
}

/* ---- its end ---- */

static void
log_end(const struct session *s, const struct err *err)
{
    if (err == NULL) {
        log_debug(&s->log, "client disconnected", "addr=%s tls_failure=\"%s\"", s->client.peer,
                  tls_failure(&s->client.stream));
        return;
    }
    stat_add(&s->stats->client_errors, 1);
    errors_note_ours(&s->worker->errors, err, true);
    log_info(&s->log, "session ended", "addr=%s sqlstate=%s reason=\"%s\"", s->client.peer,
             err->sqlstate, err->text);
}

void
session_fail(struct session *s, const struct err *err)
{
    if (!session_is_open(s)) {
        return;
    }
    log_end(s, err);
    session_enter(s, SESSION_EV_ENDS);
    const bool in_message =
        (s->reply.left > 0 && !s->reply.is_discarded) || s->replication.reply_left > 0;
    if (err != NULL && !in_message) {
        message_put_error(outlet_queue(&s->client.out), "FATAL", err);
    }
}

void
session_refuse(struct session *s, const char *sqlstate, const char *fmt, ...)
{
    struct err err;
    char text[ERR_TEXT_MAX];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    (void)err_set(&err, sqlstate, "%s", text);
    session_fail(s, &err);
}

void
session_send_error(struct session *s, const struct err *err)
{
    stat_add(&s->stats->client_errors, 1);
    errors_note_ours(&s->worker->errors, err, false);
    message_put_error(outlet_queue(&s->client.out), "ERROR", err);
}

void
session_pin(struct session *s, uint32_t pins)
{
    if (pins == SQL_PIN_NONE) {
        return;
    }
    if (s->pins == SQL_PIN_NONE) {
        (void)atomic_fetch_add(&s->worker->gauges.of_pair[s->identity.pair].pinned, 1);
        log_debug(&s->log, "session keeps its backend", "reason=\"%s\"", sql_pin_name(pins));
    }
    s->pins |= pins;
}

void
session_wake(struct session *s)
{
    s->worker->ops->turn(s);
}

/* A turn may wake others, which join the list. */
static void
turn_woken(void *arg)
{
    struct worker *w = arg;
    for (struct list *node = list_first(&w->woken); node != NULL; node = list_first(&w->woken)) {
        list_remove(node);
        session_wake(LIST_OBJECT(node, struct session, woken_node));
    }
}

void
session_wake_later(struct session *s)
{
    struct worker *w = s->worker;
    const bool is_first = list_empty(&w->woken);
    if (list_empty(&s->woken_node)) {
        list_push_back(&w->woken, &s->woken_node);
    }
    if (is_first) {
        loop_dispose(w->loop, turn_woken, w);
    }
}

const struct view *
session_view(const struct session *s)
{
    CHECK(s->identity.pair < s->worker->pairs_count);
    return s->worker->pairs[s->identity.pair].view;
}

bool
session_is_single(const struct session *s)
{
    return s->worker->pairs[s->identity.pair].is_single;
}
