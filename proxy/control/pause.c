/* pause.c — PAUSE and KILL. See pause.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "control/pause.h"

#include <inttypes.h>

#include "base/log.h"
#include "base/mem.h"

enum { PAUSE_POLL_US = 10 * 1000 };

enum phase { RUNS, WAITING, PAUSED };

struct pause {
    struct pause_parts parts;
    enum phase phase;
    uint64_t versions[PAIRS_MAX]; /* of the views that pause */
    uint64_t deadline_us;         /* of the wait for the servers' release */
    struct err err;               /* why the last PAUSE was given up */
    struct timer *timer;          /* owned: of the next look while WAITING */
};

static void on_timer(void *arg);

static const struct view *
view_of(const struct pause *p, uint32_t pair)
{
    return publisher_view(p->parts.pairs[pair].publisher);
}

/* What must hold between two events. */
static void
pause_check(const struct pause *p)
{
    for (uint32_t i = 0; i < p->parts.pairs_count; i++) {
        CHECK(view_of(p, i)->paused == (p->phase != RUNS));
        CHECK(p->phase == RUNS || p->versions[i] != 0);
    }
    CHECK(p->phase == RUNS || !err_is_set(&p->err));
    CHECK(p->phase != WAITING || p->deadline_us != 0);
}

static void
note_versions(struct pause *p)
{
    for (uint32_t i = 0; i < p->parts.pairs_count; i++) {
        p->versions[i] = view_of(p, i)->version;
    }
}

static void
set_paused(struct pause *p, bool paused)
{
    for (uint32_t i = 0; i < p->parts.pairs_count; i++) {
        publisher_set_paused(p->parts.pairs[i].publisher, paused);
    }
    keeper_put_paused(p->parts.keeper, paused);
}

static bool
workers_know(const struct pause *p)
{
    for (uint32_t i = 0; i < p->parts.pairs_count; i++) {
        if (!workers_have_view(p->parts.workers, i, p->versions[i])) {
            return false;
        }
    }
    return true;
}

static uint32_t
waiting_in_all(const struct pause *p)
{
    uint32_t waiting = 0;
    for (uint32_t i = 0; i < p->parts.pairs_count; i++) {
        waiting += workers_waiting(p->parts.workers, i);
    }
    return waiting;
}

struct pause *
pause_new(const struct pause_parts *parts)
{
    struct pause *p = xcalloc(1, sizeof(*p));
    p->parts = *parts;
    p->timer = timer_new(parts->loop, on_timer, p);
    if (view_of(p, 0)->paused) {
        p->phase = PAUSED;
        note_versions(p);
        log_warn(NULL, "paused, as before the restart", "pairs=%" PRIu32, parts->pairs_count);
    }
    pause_check(p);
    return p;
}

void
pause_free(struct pause *p)
{
    if (p == NULL) {
        return;
    }
    timer_free(p->timer);
    mem_free(p);
}

bool
pause_is_on(const struct pause *p)
{
    return p->phase != RUNS;
}

static void
enter(struct pause *p, enum phase phase)
{
    CHECK(p->phase == RUNS && phase != RUNS);
    p->phase = phase;
    err_clear(&p->err);
    set_paused(p, true);
    note_versions(p);
    pause_check(p);
}

void
pause_begin(struct pause *p, uint64_t limit_us)
{
    p->deadline_us = loop_now_us(p->parts.loop) + limit_us;
    enter(p, WAITING);
    timer_start(p->timer, PAUSE_POLL_US);
}

void
pause_kill(struct pause *p)
{
    enter(p, PAUSED);
    workers_kill_all(p->parts.workers, NULL);
}

void
pause_end(struct pause *p)
{
    if (p->phase == RUNS) {
        return;
    }
    timer_stop(p->timer);
    p->phase = RUNS;
    set_paused(p, false);
    pause_check(p);
    log_info(NULL, "traffic goes on", "waiting=%" PRIu32, waiting_in_all(p));
}

/* ---- the wait ---- */

static void
give_up(struct pause *p)
{
    (void)err_set(&p->err, SQLSTATE_OBJECT_IN_USE,
                  "%" PRIu32 " server connections were not released in time; traffic goes on",
                  workers_servers(p->parts.workers, NULL));
    (void)err_hint(&p->err, "SHOW SERVERS has them, SHOW SESSIONS PINNED those that keep one.");
    log_warn(NULL, "pause given up", "error=\"%s\"", p->err.text);
    pause_end(p);
}

static void
on_timer(void *arg)
{
    struct pause *p = arg;
    const bool acked = workers_know(p);
    CHECK(p->phase == WAITING);
    if (acked && workers_servers(p->parts.workers, NULL) == 0) {
        p->phase = PAUSED;
        pause_check(p);
        log_info(NULL, "paused", "waiting=%" PRIu32, waiting_in_all(p));
    } else if (loop_now_us(p->parts.loop) >= p->deadline_us) {
        give_up(p);
    } else {
        timer_start(p->timer, PAUSE_POLL_US);
    }
}

enum console_wait
pause_state(const struct pause *p, struct buf *detail, struct err *err)
{
    switch (p->phase) {
    case WAITING:
        return CONSOLE_WAITS;
    case PAUSED:
        buf_printf(detail, "no server connection is left; %" PRIu32 " transactions wait for RESUME",
                   waiting_in_all(p));
        return CONSOLE_WAIT_OVER;
    case RUNS:
        break;
    }
    *err = p->err;
    if (!err_is_set(err)) {
        (void)err_set(err, SQLSTATE_QUERY_CANCELED, "the pause was called off");
    }
    return CONSOLE_WAIT_FAILED;
}
