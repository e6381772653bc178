/* conf.c — the life of a configuration, and what SHOW and RELOAD say of it. See conf.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "conf/conf.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "conf/keys.h"

enum { MISTAKE_TEXT_MAX = 768 };

/* ---- mistakes ---- */

void
conf_mistakes_fini(struct conf_mistakes *m)
{
    for (size_t i = 0; i < m->count; i++) {
        mem_free(m->items[i].file);
        mem_free(m->items[i].text);
    }
    mem_free(m->items);
    *m = (struct conf_mistakes){NULL, 0};
}

void
conf_mistake_add(struct conf_mistakes *m, const char *file, unsigned line, const char *fmt, ...)
{
    va_list args;
    char text[MISTAKE_TEXT_MAX];
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, args); /* a longer text is cut, which is fine */
    va_end(args);
    m->items = xrealloc(m->items, (m->count + 1) * sizeof(m->items[0]));
    m->items[m->count++] = (struct conf_mistake){xstrdup(file), line, xstrdup(text)};
}

void
conf_mistakes_print(const struct conf_mistakes *m, struct buf *out)
{
    for (size_t i = 0; i < m->count; i++) {
        const struct conf_mistake *mistake = &m->items[i];
        if (mistake->line == 0) {
            buf_printf(out, "%s: %s\n", mistake->file, mistake->text);
            continue;
        }
        buf_printf(out, "%s:%u: %s\n", mistake->file, mistake->line, mistake->text);
    }
}

/* ---- references ---- */

struct conf *
conf_ref(struct conf *c)
{
    CHECK(atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed) > 0);
    return c;
}

static void
fields_fini(struct conf *c, enum conf_section section)
{
    for (size_t i = 0; i < conf_keys_count(); i++) {
        const struct conf_key *key = conf_key_at(i);
        if (conf_key_in(key, section)) {
            value_fini(key->kind, conf_field(c, key, section));
        }
    }
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
    for (size_t i = 0; i < CONF_SECTIONS_COUNT; i++) {
        fields_fini(c, (enum conf_section)i);
    }
    mem_free(c->path);
    mem_free(c);
}

/* How a key is called outside of its section: only those of the sides need to say which. */
static void
name_put(const struct conf_key *key, enum conf_section section, struct buf *out)
{
    if (key->group == CONF_GROUP_NODE) {
        buf_printf(out, "%s.", conf_section_name(section));
    }
    buf_printf(out, "%s", key->name);
}

/* ---- reload ---- */

static bool
values_equal(const struct conf *a, const struct conf *b, const struct conf_key *key,
             enum conf_section section)
{
    struct buf texts[2];
    buf_init(&texts[0]);
    buf_init(&texts[1]);
    value_format(key->kind, conf_field_const(a, key, section), &texts[0]);
    value_format(key->kind, conf_field_const(b, key, section), &texts[1]);
    const bool equal = slice_equal(buf_slice(&texts[0]), buf_slice(&texts[1]));
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        if (key->kind == VALUE_SECRET && texts[i].data != NULL) {
            explicit_bzero(texts[i].data, texts[i].size);
        }
        buf_fini(&texts[i]);
    }
    return equal;
}

bool
conf_reload_check(const struct conf *old_conf, const struct conf *new_conf, struct buf *names)
{
    bool all_live = true;
    for (size_t i = 0; i < CONF_SECTIONS_COUNT * conf_keys_count(); i++) {
        const enum conf_section section = (enum conf_section)(i / conf_keys_count());
        const struct conf_key *key = conf_key_at(i % conf_keys_count());
        if (!conf_key_in(key, section) || key->live ||
            values_equal(old_conf, new_conf, key, section)) {
            continue;
        }
        buf_printf(names, "%s", all_live ? "" : ", ");
        name_put(key, section, names);
        all_live = false;
    }
    return all_live;
}

bool
conf_equal(const struct conf *a, const struct conf *b, const char *prefix)
{
    for (size_t i = 0; i < conf_keys_count(); i++) {
        const struct conf_key *key = conf_key_at(i);
        if (conf_key_in(key, CONF_SECTION_TEAL) &&
            strncmp(key->name, prefix, strlen(prefix)) == 0 &&
            !values_equal(a, b, key, CONF_SECTION_TEAL)) {
            return false;
        }
    }
    return true;
}

/* ---- SET ---- */

static void
field_copy(struct conf *to, const struct conf *from, const struct conf_key *key,
           enum conf_section section)
{
    struct value_limits any = key->limits; /* what the loader has filled in may be empty */
    any.empty_ok = true;
    struct err err;
    struct buf text;
    buf_init(&text);
    value_format(key->kind, conf_field_const(from, key, section), &text);
    buf_put_u8(&text, 0);
    const bool unset = key->kind == VALUE_PORT && strcmp((const char *)text.data, "0") == 0;
    CHECK(unset || value_parse(key->kind, &any, (const char *)buf_slice(&text).p,
                               conf_field(to, key, section), &err));
    explicit_bzero(text.data, text.size);
    buf_fini(&text);
}

static struct conf *
conf_copy(const struct conf *from)
{
    struct conf *c = xcalloc(1, sizeof(*c));
    atomic_init(&c->refs, 1);
    c->path = xstrdup(from->path);
    for (size_t i = 0; i < CONF_SECTIONS_COUNT * conf_keys_count(); i++) {
        const enum conf_section section = (enum conf_section)(i / conf_keys_count());
        const struct conf_key *key = conf_key_at(i % conf_keys_count());
        if (conf_key_in(key, section)) {
            field_copy(c, from, key, section);
        }
    }
    return c;
}

/* "lag_max" or "blue.host". */
static const struct conf_key *
key_by_shown_name(const char *name, enum conf_section *section)
{
    for (size_t i = 0; i < CONF_SECTIONS_COUNT; i++) {
        *section = (enum conf_section)i;
        const char *prefix = conf_section_name(*section);
        const size_t len = strlen(prefix);
        const bool of_node = *section == CONF_SECTION_BLUE || *section == CONF_SECTION_GREEN;
        if (of_node && (strncmp(name, prefix, len) != 0 || name[len] != '.')) {
            continue;
        }
        const size_t at = conf_key_find(*section, of_node ? name + len + 1 : name);
        if (at < conf_keys_count()) {
            return conf_key_at(at);
        }
    }
    return NULL;
}

struct conf *
conf_with(const struct conf *c, const char *name, const char *text, struct err *err)
{
    enum conf_section section;
    const struct conf_key *key = key_by_shown_name(name, &section);
    if (key == NULL) {
        (void)err_set(err, SQLSTATE_UNDEFINED_OBJECT, "there is no key \"%s\"", name);
        (void)err_hint(err, "SHOW CONFIG lists them.");
        return NULL;
    }
    if (!key->live) {
        (void)err_set(err, SQLSTATE_CANNOT_CHANGE_NOW, "%s cannot change while teal runs", name);
        (void)err_hint(err, "Change the configuration file and restart teal.");
        return NULL;
    }
    struct conf *copy = conf_copy(c);
    struct err why;
    void *field = conf_field(copy, key, section);
    if (key->kind == VALUE_LIST) {
        value_fini(key->kind, field); /* parsing adds to a list */
    }
    if (!value_parse(key->kind, &key->limits, text, field, &why)) {
        (void)err_set(err, SQLSTATE_INVALID_PARAMETER, "%s: %.600s", name, why.text);
        conf_unref(copy);
        return NULL;
    }
    return copy;
}

/* ---- SHOW CONFIG ---- */

static void
value_show(const struct conf *c, const struct conf_key *key, enum conf_section section,
           struct table *t)
{
    struct buf text;
    buf_init(&text);
    value_format(key->kind, conf_field_const(c, key, section), &text);
    const int len = (int)buf_len(&text);
    if (key->kind == VALUE_SECRET) {
        table_add(t, len == 0 ? "" : "********");
        if (text.data != NULL) {
            explicit_bzero(text.data, text.size);
        }
    } else {
        table_addf(t, "%.*s", len, len == 0 ? "" : (const char *)buf_slice(&text).p);
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
    for (size_t i = 0; i < CONF_SECTIONS_COUNT * conf_keys_count(); i++) {
        const enum conf_section section = (enum conf_section)(i / conf_keys_count());
        const struct conf_key *key = conf_key_at(i % conf_keys_count());
        if (!conf_key_in(key, section)) {
            continue;
        }
        buf_clear(&name);
        name_put(key, section, &name);
        table_addf(t, "%.*s", (int)buf_len(&name), (const char *)buf_slice(&name).p);
        value_show(c, key, section, t);
        table_add(t, key->default_text);
        table_add(t, key->live ? "yes" : "no");
    }
    buf_fini(&name);
    return t;
}
