/* node.h — what is known of the sides: the facts that the monitor keeps and everybody else reads.
 */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_MONITOR_NODE_H
#define TEAL_MONITOR_NODE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/err.h"
#include "model/side.h"

enum node_role {
    NODE_UNKNOWN,
    NODE_PRIMARY,
    NODE_STANDBY,          /* in recovery */
    NODE_LOGICAL_FOLLOWER, /* its subscription teal_to_<side> exists and is enabled */
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

/* One side. All but up, error, since_us, addr and incarnation are as of the last answer; they stay
 * when the side goes down, and are zero before it has answered for the first time. */
struct node_facts {
    bool up;
    struct err error;  /* why it is not up; not set while up, nor before the first answer */
    uint64_t since_us; /* when it came up or went down; monotonic */
    uint64_t asked_us; /* when the last answered question was sent */

    bool in_recovery;
    enum node_role role;
    int server_version_num;          /* 150008 */
    char version[NODE_VERSION_SIZE]; /* "15.8" */
    uint64_t system_identifier;
    uint32_t timeline; /* of the WAL it writes, or receives; 0 when unknown */
    uint64_t lsn;      /* insert position, or what a standby has replayed */
    bool read_only;    /* default_transaction_read_only of a new session: fence or guard */
    bool closed;       /* a strict fence: no application may connect to its database */
    bool schema_exists;
    bool subscription_ready; /* logical follower: every table is past its initial copy */
    struct node_local_state local_state;

    struct sockaddr_storage addr;
    socklen_t addr_len; /* 0 while the host name is not resolved */
    /* Grows when the server at this address was found to be restarted or another one; from 1. */
    uint32_t incarnation;

    /* How far it is behind the writer. For the writer itself: known, 0, ok while it is up. */
    bool lag_known;
    uint64_t lag_bytes; /* 0 unless lag_known */
    uint64_t lag_us;    /* 0 unless lag_known */
    bool lag_ok;        /* up, known, and within lag_max and lag_bytes_max */
    /* Every commit acknowledged before this moment of the monotonic clock is visible here; 0 when
     * unknown. Only grows, until the writer or this server changes: then it starts from 0. Not kept
     * for the writer, where every commit is visible at once. */
    uint64_t fresh_until_us;
};

struct monitor_facts {
    bool writer_known;
    enum side writer; /* as told by monitor_set_route; meaningless unless writer_known */
    struct node_facts node[SIDES_COUNT];
};

#endif
