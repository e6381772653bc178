/* conf.c — the life of a configuration, and what SHOW CONFIG says of it. See conf.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "conf/conf.h"

#include <string.h>

#include "base/mem.h"
#include "conf/hosts.h"
#include "conf/keys.h"
#include "conf/names.h"

/* ---- birth ---- */

/* A key without a default is empty. */
static void
default_set(const struct conf_key *key, void *field)
{
    const char *text = key->default_text == NULL ? "" : key->default_text;
    struct value_limits limits = conf_key_limits(key);
    limits.empty_ok = true;
    const bool ok = value_parse(key->type, &limits, text, field, NULL);
    CHECK(ok);
}

/* The entries of [teal], or of the pairs between two counts. */
static void
defaults_set(struct conf *c, size_t first, size_t end)
{
    for (size_t i = first; i < end; i++) {
        const struct conf_entry entry = conf_entry_at(i);
        default_set(entry.key, conf_field(c, &entry));
    }
}

static void
database_init(struct conf_database *d, const char *name)
{
    size_t count = 0;
    const struct conf_key *keys = conf_section_keys(CONF_SECTION_DATABASES, &count);
    *d = (struct conf_database){.name = xstrdup(name)};
    for (size_t i = 0; i < count; i++) {
        default_set(&keys[i], (char *)d + keys[i].offset);
    }
}

struct conf *
conf_new(const char *path)
{
    struct conf *c = xcalloc(1, sizeof(*c));
    atomic_init(&c->refs, 1);
    c->path = xstrdup(path);
    defaults_set(c, 0, conf_entries_count(0));
    database_init(&c->rest, "*");
    return c;
}

struct conf_pair *
conf_pair_add(struct conf *c, const char *name)
{
    CHECK(c->pairs_count < PAIRS_MAX);
    const uint32_t number = c->pairs_count++;
    c->pairs = xrealloc(c->pairs, c->pairs_count * sizeof(*c->pairs));
    struct conf_pair *pair = &c->pairs[number];
    *pair = (struct conf_pair){.is_named = name != NULL};
    defaults_set(c, conf_entries_count(number), conf_entries_count(number + 1));
    if (name != NULL) {
        mem_free(pair->name);
        pair->name = xstrdup(name);
    }
    return pair;
}

struct conf_database *
conf_database_add(struct conf *c, const char *name)
{
    const uint32_t number = c->databases_count++;
    c->databases = xrealloc(c->databases, c->databases_count * sizeof(*c->databases));
    database_init(&c->databases[number], name);
    return &c->databases[number];
}

/* ---- copies ---- */

void
conf_database_set_like(struct conf_database *d, const struct conf_database *other)
{
    size_t count = 0;
    const struct conf_key *keys = conf_section_keys(CONF_SECTION_DATABASES, &count);
    for (size_t i = 0; i < count; i++) {
        value_copy(keys[i].type, (const char *)other + keys[i].offset, (char *)d + keys[i].offset);
    }
}

static void
database_copy(struct conf_database *to, const struct conf_database *from)
{
    conf_database_set_like(to, from);
    to->pair = from->pair;
    to->is_listed = from->is_listed;
    to->line = from->line;
}

static void
hosts_copy(struct conf_side *to, const struct conf_side *from)
{
    for (uint32_t i = 0; i < from->hosts_count; i++) {
        to->hosts[i] = from->hosts[i];
        to->hosts[i].name = xstrdup(from->hosts[i].name);
    }
    to->hosts_count = from->hosts_count;
}

struct conf *
conf_copy(const struct conf *from)
{
    CHECK(atomic_load_explicit(&from->refs, memory_order_relaxed) > 0);
    struct conf *c = conf_new(from->path);
    for (uint32_t i = 0; i < from->pairs_count; i++) {
        struct conf_pair *pair = conf_pair_add(c, NULL);
        pair->is_named = from->pairs[i].is_named;
        for (size_t side = 0; side < SIDES_COUNT; side++) {
            hosts_copy(&pair->side[side], &from->pairs[i].side[side]);
        }
    }
    for (size_t i = 0; i < conf_entries_count(c->pairs_count); i++) {
        const struct conf_entry entry = conf_entry_at(i);
        value_copy(entry.key->type, conf_field_const(from, &entry), conf_field(c, &entry));
    }
    for (uint32_t i = 0; i < from->databases_count; i++) {
        if (from->databases[i].is_listed) {
            database_copy(conf_database_add(c, from->databases[i].name), &from->databases[i]);
        }
    }
    database_copy(&c->rest, &from->rest);
    return c;
}

/* ---- death ---- */

static void
database_fini(struct conf_database *d)
{
    size_t count = 0;
    const struct conf_key *keys = conf_section_keys(CONF_SECTION_DATABASES, &count);
    for (size_t i = 0; i < count; i++) {
        value_fini(keys[i].type, (char *)d + keys[i].offset);
    }
    mem_free(d->name);
}

static void
conf_free(struct conf *c)
{
    for (size_t i = 0; i < conf_entries_count(c->pairs_count); i++) {
        const struct conf_entry entry = conf_entry_at(i);
        value_fini(entry.key->type, conf_field(c, &entry));
    }
    for (uint32_t i = 0; i < c->pairs_count; i++) {
        hosts_fini(&c->pairs[i].side[SIDE_BLUE]);
        hosts_fini(&c->pairs[i].side[SIDE_GREEN]);
    }
    for (uint32_t i = 0; i < c->databases_count; i++) {
        database_fini(&c->databases[i]);
    }
    database_fini(&c->rest);
    mem_free(c->databases);
    mem_free(c->pairs);
    mem_free(c->path);
    mem_free(c);
}

struct conf *
conf_ref(struct conf *c)
{
    CHECK(atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed) > 0);
    return c;
}

void
conf_unref(struct conf *c)
{
    if (c == NULL) {
        return;
    }
    const unsigned before = atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel);
    CHECK(before > 0);
    if (before == 1) {
        conf_free(c);
    }
}

/* ---- SHOW CONFIG ---- */

static void
add_value(struct table *t, const struct conf *c, const struct conf_entry *entry)
{
    struct buf text;
    buf_init(&text);
    value_format(entry->key->type, conf_field_const(c, entry), &text);
    const int len = (int)buf_len(&text);
    if (entry->key->type == VALUE_SECRET) {
        table_add(t, len == 0 ? "" : "********");
    } else {
        table_addf(t, "%.*s", len, len == 0 ? "" : (const char *)buf_slice(&text).p);
    }
    if (text.data != NULL) {
        explicit_bzero(text.data, text.size); /* it may have been a secret */
    }
    buf_fini(&text);
}

struct table *
conf_show(const struct conf *c)
{
    static const char *const columns[] = {"key", "value", "default", "changeable"};
    struct table *t = table_new(columns, COUNT_OF(columns));
    struct buf name;
    buf_init(&name);
    for (size_t i = 0; i < conf_entries_count(c->pairs_count); i++) {
        const struct conf_entry entry = conf_entry_at(i);
        buf_clear(&name);
        entry_name_put(c, &entry, &name);
        table_addf(t, "%.*s", (int)buf_len(&name), (const char *)buf_slice(&name).p);
        add_value(t, c, &entry);
        table_add(t, entry.key->default_text);
        table_add(t, entry.key->live ? "yes" : "no");
    }
    buf_fini(&name);
    return t;
}
