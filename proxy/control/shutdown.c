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
    enum shutdown_mode mode;
    uint64_t deadline_us;
    struct timer *timer; /* owned: of the next look */
};

static void on_timer(void *arg);

struct shutdown *
shutdown_new(const struct shutdown_parts *parts)
{
    struct shutdown *s = xcalloc(1, sizeof(*s));
    s->parts = *parts;
    CHECK(parts->workers != NULL && parts->pairs_count > 0);
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
    s->mode = mode;
    if (!now) {
        for (uint32_t i = 0; i < p->pairs_count; i++) { /* what has not committed is undone */
            (void)cutover_abort(pair_control_machine(&p->pairs[i]));
        }
        workers_drain(p->workers, mode == SHUTDOWN_WAIT_FOR_CLIENTS);
    }
    if (!s->begun) {
        notify_stopping();
    }
    s->begun = true;
    timer_start(s->timer, POLL_US);
}

/* Whether the machine has something to bring to an end: a command that somebody waits for, or a
 * flip that holds writes. What it does by itself is safe to leave to the next start: asking the
 * sides who the writer is, the replication behind a flip while writes flow, and a flip that it has
 * called blocked, because only somebody else can remove the obstacle. */
static bool
machine_must_end(const struct cutover *c)
{
    static const bool can_be_left[CUTOVER_STATES_COUNT] = {
        [CUT_IDLE] = true, [CUT_RECOVER] = true, [CUT_AFTER] = true, [CUT_UNDO_AFTER] = true};
    struct cutover_status status;
    cutover_status(c, &status);
    CHECK((size_t)status.state < CUTOVER_STATES_COUNT);
    return status.job != CUTOVER_JOB_NONE || !(status.blocked || can_be_left[status.state]);
}

static bool
any_machine_must_end(const struct shutdown *s)
{
    for (uint32_t i = 0; i < s->parts.pairs_count; i++) {
        if (machine_must_end(pair_control_machine(&s->parts.pairs[i]))) {
            return true;
        }
    }
    return false;
}

/* The pair, or one of its databases. */
static bool
is_paused(const struct view *view)
{
    for (uint32_t i = 0; i < view->stops_count; i++) {
        if (view->stops[i].paused) {
            return true;
        }
    }
    return view->paused;
}

/* HOLD and PAUSE stay in force to the end and beyond it, so who waits for them waits in vain; the
 * same when the writer cannot become known any more, but then the clients may still go by
 * themselves. */
static bool
waits_are_in_vain(const struct shutdown *s, const struct pair_control *pair)
{
    const struct view *view = publisher_view(pair->publisher);
    if (is_paused(view) || hold_until_us(pair->hold) != 0) {
        return true;
    }
    return s->mode != SHUTDOWN_WAIT_FOR_CLIENTS && view->writes_held &&
           !machine_must_end(pair_control_machine(pair));
}

/* How many sessions there is still a reason to wait for. */
static uint32_t
sessions_to_end(const struct shutdown *s)
{
    const struct shutdown_parts *p = &s->parts;
    const uint32_t sessions = workers_sessions(p->workers);
    uint32_t in_vain = 0;
    for (uint32_t i = 0; i < p->pairs_count; i++) {
        if (waits_are_in_vain(s, &p->pairs[i])) {
            in_vain += workers_waiting(p->workers, i);
        }
    }
    return sessions > in_vain ? sessions - in_vain : 0;
}

static void
on_timer(void *arg)
{
    struct shutdown *s = arg;
    CHECK(s->begun && s->deadline_us != 0);
    const bool late = loop_now_us(s->parts.loop) >= s->deadline_us;
    if (late || (sessions_to_end(s) == 0 && !any_machine_must_end(s))) {
        log_info(NULL, "ending", "sessions=%u late=%s", workers_sessions(s->parts.workers),
                 late ? "yes" : "no");
        loop_stop(s->parts.loop);
        return;
    }
    timer_start(s->timer, POLL_US);
}
