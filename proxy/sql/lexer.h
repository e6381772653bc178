/* lexer.h — SQL text as the server's scanner reads it.
 *
 * A lexer walks a borrowed text once and gives one token at a time. Nothing is allocated, copied or
 * recursed into. It follows src/backend/parser/scan.l with standard_conforming_strings on: nested
 * comments, E'', U&'', B'', X'', N'' and dollar-quoted strings, strings continued over a line
 * break, quoted identifiers, and operators that end where a comment begins. Where the server's
 * versions differ (1abc, 0x1f) all of them either reject the text or cut it where this lexer does.
 *
 * A text that does not end (an open quote or comment) or holds a NUL gives TOKEN_BAD: the server
 * would not run it, or would read it in a way that is not known here. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_SQL_LEXER_H
#define TEAL_SQL_LEXER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

enum token_kind {
    TOKEN_END, /* of the text */
    TOKEN_BAD,
    TOKEN_WORD,           /* keyword or unquoted name */
    TOKEN_QUOTED,         /* "name"; the text has its quotes */
    TOKEN_QUOTED_UNICODE, /* U&"name": not decoded, so the name is not known */
    TOKEN_STRING,         /* any kind of string constant, with its quotes and prefix */
    TOKEN_NUMBER,
    TOKEN_PARAM, /* $1 */
    TOKEN_OPEN,  /* ( */
    TOKEN_CLOSE, /* ) */
    TOKEN_COMMA,
    TOKEN_SEMICOLON,
    TOKEN_DOT,
    TOKEN_CAST,     /* :: */
    TOKEN_OPERATOR, /* a run of operator characters */
    TOKEN_OTHER,    /* any other single byte: [ ] : and what is no SQL at all */
};

enum keyword {
#define KEYWORD_LETTER(letter) KW_LETTER_##letter,
#define KEYWORD(id, spelling, flags) id,
#include "sql/keywords.def"
#undef KEYWORD_LETTER
#undef KEYWORD
    KW_COUNT,
    KW_NONE = KW_LETTER_A, /* the row of a letter is no word */
};

/* What is known of a keyword besides its name. */
enum keyword_flags {
    KEYWORD_PLAIN = 0,
    KEYWORD_OPEN = 1 << 0,        /* no operand and no name ends with it */
    KEYWORD_PAREN = 1 << 1,       /* "word (" is a construct of the grammar, never a call */
    KEYWORD_PAREN_INFIX = 1 << 2, /* the same, when an operand or a name precedes the word */
    KEYWORD_PAREN_AFTER = 1 << 3, /* the same, when ")" precedes the word */
};

struct token {
    struct slice text; /* borrowed from the lexer's text */
    enum token_kind kind;
    enum keyword keyword; /* of a TOKEN_WORD; else KW_NONE */
    uint32_t flags;       /* enum keyword_flags; of other tokens only KEYWORD_OPEN */
};

struct lexer {
    const uint8_t *at;  /* borrowed: the next byte */
    const uint8_t *end; /* borrowed: behind the last byte */
    bool bad;           /* every further token is TOKEN_BAD */
    bool utf8;          /* the text is UTF-8 throughout */
    bool backslash;     /* the text holds a backslash somewhere */
};

/* The text must outlive the lexer and its tokens. */
void lexer_init(struct lexer *lexer, struct slice text);
struct token lexer_next(struct lexer *lexer);
/* Skips space and then one comment of the block form, and gives its inside. False, without a move
 * past anything but space, when no such comment comes next. */
bool lexer_take_comment(struct lexer *lexer, struct slice *inside);

static inline bool
token_is_name(const struct token *t)
{
    return t->kind == TOKEN_WORD || t->kind == TOKEN_QUOTED || t->kind == TOKEN_QUOTED_UNICODE;
}
/* The spelling of a name without quotes; a doubled quote stays doubled, and then it matches
 * nothing.
 */
struct slice token_name(const struct token *t);
/* Whether it is that name, given in lower case: as the server folds what has no quotes. */
bool token_names(const struct token *t, const char *name);

/* The spelling, in lower case; "" for KW_NONE. */
const char *keyword_name(enum keyword keyword);

#endif
