/* hook.h — what a hook is told and what it answers, as the machine sees it.
 *
 * The world runs the program and reads its answer; nothing here knows a process or JSON. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_CUTOVER_TYPES_HOOK_H
#define TEAL_CUTOVER_TYPES_HOOK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "model/hook.h"
#include "model/side.h"

enum { HOOK_POSITION_SIZE = 32, HOOK_MESSAGE_SIZE = 200 };

/* What a run is about. */
struct hook_about {
    enum hook hook;
    enum side from;
    enum side to;
    uint64_t epoch; /* the one that the flip makes */
    uint64_t flip_id;
    char position[HOOK_POSITION_SIZE]; /* in the old side's WAL, behind the fence; "" for none */
};

struct hook_answer {
    bool ok;
    bool unknown;   /* not ok, and whether it has had an effect is unknown */
    struct err err; /* set when not ok */
    /* What it may say. */
    bool lag_known;
    uint64_t lag_bytes;
    uint64_t lag_us;
    bool way_back;                   /* the old side follows the new one afterwards */
    char message[HOOK_MESSAGE_SIZE]; /* for the operator; "" for none */
};

#endif
