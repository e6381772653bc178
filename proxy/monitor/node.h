/* node.h — what is known of the sides: the facts that the monitor keeps and everybody else reads.
 */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_MONITOR_NODE_H
#define TEAL_MONITOR_NODE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/err.h"
#include "model/estate.h"

enum node_role {
    NODE_UNKNOWN,
    NODE_PRIMARY,
    NODE_STANDBY,          /* in recovery */
    NODE_LOGICAL_FOLLOWER, /* its subscription teal_to_<side> exists and is enabled */
};

/* Whether a server that answers may be used, among the others of its side: see side.h. */
enum node_standing {
    NODE_UNJUDGED, /* it has not answered yet, or its side is not settled */
    NODE_IN_ORDER,
    NODE_FOREIGN, /* of another cluster than its side */
    NODE_STRAY,   /* a primary beside the side's writer node, or behind one that was there */
};

enum { NODE_VERSION_SIZE = 32, NODE_WORD_SIZE = 32, NODE_FLIP_ID_SIZE = 64 };

/* The row of teal.local_state about a side, as read on that side. */
struct node_local_state {
    bool present;
    uint64_t epoch;
    char writer[NODE_WORD_SIZE]; /* "blue", "green"; cut when longer, "" for NULL */
    char phase[NODE_WORD_SIZE];
    char flip_id[NODE_FLIP_ID_SIZE];
};

/* One server. All but up, error, since_us, addr and incarnation are as of the last answer; they
 * stay when the side goes down, and are zero before it has answered for the first time. */
struct node_facts {
    bool up;           /* it answers, and is in order */
    bool answers;      /* the last question was answered */
    bool serves_reads; /* up, and not only just: see health.h */
    enum node_standing standing;
    struct err error;  /* why it is not up; not set while up, nor before the first answer */
    uint64_t since_us; /* when it came up or went down; monotonic; 0 before it was heard of */
    uint64_t asked_us; /* when the last answered question was sent */

    bool in_recovery;
    enum node_role role;
    bool subscribes;                 /* the subscription of its side is enabled, believed or not */
    int server_version_num;          /* 150008 */
    char version[NODE_VERSION_SIZE]; /* "15.8" */
    uint64_t system_identifier;
    /* Of the postmaster, by its own wall clock: with the identifier it tells one server from all
     * others, whatever address leads there. */
    uint64_t started_us;
    uint32_t timeline; /* of the WAL it writes, or receives; 0 when unknown */
    uint64_t lsn;      /* insert position, or what a standby has replayed */
    bool read_only;    /* default_transaction_read_only of a new session: fence or guard */
    bool closed;       /* a strict fence: no application may connect to its database */
    bool schema_exists;
    bool subscription_ready; /* logical follower: every table is past its initial copy */
    bool receives;           /* a standby that is connected to what it replicates from... */
    bool cascades;           /* ...which is another server of its own side */
    struct node_local_state local_state;

    struct sockaddr_storage addr;
    socklen_t addr_len; /* 0 while the host name is not resolved */
    /* Grows when the server at this address was found to be restarted or another one; from 1. */
    uint32_t incarnation;

    /* How far it is behind the writer. For the writer itself: known, 0, ok while it is up. */
    bool lag_known;
    uint64_t lag_bytes; /* 0 unless lag_known */
    uint64_t lag_us;    /* 0 unless lag_known */
    /* Up, known, and within lag_max and lag_bytes_max; or was so when the primary of the writer's
     * side was lost, a minute ago at most. */
    bool lag_ok;
    /* Every commit acknowledged before this moment of the monotonic clock is visible here; 0 when
     * unknown. Only grows, until the writer or this server changes: then it starts from 0. Not kept
     * for the writer, where every commit is visible at once. */
    uint64_t fresh_until_us;
};

/* The databases of a side that allow connections, templates left out: as its lead said last. */
struct side_databases {
    uint64_t generation; /* grows with each change; 0 while they are not known */
    char **names;        /* in the order of their bytes; owned by the monitor */
    uint32_t count;
    bool is_cut; /* there are more than DATABASES_MAX */
};

/* One side: its servers, in the order of the configuration. */
struct side_facts {
    uint32_t nodes_count;
    uint32_t lead; /* as in struct view_side */
    /* Every server was heard of, or waited for long enough: the lead is no mere beginning. */
    bool settled;
    struct node_facts node[NODES_MAX];
    struct side_databases databases;
};

/* How far the lead of a logical follower is in one database. With a logical follower each database
 * is a stream by itself; with a physical one the nodes' facts hold for all. */
struct database_facts {
    char *name; /* owned by the monitor */
    bool lag_known;
    uint64_t lag_us; /* 0 unless lag_known */
    bool lag_ok;
    uint64_t fresh_until_us; /* as in node_facts */
};

struct monitor_facts {
    bool writer_known;
    enum side writer; /* as told by monitor_set_route; meaningless unless writer_known */
    struct side_facts side[SIDES_COUNT];
    /* Those that were asked for (monitor_want_databases), sorted by name; none while the follower
     * is not a logical one. */
    struct database_facts *databases;
    uint32_t databases_count;
};

/* The server that stands for the side. */
const struct node_facts *facts_lead(const struct monitor_facts *facts, enum side side);

#endif
