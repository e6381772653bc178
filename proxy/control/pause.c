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

/* The pause of a database, a pair, or everything. Once there, it stays: it tells how it ended. */
struct one {
    struct pause_target target; /* its text is owned */
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

static const struct wishes_pair *
pair_wish(const struct pause *p, uint32_t pair)
{
    return keeper_pair(p->parts.keeper, p->parts.pairs[pair].name);
}

/* Has the views say what the keeper does. */
static void
publish(const struct pause *p)
{
    const struct wishes *wishes = keeper_wishes(p->parts.keeper);
    for (uint32_t i = 0; i < p->parts.pairs_count; i++) {
        publisher_set_stops(p->parts.pairs[i].publisher, wishes->stops, wishes->stops_count);
        publisher_set_paused(p->parts.pairs[i].publisher,
                             wishes->paused || pair_wish(p, i)->paused);
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

static bool
is_all(const struct pause_target *target)
{
    return target->alias == NULL && target->pair == PAIR_ALL;
}

static bool
is_kept_as_paused(const struct pause *p, const struct pause_target *target)
{
    const struct wishes *wishes = keeper_wishes(p->parts.keeper);
    if (target->alias != NULL) {
        const struct view_stop *stop = wish_stop_find(wishes, target->alias);
        return stop != NULL && stop->paused;
    }
    return is_all(target) ? wishes->paused : pair_wish(p, target->pair)->paused;
}

/* What must hold between two events. */
static void
pause_check(const struct pause *p)
{
    const bool all = keeper_wishes(p->parts.keeper)->paused;
    CHECK(p->ones_count > 0 && is_all(&p->ones[0].target));
    for (uint32_t i = 0; i < p->ones_count; i++) {
        const struct one *one = &p->ones[i];
        CHECK(is_kept_as_paused(p, &one->target) == (one->phase != RUNS));
        CHECK(one->phase == RUNS || !err_is_set(&one->err));
        CHECK(one->phase != WAITING || one->deadline_us != 0);
    }
    for (uint32_t i = 0; i < p->parts.pairs_count; i++) {
        CHECK(view_of(p, i)->paused == (all || pair_wish(p, i)->paused));
    }
}

/* For the log. */
static const char *
target_name(const struct pause *p, const struct pause_target *target)
{
    return target->alias != NULL ? target->alias
           : is_all(target)      ? "*"
                                 : p->parts.pairs[target->pair].name;
}

/* ---- life ---- */

static bool
is_same(const struct pause_target *a, const struct pause_target *b)
{
    if (a->alias == NULL || b->alias == NULL) {
        return a->alias == b->alias && a->pair == b->pair;
    }
    return strcmp(a->alias, b->alias) == 0;
}

/* NULL when it was never paused. */
static struct one *
one_find(const struct pause *p, const struct pause_target *target)
{
    for (uint32_t i = 0; i < p->ones_count; i++) {
        if (is_same(&p->ones[i].target, target)) {
            return &p->ones[i];
        }
    }
    return NULL;
}

static struct one *
one_add(struct pause *p, const struct pause_target *target)
{
    p->ones = xrealloc(p->ones, (p->ones_count + 1) * sizeof(*p->ones));
    struct one *one = &p->ones[p->ones_count++];
    *one = (struct one){.target = *target};
    one->target.alias = target->alias == NULL ? NULL : xstrdup(target->alias);
    return one;
}

static void
restore(struct pause *p, const struct pause_target *target)
{
    struct one *one = one_add(p, target);
    if (is_kept_as_paused(p, target)) {
        one->phase = PAUSED;
        note_versions(p, one);
        log_warn(NULL, "paused, as before the restart", "what=\"%s\"", target_name(p, target));
    }
}

struct pause *
pause_new(const struct pause_parts *parts)
{
    const struct wishes *wishes = keeper_wishes(parts->keeper);
    struct pause *p = xcalloc(1, sizeof(*p));
    p->parts = *parts;
    p->timer = timer_new(parts->loop, on_timer, p);
    restore(p, &(struct pause_target){.pair = PAIR_ALL});
    for (uint32_t i = 0; i < parts->pairs_count; i++) {
        restore(p, &(struct pause_target){.pair = i});
    }
    for (uint32_t i = 0; i < wishes->stops_count; i++) {
        restore(p, &(struct pause_target){.alias = wishes->stops[i].alias, .pair = PAIR_ALL});
    }
    pause_check(p);
    return p;
}

/* The copy is ours; const is for the readers of the struct. */
static void
target_fini(struct pause_target *target)
{
    void *alias = NULL;
    memcpy(&alias, &target->alias, sizeof(alias));
    mem_free(alias);
}

void
pause_free(struct pause *p)
{
    if (p == NULL) {
        return;
    }
    for (uint32_t i = 0; i < p->ones_count; i++) {
        target_fini(&p->ones[i].target);
    }
    mem_free(p->ones);
    timer_free(p->timer);
    mem_free(p);
}

/* ---- verbs ---- */

bool
pause_is_on(const struct pause *p, const struct pause_target *target)
{
    const struct one *one = one_find(p, target);
    return one != NULL && one->phase != RUNS;
}

bool
pause_is_any_on(const struct pause *p)
{
    for (uint32_t i = 0; i < p->ones_count; i++) {
        if (p->ones[i].phase != RUNS) {
            return true;
        }
    }
    return false;
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
set_paused(const struct pause *p, const struct pause_target *target, bool paused, struct err *err)
{
    if (target->alias != NULL) {
        return put_stop(p, target->alias, &paused, NULL, err);
    }
    if (is_all(target)) {
        keeper_put_paused(p->parts.keeper, paused);
    } else {
        keeper_put_pair_paused(p->parts.keeper, p->parts.pairs[target->pair].name, paused);
    }
    publish(p);
    return true;
}

/* ---- server connections ---- */

uint32_t
pause_servers(const struct pause *p, const struct pause_target *target)
{
    return target->alias == NULL && !is_all(target)
               ? workers_servers_of_pair(p->parts.workers, target->pair)
               : workers_servers(p->parts.workers, target->alias);
}

/* Everything, the database, or each database of the pair that clients have logged in to. */
static void
for_target(const struct pause *p, const struct pause_target *target,
           void (*order)(struct workers *workers, const char *alias))
{
    if (target->alias != NULL || is_all(target)) {
        order(p->parts.workers, target->alias);
        return;
    }
    size_t count;
    struct workers_database *all = workers_databases(p->parts.workers, &count);
    for (size_t i = 0; i < count; i++) {
        if (all[i].pair == target->pair) {
            order(p->parts.workers, all[i].alias);
        }
    }
    mem_free(all);
}

uint32_t
pause_reconnect(const struct pause *p, const struct pause_target *target)
{
    for_target(p, target, workers_reconnect);
    return pause_servers(p, target);
}

/* ---- pauses ---- */

/* NULL with err when it is refused. */
static struct one *
enter(struct pause *p, const struct pause_target *target, enum phase phase, struct err *err)
{
    CHECK(!pause_is_on(p, target) && phase != RUNS);
    if (!set_paused(p, target, true, err)) {
        return NULL;
    }
    struct one *one = one_find(p, target);
    one = one == NULL ? one_add(p, target) : one;
    one->phase = phase;
    err_clear(&one->err);
    note_versions(p, one);
    return one;
}

bool
pause_begin(struct pause *p, const struct pause_target *target, uint64_t limit_us, struct err *err)
{
    struct one *one = enter(p, target, WAITING, err);
    if (one == NULL) {
        return false;
    }
    one->deadline_us = loop_now_us(p->parts.loop) + limit_us;
    pause_check(p);
    timer_start(p->timer, PAUSE_POLL_US);
    return true;
}

bool
pause_kill(struct pause *p, const struct pause_target *target, struct err *err)
{
    if (enter(p, target, PAUSED, err) == NULL) {
        return false;
    }
    pause_check(p);
    for_target(p, target, workers_kill_all);
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
    const bool ok = set_paused(p, &one->target, false, &err);
    CHECK(ok); /* there is room for less */
    log_info(NULL, "traffic goes on", "what=\"%s\" waiting=%" PRIu32, target_name(p, &one->target),
             workers_waiting_in_all(p->parts.workers));
}

void
pause_end(struct pause *p, const struct pause_target *target)
{
    for (uint32_t i = 0; i < p->ones_count; i++) {
        if (is_all(target) || is_same(&p->ones[i].target, target)) {
            one_end(p, &p->ones[i]);
        }
    }
    pause_check(p);
}

void
pause_cancel(struct pause *p, const struct pause_target *target)
{
    struct one *one = one_find(p, target);
    if (one != NULL) {
        one_end(p, one);
    }
    pause_check(p);
}

/* ---- the wait ---- */

static void
give_up(struct pause *p, struct one *one)
{
    (void)err_set(&one->err, SQLSTATE_OBJECT_IN_USE,
                  "%" PRIu32 " server connections were not released in time; traffic goes on",
                  pause_servers(p, &one->target));
    (void)err_hint(&one->err, "SHOW SERVERS has them, SHOW SESSIONS PINNED those that keep one.");
    log_warn(NULL, "pause given up", "what=\"%s\" error=\"%s\"", target_name(p, &one->target),
             one->err.text);
    one_end(p, one);
}

/* Whether it waits on. */
static bool
look_at(struct pause *p, struct one *one)
{
    const bool acked = workers_know(p, one);
    CHECK(one->phase == WAITING);
    if (acked && pause_servers(p, &one->target) == 0) {
        one->phase = PAUSED;
        log_info(NULL, "paused", "what=\"%s\" waiting=%" PRIu32, target_name(p, &one->target),
                 workers_waiting_in_all(p->parts.workers));
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
pause_state(const struct pause *p, const struct pause_target *target, struct buf *detail,
            struct err *err)
{
    const struct one *one = one_find(p, target);
    CHECK(one != NULL); /* somebody has begun it */
    switch (one->phase) {
    case WAITING:
        return CONSOLE_WAITS;
    case PAUSED:
        buf_printf(detail, "no server connection is left; %" PRIu32 " transactions wait for RESUME",
                   workers_waiting_in_all(p->parts.workers));
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
