/* extended.c — the extended query protocol. See extended.h.
 *
 * Every handler begins alike: what must wait returns 0, then the message belongs to the batch, is
 * remembered for a replay, and is discarded here when the server skips it. */
/* SPDX-License-Identifier: PostgreSQL */
#include "session/query/extended.h"

#include <string.h>

#include "session/client/client.h"
#include "session/link/parameters.h"
#include "session/link/tracked_settings.h"
#include "session/query/cycle.h"
#include "session/query/effects.h"
#include "session/query/input.h"
#include "session/query/prepared.h"
#include "session/query/refusal.h"
#include "session/query/replay.h"
#include "session/query/server.h"
#include "wire/message.h"

/* The message belongs to the batch. A part of it cannot be remembered. */
static void
join_batch(struct session *s, const struct input *m)
{
    cycle_open_batch(s);
    if (!m->frame.whole && s->replay.is_armed) {
        replay_disarm(s);
    }
    replay_remember(s, m->frame.seen);
}

/* The server refuses best what is malformed. */
static size_t
send_as_it_is(struct session *s, const struct input *m, enum flow_kind kind)
{
    const size_t used = input_pass(s, m);
    server_owe(s, kind, FLOW_FORWARD, FLOW_UNTAGGED);
    return used;
}

static size_t
refuse(struct session *s, const struct input *m, enum refusal why)
{
    refusal_in_batch(s, why);
    return input_discard(s, m);
}

/* ---- Parse ---- */

static bool
has_too_many(const struct session *s)
{
    return names_count(&s->prepared.names) >= s->worker->conf->max_prepared_statements;
}

/* A statement too long to be kept. What it is stays unknown, so the session keeps its backend. */
static size_t
parse_long(struct session *s, const struct input *m)
{
    struct slice rest = frame_body(&m->frame);
    struct slice name;
    if (!slice_take_cstr(&rest, &name)) {
        session_refuse(s, SQLSTATE_PROTOCOL, "the name of a prepared statement is too long");
        return 0;
    }
    const enum refusal why = refusal_of(s, SQL_PIN_UNKNOWN, true);
    if (why != REFUSAL_NONE) {
        return refuse(s, m, why);
    }
    if (name.len > 0 && names_get(&s->prepared.names, name) != NULL) {
        const struct slice no_types = slice_of("\0", 2);
        prepared_parse_duplicate(s, name, SLICE_EMPTY, no_types);
        return input_discard(s, m);
    }
    if (name.len > 0 && has_too_many(s)) {
        return refuse(s, m, REFUSAL_TOO_MANY_STATEMENTS);
    }
    session_pin(s, SQL_PIN_UNKNOWN);
    effects_note_class(s, SQL_WRITE);
    prepared_parse_opaque(s, name, rest, m->frame.total - WIRE_HEADER_LEN - name.len - 1);
    client_pass(s, m->frame.total - m->frame.seen.len, false);
    return m->frame.seen.len;
}

/* The names of a Parse, and the statement of its text. */
struct parse {
    struct slice name, text, types;
    struct statement *statement; /* owned: one reference, until it is handed on */
};

static void
note_parsed(struct session *s, const struct parse *p)
{
    if (!p->statement->may_be_tracked) { /* else its Bind decides */
        session_pin(s, p->statement->pins);
    }
    effects_note_class(s, p->statement->class);
    if (!s->params.encoding_is_safe || s->params.backslash_escapes) {
        session_pin(s, parameters_classify(s, p->text).pins);
    }
}

/* Hands the statement on, or gives it back with the reason for a refusal. */
static enum refusal
parse_whole(struct session *s, const struct input *m, struct parse *p)
{
    const enum refusal why = refusal_of(s, p->statement->pins, p->statement->lifts_read_only);
    if (why != REFUSAL_NONE) {
        return why;
    }
    note_parsed(s, p);
    if (p->name.len == 0) {
        prepared_parse_unnamed(s, m->frame.seen, p->statement);
        p->statement = NULL;
        return REFUSAL_NONE;
    }
    const struct statement *named = names_get(&s->prepared.names, p->name);
    if (named != NULL && s->replay.is_second && named == p->statement) {
        prepared_parse_again(s, p->statement);
        p->statement = NULL;
        return REFUSAL_NONE;
    }
    if (named != NULL) {
        prepared_parse_duplicate(s, p->name, p->text, p->types);
        return REFUSAL_NONE;
    }
    if (has_too_many(s)) {
        return REFUSAL_TOO_MANY_STATEMENTS;
    }
    prepared_parse_named(s, p->name, p->statement);
    p->statement = NULL;
    return REFUSAL_NONE;
}

size_t
extended_parse(struct session *s, const struct input *m)
{
    struct worker *w = s->worker;
    struct parse p;
    if (prepared_must_wait(s)) {
        return 0;
    }
    join_batch(s, m);
    stat_add(&s->stats->client_parses, 1);
    if (server_skips(s)) {
        return input_discard(s, m);
    }
    if (!m->frame.whole) {
        return parse_long(s, m);
    }
    if (!message_parse(frame_body(&m->frame), &p.name, &p.text, &p.types)) {
        return send_as_it_is(s, m, FLOW_PARSE);
    }
    p.statement = statement_intern(&w->statements, p.text, p.types, w->extra);
    const enum refusal why = parse_whole(s, m, &p);
    statement_unref(&w->statements, p.statement);
    if (why != REFUSAL_NONE) {
        return refuse(s, m, why);
    }
    return m->frame.seen.len;
}

/* ---- Bind ---- */

/* The names at the front of a Bind. */
struct bind_head {
    struct slice portal, name;
};

static void
note_bound(struct session *s, const struct statement *statement)
{
    if (statement != NULL) {
        effects_note_class(s, statement->class);
        effects_note(s, statement->pins, statement->special, statement_text(statement));
        if (statement->special == SQL_SPECIAL_DISCARD_ALL ||
            statement->special == SQL_SPECIAL_DEALLOCATE_ALL) {
            prepared_note_forgetting_portal(s);
        }
    }
}

/* The name of the statement changes, so the message gets a new head; what follows the names goes on
 * as it is. */
static size_t
send_bind_as(struct session *s, const struct input *m, const struct bind_head *bind,
             struct slice server_name)
{
    const struct frame *f = &m->frame;
    const size_t head_len = WIRE_HEADER_LEN + bind->portal.len + 1 + bind->name.len + 1;
    const size_t new_head_len = WIRE_HEADER_LEN + bind->portal.len + 1 + server_name.len + 1;
    CHECK(head_len <= f->seen.len); /* the names were read */
    struct buf *out = server_queue(s);
    buf_put_u8(out, 'B');
    buf_put_u32(out, (uint32_t)(f->total - head_len + new_head_len - 1));
    buf_put(out, bind->portal.p, bind->portal.len + 1);
    buf_put(out, server_name.p, server_name.len + 1);
    server_pass(s, slice_of(f->seen.p + head_len, f->seen.len - head_len));
    client_pass(s, f->total - f->seen.len, false);
    return f->seen.len;
}

/* When what is bound is DEALLOCATE of a statement that was prepared by the protocol: its portal
 * gets one that deallocates an empty statement. Closing that behind the Bind tells whether the
 * server got so far; the portal lives on without it. */
static bool
bind_deallocate(struct session *s, const struct input *m, const struct bind_head *bind,
                const struct statement *bound)
{
    if (bound == NULL || bound->special != SQL_SPECIAL_DEALLOCATE || !m->frame.whole) {
        return false;
    }
    const struct sql_traits traits = parameters_classify(s, statement_text(bound));
    if (traits.special != SQL_SPECIAL_DEALLOCATE || !prepared_deallocate(s, traits.name)) {
        return false;
    }
    static const char forget[] = "teal_forget";
    effects_note_class(s, bound->class);
    prepared_put_ours(s, forget, PREPARED_DEALLOCATE_DUMMY);
    (void)send_bind_as(s, m, bind, slice_of_str(forget)); /* all of it is here */
    server_owe(s, FLOW_BIND, FLOW_FORWARD, FLOW_UNTAGGED);
    message_put_named(server_queue(s), 'C', 'S', forget);
    server_owe(s, FLOW_CLOSE, FLOW_SWALLOW, TAG(ABOUT_NOTHING, 1, 0));
    return true;
}

static size_t
bind_named(struct session *s, const struct input *m, const struct bind_head *bind)
{
    struct prepared_use use;
    prepared_use(s, bind->name, &use);
    note_bound(s, names_get(&s->prepared.names, bind->name));
    const size_t used = send_bind_as(s, m, bind, use.at_server);
    server_owe(s, FLOW_BIND, FLOW_FORWARD, use.tag);
    return used;
}

size_t
extended_bind(struct session *s, const struct input *m)
{
    struct bind_head bind;
    struct slice rest;
    const bool ok = message_bind(frame_body(&m->frame), &bind.portal, &bind.name, &rest);
    if (prepared_must_wait(s) || (ok && bind.name.len == 0 && prepared_unnamed_is_unsure(s))) {
        return 0;
    }
    stat_add(&s->stats->binds, 1);
    join_batch(s, m);
    if (server_skips(s)) {
        return input_discard(s, m);
    }
    tracked_disturb(s);
    if (!ok) {
        return send_as_it_is(s, m, FLOW_BIND);
    }
    const struct statement *bound = names_get(&s->prepared.names, bind.name);
    if (bind_deallocate(s, m, &bind, bound)) {
        return m->frame.seen.len;
    }
    if (bind.name.len > 0) {
        return bind_named(s, m, &bind);
    }
    prepared_use_unnamed(s);
    note_bound(s, bound);
    return send_as_it_is(s, m, FLOW_BIND);
}

/* ---- Describe and Close ---- */

/* Which of them the message is about. */
struct target {
    bool is_malformed, is_portal;
    struct slice name;
};

static struct target
read_target(const struct input *m)
{
    uint8_t what = 0;
    struct target t = {.name = SLICE_EMPTY};
    t.is_malformed = !message_named(frame_body(&m->frame), &what, &t.name);
    t.is_portal = what == 'P';
    return t;
}

/* A portal is the server's own matter. */
static bool
is_of_a_statement(const struct target *t)
{
    return !t->is_malformed && !t->is_portal;
}

static bool
target_must_wait(struct session *s, const struct target *t)
{
    return is_of_a_statement(t) &&
           (prepared_must_wait(s) || (t->name.len == 0 && prepared_unnamed_is_unsure(s)));
}

size_t
extended_describe(struct session *s, const struct input *m)
{
    struct prepared_use use;
    const struct target t = read_target(m);
    if (target_must_wait(s, &t)) {
        return 0;
    }
    join_batch(s, m);
    if (server_skips(s)) {
        return m->frame.seen.len;
    }
    if (!is_of_a_statement(&t)) {
        return send_as_it_is(s, m, FLOW_DESCRIBE);
    }
    if (t.name.len == 0) {
        prepared_use_unnamed(s);
        return send_as_it_is(s, m, FLOW_DESCRIBE);
    }
    prepared_use(s, t.name, &use);
    message_put_named(server_queue(s), 'D', 'S', (const char *)use.at_server.p);
    server_owe(s, FLOW_DESCRIBE, FLOW_FORWARD, use.tag);
    return m->frame.seen.len;
}

size_t
extended_close(struct session *s, const struct input *m)
{
    const struct target t = read_target(m);
    if (target_must_wait(s, &t)) {
        return 0;
    }
    join_batch(s, m);
    if (server_skips(s)) {
        return m->frame.seen.len;
    }
    if (!is_of_a_statement(&t)) {
        return send_as_it_is(s, m, FLOW_CLOSE);
    }
    if (t.name.len == 0) {
        prepared_close_unnamed(s, m->frame.seen);
    } else {
        prepared_close(s, t.name);
    }
    return m->frame.seen.len;
}

/* ---- Execute, Sync, Flush ---- */

size_t
extended_execute(struct session *s, const struct input *m)
{
    join_batch(s, m);
    stat_add(&s->stats->queries, 1);
    if (server_skips(s)) {
        return m->frame.seen.len;
    }
    tracked_execute(s);
    return send_as_it_is(s, m, FLOW_EXECUTE);
}

size_t
extended_sync(struct session *s, const struct input *m)
{
    server_pass(s, m->frame.seen);
    replay_remember(s, m->frame.seen);
    server_owe(s, FLOW_SYNC, FLOW_FORWARD, FLOW_UNTAGGED);
    if (s->link.backend->flow.copy_in) {
        return m->frame.seen.len; /* the server ignores it while it reads COPY data */
    }
    cycle_sent(s);
    prepared_end_batch(s);
    return m->frame.seen.len;
}

size_t
extended_flush(struct session *s, const struct input *m)
{
    if (m->frame.total == WIRE_HEADER_LEN || s->link.backend->flow.copy_in) {
        replay_remember(s, m->frame.seen);
        server_pass(s, m->frame.seen);
        return m->frame.seen.len;
    }
    /* The server refuses one with a body, as any message of the batch that it cannot read. */
    join_batch(s, m);
    return server_skips(s) ? m->frame.seen.len : send_as_it_is(s, m, FLOW_CLOSE);
}
