/* view.h — the routing view: where reads and writes go now.
 *
 * One immutable value. The control thread builds a new one for every change (a flip, a hold, a new
 * lag sample), gives it a higher version and posts a copy to every worker, which swaps it in
 * between two turns of its loop and acknowledges the version. Nobody changes a view that was
 * published, so the data path reads it without a lock, and route_decide is a pure function of it.
 *
 * Invariant: the writer is one side at any time, and it changes only while writes are held. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_TOPO_VIEW_H
#define TEAL_TOPO_VIEW_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

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

/* What the monitor knows of one side. */
struct view_node {
    struct sockaddr_storage addr; /* where backends connect to */
    socklen_t addr_len;           /* 0 while the name is not resolved */
    bool up;                      /* answers, and may be read from */
    bool lag_ok;                  /* a follower within the lag guard; true for the writer */
    /* Every commit acknowledged before this moment of the monotonic clock is visible on this side;
     * 0 when unknown. Read-your-own-writes compares it with the time of the session's last commit.
     */
    uint64_t fresh_until_us;
    /* Grows each time the node was found to be another server or restarted: idle backends are
     * renewed. */
    uint32_t incarnation;
};

struct view {
    uint64_t version; /* of this publication; only grows */
    uint64_t epoch;   /* of the route; only grows; one for each flip */
    enum side writer;
    bool writes_held;
    bool paused;       /* by PAUSE or KILL: nothing new begins, reads included */
    bool disabled;     /* by DISABLE: new clients are refused */
    bool writes_known; /* false until start-up has learnt which side is the writer; implies held */
    enum reads reads;
    /* Share of the sessions whose reads go there, of PERCENT_ALL; the others read from the writer.
     */
    uint32_t reads_percent;
    enum freshness freshness;
    struct view_rule *rules; /* owned */
    uint32_t rules_count;
    struct view_node node[SIDES_COUNT];
};

/* A deep copy with its own memory; view_free(NULL) is fine. */
struct view *view_copy(const struct view *v);
void view_free(struct view *v);

#endif
