/* statement.c — prepared statements by text. See statement.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "session/prepared/statement.h"

#include <string.h>

#include "base/mem.h"
#include "base/rand.h"

void
statement_table_init(struct statement_table *t, uint32_t worker)
{
    map_init(&t->by_key, rand_u64());
    t->next_id = (uint64_t)(worker + 1)
                 << 40; /* a backend may move between workers: numbers must not meet */
}

void
statement_table_fini(struct statement_table *t)
{
    CHECK(map_count(&t->by_key) == 0);
    map_fini(&t->by_key);
}

static struct slice
statement_key(const struct statement *s)
{
    return slice_of(s->key, s->types_len + s->text_len);
}

static struct statement *
statement_new(struct statement_table *t, char *key, size_t types_len, size_t text_len,
              const struct sql_extra *extra)
{
    struct statement *s = xcalloc(1, sizeof(*s));
    s->id = ++t->next_id;
    s->key = key;
    s->types_len = types_len;
    s->text_len = text_len;
    const struct sql_traits traits = sql_classify_with(statement_text(s), extra);
    s->class = traits.class;
    s->pins = traits.pins;
    s->special = traits.special;
    s->lifts_read_only = traits.lifts_read_only;
    s->may_be_tracked = traits.pins == SQL_PIN_SET && traits.statements == 1;
    return s;
}

struct statement *
statement_intern(struct statement_table *t, struct slice text, struct slice types,
                 const struct sql_extra *extra)
{
    const size_t len = types.len + text.len;
    char *key = xcalloc(1, len + 1);
    /* types begins with their count, so keys of other shapes cannot meet. */
    memcpy(key, types.p, types.len);
    memcpy(key + types.len, text.p, text.len);
    struct statement *s = map_get(&t->by_key, slice_of(key, len));
    if (s != NULL) {
        mem_free(key);
        s->refs++;
        return s;
    }
    s = statement_new(t, key, types.len, text.len, extra);
    s->refs = 1;
    (void)map_put(&t->by_key, slice_of(key, len), s); /* there was none */
    return s;
}

struct statement *
statement_opaque(struct statement_table *t)
{
    struct statement *s = xcalloc(1, sizeof(*s));
    s->id = ++t->next_id;
    s->refs = 1;
    s->key = xcalloc(1, 1);
    s->class = SQL_WRITE;
    s->pins = SQL_PIN_UNKNOWN;
    s->is_opaque = true;
    return s;
}

void
statement_unref(struct statement_table *t, struct statement *s)
{
    if (s == NULL || --s->refs > 0) {
        return;
    }
    if (!s->is_opaque) {
        (void)map_remove(&t->by_key, statement_key(s));
    }
    mem_free(s->key);
    mem_free(s);
}

struct slice
statement_text(const struct statement *s)
{
    return slice_of(s->key + s->types_len, s->text_len);
}

struct slice
statement_types(const struct statement *s)
{
    return slice_of(s->key, s->types_len);
}
