/* worker.c — what the files of a worker count and find together. See worker.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "session/state/worker.h"

void
worker_busy_add(struct worker *w, uint32_t pair, enum side side, int delta)
{
    const unsigned before = atomic_fetch_add(&w->gauges.of_pair[pair].busy[side], (unsigned)delta);
    CHECK(delta > 0 || before > 0);
    if (delta < 0 && before == 1 && w->pairs[pair].view->writes_held) {
        w->workers->ops.progress(w->workers->ops.ctx);
    }
}

static struct slice
pid_key(const uint32_t *pid)
{
    return slice_of(pid, sizeof(*pid));
}

void
worker_enlist(struct worker *w, uint32_t pid, struct session *s)
{
    /* After 2^24 logins numbers come again: the newer one has it, and the key tells them apart. */
    (void)map_put(&w->by_pid, pid_key(&pid), s);
}

void
worker_delist(struct worker *w, uint32_t pid, const struct session *s)
{
    if (map_get(&w->by_pid, pid_key(&pid)) == s) {
        (void)map_remove(&w->by_pid, pid_key(&pid)); /* it is s */
    }
}

struct session *
worker_find_by_pid(const struct worker *w, uint32_t pid)
{
    return map_get(&w->by_pid, pid_key(&pid));
}

uint32_t
worker_sessions_of_all(const struct workers *workers)
{
    uint32_t sum = 0;
    for (uint32_t i = 0; i < workers->count; i++) {
        sum += atomic_load(&workers->items[i].gauges.sessions);
    }
    return sum;
}

uint32_t
worker_waiting_of_all(const struct workers *workers, uint32_t pair)
{
    uint32_t sum = 0;
    for (uint32_t i = 0; i < workers->count; i++) {
        sum += atomic_load(&workers->items[i].gauges.of_pair[pair].held);
    }
    return sum;
}
