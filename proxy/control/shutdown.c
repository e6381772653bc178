/* shutdown.c — the end of Teal. See shutdown.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "control/shutdown.h"

#include "base/log.h"
#include "base/mem.h"
#include "control/notify.h"

enum { POLL_US = 20 * 1000 };

struct shutdown {
    struct shutdown_parts parts;
    bool begun;
    uint64_t deadline_us;
    struct timer *timer; /* owned: of the next look */
};

static void on_timer(void *arg);

struct shutdown *
shutdown_new(const struct shutdown_parts *parts)
{
    struct shutdown *s = xcalloc(1, sizeof(*s));
    s->parts = *parts;
    s->timer = timer_new(parts->loop, on_timer, s);
    return s;
}

void
shutdown_free(struct shutdown *s)
{
    if (s == NULL) {
        return;
    }
    timer_free(s->timer);
    mem_free(s);
}

bool
shutdown_has_begun(const struct shutdown *s)
{
    return s->begun;
}

void
shutdown_begin(struct shutdown *s, enum shutdown_mode mode, uint64_t limit_us)
{
    const struct shutdown_parts *p = &s->parts;
    const bool now = mode == SHUTDOWN_NOW || s->begun;
    const uint64_t wait_us = now ? 0 : limit_us;
    log_info(NULL, "shutdown asked for", "limit_ms=%llu", (unsigned long long)wait_us / 1000);
    s->deadline_us = loop_now_us(p->loop) + wait_us;
    if (!now) {
        /* Sessions that wait for a hold to end would never end; a flip that has not committed is
         * undone. */
        hold_end(p->hold);
        pause_end(p->pause);
        (void)cutover_abort(p->cutover);
        workers_drain(p->workers, mode == SHUTDOWN_WAIT_FOR_CLIENTS);
    }
    if (!s->begun) {
        notify_stopping();
    }
    s->begun = true;
    timer_start(s->timer, POLL_US);
}

static void
on_timer(void *arg)
{
    struct shutdown *s = arg;
    const bool late = loop_now_us(s->parts.loop) >= s->deadline_us;
    const uint32_t sessions = workers_sessions(s->parts.workers);
    if (late || (sessions == 0 && cutover_is_idle(s->parts.cutover))) {
        log_info(NULL, "ending", "sessions=%u late=%s", sessions, late ? "yes" : "no");
        loop_stop(s->parts.loop);
        return;
    }
    timer_start(s->timer, POLL_US);
}
