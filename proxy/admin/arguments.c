/* arguments.c — what follows the words of a command. See arguments.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "admin/arguments.h"

#include <string.h>

#include "admin/duration.h"
#include "base/digits.h"
#include "model/percent.h"

_Static_assert((int)TOKEN_SIZE <= (int)COMMAND_NAME_SIZE, "every token fits into a name");

bool
argument_refuse(const struct command_tokens *in, const struct command *c, struct err *err)
{
    const struct command_token token = tokens_peek(in);
    const char *shown = c->row->shown;
    if (token.kind == TOKEN_END || token.kind == TOKEN_SEMICOLON) {
        (void)err_set(err, SQLSTATE_SYNTAX_ERROR, "syntax error at end of input");
    } else {
        (void)err_set(err, SQLSTATE_SYNTAX_ERROR, "syntax error at or near \"%s\"", token.text);
    }
    return err_hint(err, "The command is: %s%s%s%s", c->row->words, shown[0] == '\0' ? "" : " ",
                    shown, c->row->pair == NAMES_NO_PAIR ? "" : " [PAIR name]");
}

static bool
parse_nothing(struct command_tokens *in, struct command *c, struct err *err)
{
    (void)in;
    (void)c;
    (void)err;
    return true;
}

static bool
parse_pinned(struct command_tokens *in, struct command *c, struct err *err)
{
    (void)err;
    c->pinned = tokens_accept(in, "PINNED");
    return true;
}

static bool
parse_name(struct command_tokens *in, struct command *c, char *out, struct err *err)
{
    const struct command_token token = tokens_peek(in);
    if ((token.kind != TOKEN_WORD && token.kind != TOKEN_TEXT) || token.len == 0) {
        return argument_refuse(in, c, err);
    }
    (void)tokens_next(in);
    memcpy(out, token.text, token.len + 1);
    return true;
}

/* PAIR name, wherever an argument may begin. */
static bool
parse_pair(struct command_tokens *in, struct command *c, struct err *err)
{
    struct command_tokens after = *in;
    if (c->row->pair == NAMES_NO_PAIR || !tokens_accept(&after, "PAIR")) {
        return true;
    }
    if (c->pair[0] != '\0') {
        return argument_refuse(in, c, err);
    }
    *in = after;
    return parse_name(in, c, c->pair, err);
}

static bool
parse_pair_name(struct command_tokens *in, struct command *c, struct err *err)
{
    const struct command_token token = tokens_peek(in);
    const bool named = token.kind == TOKEN_WORD || token.kind == TOKEN_TEXT;
    return !named || c->pair[0] != '\0' || parse_name(in, c, c->pair, err);
}

static bool
parse_reads_side(struct command_tokens *in, struct command *c, struct err *err)
{
    const struct command_token token = tokens_peek(in);
    if (token.kind != TOKEN_WORD || !reads_parse(token.text, &c->reads)) {
        return argument_refuse(in, c, err);
    }
    (void)tokens_next(in);
    return true;
}

/* "5%", "5 %" and "5" alike. */
static bool
parse_reads_percent(struct command_tokens *in, struct command *c, struct err *err)
{
    const struct command_token token = tokens_peek(in);
    if (token.kind != TOKEN_WORD || token.text[0] < '0' || token.text[0] > '9') {
        return true;
    }
    if (!percent_parse(token.text, &c->percent)) {
        return err_set(err, SQLSTATE_INVALID_PARAMETER, "\"%s\" is not a percentage from 0 to 100",
                       token.text);
    }
    (void)tokens_next(in);
    (void)tokens_accept(in, "%");
    c->percent_set = true;
    if (c->reads == READS_FOLLOW) {
        return err_set(err, SQLSTATE_INVALID_PARAMETER,
                       "reads that follow the writer cannot take a percentage");
    }
    return true;
}

/* USER u, APPLICATION a, DATABASE d, PAIR p, in any order; *filtered: any of the first three. */
static bool
parse_reads_conditions(struct command_tokens *in, struct command *c, bool *filtered,
                       struct err *err)
{
    *filtered = false;
    while (parse_pair(in, c, err)) {
        char *out = tokens_accept(in, "USER")          ? c->user
                    : tokens_accept(in, "APPLICATION") ? c->application
                    : tokens_accept(in, "DATABASE")    ? c->database
                                                       : NULL;
        if (out == NULL) {
            return true;
        }
        *filtered = true;
        if (!parse_name(in, c, out, err)) {
            return false;
        }
    }
    return false;
}

static bool
parse_reads(struct command_tokens *in, struct command *c, struct err *err)
{
    bool filtered;
    if (tokens_accept(in, "DEFAULT")) {
        c->reads_default = true;
        return true;
    }
    if (!parse_reads_side(in, c, err) || !parse_reads_percent(in, c, err) ||
        !parse_reads_conditions(in, c, &filtered, err)) {
        return false;
    }
    if (filtered && c->percent_set) {
        return err_set(err, SQLSTATE_FEATURE_NOT_SUPPORTED,
                       "a rule for a user, application or database cannot take a percentage");
    }
    return true;
}

static bool
parse_side(struct command_tokens *in, struct command *c, struct err *err)
{
    const struct command_token token = tokens_peek(in);
    if (token.kind != TOKEN_WORD || !side_parse(token.text, &c->side)) {
        return argument_refuse(in, c, err);
    }
    (void)tokens_next(in);
    return true;
}

static bool
parse_side_or_both(struct command_tokens *in, struct command *c, struct err *err)
{
    c->side_set = tokens_peek(in).kind == TOKEN_WORD;
    return !c->side_set || parse_side(in, c, err);
}

static bool
parse_drain(struct command_tokens *in, struct command *c, struct err *err)
{
    const struct command_token token = tokens_peek(in);
    c->options.drain_set = true;
    if (token.kind != TOKEN_WORD || !drain_policy_parse(token.text, &c->options.drain)) {
        return argument_refuse(in, c, err);
    }
    (void)tokens_next(in);
    return true;
}

static bool
parse_cutover(struct command_tokens *in, struct command *c, struct err *err)
{
    for (;;) {
        if (!parse_pair(in, c, err)) {
            return false;
        }
        if (tokens_accept(in, "NO")) {
            if (!tokens_accept(in, "ROLLBACK")) {
                return argument_refuse(in, c, err);
            }
            c->options.no_way_back = true;
        } else if (tokens_accept(in, "DRY")) {
            if (!tokens_accept(in, "RUN")) {
                return argument_refuse(in, c, err);
            }
            c->options.dry_run = true;
        } else if (tokens_accept(in, "DRAIN")) {
            if (!parse_drain(in, c, err)) {
                return false;
            }
        } else {
            return true;
        }
    }
}

static bool
parse_duration(struct command_tokens *in, struct command *c, struct err *err)
{
    const struct command_token token = tokens_peek(in);
    if (token.kind != TOKEN_WORD && token.kind != TOKEN_TEXT) {
        return true;
    }
    if (!duration_parse(token.text, &c->timeout_us) || c->timeout_us == 0 ||
        c->timeout_us > (uint64_t)COMMAND_HOLD_MAX_S * 1000000) {
        return err_set(err, SQLSTATE_INVALID_PARAMETER,
                       "\"%s\" is not a time above 0 and up to %d s", token.text,
                       COMMAND_HOLD_MAX_S);
    }
    (void)tokens_next(in);
    c->timeout_set = true;
    return true;
}

static bool
parse_number(struct command_tokens *in, struct command *c, struct err *err)
{
    const struct command_token token = tokens_peek(in);
    const char *p = token.text;
    if (token.kind != TOKEN_WORD || !digits_take(&p, 10, &c->number) || *p != '\0') {
        return argument_refuse(in, c, err);
    }
    (void)tokens_next(in);
    return true;
}

/* PgBouncer's commands take the name of a database, or mean all of them. */
static bool
parse_database(struct command_tokens *in, struct command *c, struct err *err)
{
    const struct command_token token = tokens_peek(in);
    const bool any = token.kind == TOKEN_WORD || token.kind == TOKEN_TEXT;
    return !any || parse_name(in, c, c->database, err);
}

static bool
parse_database_needed(struct command_tokens *in, struct command *c, struct err *err)
{
    return parse_name(in, c, c->database, err);
}

/* A word that is a time is one; a database of such a name needs quotes. */
static bool
parse_database_time(struct command_tokens *in, struct command *c, struct err *err)
{
    const struct command_token token = tokens_peek(in);
    uint64_t time_us;
    if (token.kind == TOKEN_WORD && duration_parse(token.text, &time_us)) {
        return parse_duration(in, c, err);
    }
    return parse_database(in, c, err) && parse_duration(in, c, err);
}

static bool
parse_shutdown(struct command_tokens *in, struct command *c, struct err *err)
{
    (void)err;
    if (tokens_accept(in, "WAIT_FOR_CLIENTS")) {
        c->shutdown = SHUTDOWN_WAIT_FOR_CLIENTS;
    } else if (tokens_accept(in, "WAIT_FOR_SERVERS")) {
        c->shutdown = SHUTDOWN_WAIT_FOR_SERVERS;
    }
    return true;
}

static bool
parse_sql(struct command_tokens *in, struct command *c, struct err *err)
{
    if (tokens_peek(in).kind == TOKEN_END) {
        return argument_refuse(in, c, err);
    }
    c->sql = in->rest;
    in->rest.len = 0;
    return true;
}

static bool
parse_rest(struct command_tokens *in, struct command *c, struct err *err)
{
    (void)c;
    (void)err;
    in->rest.len = 0;
    return true;
}

/* Up to the quote that ends it, or to a blank or semicolon without quotes; a doubled quote is one.
 */
static bool
parse_value(struct command_tokens *in, struct command *c)
{
    const bool quoted = in->rest.len > 0 && in->rest.p[0] == '\'';
    size_t len = 0;
    tokens_skip(in, quoted ? 1 : 0);
    while (in->rest.len > 0) {
        const uint8_t byte = in->rest.p[0];
        const bool doubled = tokens_at(in, "''");
        if (quoted && byte == '\'' && !doubled) {
            tokens_skip(in, 1);
            return true;
        }
        if (!quoted && (token_is_space(byte) || byte == ';')) {
            return len > 0;
        }
        if (byte == '\0' || len + 1 >= sizeof(c->value)) {
            return false;
        }
        c->value[len++] = (char)byte;
        tokens_skip(in, quoted && doubled ? 2 : 1);
    }
    return !quoted && len > 0;
}

static bool
parse_set(struct command_tokens *in, struct command *c, struct err *err)
{
    if (!parse_name(in, c, c->key, err)) {
        return false;
    }
    const bool blanks = tokens_skip_blanks(in);
    const bool equals = in->rest.len > 0 && in->rest.p[0] == '=';
    if (!blanks || (!equals && !tokens_accept(in, "TO"))) {
        return argument_refuse(in, c, err);
    }
    tokens_skip(in, equals ? 1 : 0);
    if (!tokens_skip_blanks(in) || !parse_value(in, c)) {
        return err_set(err, SQLSTATE_SYNTAX_ERROR, "a value of at most %d bytes must follow",
                       (int)sizeof(c->value) - 1);
    }
    return true;
}

typedef bool parse_fn(struct command_tokens *in, struct command *c, struct err *err);

static parse_fn *const parsers[ARGS_COUNT] = {
    [ARG_NONE] = parse_nothing,
    [ARG_PINNED] = parse_pinned,
    [ARG_PAIR] = parse_pair_name,
    [ARG_READS] = parse_reads,
    [ARG_SIDE] = parse_side,
    [ARG_SIDE_OR_BOTH] = parse_side_or_both,
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

bool
argument_parse(enum argument argument, struct command_tokens *in, struct command *c,
               struct err *err)
{
    CHECK((size_t)argument < ARGS_COUNT && c->row != NULL);
    return parse_pair(in, c, err) && parsers[argument](in, c, err) && parse_pair(in, c, err);
}
