/* kinds.c — the kinds of statements: what each is, and how it is read. See kinds.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "sql/kinds.h"

/* The first word of a statement. */
struct verb {
    enum sql_kind kind;
    enum sql_class class;
    uint32_t pins;   /* enum sql_pin */
    const char *why; /* NULL: the word is no verb of this table */
};

static const struct verb verbs[KW_COUNT] = {
    [KW_SELECT] = {KIND_QUERY, SQL_READ, 0, "a query"},
    [KW_VALUES] = {KIND_QUERY, SQL_READ, 0, "a query"},
    [KW_TABLE] = {KIND_QUERY, SQL_READ, 0, "a query"},
    [KW_WITH] = {KIND_QUERY, SQL_READ, 0, "a query"},
    [KW_SHOW] = {KIND_SHOW, SQL_READ, 0, "shows a setting"},
    [KW_EXPLAIN] = {KIND_EXPLAIN, SQL_WRITE, 0, "explains nothing that is known"},
    [KW_COPY] = {KIND_COPY, SQL_WRITE, 0, "COPY that is not TO STDOUT"},
    [KW_BEGIN] = {KIND_BEGIN, SQL_BEGIN, 0, "begins a transaction"},
    [KW_START] = {KIND_BEGIN, SQL_BEGIN, 0, "begins a transaction"},
    [KW_COMMIT] = {KIND_END, SQL_END, 0, "ends a transaction"},
    [KW_END] = {KIND_END, SQL_END, 0, "ends a transaction"},
    [KW_ROLLBACK] = {KIND_END, SQL_END, 0, "ends a transaction"},
    [KW_ABORT] = {KIND_END, SQL_END, 0, "ends a transaction"},
    [KW_SET] = {KIND_SET, SQL_WRITE, SQL_PIN_SET, "changes a setting"},
    [KW_RESET] = {KIND_RESET, SQL_WRITE, SQL_PIN_SET, "changes a setting"},
    [KW_PREPARE] = {KIND_PREPARE, SQL_WRITE, SQL_PIN_PREPARE, "PREPARE"},
    [KW_DEALLOCATE] = {KIND_DEALLOCATE, SQL_WRITE, 0, "forgets a prepared statement"},
    [KW_DISCARD] = {KIND_DISCARD, SQL_WRITE, 0, "forgets session state"},
    [KW_LISTEN] = {KIND_OTHER, SQL_WRITE, SQL_PIN_LISTEN, "LISTEN"},
    [KW_LOAD] = {KIND_OTHER, SQL_WRITE, SQL_PIN_LOAD, "LOAD"},
    [KW_CREATE] = {KIND_CREATE, SQL_WRITE, 0, "changes the schema"},
    [KW_DECLARE] = {KIND_DECLARE, SQL_WRITE, 0, "a cursor"},
    [KW_INSERT] = {KIND_OTHER, SQL_WRITE, 0, "changes data"},
    [KW_UPDATE] = {KIND_OTHER, SQL_WRITE, 0, "changes data"},
    [KW_DELETE] = {KIND_OTHER, SQL_WRITE, 0, "changes data"},
    [KW_MERGE] = {KIND_OTHER, SQL_WRITE, 0, "changes data"},
};

static sql_token_fn on_other;
static sql_token_fn on_start;
static sql_token_fn on_query;
static sql_token_fn on_explain;
static sql_token_fn on_copy;
static sql_token_fn on_show;
static sql_token_fn on_begin;
static sql_token_fn on_end;
static sql_token_fn on_set;
static sql_token_fn on_reset;
static sql_token_fn on_prepare;
static sql_token_fn on_deallocate;
static sql_token_fn on_discard;
static sql_token_fn on_create;
static sql_token_fn on_declare;

static sql_token_fn *const readers[KINDS_COUNT] = {
    [KIND_OTHER] = on_other,     [KIND_START] = on_start,
    [KIND_QUERY] = on_query,     [KIND_REST] = on_other,
    [KIND_EXPLAINED] = on_other, [KIND_EXPLAIN] = on_explain,
    [KIND_COPY] = on_copy,       [KIND_SHOW] = on_show,
    [KIND_BEGIN] = on_begin,     [KIND_END] = on_end,
    [KIND_SET] = on_set,         [KIND_RESET] = on_reset,
    [KIND_PREPARE] = on_prepare, [KIND_DEALLOCATE] = on_deallocate,
    [KIND_DISCARD] = on_discard, [KIND_CREATE] = on_create,
    [KIND_DECLARE] = on_declare,
};

static void
kind_set(struct sql_statement *s, enum sql_kind kind)
{
    CHECK(kind < KINDS_COUNT);
    s->kind = kind;
    s->on_token = readers[kind];
    CHECK(s->on_token != NULL);
}

void
kind_start(struct sql_statement *s)
{
    kind_set(s, KIND_START);
}

/* Their values differ between backends, or they make a backend read-only. */
static const char *const read_only_settings[] = {
    "transaction_read_only",
    "default_transaction_read_only",
    "in_hot_standby",
};

/* Settings are found without case, quoted or not. */
static bool
is_read_only_setting(const struct token *t)
{
    for (size_t i = 0; i < COUNT_OF(read_only_settings); i++) {
        if (token_is_name(t) && slice_equal_nocase(token_name(t), read_only_settings[i])) {
            return true;
        }
    }
    return false;
}

static void
on_other(struct sql_statement *s, const struct token *t)
{
    (void)s;
    (void)t;
}

static void
on_start(struct sql_statement *s, const struct token *t)
{
    if (t->kind == TOKEN_OPEN) {
        return; /* a query in parentheses */
    }
    CHECK(t->keyword < KW_COUNT && (t->kind == TOKEN_WORD || t->keyword == KW_NONE));
    const struct verb *verb = &verbs[t->keyword];
    const bool known = verb->why != NULL;
    kind_set(s, verb->kind);
    s->class = known ? verb->class : SQL_WRITE;
    s->pins |= verb->pins;
    s->count = 0;
    s->in_with = t->keyword == KW_WITH;
    s->with_depth = s->depth;
    s->why = known ? verb->why : "a statement that is not known to be a read";
    s->where = t->text;
}

/* Keywords that may occur between WITH and the query itself, outside of parentheses. */
static bool
is_with_list_word(enum keyword word)
{
    return word == KW_NONE || word == KW_AS || word == KW_NOT || word == KW_MATERIALIZED ||
           word == KW_RECURSIVE || word == KW_WITH;
}

static void
on_query(struct sql_statement *s, const struct token *t)
{
    const enum keyword word = t->keyword;
    if (word == KW_NONE) {
        if (s->in_with && t->kind == TOKEN_OPEN && s->prev.kind == TOKEN_CLOSE &&
            s->depth == s->with_depth + 1) {
            s->in_with = false; /* WITH a AS (..) (SELECT ..): the query itself, in parentheses */
        }
        return;
    }
    if (s->in_with && s->depth == s->with_depth && !is_with_list_word(word)) {
        s->in_with = false;
    }
    if (s->prev.keyword == KW_FOR &&
        (word == KW_UPDATE || word == KW_SHARE || word == KW_NO || word == KW_KEY)) {
        sql_statement_deny(s, "locks rows", t->text);
    } else if (word == KW_INSERT || word == KW_UPDATE || word == KW_DELETE || word == KW_MERGE) {
        sql_statement_deny(s, "changes data", t->text);
    } else if (word == KW_INTO) {
        sql_statement_deny(s, "SELECT INTO makes a table", t->text);
    } else if (word == KW_TEMP || word == KW_TEMPORARY) {
        const bool scoped = s->prev.keyword == KW_LOCAL || s->prev.keyword == KW_GLOBAL;
        const enum keyword before = scoped ? s->prev2_keyword : s->prev.keyword;
        s->pins |= before == KW_INTO ? SQL_PIN_TEMP : SQL_PIN_NONE;
    }
}

/* EXPLAIN [ANALYZE] [VERBOSE] x, EXPLAIN (options) x, and EXPLAIN (SELECT ..). */
static void
on_explain(struct sql_statement *s, const struct token *t)
{
    const enum keyword word = t->keyword;
    const bool query = t->kind == TOKEN_OPEN || verbs[word].kind == KIND_QUERY;
    if (s->count == 1 && t->kind == TOKEN_OPEN) {
        s->options = true;
        return;
    }
    if (s->options && s->count == 2 && query) {
        s->options = false; /* the parenthesis belonged to the query */
    }
    const bool analyze = word == KW_ANALYZE || word == KW_ANALYSE;
    if (s->options) {
        s->analyze = s->analyze || analyze || t->kind == TOKEN_QUOTED;
        s->options = s->depth > 0;
        return;
    }
    if (analyze || word == KW_VERBOSE) {
        s->analyze = s->analyze || analyze;
        return;
    }
    s->explained = true;
    if (s->analyze) {
        kind_set(s, KIND_START);
        on_start(s, t);
        return;
    }
    kind_set(s, KIND_EXPLAINED);
    s->class = SQL_READ;
    s->why = "explains without running";
}

static void
on_copy(struct sql_statement *s, const struct token *t)
{
    if (s->depth > 0) {
        on_query(s, t);
        return;
    }
    if (s->prev.keyword == KW_TO) {
        const bool to_client = t->keyword == KW_STDOUT;
        s->class = to_client ? SQL_READ : SQL_WRITE;
        s->why = to_client ? "COPY TO STDOUT" : "COPY to a file or a program of the server";
        s->where = t->text;
        kind_set(s, KIND_REST);
    } else if (t->keyword == KW_FROM) {
        s->why = "COPY FROM writes";
        kind_set(s, KIND_REST);
    }
}

/* Drivers ask for these to learn whether the server accepts writes; only the writer's answer is
 * true of what Teal does with the session. */
static void
on_show(struct sql_statement *s, const struct token *t)
{
    if (is_read_only_setting(t)) {
        sql_statement_deny(s, "a setting that differs between the backends", t->text);
    }
}

static bool
is_begin_word(const struct token *t)
{
    static const enum keyword words[] = {
        KW_WORK,      KW_TRANSACTION, KW_ISOLATION, KW_LEVEL, KW_READ,       KW_REPEATABLE,
        KW_COMMITTED, KW_UNCOMMITTED, KW_ONLY,      KW_NOT,   KW_DEFERRABLE,
    };
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        if (t->keyword == words[i]) {
            return true;
        }
    }
    return t->kind == TOKEN_COMMA;
}

/* READ WRITE and SERIALIZABLE belong to the writer, and what is not understood does too. */
static void
on_begin(struct sql_statement *s, const struct token *t)
{
    if (s->prev.keyword == KW_READ && t->keyword == KW_ONLY) {
        s->read_only_seen = true;
    } else if (s->prev.keyword == KW_READ && t->keyword == KW_WRITE) {
        s->lifts_read_only = true;
    }
    if (!is_begin_word(t)) {
        s->read_only_denied = true;
    }
    s->class = s->read_only_seen && !s->read_only_denied ? SQL_BEGIN_READ : SQL_BEGIN;
}

/* ROLLBACK TO SAVEPOINT, COMMIT PREPARED: these end no transaction of the session. */
static void
on_end(struct sql_statement *s, const struct token *t)
{
    if (t->keyword == KW_TO || t->keyword == KW_PREPARED) {
        s->class = SQL_WRITE;
        s->why = t->keyword == KW_TO ? "a savepoint" : "a prepared transaction";
    }
}

static void
on_set(struct sql_statement *s, const struct token *t)
{
    const bool scope =
        t->keyword == KW_LOCAL || t->keyword == KW_TRANSACTION || t->keyword == KW_CONSTRAINTS;
    if (s->count == 1 && scope) {
        s->pins &= ~(uint32_t)SQL_PIN_SET;
    }
    /* SET local.x = 1: the word was the name of a setting after all. */
    const bool names_it = t->kind == TOKEN_DOT || t->kind == TOKEN_OPERATOR || t->keyword == KW_TO;
    if (s->count == 2 && names_it) {
        s->pins |= SQL_PIN_SET;
    }
    const bool read_write = s->prev.keyword == KW_READ && t->keyword == KW_WRITE;
    if (read_write || is_read_only_setting(t)) {
        s->lifts_read_only = true;
    }
}

static void
on_reset(struct sql_statement *s, const struct token *t)
{
    if (t->keyword == KW_ALL || is_read_only_setting(t)) {
        s->lifts_read_only = true;
    }
    if (s->count == 1 && t->keyword == KW_ALL) {
        s->special = SQL_SPECIAL_RESET_ALL;
    }
}

/* PREPARE TRANSACTION 'id' leaves nothing in the session; PREPARE transaction AS .. does. */
static void
on_prepare(struct sql_statement *s, const struct token *t)
{
    if (s->count == 2 && s->prev.keyword == KW_TRANSACTION && t->kind == TOKEN_STRING) {
        s->pins &= ~(uint32_t)SQL_PIN_PREPARE;
        s->why = "a prepared transaction";
    }
}

/* DEALLOCATE [PREPARE] {name | ALL}; alone, PREPARE is the name. */
static void
on_deallocate(struct sql_statement *s, const struct token *t)
{
    const bool second = s->count == 2 && s->prev.keyword == KW_PREPARE;
    const bool named = t->kind == TOKEN_WORD || t->kind == TOKEN_QUOTED;
    if (!named || (s->count != 1 && !second)) {
        s->special = SQL_SPECIAL_NONE;
        return;
    }
    s->special = SQL_SPECIAL_DEALLOCATE;
    s->special_name = t->text;
    if (t->keyword == KW_ALL) {
        s->special = SQL_SPECIAL_DEALLOCATE_ALL;
        s->special_name = SLICE_EMPTY;
    }
}

static void
on_discard(struct sql_statement *s, const struct token *t)
{
    const bool all = s->count == 1 && t->keyword == KW_ALL;
    s->special = all ? SQL_SPECIAL_DISCARD_ALL : SQL_SPECIAL_NONE;
    s->lifts_read_only = s->lifts_read_only || all;
}

/* CREATE [OR REPLACE] [LOCAL | GLOBAL] TEMP. */
static void
on_create(struct sql_statement *s, const struct token *t)
{
    const enum keyword word = t->keyword;
    if (s->done) {
        return;
    }
    if (word == KW_TEMP || word == KW_TEMPORARY) {
        s->pins |= SQL_PIN_TEMP;
    }
    s->done = word != KW_OR && word != KW_REPLACE && word != KW_LOCAL && word != KW_GLOBAL;
}

static void
on_declare(struct sql_statement *s, const struct token *t)
{
    if (!s->done && s->prev.keyword == KW_WITH && t->keyword == KW_HOLD) {
        s->pins |= SQL_PIN_HOLD_CURSOR;
    }
    s->done = s->done || t->keyword == KW_FOR;
}
