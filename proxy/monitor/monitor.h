/* monitor.h — what is known of the two sides of a pair: up, role, version, position, lag,
 * freshness, of each server and of each database that needs it.
 *
 * The monitor has one libpq connection a server and asks it one compact statement each round
 * (monitor_interval): first the writer, then, a moment later, all others, so that the answer of a
 * follower can already show the position that the writer had. A side whose primary is lost is asked
 * every 50 ms, so that a promotion is seen at once; who stands for a side is told by side.h. It
 * belongs to the control thread's loop.
 *
 * Facts are hints for people, for the routing view and for gates, never a proof for a flip: before
 * it commits, the cutover asks by SQL. Unknown is unknown: a server that does not answer in time is
 * down, and then the lag is unknown as well; it never becomes 0 for want of news.
 *
 * The heartbeat: when the follower is a logical one, the writer's statement also updates the
 * writer's row of teal.marker (columns seq and at; nothing else). A number that the follower shows
 * proves that everything committed before the statement was sent is applied there. The monitor
 * never sets default_transaction_read_only, so it cannot write on a fenced side.
 *
 * The nudge: when the follower is a standby, lag is measured by what the writer has flushed, for no
 * more than that is sent; freshness by what it has inserted, for that holds every commit, also
 * those with synchronous_commit=off. When something stays unflushed, as behind a session that is
 * idle in a transaction, the standby cannot show it and freshness would stand still; and a record
 * of which only the first page is flushed cannot be replayed, which would look like lag. Then the
 * writer's statement makes an empty commit, at most one a second, and its server flushes. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_MONITOR_MONITOR_H
#define TEAL_MONITOR_MONITOR_H

#include <stdbool.h>

#include "model/side.h"
#include "monitor/node.h"

struct conf;
struct conf_host;
struct loop;
struct monitor;
struct resolver;

struct monitor_ops {
    void *ctx; /* borrowed as long as the monitor lives */
    /* After an answer (or the lack of one) that changed what a route or a person would see: up,
     * role, address, incarnation, lag_ok, ... or moved fresh_until_us on. Called from the loop,
     * never from within a call of the functions below. It may call all of them but monitor_free. */
    void (*changed)(void *ctx);
};

/* Watches the pair of that number. Borrows loop and resolver, keeps a reference to conf and a copy
 * of ops; starts with the loop's next turn. Names are resolved by net/resolver.h, again when their
 * time to live says so or the server is down, and libpq is given the addresses; so a name server
 * which does not answer stops nothing: a server whose address was known keeps it. */
struct monitor *monitor_new(struct loop *loop, struct resolver *resolver, struct conf *conf,
                            uint32_t pair, const struct monitor_ops *ops);
/* Not from within changed(). NULL is fine. */
void monitor_free(struct monitor *m);
/* From now on limits, intervals, addresses and passwords are those of conf, which has as many
 * servers on each side as before. */
void monitor_reconfigure(struct monitor *m, struct conf *conf);

/* Which side is the writer from now on. Before the first call none is, and every lag is unknown.
 * Telling the same side again changes nothing; another side makes lag and freshness unknown at
 * once, without a call of changed(), until newly measured. */
void monitor_set_route(struct monitor *m, enum side writer);
/* While paused the marker is not touched (a flip uses it then), nor is the writer nudged. The lag
 * of a logical follower becomes unknown when the last beat is too old. */
void monitor_pause_heartbeat(struct monitor *m, bool paused);
/* Asks all servers from the next turn on, without waiting for the interval: after a flip, for
 * instance. */
void monitor_hurry(struct monitor *m);
/* The databases that have sessions, but for the home one: while the follower is a logical one, how
 * far it is in each of them becomes known. Copied; replaces what was wanted before. */
void monitor_want_databases(struct monitor *m, const char *const *names, uint32_t count);

/* Borrowed; changes in place with each answer. */
const struct monitor_facts *monitor_facts(const struct monitor *m);
/* The server as the configuration names it; borrowed until the next monitor_reconfigure. */
const struct conf_host *monitor_host(const struct monitor *m, enum side side, uint32_t node);
/* "primary", "standby", "logical follower", "unknown". */
const char *node_role_name(enum node_role role);
/* "in order", "foreign", "stray", "unknown". */
const char *node_standing_name(enum node_standing standing);

#endif
