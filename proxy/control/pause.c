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
    uint64_t version;     /* of the view that pauses */
    uint64_t deadline_us; /* of the wait for the servers' release */
    struct err err;       /* why the last PAUSE was given up */
    struct timer *timer;  /* owned: of the next look while WAITING */
};

static void on_timer(void *arg);

/* What must hold between two events. */
static void
pause_check(const struct pause *p)
{
    const struct view *view = publisher_view(p->parts.publisher);
    CHECK(view->paused == (p->phase != RUNS));
    CHECK(p->phase == RUNS || p->version != 0);
    CHECK(p->phase == RUNS || !err_is_set(&p->err));
    CHECK(p->phase != WAITING || p->deadline_us != 0);
}

struct pause *
pause_new(const struct pause_parts *parts)
{
    const struct view *view = publisher_view(parts->publisher);
    struct pause *p = xcalloc(1, sizeof(*p));
    p->parts = *parts;
    p->timer = timer_new(parts->loop, on_timer, p);
    if (view->paused) {
        p->phase = PAUSED;
        p->version = view->version;
        log_warn(NULL, "paused, as before the restart", "pair=%s", parts->pair);
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
    publisher_set_paused(p->parts.publisher, true);
    p->version = publisher_view(p->parts.publisher)->version;
    keeper_put_paused(p->parts.keeper, p->parts.pair, true);
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
    publisher_set_paused(p->parts.publisher, false);
    keeper_put_paused(p->parts.keeper, p->parts.pair, false);
    pause_check(p);
    log_info(NULL, "traffic goes on", "waiting=%" PRIu32, workers_waiting(p->parts.workers, 0));
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
    const bool acked = workers_have_view(p->parts.workers, 0, p->version);
    CHECK(p->phase == WAITING);
    if (acked && workers_servers(p->parts.workers, NULL) == 0) {
        p->phase = PAUSED;
        pause_check(p);
        log_info(NULL, "paused", "waiting=%" PRIu32, workers_waiting(p->parts.workers, 0));
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
                   workers_waiting(p->parts.workers, 0));
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
