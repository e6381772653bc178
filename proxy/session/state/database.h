/* database.h — a database as clients name it, at one worker: where it is, what its clients may,
 * what was done for them.
 *
 * It comes with the first client that names it. The sessions point to it, so that neither a
 * decision nor a counter costs a search. One that has served stays, for its counters, until the
 * worker ends: other threads read them by the worker's list, which only grows at its head. One that
 * nobody has logged in to goes with its last session, so that names that clients make up leave
 * nothing behind. After a reload that moves the name elsewhere, its sessions keep what they have,
 * and the next client gets a new one. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_SESSION_STATE_DATABASE_H
#define TEAL_SESSION_STATE_DATABASE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/list.h"
#include "route/route.h"
#include "session/state/stats.h"

struct pool_family;
struct worker;

enum { DATABASE_SETTINGS = 3 };
extern const char *const database_settings[DATABASE_SETTINGS];

struct database {
    struct list node;      /* in worker->known: all there are */
    struct database *next; /* in worker->served */
    bool is_served;        /* it is in that list, and stays */
    bool is_current;       /* the name leads to it: it is in worker->databases */
    uint32_t sessions;     /* that point to it */
    char *alias;           /* owned: what clients say */
    char *name;            /* owned: on the servers */
    uint32_t pair;
    struct route_database facts; /* by the view of the pair */
    /* By the configuration: */
    char *user;          /* owned: of its backends; NULL: the client's */
    bool keeps_backends; /* pool_mode = session */
    /* Owned: what a client gets that asks for none, in the order of database_settings; NULL: the
     * server's. */
    char *settings[DATABASE_SETTINGS];
    uint32_t clients_max;      /* 0: no limit */
    struct pool_family *pools; /* borrowed: of whom it was found for last; NULL for nobody */
    struct worker_stats stats;
};

/* The database of a client that says this name, with one session more; has_none: it is a physical
 * walsender, which serves all of a cluster. NULL with err (3D000) when no pair has it. */
MUST_CHECK struct database *database_enter(struct worker *w, const char *alias, bool has_none,
                                           struct err *err);
/* One session less; NULL is fine. */
void database_leave(struct worker *w, struct database *d);
/* A client has logged in: it stays. */
void database_serve(struct worker *w, struct database *d);

/* The worker's view of the pair has changed. */
void databases_take_view(struct worker *w, uint32_t pair);
/* The worker's configuration has. */
void databases_take_conf(struct worker *w);
/* At the worker's end: nobody points to any. */
void databases_free(struct worker *w);

#endif
