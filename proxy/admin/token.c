/* token.c — the words of a command of the console. See token.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "admin/token.h"

#include <strings.h>

bool
token_is_space(uint8_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool
is_word(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.' || c == '%' || c >= 0x80;
}

void
tokens_skip(struct command_tokens *in, size_t n)
{
    CHECK(n <= in->rest.len);
    in->rest.p += n;
    in->rest.len -= n;
}

bool
tokens_at(const struct command_tokens *in, const char *two)
{
    return in->rest.len >= 2 && in->rest.p[0] == (uint8_t)two[0] &&
           in->rest.p[1] == (uint8_t)two[1];
}

/* False when a comment does not end. Comments of this form nest, as in PostgreSQL. */
static bool
skip_block_comment(struct command_tokens *in)
{
    size_t depth = 0;
    do {
        if (tokens_at(in, "/*")) {
            depth++;
            tokens_skip(in, 2);
        } else if (tokens_at(in, "*/")) {
            depth--;
            tokens_skip(in, 2);
        } else if (in->rest.len > 0) {
            tokens_skip(in, 1);
        } else {
            return false;
        }
    } while (depth > 0);
    return true;
}

bool
tokens_skip_blanks(struct command_tokens *in)
{
    for (;;) {
        if (tokens_at(in, "/*")) {
            if (!skip_block_comment(in)) {
                return false;
            }
        } else if (tokens_at(in, "--")) {
            while (in->rest.len > 0 && in->rest.p[0] != '\n') {
                tokens_skip(in, 1);
            }
        } else if (in->rest.len > 0 && token_is_space(in->rest.p[0])) {
            tokens_skip(in, 1);
        } else {
            return true;
        }
    }
}

static bool
token_add(struct command_token *token, uint8_t c)
{
    if (c == '\0' || token->len + 1 >= sizeof(token->text)) {
        return false;
    }
    CHECK(token->text[token->len] == '\0');
    token->text[token->len++] = (char)c;
    token->text[token->len] = '\0';
    return true;
}

static void
lex_quoted(struct command_tokens *in, struct command_token *token)
{
    const uint8_t quote = in->rest.p[0];
    tokens_skip(in, 1);
    token->kind = TOKEN_TEXT;
    while (in->rest.len > 0) {
        const uint8_t c = in->rest.p[0];
        tokens_skip(in, 1);
        const bool doubled = c == quote && in->rest.len > 0 && in->rest.p[0] == quote;
        if (c == quote && !doubled) {
            return;
        }
        if (doubled) {
            tokens_skip(in, 1);
        }
        if (!token_add(token, c)) {
            break;
        }
    }
    token->kind = TOKEN_BAD; /* too long, or the quote does not end */
}

static void
lex_word(struct command_tokens *in, struct command_token *token)
{
    token->kind = TOKEN_WORD;
    while (in->rest.len > 0 && is_word(in->rest.p[0]) && !tokens_at(in, "--")) {
        if (!token_add(token, in->rest.p[0])) {
            token->kind = TOKEN_BAD;
            return;
        }
        tokens_skip(in, 1);
    }
}

struct command_token
tokens_next(struct command_tokens *in)
{
    struct command_token token = {.kind = TOKEN_END};
    if (!tokens_skip_blanks(in)) {
        token.kind = TOKEN_BAD;
        return token;
    }
    if (in->rest.len == 0) {
        return token;
    }
    const uint8_t c = in->rest.p[0];
    if (c == '\'' || c == '"') {
        lex_quoted(in, &token);
    } else if (is_word(c)) {
        lex_word(in, &token);
    } else {
        token.kind = c == ';' ? TOKEN_SEMICOLON : TOKEN_BAD;
        token.text[0] = (char)c;
        token.len = 1;
        tokens_skip(in, 1);
    }
    return token;
}

struct command_token
tokens_peek(const struct command_tokens *in)
{
    struct command_tokens ahead = *in;
    return tokens_next(&ahead);
}

bool
tokens_accept(struct command_tokens *in, const char *word)
{
    struct command_tokens ahead = *in;
    const struct command_token token = tokens_next(&ahead);
    if (token.kind != TOKEN_WORD || strcasecmp(token.text, word) != 0) {
        return false;
    }
    *in = ahead;
    return true;
}
