/* lexer.c — SQL text as the server's scanner reads it. See lexer.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "sql/lexer.h"

#include <string.h>

#include "sql/encoding.h"

/* What a byte may begin. */
enum char_class {
    NO, /* nothing: a token of its own */
    SP, /* space */
    OP, /* operator */
    SQ, /* string */
    DQ, /* quoted name */
    LP, /* ( */
    RP, /* ) */
    CM, /* , */
    SM, /* ; */
    PT, /* . */
    CL, /* : */
    /* From here on: what may follow inside a name. */
    AL, /* letter, underscore, byte of a multi-byte character: a name */
    PF, /* letter that may be the prefix of a string: a name otherwise */
    DG, /* digit */
    DO, /* dollar: parameter or dollar quote */
};

/* clang-format off */
static const uint8_t classes[256] = {
    NO, NO, NO, NO, NO, NO, NO, NO, NO, SP, SP, SP, SP, SP, NO, NO,
    NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO,
    SP, OP, DQ, OP, DO, OP, OP, SQ, LP, RP, OP, OP, CM, OP, PT, OP,
    DG, DG, DG, DG, DG, DG, DG, DG, DG, DG, CL, SM, OP, OP, OP, OP,
    OP, AL, PF, AL, AL, PF, AL, AL, AL, AL, AL, AL, AL, AL, AL, AL,
    AL, AL, AL, AL, AL, PF, AL, AL, PF, AL, AL, NO, NO, NO, OP, AL,
    OP, AL, PF, AL, AL, PF, AL, AL, AL, AL, AL, AL, AL, AL, AL, AL,
    AL, AL, AL, AL, AL, PF, AL, AL, PF, AL, AL, NO, OP, NO, OP, NO,
    AL, AL, AL, AL, AL, AL, AL, AL, AL, AL, AL, AL, AL, AL, AL, AL,
    AL, AL, AL, AL, AL, AL, AL, AL, AL, AL, AL, AL, AL, AL, AL, AL,
    AL, AL, AL, AL, AL, AL, AL, AL, AL, AL, AL, AL, AL, AL, AL, AL,
    AL, AL, AL, AL, AL, AL, AL, AL, AL, AL, AL, AL, AL, AL, AL, AL,
    AL, AL, AL, AL, AL, AL, AL, AL, AL, AL, AL, AL, AL, AL, AL, AL,
    AL, AL, AL, AL, AL, AL, AL, AL, AL, AL, AL, AL, AL, AL, AL, AL,
    AL, AL, AL, AL, AL, AL, AL, AL, AL, AL, AL, AL, AL, AL, AL, AL,
    AL, AL, AL, AL, AL, AL, AL, AL, AL, AL, AL, AL, AL, AL, AL, AL,
};
/* clang-format on */

struct keyword_row {
    const char *spelling;
    uint8_t len;
    uint8_t flags;
};

static const struct keyword_row keywords[KW_COUNT] = {
#define KEYWORD_LETTER(letter) [KW_LETTER_##letter] = {"", 0, 0},
#define KEYWORD(id, spelling, flags) [id] = {spelling, sizeof(spelling) - 1, flags},
#include "sql/keywords.def"
#undef KEYWORD_LETTER
#undef KEYWORD
};

/* Where the rows of each letter begin; the last place is the end of the table. */
static const uint8_t letters[27] = {
    KW_LETTER_A, KW_LETTER_B, KW_LETTER_C, KW_LETTER_D, KW_LETTER_E, KW_LETTER_F, KW_LETTER_G,
    KW_LETTER_H, KW_LETTER_I, KW_LETTER_J, KW_LETTER_K, KW_LETTER_L, KW_LETTER_M, KW_LETTER_N,
    KW_LETTER_O, KW_LETTER_P, KW_LETTER_Q, KW_LETTER_R, KW_LETTER_S, KW_LETTER_T, KW_LETTER_U,
    KW_LETTER_V, KW_LETTER_W, KW_LETTER_X, KW_LETTER_Y, KW_LETTER_Z, KW_COUNT,
};
_Static_assert((int)KW_COUNT <= UINT8_MAX, "a place in the keyword table fits a byte");

enum { KEYWORD_LEN_MAX = 17 };

#define KEYWORD_LETTER(letter)
#define KEYWORD(id, spelling, flags)                                                \
    _Static_assert(sizeof(spelling) - 1 <= KEYWORD_LEN_MAX && sizeof(spelling) > 1, \
                   spelling " has a length that is looked for");
#include "sql/keywords.def"
#undef KEYWORD_LETTER
#undef KEYWORD

/* Nothing but TOKEN_BAD comes from now on. */
static void
lexer_spoil(struct lexer *lexer)
{
    lexer->bad = true;
    lexer->at = lexer->end;
}

void
lexer_init(struct lexer *lexer, struct slice text)
{
    *lexer = (struct lexer){.at = text.p, .end = text.len == 0 ? text.p : text.p + text.len};
    if (!sql_text_check(text, &lexer->utf8, &lexer->backslash)) {
        lexer_spoil(lexer);
    }
}

const char *
keyword_name(enum keyword keyword)
{
    CHECK(keyword < KW_COUNT);
    return keywords[keyword].spelling;
}

struct slice
token_name(const struct token *t)
{
    if (t->kind != TOKEN_QUOTED) {
        return t->text;
    }
    CHECK(t->text.len > 2);
    return slice_of(t->text.p + 1, t->text.len - 2);
}

bool
token_names(const struct token *t, const char *name)
{
    return t->kind == TOKEN_QUOTED ? slice_equal_str(token_name(t), name)
                                   : slice_equal_nocase(t->text, name);
}

static bool
next_is(const struct lexer *lexer, size_t offset, uint8_t c)
{
    return (size_t)(lexer->end - lexer->at) > offset && lexer->at[offset] == c;
}

static bool
is_name_byte(uint8_t c)
{
    return classes[c] >= AL;
}

static bool
is_digit(uint8_t c)
{
    return classes[c] == DG;
}

/* Letters without case, by ASCII only: a Turkish dotless or dotted i makes no keyword, as in the
 * server. The bit that is ignored tells letters apart by case, and no two other bytes of a name. */
static bool
same_word(const uint8_t *p, const char *spelling, size_t len)
{
    for (size_t i = 1; i < len; i++) {
        if (((p[i] ^ (uint8_t)spelling[i]) & 0xdf) != 0) {
            return false;
        }
    }
    return true;
}

/* The rows of a letter are sorted by length, so that a name that is no keyword is mostly recognised
 * after a few of them. */
static enum keyword
keyword_find(const uint8_t *p, size_t len)
{
    const unsigned letter = (unsigned)(p[0] | 0x20) - 'a';
    if (len > KEYWORD_LEN_MAX || letter > 'z' - 'a') {
        return KW_NONE;
    }
    const struct keyword_row *row = &keywords[letters[letter]] + 1;
    const struct keyword_row *const end = keywords + letters[letter + 1];
    while (row < end && row->len < len) {
        row++;
    }
    for (; row < end && row->len == len; row++) {
        if (same_word(p, row->spelling, len)) {
            return (enum keyword)(row - keywords);
        }
    }
    return KW_NONE;
}

static const uint8_t *
line_end(const uint8_t *p, const uint8_t *end)
{
    while (p < end && *p != '\n' && *p != '\r') {
        p++;
    }
    return p;
}

/* p is at the slash of an opening; comments nest. NULL when the comment does not end. */
static const uint8_t *
comment_end(const uint8_t *p, const uint8_t *end)
{
    size_t depth = 0;
    CHECK(end - p >= 2 && p[0] == '/' && p[1] == '*');
    while (end - p >= 2) {
        if (p[0] == '/' && p[1] == '*') {
            depth++;
            p += 2;
        } else if (p[0] == '*' && p[1] == '/') {
            depth--;
            p += 2;
            if (depth == 0) {
                return p;
            }
        } else {
            p++;
        }
    }
    return NULL;
}

static void
skip_space(struct lexer *lexer)
{
    const uint8_t *p = lexer->at;
    while (p < lexer->end && classes[*p] == SP) {
        p++;
    }
    lexer->at = p;
}

/* Over the comment that begins here, if one does. */
static bool
skip_comment(struct lexer *lexer)
{
    if (next_is(lexer, 0, '-') && next_is(lexer, 1, '-')) {
        lexer->at = line_end(lexer->at, lexer->end);
        return true;
    }
    if (next_is(lexer, 0, '/') && next_is(lexer, 1, '*')) {
        const uint8_t *const end = comment_end(lexer->at, lexer->end);
        if (end == NULL) {
            lexer_spoil(lexer);
            return true;
        }
        lexer->at = end;
        return true;
    }
    return false;
}

bool
lexer_take_comment(struct lexer *lexer, struct slice *inside)
{
    *inside = SLICE_EMPTY;
    skip_space(lexer);
    if (lexer->bad || !next_is(lexer, 0, '/') || !next_is(lexer, 1, '*')) {
        return false;
    }
    const uint8_t *const end = comment_end(lexer->at, lexer->end);
    if (end == NULL) {
        return false;
    }
    CHECK(end - lexer->at >= 4);
    *inside = slice_of(lexer->at + 2, (size_t)(end - lexer->at) - 4);
    lexer->at = end;
    return true;
}

/* Of tokens that are no words: what cannot end an operand. A "]" can; it shares its kind with what
 * is no SQL. */
static const uint8_t kind_flags[] = {
    [TOKEN_END] = KEYWORD_OPEN,   [TOKEN_BAD] = KEYWORD_OPEN,       [TOKEN_OPEN] = KEYWORD_OPEN,
    [TOKEN_COMMA] = KEYWORD_OPEN, [TOKEN_SEMICOLON] = KEYWORD_OPEN, [TOKEN_DOT] = KEYWORD_OPEN,
    [TOKEN_CAST] = KEYWORD_OPEN,  [TOKEN_OPERATOR] = KEYWORD_OPEN,  [TOKEN_OTHER] = KEYWORD_OPEN,
};
_Static_assert(COUNT_OF(kind_flags) == TOKEN_OTHER + 1, "flags for each kind");

static struct token
token_to(struct lexer *lexer, enum token_kind kind, const uint8_t *end)
{
    const struct slice text = {lexer->at, (size_t)(end - lexer->at)};
    lexer->at = end;
    return (struct token){
        .text = text, .kind = kind, .keyword = KW_NONE, .flags = kind_flags[kind]};
}

static struct token
token_bad(struct lexer *lexer)
{
    lexer_spoil(lexer);
    return token_to(lexer, TOKEN_BAD, lexer->end);
}

/* p is behind an opening quote: the place behind the closing one, or NULL. A doubled quote is one
 * of the text. */
static const uint8_t *
quote_end(const uint8_t *p, const uint8_t *end, uint8_t quote)
{
    while (p < end) {
        p = memchr(p, quote, (size_t)(end - p));
        if (p == NULL) {
            return NULL;
        }
        p++;
        if (p == end || *p != quote) {
            return p;
        }
        p++;
    }
    return NULL;
}

/* The same for E'': a backslash also skips the byte behind it. */
static const uint8_t *
escaped_end(const uint8_t *p, const uint8_t *end)
{
    while (p < end) {
        const uint8_t c = *p++;
        if (c == '\\') {
            if (p == end) {
                return NULL;
            }
            p++;
        } else if (c == '\'') {
            if (p == end || *p != '\'') {
                return p;
            }
            p++;
        }
    }
    return NULL;
}

/* SQL lets a string go on after white space with a line break in it, and in the mode in which it
 * began: E'a'  followed on the next line by  'b\''. Gives the place behind the new opening quote,
 * or NULL. */
static const uint8_t *
string_goes_on(const uint8_t *p, const uint8_t *end)
{
    bool line_break = false;
    while (p < end) {
        if (*p == '\n' || *p == '\r') {
            line_break = true;
            p++;
        } else if (classes[*p] == SP) {
            p++;
        } else if (end - p >= 2 && p[0] == '-' && p[1] == '-') {
            p = line_end(p, end);
        } else {
            break;
        }
    }
    return line_break && p < end && *p == '\'' ? p + 1 : NULL;
}

/* A string whose opening quote is at the offset from the lexer's place. */
static struct token
lex_string(struct lexer *lexer, size_t offset, bool escapes)
{
    CHECK(lexer->at[offset] == '\'');
    const uint8_t *p = lexer->at + offset + 1;
    const uint8_t *closed = NULL;
    while (p != NULL) {
        closed = escapes ? escaped_end(p, lexer->end) : quote_end(p, lexer->end, '\'');
        if (closed == NULL) {
            return token_bad(lexer);
        }
        p = string_goes_on(closed, lexer->end);
    }
    return token_to(lexer, TOKEN_STRING, closed);
}

static struct token
lex_quoted_name(struct lexer *lexer, size_t offset, enum token_kind kind)
{
    CHECK(lexer->at[offset] == '"');
    const uint8_t *const begin = lexer->at + offset + 1;
    const uint8_t *const closed = quote_end(begin, lexer->end, '"');
    if (closed == NULL || closed == begin + 1) {
        return token_bad(lexer); /* the server refuses an empty name too */
    }
    return token_to(lexer, kind, closed);
}

static struct token
lex_word(struct lexer *lexer)
{
    const uint8_t *const end = lexer->end;
    const uint8_t *p = lexer->at + 1;
    while (p < end && is_name_byte(*p)) {
        p++;
    }
    struct token token = token_to(lexer, TOKEN_WORD, p);
    token.keyword = keyword_find(token.text.p, token.text.len);
    token.flags = keywords[token.keyword].flags;
    return token;
}

/* A letter that is a string's prefix when the quote follows at once. N'' needs none of this: the
 * server reads the word N and then a plain string, with the same end. */
static struct token
lex_prefixed(struct lexer *lexer)
{
    const uint8_t letter = (uint8_t)(*lexer->at | 0x20);
    if (letter == 'u') {
        if (next_is(lexer, 1, '&') && next_is(lexer, 2, '\'')) {
            return lex_string(lexer, 2, false);
        }
        if (next_is(lexer, 1, '&') && next_is(lexer, 2, '"')) {
            return lex_quoted_name(lexer, 2, TOKEN_QUOTED_UNICODE);
        }
        return lex_word(lexer);
    }
    return next_is(lexer, 1, '\'') ? lex_string(lexer, 1, letter == 'e') : lex_word(lexer);
}

static const uint8_t *
digits_end(const uint8_t *p, const uint8_t *end)
{
    while (p < end && is_digit(*p)) {
        p++;
    }
    return p;
}

/* An exponent belongs to the number only when digits follow: 1E'\'' is a number and an escape
 * string to the servers that take it at all. 1..2 is no fraction. */
static struct token
lex_number(struct lexer *lexer)
{
    const uint8_t *const end = lexer->end;
    const uint8_t *p = digits_end(lexer->at, end);
    const bool range = end - p >= 2 && p[0] == '.' && p[1] == '.';
    if (p < end && *p == '.' && !range) {
        p = digits_end(p + 1, end);
    }
    if (p < end && (*p | 0x20) == 'e') {
        const uint8_t *q = p + 1;
        if (q < end && (*q == '+' || *q == '-')) {
            q++;
        }
        if (q < end && is_digit(*q)) {
            p = digits_end(q, end);
        }
    }
    return token_to(lexer, TOKEN_NUMBER, p);
}

static struct token
lex_dot(struct lexer *lexer)
{
    if (lexer->end - lexer->at >= 2 && is_digit(lexer->at[1])) {
        return lex_number(lexer);
    }
    return token_to(lexer, TOKEN_DOT, lexer->at + 1);
}

/* The end of a dollar quote's delimiter at p ($$ or $tag$), or NULL. A tag holds no dollar and
 * begins with no digit. */
static const uint8_t *
delimiter_end(const uint8_t *p, const uint8_t *end)
{
    CHECK(p < end && *p == '$');
    p++;
    if (p < end && is_digit(*p)) {
        return NULL;
    }
    while (p < end && *p != '$' && is_name_byte(*p)) {
        p++;
    }
    return p < end && *p == '$' ? p + 1 : NULL;
}

static struct token
lex_dollar(struct lexer *lexer)
{
    const uint8_t *const at = lexer->at;
    const uint8_t *const digits = digits_end(at + 1, lexer->end);
    if (digits != at + 1) {
        return token_to(lexer, TOKEN_PARAM, digits);
    }
    const uint8_t *const body = delimiter_end(at, lexer->end);
    if (body == NULL) {
        return token_to(lexer, TOKEN_OTHER, at + 1);
    }
    const size_t delimiter_len = (size_t)(body - at);
    const uint8_t *const close = memmem(body, (size_t)(lexer->end - body), at, delimiter_len);
    if (close == NULL) {
        return token_bad(lexer);
    }
    return token_to(lexer, TOKEN_STRING, close + delimiter_len);
}

/* A run of operator characters; the beginning of a comment ends it, whatever comes before.
 * Comments at the very beginning have been skipped, so at least one character is taken. */
static struct token
lex_operator(struct lexer *lexer)
{
    const uint8_t *p = lexer->at + 1;
    while (p < lexer->end && classes[*p] == OP) {
        const bool two = lexer->end - p >= 2;
        if (two && ((p[0] == '-' && p[1] == '-') || (p[0] == '/' && p[1] == '*'))) {
            break;
        }
        p++;
    }
    return token_to(lexer, TOKEN_OPERATOR, p);
}

static struct token
lex_colon(struct lexer *lexer)
{
    if (next_is(lexer, 1, ':')) {
        return token_to(lexer, TOKEN_CAST, lexer->at + 2);
    }
    return token_to(lexer, TOKEN_OTHER, lexer->at + 1);
}

static struct token
lex_other(struct lexer *lexer)
{
    struct token token = token_to(lexer, TOKEN_OTHER, lexer->at + 1);
    token.flags = token.text.p[0] == ']' ? KEYWORD_PLAIN : KEYWORD_OPEN;
    return token;
}

static struct token
lex_class(struct lexer *lexer, enum char_class class)
{
    switch (class) {
    case AL:
        return lex_word(lexer);
    case PF:
        return lex_prefixed(lexer);
    case DG:
        return lex_number(lexer);
    case DO:
        return lex_dollar(lexer);
    case OP:
        return lex_operator(lexer);
    case SQ:
        return lex_string(lexer, 0, false);
    case DQ:
        return lex_quoted_name(lexer, 0, TOKEN_QUOTED);
    case LP:
        return token_to(lexer, TOKEN_OPEN, lexer->at + 1);
    case RP:
        return token_to(lexer, TOKEN_CLOSE, lexer->at + 1);
    case CM:
        return token_to(lexer, TOKEN_COMMA, lexer->at + 1);
    case SM:
        return token_to(lexer, TOKEN_SEMICOLON, lexer->at + 1);
    case PT:
        return lex_dot(lexer);
    case CL:
        return lex_colon(lexer);
    case NO:
    case SP:
        break;
    }
    return lex_other(lexer);
}

struct token
lexer_next(struct lexer *lexer)
{
    while (lexer->at < lexer->end) {
        const enum char_class class = (enum char_class)classes[*lexer->at];
        if (class == SP) {
            lexer->at++;
            continue;
        }
        if (class != OP || !skip_comment(lexer)) {
            return lex_class(lexer, class);
        }
    }
    return lexer->bad ? token_bad(lexer) : token_to(lexer, TOKEN_END, lexer->end);
}
