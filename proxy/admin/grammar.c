/* grammar.c — the console's grammar. See grammar.h.
 *
 * The lexer knows words, strings, quoted names and comments, which is all that the grammar needs. A
 * statement is found by its words (the row with the most of them wins), then the argument parser of
 * the row reads the rest, and whatever is left over is a mistake. EXPLAIN ROUTE takes the rest of
 * the text as it is. */
/* SPDX-License-Identifier: PostgreSQL */
#include "admin/grammar.h"

#include <string.h>
#include <strings.h>

enum token_kind { TOKEN_END, TOKEN_WORD, TOKEN_TEXT, TOKEN_SEMICOLON, TOKEN_BAD };

/* A token is copied out, so that quotes are gone and a NUL stands behind it; longer ones are BAD.
 */
struct token {
    enum token_kind kind;
    char text[COMMAND_NAME_SIZE];
    size_t len;
};

struct lexer {
    struct slice rest; /* borrowed */
};

static bool
is_space(uint8_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool
is_word(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.' || c == '%' || c >= 0x80;
}

static void
lexer_skip(struct lexer *lexer, size_t n)
{
    CHECK(n <= lexer->rest.len);
    lexer->rest.p += n;
    lexer->rest.len -= n;
}

static bool
lexer_at(const struct lexer *lexer, const char *two)
{
    return lexer->rest.len >= 2 && lexer->rest.p[0] == (uint8_t)two[0] &&
           lexer->rest.p[1] == (uint8_t)two[1];
}

/* False when a comment does not end. Comments of this form nest, as in PostgreSQL. */
static bool
skip_block_comment(struct lexer *lexer)
{
    size_t depth = 0;
    do {
        if (lexer_at(lexer, "/*")) {
            depth++;
            lexer_skip(lexer, 2);
        } else if (lexer_at(lexer, "*/")) {
            depth--;
            lexer_skip(lexer, 2);
        } else if (lexer->rest.len > 0) {
            lexer_skip(lexer, 1);
        } else {
            return false;
        }
    } while (depth > 0);
    return true;
}

static bool
skip_blanks(struct lexer *lexer)
{
    for (;;) {
        if (lexer_at(lexer, "/*")) {
            if (!skip_block_comment(lexer)) {
                return false;
            }
        } else if (lexer_at(lexer, "--")) {
            while (lexer->rest.len > 0 && lexer->rest.p[0] != '\n') {
                lexer_skip(lexer, 1);
            }
        } else if (lexer->rest.len > 0 && is_space(lexer->rest.p[0])) {
            lexer_skip(lexer, 1);
        } else {
            return true;
        }
    }
}

static bool
token_add(struct token *token, uint8_t c)
{
    if (c == '\0' || token->len + 1 >= sizeof(token->text)) {
        return false;
    }
    token->text[token->len++] = (char)c;
    token->text[token->len] = '\0';
    return true;
}

static void
lex_quoted(struct lexer *lexer, struct token *token)
{
    const uint8_t quote = lexer->rest.p[0];
    lexer_skip(lexer, 1);
    token->kind = TOKEN_TEXT;
    while (lexer->rest.len > 0) {
        const uint8_t c = lexer->rest.p[0];
        lexer_skip(lexer, 1);
        const bool doubled = c == quote && lexer->rest.len > 0 && lexer->rest.p[0] == quote;
        if (c == quote && !doubled) {
            return;
        }
        if (doubled) {
            lexer_skip(lexer, 1);
        }
        if (!token_add(token, c)) {
            break;
        }
    }
    token->kind = TOKEN_BAD; /* too long, or the quote does not end */
}

static void
lex_word(struct lexer *lexer, struct token *token)
{
    token->kind = TOKEN_WORD;
    while (lexer->rest.len > 0 && is_word(lexer->rest.p[0]) && !lexer_at(lexer, "--")) {
        if (!token_add(token, lexer->rest.p[0])) {
            token->kind = TOKEN_BAD;
            return;
        }
        lexer_skip(lexer, 1);
    }
}

static struct token
lex(struct lexer *lexer)
{
    struct token token = {.kind = TOKEN_END};
    if (!skip_blanks(lexer)) {
        token.kind = TOKEN_BAD;
        return token;
    }
    if (lexer->rest.len == 0) {
        return token;
    }
    const uint8_t c = lexer->rest.p[0];
    if (c == '\'' || c == '"') {
        lex_quoted(lexer, &token);
    } else if (is_word(c)) {
        lex_word(lexer, &token);
    } else {
        token.kind = c == ';' ? TOKEN_SEMICOLON : TOKEN_BAD;
        token.text[0] = (char)c;
        token.len = 1;
        lexer_skip(lexer, 1);
    }
    return token;
}

static struct token
lex_peek(const struct lexer *lexer)
{
    struct lexer ahead = *lexer;
    return lex(&ahead);
}

static bool
lex_accept(struct lexer *lexer, const char *word)
{
    struct lexer ahead = *lexer;
    const struct token token = lex(&ahead);
    if (token.kind != TOKEN_WORD || strcasecmp(token.text, word) != 0) {
        return false;
    }
    *lexer = ahead;
    return true;
}

/* ---- arguments ---- */

static bool
fail_at(const struct lexer *lexer, const struct command *s, struct err *err)
{
    const struct token token = lex_peek(lexer);
    const char *shown = s->row->shown;
    if (token.kind == TOKEN_END || token.kind == TOKEN_SEMICOLON) {
        (void)err_set(err, SQLSTATE_SYNTAX_ERROR, "syntax error at end of input");
    } else {
        (void)err_set(err, SQLSTATE_SYNTAX_ERROR, "syntax error at or near \"%s\"", token.text);
    }
    return err_hint(err, "The command is: %s%s%s", s->row->words, shown[0] == '\0' ? "" : " ",
                    shown);
}

static bool
parse_nothing(struct lexer *lexer, struct command *s, struct err *err)
{
    (void)lexer;
    (void)s;
    (void)err;
    return true;
}

static bool
parse_pinned(struct lexer *lexer, struct command *s, struct err *err)
{
    (void)err;
    s->pinned = lex_accept(lexer, "PINNED");
    return true;
}

static bool
parse_name(struct lexer *lexer, struct command *s, char *out, struct err *err)
{
    const struct token token = lex_peek(lexer);
    if ((token.kind != TOKEN_WORD && token.kind != TOKEN_TEXT) || token.len == 0) {
        return fail_at(lexer, s, err);
    }
    (void)lex(lexer);
    memcpy(out, token.text, token.len + 1);
    return true;
}

static bool
parse_reads_side(struct lexer *lexer, struct command *s, struct err *err)
{
    static const struct {
        const char *word;
        enum view_reads reads;
    } sides[] = {
        {"BLUE", VIEW_READS_BLUE}, {"GREEN", VIEW_READS_GREEN}, {"FOLLOW", VIEW_READS_FOLLOW}};
    for (size_t i = 0; i < COUNT_OF(sides); i++) {
        if (lex_accept(lexer, sides[i].word)) {
            s->reads = sides[i].reads;
            return true;
        }
    }
    return fail_at(lexer, s, err);
}

/* "5%", "5 %" and "5" alike. */
static bool
parse_reads_percent(struct lexer *lexer, struct command *s, struct err *err)
{
    const struct token token = lex_peek(lexer);
    if (token.kind != TOKEN_WORD || token.text[0] < '0' || token.text[0] > '9') {
        return true;
    }
    if (!percent_parse(token.text, &s->percent)) {
        return err_set(err, SQLSTATE_INVALID_PARAMETER, "\"%s\" is not a percentage from 0 to 100",
                       token.text);
    }
    (void)lex(lexer);
    (void)lex_accept(lexer, "%");
    s->percent_set = true;
    if (s->reads == VIEW_READS_FOLLOW) {
        return err_set(err, SQLSTATE_INVALID_PARAMETER,
                       "reads that follow the writer cannot take a percentage");
    }
    return true;
}

static bool
parse_reads(struct lexer *lexer, struct command *s, struct err *err)
{
    if (!parse_reads_side(lexer, s, err) || !parse_reads_percent(lexer, s, err)) {
        return false;
    }
    bool filtered = false;
    for (;;) {
        char *out = lex_accept(lexer, "USER")          ? s->user
                    : lex_accept(lexer, "APPLICATION") ? s->application
                    : lex_accept(lexer, "DATABASE")    ? s->database
                                                       : NULL;
        if (out == NULL) {
            break;
        }
        filtered = true;
        if (!parse_name(lexer, s, out, err)) {
            return false;
        }
    }
    if (filtered && s->percent_set) {
        return err_set(err, SQLSTATE_FEATURE_NOT_SUPPORTED,
                       "a rule for a user, application or database cannot take a percentage");
    }
    return true;
}

static bool
parse_side(struct lexer *lexer, struct command *s, struct err *err)
{
    if (lex_accept(lexer, "BLUE")) {
        s->side = SIDE_BLUE;
        return true;
    }
    if (lex_accept(lexer, "GREEN")) {
        s->side = SIDE_GREEN;
        return true;
    }
    return fail_at(lexer, s, err);
}

static bool
parse_drain(struct lexer *lexer, struct command *s, struct err *err)
{
    s->options.drain_set = true;
    if (lex_accept(lexer, "ABORT")) {
        s->options.drain = CUTOVER_DRAIN_ABORT;
        return true;
    }
    if (lex_accept(lexer, "CANCEL")) {
        s->options.drain = CUTOVER_DRAIN_CANCEL;
        return true;
    }
    if (lex_accept(lexer, "TERMINATE")) {
        s->options.drain = CUTOVER_DRAIN_TERMINATE;
        return true;
    }
    return fail_at(lexer, s, err);
}

static bool
parse_cutover(struct lexer *lexer, struct command *s, struct err *err)
{
    for (;;) {
        if (lex_accept(lexer, "NO")) {
            if (!lex_accept(lexer, "ROLLBACK")) {
                return fail_at(lexer, s, err);
            }
            s->options.no_way_back = true;
        } else if (lex_accept(lexer, "DRY")) {
            if (!lex_accept(lexer, "RUN")) {
                return fail_at(lexer, s, err);
            }
            s->options.dry_run = true;
        } else if (lex_accept(lexer, "DRAIN")) {
            if (!parse_drain(lexer, s, err)) {
                return false;
            }
        } else {
            return true;
        }
    }
}

static bool
parse_duration(struct lexer *lexer, struct command *s, struct err *err)
{
    const struct token token = lex_peek(lexer);
    if (token.kind != TOKEN_WORD && token.kind != TOKEN_TEXT) {
        return true;
    }
    if (!duration_parse(token.text, &s->timeout_us) || s->timeout_us == 0 ||
        s->timeout_us > (uint64_t)COMMAND_HOLD_MAX_S * 1000000) {
        return err_set(err, SQLSTATE_INVALID_PARAMETER,
                       "\"%s\" is not a time above 0 and up to %d s", token.text,
                       COMMAND_HOLD_MAX_S);
    }
    (void)lex(lexer);
    s->timeout_set = true;
    return true;
}

static bool
digits_parse(const char **text, uint64_t max, uint64_t *out)
{
    const char *p = *text;
    uint64_t n = 0;
    while (*p >= '0' && *p <= '9') {
        const uint64_t digit = (uint64_t)(*p - '0');
        if (n > (max - digit) / 10) {
            return false;
        }
        n = n * 10 + digit;
        p++;
    }
    const bool any = p != *text;
    *text = p;
    *out = n;
    return any;
}

static bool
parse_number(struct lexer *lexer, struct command *s, struct err *err)
{
    const struct token token = lex_peek(lexer);
    const char *p = token.text;
    if (token.kind != TOKEN_WORD || !digits_parse(&p, UINT64_MAX, &s->number) || *p != '\0') {
        return fail_at(lexer, s, err);
    }
    (void)lex(lexer);
    return true;
}

/* PgBouncer's commands take the name of a database, or mean all of them. */
static bool
parse_database(struct lexer *lexer, struct command *s, struct err *err)
{
    const struct token token = lex_peek(lexer);
    const bool any = token.kind == TOKEN_WORD || token.kind == TOKEN_TEXT;
    return !any || parse_name(lexer, s, s->database, err);
}

static bool
parse_database_needed(struct lexer *lexer, struct command *s, struct err *err)
{
    return parse_name(lexer, s, s->database, err);
}

/* A word that is a time is one; a database of such a name needs quotes. */
static bool
parse_database_time(struct lexer *lexer, struct command *s, struct err *err)
{
    const struct token token = lex_peek(lexer);
    uint64_t time_us;
    if (token.kind == TOKEN_WORD && duration_parse(token.text, &time_us)) {
        return parse_duration(lexer, s, err);
    }
    return parse_database(lexer, s, err) && parse_duration(lexer, s, err);
}

static bool
parse_shutdown(struct lexer *lexer, struct command *s, struct err *err)
{
    (void)err;
    if (lex_accept(lexer, "WAIT_FOR_CLIENTS")) {
        s->shutdown = SHUTDOWN_WAIT_FOR_CLIENTS;
    } else if (lex_accept(lexer, "WAIT_FOR_SERVERS")) {
        s->shutdown = SHUTDOWN_WAIT_FOR_SERVERS;
    }
    return true;
}

static bool
parse_sql(struct lexer *lexer, struct command *s, struct err *err)
{
    if (lex_peek(lexer).kind == TOKEN_END) {
        return fail_at(lexer, s, err);
    }
    s->sql = lexer->rest;
    lexer->rest.len = 0;
    return true;
}

static bool
parse_rest(struct lexer *lexer, struct command *s, struct err *err)
{
    (void)s;
    (void)err;
    lexer->rest.len = 0;
    return true;
}

/* Up to the quote that ends it, or to a blank or semicolon without quotes; a doubled quote is one.
 */
static bool
parse_value(struct lexer *lexer, struct command *s)
{
    const bool quoted = lexer->rest.len > 0 && lexer->rest.p[0] == '\'';
    size_t len = 0;
    lexer_skip(lexer, quoted ? 1 : 0);
    while (lexer->rest.len > 0) {
        const uint8_t c = lexer->rest.p[0];
        const bool doubled = lexer_at(lexer, "''");
        if (quoted && c == '\'' && !doubled) {
            lexer_skip(lexer, 1);
            return true;
        }
        if (!quoted && (is_space(c) || c == ';')) {
            return len > 0;
        }
        if (c == '\0' || len + 1 >= sizeof(s->value)) {
            return false;
        }
        s->value[len++] = (char)c;
        lexer_skip(lexer, quoted && doubled ? 2 : 1);
    }
    return !quoted && len > 0;
}

static bool
parse_set(struct lexer *lexer, struct command *s, struct err *err)
{
    if (!parse_name(lexer, s, s->key, err)) {
        return false;
    }
    const bool blanks = skip_blanks(lexer);
    const bool equals = lexer->rest.len > 0 && lexer->rest.p[0] == '=';
    if (!blanks || (!equals && !lex_accept(lexer, "TO"))) {
        return fail_at(lexer, s, err);
    }
    lexer_skip(lexer, equals ? 1 : 0);
    if (!skip_blanks(lexer) || !parse_value(lexer, s)) {
        return err_set(err, SQLSTATE_SYNTAX_ERROR, "a value of at most %d bytes must follow",
                       (int)sizeof(s->value) - 1);
    }
    return true;
}

typedef bool parse_fn(struct lexer *lexer, struct command *s, struct err *err);

enum argument {
    ARG_NONE,
    ARG_WORD,
    ARG_PINNED,
    ARG_READS,
    ARG_SIDE,
    ARG_CUTOVER,
    ARG_DURATION,
    ARG_DATABASE,
    ARG_DATABASE_NEEDED,
    ARG_DATABASE_TIME,
    ARG_NUMBER,
    ARG_SHUTDOWN,
    ARG_SQL,
    ARG_SET,
    ARG_REST,
    ARGS_COUNT,
};

static parse_fn *const argument_parsers[ARGS_COUNT] = {
    [ARG_NONE] = parse_nothing,
    [ARG_WORD] = parse_nothing,
    [ARG_PINNED] = parse_pinned,
    [ARG_READS] = parse_reads,
    [ARG_SIDE] = parse_side,
    [ARG_CUTOVER] = parse_cutover,
    [ARG_NUMBER] = parse_number,
    [ARG_DURATION] = parse_duration,
    [ARG_SQL] = parse_sql,
    [ARG_DATABASE] = parse_database,
    [ARG_DATABASE_NEEDED] = parse_database_needed,
    [ARG_DATABASE_TIME] = parse_database_time,
    [ARG_REST] = parse_rest,
    [ARG_SET] = parse_set,
    [ARG_SHUTDOWN] = parse_shutdown,
};

/* ---- the table ---- */

#define COMMAND(id, words, argument, shown, needs, reply, sentence) \
    {id, words, shown, NEEDS_##needs, REPLY_##reply, sentence},
static const struct command_row rows[] = {
#include "admin/commands.def"
};

#define COMMAND(id, words, argument, shown, needs, reply, sentence) ARG_##argument,
static const enum argument row_arguments[] = {
#include "admin/commands.def"
};

_Static_assert(COUNT_OF(rows) == COUNT_OF(row_arguments), "one argument parser a row");

size_t
command_rows_count(void)
{
    return COUNT_OF(rows);
}

const struct command_row *
command_row_at(size_t at)
{
    CHECK(at < COUNT_OF(rows));
    return &rows[at];
}

/* How many words of the row the text begins with, all of them or 0; *after is what follows. */
static size_t
row_match(const struct command_row *row, struct slice text, struct lexer *after)
{
    struct lexer lexer = {text};
    size_t count = 0;
    const char *at = row->words;
    while (*at != '\0') {
        const size_t len = strcspn(at, " ");
        const struct token token = lex(&lexer);
        const bool alias = at == row->words && strncmp(at, "SHOW ", 5) == 0 &&
                           strcasecmp(token.text, "SELECT") == 0;
        const bool same = token.len == len && strncasecmp(token.text, at, len) == 0;
        if (token.kind != TOKEN_WORD || (!same && !alias)) {
            return 0;
        }
        count++;
        at += len;
        at += *at == ' ' ? 1 : 0;
    }
    *after = lexer;
    return count;
}

static bool
fail_unknown(struct slice text, struct err *err)
{
    struct lexer lexer = {text};
    const struct token first = lex(&lexer);
    const struct token second = lex(&lexer);
    static const char *const transaction[] = {"BEGIN", "START", "COMMIT", "END", "ABORT"};
    for (size_t i = 0; i < COUNT_OF(transaction); i++) {
        if (first.kind == TOKEN_WORD && strcasecmp(first.text, transaction[i]) == 0) {
            (void)err_set(err, SQLSTATE_FEATURE_NOT_SUPPORTED, "the console has no transactions");
            return err_hint(err, "Switch your driver to autocommit.");
        }
    }
    const bool two = first.kind == TOKEN_WORD && second.kind == TOKEN_WORD;
    (void)err_set(err, SQLSTATE_SYNTAX_ERROR, "unknown command \"%s%s%s\"", first.text,
                  two ? " " : "", two ? second.text : "");
    return err_hint(err, "SHOW HELP lists the commands.");
}

/* Nothing may follow but blanks and semicolons. */
static bool
parse_end(struct lexer *lexer, const struct command *s, struct err *err)
{
    struct lexer before = *lexer;
    bool ended = false;
    for (;;) {
        const struct token token = lex(lexer);
        if (token.kind == TOKEN_END) {
            return true;
        }
        if (token.kind != TOKEN_SEMICOLON) {
            break;
        }
        ended = true;
    }
    if (ended) {
        return err_set(err, SQLSTATE_SYNTAX_ERROR, "the console takes one command at a time");
    }
    return fail_at(&before, s, err);
}

static bool
is_empty(struct slice text)
{
    struct lexer lexer = {text};
    struct token token = lex(&lexer);
    while (token.kind == TOKEN_SEMICOLON) {
        token = lex(&lexer);
    }
    return token.kind == TOKEN_END;
}

bool
command_parse(struct slice text, struct command *out, struct err *err)
{
    *out = (struct command){.id = CMD_EMPTY};
    err_clear(err);
    if (is_empty(text)) {
        return true;
    }
    size_t best = 0;
    size_t found = 0;
    struct lexer rest = {text};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct lexer after = {text};
        const size_t count = row_match(&rows[i], text, &after);
        if (count > best) {
            best = count;
            found = i;
            rest = after;
        }
    }
    if (best == 0) {
        return fail_unknown(text, err);
    }
    struct command s = {.id = rows[found].id, .row = &rows[found]};
    if (s.id != CMD_EXPLAIN && text.len > COMMAND_LEN_MAX) {
        return err_set(err, "54000", "the command is longer than %d bytes", COMMAND_LEN_MAX);
    }
    if (!argument_parsers[row_arguments[found]](&rest, &s, err) || !parse_end(&rest, &s, err)) {
        CHECK(err_is_set(err));
        return false;
    }
    *out = s;
    return true;
}

/* ---- values ---- */

bool
duration_parse(const char *text, uint64_t *out_us)
{
    static const struct {
        const char *unit;
        uint64_t us;
    } units[] = {{"", 1000000},     {"us", 1},          {"ms", 1000},       {"s", 1000000},
                 {"min", 60000000}, {"h", 3600000000U}, {"d", 86400000000U}};
    uint64_t n;
    *out_us = 0;
    if (!digits_parse(&text, 1000000, &n)) {
        return false;
    }
    for (size_t i = 0; i < COUNT_OF(units); i++) {
        if (strcasecmp(text, units[i].unit) == 0) {
            *out_us = n * units[i].us;
            return true;
        }
    }
    return false;
}

bool
percent_parse(const char *text, uint32_t *out)
{
    uint64_t whole;
    uint64_t hundredths = 0;
    *out = 0;
    if (!digits_parse(&text, 100, &whole)) {
        return false;
    }
    if (*text == '.') {
        const char *digits = ++text;
        if (!digits_parse(&text, 99, &hundredths) || text - digits > 2) {
            return false;
        }
        hundredths *= text - digits == 1 ? 10 : 1;
    }
    text += *text == '%' ? 1 : 0;
    if (*text != '\0' || whole * 100 + hundredths > PERCENT_ALL) {
        return false;
    }
    *out = (uint32_t)(whole * 100 + hundredths);
    return true;
}
