/* carry.c — settings that a client changes on its way. See carry.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "session/carry.h"

#include "session/session.h"
#include "sql/set.h"

/* Nothing stands before the statement whose outcome could still change what it means. */
static bool
is_alone(const struct session *s)
{
    return s->unit_is_alone && s->backend->flow.txn == 'I' && s->pins == SQL_PIN_NONE;
}

bool
carry_note(struct session *s, struct slice text)
{
    struct buf set;
    if (!is_alone(s) || carry_is_pending(s)) {
        return false;
    }
    buf_init(&set);
    const enum sql_set_kind kind = sql_set_read(text, &set);
    if (kind == SQL_SET_NONE) {
        buf_fini(&set);
        return false;
    }
    s->set_kind = kind;
    s->set = set;
    return true;
}

void
carry_note_discard(struct session *s, bool settings_too)
{
    s->forgets_statements = true;
    if (settings_too && is_alone(s) && s->set_kind == SQL_SET_NONE) {
        s->set_kind = SQL_SET_RESET_ALL;
    }
}

bool
carry_note_reset(struct session *s)
{
    if (!is_alone(s) || carry_is_pending(s)) {
        return false;
    }
    s->set_kind = SQL_SET_RESET_ALL;
    return true;
}

bool
carry_is_pending(const struct session *s)
{
    return s->set_kind != SQL_SET_NONE || s->forgets_statements;
}

/* The backend is set up as the text says from now on, and so is the session, but for its settings
 * of the login, which a reset brings back. */
static void
carry_take(struct session *s, struct settings_draft *backend, struct settings_draft *session)
{
    struct settings_table *table = &s->worker->settings;
    struct backend *b = s->backend;
    struct settings *for_backend = settings_intern(table, buf_slice(&backend->text));
    struct settings *for_session = settings_intern(table, buf_slice(&session->text));
    settings_unref(table, b->settings);
    settings_unref(table, s->settings);
    b->settings = for_backend;
    s->settings = for_session;
}

static void
draft_from(struct settings_draft *d, const struct settings *settings)
{
    settings_draft_init(d);
    buf_put(&d->text, settings->text, settings->text_len);
}

static void
carry_apply(struct session *s)
{
    struct settings_draft backend;
    struct settings_draft session;
    struct slice rest = buf_slice(&s->set);
    struct slice name = SLICE_EMPTY;
    struct slice value;
    draft_from(&session, s->set_kind == SQL_SET_RESET_ALL ? s->login_settings : s->settings);
    if (s->set_kind == SQL_SET_RESET_ALL) {
        settings_draft_init(&backend);
        carry_take(s, &backend, &session);
        settings_draft_fini(&backend);
        settings_draft_fini(&session);
        return;
    }
    const bool named = slice_take_cstr(&rest, &name);
    CHECK(named);
    draft_from(&backend, s->settings);
    if (s->set_kind == SQL_SET_VALUE) {
        const bool valued = slice_take_cstr(&rest, &value);
        CHECK(valued);
        settings_draft_set(&backend, name, value);
        settings_draft_set(&session, name, value);
    } else {
        struct settings_draft login;
        draft_from(&login, s->login_settings);
        settings_draft_remove(&backend, (const char *)name.p);
        settings_draft_remove(&session, (const char *)name.p);
        if (settings_draft_get(&login, (const char *)name.p, &value)) {
            settings_draft_set(&session, name, value);
        }
        settings_draft_fini(&login);
    }
    carry_take(s, &backend, &session);
    settings_draft_fini(&backend);
    settings_draft_fini(&session);
}

void
carry_settle(struct session *s)
{
    if (!carry_is_pending(s)) {
        return;
    }
    s->forgets_statements = false;
    if (s->set_kind == SQL_SET_NONE) {
        return;
    }
    if (s->backend->flow.txn == 'T') {
        session_pin(s, SQL_PIN_SET); /* it was in a transaction after all: its end decides */
    } else if (!s->unit_failed) {
        carry_apply(s);
    }
    s->set_kind = SQL_SET_NONE;
    buf_fini(&s->set);
}
