/* flow.h — who owes whom a reply: the authority on what a server may answer.
 *
 * Every message sent to a backend that the server must answer leaves an entry; every message that
 * the server sends is checked against the entry at the head. So a reply can only go to the request
 * that is owed it, and whatever was not asked for is BAD: the backend is dropped, and no client
 * gets the answer to another.
 *
 *      client            flow (head first)             server
 *      P B E S   ----->  [PARSE][BIND][EXECUTE][SYNC]  ----->
 *                <-----   1      2     D.. C    Z      <-----
 *
 * An entry says what becomes of its reply: FORWARD to the client, SWALLOW (Teal asked, not the
 * client), or LOCAL (Teal answers for the server, at the place in order where the server would
 * have). After an error in the extended protocol the server skips everything up to the next Sync,
 * and so does the flow.
 *
 * A stray reply is told from an owed one even when it comes after the next request was sent: a
 * ReadyForQuery must have an end of a command before it, and a row its description.
 *
 * COPY IN: from CopyInResponse until the client's CopyDone or CopyFail (or the server's error) the
 * server ignores Sync and Flush, so those leave no entry, and those that were already sent are
 * taken out again, up to a CopyDone that was sent ahead as well. If the COPY then fails, nobody can
 * know from outside whether the server had read them before it failed (and ignored them) or after
 * (and answers each): such a flow is doubtful for good, and its backend must not serve a second
 * session. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_WIRE_FLOW_H
#define TEAL_WIRE_FLOW_H

#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"

enum flow_kind {
    FLOW_PARSE,
    FLOW_BIND,
    FLOW_DESCRIBE,
    FLOW_EXECUTE,
    FLOW_CLOSE,
    FLOW_SYNC,
    FLOW_QUERY,
    FLOW_FUNCTION,
    FLOW_KINDS_COUNT,
};

enum flow_action { FLOW_FORWARD, FLOW_SWALLOW, FLOW_LOCAL };

/* What the owner notes about a request, to find it again when it is answered. The flow does not
 * look at it. */
struct flow_tag {
    uint8_t about;   /* an enum of the owner's; 0 for nothing */
    uint8_t changes; /* how many changes of names stand or fall with it */
    uint64_t id;     /* of what it is about */
};

#define FLOW_UNTAGGED ((struct flow_tag){0, 0, 0})

struct flow_entry {
    uint8_t kind;   /* enum flow_kind */
    uint8_t action; /* enum flow_action */
    /* CopyDones and CopyFails sent directly behind it, before the COPY that they end was seen. */
    uint32_t copy_ends;
    struct flow_tag tag;
};

enum { FLOW_INLINE = 8, FLOW_ENTRIES_MAX = 1 << 16 };

struct flow {
    struct flow_entry inline_entries[FLOW_INLINE];
    struct flow_entry *entries; /* inline_entries, or owned memory after growth */
    uint32_t size;              /* a power of two */
    uint32_t head;
    uint32_t count;
    uint8_t seen;       /* of the answer to the head: see flow.c */
    bool skipping;      /* the server ignores everything until a Sync that has not been sent yet */
    bool copy_in;       /* the server reads CopyData */
    bool syncs_ignored; /* the COPY IN at the head has taken Syncs that were sent */
    bool doubtful;      /* there may be one ReadyForQuery more than is owed: do not reuse */
    /* Of the last ReadyForQuery: 'I', 'T', 'E'. Also 'T' when a COPY IN has taken the Sync that
     * would have ended its transaction. */
    uint8_t txn;
};

/* Called for each entry that an error makes the server skip. */
typedef void flow_dropped_fn(void *arg, const struct flow_entry *entry);

struct flow_verdict {
    bool bad;                /* not owed: drop the backend */
    enum flow_action action; /* of the entry that the reply belongs to */
    bool done;               /* that entry is answered and gone */
    struct flow_entry entry; /* the entry, when done, or when an error answers it */
};

void flow_init(struct flow *f);
void flow_fini(struct flow *f);
bool flow_empty(const struct flow *f);
/* The entry at the head; only when not empty. */
const struct flow_entry *flow_head(const struct flow *f);

/* A message was (or will be, in this order) sent. False when FLOW_ENTRIES_MAX are owed: stop
 * reading the client. While the server skips, only a Sync leaves an entry; while it reads COPY
 * data, a Sync leaves none. */
MUST_CHECK bool flow_push(struct flow *f, enum flow_kind kind, enum flow_action action,
                          struct flow_tag tag);
/* Whether one more batch of n entries fits. */
bool flow_has_room(const struct flow *f, uint32_t n);
/* A CopyDone or CopyFail was sent: the client ended its COPY IN, or one that is still to begin. */
void flow_copy_done(struct flow *f);

/* The server sent a message of this type; first is the first byte of its body (of Z: the state), 0
 * when it has none. dropped may be NULL. */
struct flow_verdict flow_reply(struct flow *f, uint8_t type, uint8_t first,
                               flow_dropped_fn *dropped, void *arg);
/* Takes the head when it is LOCAL: call after each push and each done reply until false. */
bool flow_take_local(struct flow *f, struct flow_entry *out);

#endif
