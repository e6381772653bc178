/* load.c — a configuration from teal.ini. See load.h.
 *
 *     text -> lines_next -> sections_enter
 *                        -> database_line_read
 *                        -> value_take -> value_parse -> field
 *
 * No library splits the lines: the one at hand reads at most 197 bytes of a line, which a list of
 * servers or databases needs more of, and forgives what should be reported. */
/* SPDX-License-Identifier: PostgreSQL */
#include "conf/load.h"

#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "conf/database_line.h"
#include "conf/keys.h"
#include "conf/lines.h"
#include "conf/names.h"
#include "conf/nearest.h"
#include "conf/resolve.h"
#include "conf/sections.h"

enum { CONF_FILE_MAX = 1024 * 1024 };

struct load {
    struct lines lines;
    struct sections sections;
    struct conf *conf;         /* owned until the end of the load */
    struct conf_origin origin; /* of the values so far */
};

#define mistake(l, ...) \
    conf_mistake_add((l)->lines.mistakes, (l)->origin.path, (l)->lines.number, __VA_ARGS__)

/* ---- a value ---- */

static void
key_unknown(struct load *l, const char *name)
{
    char label[SECTION_LABEL_SIZE];
    section_label(l->conf, l->sections.now, l->sections.pair, label);
    for (size_t i = 0; i < CONF_SECTION_DATABASES; i++) {
        if (conf_section_key((enum conf_section)i, name) != NULL) {
            char other[SECTION_LABEL_SIZE];
            section_label(l->conf, (enum conf_section)i, l->sections.pair, other);
            mistake(l, "unknown key \"%s\" in %s; it belongs into %s", name, label, other);
            return;
        }
    }
    const char *nearest = nearest_key(l->sections.now, name);
    if (nearest == NULL) {
        mistake(l, "unknown key \"%.64s\" in %s", name, label);
        return;
    }
    mistake(l, "unknown key \"%s\" in %s; did you mean \"%s\"?", name, label, nearest);
}

/* Whether the value may be taken. */
static bool
value_check(struct load *l, const struct conf_entry *entry)
{
    const struct conf_key *key = entry->key;
    const unsigned line = l->origin.lines[entry->number];
    char label[SECTION_LABEL_SIZE];
    section_label(l->conf, entry->section, entry->pair, label);
    if (line != 0 && key->type != VALUE_LIST) {
        mistake(l, "\"%s\" is set twice in %s; first in line %u", key->name, label, line);
        return false;
    }
    if (key->type == VALUE_SECRET && l->lines.has_comment) {
        mistake(l,
                "%s: a secret with \" ;\" in it would be cut off there as a comment; put it "
                "into a file of its own",
                key->name);
        return false;
    }
    if (entry->section == CONF_SECTION_PAIR && strcmp(key->name, "name") == 0 &&
        l->conf->pairs[entry->pair].is_named) {
        mistake(l, "name: the pair has its name from its section, %s", label);
        return false;
    }
    return true;
}

static void
value_set(struct load *l, const struct conf_entry *entry, const char *value)
{
    const struct conf_key *key = entry->key;
    unsigned *line = &l->origin.lines[entry->number];
    if (!value_check(l, entry)) {
        return;
    }
    void *field = conf_field(l->conf, entry);
    if (*line == 0 && key->type == VALUE_LIST) {
        value_fini(VALUE_LIST, field); /* the default goes; further lines add up */
    }
    struct err err;
    err_clear(&err);
    *line = l->lines.number;
    const struct value_limits limits = conf_key_limits(key);
    if (!value_parse(key->type, &limits, value, field, &err)) {
        mistake(l, "%s: %s", key->name, err.text);
    }
}

/* A line of the form "key = value", in a section that has keys. */
static void
value_take(struct load *l)
{
    struct slice key;
    struct slice value;
    struct conf_entry entry;
    if (!lines_split(&l->lines, &key, &value)) {
        return;
    }
    char *name = xstrndup((const char *)key.p, key.len);
    char *text = xstrndup((const char *)value.p, value.len);
    if (conf_entry_find(l->sections.now, l->sections.pair, name, &entry)) {
        value_set(l, &entry, text);
    } else {
        key_unknown(l, name);
    }
    mem_free(name);
    mem_wipe_free(text, value.len); /* it may have been a secret */
}

/* ---- the whole ---- */

/* A line that says something, in the section that it stands in. */
static void
content_take(struct load *l)
{
    if (!l->sections.any) {
        mistake(l, "a key before the first section; begin with [teal]");
    } else if (!l->sections.known) {
        return; /* its section was reported */
    } else if (l->sections.now == CONF_SECTION_DATABASES) {
        database_line_read(l->conf, l->lines.now, l->lines.number, l->lines.mistakes);
    } else {
        value_take(l);
    }
}

static void
line_take(struct load *l, enum line_kind kind)
{
    switch (kind) {
    case LINE_NOTHING:
        break;
    case LINE_HEAD:
        sections_enter(&l->sections, l->lines.head, l->lines.number);
        break;
    case LINE_BAD_HEAD:
        sections_enter_unknown(&l->sections);
        break;
    case LINE_VALUE:
        content_take(l);
        break;
    }
}

static void
load_text(struct load *l, struct slice text, const char *path, struct conf_mistakes *mistakes)
{
    const size_t before = mistakes->count;
    enum line_kind kind = LINE_NOTHING;
    l->origin.path = path;
    lines_init(&l->lines, text, path, mistakes);
    l->sections = (struct sections){.conf = l->conf, .origin = &l->origin, .mistakes = mistakes};
    while (lines_next(&l->lines, &kind)) {
        line_take(l, kind);
    }
    sections_end(&l->sections);
    if (!l->sections.broken) { /* else more would only follow from it */
        conf_resolve(l->conf, &l->origin, mistakes);
    }
    conf_mistakes_sort(mistakes, before);
}

static struct conf *
slice_load(struct slice text, const char *path, struct conf_mistakes *mistakes)
{
    const size_t before = mistakes->count;
    struct load *l = xcalloc(1, sizeof(*l));
    l->conf = conf_new(path);
    load_text(l, text, path, mistakes);
    struct conf *conf = l->conf;
    mem_free(l);
    CHECK(mistakes->count >= before);
    if (mistakes->count > before) {
        conf_unref(conf);
        return NULL;
    }
    return conf;
}

struct conf *
conf_load_string(const char *text, const char *path, struct conf_mistakes *mistakes)
{
    return slice_load(slice_of_str(text), path, mistakes);
}

struct conf *
conf_load(const char *path, struct conf_mistakes *mistakes)
{
    struct buf text;
    struct err err;
    struct conf *conf = NULL;
    buf_init(&text);
    err_clear(&err);
    if (file_read(path, CONF_FILE_MAX, &text, &err)) {
        conf = slice_load(buf_slice(&text), path, mistakes);
    } else {
        conf_mistake_add(mistakes, path, 0, "%s", err.text);
    }
    if (text.data != NULL) {
        explicit_bzero(text.data, text.size);
    }
    buf_fini(&text);
    return conf;
}
