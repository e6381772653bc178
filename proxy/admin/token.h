/* token.h — the words of a command of the console: plain words, 'quoted' and "quoted" names,
 * semicolons; comments and blanks lie between them. The text is hostile, and read once. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_ADMIN_TOKEN_H
#define TEAL_ADMIN_TOKEN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/check.h"
#include "base/slice.h"

enum { TOKEN_SIZE = 64 };

enum token_kind { TOKEN_END, TOKEN_WORD, TOKEN_TEXT, TOKEN_SEMICOLON, TOKEN_BAD };

/* A copy, without its quotes and with a NUL behind it; one that is too long is BAD. */
struct command_token {
    enum token_kind kind;
    char text[TOKEN_SIZE];
    size_t len;
};

/* A place in the text. Copy it to look ahead. */
struct command_tokens {
    struct slice rest; /* borrowed */
};

struct command_token tokens_next(struct command_tokens *in);
struct command_token tokens_peek(const struct command_tokens *in);
/* Takes the next one if it is that word, whatever its case. */
bool tokens_accept(struct command_tokens *in, const char *word);

/* Below words: bytes. */
bool token_is_space(uint8_t c);
/* Whether these two bytes come next. */
bool tokens_at(const struct command_tokens *in, const char *two);
void tokens_skip(struct command_tokens *in, size_t n);
/* Blanks and comments; false when a comment does not end. */
MUST_CHECK bool tokens_skip_blanks(struct command_tokens *in);

#endif
