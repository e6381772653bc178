/* database_line.c — a line of [databases]. See database_line.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "conf/database_line.h"

#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "conf/databases.h"
#include "conf/keys.h"
#include "conf/nearest.h"

/* Options of PgBouncer that mean nothing here, or something else. */
static const struct {
    const char *option;
    const char *reason;
} refused[] = {
    {"host", "the servers are those of the pair: see hosts in [blue] and [green]"},
    {"port", "the servers are those of the pair: see hosts in [blue] and [green]"},
    {"load_balance_hosts", "reads go to the replicas of a side by their load: see hosts in [blue]"},
    {"min_pool_size", "no server connection is opened before a client needs it"},
    {"connect_query",
     "what it sets up would be lost on clients that share the connection; use ALTER "
     "DATABASE ... SET, or ALTER ROLE ... SET"},
    {"application_name", "it is the client's own, and ALTER ROLE ... SET gives a default"},
};

struct reader {
    struct slice rest; /* of the line; borrowed */
    struct conf *conf; /* borrowed; so the next */
    struct conf_mistakes *mistakes;
    unsigned line;
    struct buf word; /* owned: the last one read, with a NUL; may have been a secret */
    struct buf name; /* owned: of the database, with a NUL */
};

#define mistake(r, ...) conf_mistake_add((r)->mistakes, (r)->conf->path, (r)->line, __VA_ARGS__)

static const char *
text_of(const struct buf *b)
{
    return (const char *)buf_slice(b).p;
}

static void
text_wipe(struct buf *b)
{
    if (b->data != NULL) {
        explicit_bzero(b->data, b->size);
    }
    buf_fini(b);
    buf_init(b);
}

/* ---- words ---- */

static bool
is_blank(uint8_t c)
{
    return c == ' ' || c == '\t';
}

static void
skip_blanks(struct reader *r)
{
    while (r->rest.len > 0 && is_blank(r->rest.p[0])) {
        r->rest = slice_of(r->rest.p + 1, r->rest.len - 1);
    }
}

/* A comment begins where a word would. */
static bool
at_end(struct reader *r)
{
    skip_blanks(r);
    return r->rest.len == 0 || r->rest.p[0] == ';';
}

static bool
take(struct reader *r, uint8_t c)
{
    skip_blanks(r);
    if (r->rest.len == 0 || r->rest.p[0] != c) {
        return false;
    }
    r->rest = slice_of(r->rest.p + 1, r->rest.len - 1);
    return true;
}

/* What stands in the quotes, of which the first was taken; a doubled one inside means one. False
 * when the last is missing. */
static bool
quoted_read(struct reader *r, uint8_t quote, struct buf *out)
{
    text_wipe(out);
    while (r->rest.len > 0) {
        const uint8_t c = r->rest.p[0];
        r->rest = slice_of(r->rest.p + 1, r->rest.len - 1);
        if (c == quote) {
            if (r->rest.len == 0 || r->rest.p[0] != quote) {
                buf_put_u8(out, 0);
                return true;
            }
            r->rest = slice_of(r->rest.p + 1, r->rest.len - 1);
        }
        buf_put_u8(out, c);
    }
    return false;
}

/* Up to a blank, or to the equals sign when one may end it; may be empty. */
static void
bare_read(struct reader *r, bool to_equals, struct buf *out)
{
    text_wipe(out);
    while (r->rest.len > 0 && !is_blank(r->rest.p[0]) && !(to_equals && r->rest.p[0] == '=')) {
        buf_put_u8(out, r->rest.p[0]);
        r->rest = slice_of(r->rest.p + 1, r->rest.len - 1);
    }
    buf_put_u8(out, 0);
}

/* ---- one option ---- */

static const char *
reason_of(const char *option)
{
    for (size_t i = 0; i < COUNT_OF(refused); i++) {
        if (strcmp(refused[i].option, option) == 0) {
            return refused[i].reason;
        }
    }
    return NULL;
}

static void
option_unknown(struct reader *r, const char *option)
{
    const char *reason = reason_of(option);
    const char *nearest = nearest_key(CONF_SECTION_DATABASES, option);
    if (reason != NULL) {
        mistake(r, "database \"%s\": %s= is not for this file: %s", text_of(&r->name), option,
                reason);
    } else if (nearest != NULL) {
        mistake(r, "database \"%s\": unknown option \"%s\"; did you mean \"%s\"?",
                text_of(&r->name), option, nearest);
    } else {
        mistake(r, "database \"%s\": unknown option \"%.64s\"", text_of(&r->name), option);
    }
}

/* The row of the option; NULL when it was reported. */
static const struct conf_key *
option_read(struct reader *r)
{
    skip_blanks(r);
    bare_read(r, true, &r->word);
    if (!take(r, '=')) {
        mistake(r, "database \"%s\": expected option=value at \"%.40s\"", text_of(&r->name),
                text_of(&r->word));
        return NULL;
    }
    const char *option = text_of(&r->word);
    /* PgBouncer's older name of it. */
    const bool old = strcmp(option, "reserve_pool") == 0;
    const struct conf_key *key =
        conf_section_key(CONF_SECTION_DATABASES, old ? "reserve_pool_size" : option);
    if (key == NULL) {
        option_unknown(r, option);
    }
    return key;
}

static bool
option_value_read(struct reader *r, const char *option)
{
    skip_blanks(r);
    if (!take(r, '\'')) {
        bare_read(r, false, &r->word);
        return true;
    }
    if (!quoted_read(r, '\'', &r->word)) {
        mistake(r, "database \"%s\": %s: the quote has no end", text_of(&r->name), option);
        return false;
    }
    if (r->rest.len > 0 && !is_blank(r->rest.p[0])) {
        mistake(r, "database \"%s\": %s: unexpected text behind the quote", text_of(&r->name),
                option);
        return false;
    }
    return true;
}

/* Whether the value names a database or a role. */
static bool
is_name(const struct conf_key *key)
{
    static const char *const keys[] = {"dbname", "user", "auth_user", "auth_dbname"};
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        if (strcmp(key->name, keys[i]) == 0) {
            return true;
        }
    }
    return false;
}

static bool
option_set(struct reader *r, const struct conf_key *key, struct conf_database *d)
{
    const struct value_limits limits = conf_key_limits(key);
    const char *text = text_of(&r->word);
    struct err err;
    err_clear(&err);
    if (key->type == VALUE_POOL_MODE && strcmp(text, "statement") == 0) {
        mistake(r,
                "database \"%s\": pool_mode=statement is not for this file: it forbids "
                "transactions; use transaction or session",
                text_of(&r->name));
        return false;
    }
    if (key->type == VALUE_TEXT && is_name(key) && strlen(text) > NAME_LEN_MAX) {
        mistake(r, "database \"%s\": %s: a name has at most %d bytes", text_of(&r->name), key->name,
                NAME_LEN_MAX);
        return false;
    }
    if (!value_parse(key->type, &limits, text, (char *)d + key->offset, &err)) {
        mistake(r, "database \"%s\": %s: %s", text_of(&r->name), key->name, err.text);
        return false;
    }
    return true;
}

/* The line ends with the first mistake: what follows may be read wrongly. */
static void
options_read(struct reader *r, struct conf_database *d)
{
    uint64_t seen = 0;
    size_t count = 0;
    const struct conf_key *keys = conf_section_keys(CONF_SECTION_DATABASES, &count);
    CHECK(count <= 64);
    while (!at_end(r)) {
        const struct conf_key *key = option_read(r);
        if (key == NULL || !option_value_read(r, key->name)) {
            return;
        }
        const uint64_t bit = UINT64_C(1) << (size_t)(key - keys);
        if ((seen & bit) != 0) {
            mistake(r, "database \"%s\": %s is given twice", text_of(&r->name), key->name);
            return;
        }
        seen |= bit;
        if (!option_set(r, key, d)) {
            return;
        }
    }
}

/* ---- the name ---- */

static bool
is_bare(const char *name)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
    return strcmp(name, "*") == 0 || (name[0] != '\0' && name[strspn(name, plain)] == '\0');
}

/* The name and the equals sign behind it; *quoted: "*" in quotes is a name as any other. */
static bool
name_read(struct reader *r, bool *quoted)
{
    *quoted = take(r, '"');
    if (*quoted && !quoted_read(r, '"', &r->name)) {
        mistake(r, "the quote has no end");
        return false;
    }
    if (!*quoted) {
        bare_read(r, true, &r->name);
    }
    if (!take(r, '=')) {
        mistake(r, "expected name = options");
        return false;
    }
    const char *name = text_of(&r->name);
    if (!*quoted && !is_bare(name)) {
        mistake(r, "\"%.64s\" is not a plain name of a database; put it into double quotes", name);
        return false;
    }
    if (name[0] == '\0' || strlen(name) > DATABASE_NAME_MAX) {
        mistake(r, "the name of a database has 1 to %d bytes", DATABASE_NAME_MAX);
        return false;
    }
    return true;
}

static bool
is_free(struct reader *r, const char *name)
{
    if (database_name_is_reserved(name)) {
        mistake(r,
                "the name \"%s\" is the console's; give the database another one, with dbname=%s",
                name, name);
        return false;
    }
    for (uint32_t i = 0; i < r->conf->databases_count; i++) {
        if (strcmp(r->conf->databases[i].name, name) == 0) {
            mistake(r, "the database \"%s\" is listed twice; first in line %u", name,
                    r->conf->databases[i].line);
            return false;
        }
    }
    if (r->conf->databases_count == ALIASES_MAX) {
        mistake(r, "there are more than %d databases", ALIASES_MAX);
        return false;
    }
    return true;
}

static void
rest_read(struct reader *r)
{
    struct conf_database *rest = &r->conf->rest;
    if (rest->is_listed) {
        mistake(r, "* stands there twice; first in line %u", rest->line);
        return;
    }
    rest->is_listed = true;
    rest->line = r->line;
    options_read(r, rest);
    if (rest->dbname[0] != '\0') {
        mistake(r, "database \"*\": dbname= would send every name to one database; list the names "
                   "that mean it");
    }
}

static void
line_read(struct reader *r)
{
    bool quoted = false;
    if (!name_read(r, &quoted)) {
        return;
    }
    const char *name = text_of(&r->name);
    if (!quoted && strcmp(name, "*") == 0) {
        rest_read(r);
        return;
    }
    if (is_free(r, name)) {
        struct conf_database *d = conf_database_add(r->conf, name);
        d->is_listed = true;
        d->line = r->line;
        options_read(r, d);
    }
}

void
database_line_read(struct conf *c, struct slice line, unsigned number,
                   struct conf_mistakes *mistakes)
{
    struct reader r = {.rest = line, .conf = c, .mistakes = mistakes, .line = number};
    buf_init(&r.word);
    buf_init(&r.name);
    line_read(&r);
    text_wipe(&r.word);
    text_wipe(&r.name);
}
