/* pause.c — PAUSE, KILL and DISABLE. See pause.h.
 *
 * What is paused and disabled stands with the keeper, and the views are made of that. Here is what
 * a restart need not know: how far each pause has come. */
/* SPDX-License-Identifier: PostgreSQL */
#include "control/pause.h"

#include <inttypes.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"

enum { PAUSE_POLL_US = 10 * 1000 };

enum phase { RUNS, WAITING, PAUSED };

/* The pause of a database, or of everything. Once there, it stays: it tells how it ended. */
struct one {
    char *alias; /* owned; NULL: everything */
    enum phase phase;
    uint64_t versions[PAIRS_MAX]; /* of the views that pause */
    uint64_t deadline_us;         /* of the wait for the servers' release */
    struct err err;               /* why the last PAUSE was given up */
};

struct pause {
    struct pause_parts parts;
    struct one *ones;    /* owned; the first is that of everything */
    uint32_t ones_count; /* at least 1 */
    struct timer *timer; /* owned: of the next look while any is WAITING */
};

static void on_timer(void *arg);

/* ---- views ---- */

static const struct view *
view_of(const struct pause *p, uint32_t pair)
{
    return publisher_view(p->parts.pairs[pair].publisher);
}

/* Has the views say what the keeper does. */
static void
publish(const struct pause *p)
{
    const struct wishes *wishes = keeper_wishes(p->parts.keeper);
    for (uint32_t i = 0; i < p->parts.pairs_count; i++) {
        publisher_set_stops(p->parts.pairs[i].publisher, wishes->stops, wishes->stops_count);
        publisher_set_paused(p->parts.pairs[i].publisher, wishes->paused);
    }
}

static void
note_versions(const struct pause *p, struct one *one)
{
    for (uint32_t i = 0; i < p->parts.pairs_count; i++) {
        one->versions[i] = view_of(p, i)->version;
    }
}

static bool
workers_know(const struct pause *p, const struct one *one)
{
    for (uint32_t i = 0; i < p->parts.pairs_count; i++) {
        if (!workers_have_view(p->parts.workers, i, one->versions[i])) {
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

static bool
is_kept_as_paused(const struct pause *p, const struct one *one)
{
    const struct wishes *wishes = keeper_wishes(p->parts.keeper);
    const struct view_stop *stop = one->alias == NULL ? NULL : wish_stop_find(wishes, one->alias);
    return one->alias == NULL ? wishes->paused : stop != NULL && stop->paused;
}

/* What must hold between two events. */
static void
pause_check(const struct pause *p)
{
    CHECK(p->ones_count > 0 && p->ones[0].alias == NULL);
    for (uint32_t i = 0; i < p->ones_count; i++) {
        const struct one *one = &p->ones[i];
        CHECK(is_kept_as_paused(p, one) == (one->phase != RUNS));
        CHECK(one->phase == RUNS || !err_is_set(&one->err));
        CHECK(one->phase != WAITING || one->deadline_us != 0);
    }
    for (uint32_t i = 0; i < p->parts.pairs_count; i++) {
        CHECK(view_of(p, i)->paused == (p->ones[0].phase != RUNS));
    }
}

/* ---- life ---- */

/* NULL when it was never paused. */
static struct one *
one_find(const struct pause *p, const char *alias)
{
    if (alias == NULL) {
        return &p->ones[0];
    }
    for (uint32_t i = 1; i < p->ones_count; i++) {
        if (strcmp(p->ones[i].alias, alias) == 0) {
            return &p->ones[i];
        }
    }
    return NULL;
}

static struct one *
one_add(struct pause *p, const char *alias)
{
    p->ones = xrealloc(p->ones, (p->ones_count + 1) * sizeof(*p->ones));
    struct one *one = &p->ones[p->ones_count++];
    *one = (struct one){.alias = alias == NULL ? NULL : xstrdup(alias)};
    return one;
}

static void
restore(struct pause *p, struct one *one)
{
    one->phase = PAUSED;
    note_versions(p, one);
    log_warn(NULL, "paused, as before the restart", "database=\"%s\"",
             one->alias == NULL ? "*" : one->alias);
}

struct pause *
pause_new(const struct pause_parts *parts)
{
    const struct wishes *wishes = keeper_wishes(parts->keeper);
    struct pause *p = xcalloc(1, sizeof(*p));
    p->parts = *parts;
    p->timer = timer_new(parts->loop, on_timer, p);
    struct one *all = one_add(p, NULL);
    if (wishes->paused) {
        restore(p, all);
    }
    for (uint32_t i = 0; i < wishes->stops_count; i++) {
        if (wishes->stops[i].paused) {
            restore(p, one_add(p, wishes->stops[i].alias));
        }
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
    for (uint32_t i = 0; i < p->ones_count; i++) {
        mem_free(p->ones[i].alias);
    }
    mem_free(p->ones);
    timer_free(p->timer);
    mem_free(p);
}

/* ---- verbs ---- */

bool
pause_is_on(const struct pause *p, const char *alias)
{
    const struct one *one = one_find(p, alias);
    return one != NULL && one->phase != RUNS;
}

/* Says of the database what is given, and leaves the other thing as it is. */
static bool
put_stop(const struct pause *p, const char *alias, const bool *paused, const bool *disabled,
         struct err *err)
{
    const struct view_stop *before = wish_stop_find(keeper_wishes(p->parts.keeper), alias);
    char *copy = xstrdup(alias);
    const struct view_stop stop = {
        .alias = copy,
        .paused = paused != NULL ? *paused : before != NULL && before->paused,
        .disabled = disabled != NULL ? *disabled : before != NULL && before->disabled,
    };
    const bool ok = keeper_put_stop(p->parts.keeper, &stop, err);
    mem_free(copy);
    if (ok) {
        publish(p);
    }
    return ok;
}

static bool
set_paused(const struct pause *p, const char *alias, bool paused, struct err *err)
{
    if (alias != NULL) {
        return put_stop(p, alias, &paused, NULL, err);
    }
    keeper_put_paused(p->parts.keeper, paused);
    publish(p);
    return true;
}

/* NULL with err when it is refused. */
static struct one *
enter(struct pause *p, const char *alias, enum phase phase, struct err *err)
{
    CHECK(!pause_is_on(p, alias) && phase != RUNS);
    if (!set_paused(p, alias, true, err)) {
        return NULL;
    }
    struct one *one = one_find(p, alias);
    one = one == NULL ? one_add(p, alias) : one;
    one->phase = phase;
    err_clear(&one->err);
    note_versions(p, one);
    return one;
}

bool
pause_begin(struct pause *p, const char *alias, uint64_t limit_us, struct err *err)
{
    struct one *one = enter(p, alias, WAITING, err);
    if (one == NULL) {
        return false;
    }
    one->deadline_us = loop_now_us(p->parts.loop) + limit_us;
    pause_check(p);
    timer_start(p->timer, PAUSE_POLL_US);
    return true;
}

bool
pause_kill(struct pause *p, const char *alias, struct err *err)
{
    if (enter(p, alias, PAUSED, err) == NULL) {
        return false;
    }
    pause_check(p);
    workers_kill_all(p->parts.workers, alias);
    return true;
}

bool
pause_disable(struct pause *p, const char *alias, bool disabled, struct err *err)
{
    CHECK(alias != NULL);
    return put_stop(p, alias, NULL, &disabled, err);
}

static void
one_end(struct pause *p, struct one *one)
{
    struct err err;
    if (one->phase == RUNS) {
        return;
    }
    one->phase = RUNS;
    const bool ok = set_paused(p, one->alias, false, &err);
    CHECK(ok); /* there is room for less */
    log_info(NULL, "traffic goes on", "database=\"%s\" waiting=%" PRIu32,
             one->alias == NULL ? "*" : one->alias, waiting_in_all(p));
}

void
pause_end(struct pause *p, const char *alias)
{
    struct one *one = one_find(p, alias);
    if (one != NULL) {
        one_end(p, one);
    }
    for (uint32_t i = 1; i < p->ones_count && alias == NULL; i++) {
        one_end(p, &p->ones[i]);
    }
    pause_check(p);
}

/* ---- the wait ---- */

static void
give_up(struct pause *p, struct one *one)
{
    (void)err_set(&one->err, SQLSTATE_OBJECT_IN_USE,
                  "%" PRIu32 " server connections were not released in time; traffic goes on",
                  workers_servers(p->parts.workers, one->alias));
    (void)err_hint(&one->err, "SHOW SERVERS has them, SHOW SESSIONS PINNED those that keep one.");
    log_warn(NULL, "pause given up", "database=\"%s\" error=\"%s\"",
             one->alias == NULL ? "*" : one->alias, one->err.text);
    one_end(p, one);
}

/* Whether it waits on. */
static bool
look_at(struct pause *p, struct one *one)
{
    const bool acked = workers_know(p, one);
    CHECK(one->phase == WAITING);
    if (acked && workers_servers(p->parts.workers, one->alias) == 0) {
        one->phase = PAUSED;
        log_info(NULL, "paused", "database=\"%s\" waiting=%" PRIu32,
                 one->alias == NULL ? "*" : one->alias, waiting_in_all(p));
        return false;
    }
    if (loop_now_us(p->parts.loop) >= one->deadline_us) {
        give_up(p, one);
        return false;
    }
    return true;
}

static void
on_timer(void *arg)
{
    struct pause *p = arg;
    bool waits = false;
    for (uint32_t i = 0; i < p->ones_count; i++) {
        if (p->ones[i].phase == WAITING) {
            waits |= look_at(p, &p->ones[i]);
        }
    }
    pause_check(p);
    if (waits) {
        timer_start(p->timer, PAUSE_POLL_US);
    }
}

enum console_wait
pause_state(const struct pause *p, const char *alias, struct buf *detail, struct err *err)
{
    const struct one *one = one_find(p, alias);
    CHECK(one != NULL); /* somebody has begun it */
    switch (one->phase) {
    case WAITING:
        return CONSOLE_WAITS;
    case PAUSED:
        buf_printf(detail, "no server connection is left; %" PRIu32 " transactions wait for RESUME",
                   waiting_in_all(p));
        return CONSOLE_WAIT_OVER;
    case RUNS:
        break;
    }
    *err = one->err;
    if (!err_is_set(err)) {
        (void)err_set(err, SQLSTATE_QUERY_CANCELED, "the pause was called off");
    }
    return CONSOLE_WAIT_FAILED;
}
