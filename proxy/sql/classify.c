/* classify.c — what a statement does, as far as its text proves. See classify.h.
 *
 * The text is walked token by token. Its first word (the verb) puts a statement into a mode, and
 * the mode's handler looks at each further token; there is no tree and no stack but a counter of
 * parentheses. A query is a read until a token denies it: a verb that changes data (which finds a
 * CTE that writes at any depth), INTO, a row lock, or a name before "(" that is neither a construct
 * of the grammar nor a function known to be safe. Everything that is not a query is a write unless
 * its row says otherwise.
 *
 * Two readings are given up on purpose, because only a parser could tell them apart, and both err
 * towards the writer: a column that is called update, insert, delete or merge without quotes, and a
 * list of column names behind an alias without AS (FROM t a(x)), which looks like a call. */
/* SPDX-License-Identifier: PostgreSQL */
#include "sql/classify.h"

#include "sql/functions.h"
#include "sql/lexer.h"

enum mode {
    MODE_OTHER, /* nothing to look for but session state */
    MODE_START, /* no verb yet */
    MODE_QUERY,
    MODE_REST,      /* nothing that follows is executed: the options of COPY */
    MODE_EXPLAINED, /* the statement of EXPLAIN: planned only */
    MODE_EXPLAIN,
    MODE_COPY,
    MODE_SHOW,
    MODE_BEGIN,
    MODE_END,
    MODE_SET,
    MODE_RESET,
    MODE_PREPARE,
    MODE_DEALLOCATE,
    MODE_DISCARD,
    MODE_CREATE,
    MODE_DECLARE,
    MODES_COUNT,
};

struct verb {
    enum mode mode;
    enum sql_class class;
    uint32_t pins;   /* enum sql_pin */
    const char *why; /* NULL: the word is no verb of this table */
};

static const struct verb verbs[KW_COUNT] = {
    [KW_SELECT] = {MODE_QUERY, SQL_READ, 0, "a query"},
    [KW_VALUES] = {MODE_QUERY, SQL_READ, 0, "a query"},
    [KW_TABLE] = {MODE_QUERY, SQL_READ, 0, "a query"},
    [KW_WITH] = {MODE_QUERY, SQL_READ, 0, "a query"},
    [KW_SHOW] = {MODE_SHOW, SQL_READ, 0, "shows a setting"},
    [KW_EXPLAIN] = {MODE_EXPLAIN, SQL_WRITE, 0, "explains nothing that is known"},
    [KW_COPY] = {MODE_COPY, SQL_WRITE, 0, "COPY that is not TO STDOUT"},
    [KW_BEGIN] = {MODE_BEGIN, SQL_BEGIN, 0, "begins a transaction"},
    [KW_START] = {MODE_BEGIN, SQL_BEGIN, 0, "begins a transaction"},
    [KW_COMMIT] = {MODE_END, SQL_END, 0, "ends a transaction"},
    [KW_END] = {MODE_END, SQL_END, 0, "ends a transaction"},
    [KW_ROLLBACK] = {MODE_END, SQL_END, 0, "ends a transaction"},
    [KW_ABORT] = {MODE_END, SQL_END, 0, "ends a transaction"},
    [KW_SET] = {MODE_SET, SQL_WRITE, SQL_PIN_SET, "changes a setting"},
    [KW_RESET] = {MODE_RESET, SQL_WRITE, SQL_PIN_SET, "changes a setting"},
    [KW_PREPARE] = {MODE_PREPARE, SQL_WRITE, SQL_PIN_PREPARE, "PREPARE"},
    [KW_DEALLOCATE] = {MODE_DEALLOCATE, SQL_WRITE, 0, "forgets a prepared statement"},
    [KW_DISCARD] = {MODE_DISCARD, SQL_WRITE, 0, "forgets session state"},
    [KW_LISTEN] = {MODE_OTHER, SQL_WRITE, SQL_PIN_LISTEN, "LISTEN"},
    [KW_LOAD] = {MODE_OTHER, SQL_WRITE, SQL_PIN_LOAD, "LOAD"},
    [KW_CREATE] = {MODE_CREATE, SQL_WRITE, 0, "changes the schema"},
    [KW_DECLARE] = {MODE_DECLARE, SQL_WRITE, 0, "a cursor"},
    [KW_INSERT] = {MODE_OTHER, SQL_WRITE, 0, "changes data"},
    [KW_UPDATE] = {MODE_OTHER, SQL_WRITE, 0, "changes data"},
    [KW_DELETE] = {MODE_OTHER, SQL_WRITE, 0, "changes data"},
    [KW_MERGE] = {MODE_OTHER, SQL_WRITE, 0, "changes data"},
};

/* Pairs of words after which "(" is a construct, though the second alone could name a function. */
static const struct {
    enum keyword before;
    enum keyword word;
} paren_pairs[] = {
    {KW_GROUP, KW_BY},   {KW_ORDER, KW_BY}, {KW_GROUPING, KW_SETS}, {KW_FETCH, KW_FIRST},
    {KW_FETCH, KW_NEXT}, {KW_BY, KW_CUBE},  {KW_BY, KW_ROLLUP},     {KW_NOT, KW_MATERIALIZED},
};

/* What these settings say depends on the backend that answers, or they make it read-only. */
static const char *const read_only_settings[] = {
    "transaction_read_only",
    "default_transaction_read_only",
    "in_hot_standby",
};

/* A name as far as it has been read: word, or schema.word, or longer. Its last part is the token
 * before the one at hand. */
struct name {
    uint32_t parts;
    enum token_kind before;      /* what stood before the first part */
    enum keyword before_keyword; /* the same, when it was a word */
    bool after_operand;          /* an operand ended there */
    bool unicode;                /* one part is U&"...": its spelling is not known */
    struct token first;          /* of several parts */
};

/* The call of set_config whose third argument is being watched. */
struct set_config {
    bool active;
    uint32_t depth; /* inside its parentheses */
    uint32_t argument;
    uint32_t tokens; /* of the argument so far */
};

struct stmt {
    const struct sql_extra *extra; /* borrowed; may be NULL */
    enum mode mode;
    enum sql_class class;
    uint32_t pins;
    enum sql_special special;
    struct slice special_name;
    const char *why;
    struct slice where;
    bool lifts_read_only;
    const char *denied_why; /* NULL, or why it is no read */
    struct slice denied_where;
    bool unknown; /* a function that may be a read stands in the query */
    struct slice unknown_where;
    bool explained;        /* behind EXPLAIN ANALYZE */
    bool analyze;          /* EXPLAIN ANALYZE so far */
    bool options;          /* EXPLAIN: inside the parentheses of its options */
    bool done;             /* the handler needs no further token */
    bool read_only_seen;   /* BEGIN: READ ONLY */
    bool read_only_denied; /* BEGIN: something that forbids a follower */
    uint32_t count;        /* tokens since the verb, which is 0 */
    struct token prev;
    enum keyword prev2_keyword; /* of the token before prev */
    struct name name;
    uint32_t depth;
    uint64_t operands; /* a bit for each of the 64 innermost parentheses: an operand ends with it */
    bool in_with;      /* between WITH and the query itself */
    uint32_t with_depth;
    struct set_config set_config;
};

typedef void stmt_fn(struct stmt *s, const struct token *t);

/* Says why a query is no read; the first reason stays. For what is no query anyway it means
 * nothing. */
static void
deny(struct stmt *s, const char *why, struct slice where)
{
    CHECK(why != NULL);
    if (s->denied_why == NULL) {
        s->denied_why = why;
        s->denied_where = where;
    }
}

static bool
is_name(enum token_kind kind)
{
    return kind == TOKEN_WORD || kind == TOKEN_QUOTED || kind == TOKEN_QUOTED_UNICODE;
}

/* The spelling without quotes; a doubled quote stays doubled, and then it matches nothing. */
static struct slice
bare_name(const struct token *t)
{
    if (t->kind != TOKEN_QUOTED) {
        return t->text;
    }
    CHECK(t->text.len > 2);
    return slice_of(t->text.p + 1, t->text.len - 2);
}

static bool
name_is(const struct token *t, const char *spelling)
{
    return t->kind == TOKEN_QUOTED ? slice_equal_str(bare_name(t), spelling)
                                   : slice_equal_nocase(t->text, spelling);
}

/* Settings are found without case, quoted or not. */
static bool
is_read_only_setting(const struct token *t)
{
    for (size_t i = 0; i < COUNT_OF(read_only_settings); i++) {
        if (is_name(t->kind) && slice_equal_nocase(bare_name(t), read_only_settings[i])) {
            return true;
        }
    }
    return false;
}

/* pg_temp, and pg_temp_3, which is what a session's own may be called. */
static bool
is_temp_schema(const struct token *t)
{
    static const char temp[] = "pg_temp";
    const size_t len = sizeof(temp) - 1;
    struct slice name = bare_name(t);
    if (name.len < len || name.p[2] != '_' || (name.len > len && name.p[len] != '_')) {
        return false;
    }
    name.len = len;
    return slice_equal_nocase(name, temp);
}

/* ---- calls: what a name before "(" means ---- */

static bool
is_construct(const struct stmt *s)
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
is_definition(const struct stmt *s)
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
set_config_open(struct stmt *s)
{
    s->lifts_read_only = true;
    if (s->set_config.active) {
        s->pins |= SQL_PIN_SET; /* one inside another: only one can be watched */
        return;
    }
    s->set_config = (struct set_config){.active = true, .depth = s->depth + 1};
}

static void
call_unknown(struct stmt *s)
{
    const struct name *name = &s->name;
    const struct token *last = &s->prev;
    const struct slice schema = name->parts == 2 ? name->first.text : SLICE_EMPTY;
    const bool plain = last->kind == TOKEN_WORD &&
                       (name->parts == 1 || (name->parts == 2 && name->first.kind == TOKEN_WORD));
    if (plain && sql_extra_has(s->extra, schema, last->text)) {
        return;
    }
    if (!s->unknown && s->mode != MODE_EXPLAINED) {
        s->unknown = true;
        s->unknown_where = last->text;
    }
}

/* The name stands before "(", and it is no construct. A function that leaves session state counts
 * by its bare name, in whatever schema: extensions live anywhere. */
static void
call_check(struct stmt *s)
{
    const struct name *name = &s->name;
    const struct token *last = &s->prev;
    if (name->unicode) {
        return; /* denied already */
    }
    const struct function_row *row = function_find(bare_name(last), last->kind == TOKEN_QUOTED);
    const bool catalog =
        name->parts == 1 || (name->parts == 2 && name_is(&name->first, "pg_catalog"));
    if (row == NULL || (!catalog && row->pins == SQL_PIN_NONE)) {
        call_unknown(s);
        return;
    }
    if (row->effect == FUNCTION_EFFECT_NONE) {
        return;
    }
    deny(s, "calls a function that does more than answer", last->text);
    if (s->mode == MODE_EXPLAINED) {
        return; /* planned only, but the planner runs what is called stable: txid_current() */
    }
    s->pins |= row->pins;
    if (name_is(last, "set_config")) {
        set_config_open(s);
    }
}

static bool
calls_count(const struct stmt *s)
{
    if (s->mode == MODE_COPY) {
        return s->depth > 0; /* COPY t (a, b) */
    }
    return s->mode != MODE_REST && s->mode != MODE_SHOW && s->mode != MODE_EXPLAIN;
}

/* ---- what every statement tracks ---- */

/* An operand ends with ")" unless the parentheses are those of DISTINCT ON (..) or OPERATOR (..): a
 * name may follow them that is called. */
static void
paren_open(struct stmt *s)
{
    const bool named = is_name(s->prev.kind);
    if (named && calls_count(s) && !is_construct(s) && !is_definition(s)) {
        call_check(s);
    }
    if (s->in_with && s->depth == s->with_depth && s->prev.kind == TOKEN_CLOSE) {
        s->in_with = false; /* WITH a AS (..) (SELECT ..): the query itself, in parentheses */
    }
    const enum keyword word = s->prev.keyword;
    const bool open = word == KW_OPERATOR || (word == KW_ON && s->prev2_keyword == KW_DISTINCT);
    s->operands = s->operands << 1 | (open ? 0U : 1U);
    s->depth++;
}

/* The third argument has to be the word true, and nothing else, for the setting to end with the
 * transaction. */
static void
set_config_close(struct stmt *s)
{
    const bool local =
        s->set_config.argument == 2 && s->set_config.tokens == 1 && s->prev.keyword == KW_TRUE;
    if (!local) {
        s->pins |= SQL_PIN_SET;
    }
    s->set_config.active = false;
}

static void
set_config_token(struct stmt *s, const struct token *t)
{
    struct set_config *call = &s->set_config;
    if (t->kind == TOKEN_CLOSE && s->depth == call->depth) {
        set_config_close(s);
    } else if (t->kind == TOKEN_COMMA && s->depth == call->depth) {
        call->argument++;
        call->tokens = 0;
    } else {
        call->tokens++;
    }
}

static void
paren_close(struct stmt *s, struct token *t)
{
    /* Without an opening the server refuses the text, whatever we say. */
    s->depth -= s->depth > 0 ? 1 : 0;
    /* Deeper than 64 the bit is lost and reads as 0: then a name behind counts as called. */
    t->flags = (s->operands & 1) != 0 ? KEYWORD_PLAIN : KEYWORD_OPEN;
    s->operands >>= 1;
}

static void
name_track(struct stmt *s, const struct token *t)
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
        deny(s, "a name in U& form is not decoded", t->text);
    } else if (is_temp_schema(t)) {
        s->pins |= SQL_PIN_TEMP;
        deny(s, "uses the temporary schema", t->text);
    }
}

/* A dot behind anything but a name continues none: (x).y, a[1].b. */
static void
dot_track(struct stmt *s)
{
    if (!is_name(s->prev.kind)) {
        s->name.parts = 0;
    } else if (s->name.parts == 1) {
        s->name.first = s->prev;
    }
}

static void
common_token(struct stmt *s, struct token *t)
{
    if (s->set_config.active) {
        set_config_token(s, t);
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

/* ---- the modes ---- */

static void
on_other(struct stmt *s, const struct token *t)
{
    (void)s;
    (void)t;
}

static void
on_start(struct stmt *s, const struct token *t)
{
    if (t->kind == TOKEN_OPEN) {
        return; /* a query in parentheses */
    }
    const struct verb *verb = &verbs[t->keyword];
    const bool known = verb->why != NULL;
    s->mode = verb->mode;
    s->class = known ? verb->class : SQL_WRITE;
    s->pins |= verb->pins;
    s->count = 0;
    s->in_with = t->keyword == KW_WITH;
    s->with_depth = s->depth;
    s->why = known ? verb->why : "a statement that is not known to be a read";
    s->where = t->text;
}

/* Keywords that may stand between WITH and the query itself, outside of parentheses. */
static bool
is_with_list_word(enum keyword word)
{
    return word == KW_NONE || word == KW_AS || word == KW_NOT || word == KW_MATERIALIZED ||
           word == KW_RECURSIVE || word == KW_WITH;
}

static void
on_query(struct stmt *s, const struct token *t)
{
    const enum keyword word = t->keyword;
    if (word == KW_NONE) {
        return;
    }
    if (s->in_with && s->depth == s->with_depth && !is_with_list_word(word)) {
        s->in_with = false;
    }
    if (s->prev.keyword == KW_FOR &&
        (word == KW_UPDATE || word == KW_SHARE || word == KW_NO || word == KW_KEY)) {
        deny(s, "locks rows", t->text);
    } else if (word == KW_INSERT || word == KW_UPDATE || word == KW_DELETE || word == KW_MERGE) {
        deny(s, "changes data", t->text);
    } else if (word == KW_INTO) {
        deny(s, "SELECT INTO makes a table", t->text);
    } else if (word == KW_TEMP || word == KW_TEMPORARY) {
        const bool scoped = s->prev.keyword == KW_LOCAL || s->prev.keyword == KW_GLOBAL;
        const enum keyword before = scoped ? s->prev2_keyword : s->prev.keyword;
        s->pins |= before == KW_INTO ? SQL_PIN_TEMP : SQL_PIN_NONE;
    }
}

/* EXPLAIN [ANALYZE] [VERBOSE] x, EXPLAIN (options) x, and EXPLAIN (SELECT ..). */
static void
on_explain(struct stmt *s, const struct token *t)
{
    const enum keyword word = t->keyword;
    const bool query = t->kind == TOKEN_OPEN || verbs[word].mode == MODE_QUERY;
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
        s->mode = MODE_START;
        on_start(s, t);
        return;
    }
    s->mode = MODE_EXPLAINED;
    s->class = SQL_READ;
    s->why = "explains without running";
}

static void
on_copy(struct stmt *s, const struct token *t)
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
        s->mode = MODE_REST;
    } else if (t->keyword == KW_FROM) {
        s->why = "COPY FROM writes";
        s->mode = MODE_REST;
    }
}

/* Drivers ask these to learn whether they reached a server that takes writes; only the writer's
 * answer is true of what Teal does with the session. */
static void
on_show(struct stmt *s, const struct token *t)
{
    if (is_read_only_setting(t)) {
        deny(s, "a setting that differs between the backends", t->text);
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
on_begin(struct stmt *s, const struct token *t)
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
on_end(struct stmt *s, const struct token *t)
{
    if (t->keyword == KW_TO || t->keyword == KW_PREPARED) {
        s->class = SQL_WRITE;
        s->why = t->keyword == KW_TO ? "a savepoint" : "a prepared transaction";
    }
}

static void
on_set(struct stmt *s, const struct token *t)
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
on_reset(struct stmt *s, const struct token *t)
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
on_prepare(struct stmt *s, const struct token *t)
{
    if (s->count == 2 && s->prev.keyword == KW_TRANSACTION && t->kind == TOKEN_STRING) {
        s->pins &= ~(uint32_t)SQL_PIN_PREPARE;
        s->why = "a prepared transaction";
    }
}

/* DEALLOCATE [PREPARE] {name | ALL}; alone, PREPARE is the name. */
static void
on_deallocate(struct stmt *s, const struct token *t)
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
on_discard(struct stmt *s, const struct token *t)
{
    const bool all = s->count == 1 && t->keyword == KW_ALL;
    s->special = all ? SQL_SPECIAL_DISCARD_ALL : SQL_SPECIAL_NONE;
    s->lifts_read_only = s->lifts_read_only || all;
}

/* CREATE [OR REPLACE] [LOCAL | GLOBAL] TEMP. */
static void
on_create(struct stmt *s, const struct token *t)
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
on_declare(struct stmt *s, const struct token *t)
{
    if (!s->done && s->prev.keyword == KW_WITH && t->keyword == KW_HOLD) {
        s->pins |= SQL_PIN_HOLD_CURSOR;
    }
    s->done = s->done || t->keyword == KW_FOR;
}

static stmt_fn *const handlers[MODES_COUNT] = {
    [MODE_OTHER] = on_other,     [MODE_START] = on_start,
    [MODE_QUERY] = on_query,     [MODE_REST] = on_other,
    [MODE_EXPLAINED] = on_other, [MODE_EXPLAIN] = on_explain,
    [MODE_COPY] = on_copy,       [MODE_SHOW] = on_show,
    [MODE_BEGIN] = on_begin,     [MODE_END] = on_end,
    [MODE_SET] = on_set,         [MODE_RESET] = on_reset,
    [MODE_PREPARE] = on_prepare, [MODE_DEALLOCATE] = on_deallocate,
    [MODE_DISCARD] = on_discard, [MODE_CREATE] = on_create,
    [MODE_DECLARE] = on_declare,
};

/* ---- a statement, and the text ---- */

static void
stmt_token(struct stmt *s, struct token *t)
{
    /* Behind a dot any word is a name, and behind AS too (where it is no construct: AS NOT
     * MATERIALIZED). */
    const bool label = s->prev.kind == TOKEN_DOT || s->prev.keyword == KW_AS;
    if (label && t->keyword != KW_NOT) {
        t->keyword = KW_NONE;
        t->flags = KEYWORD_PLAIN;
    }
    s->count++;
    common_token(s, t);
    handlers[s->mode](s, t);
    s->prev2_keyword = s->prev.keyword;
    s->prev = *t;
}

static void
stmt_init(struct stmt *s, const struct sql_extra *extra)
{
    *s = (struct stmt){.prev = {.flags = KEYWORD_OPEN},
                       .extra = extra,
                       .mode = MODE_START,
                       .class = SQL_WRITE,
                       .why = "no statement"};
}

/* What EXPLAIN ANALYZE runs is a read or it is not; it begins and ends no transaction. */
static void
stmt_finish(struct stmt *s, enum sql_hint hint)
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
    CHECK(s->class == SQL_WRITE || s->pins == SQL_PIN_NONE);
}

/* RESET ALL at the end of a text that is one transaction has happened when the text has succeeded:
 * drivers clean up with it (asyncpg's pool). An earlier SET of the same text might be one that it
 * does not take back, such as SET ROLE. */
static enum sql_special
last_of_several(const struct sql_traits *before, const struct stmt *s)
{
    const bool settings_only = (before->pins & (uint32_t)SQL_PIN_SET) == 0 && !before->controls;
    return settings_only && s->special == SQL_SPECIAL_RESET_ALL ? SQL_SPECIAL_RESET_ALL
                                                                : SQL_SPECIAL_NONE;
}

/* One more statement of the text. Several are a read only when each is one; one that stands alone
 * may be anything. */
static void
traits_add(struct sql_traits *traits, struct stmt *s)
{
    stmt_finish(s, traits->hint);
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

static struct slice
trim(struct slice s)
{
    while (s.len > 0 && (s.p[0] == ' ' || s.p[0] == '\t')) {
        s = slice_of(s.p + 1, s.len - 1);
    }
    while (s.len > 0 && (s.p[s.len - 1] == ' ' || s.p[s.len - 1] == '\t')) {
        s.len--;
    }
    return s;
}

static enum sql_hint
hint_parse(struct slice comment)
{
    static const char prefix[] = "teal:";
    const size_t len = sizeof(prefix) - 1;
    const struct slice text = trim(comment);
    if (text.len < len || !slice_equal_nocase(slice_of(text.p, len), prefix)) {
        return SQL_HINT_NONE;
    }
    const struct slice word = trim(slice_of(text.p + len, text.len - len));
    if (slice_equal_nocase(word, "write")) {
        return SQL_HINT_WRITE;
    }
    return slice_equal_nocase(word, "read") ? SQL_HINT_READ : SQL_HINT_NONE;
}

/* The first hint among the leading comments; the lexer moves behind the comments that it reads. */
static enum sql_hint
hint_find(struct lexer *lexer)
{
    struct slice comment;
    while (lexer_take_comment(lexer, &comment)) {
        const enum sql_hint hint = hint_parse(comment);
        if (hint != SQL_HINT_NONE) {
            return hint;
        }
    }
    return SQL_HINT_NONE;
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
    traits.hint = hint_find(&lexer);
    struct stmt s;
    bool open = false;
    for (;;) {
        struct token t = lexer_next(&lexer);
        if (t.kind == TOKEN_BAD) {
            return traits_of_bad(&lexer, text);
        }
        if (t.kind != TOKEN_END && t.kind != TOKEN_SEMICOLON) {
            if (!open) {
                stmt_init(&s, extra);
                open = true;
            }
            stmt_token(&s, &t);
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
    apply_hint(&traits);
    if (!lexer.utf8 && traits.class != SQL_WRITE) {
        traits.class = SQL_WRITE;
        traits.why = "the text is not UTF-8";
    }
    return traits;
}

struct sql_traits
sql_classify(struct slice text)
{
    return sql_classify_with(text, NULL);
}

/* The client encodings of PostgreSQL whose characters may hold ASCII bytes (manual, "Character Set
 * Support": those that are not allowed on the server). */
static const char *const unsafe_encodings[] = {
    "BIG5", "GB18030", "GBK", "JOHAB", "SHIFT_JIS_2004", "SJIS", "UHC",
};

bool
sql_encoding_is_safe(const char *encoding)
{
    for (size_t i = 0; i < COUNT_OF(unsafe_encodings); i++) {
        if (slice_equal_nocase(slice_of_str(encoding), unsafe_encodings[i])) {
            return false;
        }
    }
    return true;
}

static const char *const class_names[SQL_CLASS_COUNT] = {
    [SQL_EMPTY] = "empty",           [SQL_READ] = "read",
    [SQL_WRITE] = "write",           [SQL_BEGIN] = "begin",
    [SQL_BEGIN_READ] = "begin-read", [SQL_END] = "end",
};

const char *sql_class_name(enum sql_class class)
{
    CHECK(class < SQL_CLASS_COUNT);
    return class_names[class];
}

static const char *const pin_names[SQL_PIN_BITS] = {
    "SET",           "PREPARE",  "LISTEN", "temporary objects", "WITH HOLD cursor",
    "advisory lock", "sequence", "LOAD",   "unreadable text",   "a walsender",
};
_Static_assert(SQL_PIN_REPLICATION == 1 << (SQL_PIN_BITS - 1), "one name for each bit, in order");

const char *
sql_pin_name(uint32_t pins)
{
    for (uint32_t i = 0; i < SQL_PIN_BITS; i++) {
        if ((pins & 1U << i) != 0) {
            return pin_names[i];
        }
    }
    return "";
}
