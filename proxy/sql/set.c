/* set.c — SET and RESET statements that can be tracked. See set.h.
 *
 * Follows flatten_set_variable_args of the server: the elements of a list are joined by a comma and
 * a blank, and those of the settings that hold identifiers are quoted where an identifier needs it.
 */
/* SPDX-License-Identifier: PostgreSQL */
#include "sql/set.h"

#include <string.h>

#include "sql/lexer.h"

/* Settings that are more than a value: the role of the session, what the transaction may do, or the
 * state of a function. */
static const char *const not_tracked[] = {
    "role",
    "session_authorization",
    "is_superuser",
    "seed",
    "default_transaction_read_only",
    "transaction_isolation",
    "transaction_read_only",
    "transaction_deferrable",
};

/* Lists of identifiers (GUC_LIST_QUOTE). */
static const char *const identifier_lists[] = {
    "search_path",
    "temp_tablespaces",
    "session_preload_libraries",
    "local_preload_libraries",
    "unix_socket_directories",
};

static bool
is_one_of(struct slice name, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (slice_equal_str(name, words[i])) {
            return true;
        }
    }
    return false;
}

static bool
is_word(const struct token *t, const char *word)
{
    return t->kind == TOKEN_WORD && slice_equal_nocase(t->text, word);
}

static void
put_lower(struct buf *out, struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        const uint8_t c = text.p[i];
        buf_put_u8(out, c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c);
    }
}

/* The inside of a quoted token, with doubled quotes made single. */
static void
put_unquoted(struct buf *out, struct slice quoted)
{
    CHECK(quoted.len >= 2 && quoted.p[0] == quoted.p[quoted.len - 1]);
    const uint8_t quote = quoted.p[0];
    for (size_t i = 1; i + 1 < quoted.len; i++) {
        buf_put_u8(out, quoted.p[i]);
        if (quoted.p[i] == quote) {
            i++;
        }
    }
}

/* a, or a.b: as the server folds it. False when it is no name. */
static bool
read_name(struct lexer *lexer, struct token *t, struct buf *out)
{
    for (;;) {
        if (t->kind == TOKEN_WORD) {
            put_lower(out, t->text);
        } else if (t->kind == TOKEN_QUOTED) {
            put_unquoted(out, t->text);
        } else {
            return false;
        }
        *t = lexer_next(lexer);
        if (t->kind != TOKEN_DOT) {
            return true;
        }
        buf_put_u8(out, '.');
        *t = lexer_next(lexer);
    }
}

static bool
is_plain_identifier(struct slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        const uint8_t c = s.p[i];
        const bool letter = (c >= 'a' && c <= 'z') || c == '_';
        if (!letter && (i == 0 || c < '0' || c > '9')) {
            return false;
        }
    }
    return s.len > 0;
}

static void
put_identifier(struct buf *out, struct slice s)
{
    if (is_plain_identifier(s)) {
        buf_put(out, s.p, s.len);
        return;
    }
    buf_put_u8(out, '"');
    for (size_t i = 0; i < s.len; i++) {
        if (s.p[i] == '"') {
            buf_put_u8(out, '"');
        }
        buf_put_u8(out, s.p[i]);
    }
    buf_put_u8(out, '"');
}

/* A string continued on another line is left to the server. */
static bool
is_plain_string(const struct token *t)
{
    return t->kind == TOKEN_STRING && t->text.p[0] == '\'' && t->text.p[t->text.len - 1] == '\'' &&
           memchr(t->text.p, '\n', t->text.len) == NULL;
}

/* One constant: a plain string, a word, or a number with its sign. */
static bool
read_constant(struct lexer *lexer, struct token *t, struct buf *out)
{
    if (t->kind == TOKEN_OPERATOR && t->text.len == 1 &&
        (t->text.p[0] == '-' || t->text.p[0] == '+')) {
        const uint8_t sign = t->text.p[0];
        *t = lexer_next(lexer);
        if (t->kind != TOKEN_NUMBER) {
            return false;
        }
        if (sign == '-') {
            buf_put_u8(out, sign);
        }
    }
    if (t->kind == TOKEN_NUMBER) {
        buf_put(out, t->text.p, t->text.len);
    } else if (t->kind == TOKEN_WORD) {
        put_lower(out, t->text);
    } else if (t->kind == TOKEN_QUOTED || is_plain_string(t)) {
        put_unquoted(out, t->text);
    } else {
        return false;
    }
    *t = lexer_next(lexer);
    return true;
}

static bool
read_values(struct lexer *lexer, struct token *t, bool identifiers, struct buf *out)
{
    struct buf one;
    bool ok = true;
    buf_init(&one);
    for (const char *before = ""; ok; before = ", ") {
        buf_clear(&one);
        ok = read_constant(lexer, t, &one);
        buf_put(out, before, strlen(before));
        if (identifiers) {
            put_identifier(out, buf_slice(&one));
        } else {
            buf_put(out, buf_slice(&one).p, buf_len(&one));
        }
        if (t->kind != TOKEN_COMMA) {
            break;
        }
        *t = lexer_next(lexer);
    }
    buf_fini(&one);
    return ok;
}

static bool
at_end(struct lexer *lexer, struct token *t)
{
    while (t->kind == TOKEN_SEMICOLON) {
        *t = lexer_next(lexer);
    }
    return t->kind == TOKEN_END;
}

/* The names that have a syntax of their own: SET TIME ZONE x, SET NAMES x. */
static bool
read_special_name(struct lexer *lexer, struct token *t, struct buf *out)
{
    if (is_word(t, "names")) {
        buf_put(out, "client_encoding", strlen("client_encoding"));
        *t = lexer_next(lexer);
        return true;
    }
    struct lexer ahead = *lexer;
    const struct token next = lexer_next(&ahead);
    if (!is_word(t, "time") || !is_word(&next, "zone")) {
        return false;
    }
    buf_put(out, "timezone", strlen("timezone"));
    *lexer = ahead;
    *t = lexer_next(lexer);
    return true;
}

/* Up to the value: name =, name TO, TIME ZONE, NAMES. */
static bool
read_target(struct lexer *lexer, struct token *t, struct buf *out)
{
    if (read_special_name(lexer, t, out)) {
        return true;
    }
    if (!read_name(lexer, t, out)) {
        return false;
    }
    const bool equals = t->kind == TOKEN_OPERATOR && slice_equal_str(t->text, "=");
    if (!equals && !is_word(t, "to")) {
        return false;
    }
    *t = lexer_next(lexer);
    return true;
}

/* SET LOCAL and the forms of SET that set something else than one setting of the session. */
static bool
is_other_set(const struct token *t)
{
    return is_word(t, "local") || is_word(t, "transaction") || is_word(t, "constraints") ||
           is_word(t, "characteristics") || is_word(t, "authorization");
}

static enum sql_set_kind
read_set(struct lexer *lexer, struct buf *out)
{
    struct token t = lexer_next(lexer);
    if (is_word(&t, "session")) {
        t = lexer_next(lexer);
    }
    const size_t begin = buf_len(out);
    if (is_other_set(&t) || !read_target(lexer, &t, out)) {
        return SQL_SET_NONE;
    }
    const struct slice name = slice_of(buf_slice(out).p + begin, buf_len(out) - begin);
    if (is_one_of(name, not_tracked, COUNT_OF(not_tracked))) {
        return SQL_SET_NONE;
    }
    const bool identifiers = is_one_of(name, identifier_lists, COUNT_OF(identifier_lists));
    const bool zone = slice_equal_str(name, "timezone");
    buf_put_u8(out, 0);
    if (is_word(&t, "default") || (zone && is_word(&t, "local"))) {
        t = lexer_next(lexer);
        return at_end(lexer, &t) ? SQL_SET_DEFAULT : SQL_SET_NONE;
    }
    /* A zone given as an interval or a number has rules of its own. */
    if ((zone && t.kind != TOKEN_STRING) || !read_values(lexer, &t, identifiers, out) ||
        !at_end(lexer, &t)) {
        return SQL_SET_NONE;
    }
    buf_put_u8(out, 0);
    return SQL_SET_VALUE;
}

static enum sql_set_kind
read_reset(struct lexer *lexer, struct buf *out)
{
    struct token t = lexer_next(lexer);
    if (is_word(&t, "all")) {
        t = lexer_next(lexer);
        return at_end(lexer, &t) ? SQL_SET_RESET_ALL : SQL_SET_NONE;
    }
    const size_t begin = buf_len(out);
    if (!read_name(lexer, &t, out) || !at_end(lexer, &t)) {
        return SQL_SET_NONE;
    }
    const struct slice name = slice_of(buf_slice(out).p + begin, buf_len(out) - begin);
    if (is_one_of(name, not_tracked, COUNT_OF(not_tracked))) {
        return SQL_SET_NONE;
    }
    buf_put_u8(out, 0);
    return SQL_SET_DEFAULT;
}

/* A plain string, as read_constant() takes it. */
static bool
read_string(struct lexer *lexer, struct token *t, struct buf *out)
{
    return t->kind == TOKEN_STRING && read_constant(lexer, t, out);
}

static bool
take(struct lexer *lexer, struct token *t, enum token_kind kind)
{
    const bool here = t->kind == kind;
    if (here) {
        *t = lexer_next(lexer);
    }
    return here;
}

/* ('name', 'value', false) [AS alias]: the value is what SET would have made of its own. */
static bool
read_arguments(struct lexer *lexer, struct token *t, struct buf *name, struct buf *value)
{
    if (!take(lexer, t, TOKEN_OPEN) || !read_string(lexer, t, name) ||
        !take(lexer, t, TOKEN_COMMA) || !read_string(lexer, t, value) ||
        !take(lexer, t, TOKEN_COMMA) || !is_word(t, "false")) {
        return false;
    }
    *t = lexer_next(lexer);
    if (!take(lexer, t, TOKEN_CLOSE)) {
        return false;
    }
    if (is_word(t, "as")) {
        *t = lexer_next(lexer);
        return take(lexer, t, TOKEN_WORD) && at_end(lexer, t);
    }
    return at_end(lexer, t);
}

/* SELECT set_config(..), with which Django sets the time zone of each connection. */
static enum sql_set_kind
read_select(struct lexer *lexer, struct buf *out)
{
    struct token t = lexer_next(lexer);
    if (!is_word(&t, "set_config")) {
        return SQL_SET_NONE;
    }
    t = lexer_next(lexer);
    struct buf name;
    struct buf value;
    buf_init(&name);
    buf_init(&value);
    enum sql_set_kind kind = SQL_SET_NONE;
    if (read_arguments(lexer, &t, &name, &value)) {
        const size_t begin = buf_len(out);
        put_lower(out, buf_slice(&name));
        const struct slice lower = slice_of(buf_slice(out).p + begin, buf_len(out) - begin);
        kind = is_one_of(lower, not_tracked, COUNT_OF(not_tracked)) ? SQL_SET_NONE : SQL_SET_VALUE;
        buf_put_u8(out, 0);
        buf_put(out, buf_slice(&value).p, buf_len(&value));
        buf_put_u8(out, 0);
    }
    buf_fini(&name);
    buf_fini(&value);
    return kind;
}

enum sql_set_kind
sql_set_read(struct slice text, struct buf *out)
{
    struct lexer lexer;
    const size_t begin = buf_len(out);
    enum sql_set_kind kind = SQL_SET_NONE;
    lexer_init(&lexer, text);
    struct token t = lexer_next(&lexer);
    if (is_word(&t, "set")) {
        kind = read_set(&lexer, out);
    } else if (is_word(&t, "reset")) {
        kind = read_reset(&lexer, out);
    } else if (is_word(&t, "select")) {
        kind = read_select(&lexer, out);
    }
    if (kind == SQL_SET_NONE || kind == SQL_SET_RESET_ALL) {
        buf_truncate(out, begin);
        return kind;
    }
    CHECK(buf_len(out) > begin && buf_slice(out).p[buf_len(out) - 1] == '\0');
    return kind;
}
