/* conf.c — the life of a configuration, and what SHOW, SET and RELOAD say of it. See conf.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "conf/conf.h"

#include <string.h>

#include "base/mem.h"
#include "conf/hosts.h"
#include "conf/keys.h"

/* ---- life ---- */

/* Values of Teal's own, which may be empty whatever the key says. */
static void
field_set(struct conf *c, const struct conf_entry *entry, const char *text)
{
    struct value_limits limits = conf_key_limits(entry->key);
    limits.empty_ok = true;
    const bool ok = value_parse(entry->key->type, &limits, text, conf_field(c, entry), NULL);
    CHECK(ok);
}

static struct conf *
conf_bare(const char *path)
{
    struct conf *c = xcalloc(1, sizeof(*c));
    atomic_init(&c->refs, 1);
    c->path = xstrdup(path);
    c->pairs = xcalloc(1, sizeof(*c->pairs));
    c->pairs_count = 1;
    return c;
}

struct conf *
conf_new(const char *path)
{
    struct conf *c = conf_bare(path);
    for (size_t i = 0; i < conf_entries_count(); i++) {
        const struct conf_entry entry = conf_entry_at(i);
        const char *text = entry.key->default_text;
        field_set(c, &entry, text == NULL ? "" : text);
    }
    return c;
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
    if (before > 1) {
        return;
    }
    for (size_t i = 0; i < conf_entries_count(); i++) {
        const struct conf_entry entry = conf_entry_at(i);
        value_fini(entry.key->type, conf_field(c, &entry));
    }
    for (uint32_t i = 0; i < c->pairs_count; i++) {
        hosts_fini(&c->pairs[i].side[SIDE_BLUE]);
        hosts_fini(&c->pairs[i].side[SIDE_GREEN]);
    }
    mem_free(c->pairs);
    mem_free(c->path);
    mem_free(c);
}

/* ---- values as texts ---- */

static void
field_format(const struct conf *c, const struct conf_entry *entry, struct buf *out)
{
    value_format(entry->key->type, conf_field_const(c, entry), out);
}

/* The text may have been a secret. */
static void
text_fini(struct buf *text)
{
    if (text->data != NULL) {
        explicit_bzero(text->data, text->size);
    }
    buf_fini(text);
}

static bool
values_equal(const struct conf *a, const struct conf *b, const struct conf_entry *entry)
{
    struct buf of_a;
    struct buf of_b;
    buf_init(&of_a);
    buf_init(&of_b);
    field_format(a, entry, &of_a);
    field_format(b, entry, &of_b);
    const bool equal = slice_equal(buf_slice(&of_a), buf_slice(&of_b));
    text_fini(&of_a);
    text_fini(&of_b);
    return equal;
}

static void
field_copy(struct conf *to, const struct conf *from, const struct conf_entry *entry)
{
    struct buf text;
    buf_init(&text);
    field_format(from, entry, &text);
    buf_put_u8(&text, 0);
    CHECK(to != from);
    field_set(to, entry, (const char *)buf_slice(&text).p);
    text_fini(&text);
}

static struct conf *
conf_copy(const struct conf *from)
{
    CHECK(atomic_load_explicit(&from->refs, memory_order_relaxed) > 0);
    struct conf *c = conf_bare(from->path);
    for (size_t i = 0; i < conf_entries_count(); i++) {
        const struct conf_entry entry = conf_entry_at(i);
        field_copy(c, from, &entry);
    }
    for (uint32_t i = 0; i < c->pairs_count; i++) {
        hosts_fill(&c->pairs[i].side[SIDE_BLUE]);
        hosts_fill(&c->pairs[i].side[SIDE_GREEN]);
    }
    return c;
}

/* ---- RELOAD ---- */

bool
conf_reload_check(const struct conf *old_conf, const struct conf *new_conf, struct buf *names)
{
    bool all_live = true;
    for (size_t i = 0; i < conf_entries_count(); i++) {
        const struct conf_entry entry = conf_entry_at(i);
        if (entry.key->live || values_equal(old_conf, new_conf, &entry)) {
            continue;
        }
        buf_printf(names, "%s", all_live ? "" : ", ");
        conf_entry_put_shown(&entry, names);
        all_live = false;
    }
    return all_live;
}

bool
conf_equal(const struct conf *a, const struct conf *b, const char *prefix)
{
    for (size_t i = 0; i < conf_entries_count(); i++) {
        const struct conf_entry entry = conf_entry_at(i);
        if (entry.section == CONF_SECTION_TEAL &&
            strncmp(entry.key->name, prefix, strlen(prefix)) == 0 && !values_equal(a, b, &entry)) {
            return false;
        }
    }
    return true;
}

/* ---- SET ---- */

static bool
entry_for_set(const char *name, struct conf_entry *entry, struct err *err)
{
    if (!conf_entry_find_shown(name, entry)) {
        (void)err_set(err, SQLSTATE_UNDEFINED_OBJECT, "there is no key \"%s\"", name);
        return err_hint(err, "SHOW CONFIG lists them.");
    }
    if (!entry->key->live) {
        (void)err_set(err, SQLSTATE_CANNOT_CHANGE_NOW, "%s cannot change while teal runs", name);
        return err_hint(err, "Change the configuration file and restart teal.");
    }
    return true;
}

struct conf *
conf_with(const struct conf *c, const char *name, const char *text, struct err *err)
{
    struct conf_entry entry;
    if (!entry_for_set(name, &entry, err)) {
        return NULL;
    }
    struct conf *copy = conf_copy(c);
    struct err why;
    void *field = conf_field(copy, &entry);
    const struct value_limits limits = conf_key_limits(entry.key);
    if (entry.key->type == VALUE_LIST) {
        value_fini(VALUE_LIST, field); /* parsing adds to a list */
    }
    if (!value_parse(entry.key->type, &limits, text, field, &why)) {
        (void)err_set(err, SQLSTATE_INVALID_PARAMETER, "%s: %.600s", name, why.text);
        conf_unref(copy);
        return NULL;
    }
    return copy;
}

/* ---- SHOW CONFIG ---- */

static void
add_value(struct table *t, const struct conf *c, const struct conf_entry *entry)
{
    struct buf text;
    buf_init(&text);
    field_format(c, entry, &text);
    const int len = (int)buf_len(&text);
    if (entry->key->type == VALUE_SECRET) {
        table_add(t, len == 0 ? "" : "********");
    } else {
        table_addf(t, "%.*s", len, len == 0 ? "" : (const char *)buf_slice(&text).p);
    }
    text_fini(&text);
}

struct table *
conf_show(const struct conf *c)
{
    static const char *const columns[] = {"key", "value", "default", "changeable"};
    struct table *t = table_new(columns, COUNT_OF(columns));
    struct buf name;
    buf_init(&name);
    for (size_t i = 0; i < conf_entries_count(); i++) {
        const struct conf_entry entry = conf_entry_at(i);
        buf_clear(&name);
        conf_entry_put_shown(&entry, &name);
        table_addf(t, "%.*s", (int)buf_len(&name), (const char *)buf_slice(&name).p);
        add_value(t, c, &entry);
        table_add(t, entry.key->default_text);
        table_add(t, entry.key->live ? "yes" : "no");
    }
    buf_fini(&name);
    return t;
}
