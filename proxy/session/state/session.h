/* session.h — a client, from its start-up packet to its close: the data.
 *
 *      STARTUP -> AUTH -> LOGIN -> READY <-> LEAVING
 *                                    `-> REPLICATION          each -> ENDING -> CLOSED
 *
 * A session is the sum of its rooms' parts. Each part is written by the one file that is named with
 * it; everybody may read all of it. Its phases are phases.h; session_enter is the only function
 * that changes the phase.
 *
 * READY has three situations, told by its link: no backend (between transactions), waiting (for a
 * backend, or for the release of writes), linked to a backend. Input that cannot be processed now
 * stays in client.in; only then does a session own a buffer for it.
 *
 * An event is gathered by the file that hears of it, and then the session has its turn (turn.h),
 * which does everything that follows from it in one fixed order. Code below the turn never closes a
 * session: session_fail marks its end, and the turn gives back what it holds. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_SESSION_STATE_SESSION_H
#define TEAL_SESSION_STATE_SESSION_H

#include "net/outlet.h"
#include "pool/pool.h"
#include "route/route.h"
#include "session/prepared/names.h"
#include "session/state/database.h"
#include "session/state/phases.h"
#include "session/state/worker.h"
#include "sql/set.h"

struct auth_attempt;
struct client_count;

enum {
    SESSION_CANCEL_KEY_OLD = 4,  /* bytes of the key of a client that speaks 3.0 or 3.1 */
    SESSION_CANCEL_KEY_LEN = 32, /* ... and 3.2, as PostgreSQL 18 has it; the protocol allows 256 */
    SESSION_QUEUE_HIGH = 64 * 1024,    /* stop reading the source of a queue that is this long */
    SESSION_WHOLE_MAX = 1024 * 1024,   /* the longest message that is read as a whole */
    SESSION_REPLAY_MAX = 64 * 1024,    /* the longest read that can be sent again to the writer */
    SESSION_DISCARD_MAX = 1024 * 1024, /* reply bytes that are read for a client that has left */
    SESSION_STREAK_MIXED = INT32_MAX,
    SESSION_CLIENT_LIMITS = 5, /* kinds of limits it is counted under: client_limits.h */
};

/* The wire to the client. Written by client/client.c; what goes out is appended by many. */
struct client {
    struct stream stream;
    struct slice fresh; /* borrowed from the receive buffer, for this turn: input not processed */
    struct buf in;      /* input that had to be kept; ahead of fresh */
    struct outlet out;
    char peer[64];
    bool is_local;          /* came by a Unix socket */
    size_t in_needed;       /* the length of a whole message that is waited for */
    uint64_t pass_left;     /* bytes of a long message that go on unread */
    bool pass_is_discarded; /* ... or are discarded */
    bool input_ended;       /* the client has closed its end; it may still read */
    bool write_closed;      /* the client takes no more answers: they are read and discarded */
    size_t discarded;       /* bytes of them */
};

/* How far the start of the connection has come. Written by login/startup.c. */
struct startup {
    bool ssl_asked, gss_asked;
    bool first_byte_seen; /* it has told whether the client speaks TLS from the start */
    bool tls_is_direct;
};

/* Who it is. Written by login/identity.c. */
struct identity {
    char *user, *database, *application; /* owned */
    uint32_t pair;                       /* whose database that is */
    enum pool_use use;           /* of its backends: a replication connection has other ones */
    uint16_t minor;              /* of the protocol that it and Teal speak */
    struct settings_draft draft; /* during STARTUP */
    /* What finds it again for a CancelRequest. The process id is 8 bits of worker and 24 of number;
     * the key is random throughout. Several Teals would put who they are ahead of the random bytes
     * of a 3.2 key (the protocol has room for 256), and can tell each other's by the length. */
    uint32_t cancel_pid;
    uint8_t cancel_key[SESSION_CANCEL_KEY_LEN];
    size_t cancel_key_len;
};

/* Its backend, or its wait for one. Written by link/link.c. */
struct link {
    struct route_session traits;
    struct route_decision decision; /* of the current transaction */
    struct pool_family *pools;      /* borrowed; NULL until needed */
    struct backend *backend;        /* borrowed from its pool, while linked */
    bool is_fresh;                  /* nothing was sent on the backend since it was linked */
    bool is_busy;     /* a transaction is under way on it; counted in worker->gauges.busy */
    bool is_applying; /* the SELECT set_config() ahead of its messages is not answered yet */
    bool is_held;
    struct pool_waiter waiter; /* waiter.pool is set while it waits */
    struct list held_node;     /* in worker->held */
    /* A streak: the session's transactions on one backend without another session in between. What
     * may have called nextval was sent in this one; 0: nothing was; STREAK_MIXED: in several. */
    uint32_t write_streak;
    uint32_t streaks;        /* so many it has begun */
    uint64_t transaction_us; /* when its first message was processed; 0 outside */
    uint64_t wait_since_us;
    uint64_t wait_told_us; /* the wait_since_us of the wait that the client was told of */
};

/* What the server told, as the client was told it. Written by link/parameters.c. */
struct parameters {
    struct params *told;    /* shared (ref) */
    bool encoding_is_safe;  /* its texts may be classified */
    bool backslash_escapes; /* standard_conforming_strings is off: so are those with a backslash */
};

/* What it has set. Written by link/tracked_settings.c. */
struct tracked_settings {
    struct settings *now;      /* shared (ref): what it has set by now */
    struct settings *at_login; /* shared (ref): what it had set at login, and RESET goes back to */
    enum sql_set_kind change;  /* one that the server has not agreed to yet */
    struct buf change_text;    /* its name and value */
    bool change_is_executed;   /* of one that was bound: an Execute has followed */
};

/* The query cycle: from a first message to the moment the server owes nothing. Written by
 * query/cycle.c. */
struct cycle {
    bool is_open;      /* a message was sent, and not all is answered that was */
    bool in_batch;     /* extended messages without their Sync yet */
    bool is_sent;      /* one Query or batch was sent: the next may have to wait for its answer */
    bool is_alone;     /* nothing was owed when its first message was processed */
    bool failed;       /* the server has answered with an error */
    bool wrote;        /* something other than a plain read was sent in this transaction */
    uint64_t since_us; /* when the server was last given something to do with nothing owed */
};

/* Its prepared statements. Written by query/prepared.c; in names query/server.c confirms the
 * changes that Teal answers itself. */
struct prepared {
    struct names names;
    bool is_changing;     /* a name was changed, or a named statement sent: no answer yet */
    bool unnamed_is_here; /* the unnamed statement was sent in this batch */
    bool forgets;         /* DEALLOCATE ALL or DISCARD ALL was sent in this cycle */
    bool portal_forgets;  /* ... by a portal that may still be executed */
    bool flush_is_sent;   /* the server was asked to answer what it has */
    bool query_failed;    /* the Query at the head of the flow, which changes names */
    char *refused_name;   /* owned: the name in the next error about a statement; NULL for none */
};

/* A read on a read-only backend may turn out to write, or its server may be lost: until the server
 * has begun to answer it can be sent again. Written by query/replay.c. */
struct replay {
    bool is_armed;
    bool is_pending; /* replies are discarded until ReadyForQuery, then messages are sent again */
    bool is_second;  /* what is processed now is a replay: it goes to the writer, and no further */
    bool is_lost;    /* the server went away: another of its side may serve the read */
    uint8_t servers; /* so many have */
    struct buf messages; /* as the client sent them */
    struct buf answers;  /* those without effect (ParseComplete, ...), kept back meanwhile */
};

/* Server to client, within a message. Written by query/relay.c. */
struct reply {
    uint64_t left;     /* bytes of a long reply that go on unread */
    bool is_discarded; /* ... or are discarded */
    bool is_passed;    /* the message in hand is on its way already */
    bool fatal_seen;   /* the server has told the client that it is over */
};

/* A replication connection. Written by replication/replication.c. */
struct replication {
    uint64_t reply_left; /* bytes of the walsender's message that go on unread */
    bool fatal_seen;     /* its last message was an error: if it closes now, it has said why */
    bool terminated;     /* the client has said so: the walsender ends when it has read it */
};

struct session {
    struct list node;          /* in worker->arriving until it is READY, then in worker->sessions */
    struct list woken_node;    /* in worker->woken: by session_wake_later */
    struct worker *worker;     /* borrowed */
    struct database *database; /* borrowed, and counted there; NULL until it has named one */
    struct worker_stats *stats; /* borrowed: of its database; until it has logged in the worker's */
    uint64_t id;
    enum session_phase phase;
    uint32_t pins; /* enum sql_pin: why it keeps its backend; by session_pin */
    uint64_t connected_us;
    struct log_ctx log; /* its texts are those of the identity */

    struct client client;
    struct link link;
    struct cycle cycle;
    struct reply reply;
    struct replication replication;
    struct replay replay;
    struct prepared prepared;
    struct tracked_settings settings;
    struct parameters params;
    struct identity identity;
    struct startup startup;
    struct auth_attempt *auth;                           /* owned, during AUTH: authenticate.c */
    struct client_count *counted[SESSION_CLIENT_LIMITS]; /* borrowed: admission.c */
};

/* A new one in STARTUP, without anything yet. */
void session_init(struct session *s, struct worker *w);
bool session_is_open(const struct session *s);
/* The event leads from the phase to the next; one that phases.def does not have is a bug. */
void session_enter(struct session *s, enum session_event event);
/* Asserts what must hold of the session between two events. */
void session_check(const struct session *s);

/* It is over: the client is told (err may be NULL: without a word) unless it is in the middle of a
 * message. Harmless when it is over already. What it holds is given back at the end of its turn. */
void session_fail(struct session *s, const struct err *err);
/* session_fail with an error of this text. */
void session_refuse(struct session *s, const char *sqlstate, const char *fmt, ...)
    PRINTF_LIKE(3, 4);
/* Queues an ErrorResponse of severity ERROR for the client. */
void session_send_error(struct session *s, const struct err *err);
/* The session keeps its backend from now on, for these reasons (enum sql_pin). */
void session_pin(struct session *s, uint32_t pins);
/* Something was found out outside of its turn: it has one now. */
void session_wake(struct session *s);
/* The same at the end of the loop's turn. For what may happen within the turn of another session: a
 * backend goes from one to the next, and turns must not stand on each other's stack. */
void session_wake_later(struct session *s);

/* The routing view of its pair, as its worker knows it. */
const struct view *session_view(const struct session *s);
/* Whether its pair sends reads and writes to one side. */
bool session_is_single(const struct session *s);

#endif
