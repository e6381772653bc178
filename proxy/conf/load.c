/* load.c — a configuration from teal.ini. See load.h.
 *
 *     text -> line_next -> inih -> on_value -> value_parse -> field
 *
 * inih splits a line into key and value. It is built differently on different systems (long lines
 * are cut, indented lines continue a value, a key may stand without a value), and it forgives what
 * should be reported. So its reader here checks each line first (lines.h) and passes on only lines
 * that every build reads alike; one that is passed on and reaches no handler is a mistake. Heads of
 * sections (sections.h) and lines of [databases] (database_line.h) never reach it.
 *
 * One habit of inih remains: "; comment" after a blank ends a value. A secret that would be cut off
 * by that is refused. */
/* SPDX-License-Identifier: PostgreSQL */
#include "conf/load.h"

#include <string.h>

#include <ini.h>

#include "base/file.h"
#include "base/mem.h"
#include "conf/database_line.h"
#include "conf/keys.h"
#include "conf/lines.h"
#include "conf/names.h"
#include "conf/nearest.h"
#include "conf/resolve.h"
#include "conf/sections.h"

enum {
    CONF_FILE_MAX = 1024 * 1024,
    /* What inih needs besides a line: a line feed, a carriage return, a NUL. */
    LINE_SPARE = 3,
};

struct load {
    struct lines lines;
    struct sections sections;
    bool awaited;              /* inih has a line that must reach on_value */
    struct conf *conf;         /* owned until the end of the load */
    struct conf_origin origin; /* of the values so far */
};

#define mistake(l, ...) \
    conf_mistake_add((l)->lines.mistakes, (l)->origin.path, (l)->lines.number, __VA_ARGS__)

/* ---- what inih reads ---- */

/* Reports a line that was passed to inih and reached no handler. */
static void
awaited_check(struct load *l)
{
    if (l->awaited) {
        mistake(l, "expected key = value");
    }
    l->awaited = false;
}

/* Whether inih gets a line, which is no head. */
static bool
value_is_for_inih(struct load *l, size_t len_max)
{
    if (!l->sections.any) {
        mistake(l, "a key before the first section; begin with [teal]");
        return false;
    }
    if (!l->sections.known) {
        return false; /* its section was reported */
    }
    if (l->sections.now == CONF_SECTION_DATABASES) {
        database_line_read(l->conf, l->lines.now, l->lines.number, l->lines.mistakes);
        return false;
    }
    return lines_is_pair(&l->lines, len_max);
}

static bool
line_is_for_inih(struct load *l, enum line_kind kind, size_t len_max)
{
    if (kind == LINE_HEAD) {
        sections_enter(&l->sections, l->lines.head, l->lines.number);
    } else if (kind == LINE_BAD_HEAD) {
        sections_enter_unknown(&l->sections);
    }
    return kind == LINE_VALUE && value_is_for_inih(l, len_max);
}

/* inih's reader. It sees one section without a name, and an empty line for each line that is not
 * for it. */
static char *
line_next(char *str, int num, void *stream)
{
    struct load *l = stream;
    enum line_kind kind = LINE_NOTHING;
    CHECK(num > LINE_SPARE);
    awaited_check(l);
    if (!lines_next(&l->lines, &kind)) {
        return NULL;
    }
    l->awaited = line_is_for_inih(l, kind, (size_t)num - LINE_SPARE);
    const size_t len = l->awaited ? l->lines.now.len : 0;
    memcpy(str, l->lines.now.p, len);
    str[len] = '\n';
    str[len + 1] = '\0';
    return str;
}

/* ---- what inih finds ---- */

static void
key_unknown(struct load *l, const char *name)
{
    char label[SECTION_LABEL_SIZE];
    section_label(l->conf, l->sections.now, l->sections.pair, label);
    for (size_t i = 0; i < CONF_SECTION_DATABASES; i++) {
        if (conf_section_key((enum conf_section)i, name) != NULL) {
            char other[SECTION_LABEL_SIZE];
            section_label(l->conf, (enum conf_section)i, l->sections.pair, other);
            mistake(l, "unknown key \"%s\" in %s; it belongs in %s", name, label, other);
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
value_check(struct load *l, const struct conf_entry *entry, const char *value)
{
    const struct conf_key *key = entry->key;
    const unsigned line = l->origin.lines[entry->number];
    char label[SECTION_LABEL_SIZE];
    section_label(l->conf, entry->section, entry->pair, label);
    if (line != 0 && key->type != VALUE_LIST) {
        mistake(l, "\"%s\" is set twice in %s; first in line %u", key->name, label, line);
        return false;
    }
    if (key->type == VALUE_SECRET && !slice_equal_str(lines_value(&l->lines), value)) {
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
    if (!value_check(l, entry, value)) {
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

/* inih's handler. Some builds add the number of the line, which is known here already. */
#if INI_HANDLER_LINENO
static int
on_value(void *user, const char *section, const char *name, const char *value, int lineno)
#else
static int
on_value(void *user, const char *section, const char *name, const char *value)
#endif
{
#if INI_HANDLER_LINENO
    (void)lineno;
#endif
    struct load *l = user;
    (void)section; /* always "": see line_next */
    if (name == NULL || value == NULL) {
        return 0; /* builds that call for sections, or for keys without a value */
    }
    CHECK(l->awaited && l->sections.known);
    l->awaited = false;
    struct conf_entry entry;
    if (conf_entry_find(l->sections.now, l->sections.pair, name, &entry)) {
        value_set(l, &entry, value);
    } else {
        key_unknown(l, name);
    }
    return 1;
}

/* ---- the whole ---- */

static void
load_text(struct load *l, struct slice text, const char *path, struct conf_mistakes *mistakes)
{
    const size_t before = mistakes->count;
    l->origin.path = path;
    lines_init(&l->lines, text, path, mistakes);
    l->sections = (struct sections){.conf = l->conf, .origin = &l->origin, .mistakes = mistakes};
    const int result = ini_parse_stream(line_next, l, on_value, l);
    awaited_check(l);
    if (result != 0 && mistakes->count == before) {
        conf_mistake_add(mistakes, path, result > 0 ? (unsigned)result : 0,
                         "the file cannot be read as teal.ini");
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
