/* wishes.h — what the operator has said and a restart must know: READS, HOLD, PAUSE, DISABLE, SET.
 *
 * A plain value, and its form in a file: text lines, one fact each, the last one a CRC-32 of all
 * before it, as in the record (cutover/engine/record.h). What concerns a pair stands behind the
 * line with its name:
 *
 *     teal-operator 1
 *     set default_pool_size '30'
 *     paused
 *     stop 'shop' disabled
 *     pair 'app'
 *     reads green 500
 *     rule green user 'report' database '' application ''
 *     hold 1795968000000000 20000000
 *     paused
 *     crc 01234567
 *
 * The reader is strict: a file that is torn, edited, of another version, or that says what no
 * command could have said, is refused as a whole. Whether keys and values of SET are good is for
 * who knows the configuration. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_CONTROL_WISHES_H
#define TEAL_CONTROL_WISHES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"
#include "model/estate.h"
#include "model/reads.h"
#include "topo/view.h"

enum {
    WISHES_SIZE_MAX = 8 * 1024 * 1024, /* of the file; more than the limits below add up to */
    WISHES_RULES_MAX = 256,            /* a pair */
    WISHES_SETS_MAX = 4096,
    /* Of SET, as SHOW CONFIG writes it: a list has a blank behind each comma. */
    WISHES_VALUE_SIZE = 2048,
    WISHES_STOPS_MAX = 1000,
};

/* A value given by SET; both owned. */
struct wish_set {
    char *key;
    char *value;
};

struct wish_reads {
    bool set; /* by READS for all sessions; else the configuration says */
    enum reads to;
    uint32_t percent;        /* hundredths; 0 unless set */
    struct view_rule *rules; /* owned, texts included */
    uint32_t rules_count;
};

/* A hold ends at a time of the wall clock, which may have been set back meanwhile: so the length
 * bounds what is left of it. Both 0 for none. */
struct wish_hold {
    uint64_t until_wall_us;
    uint64_t length_us;
};

struct wishes_pair {
    char *name; /* owned */
    struct wish_reads reads;
    struct wish_hold hold;
    bool paused;
};

/* Begin with = {0}. */
struct wishes {
    struct wish_set *sets; /* owned; no key twice */
    uint32_t sets_count;
    bool paused;             /* everything */
    struct view_stop *stops; /* owned, names included; no alias twice, at least one thing said */
    uint32_t stops_count;
    struct wishes_pair pairs[PAIRS_MAX]; /* no name twice */
    uint32_t pairs_count;
};

void wishes_fini(struct wishes *w);

/* That of the pair, added if it is not there; NULL when there are too many. */
struct wishes_pair *wishes_pair(struct wishes *w, const char *name);
/* NULL when nothing is wished for the pair. */
const struct wishes_pair *wishes_find(const struct wishes *w, const char *name);
/* Takes everything of the pair out. */
void wishes_forget(struct wishes *w, const struct wishes_pair *pair);

/* A copy of the policy in the place of the one before; the rules are the caller's. */
void wish_reads_put(struct wish_reads *to, const struct wish_reads *from);
void wish_set_put(struct wishes *w, const char *key, const char *value);
void wish_sets_clear(struct wishes *w);
/* NULL when nothing is said of the database. */
const struct view_stop *wish_stop_find(const struct wishes *w, const char *alias);
/* Forgets it when neither is said. False, and nothing has changed, when there are too many. */
MUST_CHECK bool wish_stop_put(struct wishes *w, const struct view_stop *stop);
/* What is left of the hold at that time of the wall clock; 0 when it is over. */
uint64_t wish_hold_left_us(const struct wish_hold *hold, uint64_t now_wall_us);

bool wishes_are_empty(const struct wishes *w);
/* Pairs about which nothing is wished are left out. */
void wishes_encode(const struct wishes *w, struct buf *out);
/* False with err, and *out empty, when the bytes are no such file. The caller owns what is in
 * *out. */
MUST_CHECK bool wishes_decode(struct slice bytes, struct wishes *out, struct err *err);

#endif
