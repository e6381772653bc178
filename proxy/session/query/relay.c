/* relay.c — what a server answers, message by message. See relay.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "session/query/relay.h"

#include "session/link/link.h"
#include "session/link/parameters.h"
#include "session/link/tracked_settings.h"
#include "session/query/cycle.h"
#include "session/query/prepared.h"
#include "session/query/replay.h"
#include "session/query/server.h"
#include "session/query/server_error.h"
#include "wire/message.h"

enum { REPLY_WHOLE_MAX = 60 * 1024, ERROR_SEEN_MIN = 1024 };

/* Which replies must be seen whole before they go on; of the others the header is enough. An error
 * may be of any length: its first fields are enough. */
static bool
is_read_whole(const struct frame *f)
{
    return f->type == 'Z' || f->type == 'S' || f->type == 'C' ||
           (f->type == 'E' && f->total <= REPLY_WHOLE_MAX);
}

/* What a server may say at any time, asked or not. */
static bool
is_unasked(uint8_t type)
{
    return type == 'N' || type == 'A' || type == 'S';
}

/* What the server may say before it has begun to answer. */
static bool
is_preliminary(uint8_t type)
{
    return type == '1' || type == '2' || type == '3' || type == 't' || type == 'T' || type == 'n';
}

/* ---- when it breaks ---- */

/* What the client is told of what it did on the backend that was lost; nothing: of what it holds
 * there, or nothing at all. */
static const char *
outcome_of(struct session *s)
{
    const struct backend *b = s->link.backend;
    if (s->phase != SESSION_READY || s->link.decision.read_only) {
        return NULL;
    }
    if (!flow_empty(&b->flow)) {
        stat_add(&s->stats->outcome_unknown, 1);
        return "whether the statement took effect is unknown";
    }
    return b->flow.txn != 'I' ? "the transaction was rolled back" : NULL;
}

/* A session that idles on the backend that it keeps has lost what it holds there, and nothing
 * else. */
static bool
has_lost_its_state(const struct session *s)
{
    return s->phase == SESSION_READY && !s->link.is_busy && s->pins != SQL_PIN_NONE;
}

/* It keeps a backend for the session, and has nothing there: the next statement gets another. */
static bool
needs_it_no_more(const struct session *s)
{
    return s->phase == SESSION_READY && s->database->keeps_backends && !s->link.is_busy &&
           s->pins == SQL_PIN_NONE && link_is_quiet(s);
}

static void
lose(struct session *s, const struct err *err)
{
    struct err whole;
    CHECK(s->link.backend != NULL);
    if (needs_it_no_more(s)) {
        link_lose(s);
        return;
    }
    const bool again = replay_is_possible(s) && s->phase == SESSION_READY;
    const char *outcome = again ? NULL : outcome_of(s);
    const bool lost_state = has_lost_its_state(s);
    /* An error in the middle of a message would be read as a part of it. */
    const bool told = s->reply.fatal_seen || (s->reply.left > 0 && !s->reply.is_discarded);
    s->reply.left = 0;
    (void)outlet_queue(&s->client.out); /* the bytes that a run points at go with the backend */
    prepared_lost(s);
    link_lose(s);
    if (again) {
        replay_again(s);
        return;
    }
    if (outcome != NULL) {
        (void)err_set(&whole, err->sqlstate, "%s; %s", err->text, outcome);
        err = &whole;
    } else if (lost_state) {
        link_say_lost_state(s, err->text, &whole);
        err = &whole;
    }
    session_fail(s, told || s->phase == SESSION_LEAVING ? NULL : err);
}

static void
lose_connection(struct session *s, const char *before, const char *behind)
{
    struct err err;
    (void)err_set(&err, SQLSTATE_CONNECTION_FAILURE, "%s%s%s", before, side_name(link_side(s)),
                  behind);
    link_server_is_lost(s);
    replay_note_lost(s);
    lose(s, &err);
}

/* A part of what the server says has no room: it cannot be made good. */
static void
lose_for_memory(struct session *s)
{
    struct err err;
    (void)err_set(&err, SQLSTATE_OUT_OF_MEMORY, "out of memory");
    replay_abandon(s);
    lose(s, &err);
}

/* The server said what it may not; of the message in hand nothing was sent. */
static void
lose_for_protocol(struct session *s, const char *what, uint8_t type)
{
    struct err err;
    const char *side = side_name(link_side(s));
    log_warn(&s->log, "backend dropped", "node=%s backend=%llu what=\"%s\" type=%u", side,
             (unsigned long long)s->link.backend->id, what, type);
    (void)err_set(&err, SQLSTATE_PROTOCOL, "%s broke the protocol: %s", side, what);
    replay_abandon(s);
    s->reply.left = 0;
    lose(s, &err);
}

/* ---- one message ---- */

/* An error ends a request, and makes the server skip those behind it in the batch. */
struct failure {
    struct session *session;
    bool is_first; /* the entry is the one that failed by itself */
};

static void
on_dropped(void *arg, const struct flow_entry *entry)
{
    struct failure *failure = arg;
    if (failure->is_first) {
        prepared_failed(failure->session, entry);
    } else {
        prepared_skipped(failure->session, entry);
    }
    failure->is_first = false;
}

/* However it was asked for, the server has forgotten its prepared statements: at once, whatever
 * becomes of the transaction. */
static void
on_complete(struct session *s, const struct frame *f)
{
    struct slice body = frame_body(f);
    struct slice tag;
    if (!slice_take_cstr(&body, &tag)) {
        return;
    }
    const bool discards = slice_equal_str(tag, "DISCARD ALL");
    if (discards) {
        tracked_discarded(s);
    }
    if (discards || slice_equal_str(tag, "DEALLOCATE ALL")) {
        prepared_forget_all(s);
    }
}

static void
on_done(struct session *s, const struct flow_entry *entry)
{
    prepared_answered(s, entry);
    if (entry->kind == FLOW_QUERY && entry->action == FLOW_SWALLOW) {
        link_settings_applied(s);
        if (s->phase == SESSION_READY) {
            parameters_sync(s);
        }
    }
    server_answer_local(s);
}

/* A changed parameter: the set is kept, and the client hears of it unless Teal itself caused it. */
static bool
on_parameter(struct session *s, const struct frame *f)
{
    struct slice in = frame_body(f);
    struct slice name;
    if (!slice_take_cstr(&in, &name) || !backend_take_parameter(s->link.backend, frame_body(f))) {
        lose_for_protocol(s, "malformed ParameterStatus", 'S');
        return false;
    }
    if (s->link.is_applying || s->phase != SESSION_READY || param_is_node_role(name)) {
        return false;
    }
    parameters_take(s, s->link.backend->params);
    return true;
}

/* The server goes, after it has answered all: the client need not know, another one serves it. */
static bool
is_last_word(const struct session *s)
{
    const struct flow *f = &s->link.backend->flow;
    return flow_empty(f) && !f->skipping && f->txn == 'I' && !s->cycle.in_batch &&
           s->pins == SQL_PIN_NONE;
}

/* To the client, or kept back behind what is kept back already. */
static void
send_on(struct session *s, const struct frame *f)
{
    const bool is_behind_kept = is_unasked(f->type) && buf_len(&s->replay.answers) > 0;
    if (s->replay.is_armed && (is_preliminary(f->type) || is_behind_kept)) {
        buf_put(replay_answers(s), f->seen.p, f->seen.len);
    } else {
        outlet_pass(&s->client.out, f->seen);
    }
    s->reply.is_passed = true;
}

/* Whether the error goes on to the client. */
static bool
on_error(struct session *s, const struct frame *f, const struct flow_verdict *verdict)
{
    const enum server_error outcome = server_error_take(s, f, verdict);
    if (outcome == SERVER_ERROR_IS_HANDLED) {
        return false;
    }
    s->reply.fatal_seen = s->reply.fatal_seen || outcome == SERVER_ERROR_IS_FATAL;
    if (s->replay.is_armed) {
        replay_disarm(s);
    }
    if (server_error_rewrite(s, f, &verdict->entry)) {
        s->reply.is_passed = true;
    }
    return true;
}

/* What the flow says of it has been found: what follows from it. Whether it goes on. */
static bool
on_owed(struct session *s, const struct frame *f, const struct flow_verdict *verdict)
{
    struct backend *b = s->link.backend;
    if (b->flow.copy_in && s->phase == SESSION_LEAVING) {
        session_fail(s, NULL); /* nobody is left to send the data */
        return false;
    }
    if (f->type == 'G' && b->flow.syncs_ignored && flow_head(&b->flow)->kind == FLOW_EXECUTE) {
        cycle_reopen_batch(s); /* the Sync that ended it went into the COPY: another must come */
    }
    if (f->type == 'E' && !on_error(s, f, verdict)) {
        return false;
    }
    if (f->type == 'C') {
        on_complete(s, f);
    }
    const bool forward =
        (f->type == 'E' || verdict->action == FLOW_FORWARD) && !s->replay.is_pending;
    if (verdict->done) {
        /* What Teal answers itself comes behind this one, so this one goes first. */
        if (forward) {
            send_on(s, f);
        }
        on_done(s, &verdict->entry);
    }
    return forward;
}

/* Whether the message goes on to the client. */
static bool
on_reply(struct session *s, const struct frame *f)
{
    struct backend *b = s->link.backend;
    const struct slice body = frame_body(f);
    if (f->type == 'S') {
        return on_parameter(s, f);
    }
    if (is_unasked(f->type)) {
        return s->phase != SESSION_LOGIN && !s->replay.is_pending;
    }
    if (f->type == 'Z' && body.len != 1) {
        lose_for_protocol(s, "malformed ReadyForQuery", f->type);
        return false;
    }
    if (f->type == 'E' && is_last_word(s)) {
        b->close_when_idle = true;
        return false;
    }
    struct failure failure = {s, true};
    const struct flow_verdict verdict =
        flow_reply(&b->flow, f->type, f->type == 'Z' ? body.p[0] : 0, on_dropped, &failure);
    if (verdict.bad) {
        lose_for_protocol(s, "a reply that was not asked for", f->type);
        return false;
    }
    return on_owed(s, f, &verdict);
}

/* The server has begun to answer the read: it will not be sent again. What answers the settings is
 * not yet an answer to the read. */
static bool
begins_to_answer(const struct session *s, const struct frame *f)
{
    const bool is_kept = f->whole && is_preliminary(f->type) &&
                         buf_len(&s->replay.answers) + f->total < SESSION_REPLAY_MAX;
    return s->replay.is_armed && !s->replay.is_pending && !s->link.is_applying && !is_kept &&
           !is_unasked(f->type) && f->type != 'E';
}

/* The next bytes of a long message. */
static size_t
pass_rest(struct session *s, struct slice in)
{
    const size_t here = in.len < s->reply.left ? in.len : (size_t)s->reply.left;
    if (!s->reply.is_discarded) {
        outlet_pass(&s->client.out, slice_of(in.p, here));
    }
    s->reply.left -= here;
    server_answer_local(s);
    return here;
}

/* Enough of the message is here to decide about it. */
static void
relay_message(struct session *s, const struct frame *f)
{
    s->reply.is_passed = false;
    s->reply.is_discarded = true; /* nothing of it was sent yet */
    s->reply.left = f->total - f->seen.len;
    if (begins_to_answer(s, f)) {
        replay_disarm(s);
    }
    const bool forward = on_reply(s, f);
    if (!session_is_open(s) || s->link.backend == NULL) {
        return;
    }
    if (forward && !s->reply.is_passed) {
        send_on(s, f);
    }
    s->reply.is_discarded = !forward;
}

/* Takes one message, or the part of it that is here; the number of bytes, 0 when more is needed. */
static size_t
relay_one(struct session *s, struct slice in)
{
    struct frame f;
    if (s->reply.left > 0) {
        return pass_rest(s, in);
    }
    const enum wire_result r = frame_read(in, UINT32_MAX, &f);
    if (r == WIRE_MORE) {
        return 0;
    }
    if (r == WIRE_BAD || (is_read_whole(&f) && f.total > REPLY_WHOLE_MAX)) {
        lose_for_protocol(s, "invalid message length", in.p[0]);
        return 0;
    }
    if (!f.whole && (is_read_whole(&f) || (f.type == 'E' && in.len < ERROR_SEEN_MIN))) {
        return 0;
    }
    relay_message(s, &f);
    return f.seen.len;
}

size_t
relay_consume(struct session *s, struct slice in)
{
    const struct backend *b = s->link.backend;
    size_t used = 0;
    CHECK(b != NULL);
    while (used < in.len && session_is_open(s) && s->link.backend == b) {
        const size_t n = relay_one(s, slice_of(in.p + used, in.len - used));
        if (n == 0) {
            break;
        }
        used += n;
    }
    return used;
}

/* ---- the stream ---- */

/* Behind the piece of a message that was kept. */
static void
receive_behind(struct session *s, struct backend *b, struct slice fresh)
{
    if (!buf_append(&b->in, fresh)) {
        lose_for_memory(s);
        return;
    }
    const size_t used = relay_consume(s, buf_slice(&b->in));
    if (session_is_open(s) && s->link.backend == b) {
        (void)outlet_queue(&s->client.out); /* before the bytes that the run points at move */
        buf_consume(&b->in, used);
        buf_shrink(&b->in);
    }
}

void
relay_receive(struct session *s)
{
    struct worker *w = s->worker;
    struct backend *b = s->link.backend;
    size_t n;
    const enum stream_status status = stream_recv(&b->stream, w->scratch, WORKER_SCRATCH_LEN, &n);
    if (status == STREAM_AGAIN) {
        return;
    }
    if (status == STREAM_CLOSED) {
        lose_connection(s, "", " closed the connection");
        return;
    }
    const struct slice fresh = slice_of(w->scratch, n);
    if (buf_len(&b->in) > 0) {
        receive_behind(s, b, fresh);
        return;
    }
    const size_t used = relay_consume(s, fresh);
    if (session_is_open(s) && s->link.backend == b &&
        !buf_append(&b->in, slice_of(fresh.p + used, n - used))) {
        lose_for_memory(s);
    }
}

void
relay_flush(struct session *s)
{
    size_t sent;
    struct backend *b = s->link.backend;
    if (outlet_send(&b->out, &b->stream, &sent) == STREAM_CLOSED) {
        lose_connection(s, "the connection to ", " was lost");
    }
}
