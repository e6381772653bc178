/* follows.h — how far a logical follower is in each database that is in use.
 *
 * Each database of a logical pair has a subscription of its own, so a heartbeat of the home
 * database proves nothing about another. Those that have sessions (follows_want) are asked
 * themselves, with a light connection to the writer and one to the follower's lead: the writer
 * moves the heartbeat of that database on, the follower shows which has arrived, and measure.h does
 * the rest. A database that nobody uses costs nothing.
 *
 * The more databases there are, the less often each is asked: FOLLOWS_PER_SECOND questions in all.
 * One without the schema teal, or whose subscription is not ready, is unknown, and unknown is not
 * fresh. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_MONITOR_FOLLOWS_H
#define TEAL_MONITOR_FOLLOWS_H

#include <stdbool.h>
#include <stdint.h>

#include "monitor/facts.h"
#include "monitor/node.h"

struct conf;
struct follows;
struct loop;

enum { FOLLOWS_PER_SECOND = 200 };

/* What holds now: of the two ends, and of the guard. */
struct follows_terms {
    struct conf *conf; /* borrowed for the call */
    bool is_on;        /* the follower is a logical one, and both ends are up */
    bool may_beat;     /* the writer may be written to */
    struct node_id writer;
    struct node_id follower;
    const struct node_facts *writer_facts; /* borrowed for the call */
    const struct node_facts *follower_facts;
    uint64_t generation; /* when it grows, what was measured counts no more */
    uint64_t interval_us;
    uint64_t news_age_max_us;
    struct lag_limits limits;
};

/* changed: some fact is another one; from the loop. */
struct follows *follows_new(struct loop *loop, void (*changed)(void *ctx), void *ctx);
/* NULL is fine. */
void follows_free(struct follows *f);

/* These databases and no others, the home one aside; copied. Names beyond DATABASES_MAX are left
 * out. */
void follows_want(struct follows *f, const char *const *names, uint32_t count);
/* Asks whom it is time for. Changes facts without calling changed. */
void follows_tick(struct follows *f, const struct follows_terms *terms);
/* Sorted by name; borrowed until the next follows_want. None while it is not on. */
struct database_facts *follows_facts(struct follows *f, uint32_t *count);

#endif
