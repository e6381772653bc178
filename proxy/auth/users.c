/* users.c — the users file. See users.h.
 *
 * PgBouncer ignores what stands behind the secret, and takes a line that it cannot read as the end
 * of the file. Here each such line is a mistake with its number: a user that silently does not
 * exist is a call in the night. All mistakes are reported, then nothing is taken. */
/* SPDX-License-Identifier: PostgreSQL */
#include "auth/users.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "auth/md5.h"
#include "auth/scram_server.h"
#include "auth/scram_verifier.h"
#include "base/file.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/rand.h"

enum {
    USERS_FILE_MAX = 16 * 1024 * 1024,
    USER_NAME_MAX = 63,     /* a role's name, NAMEDATALEN - 1 */
    USER_SECRET_MAX = 2048, /* as in PgBouncer */
};

struct users {
    atomic_uint refs;
    struct map by_name; /* name -> struct user, owned */
    struct scram_seed seed;
};

/* One load: where it stands and where its mistakes go. */
struct load {
    const char *path;           /* borrowed */
    unsigned line;              /* from 1 */
    const struct users *before; /* borrowed; may be NULL */
    struct users *users;        /* owned until the end of the load */
    struct buf *mistakes;       /* borrowed */
    bool failed;
};

static bool mistake(struct load *l, const char *fmt, ...) PRINTF_LIKE(2, 3);

static bool
mistake(struct load *l, const char *fmt, ...)
{
    va_list args;
    char text[ERR_TEXT_MAX];
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    buf_printf(l->mistakes, "%s:%u: %s\n", l->path, l->line, text);
    l->failed = true;
    return false;
}

/* ---- one user ---- */

static void
user_free(struct user *u)
{
    if (u == NULL) {
        return;
    }
    CHECK(u->name != NULL && u->secret != NULL);
    mem_wipe_free(u->secret, strlen(u->secret));
    mem_wipe_free(u->verifier, sizeof(*u->verifier));
    scram_cache_unref(u->keys);
    mem_free(u->name);
    mem_free(u);
}

static bool
secret_read(struct load *l, struct user *u)
{
    if (u->secret[0] == '\0') {
        u->kind = USER_NO_SECRET;
        return true;
    }
    if (md5_secret_is(u->secret)) {
        u->kind = USER_MD5;
        return true;
    }
    if (!scram_verifier_is(u->secret)) {
        u->kind = USER_PASSWORD;
        return true;
    }
    u->kind = USER_SCRAM;
    u->verifier = xcalloc(1, sizeof(*u->verifier));
    if (!scram_verifier_parse(u->secret, u->verifier)) {
        return mistake(l,
                       "the SCRAM verifier of user \"%s\" is not valid; expected "
                       "SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey",
                       u->name);
    }
    return true;
}

/* The keys of the same user before, if its secret is the same. */
static struct scram_cache *
keys_inherit(const struct load *l, const struct user *u)
{
    const struct user *before = l->before == NULL ? NULL : users_find(l->before, u->name);
    if (before == NULL || strcmp(before->secret, u->secret) != 0) {
        return scram_cache_new();
    }
    return scram_cache_ref(before->keys);
}

/* Takes both texts. */
static bool
user_add(struct load *l, char **name, char **secret)
{
    CHECK(*name != NULL && *secret != NULL);
    struct user *u = xcalloc(1, sizeof(*u));
    u->name = *name;
    u->secret = *secret;
    *name = NULL;
    *secret = NULL;
    u->keys = keys_inherit(l, u);
    bool ok = secret_read(l, u);
    if (users_find(l->users, u->name) != NULL) {
        ok = mistake(l, "user \"%s\" stands in the file twice", u->name);
    }
    if (!ok) {
        user_free(u);
        return false;
    }
    CHECK(map_put(&l->users->by_name, slice_of_str(u->name), u) == NULL);
    return true;
}

/* ---- one line ---- */

static void
blanks_skip(struct slice *in)
{
    while (in->len > 0 && (in->p[0] == ' ' || in->p[0] == '\t' || in->p[0] == '\r')) {
        *in = slice_of(in->p + 1, in->len - 1);
    }
}

static bool
comment_or_empty(struct slice in)
{
    return in.len == 0 || in.p[0] == ';' || in.p[0] == '#';
}

/* Takes "text" off the front, with "" for a quote inside. Gives the text, of at most len_max bytes,
 * or NULL. */
static char *
quoted_take(struct load *l, struct slice *in, const char *what, size_t len_max)
{
    if (in->len == 0 || in->p[0] != '"') {
        (void)mistake(l, "%s in double quotes expected", what);
        return NULL;
    }
    char *text = xcalloc(1, in->len);
    size_t len = 0;
    size_t at = 1;
    for (; at < in->len; at++) {
        if (in->p[at] == '"' && (at + 1 == in->len || in->p[at + 1] != '"')) {
            break;
        }
        at += in->p[at] == '"' ? 1 : 0;
        text[len++] = (char)in->p[at];
    }
    if (at < in->len && len <= len_max) {
        *in = slice_of(in->p + at + 1, in->len - at - 1);
        return text;
    }
    (void)(at < in->len ? mistake(l, "%s is longer than %zu bytes", what, len_max)
                        : mistake(l, "%s has no closing quote", what));
    mem_wipe_free(text, len);
    return NULL;
}

static bool
line_parts(struct load *l, struct slice in, char **name, char **secret)
{
    *name = quoted_take(l, &in, "a user name", USER_NAME_MAX);
    if (*name == NULL) {
        return false;
    }
    if ((*name)[0] == '\0') {
        return mistake(l, "the user name is empty");
    }
    blanks_skip(&in);
    *secret = quoted_take(l, &in, "a secret", USER_SECRET_MAX);
    if (*secret == NULL) {
        return false;
    }
    blanks_skip(&in);
    return comment_or_empty(in) || mistake(l, "unexpected text after the secret");
}

static void
line_read(struct load *l, struct slice in)
{
    blanks_skip(&in);
    if (comment_or_empty(in)) {
        return;
    }
    if (memchr(in.p, '\0', in.len) != NULL) {
        (void)mistake(l, "a zero byte in the line");
        return;
    }
    char *name = NULL;
    char *secret = NULL;
    if (line_parts(l, in, &name, &secret)) {
        (void)user_add(l, &name, &secret); /* its mistake is noted */
    }
    mem_free(name);
    mem_wipe_free(secret, secret == NULL ? 0 : strlen(secret));
}

/* ---- the file ---- */

struct users *
users_load_slice(struct slice text, const char *path, const struct scram_seed *seed,
                 const struct users *before, struct buf *mistakes)
{
    struct users *users = xcalloc(1, sizeof(*users));
    atomic_init(&users->refs, 1);
    map_init(&users->by_name, rand_u64());
    users->seed = *seed;
    struct load l = {
        .path = path, .line = 0, .before = before, .users = users, .mistakes = mistakes};
    while (text.len > 0) {
        const uint8_t *end = memchr(text.p, '\n', text.len);
        const size_t len = end == NULL ? text.len : (size_t)(end - text.p);
        l.line++;
        line_read(&l, slice_of(text.p, len));
        const size_t skip = end == NULL ? len : len + 1;
        text = slice_of(text.p + skip, text.len - skip);
    }
    if (l.failed) {
        users_unref(users);
        return NULL;
    }
    return users;
}

/* As a part of a line of the file. */
static void
put_quoted(struct buf *b, const char *text)
{
    buf_put_u8(b, '"');
    for (; *text != '\0'; text++) {
        if (*text == '"') {
            buf_put_u8(b, '"');
        }
        buf_put_u8(b, (uint8_t)*text);
    }
    buf_put_u8(b, '"');
}

struct users *
users_of_one(const char *name, const char *secret, const char *from, const struct scram_seed *seed,
             const struct users *before, struct buf *mistakes)
{
    struct buf line;
    buf_init(&line);
    put_quoted(&line, name);
    buf_put_u8(&line, ' ');
    put_quoted(&line, secret);
    struct users *users = users_load_slice(buf_slice(&line), from, seed, before, mistakes);
    explicit_bzero(line.data, line.size);
    buf_fini(&line);
    return users;
}

struct users *
users_load(const char *path, const struct scram_seed *seed, const struct users *before,
           struct buf *mistakes)
{
    struct buf text;
    struct err err;
    buf_init(&text);
    err_clear(&err);
    struct users *users = NULL;
    if (file_read(path, USERS_FILE_MAX, &text, &err)) {
        users = users_load_slice(buf_slice(&text), path, seed, before, mistakes);
    } else {
        buf_printf(mistakes, "%s:0: %s\n", path, err.text);
    }
    if (text.data != NULL) {
        explicit_bzero(text.data, text.size);
    }
    buf_fini(&text);
    return users;
}

struct users *
users_ref(struct users *u)
{
    CHECK(atomic_fetch_add_explicit(&u->refs, 1, memory_order_relaxed) > 0);
    return u;
}

void
users_unref(struct users *u)
{
    if (u == NULL) {
        return;
    }
    const unsigned before = atomic_fetch_sub_explicit(&u->refs, 1, memory_order_acq_rel);
    CHECK(before > 0);
    if (before > 1) {
        return;
    }
    size_t at = 0;
    struct user *user = map_next(&u->by_name, &at);
    while (user != NULL) {
        user_free(user);
        user = map_next(&u->by_name, &at);
    }
    map_fini(&u->by_name);
    mem_wipe_free(u, sizeof(*u));
}

size_t
users_count(const struct users *u)
{
    return map_count(&u->by_name);
}

const struct user *
users_find(const struct users *u, const char *name)
{
    return u == NULL ? NULL : map_get(&u->by_name, slice_of_str(name));
}

struct scram_secret
user_scram_secret(const struct user *user)
{
    struct scram_secret secret = {NULL, NULL, NULL};
    if (user == NULL) {
        return secret;
    }
    secret.verifier = user->verifier;
    secret.password = user->kind == USER_PASSWORD ? user->secret : NULL;
    secret.cache = user->keys;
    return secret;
}

void
users_scram_begin(const struct users *u, const char *name, struct scram_server *s)
{
    const struct scram_secret secret = user_scram_secret(users_find(u, name));
    struct scram_seed seed;
    scram_seed_init(&seed);
    scram_server_init(s, &secret, name, u == NULL ? &seed : &u->seed);
}
