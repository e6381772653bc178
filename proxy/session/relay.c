/* relay.c — what a server answers, message by message.
 *
 * Every message is checked against the flow before anything of it is sent on: a reply that is not
 * owed ends the backend, and the client is told that its connection broke, never somebody else's
 * rows. Rows and COPY data pass by length; a stretch of them is one send from where it was
 * received. */
/* SPDX-License-Identifier: PostgreSQL */
#include <string.h>

#include "base/mem.h"
#include "session/session.h"
#include "wire/message.h"

enum { REPLY_WHOLE_MAX = 60 * 1024, ERROR_SEEN_MIN = 1024 };

/* Which replies must be seen whole before they go on; of the others the header is enough. An error
 * may be of any length: its first fields are enough. */
static bool
is_read_whole(uint8_t type, uint64_t total)
{
    return type == 'Z' || type == 'S' || type == 'C' || (type == 'E' && total <= REPLY_WHOLE_MAX);
}

/* Between the header and its first byte nothing is decided, but COPY BOTH and asynchronous requests
 * of authentication have no place after a login. */
static bool
is_unasked(uint8_t type)
{
    return type == 'N' || type == 'A' || type == 'S';
}

/* ---- towards the client ---- */

static void
spill(struct session *s)
{
    if (s->to_client.len > 0) {
        buf_put(&s->out, s->to_client.p, s->to_client.len);
        s->to_client = (struct run){NULL, 0};
    }
}

static void
reply_on(struct session *s, struct slice bytes)
{
    struct run *run = &s->to_client;
    if (run->len > 0 && run->p + run->len == bytes.p) {
        run->len += bytes.len;
        return;
    }
    spill(s);
    *run = (struct run){bytes.p, bytes.len};
}

/* One send, from the receive buffer when nothing is queued ahead. */
static void
finish_turn(struct session *s)
{
    if (s->is_deaf) {
        s->discarded += s->to_client.len;
        s->to_client.len = 0;
        buf_clear(&s->out);
        return;
    }
    if (s->to_client.len > 0 && buf_len(&s->out) == 0 && !s->out.failed) {
        size_t n;
        if (stream_send(&s->stream, s->to_client.p, s->to_client.len, &n) == STREAM_CLOSED) {
            s->to_client.len = 0;
            session_lost_reader(s);
            return;
        }
        stat_add(&s->worker->stats.bytes_sent, n);
        s->to_client.p += n;
        s->to_client.len -= n;
    }
    spill(s);
    session_flush(s);
}

void
relay_local_replies(struct session *s)
{
    static const uint8_t types[FLOW_KINDS_COUNT] = {[FLOW_PARSE] = '1', [FLOW_CLOSE] = '3'};
    struct flow_entry entry;
    if (s->reply_left > 0) {
        return; /* the client has had half of a message: behind its end */
    }
    while (flow_take_local(&s->backend->flow, &entry)) {
        CHECK(types[entry.kind] != 0);
        if (entry.tag == NAMES_TAG) {
            names_answered(&s->names);
        }
        spill(s);
        message_put_simple(s->replay_armed ? &s->held_replies : &s->out, types[entry.kind]);
    }
}

/* ---- when it breaks ---- */

static bool
can_try_elsewhere(const struct session *s)
{
    return s->replaying || (s->replay_armed && buf_len(&s->replay) > 0 && !s->in_batch);
}

void
relay_lost(struct session *s, const struct err *err)
{
    struct err unknown;
    const bool owed = !flow_empty(&s->backend->flow);
    const bool again = can_try_elsewhere(s);
    /* An error in the middle of a message would be read as a part of it. */
    const bool told = s->fatal_seen || (s->reply_left > 0 && !s->reply_drop);
    s->to_server.len = 0;
    s->to_client.len = 0;
    s->reply_left = 0;
    place_busy(s, false);
    pool_discard(&s->backend);
    s->applying_settings = false;
    names_take_back(&s->names);
    if (again && s->phase == SESSION_READY) {
        place_replay(s);
        session_flush(s);
        session_update_interest(s);
        return;
    }
    if (owed && !s->decision.read_only && s->phase == SESSION_READY) {
        stat_add(&s->worker->stats.outcome_unknown, 1);
        (void)err_set(&unknown, err->sqlstate, "%s; whether the statement took effect is unknown",
                      err->text);
        err = &unknown;
    }
    session_close(s, told || s->phase == SESSION_LEAVING ? NULL : err);
}

static void
broken(struct session *s, const char *what, uint8_t type)
{
    struct err err;
    const char *side = side_name(pool_key_of(s->backend->pool)->side);
    log_warn(&s->log, "backend dropped", "node=%s backend=%llu what=\"%s\" type=%u", side,
             (unsigned long long)s->backend->id, what, type);
    (void)err_set(&err, SQLSTATE_PROTOCOL, "%s broke the protocol: %s", side, what);
    s->replay_armed = false;
    s->replaying = false;
    s->reply_left = 0; /* of the message in hand nothing was sent */
    spill(s);
    relay_lost(s, &err);
}

/* ---- a read that turns out to write ---- */

/* What the server may say before it has begun to answer. */
static bool
is_preliminary(uint8_t type)
{
    return type == '1' || type == '2' || type == '3' || type == 't' || type == 'T' || type == 'n';
}

static void
disarm(struct session *s)
{
    s->replay_armed = false;
    buf_fini(&s->replay);
    if (buf_len(&s->held_replies) > 0) {
        spill(s);
        buf_put(&s->out, buf_slice(&s->held_replies).p, buf_len(&s->held_replies));
        buf_fini(&s->held_replies);
    }
}

void
relay_disarm(struct session *s)
{
    disarm(s);
}

/* A read-only backend refused to write (25006), gave way to replication (40001), or is shutting
 * down (57P0x): nothing has taken effect, and nothing was sent to the client. */
static bool
may_go_to_writer(struct slice sqlstate)
{
    return slice_equal_str(sqlstate, SQLSTATE_READ_ONLY) || slice_equal_str(sqlstate, "40001") ||
           slice_equal_str(sqlstate, SQLSTATE_ADMIN_SHUTDOWN) ||
           slice_equal_str(sqlstate, "57P02") ||
           slice_equal_str(sqlstate, SQLSTATE_CANNOT_CONNECT_NOW);
}

/* ---- one message ---- */

static void
statement_dropped(void *arg, const struct flow_entry *entry)
{
    struct session *s = arg;
    const uint64_t id = entry->tag & ~SESSION_UNNAMED_TAG;
    if ((entry->kind != FLOW_PARSE && entry->kind != FLOW_CLOSE) || entry->tag == 0) {
        return;
    }
    if ((entry->tag & SESSION_UNNAMED_TAG) != 0) {
        s->backend->unnamed = 0;
        s->unnamed_owed -= s->unnamed_owed > 0 ? 1 : 0;
        if (s->unnamed != NULL && s->unnamed->id == id) {
            session_forget_unnamed(s);
        }
        return;
    }
    if (entry->action != FLOW_SWALLOW || entry->kind == FLOW_CLOSE) {
        s->names.skipped = true;
    }
    if (entry->action != FLOW_LOCAL && entry->kind == FLOW_PARSE &&
        entry->tag != SESSION_OPAQUE_TAG) {
        backend_forget_statement(s->backend, id);
    }
}

/* However it was asked for, the server has forgotten its prepared statements: at once, whatever
 * becomes of the transaction. */
static void
on_complete(struct session *s, struct slice body)
{
    static const char *const forgets[] = {"DEALLOCATE ALL", "DISCARD ALL"};
    struct slice tag;
    if (!slice_take_cstr(&body, &tag)) {
        return;
    }
    for (size_t i = 0; i < COUNT_OF(forgets); i++) {
        if (slice_equal_str(tag, forgets[i])) {
            backend_forget_all_statements(s->backend);
            names_forget_all(&s->names);
        }
    }
}

static void
entry_done(struct session *s, const struct flow_entry *entry)
{
    if (entry->kind == FLOW_PARSE && (entry->tag & SESSION_UNNAMED_TAG) != 0) {
        s->unnamed_owed -= s->unnamed_owed > 0 ? 1 : 0;
    } else if (entry->tag == SESSION_OPAQUE_TAG ||
               (entry->kind != FLOW_PARSE && entry->tag == NAMES_TAG)) {
        names_answered(&s->names);
    } else if (entry->kind == FLOW_PARSE && entry->tag != 0) {
        backend_add_statement(s->backend, entry->tag); /* it was, unless all were forgotten since */
        if (entry->action == FLOW_FORWARD) {
            names_answered(&s->names);
        }
    }
    if (entry->kind == FLOW_QUERY && entry->action == FLOW_SWALLOW) {
        s->applying_settings = false;
        if (s->phase == SESSION_READY) {
            place_sync_params(s);
        }
    }
    relay_local_replies(s);
}

/* The settings of a login were refused: the server's own words, as FATAL. */
static void
refuse_settings(struct session *s, const struct message_error *e)
{
    struct err err;
    char sqlstate[6] = SQLSTATE_INVALID_PARAMETER;
    if (e->sqlstate.len == 5) {
        memcpy(sqlstate, e->sqlstate.p, 5);
    }
    (void)err_set(&err, sqlstate, "%.*s", (int)(e->text.len < 400 ? e->text.len : 400),
                  e->text.len == 0 ? "" : (const char *)e->text.p);
    session_close(s, &err);
}

/* Why a message was sent to fail: what the client is told in the place of the server's error. */
static const struct refusal {
    const char *sqlstate;
    const char *text;
    const char *hint;
} refusals[REFUSALS_COUNT] = {
    [REFUSAL_TOO_MANY_STATEMENTS] = {"54000", "too many prepared statements in one session",
                                     "Close statements, or raise max_prepared_statements."},
    [REFUSAL_LIFTS_READ_ONLY] =
        {SQLSTATE_READ_ONLY, "a read-only session or transaction cannot be made read-write here",
         "Begin the transaction without READ ONLY."},
    [REFUSAL_STATE_OF_READER] = {SQLSTATE_READ_ONLY,
                                 "state of the session cannot be changed in a read-only "
                                 "transaction that runs on a follower",
                                 "Do it before the transaction, or begin without READ ONLY."},
    [REFUSAL_SEQUENCE_STATE] = {SQLSTATE_OBJECT_NOT_IN_STATE,
                                "currval and lastval are not defined: another session has used the "
                                "backend since",
                                "Use RETURNING, or call them in the transaction of nextval."},
};

static void
send_refusal(struct session *s, enum session_refusal why)
{
    struct err err;
    CHECK(why < REFUSALS_COUNT);
    (void)err_set(&err, refusals[why].sqlstate, "%s", refusals[why].text);
    (void)err_hint(&err, "%s", refusals[why].hint);
    if (s->replay_armed) {
        disarm(s); /* what is held back comes before the error */
    }
    spill(s);
    session_send_error(s, &err);
}

/* The backend has other statements than it is thought to have (a client may deallocate them by the
 * names that the server knows): this client is told, the next one gets another backend. */
static bool
is_at_odds(const struct flow_entry *entry, struct slice sqlstate)
{
    const bool ours =
        entry->tag != 0 && (entry->tag & (SESSION_UNNAMED_TAG | SESSION_REFUSED_TAG)) == 0;
    const bool uses = entry->kind == FLOW_BIND || entry->kind == FLOW_DESCRIBE;
    return ours && ((entry->kind == FLOW_PARSE && slice_equal_str(sqlstate, "42P05")) ||
                    (uses && slice_equal_str(sqlstate, "26000")));
}

/* False when the session or its backend has ended, or the message must not go on. */
static bool
on_error(struct session *s, struct slice body, const struct flow_verdict *verdict)
{
    struct message_error e;
    message_error(body, &e);
    if (s->replaying) {
        return false;
    }
    if (s->replay_armed && buf_len(&s->replay) > 0 && !s->in_batch &&
        may_go_to_writer(e.sqlstate)) {
        s->replaying = true;
        return false;
    }
    if (s->applying_settings && verdict->action == FLOW_SWALLOW) {
        refuse_settings(s, &e);
        return false;
    }
    s->unit_failed = true;
    if (verdict->entry.kind == FLOW_QUERY && verdict->entry.tag == NAMES_TAG) {
        names_take_back(&s->names); /* it did not deallocate */
    }
    if (is_at_odds(&verdict->entry, e.sqlstate)) {
        s->backend->close_when_idle = true;
    }
    if ((verdict->entry.tag & SESSION_REFUSED_TAG) != 0) {
        send_refusal(s, (enum session_refusal)(verdict->entry.tag & ~SESSION_REFUSED_TAG));
        return false;
    }
    if (slice_equal_str(e.severity, "FATAL") || slice_equal_str(e.severity, "PANIC")) {
        s->fatal_seen = true;
    }
    stat_add(&s->worker->stats.client_errors, 1);
    errors_note_server(&s->worker->errors, e.sqlstate, s->fatal_seen);
    return true;
}

/* A changed parameter: the set is kept, and the client hears of it unless Teal itself caused it. */
static bool
on_parameter(struct session *s, struct slice body)
{
    struct slice in = body;
    struct slice name;
    const bool ok = slice_take_cstr(&in, &name) && backend_take_parameter(s->backend, body);
    if (!ok) {
        broken(s, "malformed ParameterStatus", 'S');
        return false;
    }
    if (s->applying_settings || s->phase != SESSION_READY || param_is_node_role(name)) {
        return false;
    }
    session_take_params(s, s->backend->params);
    return true;
}

/* The server goes, after it has answered all: the client need not know, another one serves it. */
static bool
is_last_word(const struct session *s)
{
    const struct backend *b = s->backend;
    return flow_empty(&b->flow) && !b->flow.skipping && b->flow.txn == 'I' && !s->in_batch &&
           s->pins == SQL_PIN_NONE;
}

/* To the client, or kept back behind what is kept back already. */
static void
send_reply(struct session *s, uint8_t type, struct slice seen)
{
    if (s->replay_armed && is_preliminary(type)) {
        buf_put(&s->held_replies, seen.p, seen.len);
        return;
    }
    reply_on(s, seen);
}

/* Whether the message goes on to the client. */
static bool
on_reply(struct session *s, uint8_t type, struct slice seen)
{
    struct backend *b = s->backend;
    const struct slice body = slice_of(seen.p + WIRE_HEADER_LEN, seen.len - WIRE_HEADER_LEN);
    if (type == 'S') {
        return on_parameter(s, body);
    }
    if (is_unasked(type)) {
        return s->phase != SESSION_LOGIN && !s->replaying;
    }
    if (type == 'Z' && body.len != 1) {
        broken(s, "malformed ReadyForQuery", type);
        return false;
    }
    if (type == 'E' && is_last_word(s)) {
        b->close_when_idle = true;
        return false;
    }
    const struct flow_verdict verdict =
        flow_reply(&b->flow, type, type == 'Z' ? body.p[0] : 0, statement_dropped, s);
    if (verdict.bad) {
        broken(s, "a reply that was not asked for", type);
        return false;
    }
    if (b->flow.copy_in && s->phase == SESSION_LEAVING) {
        session_close(s, NULL); /* nobody is left to send the data */
        return false;
    }
    if (type == 'G' && b->flow.syncs_ignored && flow_head(&b->flow)->kind == FLOW_EXECUTE) {
        s->in_batch = true; /* the Sync that ended it went into the COPY: another must come */
        s->unit_done = false;
    }
    if (s->names.skipped) {
        s->names.skipped = false;
        names_take_back(&s->names);
    }
    if (type == 'E' && !on_error(s, body, &verdict)) {
        return false;
    }
    if (type == 'C') {
        on_complete(s, body);
    }
    const bool forward = (type == 'E' || verdict.action == FLOW_FORWARD) && !s->replaying;
    if (verdict.done) {
        /* What Teal answers itself comes behind this one, so this one goes first. */
        if (forward) {
            send_reply(s, type, seen);
            s->reply_sent = true;
        }
        entry_done(s, &verdict.entry);
    }
    return forward;
}

/* Takes one message, or the part of it that is here; the number of bytes, 0 when more is needed. */
static size_t
relay_one(struct session *s, struct slice in)
{
    if (s->reply_left > 0) {
        const size_t here = in.len < s->reply_left ? in.len : (size_t)s->reply_left;
        if (!s->reply_drop) {
            reply_on(s, slice_of(in.p, here));
        }
        s->reply_left -= here;
        relay_local_replies(s);
        return here;
    }
    uint8_t type;
    uint64_t total;
    const enum wire_result r = wire_peek(in, UINT32_MAX, &type, &total);
    if (r == WIRE_MORE) {
        return 0;
    }
    if (r == WIRE_BAD || (is_read_whole(type, total) && total > REPLY_WHOLE_MAX)) {
        broken(s, "invalid message length", in.p[0]);
        return 0;
    }
    const bool whole = in.len >= total;
    if (!whole && (is_read_whole(type, total) || (type == 'E' && in.len < ERROR_SEEN_MIN))) {
        return 0;
    }
    const size_t here = whole ? (size_t)total : in.len;
    const struct slice seen = slice_of(in.p, here);
    s->reply_sent = false;
    s->reply_left = total - here;
    const bool preliminary =
        whole && is_preliminary(type) && buf_len(&s->held_replies) + total < SESSION_REPLAY_MAX;
    /* What answers the settings is not yet an answer to the read. */
    if (s->replay_armed && !s->replaying && !s->applying_settings && !preliminary &&
        !is_unasked(type) && type != 'E') {
        disarm(s);
    }
    const bool forward = on_reply(s, type, seen);
    if (!session_is_open(s) || s->backend == NULL) {
        return here;
    }
    if (type == 'E' && forward && s->replay_armed) {
        disarm(s);
    }
    if (forward && !s->reply_sent) {
        send_reply(s, type, seen);
    }
    s->reply_drop = !forward;
    return here;
}

static size_t
relay_take(struct session *s, struct backend *b, struct slice in)
{
    size_t used = 0;
    while (used < in.len && session_is_open(s) && s->backend == b) {
        const size_t n = relay_one(s, slice_of(in.p + used, in.len - used));
        if (n == 0) {
            break;
        }
        used += n;
    }
    return used;
}

/* A client that has left has no use for a long answer: then the backend is not worth waiting for.
 */
static bool
is_worth_draining(const struct session *s)
{
    return !s->is_deaf || s->discarded < SESSION_DISCARD_MAX;
}

/* After a receive: what was answered is sent, and if all was answered the transaction may have
 * ended. */
static void
relay_settle(struct session *s)
{
    finish_turn(s);
    if (!session_is_open(s)) {
        return;
    }
    if (!is_worth_draining(s)) {
        session_close(s, NULL);
        return;
    }
    if (s->phase == SESSION_LOGIN) {
        login_linked(s);
    }
    place_settle(s);
    session_resume(s);
    session_flush(s);
    session_update_interest(s);
}

/* A part of what the server says has no room: it cannot be made good. */
static void
out_of_memory(struct session *s)
{
    struct err err;
    (void)err_set(&err, SQLSTATE_OUT_OF_MEMORY, "out of memory");
    s->replay_armed = false;
    s->replaying = false;
    relay_lost(s, &err);
}

static void
relay_read(struct session *s, struct backend *b)
{
    struct worker *w = s->worker;
    size_t n;
    const enum stream_status status = stream_recv(&b->stream, w->scratch, WORKER_SCRATCH_LEN, &n);
    if (status == STREAM_AGAIN) {
        return;
    }
    if (status == STREAM_CLOSED) {
        struct err err;
        (void)err_set(&err, SQLSTATE_CONNECTION_FAILURE, "%s closed the connection",
                      side_name(pool_key_of(b->pool)->side));
        relay_lost(s, &err);
        return;
    }
    if (buf_len(&b->in) > 0) {
        if (!buf_append(&b->in, slice_of(w->scratch, n))) {
            out_of_memory(s);
            return;
        }
        const size_t used = relay_take(s, b, buf_slice(&b->in));
        if (session_is_open(s) && s->backend == b) {
            spill(s); /* before the bytes that it points at move */
            buf_consume(&b->in, used);
        }
    } else {
        const size_t used = relay_take(s, b, slice_of(w->scratch, n));
        if (session_is_open(s) && s->backend == b &&
            !buf_append(&b->in, slice_of(w->scratch + used, n - used))) {
            out_of_memory(s);
        }
    }
    if (session_is_open(s)) {
        relay_settle(s);
    }
}

void
relay_ready(struct backend *b, unsigned ready)
{
    struct session *s = b->owner;
    CHECK(s != NULL && s->backend == b);
    if (s->phase == SESSION_REPLICATION) {
        replication_ready(s, ready);
        return;
    }
    if ((ready & WATCH_WRITE) != 0) {
        if (stream_flush(&b->stream, &b->out) == STREAM_CLOSED) {
            struct err err;
            (void)err_set(&err, SQLSTATE_CONNECTION_FAILURE, "the connection to %s was lost",
                          side_name(pool_key_of(b->pool)->side));
            relay_lost(s, &err);
            return;
        }
        if (buf_len(&b->out) == 0) {
            buf_shrink(&b->out);
            place_settle(s);
            session_resume(s);
        }
        session_flush(s);
        session_update_interest(s);
    }
    if ((ready & WATCH_READ) != 0 && session_is_open(s) && s->backend == b) {
        relay_read(s, b);
    }
}
