/* server_error.c — what an error of the server means for the session. See server_error.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "session/query/server_error.h"

#include <stdio.h>
#include <string.h>

#include "session/query/cycle.h"
#include "session/query/prepared.h"
#include "session/query/refusal.h"
#include "session/query/replay.h"
#include "session/query/server.h"
#include "wire/message.h"

static bool
is_one_of(struct slice sqlstate, const char *const *states)
{
    while (*states != NULL && !slice_equal_str(sqlstate, *states)) {
        states++;
    }
    return *states != NULL;
}

/* The server is shutting down, or ends the connection. */
static bool
says_goodbye(struct slice sqlstate)
{
    static const char *const states[] = {SQLSTATE_ADMIN_SHUTDOWN, "57P02",
                                         SQLSTATE_CANNOT_CONNECT_NOW, NULL};
    return is_one_of(sqlstate, states);
}

/* A read-only backend refused to write (25006), gave way to replication (40001), or is shutting
 * down: nothing has taken effect, and nothing was sent to the client. A session that asked to be a
 * reader is refused as it asked for. */
static bool
may_be_sent_again(const struct session *s, struct slice sqlstate)
{
    static const char *const states[] = {SQLSTATE_READ_ONLY, "40001", NULL};
    return says_goodbye(sqlstate) || (!s->link.traits.reader && is_one_of(sqlstate, states));
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
    session_fail(s, &err);
}

static void
send_refusal(struct session *s, enum refusal why)
{
    struct err err;
    refusal_tell(why, &err);
    if (s->replay.is_armed) {
        replay_disarm(s); /* what is kept back comes before the error */
    }
    session_send_error(s, &err);
}

/* The backend has other statements than it is thought to have (a client may deallocate them by the
 * names that the server knows): this client is told, the next one gets another backend. */
static bool
is_at_odds(const struct flow_entry *entry, struct slice sqlstate)
{
    const bool uses = entry->kind == FLOW_BIND || entry->kind == FLOW_DESCRIBE;
    return entry->tag.about == ABOUT_STATEMENT &&
           ((entry->kind == FLOW_PARSE && slice_equal_str(sqlstate, "42P05")) ||
            (uses && slice_equal_str(sqlstate, "26000")));
}

static bool
is_fatal(const struct message_error *e)
{
    return slice_equal_str(e->severity, "FATAL") || slice_equal_str(e->severity, "PANIC");
}

enum server_error
server_error_take(struct session *s, const struct frame *f, const struct flow_verdict *verdict)
{
    struct message_error e;
    const struct flow_entry *entry = &verdict->entry;
    message_error(frame_body(f), &e);
    if (s->replay.is_pending) {
        return SERVER_ERROR_IS_HANDLED;
    }
    if (s->replay.is_armed && replay_is_possible(s) && may_be_sent_again(s, e.sqlstate)) {
        replay_begin(s, says_goodbye(e.sqlstate));
        return SERVER_ERROR_IS_HANDLED;
    }
    if (s->link.is_applying && verdict->action == FLOW_SWALLOW) {
        refuse_settings(s, &e);
        return SERVER_ERROR_IS_HANDLED;
    }
    cycle_failed(s);
    if (entry->kind == FLOW_QUERY) {
        prepared_failed(s, entry);
    }
    if (is_at_odds(entry, e.sqlstate)) {
        s->link.backend->close_when_idle = true;
    }
    if (entry->tag.about == ABOUT_REFUSAL) {
        send_refusal(s, (enum refusal)entry->tag.id);
        return SERVER_ERROR_IS_HANDLED;
    }
    stat_add(&s->stats->client_errors, 1);
    errors_note_server(&s->worker->errors, e.sqlstate, is_fatal(&e));
    return is_fatal(&e) ? SERVER_ERROR_IS_FATAL : SERVER_ERROR_GOES_ON;
}

/* ---- the client's names ---- */

/* The place of the quoted name in the text, without its quotes; the empty slice for none. */
static struct slice
find_quoted(struct slice text, const char *name)
{
    const size_t len = strlen(name);
    for (size_t at = 0; at + len + 2 <= text.len; at++) {
        const uint8_t *p = text.p + at;
        if (p[0] == '"' && p[len + 1] == '"' && memcmp(p + 1, name, len) == 0) {
            return slice_of(p + 1, len);
        }
    }
    return SLICE_EMPTY;
}

/* Where the server's text has the name that Teal gave what the request is about. */
static struct slice
find_our_name(const struct flow_entry *entry, struct slice text)
{
    char name[STATEMENT_NAME_SIZE];
    if (entry->tag.about == ABOUT_NAME) {
        const struct slice twice = find_quoted(text, PREPARED_TWICE);
        return twice.len > 0 ? twice : find_quoted(text, PREPARED_UNKNOWN);
    }
    backend_statement_name(entry->tag.id, name);
    return find_quoted(text, name);
}

/* The client's name for what stands there under ours. */
static struct slice
client_name(const struct session *s, const struct flow_entry *entry)
{
    switch ((enum about)entry->tag.about) {
    case ABOUT_STATEMENT:
    case ABOUT_OPAQUE:
        return names_of(&s->prepared.names, entry->tag.id);
    case ABOUT_NAME:
        return s->prepared.refused_name == NULL ? SLICE_EMPTY
                                                : slice_of_str(s->prepared.refused_name);
    case ABOUT_NOTHING:
    case ABOUT_UNNAMED:
    case ABOUT_REFUSAL:
        break;
    }
    return SLICE_EMPTY;
}

bool
server_error_rewrite(struct session *s, const struct frame *f, const struct flow_entry *entry)
{
    struct message_error e;
    CHECK(f->type == 'E' && !s->replay.is_armed); /* it goes out, behind what was kept back */
    const struct slice name = client_name(s, entry);
    if (name.len == 0 || !f->whole) {
        return false;
    }
    message_error(frame_body(f), &e);
    const struct slice ours = find_our_name(entry, e.text);
    if (ours.len == 0) {
        return false;
    }
    struct buf *out = outlet_queue(&s->client.out);
    const struct slice body = frame_body(f);
    const size_t begun = message_begin(out, 'E');
    buf_put(out, body.p, (size_t)(ours.p - body.p));
    buf_put(out, name.p, name.len);
    const uint8_t *rest = ours.p + ours.len;
    buf_put(out, rest, body.len - (size_t)(rest - body.p));
    message_end(out, begun);
    return true;
}
