/* lines.c — the lines of teal.ini. See lines.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "conf/lines.h"

#include <string.h>

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

/* "[name]", with nothing but a comment behind it. */
static enum line_kind
head_check(struct lines *l)
{
    CHECK(l->now.len > 0 && l->now.p[0] == '[');
    const uint8_t *end = memchr(l->now.p, ']', l->now.len);
    if (end == NULL) {
        mistake(l, "a section is written [name]");
        return LINE_BAD_HEAD;
    }
    const size_t name_len = (size_t)(end - l->now.p) - 1;
    const struct slice behind = trimmed(slice_of(end + 1, l->now.len - name_len - 2));
    if (behind.len > 0 && !is_comment(behind)) {
        mistake(l, "unexpected text behind the section's name");
        return LINE_BAD_HEAD;
    }
    l->head = trimmed(slice_of(l->now.p + 1, name_len));
    return LINE_HEAD;
}

static enum line_kind
line_check(struct lines *l)
{
    if (l->now.len == 0 || is_comment(l->now)) {
        return LINE_NOTHING;
    }
    if (has_control_byte(l->now)) {
        mistake(l, "the line has a control character");
        return LINE_NOTHING;
    }
    return l->now.p[0] == '[' ? head_check(l) : LINE_VALUE;
}

bool
lines_next(struct lines *l, enum line_kind *kind)
{
    *kind = LINE_NOTHING;
    if (l->rest.len == 0) {
        return false;
    }
    line_take(l);
    *kind = line_check(l);
    return true;
}

bool
lines_is_pair(struct lines *l, size_t len_max)
{
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

struct slice
lines_value(const struct lines *l)
{
    const uint8_t *equals = memchr(l->now.p, '=', l->now.len);
    CHECK(equals != NULL);
    const size_t before = (size_t)(equals - l->now.p) + 1;
    return trimmed(slice_of(equals + 1, l->now.len - before));
}
