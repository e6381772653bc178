/* hold.h — HOLD: the operator lets writes wait in Teal for a limited time. RELEASE, or the end of
 * the time, ends it; a restart goes on with what is left of it. Reads go on. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_CONTROL_HOLD_H
#define TEAL_CONTROL_HOLD_H

#include "control/keeper.h"
#include "control/publish.h"
#include "net/loop.h"
#include "session/workers.h"

struct hold;

/* What it acts on; all borrowed. */
struct hold_parts {
    struct loop *loop;
    struct publisher *publisher;
    const struct workers *workers;
    struct keeper *keeper;
    uint32_t pair;
    const char *name; /* of the pair */
};

/* Begins with the hold that the keeper knows of, if it is not over. */
struct hold *hold_new(const struct hold_parts *parts);
/* NULL is fine. */
void hold_free(struct hold *h);

/* Begins, or begins anew. */
void hold_begin(struct hold *h, uint64_t limit_us);
/* Harmless when nothing is held. */
void hold_end(struct hold *h);
/* When it ends by itself, monotonic; 0 when nothing is held. */
uint64_t hold_until_us(const struct hold *h);

#endif
