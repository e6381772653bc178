/* calls.c — what a name before "(" means. See calls.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "sql/calls.h"

/* Pairs of words after which "(" is a construct, though the second alone could name a function. */
static const struct {
    enum keyword before;
    enum keyword word;
} paren_pairs[] = {
    {KW_GROUP, KW_BY},   {KW_ORDER, KW_BY}, {KW_GROUPING, KW_SETS}, {KW_FETCH, KW_FIRST},
    {KW_FETCH, KW_NEXT}, {KW_BY, KW_CUBE},  {KW_BY, KW_ROLLUP},     {KW_NOT, KW_MATERIALIZED},
};

static bool
is_construct(const struct sql_statement *s)
{
    const struct name *name = &s->name;
    const enum keyword word = s->prev.keyword;
    if (name->parts != 1 || word == KW_NONE) {
        return false;
    }
    const uint32_t flags = s->prev.flags;
    const bool after = (flags & KEYWORD_PAREN_AFTER) != 0 && name->before == TOKEN_CLOSE;
    const bool infix = (flags & KEYWORD_PAREN_INFIX) != 0;
    if ((flags & KEYWORD_PAREN) != 0 || ((after || infix) && name->after_operand)) {
        return true;
    }
    for (size_t i = 0; i < COUNT_OF(paren_pairs); i++) {
        if (word == paren_pairs[i].word && name->before_keyword == paren_pairs[i].before) {
            return true;
        }
    }
    return false;
}

/* A type with its modifier, or an alias or a CTE with its columns: no call. */
static bool
is_definition(const struct sql_statement *s)
{
    const struct name *name = &s->name;
    const enum keyword word = name->before_keyword;
    if (name->before == TOKEN_CAST || word == KW_AS || word == KW_WITH || word == KW_RECURSIVE) {
        return true;
    }
    if (name->before == TOKEN_CLOSE) {
        return name->after_operand;
    }
    return name->before == TOKEN_COMMA && s->in_with && s->depth == s->with_depth;
}

static void
set_config_open(struct sql_statement *s)
{
    s->lifts_read_only = true;
    if (s->set_config.active) {
        s->pins |= SQL_PIN_SET; /* one inside another: only one can be watched */
        return;
    }
    s->set_config = (struct set_config){.active = true, .depth = s->depth + 1};
}

static void
call_unknown(struct sql_statement *s)
{
    const struct name *name = &s->name;
    const struct token *last = &s->prev;
    const struct slice schema = name->parts == 2 ? name->first.text : SLICE_EMPTY;
    const bool plain = last->kind == TOKEN_WORD &&
                       (name->parts == 1 || (name->parts == 2 && name->first.kind == TOKEN_WORD));
    if (plain && sql_extra_has(s->extra, schema, last->text)) {
        return;
    }
    if (!s->unknown && s->kind != KIND_EXPLAINED) {
        s->unknown = true;
        s->unknown_where = last->text;
    }
}

/* A function that leaves session state counts by its bare name, in whatever schema: extensions live
 * anywhere. */
static void
call_check(struct sql_statement *s)
{
    const struct name *name = &s->name;
    const struct token *last = &s->prev;
    CHECK(name->parts > 0);
    if (name->unicode) {
        return; /* denied already */
    }
    const struct function_row *row = function_find(token_name(last), last->kind == TOKEN_QUOTED);
    const bool catalog =
        name->parts == 1 || (name->parts == 2 && token_names(&name->first, "pg_catalog"));
    if (row == NULL || (!catalog && row->pins == SQL_PIN_NONE)) {
        call_unknown(s);
        return;
    }
    if (row->effect == FUNCTION_EFFECT_NONE) {
        return;
    }
    sql_statement_deny(s, "calls a function that does more than answer", last->text);
    if (s->kind == KIND_EXPLAINED) {
        return; /* planned only, but the planner runs what is called stable: txid_current() */
    }
    s->pins |= row->pins;
    if (token_names(last, "set_config")) {
        set_config_open(s);
    }
}

/* Whether what looks like a call is one: it is not in a list of columns or options. */
static bool
calls_count(const struct sql_statement *s)
{
    if (s->kind == KIND_COPY) {
        return s->depth > 0; /* COPY t (a, b) */
    }
    return s->kind != KIND_REST && s->kind != KIND_SHOW && s->kind != KIND_EXPLAIN;
}

void
call_open(struct sql_statement *s)
{
    if (token_is_name(&s->prev) && calls_count(s) && !is_construct(s) && !is_definition(s)) {
        call_check(s);
    }
}

/* The third argument has to be the word true, and nothing else, for the setting to end with the
 * transaction. */
static void
set_config_close(struct sql_statement *s)
{
    const bool local =
        s->set_config.argument == 2 && s->set_config.tokens == 1 && s->prev.keyword == KW_TRUE;
    if (!local) {
        s->pins |= SQL_PIN_SET;
    }
    s->set_config.active = false;
}

void
call_token(struct sql_statement *s, const struct token *t)
{
    struct set_config *call = &s->set_config;
    CHECK(call->active && s->depth >= call->depth); /* its own ")" ends it */
    if (t->kind == TOKEN_CLOSE && s->depth == call->depth) {
        set_config_close(s);
    } else if (t->kind == TOKEN_COMMA && s->depth == call->depth) {
        call->argument++;
        call->tokens = 0;
    } else {
        call->tokens++;
    }
}
