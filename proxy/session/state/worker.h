/* worker.h — one thread of the data path: what it has.
 *
 * A worker owns everything it touches, and nothing in it is locked; the gauges and counters are
 * atomics that other threads read. What all workers share is struct workers. For the session layer
 * only: workers.h is the outside, orders.h is what the control thread orders of a worker. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_SESSION_STATE_WORKER_H
#define TEAL_SESSION_STATE_WORKER_H

#include <pthread.h>
#include <stdatomic.h>

#include "pool/pool.h"
#include "route/balance.h"
#include "session/prepared/statement.h"
#include "session/state/errors.h"
#include "session/state/stats.h"
#include "session/state/upcalls.h"

enum { WORKER_SCRATCH_LEN = 64 * 1024, WORKER_LISTENERS_MAX = 16 };

struct auth_queries;
struct client_limits;
struct database;
struct session;
struct throttle;
struct workers;

/* How much of its memory the process uses: pressure.h. */
enum pressure {
    PRESSURE_NONE,
    PRESSURE_TIGHT, /* from 70 %: what can be given back is */
    PRESSURE_FULL,  /* from 85 %: no new clients */
    PRESSURE_OVER,  /* from 95 %: those that wait end, the newest first */
};

/* What a worker knows of a pair. */
struct worker_pair {
    struct view *view; /* owned: this worker's copy */
    bool is_single;    /* reads and writes end on one server */
    struct balance balance[SIDES_COUNT];
    /* Since when its writer is lost (route_writer_is_lost); 0 while it is there. */
    uint64_t lost_since_us;
};

/* What several threads look at; each worker writes its own. */
struct worker_pair_gauges {
    _Atomic uint64_t view_version;
    atomic_uint busy[SIDES_COUNT]; /* backends that do something for a session */
    atomic_uint held;              /* transactions that wait because writes are held */
    atomic_uint pinned;            /* sessions that cannot move */
};

struct worker_gauges {
    struct worker_pair_gauges of_pair[PAIRS_MAX];
    atomic_uint sessions;
};

/* What lower files ask of those above them. */
struct worker_ops {
    /* Something has happened to the session: its turn. */
    void (*turn)(struct session *s);
    /* A CancelRequest: goes to the session, whichever worker has it. */
    void (*cancel)(struct workers *workers, uint32_t pid, struct slice key);
};

struct worker {
    const struct worker_ops *ops; /* borrowed for ever */
    struct workers *workers;      /* borrowed */
    uint32_t index;
    pthread_t thread;
    struct loop *loop;       /* owned */
    struct mailbox *mailbox; /* owned */
    struct conf *conf;       /* shared (ref) */
    struct access *access;   /* shared (ref) */
    struct sql_extra *extra; /* owned: read_functions */
    struct worker_pair pairs[PAIRS_MAX];
    uint32_t pairs_count;
    struct pools *pools;               /* owned */
    struct auth_queries *auth_queries; /* owned */
    struct settings_table settings;
    struct statement_table statements;
    struct map cached_params; /* login key -> struct params, shared (ref): cached_params.h */
    struct map by_pid;        /* cancel_pid -> struct session, borrowed: for cancel requests */
    struct list arriving;     /* of struct session, until READY: the oldest first */
    struct list sessions;     /* of struct session, from then on */
    struct list woken;  /* of struct session, by woken_node: their turn comes in this loop turn */
    struct list held;   /* of struct session, by held_node: in order of arrival */
    struct timer *tick; /* owned */
    struct watch *listeners[WORKER_LISTENERS_MAX]; /* owned */
    struct listener_watch *listener_watches;       /* owned: see accept.c */
    uint32_t listeners_count;
    int reserve_fd; /* owned; given up for a moment to refuse a client when descriptors run out */
    bool accept_paused;  /* until the next tick: accepting fails for a lack that may pass */
    uint64_t memory_max; /* bytes: see pressure.c */
    uint32_t ticks_to_trim;
    bool draining; /* ends sessions when their transaction has ended */
    uint64_t next_session_id;
    uint8_t *scratch;                  /* owned: the receive buffer of all connections */
    struct map databases;              /* what clients say -> struct database, owned */
    struct list known;                 /* of struct database: all there are, owned */
    _Atomic(struct database *) served; /* those with counters to tell: see database.h */
    uint32_t unseen;                   /* names tried that the monitor does not know */
    struct worker_stats stats;         /* of clients that have not logged in to any */
    struct errors errors;              /* for SHOW ERRORS */
    struct worker_gauges gauges;
};

struct workers {
    struct pool_registry *registry;        /* owned */
    struct key_derivation *key_derivation; /* owned */
    struct client_limits *limits;          /* owned */
    atomic_int pressure;                   /* enum pressure: of memory */
    struct workers_ops ops;
    uint32_t count;
    struct worker *items; /* owned */
    struct scram_seed seed;
    struct throttle *throttle;           /* owned: of bad passwords */
    struct access *access;               /* shared (ref): the control thread's */
    int listeners[WORKER_LISTENERS_MAX]; /* owned descriptors */
    uint32_t listeners_count;
};

/* Counts a backend that began (+1) or ended (-1) to do something; the control thread hears when a
 * held side has become idle. */
void worker_busy_add(struct worker *w, uint32_t pair, enum side side, int delta);

/* A session can be found by its cancel_pid, from its login to its close: a cancel request needs no
 * login, so it must not cost a walk over all sessions. */
void worker_enlist(struct worker *w, uint32_t pid, struct session *s);
void worker_delist(struct worker *w, uint32_t pid, const struct session *s);
struct session *worker_find_by_pid(const struct worker *w, uint32_t pid);

/* Clients of all workers. */
uint32_t worker_sessions_of_all(const struct workers *workers);
/* Transactions of the pair that wait, at all workers. */
uint32_t worker_waiting_of_all(const struct workers *workers, uint32_t pair);

#endif
