/* rights.h — what the operator's role may do on each side, and which fence follows from it.
 *
 * Asked with each look. A fence that the role could not put on, or not take off the other side
 * again, is refused before anything is touched. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_CUTOVER_FLIP_RIGHTS_H
#define TEAL_CUTOVER_FLIP_RIGHTS_H

#include <stdbool.h>

#include "base/buf.h"
#include "cutover/engine/script.h"
#include "model/fence.h"
#include "model/side.h"

enum { RIGHTS_NAMES_SIZE = 256, RIGHTS_WHY_SIZE = 512 };

struct rights_side {
    bool known;
    bool superuser;
    bool alters_system; /* may set the default in the server's configuration, and reload it */
    bool owns;          /* is an owner of every database of the pair */
    bool keeps;         /* teal.local_state can hold what a fence finds */
    bool streams;       /* may create subscriptions */
    bool system_on;     /* the server's configuration makes new sessions read-only */
    /* Roles, by name; "" for none. */
    char overrides[RIGHTS_NAMES_SIZE]; /* whose sessions begin read-write whatever the databases say
                                        */
    char overrides_stuck[RIGHTS_NAMES_SIZE]; /* those that the operator may not alter */
    char logins_stuck[RIGHTS_NAMES_SIZE];    /* applications that it may not keep from logging in */
};

struct rights {
    struct rights_side of[SIDES_COUNT];
};

/* What is wanted, and where. */
struct fence_wish {
    enum fence_policy fence;
    bool partial; /* the rest of the cluster must go on */
    bool guard;   /* it is a guard, which PREPARE puts on: from is the follower */
    enum side from;
    enum side to;
};

struct fence_choice {
    bool possible;
    bool database; /* by ALTER DATABASE; else by ALTER SYSTEM */
    bool strict;
    char why[RIGHTS_WHY_SIZE]; /* which, and why this one; or why none */
};

/* A pure function: which fence it is to be. */
struct fence_choice rights_choose(const struct rights *rights, const struct fence_wish *wish);

/* The wish of the configuration. */
struct fence_wish rights_wish(const struct cutover *c);

/* Neither side is known to refuse a subscription of ours. */
bool rights_may_stream(const struct cutover *c);
bool rights_has_overrides(const struct cutover *c, enum side side);

/* Lines: for each side that has answered. */
line_write_fn rights_write;
line_judge_fn rights_judge;

#endif
