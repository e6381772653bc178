/* session.h — a client, from its start-up packet to its close: for the files of the session layer
 * only.
 *
 *      STARTUP -> AUTH -> LOGIN -> READY -> LEAVING -> CLOSED
 *                              `-> REPLICATION ------'
 *
 * STARTUP reads untyped packets; AUTH proves who it is; LOGIN learns the parameters that the client
 * will be told, from a backend if no login like this one was seen before; READY serves; LEAVING has
 * read Terminate and lets what was asked finish; CLOSED is freed at the end of the turn.
 * REPLICATION has a walsender of its own from its login to its end (replication.c).
 *
 * READY has three situations, told by what is set: no backend (between transactions), a waiter or a
 * place in the held queue (waits for a backend or for the release of writes), a backend. Input that
 * cannot be taken on now stays in `in`; only then does a session own a buffer. See frontend.c
 * (client to server), relay.c (server to client), place.c (which backend) and login.c. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_SESSION_SESSION_H
#define TEAL_SESSION_SESSION_H

#include "net/stream.h"
#include "pool/pool.h"
#include "route/route.h"
#include "session/census.h"
#include "session/names.h"
#include "session/thread.h"
#include "sql/set.h"

struct auth_attempt;

enum session_phase {
    SESSION_STARTUP,
    SESSION_AUTH,
    SESSION_LOGIN,
    SESSION_READY,
    SESSION_REPLICATION,
    SESSION_LEAVING,
    SESSION_CLOSED,
};

enum {
    SESSION_CANCEL_KEY_OLD = 4,  /* bytes of the key of a client that speaks 3.0 or 3.1 */
    SESSION_CANCEL_KEY_LEN = 32, /* ... and 3.2, as PostgreSQL 18 has it; the protocol allows 256 */
    SESSION_QUEUE_HIGH = 64 * 1024,    /* stop reading the source of a queue that is this long */
    SESSION_WHOLE_MAX = 1024 * 1024,   /* the longest message that is read as a whole */
    SESSION_REPLAY_MAX = 64 * 1024,    /* the longest read that can be sent again to the writer */
    SESSION_DISCARD_MAX = 1024 * 1024, /* reply bytes that are read for a client that has left */
};

/* In the tag of a flow entry: the Parse was of the unnamed statement. */
#define SESSION_UNNAMED_TAG (UINT64_C(1) << 63)
/* The tag of a message that was sent to fail, in its place in order; with the reason in the low
 * bits. */
#define SESSION_REFUSED_TAG (UINT64_C(1) << 62)

/* The Parse of a statement that only this backend has; only its session knows of it. */
#define SESSION_OPAQUE_TAG (UINT64_C(1) << 61)

enum session_refusal {
    REFUSAL_TOO_MANY_STATEMENTS,
    REFUSAL_LIFTS_READ_ONLY,
    REFUSAL_SEQUENCE_STATE,
    REFUSAL_STATE_OF_READER,
    REFUSALS_COUNT,
};

/* A stretch of input that goes on as it is: sent from where it was received. */
struct run {
    const uint8_t *p; /* borrowed from the receive buffer, for this turn */
    size_t len;
};

struct session {
    struct list node;      /* in worker->arriving until it is READY, then in worker->sessions */
    struct worker *worker; /* borrowed */
    uint64_t id;
    enum session_phase phase;
    struct stream stream;
    struct buf in;  /* received, not taken on yet */
    struct buf out; /* what the client's socket did not take */
    char peer[64];
    struct log_ctx log; /* its texts are those below */
    uint64_t connected_us;
    /* What finds it again for a CancelRequest. The process id is 8 bits of worker and 24 of number;
     * the key is random throughout. Several Teals would put who they are ahead of the random bytes
     * of a 3.2 key (the protocol has room for 256), and can tell each other's by the length. */
    uint32_t cancel_pid;
    uint8_t cancel_key[SESSION_CANCEL_KEY_LEN];
    size_t cancel_key_len;

    /* Who it is. */
    char *user, *database, *application; /* owned */
    enum pool_use use; /* of its backends: a replication connection has other ones */
    bool is_local;     /* came by a Unix socket */
    struct headcount *counted[CENSUS_KINDS_COUNT]; /* borrowed from the census: see admission.c */
    bool ssl_asked, gss_asked;
    bool first_byte_seen; /* it has told whether the client speaks TLS from the start */
    bool tls_direct;
    uint16_t minor;                  /* of the protocol that it and Teal speak */
    struct auth_attempt *auth;       /* owned, during AUTH: see authenticate.h */
    struct settings_draft draft;     /* during STARTUP */
    struct settings *settings;       /* shared (ref): what it has set by now */
    struct settings *login_settings; /* shared (ref): what it had set at login */
    struct params *params;           /* shared (ref): what the client was told */
    bool encoding_is_safe;           /* its texts may be classified */
    bool backslash_escapes; /* standard_conforming_strings is off: so are those with a backslash */
    struct names names;     /* its prepared statements */
    bool prepares; /* a named statement was sent to be prepared, or a name changed: no answer yet */
    uint32_t unnamed_owed;     /* the same of the unnamed statement: so many are not answered */
    bool unnamed_is_here;      /* it was sent in this batch */
    struct statement *unnamed; /* shared (ref) */

    /* Its backend, or its wait for one. */
    struct pool
        *pools[SIDES_COUNT][2]; /* borrowed: by side and read_only; NULL until first needed */
    struct backend *backend;    /* borrowed from its pool, while linked */
    bool backend_is_own;        /* nobody else has used it since this session did last */
    bool backend_is_busy;       /* counted in worker->gauges.busy */
    bool applying_settings; /* the SELECT set_config() ahead of its messages is not answered yet */
    struct pool_waiter waiter; /* waiter.pool is set while it waits */
    struct list held_node;     /* in worker->held */
    bool is_held;
    uint64_t wait_since_us;
    uint64_t wait_told_us; /* the wait_since_us of the wait that it was told of */

    /* The transaction. */
    struct route_session traits;
    struct route_decision decision; /* of the current transaction */
    uint32_t pins;                  /* enum sql_pin: why it keeps its backend */
    bool wrote;         /* something other than a plain read was sent in this transaction */
    bool unit_is_alone; /* nothing was owed when its first message was taken on */
    bool unit_failed;   /* the server has answered with an error */
    enum sql_set_kind
        set_kind;   /* a change of settings that the server has not agreed to yet: see carry.c */
    struct buf set; /* its name and value */
    bool forgets_statements; /* DISCARD ALL or DEALLOCATE ALL was sent */
    bool unit_done; /* one Query or batch was sent: the next waits for its answer (see place.c) */
    bool in_batch;  /* extended messages without their Sync yet */
    bool batch_failed;       /* a local error: skip to Sync */
    uint64_t unit_us;        /* when the first message of the transaction was taken on; 0 outside */
    struct sql_traits query; /* of the Query that is taken on, when place.c has read it already */
    bool query_known;
    bool fatal_seen;    /* the server has told the client that it is over */
    uint64_t query_us;  /* when the server was last given something to do with nothing owed */
    bool forced_writer; /* a read that turned out to write: this time it goes to the writer */

    /* Client to server, within a message. */
    uint64_t pass_left; /* bytes of a long message that go on unread */
    bool pass_drop;     /* ... or to nowhere */
    size_t in_needed;   /* the whole message that is waited for */
    struct run to_server;
    bool input_ended; /* the client has closed its end; it may still read */
    bool is_deaf;     /* the client takes no more answers: they are read to nowhere */
    bool
        terminated; /* a replication client has said so; its walsender ends when it has read that */

    /* Server to client, within a message. */
    uint64_t reply_left; /* bytes of a long reply that go on unread */
    bool reply_drop;     /* ... or to nowhere */
    bool reply_sent;     /* the message in hand is in the run already */
    struct run to_client;
    size_t discarded; /* reply bytes read for a client that is_deaf */

    /* A read on a read-only backend may turn out to write: until the server has begun to answer it
     * can be sent again, to the writer. */
    bool replay_armed;
    bool replaying;    /* replies are dropped until ReadyForQuery, then replay is sent again */
    bool resent;       /* what is taken on now is a replay: it is not tried a third time */
    struct buf replay; /* the messages as the client sent them */
    struct buf held_replies; /* answers without effect (ParseComplete, ...) kept back meanwhile */
};

/* session.c */
/* NULL when it was refused, and told so. */
struct session *session_new(struct worker *w, int fd, const char *peer, bool is_local);
/* The one door out: tells the client (err may be NULL: without a word), gives back what it holds.
 * Harmless when closed already. */
void session_close(struct session *s, const struct err *err);
/* session_close with an error of this text. */
void session_refuse(struct session *s, const char *sqlstate, const char *fmt, ...)
    PRINTF_LIKE(3, 4);
bool session_is_open(const struct session *s);
/* Takes on what has been received, as far as it can be. */
void session_resume(struct session *s);
/* If the client has closed its end: whether anything is left to be done for it. */
void session_check_end(struct session *s);
/* The client takes no more answers: what it asked for before it left is finished all the same. */
void session_lost_reader(struct session *s);
/* It has left, and its backend owes nothing more: ends when it has had its last answer. */
void session_left(struct session *s);
/* Sends what is queued for the client, and sets what both streams wait for. */
void session_flush(struct session *s);
void session_update_interest(struct session *s);
/* Appends an ErrorResponse of severity ERROR for the client. */
void session_send_error(struct session *s, const struct err *err);

/* What the classifier says of a text of this client. */
struct sql_traits session_classify(const struct session *s, struct slice text);
/* The session keeps its backend from now on, for these reasons (enum sql_pin). */
void session_pin(struct session *s, uint32_t pins);
/* The parameters that it is told from now on. */
void session_take_params(struct session *s, struct params *params);

/* The client's prepared statements. */
void session_forget_unnamed(struct session *s);

/* A CancelRequest for it: its query is cancelled at the server, or taken out of the queue. */
void session_cancel(struct session *s);

/* login.c: takes on one packet or message at the front of in; the number of bytes, 0 when more is
 * needed. */
size_t login_consume(struct session *s, struct slice in);
/* Before the first byte of all is read: begins TLS when it is that of a TLS handshake. False when
 * the session has ended. */
bool login_first_byte(struct session *s);
/* The client has proved who it is. */
void login_authenticated(struct session *s);
/* The backend asked for by a login is there (or not: err). */
void login_linked(struct session *s);
void login_settings_applied(struct session *s);

/* authenticate.c: it waits no more for what another finds out; gives back what its attempt holds,
 * wiped. Both are harmless without an attempt. */
void authenticate_leave(struct session *s);
void authenticate_fini(struct session *s);

/* admission.c: a new connection (false when it was refused, and closed); it is counted no more. */
MUST_CHECK bool admission_arrive(struct session *s);
void admission_leave(struct session *s);

/* replication.c: the same for REPLICATION, from the moment its walsender is there, and the other
 * direction. */
void replication_begin(struct session *s);
size_t replication_consume(struct session *s, struct slice in);
void replication_ready(struct session *s, unsigned ready);

/* frontend.c: the same for READY. */
size_t frontend_consume(struct session *s, struct slice in);
/* Whether the header of a message is there and right; ends the session when it is wrong. */
bool frontend_header(struct session *s, struct slice in, uint8_t *type, uint64_t *total);
void frontend_finish_turn(struct session *s);

/* place.c */
/* Whether the message at the front of in may be taken on now; begins to look for a backend when
 * there is none. */
bool place_admit(struct session *s, uint8_t type, struct slice in);
/* Looks for a backend for a statement of the class: true when one is linked, false when the session
 * now waits. */
bool place_seek(struct session *s, enum sql_class class);
/* When the backend owes nothing: ends the transaction, gives the backend back or keeps it. */
void place_settle(struct session *s);
/* The session waits no more for the release of writes. */
void place_unhold(struct session *s);
/* Writes are held from now on: who waits in a pool of the writer is held instead; in any pool when
 * all is paused. */
void place_hold_waiters(struct worker *w);
/* The side does not answer any more: reads that wait for it look for another. */
void place_leave_dead(struct worker *w, enum side side);
/* A new view: all that were held look again, in their order. */
void place_held_again(struct worker *w);
void place_waiter_done(struct pool_waiter *waiter, struct backend *b, const struct err *err);
/* Sends the current read again, to the writer; its backend is free of it. */
void place_replay(struct session *s);
/* Its writes have moved away from the side that its backend is on: it ends. */
void place_left_behind(struct session *s);
/* Whether it owes nothing and is owed nothing: then COPY data and a Flush go nowhere. */
bool place_is_idle(const struct session *s);
/* Gives its backend back, or closes it when anything is left on it; harmless without one. */
void place_give_back(struct session *s);
/* Whether its backend counts as doing something. */
void place_busy(struct session *s, bool busy);
/* The client is told of parameters that differ on this backend. */
void place_sync_params(struct session *s);

/* relay.c */
void relay_ready(struct backend *b, unsigned ready);
/* The backend broke: the read is tried elsewhere, or the session ends. */
void relay_lost(struct session *s, const struct err *err);
/* What was sent will not be sent again elsewhere: the client gets the answers kept back. */
void relay_disarm(struct session *s);
/* Appends what Teal answers for the server, when its turn has come. */
void relay_local_replies(struct session *s);

#endif
