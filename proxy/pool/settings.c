/* settings.c — what a client set when it connected. See settings.h.
 *
 * Values are applied by set_config(), not SET: it takes the flat text of a list setting
 * (search_path) as the start-up packet does. Every literal is an E'' string with quotes and
 * backslashes doubled, which reads the same whatever standard_conforming_strings is, and with the
 * bytes beyond ASCII as \xHH: in SJIS, GBK and their like a backslash may be the second half of a
 * letter, and the statement is read in whatever encoding the backend was left in. */
/* SPDX-License-Identifier: PostgreSQL */
#include "pool/settings.h"

#include "base/mem.h"
#include "base/rand.h"

void
settings_table_init(struct settings_table *t)
{
    map_init(&t->by_text, rand_u64());
}

void
settings_table_fini(struct settings_table *t)
{
    CHECK(map_count(&t->by_text) == 0);
    map_fini(&t->by_text);
}

void
settings_draft_init(struct settings_draft *d)
{
    buf_init(&d->text);
}

void
settings_draft_fini(struct settings_draft *d)
{
    buf_fini(&d->text);
}

static bool
next_pair(struct slice *text, struct slice *name, struct slice *value)
{
    return slice_take_cstr(text, name) && slice_take_cstr(text, value);
}

static bool
text_get(struct slice text, struct slice wanted, struct slice *value)
{
    struct slice name;
    while (next_pair(&text, &name, value)) {
        if (slice_equal(name, wanted)) {
            return true;
        }
    }
    return false;
}

static void
put_pair(struct buf *b, struct slice name, struct slice value)
{
    buf_put_slice(b, name);
    buf_put_u8(b, 0);
    buf_put_slice(b, value);
    buf_put_u8(b, 0);
}

/* The draft without the name. */
static void
draft_drop(struct settings_draft *d, struct slice dropped)
{
    struct buf kept;
    struct slice text = buf_slice(&d->text);
    struct slice name;
    struct slice value;
    buf_init(&kept);
    while (next_pair(&text, &name, &value)) {
        if (!slice_equal(name, dropped)) {
            put_pair(&kept, name, value);
        }
    }
    buf_fini(&d->text);
    d->text = kept;
}

/* Names of settings compare without case; the list keeps them in lower case. */
static char *
lower_copy(struct slice name)
{
    char *copy = xstrndup((const char *)name.p, name.len);
    for (char *c = copy; *c != '\0'; c++) {
        if (*c >= 'A' && *c <= 'Z') {
            *c = (char)(*c + ('a' - 'A'));
        }
    }
    return copy;
}

void
settings_draft_set(struct settings_draft *d, struct slice name, struct slice value)
{
    char *lower = lower_copy(name);
    draft_drop(d, slice_of_str(lower));
    put_pair(&d->text, slice_of_str(lower), value);
    mem_free(lower);
}

bool
settings_draft_get(const struct settings_draft *d, const char *name, struct slice *value)
{
    return text_get(buf_slice(&d->text), slice_of_str(name), value);
}

void
settings_draft_remove(struct settings_draft *d, const char *name)
{
    draft_drop(d, slice_of_str(name));
}

/* One word of the options text into out; false at the end. A backslash takes the next byte as it
 * is. */
static bool
next_word(struct slice *in, struct buf *out)
{
    buf_clear(out);
    while (in->len > 0 && (*in->p == ' ' || (*in->p >= '\t' && *in->p <= '\r'))) {
        in->p++;
        in->len--;
    }
    if (in->len == 0) {
        return false;
    }
    while (in->len > 0 && *in->p != ' ' && !(*in->p >= '\t' && *in->p <= '\r')) {
        if (*in->p == '\\') {
            in->p++;
            in->len--;
        }
        if (in->len > 0) { /* a backslash at the very end stands for nothing */
            buf_put_u8(out, *in->p);
            in->p++;
            in->len--;
        }
    }
    return true;
}

/* "name=value"; in a name a dash stands for an underscore, as the server has it. */
static bool
set_assignment(struct settings_draft *d, struct slice word, struct err *err)
{
    size_t at = 0;
    while (at < word.len && word.p[at] != '=') {
        at++;
    }
    if (at == word.len) {
        return err_set(err, SQLSTATE_SYNTAX_ERROR, "-c %.*s requires a value", (int)word.len,
                       (const char *)word.p);
    }
    char *name = xstrndup((const char *)word.p, at);
    for (char *c = name; *c != '\0'; c++) {
        if (*c == '-') {
            *c = '_';
        }
    }
    settings_draft_set(d, slice_of_str(name), slice_of(word.p + at + 1, word.len - at - 1));
    mem_free(name);
    return true;
}

static bool
set_option(struct settings_draft *d, struct slice *options, struct buf *word, struct err *err)
{
    struct slice w = buf_slice(word);
    if (w.len > 2 && w.p[0] == '-' && w.p[1] == '-') {
        return set_assignment(d, slice_of(w.p + 2, w.len - 2), err);
    }
    if (w.len < 2 || w.p[0] != '-' || w.p[1] != 'c') {
        (void)err_set(err, SQLSTATE_FEATURE_NOT_SUPPORTED,
                      "option \"%.*s\" in the startup packet is not supported", (int)w.len,
                      (const char *)w.p);
        return err_hint(err, "Use \"-c name=value\".");
    }
    if (w.len > 2) {
        return set_assignment(d, slice_of(w.p + 2, w.len - 2), err);
    }
    if (!next_word(options, word)) {
        return err_set(err, SQLSTATE_SYNTAX_ERROR, "-c requires a value");
    }
    return set_assignment(d, buf_slice(word), err);
}

bool
settings_draft_options(struct settings_draft *d, struct slice options, struct err *err)
{
    struct buf word;
    bool ok = true;
    buf_init(&word);
    while (ok && next_word(&options, &word)) {
        ok = set_option(d, &options, &word, err);
    }
    buf_fini(&word);
    return ok;
}

struct settings *
settings_intern(struct settings_table *t, struct slice text)
{
    struct settings *s = map_get(&t->by_text, text);
    if (s == NULL) {
        s = xcalloc(1, sizeof(*s));
        s->text = xstrndup((const char *)text.p, text.len);
        s->text_len = text.len;
        (void)map_put(&t->by_text, text, s); /* there was none */
    }
    s->refs++;
    return s;
}

struct slice
settings_text(const struct settings *s)
{
    return slice_of(s->text, s->text_len);
}

void
settings_unref(struct settings_table *t, struct settings *s)
{
    if (s == NULL) {
        return;
    }
    CHECK(s->refs > 0);
    if (--s->refs > 0) {
        return;
    }
    CHECK(map_remove(&t->by_text, settings_text(s)) == s);
    mem_free(s->text);
    mem_free(s);
}

static void
put_literal(struct buf *sql, struct slice value)
{
    buf_put(sql, "E'", 2);
    for (size_t i = 0; i < value.len; i++) {
        const uint8_t c = value.p[i];
        if (c >= 0x80) {
            buf_printf(sql, "\\x%02x", c);
            continue;
        }
        if (c == '\'' || c == '\\') {
            buf_put_u8(sql, c);
        }
        buf_put_u8(sql, c);
    }
    buf_put_u8(sql, '\'');
}

static void
put_reset(struct buf *sql, struct slice name)
{
    buf_put(sql, "RESET \"", 7);
    for (size_t i = 0; i < name.len; i++) {
        if (name.p[i] == '"') {
            buf_put_u8(sql, '"');
        }
        buf_put_u8(sql, name.p[i]);
    }
    buf_put(sql, "\";", 2);
}

void
settings_put_sql(struct buf *sql, const struct settings *from, const struct settings *to)
{
    struct slice name;
    struct slice value;
    struct slice kept;
    struct slice text = settings_text(from);
    while (next_pair(&text, &name, &value)) {
        if (!text_get(settings_text(to), name, &kept)) {
            put_reset(sql, name);
        }
    }
    text = settings_text(to);
    const char *before = "SELECT ";
    while (next_pair(&text, &name, &value)) {
        buf_printf(sql, "%spg_catalog.set_config(", before);
        put_literal(sql, name);
        buf_put(sql, ", ", 2);
        put_literal(sql, value);
        buf_printf(sql, ", false)");
        before = ", ";
    }
}
