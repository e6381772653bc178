/* hba.c — which clients may connect, and how they authenticate. See hba.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "auth/hba.h"

#include <string.h>
#include <sys/socket.h>

#include "auth/hba_address.h"
#include "auth/hba_file.h"
#include "base/mem.h"

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

struct rule {
    struct hba_row row;
    enum type type;
    struct hba_field databases;
    struct hba_field users;
    struct hba_address address;
};

struct hba {
    struct rule *rules; /* owned */
    size_t count;
};

static bool
copy_names(struct hba_reading *l, const struct hba_field *from, struct hba_field *to,
           const char *what)
{
    for (size_t i = 0; i < from->count; i++) {
        const struct hba_word *w = &from->words[i];
        if (!w->quoted && (strchr("+/@", w->text[0]) != NULL || strcmp(w->text, "samerole") == 0 ||
                           strcmp(w->text, "samegroup") == 0)) {
            return hba_mistake(l,
                               "%s \"%.60s\": groups, regular expressions and files are not "
                               "supported; write the names",
                               what, w->text);
        }
        to->words = xrealloc(to->words, (to->count + 1) * sizeof(*to->words));
        to->words[to->count++] = (struct hba_word){xstrdup(w->text), w->quoted};
    }
    return true;
}

static bool
parse_option(struct hba_reading *l, const char *text, struct rule *r)
{
    if (strncmp(text, "map=", 4) == 0 && r->row.map == NULL) {
        r->row.map = xstrdup(text + 4);
        return r->row.method == AUTH_TYPE_CERT || r->row.method == AUTH_TYPE_PEER ||
               r->row.clientcert == HBA_CLIENTCERT_VERIFY_FULL ||
               hba_mistake(l, "map is for cert, for peer, and behind clientcert=verify-full");
    }
    if (strcmp(text, "clientcert=verify-ca") == 0) {
        r->row.clientcert = HBA_CLIENTCERT_VERIFY_CA;
    } else if (strcmp(text, "clientcert=verify-full") == 0) {
        r->row.clientcert = HBA_CLIENTCERT_VERIFY_FULL;
    } else {
        return hba_mistake(l, "option \"%.60s\" is not known", text);
    }
    return r->type == TYPE_HOSTSSL || hba_mistake(l, "clientcert is for hostssl rows");
}

/* What could never work, or would not be safe, is said at once. */
static bool
check_method(struct hba_reading *l, const struct rule *r)
{
    const bool local = r->type == TYPE_LOCAL;
    switch (r->row.method) {
    case AUTH_TYPE_CERT:
        return r->type == TYPE_HOSTSSL || hba_mistake(l, "cert is for hostssl rows");
    case AUTH_TYPE_PEER:
        return local || hba_mistake(l, "peer is for local rows");
    case AUTH_TYPE_PASSWORD:
        return local || r->type == TYPE_HOSTSSL ||
               hba_mistake(l, "password sends it in the clear: only in hostssl and local rows");
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
parse_method(struct hba_reading *l, const struct hba_line *line, size_t *at, struct rule *r)
{
    if (*at >= line->count) {
        return hba_mistake(l, "the method is missing");
    }
    const char *name = hba_single(l, &line->fields[*at], "a method");
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
    return hba_mistake(l, "method \"%.60s\" is not supported", name);
}

static bool
parse_type(struct hba_reading *l, const char *name, enum type *out)
{
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        if (name != NULL && strcmp(name, types[i].name) == 0) {
            *out = types[i].type;
            return true;
        }
    }
    return hba_mistake(l, "\"%.60s\" is no type of connection", name == NULL ? "" : name);
}

static bool
parse_rule(struct hba_reading *l, const struct hba_line *line, struct rule *r)
{
    size_t at = 3;
    r->row.line = l->number;
    if (!parse_type(l, hba_single(l, &line->fields[0], "a type"), &r->type)) {
        return false;
    }
    if (line->count < 3) {
        return hba_mistake(l, "database and user are missing");
    }
    if (!copy_names(l, &line->fields[1], &r->databases, "database") ||
        !copy_names(l, &line->fields[2], &r->users, "user") ||
        (r->type != TYPE_LOCAL && !hba_address_take(l, line, &at, &r->address)) ||
        !parse_method(l, line, &at, r)) {
        return false;
    }
    for (; at < line->count; at++) {
        const char *option = hba_single(l, &line->fields[at], "an option");
        if (option == NULL || !parse_option(l, option, r)) {
            return false;
        }
    }
    return true;
}

static void
rule_fini(struct rule *r)
{
    hba_field_fini(&r->databases);
    hba_field_fini(&r->users);
    mem_free(r->row.map);
}

static void
add_rule(struct hba_reading *l, const struct hba_line *line, void *to)
{
    struct hba *h = to;
    struct rule r = {.type = TYPE_NEVER};
    if (h->count == HBA_ROWS_MAX) {
        (void)hba_mistake(l, "more than %d rows", HBA_ROWS_MAX);
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
    struct hba_reading l = {.path = path, .mistakes = mistakes};
    hba_each_line(&l, text, add_rule, h);
    if (l.failed) {
        hba_free(h);
        return NULL;
    }
    return h;
}

struct hba *
hba_load(const char *path, struct buf *mistakes)
{
    struct buf text;
    buf_init(&text);
    struct hba *h = hba_read_file(path, &text, mistakes)
                        ? hba_load_slice(buf_slice(&text), path, mistakes)
                        : NULL;
    buf_fini(&text);
    return h;
}

void
hba_free(struct hba *h)
{
    if (h == NULL) {
        return;
    }
    for (size_t i = 0; i < h->count; i++) {
        rule_fini(&h->rules[i]);
    }
    mem_free(h->rules);
    mem_free(h);
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
database_fits(const struct hba_field *f, const struct hba_question *q)
{
    for (size_t i = 0; i < f->count; i++) {
        const struct hba_word *w = &f->words[i];
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
user_fits(const struct hba_field *f, const char *user)
{
    for (size_t i = 0; i < f->count; i++) {
        const struct hba_word *w = &f->words[i];
        if ((!w->quoted && strcmp(w->text, "all") == 0) || strcmp(w->text, user) == 0) {
            return true;
        }
    }
    return false;
}

const struct hba_row *
hba_find(const struct hba *h, const struct hba_question *q)
{
    struct hba_address client = {.family = AF_UNSPEC};
    if (q->user == NULL || q->database == NULL ||
        (!q->local && (q->address == NULL || !hba_address_parse(q->address, &client)))) {
        return NULL;
    }
    for (size_t i = 0; i < h->count; i++) {
        const struct rule *r = &h->rules[i];
        if (type_fits(r->type, q) && (q->local || hba_address_fits(&r->address, &client)) &&
            database_fits(&r->databases, q) && user_fits(&r->users, q->user)) {
            return &r->row;
        }
    }
    return NULL;
}
