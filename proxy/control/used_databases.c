/* used_databases.c — tells the monitor which databases of a pair are in use. See used_databases.h.
 */
/* SPDX-License-Identifier: PostgreSQL */
#include "control/used_databases.h"

#include <string.h>

#include "base/clock.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/rand.h"
#include "conf/conf.h"
#include "monitor/monitor.h"
#include "session/workers.h"

enum { IN_USE_US = 60 * 1000 * 1000 };

struct used {
    char *name;       /* owned */
    uint64_t done;    /* in it, as counted last */
    uint64_t now;     /* the same, being counted */
    uint64_t last_us; /* when it was seen to grow */
};

struct used_databases {
    uint32_t pair;
    struct monitor *monitor; /* borrowed */
    struct map by_name;      /* -> struct used, owned; as many as clients have logged in to */
    uint32_t wanted;         /* as told last */
};

struct used_databases *
used_databases_new(uint32_t pair, struct monitor *monitor)
{
    struct used_databases *u = xcalloc(1, sizeof(*u));
    u->pair = pair;
    u->monitor = monitor;
    map_init(&u->by_name, rand_u64());
    return u;
}

void
used_databases_free(struct used_databases *u)
{
    if (u == NULL) {
        return;
    }
    size_t at = 0;
    for (struct used *d = map_next(&u->by_name, &at); d != NULL; d = map_next(&u->by_name, &at)) {
        mem_free(d->name);
        mem_free(d);
    }
    map_fini(&u->by_name);
    mem_free(u);
}

static struct used *
used_of(struct used_databases *u, const char *name)
{
    struct used *d = map_get(&u->by_name, slice_of_str(name));
    if (d == NULL) {
        d = xcalloc(1, sizeof(*d));
        d->name = xstrdup(name);
        CHECK(map_put(&u->by_name, slice_of_str(name), d) == NULL);
    }
    return d;
}

/* Several aliases may be one database. */
static void
count(struct used_databases *u, const char *home, const struct workers *workers)
{
    size_t all_count;
    struct workers_database *all = workers_databases(workers, &all_count);
    for (size_t i = 0; i < all_count; i++) {
        const struct workers_stats *stats = &all[i].stats;
        if (all[i].pair == u->pair && strcmp(all[i].name, home) != 0) {
            used_of(u, all[i].name)->now += stats->logins + stats->queries + stats->xacts;
        }
    }
    mem_free(all);
}

void
used_databases_tick(struct used_databases *u, const struct conf_pair *conf,
                    const struct workers *workers)
{
    const uint64_t now_us = clock_now_us();
    uint32_t wanted = 0;
    size_t at = 0;
    count(u, conf->database, workers);
    const char **names = xcalloc(map_count(&u->by_name), sizeof(*names));
    for (struct used *d = map_next(&u->by_name, &at); d != NULL; d = map_next(&u->by_name, &at)) {
        d->last_us = d->now != d->done ? now_us : d->last_us;
        d->done = d->now;
        d->now = 0;
        if (d->last_us != 0 && now_us < d->last_us + IN_USE_US) {
            names[wanted++] = d->name;
        }
    }
    if (wanted != 0 || u->wanted != 0) {
        monitor_want_databases(u->monitor, names, wanted);
    }
    u->wanted = wanted;
    mem_free(names);
}
