/* prepared.c — the client's prepared statements. See prepared.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "session/query/prepared.h"

#include <string.h>

#include "base/mem.h"
#include "session/link/link.h"
#include "session/query/server.h"
#include "wire/message.h"

/* Undoing a change looks for later ones of the same name, so not too many are left unanswered. */
enum { EVICTIONS_MAX = 64, CHANGES_MAX = 512 };

static const char ours[] = "teal_"; /* how the names that Teal gives begin */
static const uint8_t no_types[] = {0, 0};

void
prepared_init(struct session *s)
{
    names_init(&s->prepared.names, &s->worker->statements);
}

void
prepared_fini(struct session *s)
{
    names_fini(&s->prepared.names);
    mem_free(s->prepared.refused_name);
    s->prepared.refused_name = NULL;
}

/* ---- what must wait ---- */

bool
prepared_must_wait(struct session *s)
{
    const struct flow *f = &s->link.backend->flow;
    const bool too_many = s->prepared.names.count >= CHANGES_MAX;
    if ((!s->prepared.forgets && !too_many) || f->skipping || f->copy_in) {
        return false;
    }
    if (flow_empty(f)) { /* answered; what is sent now may have to be asked for again */
        s->prepared.flush_is_sent = false;
        return false;
    }
    prepared_ask_for_answers(s);
    return true;
}

void
prepared_ask_for_answers(struct session *s)
{
    if (!s->prepared.flush_is_sent) {
        message_put_simple(server_queue(s), 'H');
        s->prepared.flush_is_sent = true;
    }
}

bool
prepared_unnamed_is_unsure(const struct session *s)
{
    return s->prepared.names.unnamed_count > 0 && !s->prepared.unnamed_is_here &&
           !server_skips(s) && !s->link.backend->flow.copy_in;
}

bool
prepared_is_changing(const struct session *s)
{
    return s->prepared.is_changing || s->prepared.forgets;
}

void
prepared_note_forget(struct session *s)
{
    s->prepared.forgets = true;
}

void
prepared_note_forgetting_portal(struct session *s)
{
    s->prepared.forgets = true;
    s->prepared.portal_forgets = true;
}

void
prepared_end_batch(struct session *s)
{
    s->prepared.unnamed_is_here = false;
}

/* ---- on the backend ---- */

/* Closes what the backend has too many of. Only when nothing is owed that could fail: the server
 * would skip the Close, and have a statement that nobody here knows of. */
static void
evict(struct session *s)
{
    struct backend *b = s->link.backend;
    const size_t max = s->worker->conf->server_prepared_statements;
    if (!link_owes_only_settings(s)) {
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
        server_owe(s, FLOW_CLOSE, FLOW_SWALLOW, FLOW_UNTAGGED);
        backend_forget_statement(b, evicted);
    }
}

static void
put_on_backend(struct session *s, const struct statement *statement, enum flow_action action,
               uint8_t changes)
{
    char name[STATEMENT_NAME_SIZE];
    evict(s);
    backend_statement_name(statement->id, name);
    message_put_parse(server_queue(s), name, statement_text(statement), statement_types(statement));
    backend_add_statement(s->link.backend, statement->id);
    s->prepared.is_changing = true;
    server_owe(s, FLOW_PARSE, action, TAG(ABOUT_STATEMENT, changes, statement->id));
}

/* The server has the statement under its number, or gets it now, ahead of what needs it. */
static void
ensure(struct session *s, const struct statement *statement)
{
    if (!statement->is_opaque && !backend_has_statement(s->link.backend, statement->id)) {
        put_on_backend(s, statement, FLOW_SWALLOW, 0);
    }
}

/* ---- the unnamed statement ---- */

/* From here on, unless the message that does it is skipped. */
static void
change_unnamed(struct session *s, struct statement *statement)
{
    struct backend *b = s->link.backend;
    names_change(&s->prepared.names, SLICE_EMPTY, statement, b->unnamed);
    b->unnamed = statement == NULL ? 0 : statement->id;
}

void
prepared_parse_unnamed(struct session *s, struct slice frame, struct statement *statement)
{
    change_unnamed(s, statement);
    s->prepared.unnamed_is_here = true;
    server_pass(s, frame);
    server_owe(s, FLOW_PARSE, FLOW_FORWARD, TAG(ABOUT_UNNAMED, 1, statement->id));
}

void
prepared_close_unnamed(struct session *s, struct slice frame)
{
    change_unnamed(s, NULL);
    s->prepared.unnamed_is_here = true;
    server_pass(s, frame);
    server_owe(s, FLOW_CLOSE, FLOW_FORWARD, TAG(ABOUT_UNNAMED, 1, 0));
}

void
prepared_use_unnamed(struct session *s)
{
    struct backend *b = s->link.backend;
    struct statement *mine = s->prepared.names.unnamed;
    if (mine != NULL && b->unnamed == mine->id) {
        return;
    }
    if (mine == NULL || mine->is_opaque) { /* it must not meet that of another session */
        message_put_named(server_queue(s), 'C', 'S', "");
        server_owe(s, FLOW_CLOSE, FLOW_SWALLOW, FLOW_UNTAGGED);
        b->unnamed = 0;
        return;
    }
    message_put_parse(server_queue(s), "", statement_text(mine), statement_types(mine));
    mine->refs++;
    change_unnamed(s, mine);
    s->prepared.unnamed_is_here = true;
    server_owe(s, FLOW_PARSE, FLOW_SWALLOW, TAG(ABOUT_UNNAMED, 1, mine->id));
}

bool
prepared_note_query(struct session *s)
{
    if (s->prepared.names.unnamed == NULL) {
        s->link.backend->unnamed = 0;
        return false;
    }
    change_unnamed(s, NULL);
    return true;
}

/* ---- named statements ---- */

/* In a transaction that has failed, or that may have by what is not answered yet, the server parses
 * nothing but its end. */
static bool
may_be_aborted(const struct session *s)
{
    const uint8_t txn = s->link.backend->flow.txn;
    return txn == 'E' || (txn == 'T' && !s->cycle.is_alone);
}

/* The server has the statement; it is asked to parse it again for the sake of its answer. */
static void
parse_for_the_answer(struct session *s, const struct statement *statement)
{
    static const char name[] = "teal_again";
    message_put_named(server_queue(s), 'C', 'S', name);
    server_owe(s, FLOW_CLOSE, FLOW_SWALLOW, FLOW_UNTAGGED);
    message_put_parse(server_queue(s), name, statement_text(statement), statement_types(statement));
    server_owe(s, FLOW_PARSE, FLOW_FORWARD, TAG(ABOUT_NOTHING, 1, 0));
}

void
prepared_parse_named(struct session *s, struct slice name, struct statement *statement)
{
    CHECK(name.len > 0 && names_get(&s->prepared.names, name) == NULL);
    const bool is_there = backend_has_statement(s->link.backend, statement->id);
    names_change(&s->prepared.names, name, statement, 0);
    if (!is_there) {
        put_on_backend(s, statement, FLOW_FORWARD, 1);
        return;
    }
    s->prepared.is_changing = s->prepared.is_changing || !flow_empty(&s->link.backend->flow);
    if (may_be_aborted(s)) {
        parse_for_the_answer(s, statement);
    } else {
        server_owe(s, FLOW_PARSE, FLOW_LOCAL, TAG(ABOUT_NOTHING, 1, 0));
    }
}

void
prepared_parse_opaque(struct session *s, struct slice name, struct slice rest, uint64_t body_len)
{
    char server_name[STATEMENT_NAME_SIZE] = "";
    struct statement *statement = statement_opaque(&s->worker->statements);
    const enum about about = name.len > 0 ? ABOUT_OPAQUE : ABOUT_UNNAMED;
    if (name.len > 0) {
        backend_statement_name(statement->id, server_name);
        names_change(&s->prepared.names, name, statement, 0);
        s->prepared.is_changing = true;
    } else {
        change_unnamed(s, statement);
        s->prepared.unnamed_is_here = true;
    }
    struct buf *out = server_queue(s);
    buf_put_u8(out, 'P');
    buf_put_u32(out, (uint32_t)(4 + strlen(server_name) + 1 + body_len));
    buf_put_cstr(out, server_name);
    server_pass(s, rest);
    server_owe(s, FLOW_PARSE, FLOW_FORWARD, TAG((uint8_t)about, 1, statement->id));
}

/* The name of the next error about a statement. The first one of a cycle counts: behind it the
 * server skips the rest, and the next cycle waits. */
static void
refuse_name(struct session *s, struct slice name)
{
    struct prepared *p = &s->prepared;
    p->is_changing = true;
    if (p->refused_name == NULL) {
        p->refused_name = xstrndup((const char *)name.p, name.len);
    }
}

/* The server says it of a name that it has for sure: not of that of a statement, which might then
 * be given another text. It reads the text first, so it gets the client's. */
void
prepared_parse_duplicate(struct session *s, struct slice name, struct slice text,
                         struct slice types)
{
    refuse_name(s, name);
    prepared_put_ours(s, PREPARED_TWICE, "");
    message_put_parse(server_queue(s), PREPARED_TWICE, text, types);
    server_owe(s, FLOW_PARSE, FLOW_FORWARD, TAG(ABOUT_NAME, 0, 0));
}

void
prepared_parse_again(struct session *s, struct statement *statement)
{
    ensure(s, statement);
    server_owe(s, FLOW_PARSE, FLOW_LOCAL, FLOW_UNTAGGED);
    statement_unref(&s->worker->statements, statement);
}

/* The server keeps the statement, for whichever session prepares the same next. Closing what does
 * not exist is no error. */
void
prepared_close(struct session *s, struct slice name)
{
    CHECK(name.len > 0);
    if (names_get(&s->prepared.names, name) == NULL) {
        server_owe(s, FLOW_CLOSE, FLOW_LOCAL, FLOW_UNTAGGED);
        return;
    }
    names_change(&s->prepared.names, name, NULL, 0);
    s->prepared.is_changing = s->prepared.is_changing || !flow_empty(&s->link.backend->flow);
    server_owe(s, FLOW_CLOSE, FLOW_LOCAL, TAG(ABOUT_NOTHING, 1, 0));
}

void
prepared_use(struct session *s, struct slice name, struct prepared_use *out)
{
    const struct statement *named = names_get(&s->prepared.names, name);
    if (named != NULL) {
        ensure(s, named);
        backend_statement_name(named->id, out->name);
        out->at_server = slice_of_str(out->name);
        out->tag = TAG(ABOUT_STATEMENT, 0, named->id);
        return;
    }
    if (name.len >= sizeof(ours) - 1 && memcmp(name.p, ours, sizeof(ours) - 1) == 0) {
        refuse_name(s, name); /* it looks like one of ours, and might be one */
        out->at_server = slice_of_str(PREPARED_UNKNOWN);
        out->tag = TAG(ABOUT_NAME, 0, 0);
        return;
    }
    out->at_server = name;
    out->tag = FLOW_UNTAGGED;
}

/* ---- DEALLOCATE ---- */

/* A name as the server reads it in DEALLOCATE: unquoted it is folded to lower case. */
static struct slice
name_as_read(struct slice written, struct buf *out)
{
    const bool quoted = written.len >= 2 && written.p[0] == '"';
    for (size_t i = quoted ? 1 : 0; i < written.len - (quoted ? 1 : 0); i++) {
        const uint8_t c = written.p[i];
        buf_put_u8(out, !quoted && c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c);
        i += quoted && c == '"' ? 1 : 0; /* a quote within is written twice */
    }
    return buf_slice(out);
}

void
prepared_put_ours(struct session *s, const char *name, const char *sql)
{
    message_put_named(server_queue(s), 'C', 'S', name);
    server_owe(s, FLOW_CLOSE, FLOW_SWALLOW, FLOW_UNTAGGED);
    message_put_parse(server_queue(s), name, slice_of_str(sql),
                      slice_of(no_types, sizeof(no_types)));
    server_owe(s, FLOW_PARSE, FLOW_SWALLOW, FLOW_UNTAGGED);
}

bool
prepared_deallocate(struct session *s, struct slice written)
{
    struct buf read;
    buf_init(&read);
    const struct slice name = name_as_read(written, &read);
    const bool known = name.len > 0 && names_get(&s->prepared.names, name) != NULL;
    if (known) {
        names_change(&s->prepared.names, name, NULL, 0);
        s->prepared.is_changing = true;
        prepared_put_ours(s, "teal_gone", "");
    }
    buf_fini(&read);
    return known;
}

/* ---- answers ---- */

static void
take_changes(struct session *s, uint8_t changes)
{
    CHECK(changes <= s->prepared.names.count);
    for (uint8_t i = 0; i < changes; i++) {
        names_answered(&s->prepared.names);
    }
}

static void
undo_changes(struct session *s, uint8_t changes)
{
    uint64_t at_server;
    CHECK(changes <= s->prepared.names.count);
    for (uint8_t i = 0; i < changes; i++) {
        if (names_undo(&s->prepared.names, &at_server)) {
            s->link.backend->unnamed = at_server;
        }
    }
}

/* A Query that failed has destroyed the unnamed statement all the same; it has not deallocated. */
static void
query_failed(struct session *s, const struct flow_entry *entry)
{
    uint8_t left = entry->tag.changes;
    CHECK(left > 0);
    if (entry->tag.about == ABOUT_UNNAMED) {
        names_answered(&s->prepared.names);
        left--;
    }
    undo_changes(s, left);
    s->prepared.query_failed = false;
}

void
prepared_answered(struct session *s, const struct flow_entry *entry)
{
    s->prepared.flush_is_sent =
        false; /* what is sent from here on may have to be asked for again */
    if (s->prepared.query_failed && entry->kind == FLOW_QUERY) {
        query_failed(s, entry);
        return;
    }
    take_changes(s, entry->tag.changes);
    if (entry->kind == FLOW_PARSE && entry->tag.about == ABOUT_STATEMENT) {
        /* It was there already, unless all were forgotten since. */
        backend_add_statement(s->link.backend, entry->tag.id);
    }
}

/* What the backend was thought to have from then on. */
static void
forget_on_backend(struct session *s, const struct flow_entry *entry)
{
    if (entry->kind == FLOW_PARSE && entry->tag.about == ABOUT_STATEMENT) {
        backend_forget_statement(s->link.backend, entry->tag.id);
    }
}

void
prepared_skipped(struct session *s, const struct flow_entry *entry)
{
    undo_changes(s, entry->tag.changes);
    forget_on_backend(s, entry);
}

/* A Parse without a name has destroyed what stood there before it failed (postgres.c,
 * exec_parse_message). One that Teal put ahead changes nothing for the session. */
void
prepared_failed(struct session *s, const struct flow_entry *entry)
{
    if (entry->kind == FLOW_QUERY) {
        s->prepared.query_failed = entry->tag.changes > 0;
        return;
    }
    if (entry->kind != FLOW_PARSE || entry->tag.about != ABOUT_UNNAMED) {
        prepared_skipped(s, entry);
        return;
    }
    if (entry->action == FLOW_SWALLOW) {
        undo_changes(s, entry->tag.changes);
    } else {
        names_failed(&s->prepared.names);
    }
    if (s->prepared.names.unnamed_count == 0) {
        s->link.backend->unnamed = 0;
    }
}

void
prepared_forget_all(struct session *s)
{
    backend_forget_all_statements(s->link.backend);
    names_forget_all(&s->prepared.names);
}

void
prepared_settle(struct session *s)
{
    struct prepared *p = &s->prepared;
    names_settle(&p->names);
    p->is_changing = false;
    p->flush_is_sent = false;
    if (s->cycle.in_batch) {
        return; /* the rest of the batch counts on the rest */
    }
    /* A portal of DEALLOCATE ALL lives as long as its transaction. */
    p->portal_forgets = p->portal_forgets && s->link.backend->flow.txn != 'I';
    p->forgets = p->portal_forgets;
    if (p->refused_name != NULL) {
        mem_free(p->refused_name);
        p->refused_name = NULL;
    }
}

void
prepared_lost(struct session *s)
{
    names_undo_all(&s->prepared.names);
    s->prepared.is_changing = false;
    s->prepared.forgets = false;
    s->prepared.portal_forgets = false;
    s->prepared.flush_is_sent = false;
    s->prepared.query_failed = false;
    s->prepared.unnamed_is_here = false;
}
