/* change.c — what differs between two configurations. See change.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "conf/change.h"

#include <string.h>

#include "base/mem.h"
#include "conf/databases.h"
#include "conf/hooks.h"
#include "conf/names.h"

static bool
values_equal(const struct conf *a, const struct conf *b, const struct conf_entry *entry)
{
    return value_equal(entry->key->type, conf_field_const(a, entry), conf_field_const(b, entry));
}

/* ---- RELOAD ---- */

static void
put_comma(struct buf *names)
{
    buf_printf(names, "%s", buf_len(names) == 0 ? "" : ", ");
}

static void
put_pair(const struct conf *c, uint32_t pair, const char *what, struct buf *names)
{
    char label[SECTION_LABEL_SIZE];
    put_comma(names);
    buf_printf(names, "%s (%s)", section_label(c, CONF_SECTION_PAIR, pair, label), what);
}

/* The pairs of one that the other has not. */
static void
put_missing(const struct conf *c, const struct conf *other, const char *what, struct buf *names)
{
    uint32_t found = 0;
    for (uint32_t i = 0; i < c->pairs_count; i++) {
        if (!pair_find(other, c->pairs[i].name, &found)) {
            put_pair(c, i, what, names);
        }
    }
}

/* Of pairs that both have. */
static void
put_moved(const struct conf *a, const struct conf *b, struct buf *names)
{
    for (uint32_t i = 0; i < a->pairs_count; i++) {
        if (strcmp(a->pairs[i].name, b->pairs[i].name) != 0) {
            put_comma(names);
            buf_printf(names, "the order of the pairs");
            return;
        }
    }
}

/* Whether the numbers of the pairs mean the same in both; else puts why not. */
static bool
pairs_check(const struct conf *a, const struct conf *b, struct buf *names)
{
    const size_t before = buf_len(names);
    const bool nameless = a->pairs_count == 1 && b->pairs_count == 1 && !a->pairs[0].is_named &&
                          !b->pairs[0].is_named;
    if (nameless) {
        return true; /* its name is a key as any other */
    }
    put_missing(a, b, "removed", names);
    put_missing(b, a, "added", names);
    if (buf_len(names) == before) {
        CHECK(a->pairs_count == b->pairs_count); /* names are not doubled */
        put_moved(a, b, names);
    }
    return buf_len(names) == before;
}

bool
conf_reload_check(const struct conf *old_conf, const struct conf *new_conf, struct buf *names)
{
    const size_t before = buf_len(names);
    const uint32_t pairs = pairs_check(old_conf, new_conf, names) ? new_conf->pairs_count : 0;
    for (size_t i = 0; i < conf_entries_count(pairs); i++) {
        const struct conf_entry entry = conf_entry_at(i);
        if (!entry.key->live && !values_equal(old_conf, new_conf, &entry)) {
            put_comma(names);
            entry_name_put(new_conf, &entry, names);
        }
    }
    return buf_len(names) == before;
}

bool
conf_equal(const struct conf *a, const struct conf *b, const char *prefix)
{
    for (size_t i = 0; i < conf_entries_count(0); i++) {
        const struct conf_entry entry = conf_entry_at(i);
        if (strncmp(entry.key->name, prefix, strlen(prefix)) == 0 && !values_equal(a, b, &entry)) {
            return false;
        }
    }
    return true;
}

/* ---- SET ---- */

static bool
entry_for_set(const struct conf *c, const char *name, struct conf_entry *entry, struct err *err)
{
    if (!entry_name_find(c, name, entry)) {
        (void)err_set(err, SQLSTATE_UNDEFINED_OBJECT, "there is no key \"%s\"", name);
        return err_hint(err, "SHOW CONFIG lists them.");
    }
    if (!entry->key->live) {
        (void)err_set(err, SQLSTATE_CANNOT_CHANGE_NOW, "%s cannot change while teal runs", name);
        return err_hint(err, "Change the configuration file and restart teal.");
    }
    return true;
}

static bool
value_set(struct conf *c, const struct conf_entry *entry, const char *text, struct err *err)
{
    void *field = conf_field(c, entry);
    const struct value_limits limits = conf_key_limits(entry->key);
    if (entry->key->type == VALUE_LIST) {
        value_fini(VALUE_LIST, field); /* parsing adds to a list */
    }
    return value_parse(entry->key->type, &limits, text, field, err);
}

/* What a copy lacks, and whether it makes sense. */
static bool
whole_check(struct conf *c, struct err *err)
{
    struct conf_origin *origin = xcalloc(1, sizeof(*origin));
    struct conf_mistakes mistakes = {0};
    origin->path = c->path;
    databases_resolve(c, origin, &mistakes);
    conf_hooks_check(c, origin, &mistakes);
    const bool ok = mistakes.count == 0;
    if (!ok) {
        (void)err_set(err, SQLSTATE_INVALID_PARAMETER, "%s", mistakes.items[0].text);
    }
    conf_mistakes_fini(&mistakes);
    mem_free(origin);
    return ok;
}

struct conf *
conf_with(const struct conf *c, const char *name, const char *text, struct err *err)
{
    struct conf_entry entry;
    if (!entry_for_set(c, name, &entry, err)) {
        return NULL;
    }
    struct conf *copy = conf_copy(c);
    struct err why;
    err_clear(&why);
    if (!value_set(copy, &entry, text, &why) || !whole_check(copy, &why)) {
        (void)err_set(err, SQLSTATE_INVALID_PARAMETER, "%s: %.600s", name, why.text);
        conf_unref(copy);
        return NULL;
    }
    return copy;
}
