/* tracked_settings.c — settings that a client changes. See tracked_settings.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "session/link/tracked_settings.h"

void
tracked_begin(struct session *s, struct slice text)
{
    CHECK(s->settings.now == NULL);
    s->settings.now = settings_intern(&s->worker->settings, text);
    s->settings.at_login = settings_intern(&s->worker->settings, text);
}

void
tracked_fini(struct session *s)
{
    settings_unref(&s->worker->settings, s->settings.now);
    settings_unref(&s->worker->settings, s->settings.at_login);
    s->settings.now = s->settings.at_login = NULL;
    buf_fini(&s->settings.change_text);
}

/* ---- what is asked for ---- */

bool
tracked_is_changing(const struct session *s)
{
    return s->settings.change != SQL_SET_NONE;
}

/* Nothing stands before the statement whose outcome could still change what it means. */
static bool
can_be_tracked(const struct session *s)
{
    return s->cycle.is_alone && s->link.backend->flow.txn == 'I' && s->pins == SQL_PIN_NONE &&
           !tracked_is_changing(s);
}

bool
tracked_note(struct session *s, struct slice text)
{
    struct tracked_settings *t = &s->settings;
    if (!can_be_tracked(s)) {
        return false;
    }
    buf_init(&t->change_text);
    t->change = sql_set_read(text, &t->change_text);
    if (t->change == SQL_SET_NONE) {
        buf_fini(&t->change_text);
        return false;
    }
    return true;
}

bool
tracked_note_reset(struct session *s)
{
    if (!can_be_tracked(s)) {
        return false;
    }
    s->settings.change = SQL_SET_RESET_ALL;
    return true;
}

static void
forget_change(struct session *s)
{
    s->settings.change_is_executed = false;
    s->settings.change = SQL_SET_NONE;
    buf_fini(&s->settings.change_text);
}

void
tracked_disturb(struct session *s)
{
    if (tracked_is_changing(s)) {
        session_pin(s, SQL_PIN_SET);
        forget_change(s);
    }
}

void
tracked_execute(struct session *s)
{
    if (s->settings.change_is_executed) {
        tracked_disturb(s);
    }
    s->settings.change_is_executed = tracked_is_changing(s);
}

/* ---- what the server has agreed to ---- */

/* The backend is set up as the one text says from now on, and the session wants the other: they
 * differ after a reset, which brings back the settings of the login for the session alone. */
static void
take(struct session *s, struct settings_draft *backend, struct settings_draft *session)
{
    struct settings_table *table = &s->worker->settings;
    struct backend *b = s->link.backend;
    struct settings *for_backend = settings_intern(table, buf_slice(&backend->text));
    struct settings *for_session = settings_intern(table, buf_slice(&session->text));
    settings_unref(table, b->settings);
    settings_unref(table, s->settings.now);
    b->settings = for_backend;
    s->settings.now = for_session;
}

static void
draft_from(struct settings_draft *d, const struct settings *settings)
{
    settings_draft_init(d);
    buf_put(&d->text, settings->text, settings->text_len);
}

/* Without its value: what the login had set comes back. */
static void
reset_one(const struct session *s, struct settings_draft *backend, struct settings_draft *session,
          const char *name)
{
    struct settings_draft login;
    struct slice value;
    draft_from(&login, s->settings.at_login);
    settings_draft_remove(backend, name);
    settings_draft_remove(session, name);
    if (settings_draft_get(&login, name, &value)) {
        settings_draft_set(session, slice_of_str(name), value);
    }
    settings_draft_fini(&login);
}

static void
change_one(const struct session *s, struct settings_draft *backend, struct settings_draft *session)
{
    struct slice rest = buf_slice(&s->settings.change_text);
    struct slice name;
    struct slice value;
    const bool named = slice_take_cstr(&rest, &name);
    CHECK(named);
    if (s->settings.change != SQL_SET_VALUE) {
        reset_one(s, backend, session, (const char *)name.p);
        return;
    }
    const bool valued = slice_take_cstr(&rest, &value);
    CHECK(valued);
    settings_draft_set(backend, name, value);
    settings_draft_set(session, name, value);
}

static void
apply(struct session *s)
{
    struct settings_draft backend;
    struct settings_draft session;
    if (s->settings.change == SQL_SET_RESET_ALL) {
        settings_draft_init(&backend);
        draft_from(&session, s->settings.at_login);
    } else {
        draft_from(&backend, s->settings.now);
        draft_from(&session, s->settings.now);
        change_one(s, &backend, &session);
    }
    take(s, &backend, &session);
    settings_draft_fini(&backend);
    settings_draft_fini(&session);
}

void
tracked_discarded(struct session *s)
{
    forget_change(s);
    s->settings.change = SQL_SET_RESET_ALL;
    apply(s);
    forget_change(s);
}

void
tracked_settle(struct session *s)
{
    if (!tracked_is_changing(s)) {
        return;
    }
    if (s->link.backend->flow.txn == 'T') {
        session_pin(s, SQL_PIN_SET); /* it was in a transaction after all: its end decides */
    } else if (!s->cycle.failed && s->settings.change_is_executed) {
        apply(s);
    }
    forget_change(s);
}
