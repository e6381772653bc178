/* backend.h — a connection of ours to a node, from connect to close.
 *
 *      CONNECTING -> NEGOTIATING (TLS) -> LOGIN -> IDLE <-> ACTIVE
 *           \               \               \        \       /
 *            +---------------+---------------+--------+-> CLOSED (freed at the end of the turn)
 *
 * A backend belongs to one pool of one worker. While ACTIVE it is linked to one owner (a session),
 * which reads and writes its stream; until it is IDLE for the first time its opening does, and in
 * every other state the pool. It goes back to IDLE only when its flow is empty and the server says
 * that no transaction is open: any doubt closes it. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_POOL_BACKEND_H
#define TEAL_POOL_BACKEND_H

#include "base/buf.h"
#include "base/list.h"
#include "base/map.h"
#include "net/outlet.h"
#include "pool/params.h"
#include "pool/settings.h"
#include "wire/flow.h"

struct opening;
struct pool;
struct pool_context;
struct pool_waiter;

enum backend_state {
    BACKEND_CONNECTING,
    BACKEND_NEGOTIATING, /* has asked for TLS and awaits the one byte of the answer */
    BACKEND_LOGIN,
    BACKEND_IDLE,
    BACKEND_ACTIVE,
    BACKEND_CLOSED,
};

enum { BACKEND_KEY_MAX = 256 };

struct backend {
    struct list node;             /* in its pool's list of the state */
    struct pool *pool;            /* borrowed */
    struct pool_context *context; /* borrowed: of the pool's worker */
    struct opening *opening;      /* owned; NULL from the first IDLE on */
    uint64_t id;                  /* of SHOW SERVERS */
    enum backend_state state;
    struct stream stream;
    struct flow flow;
    struct buf in;                /* a frame of the server that has not wholly arrived */
    struct outlet out;            /* what goes to the server */
    void *owner;                  /* borrowed: the session, while ACTIVE */
    struct pool_waiter *reserved; /* borrowed: a walsender's waiter, until it is ACTIVE */

    struct settings *settings; /* shared (ref): what it is set up for */
    struct params *params;     /* shared (ref): what the server reported */
    struct map prepared;       /* statement id -> struct backend_statement, owned */
    struct list prepared_lru;  /* of struct backend_statement, the oldest first */
    uint64_t last_session;     /* the owner's: the session that used it last */
    uint32_t streak;           /* the owner's: how often that session has come back to a backend */
    uint64_t unnamed;          /* id of the statement that stands unnamed; 0 for none */

    uint64_t connected_us;
    uint64_t idle_since_us;
    uint64_t request_us;  /* when it was linked */
    uint32_t incarnation; /* of the node when it connected */
    uint32_t pid;         /* the server's process, and its key for cancelling */
    uint8_t key[BACKEND_KEY_MAX];
    size_t key_len;
    uint32_t cancels; /* CancelRequests on their way: it must not go to somebody else meanwhile */
    bool close_when_idle; /* it must not serve another session */
    bool release_pending; /* released, but a cancel is on its way */
};

struct backend_statement {
    struct list node; /* in prepared_lru */
    uint64_t id;
};

/* A backend that has not begun to connect, with the settings of this text. */
struct backend *backend_new(struct pool_context *context, struct pool *pool, struct slice settings);
/* As a disposal: takes the struct backend, which is CLOSED. */
void backend_free(void *arg);
/* What must hold in its state. */
void backend_check(const struct backend *b);
bool backend_is_opening(const struct backend *b);
/* What a server may say to a backend that nobody uses: notices, changed parameters. False when it
 * closes, or says anything else. */
MUST_CHECK bool backend_read_idle(struct backend *b);

/* Whether the statement is prepared on it under the name that backend_statement_name gives; a yes
 * makes it the most recently used. */
bool backend_has_statement(struct backend *b, uint64_t id);
/* It will be, when what was sent has been executed. */
void backend_add_statement(struct backend *b, uint64_t id);
void backend_forget_statement(struct backend *b, uint64_t id);
void backend_forget_all_statements(struct backend *b);
/* The statement to close when more than max are prepared; 0 for none. */
uint64_t backend_statement_to_evict(const struct backend *b, size_t max);
/* "teal_17": the name at the server. */
enum { STATEMENT_NAME_SIZE = 32 };
void backend_statement_name(uint64_t id, char out[STATEMENT_NAME_SIZE]);

/* Processes a ParameterStatus body; false when it is malformed. */
MUST_CHECK bool backend_take_parameter(struct backend *b, struct slice body);

#endif
