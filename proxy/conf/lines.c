/* lines.c — the lines of teal.ini. See lines.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "conf/lines.h"

#include <stdio.h>
#include <string.h>

#include "conf/nearest.h"

enum { SECTION_NAME_SIZE = 32 };

#define mistake(l, ...) conf_mistake_add((l)->mistakes, (l)->path, (l)->number, __VA_ARGS__)

void
lines_init(struct lines *l, struct slice text, const char *path, struct conf_mistakes *mistakes)
{
    *l = (struct lines){.path = path, .mistakes = mistakes, .rest = text};
}

static bool
is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static struct slice
trimmed(struct slice s)
{
    while (s.len > 0 && is_blank(s.p[0])) {
        s = slice_of(s.p + 1, s.len - 1);
    }
    while (s.len > 0 && is_blank(s.p[s.len - 1])) {
        s.len--;
    }
    return s;
}

static bool
is_comment(struct slice s)
{
    return s.len > 0 && (s.p[0] == ';' || s.p[0] == '#');
}

static bool
has_control_byte(struct slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        if ((s.p[i] < 0x20 && s.p[i] != '\t') || s.p[i] == 0x7f) {
            return true;
        }
    }
    return false;
}

/* Takes a line off the text into l->now. */
static void
line_take(struct lines *l)
{
    CHECK(l->rest.len > 0);
    const uint8_t *end = memchr(l->rest.p, '\n', l->rest.len);
    const size_t len = end == NULL ? l->rest.len : (size_t)(end - l->rest.p);
    const size_t skip = end == NULL ? len : len + 1;
    struct slice line = slice_of(l->rest.p, len);
    l->rest = slice_of(l->rest.p + skip, l->rest.len - skip);
    l->number++;
    if (l->number == 1 && line.len >= 3 && memcmp(line.p, "\xef\xbb\xbf", 3) == 0) {
        line = slice_of(line.p + 3, line.len - 3); /* the byte order mark of some editors */
    }
    l->now = trimmed(line);
}

static void
section_unknown(struct lines *l, const char *name)
{
    const char *nearest = nearest_section(name);
    if (nearest != NULL) {
        mistake(l, "unknown section [%s]; did you mean [%s]?", name, nearest);
        return;
    }
    mistake(l, "unknown section [%s]; there are [teal], [pair], [blue] and [green]", name);
}

/* "[name]", with nothing but a comment behind it. */
static void
section_enter(struct lines *l)
{
    CHECK(l->now.len > 0 && l->now.p[0] == '[');
    const uint8_t *end = memchr(l->now.p, ']', l->now.len);
    l->section_any = true;
    l->section_known = false;
    if (end == NULL) {
        mistake(l, "a section is written [name]");
        return;
    }
    const size_t name_len = (size_t)(end - l->now.p) - 1;
    const struct slice behind = trimmed(slice_of(end + 1, l->now.len - name_len - 2));
    if (behind.len > 0 && !is_comment(behind)) {
        mistake(l, "unexpected text behind the section's name");
        return;
    }
    char name[SECTION_NAME_SIZE];
    (void)snprintf(name, sizeof(name), "%.*s",
                   (int)(name_len < sizeof(name) ? name_len : sizeof(name)),
                   (const char *)l->now.p + 1);
    l->section_known = conf_section_find(name, &l->section);
    if (!l->section_known) {
        section_unknown(l, name);
    }
}

static bool
value_check(struct lines *l, size_t len_max)
{
    if (!l->section_any) {
        mistake(l, "a key before the first section; begin with [teal]");
        return false;
    }
    if (!l->section_known) {
        return false;
    }
    const uint8_t *equals = memchr(l->now.p, '=', l->now.len);
    const uint8_t *colon = memchr(l->now.p, ':', l->now.len);
    if (equals == NULL || equals == l->now.p || (colon != NULL && colon < equals)) {
        mistake(l, "expected key = value");
        return false;
    }
    if (l->now.len > len_max) {
        mistake(l, "the line has %zu bytes; at most %zu can be read", l->now.len, len_max);
        return false;
    }
    return true;
}

static bool
line_check(struct lines *l, size_t len_max)
{
    if (l->now.len == 0 || is_comment(l->now)) {
        return false;
    }
    if (has_control_byte(l->now)) {
        mistake(l, "the line has a control character");
        return false;
    }
    if (l->now.p[0] == '[') {
        section_enter(l);
        return false;
    }
    return value_check(l, len_max);
}

bool
lines_next(struct lines *l, size_t len_max, bool *is_value)
{
    *is_value = false;
    if (l->rest.len == 0) {
        return false;
    }
    line_take(l);
    *is_value = line_check(l, len_max);
    return true;
}

struct slice
lines_value(const struct lines *l)
{
    const uint8_t *equals = memchr(l->now.p, '=', l->now.len);
    CHECK(equals != NULL);
    const size_t before = (size_t)(equals - l->now.p) + 1;
    return trimmed(slice_of(equals + 1, l->now.len - before));
}
