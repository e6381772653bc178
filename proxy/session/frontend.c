/* frontend.c — what a client may send, message by message.
 *
 * One table: for each type the limit of its length (PostgreSQL's own, from postgres.c, enforced
 * here so that one client's oversize message never costs a pooled backend), whether it must be seen
 * whole, and its handler. A type without a row is a protocol error. Handlers leave an entry in the
 * backend's flow for each message that will be answered and send the bytes on, from where they are.
 *
 * Long messages that nobody needs to see (COPY data, a 1 GB parameter) go on as they arrive. */
/* SPDX-License-Identifier: PostgreSQL */
#include "session/carry.h"
#include "session/session.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "wire/message.h"

enum { SMALL_MESSAGE_MAX = 10000, LONG_NAMES_MAX = 1024, EVICTIONS_MAX = 64 };

typedef size_t frontend_fn(struct session *s, struct slice in, uint64_t total);

static frontend_fn on_query, on_parse, on_bind, on_named, on_execute, on_sync, on_flush,
    on_copy_data, on_copy_end, on_function, on_terminate;

static const struct frontend_row {
    frontend_fn *handle;
    uint32_t body_max; /* 0: max_message of the configuration */
    bool whole;        /* wait until all of it is there (up to SESSION_WHOLE_MAX) */
} rows[128] = {
    /* clang-format off */
    ['Q'] = {on_query,     0,                 true},
    ['P'] = {on_parse,     0,                 true},
    ['B'] = {on_bind,      0,                 true},
    ['D'] = {on_named,     SMALL_MESSAGE_MAX, true},
    ['C'] = {on_named,     SMALL_MESSAGE_MAX, true},
    ['E'] = {on_execute,   SMALL_MESSAGE_MAX, true},
    ['S'] = {on_sync,      SMALL_MESSAGE_MAX, true},
    ['H'] = {on_flush,     SMALL_MESSAGE_MAX, true},
    ['F'] = {on_function,  0,                 false},
    ['d'] = {on_copy_data, 0,                 false},
    ['c'] = {on_copy_end,  SMALL_MESSAGE_MAX, true},
    ['f'] = {on_copy_end,  SMALL_MESSAGE_MAX, true},
    ['X'] = {on_terminate, SMALL_MESSAGE_MAX, true},
    /* clang-format on */
};

/* ---- sending on ---- */

/* Copies the run behind what is queued already, so that something can be put behind it in turn. */
static void
spill(struct session *s)
{
    if (s->to_server.len > 0) {
        buf_put(&s->backend->out, s->to_server.p, s->to_server.len);
        s->to_server = (struct run){NULL, 0};
    }
}

static void
send_on(struct session *s, struct slice bytes)
{
    struct run *run = &s->to_server;
    if (run->len > 0 && run->p + run->len == bytes.p) {
        run->len += bytes.len;
        return;
    }
    spill(s);
    *run = (struct run){bytes.p, bytes.len};
}

/* The queue behind the run; for messages that Teal makes itself. */
static struct buf *
server_queue(struct session *s)
{
    spill(s);
    return &s->backend->out;
}

void
frontend_finish_turn(struct session *s)
{
    struct backend *b = s->backend;
    if (b == NULL) {
        CHECK(s->to_server.len == 0);
        return;
    }
    /* A connection that turns out to be broken stays writable, and relay.c hears of it: here a
     * replay would change the input that is being taken on. */
    if (s->to_server.len > 0 && buf_len(&b->out) == 0 && !b->out.failed) {
        size_t n;
        (void)stream_send(&b->stream, s->to_server.p, s->to_server.len, &n);
        s->to_server.p += n;
        s->to_server.len -= n;
        spill(s);
    } else {
        spill(s);
        (void)stream_flush(&b->stream, &b->out);
    }
    if (flow_empty(&b->flow) && !s->replaying) {
        place_settle(s); /* nothing that was taken on will be answered */
    }
    session_update_interest(s);
}

static void
owe(struct session *s, enum flow_kind kind, enum flow_action action, uint64_t tag)
{
    /* place_admit has seen to it that there is room. */
    const bool pushed = flow_push(&s->backend->flow, kind, action, tag);
    CHECK(pushed);
    if (kind == FLOW_PARSE && action != FLOW_LOCAL) {
        stat_add(&s->worker->stats.server_parses, 1);
    }
    relay_local_replies(s);
}

/* Whether the server skips what is sent now, because of an error before it: then it changes nothing
 * here either. */
static bool
is_skipped(const struct session *s)
{
    return s->backend->flow.skipping;
}

/* Takes it to nowhere. */
static size_t
drop_long(struct session *s, struct slice in, uint64_t total)
{
    const size_t here = in.len < total ? in.len : (size_t)total;
    s->pass_left = total - here;
    s->pass_drop = true;
    return here;
}

/* ---- state of the session that a statement leaves behind ---- */

/* What the writer is asked to do may write: its reads follow the writer from then on. While reads
 * and writes go to one side nobody tells reads apart, so all counts. */
static void
note_class(struct session *s, enum sql_class class)
{
    if ((class != SQL_READ && class != SQL_EMPTY && class != SQL_BEGIN_READ) ||
        s->worker->view_is_single) {
        s->wrote = s->wrote || !s->decision.read_only;
    }
}

static void
remember_for_replay(struct session *s, struct slice bytes)
{
    if (!s->replay_armed) {
        return;
    }
    if (buf_len(&s->replay) + bytes.len > SESSION_REPLAY_MAX || !buf_append(&s->replay, bytes)) {
        relay_disarm(s);
    }
}

/* What the statement leaves behind: carried along, or the session keeps its backend. */
static void
note_effects(struct session *s, uint32_t pins, enum sql_special special, struct slice text)
{
    if (special == SQL_SPECIAL_DISCARD_ALL || special == SQL_SPECIAL_DEALLOCATE_ALL) {
        carry_note_discard(s, special == SQL_SPECIAL_DISCARD_ALL);
    }
    if (special == SQL_SPECIAL_RESET_ALL && pins == SQL_PIN_SET && carry_note_reset(s)) {
        return;
    }
    if (pins != SQL_PIN_SET || !carry_note(s, text)) {
        session_pin(s, pins);
    }
}

/* What may not run on this backend, and would not fail by itself. */
static bool
must_refuse(const struct session *s, uint32_t pins, bool lifts_read_only, enum session_refusal *why)
{
    const bool outside = s->unit_is_alone && s->backend->flow.txn == 'I';
    if (s->decision.read_only && lifts_read_only) {
        *why = REFUSAL_LIFTS_READ_ONLY;
        return true;
    }
    if (s->decision.read_only && pins != SQL_PIN_NONE && !s->traits.reader) {
        *why = REFUSAL_STATE_OF_READER;
        return true;
    }
    if ((pins & SQL_PIN_SEQUENCE) != 0 && outside && !s->backend_is_own &&
        s->pins == SQL_PIN_NONE) {
        *why = REFUSAL_SEQUENCE_STATE;
        return true;
    }
    return false;
}

/* The error must come in its order and fail the transaction, so the server is asked for what it
 * cannot do; its answer is replaced (relay.c). */
static void
refuse_in_batch(struct session *s, enum session_refusal why)
{
    message_put_named(server_queue(s), 'D', 'S', "teal_refused");
    owe(s, FLOW_DESCRIBE, FLOW_FORWARD, SESSION_REFUSED_TAG | (uint64_t)why);
}

static size_t
refuse_query(struct session *s, uint64_t total, enum session_refusal why)
{
    message_put_query(server_queue(s), "teal_refused");
    owe(s, FLOW_QUERY, FLOW_FORWARD, SESSION_REFUSED_TAG | (uint64_t)why);
    s->replay_armed = false;
    s->unit_done = true;
    return (size_t)total;
}

/* ---- simple query ---- */

/* A name as the server reads it in DEALLOCATE: unquoted it is folded to lower case. */
static struct slice
name_of_deallocate(struct slice written, struct buf *out)
{
    const bool quoted = written.len >= 2 && written.p[0] == '"';
    for (size_t i = quoted ? 1 : 0; i < written.len - (quoted ? 1 : 0); i++) {
        const uint8_t c = written.p[i];
        buf_put_u8(out, !quoted && c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c);
        i += quoted && c == '"' ? 1 : 0; /* a quote within is written twice */
    }
    return buf_slice(out);
}

/* Has the server prepare a statement of Teal's under this name, whatever it was before: one that a
 * failed transaction left behind, or nothing. */
static void
prepare_ours(struct session *s, const char *name, const char *sql)
{
    static const uint8_t no_types[] = {0, 0};
    message_put_named(server_queue(s), 'C', 'S', name);
    owe(s, FLOW_CLOSE, FLOW_SWALLOW, 0);
    message_put_parse(server_queue(s), name, slice_of_str(sql),
                      slice_of(no_types, sizeof(no_types)));
    owe(s, FLOW_PARSE, FLOW_SWALLOW, 0);
}

/* DEALLOCATE of a statement that was prepared by the protocol: the server knows it by another name.
 * The name is forgotten here when the server has agreed to deallocate an empty statement in its
 * place, so that the answer and its place in the transaction are the server's own. */
static bool
begin_deallocate(struct session *s, enum sql_special special, struct slice written)
{
    struct buf name;
    if (special != SQL_SPECIAL_DEALLOCATE) {
        return false;
    }
    buf_init(&name);
    const struct slice ours = name_of_deallocate(written, &name);
    const bool known = names_get(&s->names, ours) != NULL;
    if (known) {
        names_change(&s->names, ours, NULL);
        s->prepares = true;
        prepare_ours(s, "teal_gone", "");
    }
    buf_fini(&name);
    return known;
}

static size_t
send_long(struct session *s, struct slice in, uint64_t total)
{
    const size_t here = in.len < total ? in.len : (size_t)total;
    send_on(s, slice_of(in.p, here));
    s->pass_left = total - here;
    s->pass_drop = false;
    return here;
}

static size_t
on_query(struct session *s, struct slice in, uint64_t total)
{
    const struct slice body = slice_of(in.p + WIRE_HEADER_LEN, (size_t)total - WIRE_HEADER_LEN);
    struct sql_traits traits = {.class = SQL_WRITE, .pins = SQL_PIN_UNKNOWN};
    struct slice text = SLICE_EMPTY;
    enum session_refusal why;
    stat_add(&s->worker->stats.queries, 1);
    if (is_skipped(s)) {
        return drop_long(s, in, total);
    }
    s->unnamed_is_here = false;
    s->in_batch = false;  /* its ReadyForQuery ends the batch as a Sync would */
    if (in.len < total) { /* too long to be read as a whole */
        session_pin(s, SQL_PIN_UNKNOWN);
        note_class(s, SQL_WRITE);
        owe(s, FLOW_QUERY, FLOW_FORWARD, 0);
        s->unit_done = true;
        return send_long(s, in, total);
    }
    if (message_query(body, &text)) {
        traits = s->query_known ? s->query : session_classify(s, text);
    } else {
        traits.pins = SQL_PIN_NONE; /* the server will refuse it: nothing of it can take effect */
    }
    if (must_refuse(s, traits.pins, traits.lifts_read_only, &why)) {
        return refuse_query(s, total, why);
    }
    note_effects(s, traits.pins, traits.special, text);
    note_class(s, traits.class);
    remember_for_replay(s, slice_of(in.p, (size_t)total));
    const bool deallocates = begin_deallocate(s, traits.special, traits.name);
    if (deallocates) {
        message_put_query(server_queue(s), "DEALLOCATE teal_gone");
    } else {
        send_on(s, slice_of(in.p, (size_t)total));
    }
    s->backend->unnamed = 0; /* a simple query destroys the unnamed statement */
    session_forget_unnamed(s);
    owe(s, FLOW_QUERY, FLOW_FORWARD, deallocates ? NAMES_TAG : 0);
    s->unit_done = true;
    return (size_t)total;
}

static size_t
on_function(struct session *s, struct slice in, uint64_t total)
{
    if (is_skipped(s)) {
        return drop_long(s, in, total);
    }
    s->in_batch = false;
    note_class(s, SQL_WRITE);
    owe(s, FLOW_FUNCTION, FLOW_FORWARD, 0);
    s->unit_done = true;
    return send_long(s, in, total);
}

/* ---- extended query ---- */

/* Closes what the backend has too many of. Only when nothing is owed that could fail: the server
 * would skip the Close, and have a statement that nobody here knows of. */
static void
evict_statements(struct session *s)
{
    struct backend *b = s->backend;
    const size_t max = s->worker->conf->server_prepared_statements;
    if (b->flow.count > (s->applying_settings ? 1U : 0U)) {
        return;
    }
    for (int i = 0; i < EVICTIONS_MAX; i++) {
        const uint64_t evicted = backend_statement_to_evict(b, max);
        if (evicted == 0) {
            return;
        }
        char name[STATEMENT_NAME_SIZE];
        backend_statement_name(evicted, name);
        message_put_named(server_queue(s), 'C', 'S', name);
        owe(s, FLOW_CLOSE, FLOW_SWALLOW, 0);
        backend_forget_statement(b, evicted);
    }
}

/* The server has the statement under its number, or gets it now, ahead of what needs it. */
static void
ensure_statement(struct session *s, const struct statement *statement)
{
    struct backend *b = s->backend;
    if (statement->is_opaque || backend_has_statement(b, statement->id)) {
        return;
    }
    evict_statements(s);
    char name[STATEMENT_NAME_SIZE];
    backend_statement_name(statement->id, name);
    message_put_parse(server_queue(s), name, statement_text(statement), statement_types(statement));
    owe(s, FLOW_PARSE, FLOW_SWALLOW, statement->id);
    s->prepares = true;
    backend_add_statement(b, statement->id);
}

/* Whether the unnamed statement is one that the server may still skip, with the batch before: then
 * what uses it waits. */
static bool
unnamed_is_unsure(const struct session *s)
{
    return s->unnamed_owed > 0 && !s->unnamed_is_here && !is_skipped(s);
}

/* The same for the unnamed statement, which another session may have replaced on this backend. A
 * session that has none must not meet that of another. */
static void
ensure_unnamed(struct session *s)
{
    struct backend *b = s->backend;
    if (s->unnamed == NULL || (s->unnamed->is_opaque && b->unnamed != s->unnamed->id)) {
        message_put_named(server_queue(s), 'C', 'S', "");
        owe(s, FLOW_CLOSE, FLOW_SWALLOW, 0);
        b->unnamed = 0;
        return;
    }
    if (b->unnamed == s->unnamed->id) {
        return;
    }
    message_put_parse(server_queue(s), "", statement_text(s->unnamed), statement_types(s->unnamed));
    owe(s, FLOW_PARSE, FLOW_SWALLOW, s->unnamed->id | SESSION_UNNAMED_TAG);
    s->unnamed_owed++;
    s->unnamed_is_here = true;
    b->unnamed = s->unnamed->id;
}

static void
parse_unnamed(struct session *s, struct slice frame, struct statement *statement)
{
    session_forget_unnamed(s);
    s->unnamed = statement;
    s->backend->unnamed = statement->id;
    send_on(s, frame);
    owe(s, FLOW_PARSE, FLOW_FORWARD, statement->id | SESSION_UNNAMED_TAG);
    s->unnamed_owed++;
    s->unnamed_is_here = true;
}

/* A name that the session has already. The server says so of a name that it has for sure: never of
 * that of a statement, which might then be given another text. */
static void
parse_duplicate(struct session *s)
{
    static const uint8_t no_types[] = {0, 0};
    const struct slice types = slice_of(no_types, sizeof(no_types));
    message_put_parse(server_queue(s), "teal_twice", SLICE_EMPTY, types);
    owe(s, FLOW_PARSE, FLOW_SWALLOW, 0);
    message_put_parse(server_queue(s), "teal_twice", SLICE_EMPTY, types);
    owe(s, FLOW_PARSE, FLOW_FORWARD, 0);
}

static void
parse_named(struct session *s, struct slice name, struct statement *statement)
{
    names_change(&s->names, name, statement);
    if (backend_has_statement(s->backend, statement->id)) {
        s->prepares = s->prepares || !flow_empty(&s->backend->flow);
        owe(s, FLOW_PARSE, FLOW_LOCAL, NAMES_TAG);
        return;
    }
    char server_name[STATEMENT_NAME_SIZE];
    s->prepares = true;
    evict_statements(s);
    backend_statement_name(statement->id, server_name);
    message_put_parse(server_queue(s), server_name, statement_text(statement),
                      statement_types(statement));
    owe(s, FLOW_PARSE, FLOW_FORWARD, statement->id);
    backend_add_statement(s->backend, statement->id);
}

/* A statement too long to be kept goes on as it arrives, under a name of ours or none. What it is
 * stays unknown, so the session keeps its backend: no other one has it. */
static void
parse_opaque(struct session *s, struct slice name, struct slice rest, uint64_t body_len)
{
    char server_name[STATEMENT_NAME_SIZE] = "";
    struct statement *statement = statement_opaque(&s->worker->statements);
    uint64_t tag = statement->id | SESSION_UNNAMED_TAG;
    session_pin(s, SQL_PIN_UNKNOWN);
    note_class(s, SQL_WRITE);
    if (name.len > 0) {
        backend_statement_name(statement->id, server_name);
        names_change(&s->names, name, statement);
        s->prepares = true;
        tag = SESSION_OPAQUE_TAG;
    } else {
        session_forget_unnamed(s);
        s->unnamed = statement;
        s->backend->unnamed = statement->id;
        s->unnamed_owed++;
        s->unnamed_is_here = true;
    }
    struct buf *out = server_queue(s);
    buf_put_u8(out, 'P');
    buf_put_u32(out, (uint32_t)(4 + strlen(server_name) + 1 + body_len));
    buf_put_cstr(out, server_name);
    send_on(s, rest);
    owe(s, FLOW_PARSE, FLOW_FORWARD, tag);
}

static size_t
on_long_parse(struct session *s, struct slice in, uint64_t total)
{
    struct slice rest = slice_of(in.p + WIRE_HEADER_LEN, in.len - WIRE_HEADER_LEN);
    struct slice name;
    enum session_refusal why;
    if (s->replay_armed) {
        relay_disarm(s);
    }
    s->in_batch = true;
    if (is_skipped(s)) {
        return drop_long(s, in, total);
    }
    if (!slice_take_cstr(&rest, &name)) {
        session_refuse(s, SQLSTATE_PROTOCOL, "the name of a prepared statement is too long");
        return 0;
    }
    if (must_refuse(s, SQL_PIN_UNKNOWN, true, &why)) {
        refuse_in_batch(s, why);
        return drop_long(s, in, total);
    }
    if (name.len > 0 && names_get(&s->names, name) != NULL) {
        parse_duplicate(s);
        return drop_long(s, in, total);
    }
    if (name.len > 0 && names_count(&s->names) >= s->worker->conf->max_prepared_statements) {
        refuse_in_batch(s, REFUSAL_TOO_MANY_STATEMENTS);
        return drop_long(s, in, total);
    }
    parse_opaque(s, name, rest, total - WIRE_HEADER_LEN - name.len - 1);
    s->pass_left = total - in.len;
    s->pass_drop = false;
    return in.len;
}

static size_t
on_parse(struct session *s, struct slice in, uint64_t total)
{
    struct worker *w = s->worker;
    struct slice name;
    struct slice text;
    struct slice types;
    if (in.len < total) {
        return on_long_parse(s, in, total);
    }
    const struct slice frame = slice_of(in.p, (size_t)total);
    remember_for_replay(s, frame);
    stat_add(&w->stats.client_parses, 1);
    s->in_batch = true;
    if (is_skipped(s)) {
        return (size_t)total;
    }
    if (!message_parse(slice_of(in.p + WIRE_HEADER_LEN, (size_t)total - WIRE_HEADER_LEN), &name,
                       &text, &types)) {
        send_on(s, frame); /* the server knows best how to refuse it */
        owe(s, FLOW_PARSE, FLOW_FORWARD, 0);
        return (size_t)total;
    }
    struct statement *statement = statement_intern(&w->statements, text, types, w->extra);
    enum session_refusal why;
    if (must_refuse(s, statement->pins, statement->lifts_read_only, &why)) {
        refuse_in_batch(s, why);
        statement_unref(&w->statements, statement);
        return (size_t)total;
    }
    if (!statement->may_be_carried) { /* else its Bind decides */
        session_pin(s, statement->pins);
    }
    note_class(s, statement->class);
    if (!s->encoding_is_safe || s->backslash_escapes) {
        session_pin(s, session_classify(s, text).pins);
    }
    if (name.len == 0) {
        parse_unnamed(s, frame, statement);
        return (size_t)total;
    }
    const struct statement *named = names_get(&s->names, name);
    if (named != NULL && (!s->resent || named != statement)) {
        parse_duplicate(s);
        statement_unref(&w->statements, statement);
        return (size_t)total;
    }
    if (named != NULL) { /* a replay of its own Parse */
        ensure_statement(s, statement);
        owe(s, FLOW_PARSE, FLOW_LOCAL, 0);
        statement_unref(&w->statements, statement);
        return (size_t)total;
    }
    if (names_count(&s->names) >= w->conf->max_prepared_statements) {
        statement_unref(&w->statements, statement);
        refuse_in_batch(s, REFUSAL_TOO_MANY_STATEMENTS);
        return (size_t)total;
    }
    parse_named(s, name, statement);
    return (size_t)total;
}

/* A name that the session does not have is unknown to the server too, unless it looks like one of
 * ours. */
static void
put_unknown_name(char out[STATEMENT_NAME_SIZE + 8], struct slice name)
{
    const bool ours = name.len >= 5 && memcmp(name.p, "teal_", 5) == 0;
    (void)snprintf(out, STATEMENT_NAME_SIZE + 8, "%s%.*s", ours ? "?" : "",
                   (int)(name.len < 24 ? name.len : 24), (const char *)name.p);
}

/* Puts the statement in place and gives the name that the server has for it. The tag for what uses
 * it; 0 when there is no such statement. */
static uint64_t
resolve_statement(struct session *s, struct slice name, char out[STATEMENT_NAME_SIZE + 8])
{
    const struct statement *named = names_get(&s->names, name);
    if (named == NULL) {
        put_unknown_name(out, name);
        return 0;
    }
    ensure_statement(s, named);
    backend_statement_name(named->id, out);
    return named->id;
}

/* The names at the front of a Bind. */
struct bind_head {
    struct slice portal, name;
};

static void
note_bound(struct session *s, const struct statement *statement)
{
    if (statement != NULL) {
        note_class(s, statement->class);
        note_effects(s, statement->pins, statement->special, statement_text(statement));
    }
}

/* The name of the statement changes, so the message gets a new head; what follows the names goes on
 * as it is. */
static size_t
send_bind_as(struct session *s, struct slice in, uint64_t total, const struct bind_head *bind,
             const char *server_name)
{
    const size_t head_len = WIRE_HEADER_LEN + bind->portal.len + 1 + bind->name.len + 1;
    const size_t new_head_len = WIRE_HEADER_LEN + bind->portal.len + 1 + strlen(server_name) + 1;
    struct buf *out = server_queue(s);
    buf_put_u8(out, 'B');
    buf_put_u32(out, (uint32_t)(total - head_len + new_head_len - 1));
    buf_put(out, bind->portal.p, bind->portal.len + 1);
    buf_put_cstr(out, server_name);
    const size_t here = in.len < total ? in.len : (size_t)total;
    send_on(s, slice_of(in.p + head_len, here - head_len));
    s->pass_left = total - here;
    s->pass_drop = false;
    return here;
}

static size_t
send_bind(struct session *s, struct slice in, uint64_t total, const struct bind_head *bind)
{
    char server_name[STATEMENT_NAME_SIZE + 8];
    if (bind->name.len == 0) {
        ensure_unnamed(s);
        note_bound(s, s->unnamed);
        const size_t used = send_long(s, in, total);
        owe(s, FLOW_BIND, FLOW_FORWARD, 0);
        return used;
    }
    const struct statement *named = names_get(&s->names, bind->name);
    const uint64_t tag = resolve_statement(s, bind->name, server_name);
    note_bound(s, named);
    const size_t used = send_bind_as(s, in, total, bind, server_name);
    owe(s, FLOW_BIND, FLOW_FORWARD, tag);
    return used;
}

/* When what is bound is DEALLOCATE of a statement that was prepared by the protocol: its portal
 * gets one that deallocates an empty statement. Closing that behind the Bind tells whether the
 * server got so far; the portal lives on without it. */
static bool
bind_deallocate(struct session *s, struct slice in, uint64_t total, const struct bind_head *bind)
{
    const struct statement *bound =
        bind->name.len == 0 ? s->unnamed : names_get(&s->names, bind->name);
    if (bound == NULL || bound->special != SQL_SPECIAL_DEALLOCATE || in.len < total) {
        return false;
    }
    const struct sql_traits traits = session_classify(s, statement_text(bound));
    note_class(s, bound->class);
    if (!begin_deallocate(s, traits.special, traits.name)) {
        return false;
    }
    prepare_ours(s, "teal_forget", "DEALLOCATE teal_gone");
    (void)send_bind_as(s, in, total, bind, "teal_forget"); /* all of it is here */
    owe(s, FLOW_BIND, FLOW_FORWARD, 0);
    message_put_named(server_queue(s), 'C', 'S', "teal_forget");
    owe(s, FLOW_CLOSE, FLOW_SWALLOW, NAMES_TAG);
    return true;
}

static size_t
on_bind(struct session *s, struct slice in, uint64_t total)
{
    struct bind_head bind;
    struct slice rest;
    const size_t here = in.len < total ? in.len : (size_t)total;
    const bool ok = message_bind(slice_of(in.p + WIRE_HEADER_LEN, here - WIRE_HEADER_LEN),
                                 &bind.portal, &bind.name, &rest);
    if (ok && bind.name.len == 0 && unnamed_is_unsure(s)) {
        return 0;
    }
    stat_add(&s->worker->stats.binds, 1);
    s->in_batch = true;
    if (here < total && s->replay_armed) {
        relay_disarm(s);
    }
    remember_for_replay(s, slice_of(in.p, here));
    if (is_skipped(s)) {
        s->pass_left = total - here;
        s->pass_drop = true;
        return here;
    }
    if (!ok) {
        const size_t used = send_long(s, in, total);
        owe(s, FLOW_BIND, FLOW_FORWARD, 0);
        return used;
    }
    if (bind_deallocate(s, in, total, &bind)) {
        return here;
    }
    return send_bind(s, in, total, &bind);
}

/* The server keeps the statement, for whoever prepares the same next. Closing what does not exist
 * is no error. */
static void
close_statement(struct session *s, struct slice name)
{
    if (names_get(&s->names, name) == NULL) {
        owe(s, FLOW_CLOSE, FLOW_LOCAL, 0);
        return;
    }
    names_change(&s->names, name, NULL);
    s->prepares = s->prepares || !flow_empty(&s->backend->flow);
    owe(s, FLOW_CLOSE, FLOW_LOCAL, NAMES_TAG);
}

/* Describe and Close. */
static size_t
on_named(struct session *s, struct slice in, uint64_t total)
{
    const uint8_t type = in.p[0];
    const struct slice frame = slice_of(in.p, (size_t)total);
    const enum flow_kind kind = type == 'D' ? FLOW_DESCRIBE : FLOW_CLOSE;
    uint8_t what;
    struct slice name;
    const bool ok = message_named(slice_of(in.p + WIRE_HEADER_LEN, (size_t)total - WIRE_HEADER_LEN),
                                  &what, &name);
    if (ok && what == 'S' && name.len == 0 && unnamed_is_unsure(s)) {
        return 0;
    }
    s->in_batch = true;
    remember_for_replay(s, frame);
    if (is_skipped(s)) {
        return (size_t)total;
    }
    if (!ok || what == 'P') {
        send_on(s, frame);
        owe(s, kind, FLOW_FORWARD, 0);
        return (size_t)total;
    }
    if (name.len == 0) {
        if (type == 'D') {
            ensure_unnamed(s);
        } else {
            s->backend->unnamed = 0;
            session_forget_unnamed(s);
        }
        send_on(s, frame);
        owe(s, kind, FLOW_FORWARD, 0);
        return (size_t)total;
    }
    if (type == 'C') {
        close_statement(s, name);
        return (size_t)total;
    }
    char server_name[STATEMENT_NAME_SIZE + 8];
    const uint64_t tag = resolve_statement(s, name, server_name);
    message_put_named(server_queue(s), 'D', 'S', server_name);
    owe(s, FLOW_DESCRIBE, FLOW_FORWARD, tag);
    return (size_t)total;
}

static size_t
on_execute(struct session *s, struct slice in, uint64_t total)
{
    const struct slice frame = slice_of(in.p, (size_t)total);
    s->in_batch = true;
    stat_add(&s->worker->stats.queries, 1);
    remember_for_replay(s, frame);
    if (is_skipped(s)) {
        return (size_t)total;
    }
    send_on(s, frame);
    owe(s, FLOW_EXECUTE, FLOW_FORWARD, 0);
    return (size_t)total;
}

static size_t
on_sync(struct session *s, struct slice in, uint64_t total)
{
    const struct slice frame = slice_of(in.p, (size_t)total);
    send_on(s, frame);
    remember_for_replay(s, frame);
    owe(s, FLOW_SYNC, FLOW_FORWARD, 0);
    if (s->backend->flow.copy_in) {
        return (size_t)total; /* the server ignores it while it reads COPY data */
    }
    s->in_batch = false;
    s->unnamed_is_here = false;
    s->unit_done = true;
    return (size_t)total;
}

static size_t
on_flush(struct session *s, struct slice in, uint64_t total)
{
    const struct slice frame = slice_of(in.p, (size_t)total);
    if (total == WIRE_HEADER_LEN && place_is_idle(s)) {
        return (size_t)total;
    }
    remember_for_replay(s, frame);
    if (total == WIRE_HEADER_LEN || s->backend->flow.copy_in) {
        send_on(s, frame);
        return (size_t)total;
    }
    /* The server refuses one with a body, as any message of the batch that it cannot read. */
    s->in_batch = true;
    if (!is_skipped(s)) {
        send_on(s, frame);
        owe(s, FLOW_CLOSE, FLOW_FORWARD, 0);
    }
    return (size_t)total;
}

/* ---- COPY ---- */

/* Outside a COPY the server ignores these, so they need no backend: a client may still be sending
 * after an error. */
static size_t
on_copy_data(struct session *s, struct slice in, uint64_t total)
{
    if (place_is_idle(s)) {
        return drop_long(s, in, total);
    }
    return send_long(s, in, total);
}

static size_t
on_copy_end(struct session *s, struct slice in, uint64_t total)
{
    if (place_is_idle(s)) {
        return drop_long(s, in, total);
    }
    flow_copy_done(&s->backend->flow);
    return send_long(s, in, total);
}

static size_t
on_terminate(struct session *s, struct slice in, uint64_t total)
{
    (void)in;
    if (s->backend == NULL || flow_empty(&s->backend->flow)) {
        session_close(s, NULL);
        return (size_t)total;
    }
    if (s->in_batch || s->backend->flow.copy_in) {
        /* Nothing will make the server answer all that it owes: it is told to undo it and go. */
        message_put_simple(server_queue(s), 'X');
    }
    s->phase = SESSION_LEAVING;
    return (size_t)total;
}

/* ---- one message ---- */

static size_t
pass_on(struct session *s, struct slice in)
{
    const size_t here = in.len < s->pass_left ? in.len : (size_t)s->pass_left;
    if (!s->pass_drop) {
        if (s->backend == NULL) {
            s->pass_drop = true; /* its backend has gone in the middle of it */
        } else {
            send_on(s, slice_of(in.p, here));
        }
    }
    s->pass_left -= here;
    return here;
}

/* Of a long Bind or Parse the names must be there; of everything else that is read as a whole, all.
 */
static bool
enough_is_here(struct session *s, uint8_t type, struct slice in, uint64_t total)
{
    if (in.len >= total || !rows[type].whole) {
        return true;
    }
    if (total > SESSION_WHOLE_MAX) {
        return type == 'Q' || in.len >= LONG_NAMES_MAX;
    }
    s->in_needed = (size_t)total;
    return false;
}

/* COPY data and a Flush are not answered: when nothing is owed they have no effect, and no backend
 * is busy with them. */
static bool
goes_nowhere(const struct session *s, uint8_t type, uint64_t total)
{
    const bool is_flush = type == 'H' && total == WIRE_HEADER_LEN;
    return (type == 'd' || type == 'c' || type == 'f' || is_flush) && place_is_idle(s);
}

/* What was asked for in good order is answered first, as PostgreSQL does it: the bad message waits.
 */
static bool
answers_come_first(const struct session *s)
{
    return s->phase == SESSION_READY && s->backend != NULL && !flow_empty(&s->backend->flow) &&
           !s->in_batch && !s->backend->flow.copy_in;
}

bool
frontend_header(struct session *s, struct slice in, uint8_t *type, uint64_t *total)
{
    const enum wire_result r = wire_peek(in, s->worker->conf->max_message, type, total);
    if (r == WIRE_MORE) {
        return false;
    }
    const uint8_t seen = in.p[0];
    const bool known = seen < 128 && rows[seen].handle != NULL;
    if (known && r == WIRE_OK &&
        (rows[seen].body_max == 0 || *total - WIRE_HEADER_LEN <= rows[seen].body_max)) {
        return true;
    }
    if (answers_come_first(s)) {
        return false;
    }
    if (known) {
        session_refuse(s, SQLSTATE_PROTOCOL, "invalid message length");
    } else {
        session_refuse(s, SQLSTATE_PROTOCOL, "invalid frontend message type %u", seen);
    }
    return false;
}

size_t
frontend_consume(struct session *s, struct slice in)
{
    uint8_t type = 0;
    uint64_t total = 0;
    if (s->pass_left > 0) {
        return pass_on(s, in);
    }
    if (!frontend_header(s, in, &type, &total)) {
        return 0;
    }
    if (!enough_is_here(s, type, in, total)) {
        return 0;
    }
    if (!goes_nowhere(s, type, total) && !place_admit(s, type, in)) {
        return 0;
    }
    return rows[type].handle(s, in, total);
}
