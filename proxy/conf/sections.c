/* sections.c — the sections of a file. See sections.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "conf/sections.h"

#include <stdio.h>
#include <string.h>

#include "conf/conf.h"
#include "conf/names.h"
#include "conf/nearest.h"

/* Of a word in a head; a longer one is cut and means nothing. */
enum { WORD_SIZE = 64 };

struct head {
    char kind[WORD_SIZE];
    char name[WORD_SIZE]; /* "" when there is none */
    unsigned line;
};

#define mistake(s, line, ...) conf_mistake_add((s)->mistakes, (s)->origin->path, line, __VA_ARGS__)

static void
head_split(struct slice text, unsigned line, struct head *out)
{
    const char *p = (const char *)text.p;
    size_t kind = 0;
    while (kind < text.len && p[kind] != ' ' && p[kind] != '\t') {
        kind++;
    }
    size_t gap = kind;
    while (gap < text.len && (p[gap] == ' ' || p[gap] == '\t')) {
        gap++;
    }
    const size_t name = text.len - gap;
    (void)snprintf(out->kind, WORD_SIZE, "%.*s", (int)(kind < WORD_SIZE ? kind : WORD_SIZE), p);
    (void)snprintf(out->name, WORD_SIZE, "%.*s", (int)(name < WORD_SIZE ? name : WORD_SIZE),
                   p + gap);
    out->line = line;
}

/* ---- what a head means ---- */

static void
kind_unknown(struct sections *s, const struct head *head)
{
    const char *nearest = nearest_section(head->kind);
    const char *blank = head->name[0] == '\0' ? "" : " ";
    if (nearest != NULL) {
        mistake(s, head->line, "unknown section [%s%s%s]; did you mean [%s%s%s]?", head->kind,
                blank, head->name, nearest, blank, head->name);
        return;
    }
    mistake(s, head->line,
            "unknown section [%s%s%s]; there are [teal], [pair], [blue], [green] and [databases]",
            head->kind, blank, head->name);
}

/* All sections of pairs have names, or none has. */
static bool
names_mixed(struct sections *s, enum conf_section section, const struct head *head)
{
    const bool named = head->name[0] != '\0';
    if (s->conf->pairs_count == 0 || s->conf->pairs[0].is_named == named) {
        return false;
    }
    const char *word = conf_section_name(section);
    if (s->mixed) {
        return true;
    }
    s->mixed = true;
    if (named) {
        mistake(s, head->line,
                "[%s %s]: the sections before have no name; pairs have names in all of their "
                "sections, or there is one pair without a name",
                word, head->name);
    } else {
        mistake(s, head->line, "[%s] says of no pair; the pairs have names: [%s %s]", word, word,
                s->conf->pairs[0].name);
    }
    return true;
}

/* The pair that the head names, which may be a new one. */
static bool
pair_enter(struct sections *s, enum conf_section section, const struct head *head, uint32_t *out)
{
    struct err err;
    const char *name = head->name[0] == '\0' ? NULL : head->name;
    err_clear(&err);
    if (names_mixed(s, section, head)) {
        return false;
    }
    if (name == NULL && s->conf->pairs_count == 1) {
        *out = 0;
        return true;
    }
    if (name != NULL && !pair_name_check(name, &err)) {
        mistake(s, head->line, "%s", err.text);
        return false;
    }
    if (name != NULL && pair_find(s->conf, name, out)) {
        return true;
    }
    if (s->conf->pairs_count == PAIRS_MAX) {
        mistake(s, head->line, "[%s %s]: there are more than %d pairs", head->kind, head->name,
                PAIRS_MAX);
        return false;
    }
    *out = s->conf->pairs_count;
    (void)conf_pair_add(s->conf, name);
    return true;
}

static bool
pair_section_enter(struct sections *s, enum conf_section section, const struct head *head)
{
    uint32_t pair = 0;
    if (!pair_enter(s, section, head, &pair)) {
        return false;
    }
    unsigned *line = &s->origin->heads[pair][section];
    if (*line != 0 && s->conf->pairs[pair].is_named) {
        mistake(s, head->line, "[%s %s] stands there twice; first in line %u", head->kind,
                head->name, *line);
        return false;
    }
    *line = *line == 0 ? head->line : *line;
    s->pair = pair;
    return true;
}

void
sections_enter(struct sections *s, struct slice text, unsigned line)
{
    struct head head;
    head_split(text, line, &head);
    sections_enter_unknown(s);
    enum conf_section section = CONF_SECTION_TEAL;
    if (!conf_section_find(head.kind, &section)) {
        kind_unknown(s, &head);
        return;
    }
    if (conf_section_is_of_pair(section)) {
        s->known = pair_section_enter(s, section, &head);
        s->broken = s->broken || !s->known;
    } else if (head.name[0] != '\0') {
        mistake(s, line, "[%s %s]: [%s] takes no name", head.kind, head.name, head.kind);
    } else {
        s->known = true;
        s->pair = 0;
    }
    s->now = section;
}

void
sections_enter_unknown(struct sections *s)
{
    s->any = true;
    s->known = false;
}

/* ---- the whole ---- */

static unsigned
first_line(const struct sections *s, uint32_t pair, enum conf_section *section)
{
    const unsigned *heads = s->origin->heads[pair];
    *section = heads[CONF_SECTION_GREEN] != 0 ? CONF_SECTION_GREEN : CONF_SECTION_BLUE;
    if (heads[CONF_SECTION_BLUE] != 0 && heads[CONF_SECTION_BLUE] < heads[*section]) {
        *section = CONF_SECTION_BLUE;
    }
    return heads[*section];
}

/* The declared pair whose name is nearest. */
static const char *
nearest_pair(const struct sections *s, const char *name)
{
    struct nearest n = {.name = name};
    for (uint32_t i = 0; i < s->conf->pairs_count; i++) {
        if (s->origin->heads[i][CONF_SECTION_PAIR] != 0) {
            nearest_try(&n, s->conf->pairs[i].name);
        }
    }
    return n.nearest;
}

static void
pair_unknown(const struct sections *s, uint32_t pair)
{
    enum conf_section section = CONF_SECTION_BLUE;
    const char *name = s->conf->pairs[pair].name;
    const unsigned line = first_line(s, pair, &section);
    const char *word = conf_section_name(section);
    const char *nearest = nearest_pair(s, name);
    if (nearest != NULL) {
        mistake(s, line, "[%s %s]: there is no [pair %s]; did you mean [%s %s]?", word, name, name,
                word, nearest);
        return;
    }
    mistake(s, line, "[%s %s]: there is no [pair %s]", word, name, name);
}

static void
sides_check(const struct sections *s, uint32_t pair)
{
    const unsigned *heads = s->origin->heads[pair];
    for (size_t side = 0; side < SIDES_COUNT; side++) {
        const enum conf_section section = conf_section_of((enum side)side);
        if (heads[section] == 0) {
            mistake(s, heads[CONF_SECTION_PAIR], "[pair %s] has no [%s %s]",
                    s->conf->pairs[pair].name, conf_section_name(section),
                    s->conf->pairs[pair].name);
        }
    }
}

void
sections_end(struct sections *s)
{
    const size_t before = s->mistakes->count;
    if (s->conf->pairs_count == 0) {
        (void)conf_pair_add(s->conf, NULL);
    }
    for (uint32_t i = 0; i < s->conf->pairs_count; i++) {
        if (!s->conf->pairs[i].is_named) {
            continue; /* every section of it may be missing */
        }
        if (s->origin->heads[i][CONF_SECTION_PAIR] == 0) {
            pair_unknown(s, i);
        } else {
            sides_check(s, i);
        }
    }
    s->broken = s->broken || s->mistakes->count > before;
}
