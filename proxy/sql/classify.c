/* classify.c — what a statement does, as far as its text proves. See classify.h.
 *
 * The text is walked token by token; there is no tree and no stack but a counter of parentheses.
 * The walk here keeps the place in a statement and cuts the text into statements; statement.h has
 * what is known of one, kinds.c what its words mean, calls.c what it calls.
 *
 * Two readings are given up on purpose, because only a parser could tell them apart, and both err
 * towards the writer: a column that is called update, insert, delete or merge without quotes, and a
 * list of column names behind an alias without AS (FROM t a(x)), which looks like a call. */
/* SPDX-License-Identifier: PostgreSQL */
#include "sql/classify.h"

#include "sql/calls.h"
#include "sql/hint.h"
#include "sql/kinds.h"
#include "sql/lexer.h"
#include "sql/statement.h"

/* pg_temp, and pg_temp_3, which is what a session's own may be called. */
static bool
is_temp_schema(const struct token *t)
{
    static const char temp[] = "pg_temp";
    const size_t len = sizeof(temp) - 1;
    struct slice name = token_name(t);
    if (name.len < len || name.p[2] != '_' || (name.len > len && name.p[len] != '_')) {
        return false;
    }
    name.len = len;
    return slice_equal_nocase(name, temp);
}

/* ---- the place in a statement ---- */

/* An operand ends with ")" unless the parentheses are those of DISTINCT ON (..) or OPERATOR (..): a
 * name may follow them that is called. */
static void
paren_open(struct sql_statement *s)
{
    call_open(s);
    const enum keyword word = s->prev.keyword;
    const bool open = word == KW_OPERATOR || (word == KW_ON && s->prev2_keyword == KW_DISTINCT);
    s->operands = s->operands << 1 | (open ? 0U : 1U);
    s->depth++;
}

static void
paren_close(struct sql_statement *s, struct token *t)
{
    /* Without an opening the server refuses the text, whatever we say. */
    s->depth -= s->depth > 0 ? 1 : 0;
    /* Deeper than 64 the bit is lost and reads as 0: then a name behind counts as called. */
    t->flags = (s->operands & 1) != 0 ? KEYWORD_PLAIN : KEYWORD_OPEN;
    s->operands >>= 1;
}

static void
name_track(struct sql_statement *s, const struct token *t)
{
    struct name *name = &s->name;
    if (s->prev.kind == TOKEN_DOT && name->parts > 0) {
        name->parts++;
    } else {
        name->parts = 1;
        name->before = s->prev.kind;
        name->before_keyword = s->prev.keyword;
        name->after_operand = (s->prev.flags & KEYWORD_OPEN) == 0;
        name->unicode = false;
    }
    if (t->kind == TOKEN_QUOTED_UNICODE) {
        name->unicode = true;
        s->pins |= SQL_PIN_UNKNOWN;
        s->lifts_read_only = true;
        sql_statement_deny(s, "a name in U& form is not decoded", t->text);
    } else if (is_temp_schema(t)) {
        s->pins |= SQL_PIN_TEMP;
        sql_statement_deny(s, "uses the temporary schema", t->text);
    }
}

/* A dot behind anything but a name continues none: (x).y, a[1].b. */
static void
dot_track(struct sql_statement *s)
{
    if (!token_is_name(&s->prev)) {
        s->name.parts = 0;
    } else if (s->name.parts == 1) {
        s->name.first = s->prev;
    }
}

static void
place_track(struct sql_statement *s, struct token *t)
{
    if (s->set_config.active) {
        call_token(s, t);
    }
    switch (t->kind) {
    case TOKEN_WORD:
    case TOKEN_QUOTED:
    case TOKEN_QUOTED_UNICODE:
        name_track(s, t);
        break;
    case TOKEN_OPEN:
        paren_open(s);
        break;
    case TOKEN_CLOSE:
        paren_close(s, t);
        break;
    case TOKEN_DOT:
        dot_track(s);
        break;
    case TOKEN_END:
    case TOKEN_BAD:
    case TOKEN_SEMICOLON:
        UNREACHABLE(); /* the caller's */
    case TOKEN_STRING:
    case TOKEN_NUMBER:
    case TOKEN_PARAM:
    case TOKEN_COMMA:
    case TOKEN_CAST:
    case TOKEN_OPERATOR:
    case TOKEN_OTHER:
        break;
    }
}

/* ---- a statement ---- */

static void
statement_token(struct sql_statement *s, struct token *t)
{
    /* Behind a dot any word is a name, and behind AS too (where it is no construct: AS NOT
     * MATERIALIZED). */
    const bool label = s->prev.kind == TOKEN_DOT || s->prev.keyword == KW_AS;
    if (label && t->keyword != KW_NOT) {
        t->keyword = KW_NONE;
        t->flags = KEYWORD_PLAIN;
    }
    s->count++;
    place_track(s, t);
    s->on_token(s, t);
    s->prev2_keyword = s->prev.keyword;
    s->prev = *t;
}

static void
statement_begin(struct sql_statement *s, const struct sql_extra *extra)
{
    *s = (struct sql_statement){
        .prev = {.flags = KEYWORD_OPEN}, .extra = extra, .class = SQL_WRITE, .why = "no statement"};
    kind_start(s);
}

/* What EXPLAIN ANALYZE runs is a read or it is not; it begins and ends no transaction. */
static void
statement_end(struct sql_statement *s, enum sql_hint hint)
{
    if (s->explained && s->class != SQL_READ) {
        s->class = SQL_WRITE;
        s->special = SQL_SPECIAL_NONE;
    }
    if (s->class != SQL_READ) {
        return;
    }
    if (s->denied_why != NULL) {
        s->class = SQL_WRITE;
        s->why = s->denied_why;
        s->where = s->denied_where;
    } else if (s->unknown && hint != SQL_HINT_READ) {
        s->class = SQL_WRITE;
        s->why = "calls a function that is not known to be safe";
        s->where = s->unknown_where;
    }
    CHECK(s->class == SQL_WRITE || (s->pins == SQL_PIN_NONE && !s->lifts_read_only));
}

/* ---- the text ---- */

/* RESET ALL at the end of a text that is one transaction has happened when the text has succeeded:
 * drivers clean up with it (asyncpg's pool). An earlier SET of the same text might be one that it
 * does not take back, such as SET ROLE. */
static enum sql_special
last_of_several(const struct sql_traits *before, const struct sql_statement *s)
{
    const bool settings_only = (before->pins & (uint32_t)SQL_PIN_SET) == 0 && !before->controls;
    return settings_only && s->special == SQL_SPECIAL_RESET_ALL ? SQL_SPECIAL_RESET_ALL
                                                                : SQL_SPECIAL_NONE;
}

/* One more statement of the text. Several are a read only when each is one; one that stands alone
 * may be anything. */
static void
traits_add(struct sql_traits *traits, struct sql_statement *s)
{
    statement_end(s, traits->hint);
    CHECK(s->kind != KIND_START || s->class == SQL_WRITE); /* nothing but "(" is no read */
    traits->statements++;
    traits->special = last_of_several(traits, s);
    traits->pins |= s->pins;
    traits->controls = traits->controls || (s->class != SQL_READ && s->class != SQL_WRITE);
    traits->lifts_read_only = traits->lifts_read_only || s->lifts_read_only;
    if (traits->statements == 1) {
        traits->class = s->class;
        traits->special = s->special == SQL_SPECIAL_RESET_ALL ? SQL_SPECIAL_NONE : s->special;
        traits->name = s->special_name;
        traits->why = s->why;
        traits->where = s->where;
        return;
    }
    traits->name = SLICE_EMPTY;
    if (s->class == SQL_READ && traits->class == SQL_READ) {
        return;
    }
    if (traits->class != SQL_WRITE) {
        traits->why = s->class == SQL_WRITE ? s->why : "several statements that are not all reads";
        traits->where = s->where;
    }
    traits->class = SQL_WRITE;
}

static struct sql_traits
traits_of_bad(const struct lexer *lexer, struct slice text)
{
    return (struct sql_traits){
        .class = SQL_WRITE,
        .pins = SQL_PIN_UNKNOWN,
        .statements = 1,
        .why = "the text cannot be read: it does not end, or holds a NUL",
        .where = slice_of(text.p, 0),
        .lifts_read_only = true,
        .backslash = lexer->backslash,
    };
}

static void
apply_hint(struct sql_traits *traits)
{
    if (traits->hint != SQL_HINT_WRITE) {
        return;
    }
    if (traits->class == SQL_READ || traits->class == SQL_BEGIN_READ) {
        traits->class = traits->class == SQL_READ ? SQL_WRITE : SQL_BEGIN;
        traits->why = "a comment asks for the writer";
    }
}

struct sql_traits
sql_classify_with(struct slice text, const struct sql_extra *extra)
{
    struct lexer lexer;
    lexer_init(&lexer, text);
    struct sql_traits traits = {.class = SQL_EMPTY, .why = "nothing to run"};
    traits.backslash = lexer.backslash;
    traits.hint = sql_hint_find(&lexer);
    struct sql_statement s;
    bool open = false;
    for (;;) {
        struct token t = lexer_next(&lexer);
        if (t.kind == TOKEN_BAD) {
            return traits_of_bad(&lexer, text);
        }
        if (t.kind != TOKEN_END && t.kind != TOKEN_SEMICOLON) {
            if (!open) {
                statement_begin(&s, extra);
                open = true;
            }
            statement_token(&s, &t);
            continue;
        }
        if (open) {
            traits_add(&traits, &s);
            open = false;
        }
        if (t.kind == TOKEN_END) {
            break;
        }
    }
    CHECK((traits.statements == 0) == (traits.class == SQL_EMPTY));
    apply_hint(&traits);
    if (!lexer.utf8 && traits.class != SQL_WRITE) {
        traits.class = SQL_WRITE;
        traits.why = "the text is not UTF-8";
    }
    return traits;
}
