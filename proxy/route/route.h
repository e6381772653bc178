/* route.h — where a transaction goes: a pure decision.
 *
 * Facts in (the view, what the session is, what the batch does), decision and reason out. The
 * reasons are one table: the metrics label, the log field and what EXPLAIN ROUTE prints.
 *
 * Where the side has several servers, its reads go to those that may serve them, the lead among
 * them, over read-only backends; its writes go to the lead, and wait while there is none. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_ROUTE_ROUTE_H
#define TEAL_ROUTE_ROUTE_H

#include <stdbool.h>
#include <stdint.h>

#include "sql/classify.h"
#include "topo/view.h"

/* What a view says of one database: found once for each view, not for each decision. */
struct route_database {
    bool paused;
    bool disabled; /* new clients of it are refused */
    /* It has a stream of its own: what follows holds instead of what the follower's lead says. */
    bool has_stream;
    bool lag_ok;
    uint64_t fresh_until_us;
};

struct route_session {
    const struct route_database *facts; /* borrowed: of its database */
    const char *user;                   /* borrowed */
    const char *database;               /* borrowed */
    const char *application;            /* borrowed; may be NULL */
    uint32_t bucket;        /* route_bucket(...): 0..9999, fixed for the session's life */
    uint64_t last_write_us; /* when its last write was acknowledged; 0 for never */
    bool reader;            /* wants reads only (default_transaction_read_only=on at start) */
};

enum route_reason {
#define ROUTE_REASON(id, name, sentence) id,
#include "route/reasons.def"
#undef ROUTE_REASON
    ROUTE_REASONS_COUNT,
};

struct route_decision {
    bool wait;      /* the target is held, or lost: queue until a later view */
    enum side side; /* where it goes, or would go by this view */
    bool read_only; /* through a backend that is read-only by construction */
    enum route_reason reason;
    /* Which servers of the side may serve it, a bit for each; at least one: see balance.h. What may
     * write has its lead alone. */
    uint32_t nodes;
};

struct route_decision route_decide(const struct view *view, const struct route_session *session,
                                   enum sql_class class);

/* What the view says of the database: as clients name it, and as it is called on the servers. */
struct route_database route_database(const struct view *view, const char *alias, const char *name);
/* Whether the servers of the writer's side have none among them that takes writes. Not asked of a
 * side with one server: there its backends tell. */
bool route_writer_is_lost(const struct view *view);

/* The sticky place of a session, drawn once by hashing database and key (the client's address and
 * the session's number), so that raising the percentage only adds sessions. */
uint32_t route_bucket(const char *database, const char *key);

/* "own-writes", "percent", ... */
const char *route_reason_name(enum route_reason reason);
/* One sentence for EXPLAIN ROUTE and the manual. */
const char *route_reason_sentence(enum route_reason reason);

/* Whether this view sends all reads and writes to one server, so that a plain read needs no
 * decision: Teal is then a plain pooler with one kind of backend. */
bool route_is_single(const struct view *view);

#endif
