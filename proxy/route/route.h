/* route.h — where a transaction goes: a pure decision.
 *
 * Facts in (the view, what the session is, what the batch does), decision and reason out. The
 * reasons are one table: the metrics label, the log field and what EXPLAIN ROUTE prints. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_ROUTE_ROUTE_H
#define TEAL_ROUTE_ROUTE_H

#include <stdbool.h>
#include <stdint.h>

#include "sql/classify.h"
#include "topo/view.h"

struct route_session {
    const char *user;        /* borrowed */
    const char *database;    /* borrowed */
    const char *application; /* borrowed; may be NULL */
    uint32_t bucket;         /* route_bucket(...): 0..9999, fixed for the session's life */
    uint64_t last_write_us;  /* when its last write was acknowledged; 0 for never */
    bool reader;             /* wants reads only (default_transaction_read_only=on at start) */
};

enum route_reason {
#define ROUTE_REASON(id, name, sentence) id,
#include "route/reasons.def"
#undef ROUTE_REASON
    ROUTE_REASONS_COUNT,
};

struct route_decision {
    bool wait;      /* the target is held: queue until a later view */
    enum side side; /* where it goes, or would go by this view */
    bool read_only; /* through a backend that is read-only by construction */
    enum route_reason reason;
};

struct route_decision route_decide(const struct view *view, const struct route_session *session,
                                   enum sql_class class);

/* The sticky place of a session, drawn once by hashing database and key (the client's address and
 * the session's number), so that raising the percentage only adds sessions. */
uint32_t route_bucket(const char *database, const char *key);

/* "own-writes", "percent", ... */
const char *route_reason_name(enum route_reason reason);
/* One sentence for EXPLAIN ROUTE and the manual. */
const char *route_reason_sentence(enum route_reason reason);

/* Whether this view sends all reads and writes to one side, so that a plain read needs no decision:
 * Teal is then a plain pooler with one kind of backend. */
bool route_is_single(const struct view *view);

#endif
