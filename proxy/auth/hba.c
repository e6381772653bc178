/* hba.c — who may come from where, and how they prove it. See hba.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "auth/hba.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"

enum { FILE_MAX = 4 * 1024 * 1024, ROWS_MAX = 10000, WORDS_MAX = 1000, FIELDS_MAX = 12 };

/* ---- words of a line ---- */

struct word {
    char *text;  /* owned */
    bool quoted; /* it means itself, whatever it says */
};

/* Between blanks: words with commas between. */
struct field {
    struct word *words; /* owned */
    size_t count;
};

struct line {
    struct field fields[FIELDS_MAX];
    size_t count;
};

struct load {
    const char *path; /* borrowed */
    unsigned number;  /* of the line */
    struct buf *mistakes;
    bool failed;
};

static bool PRINTF_LIKE(2, 3) mistake(struct load *l, const char *fmt, ...)
{
    char text[256];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    buf_printf(l->mistakes, "%s:%u: %s\n", l->path, l->number, text);
    l->failed = true;
    return false;
}

static void
field_fini(struct field *f)
{
    for (size_t i = 0; i < f->count; i++) {
        mem_free(f->words[i].text);
    }
    mem_free(f->words);
    *f = (struct field){NULL, 0};
}

static void
line_fini(struct line *line)
{
    for (size_t i = 0; i < line->count; i++) {
        field_fini(&line->fields[i]);
    }
    line->count = 0;
}

static bool
is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static void
skip_blanks(struct slice *in)
{
    while (in->len > 0 && is_blank(in->p[0])) {
        *in = slice_of(in->p + 1, in->len - 1);
    }
}

/* One word: up to a blank, a comma or a comment, unless within quotes; "" within quotes is one. */
static bool
take_word(struct load *l, struct slice *in, struct word *out)
{
    char *text = xcalloc(1, in->len + 1);
    size_t len = 0;
    size_t at = 0;
    bool inside = false;
    bool quoted = false;
    for (; at < in->len; at++) {
        const uint8_t c = in->p[at];
        if (!inside && (is_blank(c) || c == ',' || c == '#')) {
            break;
        }
        if (c != '"') {
            text[len++] = (char)c;
            continue;
        }
        if (inside && at + 1 < in->len && in->p[at + 1] == '"') {
            text[len++] = '"';
            at++;
            continue;
        }
        inside = !inside;
        quoted = true;
    }
    *in = slice_of(in->p + at, in->len - at);
    *out = (struct word){text, quoted};
    if (inside || strlen(text) != len) {
        mem_free(text);
        return mistake(l, inside ? "a quote that does not end" : "a zero byte in the line");
    }
    return true;
}

static bool
take_field(struct load *l, struct slice *in, struct field *f)
{
    *f = (struct field){NULL, 0};
    for (;;) {
        struct word word;
        if (f->count == WORDS_MAX) {
            return mistake(l, "more than %d words in a list", WORDS_MAX);
        }
        if (!take_word(l, in, &word)) {
            return false;
        }
        if (word.text[0] != '\0' || word.quoted) {
            f->words = xrealloc(f->words, (f->count + 1) * sizeof(*f->words));
            f->words[f->count++] = word;
        } else {
            mem_free(word.text);
        }
        skip_blanks(in);
        if (in->len == 0 || in->p[0] != ',') {
            return f->count > 0 || mistake(l, "a list without a word");
        }
        *in = slice_of(in->p + 1, in->len - 1);
        skip_blanks(in);
    }
}

/* True for a line that says something. */
static bool
take_line(struct load *l, struct slice in, struct line *line)
{
    line->count = 0;
    for (skip_blanks(&in); in.len > 0 && in.p[0] != '#'; skip_blanks(&in)) {
        if (line->count == FIELDS_MAX) {
            return mistake(l, "more than %d columns", FIELDS_MAX);
        }
        if (!take_field(l, &in, &line->fields[line->count++])) {
            return false;
        }
    }
    return line->count > 0;
}

typedef void line_fn(struct load *l, const struct line *line, void *to);

static void
each_line(struct load *l, struct slice text, line_fn *fn, void *to)
{
    while (text.len > 0) {
        struct line line;
        const uint8_t *end = memchr(text.p, '\n', text.len);
        const size_t len = end == NULL ? text.len : (size_t)(end - text.p);
        l->number++;
        if (take_line(l, slice_of(text.p, len), &line)) {
            fn(l, &line, to);
        }
        line_fini(&line);
        const size_t skip = end == NULL ? len : len + 1;
        text = slice_of(text.p + skip, text.len - skip);
    }
}

/* The only word of the field; NULL with a mistake for a list. */
static const char *
single(struct load *l, const struct field *f, const char *what)
{
    if (f->count != 1) {
        (void)mistake(l, "%s cannot be a list", what);
        return NULL;
    }
    return f->words[0].text;
}

/* ---- rows ---- */

enum type { TYPE_LOCAL, TYPE_HOST, TYPE_HOSTSSL, TYPE_HOSTNOSSL, TYPE_NEVER };

static const struct {
    const char *name;
    enum type type;
} types[] = {
    {"local", TYPE_LOCAL},         {"host", TYPE_HOST},        {"hostssl", TYPE_HOSTSSL},
    {"hostnossl", TYPE_HOSTNOSSL}, {"hostgssenc", TYPE_NEVER}, {"hostnogssenc", TYPE_HOST},
};

static const struct {
    enum auth_type type;
    const char *name;
} methods[] = {
#define METHOD(type, name) {type, name},
    AUTH_TYPE_ROW_VALUES(METHOD)
#undef METHOD
};

struct address {
    bool any;
    int family;
    uint8_t bytes[16];
    unsigned bits; /* that count, from the front */
};

struct rule {
    struct hba_row row;
    enum type type;
    struct field databases;
    struct field users;
    struct address address;
};

struct hba {
    atomic_uint refs;
    struct rule *rules; /* owned */
    size_t count;
};

static bool
address_parse(const char *text, struct address *out)
{
    out->family = strchr(text, ':') == NULL ? AF_INET : AF_INET6;
    return inet_pton(out->family, text, out->bytes) == 1;
}

static unsigned
bits_max(const struct address *a)
{
    return a->family == AF_INET ? 32 : 128;
}

/* 255.255.0.0 is 16; -1 for a mask with a hole. */
static int
bits_of_mask(const struct address *mask)
{
    unsigned bits = 0;
    bool ended = false;
    for (unsigned i = 0; i < bits_max(mask); i++) {
        const bool set = (mask->bytes[i / 8] >> (7 - i % 8) & 1) != 0;
        if (set && ended) {
            return -1;
        }
        ended = ended || !set;
        bits += set ? 1 : 0;
    }
    return (int)bits;
}

static bool
parse_bits(const char *text, unsigned max, unsigned *out)
{
    const size_t len = strspn(text, "0123456789");
    *out = 0;
    if (len == 0 || len > 3 || text[len] != '\0') {
        return false;
    }
    for (; *text != '\0'; text++) {
        *out = *out * 10 + (unsigned)(*text - '0');
    }
    return *out <= max;
}

static bool
parse_cidr(struct load *l, const char *text, struct address *out)
{
    char host[64];
    const char *slash = strchr(text, '/');
    const size_t len = slash == NULL ? strlen(text) : (size_t)(slash - text);
    if (len >= sizeof(host)) {
        return mistake(l, "\"%.60s\" is no address", text);
    }
    memcpy(host, text, len);
    host[len] = '\0';
    if (!address_parse(host, out)) {
        return mistake(l, "\"%.60s\" is no numeric address; host names are not looked up", text);
    }
    out->bits = bits_max(out);
    return slash == NULL || parse_bits(slash + 1, bits_max(out), &out->bits) ||
           mistake(l, "\"%.60s\" has no valid number of bits", text);
}

/* One column, or two with a mask; *at is left behind them. */
static bool
parse_address(struct load *l, const struct line *line, size_t *at, struct address *out)
{
    if (*at >= line->count) {
        return mistake(l, "the address is missing");
    }
    const char *text = single(l, &line->fields[*at], "an address");
    if (text == NULL) {
        return false;
    }
    (*at)++;
    if (strcmp(text, "all") == 0) {
        out->any = true;
        return true;
    }
    if (strcmp(text, "samehost") == 0 || strcmp(text, "samenet") == 0) {
        return mistake(l, "%s is not supported: write the network", text);
    }
    if (!parse_cidr(l, text, out)) {
        return false;
    }
    if (strchr(text, '/') != NULL) {
        return true;
    }
    struct address mask;
    const char *second = *at < line->count ? single(l, &line->fields[*at], "a mask") : NULL;
    const int bits = second != NULL && address_parse(second, &mask) && mask.family == out->family
                         ? bits_of_mask(&mask)
                         : -1;
    if (bits < 0) {
        return mistake(l, "address \"%.60s\" needs a mask, as /24 or in a column of its own", text);
    }
    out->bits = (unsigned)bits;
    (*at)++;
    return true;
}

static bool
copy_names(struct load *l, const struct field *from, struct field *to, const char *what)
{
    for (size_t i = 0; i < from->count; i++) {
        const struct word *w = &from->words[i];
        if (!w->quoted && (strchr("+/@", w->text[0]) != NULL || strcmp(w->text, "samerole") == 0 ||
                           strcmp(w->text, "samegroup") == 0)) {
            return mistake(l,
                           "%s \"%.60s\": groups, regular expressions and files are not "
                           "supported; write the names",
                           what, w->text);
        }
        to->words = xrealloc(to->words, (to->count + 1) * sizeof(*to->words));
        to->words[to->count++] = (struct word){xstrdup(w->text), w->quoted};
    }
    return true;
}

static bool
parse_option(struct load *l, const char *text, struct rule *r)
{
    if (strncmp(text, "map=", 4) == 0 && r->row.map == NULL) {
        r->row.map = xstrdup(text + 4);
        return r->row.method == AUTH_TYPE_CERT || r->row.method == AUTH_TYPE_PEER ||
               r->row.clientcert == HBA_CLIENTCERT_VERIFY_FULL ||
               mistake(l, "map is for cert, for peer, and behind clientcert=verify-full");
    }
    if (strcmp(text, "clientcert=verify-ca") == 0) {
        r->row.clientcert = HBA_CLIENTCERT_VERIFY_CA;
    } else if (strcmp(text, "clientcert=verify-full") == 0) {
        r->row.clientcert = HBA_CLIENTCERT_VERIFY_FULL;
    } else {
        return mistake(l, "option \"%.60s\" is not known", text);
    }
    return r->type == TYPE_HOSTSSL || mistake(l, "clientcert is for hostssl rows");
}

/* What could never work, or would not be safe, is said at once. */
static bool
check_method(struct load *l, const struct rule *r)
{
    const bool local = r->type == TYPE_LOCAL;
    switch (r->row.method) {
    case AUTH_TYPE_CERT:
        return r->type == TYPE_HOSTSSL || mistake(l, "cert is for hostssl rows");
    case AUTH_TYPE_PEER:
        return local || mistake(l, "peer is for local rows");
    case AUTH_TYPE_PASSWORD:
        return local || r->type == TYPE_HOSTSSL ||
               mistake(l, "password sends it in the clear: only in hostssl and local rows");
    case AUTH_TYPE_TRUST:
    case AUTH_TYPE_REJECT:
    case AUTH_TYPE_SCRAM_SHA_256:
    case AUTH_TYPE_MD5:
    case AUTH_TYPE_HBA:
        return true;
    }
    UNREACHABLE();
}

static bool
parse_method(struct load *l, const struct line *line, size_t *at, struct rule *r)
{
    if (*at >= line->count) {
        return mistake(l, "the method is missing");
    }
    const char *name = single(l, &line->fields[*at], "a method");
    if (name == NULL) {
        return false;
    }
    (*at)++;
    for (size_t i = 0; i < COUNT_OF(methods); i++) {
        if (strcmp(name, methods[i].name) == 0) {
            r->row.method = methods[i].type;
            return check_method(l, r);
        }
    }
    return mistake(l, "method \"%.60s\" is not supported", name);
}

static bool
parse_type(struct load *l, const char *name, enum type *out)
{
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        if (name != NULL && strcmp(name, types[i].name) == 0) {
            *out = types[i].type;
            return true;
        }
    }
    return mistake(l, "\"%.60s\" is no type of connection", name == NULL ? "" : name);
}

static bool
parse_rule(struct load *l, const struct line *line, struct rule *r)
{
    size_t at = 3;
    r->row.line = l->number;
    if (!parse_type(l, single(l, &line->fields[0], "a type"), &r->type)) {
        return false;
    }
    if (line->count < 3) {
        return mistake(l, "database and user are missing");
    }
    if (!copy_names(l, &line->fields[1], &r->databases, "database") ||
        !copy_names(l, &line->fields[2], &r->users, "user") ||
        (r->type != TYPE_LOCAL && !parse_address(l, line, &at, &r->address)) ||
        !parse_method(l, line, &at, r)) {
        return false;
    }
    for (; at < line->count; at++) {
        const char *option = single(l, &line->fields[at], "an option");
        if (option == NULL || !parse_option(l, option, r)) {
            return false;
        }
    }
    return true;
}

static void
rule_fini(struct rule *r)
{
    field_fini(&r->databases);
    field_fini(&r->users);
    mem_free(r->row.map);
}

static void
add_rule(struct load *l, const struct line *line, void *to)
{
    struct hba *h = to;
    struct rule r = {.type = TYPE_NEVER};
    if (h->count == ROWS_MAX) {
        (void)mistake(l, "more than %d rows", ROWS_MAX);
        return;
    }
    if (!parse_rule(l, line, &r)) {
        rule_fini(&r);
        return;
    }
    h->rules = xrealloc(h->rules, (h->count + 1) * sizeof(*h->rules));
    h->rules[h->count++] = r;
}

struct hba *
hba_load_slice(struct slice text, const char *path, struct buf *mistakes)
{
    struct hba *h = xcalloc(1, sizeof(*h));
    struct load l = {.path = path, .mistakes = mistakes};
    atomic_init(&h->refs, 1);
    each_line(&l, text, add_rule, h);
    if (l.failed) {
        hba_unref(h);
        return NULL;
    }
    return h;
}

/* Whether the file could be read; else a mistake. */
static bool
read_file(const char *path, struct buf *text, struct buf *mistakes)
{
    struct err err;
    if (!file_read(path, FILE_MAX, text, &err)) {
        buf_printf(mistakes, "%s:0: %s\n", path, err.text);
        return false;
    }
    return true;
}

struct hba *
hba_load(const char *path, struct buf *mistakes)
{
    struct buf text;
    buf_init(&text);
    struct hba *h =
        read_file(path, &text, mistakes) ? hba_load_slice(buf_slice(&text), path, mistakes) : NULL;
    buf_fini(&text);
    return h;
}

struct hba *
hba_ref(struct hba *h)
{
    CHECK(atomic_fetch_add_explicit(&h->refs, 1, memory_order_relaxed) > 0);
    return h;
}

void
hba_unref(struct hba *h)
{
    if (h == NULL || atomic_fetch_sub_explicit(&h->refs, 1, memory_order_acq_rel) > 1) {
        return;
    }
    for (size_t i = 0; i < h->count; i++) {
        rule_fini(&h->rules[i]);
    }
    mem_free(h->rules);
    mem_free(h);
}

size_t
hba_count(const struct hba *h)
{
    return h->count;
}

/* ---- which row fits ---- */

static bool
type_fits(enum type type, const struct hba_question *q)
{
    switch (type) {
    case TYPE_LOCAL:
        return q->local;
    case TYPE_HOST:
        return !q->local;
    case TYPE_HOSTSSL:
        return !q->local && q->tls;
    case TYPE_HOSTNOSSL:
        return !q->local && !q->tls;
    case TYPE_NEVER:
        return false;
    }
    UNREACHABLE();
}

/* A physical replication connection has no database: only the word for it fits. */
static bool
database_fits(const struct field *f, const struct hba_question *q)
{
    for (size_t i = 0; i < f->count; i++) {
        const struct word *w = &f->words[i];
        const bool keyword = !w->quoted;
        if (q->physical) {
            if (keyword && strcmp(w->text, "replication") == 0) {
                return true;
            }
            continue;
        }
        if ((keyword && strcmp(w->text, "all") == 0) ||
            (keyword && strcmp(w->text, "sameuser") == 0 && strcmp(q->user, q->database) == 0) ||
            ((w->quoted || strcmp(w->text, "replication") != 0) &&
             strcmp(w->text, q->database) == 0)) {
            return true;
        }
    }
    return false;
}

static bool
user_fits(const struct field *f, const char *user)
{
    for (size_t i = 0; i < f->count; i++) {
        const struct word *w = &f->words[i];
        if ((!w->quoted && strcmp(w->text, "all") == 0) || strcmp(w->text, user) == 0) {
            return true;
        }
    }
    return false;
}

static bool
address_fits(const struct address *a, const struct address *client)
{
    if (a->any) {
        return true;
    }
    if (a->family != client->family) {
        return false;
    }
    for (unsigned i = 0; i < a->bits; i++) {
        if (((a->bytes[i / 8] ^ client->bytes[i / 8]) >> (7 - i % 8) & 1) != 0) {
            return false;
        }
    }
    return true;
}

const struct hba_row *
hba_find(const struct hba *h, const struct hba_question *q)
{
    struct address client = {.family = AF_UNSPEC};
    if (q->user == NULL || q->database == NULL ||
        (!q->local && (q->address == NULL || !address_parse(q->address, &client)))) {
        return NULL;
    }
    for (size_t i = 0; i < h->count; i++) {
        const struct rule *r = &h->rules[i];
        if (type_fits(r->type, q) && (q->local || address_fits(&r->address, &client)) &&
            database_fits(&r->databases, q) && user_fits(&r->users, q->user)) {
            return &r->row;
        }
    }
    return NULL;
}

/* ---- user name maps ---- */

struct mapping {
    char *map, *system_name, *user; /* owned */
};

struct ident {
    atomic_uint refs;
    struct mapping *mappings; /* owned */
    size_t count;
};

static void
add_mapping(struct load *l, const struct line *line, void *to)
{
    struct ident *i = to;
    if (line->count != 3 || i->count == ROWS_MAX) {
        (void)mistake(l, line->count != 3 ? "a map, a system name and a user are expected"
                                          : "too many rows");
        return;
    }
    const char *texts[3];
    for (size_t at = 0; at < 3; at++) {
        texts[at] = single(l, &line->fields[at], "a name");
        if (texts[at] == NULL) {
            return;
        }
        if (!line->fields[at].words[0].quoted && strchr("/+@", texts[at][0]) != NULL) {
            (void)mistake(l, "\"%.60s\": regular expressions, groups and files are not supported",
                          texts[at]);
            return;
        }
    }
    i->mappings = xrealloc(i->mappings, (i->count + 1) * sizeof(*i->mappings));
    i->mappings[i->count++] =
        (struct mapping){xstrdup(texts[0]), xstrdup(texts[1]), xstrdup(texts[2])};
}

struct ident *
ident_load_slice(struct slice text, const char *path, struct buf *mistakes)
{
    struct ident *i = xcalloc(1, sizeof(*i));
    struct load l = {.path = path, .mistakes = mistakes};
    atomic_init(&i->refs, 1);
    each_line(&l, text, add_mapping, i);
    if (l.failed) {
        ident_unref(i);
        return NULL;
    }
    return i;
}

struct ident *
ident_load(const char *path, struct buf *mistakes)
{
    struct buf text;
    buf_init(&text);
    struct ident *i = read_file(path, &text, mistakes)
                          ? ident_load_slice(buf_slice(&text), path, mistakes)
                          : NULL;
    buf_fini(&text);
    return i;
}

struct ident *
ident_ref(struct ident *i)
{
    CHECK(atomic_fetch_add_explicit(&i->refs, 1, memory_order_relaxed) > 0);
    return i;
}

void
ident_unref(struct ident *i)
{
    if (i == NULL || atomic_fetch_sub_explicit(&i->refs, 1, memory_order_acq_rel) > 1) {
        return;
    }
    for (size_t at = 0; at < i->count; at++) {
        mem_free(i->mappings[at].map);
        mem_free(i->mappings[at].system_name);
        mem_free(i->mappings[at].user);
    }
    mem_free(i->mappings);
    mem_free(i);
}

bool
ident_allows(const struct ident *i, const char *map, const char *system_name, const char *user)
{
    if (map == NULL) {
        return strcmp(system_name, user) == 0;
    }
    for (size_t at = 0; i != NULL && at < i->count; at++) {
        const struct mapping *m = &i->mappings[at];
        if (strcmp(m->map, map) == 0 && strcmp(m->system_name, system_name) == 0 &&
            strcmp(m->user, user) == 0) {
            return true;
        }
    }
    return false;
}
