/* view.h — the routing view of a pair: where its reads and writes go now.
 *
 * One immutable value. The control thread builds a new one for every change (a flip, a hold, a new
 * lag sample), gives it a higher version and posts a copy to every worker, which swaps it in
 * between two turns of its loop and acknowledges the version. Nobody changes a view that was
 * published, so the data path reads it without a lock, and route_decide is a pure function of it.
 * Each pair has views of its own, with versions of their own.
 *
 * Invariant: the writer is one side at any time, and it changes only while writes are held. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_TOPO_VIEW_H
#define TEAL_TOPO_VIEW_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "model/estate.h"
#include "model/freshness.h"
#include "model/percent.h"
#include "model/reads.h"
#include "model/side.h"

/* A read rule: sessions that match read from the side. NULL fields match everything. */
struct view_rule {
    char *user;        /* owned by the view */
    char *database;    /* owned by the view */
    char *application; /* owned by the view */
    enum side side;
};

/* What the monitor knows of one server. */
struct view_node {
    struct sockaddr_storage addr; /* where backends connect to */
    socklen_t addr_len;           /* 0 while the name is not resolved */
    bool up;                      /* answers, and may be read from */
    bool is_primary;              /* takes writes, as far as its role goes */
    bool lag_ok;                  /* a follower within the lag guard; true for the writer */
    uint32_t weight;              /* its share of the reads of its side */
    /* Every commit acknowledged before this moment of the monotonic clock is visible on this side;
     * 0 when unknown. Read-your-own-writes compares it with the time of the session's last commit.
     */
    uint64_t fresh_until_us;
    /* Grows each time the node was found to be another server or restarted: idle backends are
     * renewed. */
    uint32_t incarnation;
};

/* One side: its servers, in the order of the configuration. */
struct view_side {
    uint32_t nodes_count;
    /* The server that stands for the side: its primary, or where all are standbys the one that
     * would be promoted. While the primary is lost, the last one. */
    uint32_t lead;
    struct view_node node[NODES_MAX];
};

/* A database of the pair. */
struct view_database {
    char *name; /* on the servers; owned by the view */
    /* It has a stream of its own: with a logical follower each database is one, and what has
     * arrived in one says nothing about another. Then these hold for the follower side's lead. */
    bool has_stream;
    bool lag_ok;
    uint64_t fresh_until_us; /* as in view_node */
};

/* What the operator has said of one database of the pair, by the name that clients use. */
struct view_stop {
    char *alias;   /* owned by the view */
    bool paused;   /* as of the whole pair: nothing new begins in it */
    bool disabled; /* new clients of it are refused */
};

struct view {
    uint32_t pair;    /* its number */
    uint64_t version; /* of this publication; only grows */
    uint64_t epoch;   /* of the route; only grows; one for each flip */
    enum side writer;
    bool writes_held;
    bool paused;       /* by PAUSE or KILL: nothing new begins, reads included */
    bool writes_known; /* false until start-up has learnt which side is the writer; implies held */
    enum reads reads;
    /* Share of the sessions whose reads go there, of PERCENT_ALL; the others read from the writer.
     */
    uint32_t reads_percent;
    enum freshness freshness;
    struct view_rule *rules; /* owned */
    uint32_t rules_count;
    struct view_side side[SIDES_COUNT];
    /* Sorted by name; owned. When known they are all that the writer's side had when it was last
     * asked; a database may be newer than that. */
    struct view_database *databases;
    uint32_t databases_count;
    bool databases_known;
    bool streams_apart; /* the follower is a logical one: each database has a stream of its own */
    struct view_stop *stops; /* owned; in no order */
    uint32_t stops_count;
};

/* Frees its texts. */
void view_rule_fini(struct view_rule *rule);

/* The server that stands for the side. */
const struct view_node *view_lead(const struct view *v, enum side side);
/* The database of that name on the servers; NULL when it is not among them. */
const struct view_database *view_database(const struct view *v, const char *name);
/* What the operator has said of the database that clients name so; NULL for nothing. */
const struct view_stop *view_stop(const struct view *v, const char *alias);

/* A deep copy with its own memory; view_free(NULL) is fine. */
struct view *view_copy(const struct view *v);
void view_free(struct view *v);

#endif
