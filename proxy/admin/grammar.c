/* grammar.c — the console's grammar. See grammar.h.
 *
 * A command is found by its words (the row with the most of them wins), then the argument parser of
 * the row reads what follows (arguments.c), and whatever is left over is a mistake. */
/* SPDX-License-Identifier: PostgreSQL */
#include "admin/grammar.h"

#include <string.h>
#include <strings.h>

#include "admin/arguments.h"
#include "admin/token.h"

#define COMMAND(id, words, argument, shown, pair, needs, reply, sentence) \
    {id, words, shown, NAMES_##pair##_PAIR, NEEDS_##needs, REPLY_##reply, sentence},
static const struct command_row rows[] = {
#include "admin/commands.def"
};

#define COMMAND(id, words, argument, shown, pair, needs, reply, sentence) ARG_##argument,
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
row_match(const struct command_row *row, struct slice text, struct command_tokens *after)
{
    struct command_tokens in = {text};
    size_t count = 0;
    const char *at = row->words;
    while (*at != '\0') {
        const size_t len = strcspn(at, " ");
        const struct command_token token = tokens_next(&in);
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
    *after = in;
    return count;
}

static bool
fail_unknown(struct slice text, struct err *err)
{
    struct command_tokens in = {text};
    const struct command_token first = tokens_next(&in);
    const struct command_token second = tokens_next(&in);
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
parse_end(struct command_tokens *in, const struct command *c, struct err *err)
{
    struct command_tokens before = *in;
    bool ended = false;
    for (;;) {
        const struct command_token token = tokens_next(in);
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
    return argument_refuse(&before, c, err);
}

static bool
is_empty(struct slice text)
{
    struct command_tokens in = {text};
    struct command_token token = tokens_next(&in);
    while (token.kind == TOKEN_SEMICOLON) {
        token = tokens_next(&in);
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
    struct command_tokens rest = {text};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct command_tokens after = {text};
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
    struct command c = {.id = rows[found].id, .row = &rows[found]};
    if (c.id != CMD_EXPLAIN && text.len > COMMAND_LEN_MAX) {
        return err_set(err, "54000", "the command is longer than %d bytes", COMMAND_LEN_MAX);
    }
    if (!argument_parse(row_arguments[found], &rest, &c, err) || !parse_end(&rest, &c, err)) {
        CHECK(err_is_set(err));
        return false;
    }
    *out = c;
    return true;
}
