/* identity.c — the parameters of a start-up packet. See identity.h.
 *
 * Follows PostgreSQL's ProcessStartupPacket and process_startup_options: `options` comes first,
 * whatever its place in the packet, and a setting given by its name overrides it. Stricter: a name
 * given twice is refused, because authentication and routing must agree on who it is.
 *
 * Dangerous settings are those that change who the session is (role, session_authorization), which
 * every rule of Teal about users would then be wrong about, and those that end with the transaction
 * in which they are set: PostgreSQL sets them in no transaction's place, Teal in that of the
 * settings. They have to be allowed by name. */
/* SPDX-License-Identifier: PostgreSQL */
#include "session/login/identity.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/rand.h"
#include "session/link/link.h"
#include "session/link/tracked_settings.h"
#include "sql/encoding.h"
#include "wire/message.h"

enum { NAME_MAX_LEN = 63, OPTIONS_MAX = 64 };

_Static_assert((int)SESSION_CANCEL_KEY_LEN <= (int)STARTUP_CANCEL_KEY_MAX,
               "a key that was given can come back");
_Static_assert((int)SESSION_CANCEL_KEY_OLD <= (int)SESSION_CANCEL_KEY_LEN,
               "a session has room for both");
_Static_assert((int)POOL_WORKERS_MAX <= 1 << 8, "a worker is 8 bits of a cancel_pid");

/* ---- who it is ---- */

static bool
take_name(struct session *s, char **to, struct slice value, const char *what)
{
    if (*to != NULL) {
        session_refuse(s, SQLSTATE_PROTOCOL, "parameter \"%s\" given twice", what);
        return false;
    }
    if (value.len > NAME_MAX_LEN) {
        const bool is_user = to == &s->identity.user;
        session_refuse(s, is_user ? SQLSTATE_INVALID_AUTHORIZATION : SQLSTATE_INVALID_DATABASE,
                       "%s name is longer than %d bytes", what, NAME_MAX_LEN);
        return false;
    }
    *to = xstrndup((const char *)value.p, value.len);
    return true;
}

/* Whether the value begins the word, at least by so many bytes: "t", "tr", "tru", "true". */
static bool
begins(struct slice value, const char *word, size_t least)
{
    char start[8];
    const size_t len = strlen(word) < value.len ? strlen(word) + 1 : value.len;
    (void)snprintf(start, sizeof(start), "%.*s", (int)len, word);
    return value.len >= least && slice_equal_nocase(value, start);
}

/* As the server reads a boolean. */
static bool
read_bool(struct slice value, bool *out)
{
    static const struct {
        const char *word;
        uint8_t least;
        bool value;
    } words[] = {{"true", 1, true},   {"yes", 1, true}, {"on", 2, true},   {"1", 1, true},
                 {"false", 1, false}, {"no", 1, false}, {"off", 2, false}, {"0", 1, false}};
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        if (begins(value, words[i].word, words[i].least)) {
            *out = words[i].value;
            return true;
        }
    }
    return false;
}

static bool
take_replication(struct session *s, struct slice value)
{
    bool on = false;
    struct err err;
    if (slice_equal_str(value, "database")) {
        s->identity.use = POOL_WALSENDERS_LOGICAL;
    } else if (read_bool(value, &on)) {
        s->identity.use = on ? POOL_WALSENDERS : POOL_SESSIONS;
    } else {
        (void)err_set(&err, SQLSTATE_INVALID_PARAMETER,
                      "invalid value for parameter \"replication\": \"%.*s\"",
                      (int)(value.len < 64 ? value.len : 64), (const char *)value.p);
        (void)err_hint(&err, "Valid values are: \"false\", 0, \"true\", 1, \"database\".");
        session_fail(s, &err);
        return false;
    }
    if (s->identity.use != POOL_SESSIONS && !s->worker->conf->replication) {
        session_refuse(s, SQLSTATE_FEATURE_NOT_SUPPORTED,
                       "replication connections through the proxy are switched off");
        return false;
    }
    return true;
}

static bool
is_protocol_option(struct slice name)
{
    return name.len >= 5 && memcmp(name.p, "_pq_.", 5) == 0;
}

static bool
take_param(struct session *s, struct slice name, struct slice value)
{
    if (slice_equal_str(name, "user")) {
        return take_name(s, &s->identity.user, value, "user");
    }
    if (slice_equal_str(name, "database")) {
        return take_name(s, &s->identity.database, value, "database");
    }
    if (slice_equal_str(name, "replication")) {
        return take_replication(s, value);
    }
    if (!is_protocol_option(name) && !slice_equal_str(name, "options")) {
        settings_draft_set(&s->identity.draft, name, value);
    }
    return true;
}

static bool
take_options(struct session *s, struct slice params)
{
    struct slice options = SLICE_EMPTY;
    struct slice name;
    struct slice value;
    struct err err;
    while (startup_next_param(&params, &name, &value)) {
        if (slice_equal_str(name, "options")) {
            options = value;
        }
    }
    if (!settings_draft_options(&s->identity.draft, options, &err)) {
        session_fail(s, &err);
        return false;
    }
    return true;
}

/* ---- which settings are let in ---- */

static bool
is_listed(const struct conf_list *list, struct slice name)
{
    for (size_t i = 0; i < list->count; i++) {
        if (slice_equal_nocase(name, list->items[i])) {
            return true;
        }
    }
    return false;
}

static bool
is_dangerous(struct slice name)
{
    static const char *const names[] = {
        "role",
        "session_authorization",
        "transaction_deferrable",
        "transaction_isolation",
        "transaction_read_only",
    };
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (slice_equal_str(name, names[i])) {
            return true;
        }
    }
    return false;
}

static bool
is_allowed(const struct conf_list *allowed, struct slice name)
{
    return is_listed(allowed, name) ||
           (is_listed(allowed, slice_of_str("*")) && !is_dangerous(name));
}

/* Takes out of the draft what is to be ignored; false when something is not allowed. */
static bool
admit_settings(struct session *s)
{
    const struct conf *conf = s->worker->conf;
    struct settings_draft kept;
    struct slice text = buf_slice(&s->identity.draft.text);
    struct slice name;
    struct slice value;
    settings_draft_init(&kept);
    while (slice_take_cstr(&text, &name) && slice_take_cstr(&text, &value)) {
        if (is_listed(&conf->ignore_startup_parameters, name)) {
            continue;
        }
        if (!is_allowed(&conf->allowed_startup_parameters, name)) {
            struct err err;
            (void)err_set(&err, SQLSTATE_UNDEFINED_OBJECT,
                          "parameter \"%.*s\" cannot be set when connecting",
                          (int)(name.len < 64 ? name.len : 64), (const char *)name.p);
            (void)err_hint(&err, "See allowed_startup_parameters and ignore_startup_parameters.");
            settings_draft_fini(&kept);
            session_fail(s, &err);
            return false;
        }
        settings_draft_set(&kept, name, value);
    }
    settings_draft_fini(&s->identity.draft);
    s->identity.draft = kept;
    return true;
}

/* ---- what is not spoken here ---- */

/* A newer minor version or options that we do not know: say which we speak, and go on. */
static void
negotiate(struct session *s, const struct startup_packet *packet)
{
    const char *unknown[OPTIONS_MAX];
    size_t count = 0;
    struct slice params = packet->params;
    struct slice name;
    struct slice value;
    while (startup_next_param(&params, &name, &value)) {
        if (is_protocol_option(name) && count < OPTIONS_MAX) {
            unknown[count++] = (const char *)name.p; /* NUL-terminated in the packet */
        }
    }
    s->identity.minor = packet->minor < STARTUP_MINOR_LATEST ? packet->minor : STARTUP_MINOR_LATEST;
    if (s->identity.minor >= 2) {
        s->identity.cancel_key_len = SESSION_CANCEL_KEY_LEN;
    }
    if (packet->minor > STARTUP_MINOR_LATEST || count > 0) {
        message_put_negotiate(outlet_queue(&s->client.out), s->identity.minor, unknown, count);
    }
}

bool
identity_take(struct session *s, const struct startup_packet *packet)
{
    struct slice params = packet->params;
    struct slice name;
    struct slice value;
    CHECK(s->phase == SESSION_STARTUP && packet->kind == STARTUP_SESSION);
    if (!take_options(s, params)) {
        return false;
    }
    while (startup_next_param(&params, &name, &value)) {
        if (!take_param(s, name, value)) {
            return false;
        }
    }
    if (s->identity.user == NULL || s->identity.user[0] == '\0') {
        session_refuse(s, SQLSTATE_INVALID_AUTHORIZATION,
                       "no PostgreSQL user name specified in startup packet");
        return false;
    }
    if (s->identity.database == NULL || s->identity.database[0] == '\0') {
        mem_free(s->identity.database);
        s->identity.database = xstrdup(s->identity.user);
    }
    if (!admit_settings(s)) {
        return false;
    }
    negotiate(s, packet);
    return true;
}

/* ---- what becomes of it ---- */

bool
identity_find_database(struct session *s)
{
    struct err err;
    CHECK(s->database == NULL);
    /* A physical walsender serves the whole cluster: it has no database. */
    const bool has_none = s->identity.use == POOL_WALSENDERS;
    s->database = database_enter(s->worker, s->identity.database, has_none, &err);
    if (s->database == NULL) {
        session_fail(s, &err);
        return false;
    }
    s->identity.pair = s->database->pair;
    for (size_t i = 0; i < DATABASE_SETTINGS; i++) {
        const char *value = s->database->settings[i];
        struct slice asked;
        if (value != NULL &&
            !settings_draft_get(&s->identity.draft, database_settings[i], &asked)) {
            settings_draft_set(&s->identity.draft, slice_of_str(database_settings[i]),
                               slice_of_str(value));
        }
    }
    return true;
}

/* The server shows the name in ASCII, and takes any bytes for it when they come with a start-up
 * packet. What is no text in its encoding would be refused in a statement. */
static void
clean_application_name(struct session *s)
{
    struct slice value;
    if (!settings_draft_get(&s->identity.draft, "application_name", &value)) {
        return;
    }
    CHECK(s->identity.application == NULL);
    s->identity.application = xstrndup((const char *)value.p, value.len);
    if (sql_is_utf8(value)) {
        return; /* the server does it, in the way of its version */
    }
    for (char *c = s->identity.application; *c != '\0'; c++) {
        *c = *c < ' ' || *c > '~' ? '?' : *c;
    }
    settings_draft_set(&s->identity.draft, slice_of_str("application_name"),
                       slice_of_str(s->identity.application));
}

/* A reader says so at start. Its backends are read-only by construction, so the setting itself is
 * not applied: on the writer's backends it would stay behind. */
static bool
take_reader(struct session *s)
{
    static const char name[] = "default_transaction_read_only";
    struct slice value;
    bool on = false;
    if (!settings_draft_get(&s->identity.draft, name, &value)) {
        return false;
    }
    const bool is_reader = s->identity.use == POOL_SESSIONS && read_bool(value, &on) && on;
    settings_draft_remove(&s->identity.draft, name);
    return is_reader;
}

void
identity_settle(struct session *s)
{
    char key[96];
    CHECK(s->identity.user != NULL && s->identity.database != NULL);
    clean_application_name(s);
    const bool is_reader = take_reader(s);
    tracked_begin(s, buf_slice(&s->identity.draft.text));
    settings_draft_fini(&s->identity.draft);
    (void)snprintf(key, sizeof(key), "%s/%llu", s->client.peer, (unsigned long long)s->id);
    link_identify(s, is_reader, route_bucket(s->identity.database, key));
    s->log.user = s->identity.user;
    s->log.database = s->identity.database;
}

/* ---- begin and end ---- */

void
identity_init(struct session *s)
{
    struct identity *i = &s->identity;
    CHECK(s->worker->index < POOL_WORKERS_MAX);
    i->cancel_pid = s->worker->index << 24 | (uint32_t)(s->id & 0xffffff);
    i->cancel_key_len = SESSION_CANCEL_KEY_OLD;
    rand_bytes(i->cancel_key, sizeof(i->cancel_key));
    settings_draft_init(&i->draft);
}

void
identity_fini(struct session *s)
{
    struct identity *i = &s->identity;
    settings_draft_fini(&i->draft);
    mem_free(i->user);
    mem_free(i->database);
    mem_free(i->application);
    explicit_bzero(i->cancel_key, sizeof(i->cancel_key));
}
