/* load.c — from the text of teal.ini to a struct conf, or to all of its mistakes. See conf.h.
 *
 *     text -> line_next -> inih -> on_value -> value_parse -> field
 *
 * inih splits a line into section, key and value. It is built differently on different systems
 * (long lines are cut, indented lines continue a value, a key may stand without a value), and it
 * forgives what should be told. So its reader below looks at each line first, and hands on only
 * lines that every build reads alike; a line that it hands on and that comes to no handler is a
 * mistake.
 *
 * What inih leaves: "; comment" after a blank ends a value. A secret in which that would cut
 * something off is refused instead of being cut. */
/* SPDX-License-Identifier: PostgreSQL */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <ini.h>

#include "base/file.h"
#include "base/mem.h"
#include "conf/conf.h"
#include "conf/keys.h"

enum {
    CONF_FILE_MAX = 1024 * 1024,
    PASSWORD_MAX = 4096,
    SECTION_NAME_SIZE = 32,
    /* What inih needs beside a line: its end, a carriage return, a NUL. */
    LINE_SPARE = 3,
};

struct load {
    const char *path;               /* borrowed */
    struct slice rest;              /* of the text; borrowed */
    struct conf *conf;              /* owned until the end of the load */
    struct conf_mistakes *mistakes; /* borrowed */
    size_t mistakes_before;
    unsigned line;      /* of `now`, from 1 */
    struct slice now;   /* the line that inih has, without blanks around it */
    bool awaited;       /* inih has a line that must come to on_value */
    bool section_known; /* keys of an unknown section are not reported one by one */
    bool section_any;   /* one was seen */
    enum conf_section section;
    /* Where each key was set; 0 while it was not. */
    unsigned lines[CONF_SECTIONS_COUNT][CONF_KEYS_MAX];
};

#define mistake(l, ...) conf_mistake_add((l)->mistakes, (l)->path, (l)->line, __VA_ARGS__)

/* ---- lines ---- */

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

/* Takes a line off the text into l->now; false at the end. */
static bool
line_take(struct load *l)
{
    if (l->rest.len == 0) {
        return false;
    }
    const uint8_t *end = memchr(l->rest.p, '\n', l->rest.len);
    const size_t len = end == NULL ? l->rest.len : (size_t)(end - l->rest.p);
    const size_t skip = end == NULL ? len : len + 1;
    struct slice line = slice_of(l->rest.p, len);
    l->rest = slice_of(l->rest.p + skip, l->rest.len - skip);
    l->line++;
    if (l->line == 1 && line.len >= 3 && memcmp(line.p, "\xef\xbb\xbf", 3) == 0) {
        line = slice_of(line.p + 3, line.len - 3); /* the byte order mark of some editors */
    }
    l->now = trimmed(line);
    return true;
}

static void
section_unknown(struct load *l, const char *name)
{
    const char *nearest = conf_section_nearest(name);
    if (nearest != NULL) {
        mistake(l, "unknown section [%s]; did you mean [%s]?", name, nearest);
        return;
    }
    mistake(l, "unknown section [%s]; there are [teal], [pair], [blue] and [green]", name);
}

/* "[name]", with nothing but a comment behind it. */
static void
section_enter(struct load *l)
{
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

/* Whether the line is "key = value" and may go to inih; its mistake is noted when it is not. */
static bool
value_line_check(struct load *l, size_t len_max)
{
    if (!l->section_any) {
        mistake(l, "a key before the first section; begin with [teal]");
        return false;
    }
    if (!l->section_known) {
        return false; /* the section's mistake is noted already */
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

/* A line that inih was given and made nothing of. */
static void
awaited_check(struct load *l)
{
    if (l->awaited) {
        mistake(l, "expected key = value");
    }
    l->awaited = false;
}

/* Looks at l->now and decides whether inih is to see it. */
static bool
line_wanted(struct load *l, size_t len_max)
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
    return value_line_check(l, len_max);
}

/* inih's reader. Sections are kept here: what inih sees is one section of many keys, and empty
 * lines. */
static char *
line_next(char *str, int num, void *stream)
{
    struct load *l = stream;
    CHECK(num > LINE_SPARE);
    awaited_check(l);
    if (!line_take(l)) {
        return NULL;
    }
    l->awaited = line_wanted(l, (size_t)num - LINE_SPARE);
    const size_t len = l->awaited ? l->now.len : 0;
    memcpy(str, l->now.p, len);
    str[len] = '\n';
    str[len + 1] = '\0';
    return str;
}

/* ---- values ---- */

static void
key_unknown(struct load *l, const char *name)
{
    const char *section = conf_section_name(l->section);
    for (size_t i = 0; i < CONF_SECTIONS_COUNT; i++) {
        const enum conf_section other = (enum conf_section)i;
        if (conf_key_find(other, name) < conf_keys_count()) {
            mistake(l, "unknown key \"%s\" in [%s]; it belongs into [%s]", name, section,
                    conf_section_name(other));
            return;
        }
    }
    const char *nearest = conf_key_nearest(l->section, name);
    if (nearest == NULL) {
        mistake(l, "unknown key \"%.64s\" in [%s]", name, section);
        return;
    }
    mistake(l, "unknown key \"%s\" in [%s]; did you mean \"%s\"?", name, section, nearest);
}

/* Whether inih has handed on all that stands behind the equals sign. */
static bool
value_is_whole(const struct load *l, const char *value)
{
    const uint8_t *equals = memchr(l->now.p, '=', l->now.len);
    CHECK(equals != NULL);
    const size_t before = (size_t)(equals - l->now.p) + 1;
    return slice_equal_str(trimmed(slice_of(equals + 1, l->now.len - before)), value);
}

static void
value_set(struct load *l, size_t index, const char *value)
{
    const struct conf_key *key = conf_key_at(index);
    unsigned *line = &l->lines[l->section][index];
    if (*line != 0 && key->kind != VALUE_LIST) {
        mistake(l, "\"%s\" is set twice in [%s]; first in line %u", key->name,
                conf_section_name(l->section), *line);
        return;
    }
    if (key->kind == VALUE_SECRET && !value_is_whole(l, value)) {
        mistake(l,
                "%s: a secret with \" ;\" in it would be cut off there as a comment; put it "
                "into a file of its own",
                key->name);
        return;
    }
    void *field = conf_field(l->conf, key, l->section);
    if (*line == 0 && key->kind == VALUE_LIST) {
        value_fini(VALUE_LIST, field); /* the default goes; further lines add up */
    }
    struct err err;
    err_clear(&err);
    *line = l->line;
    if (!value_parse(key->kind, &key->limits, value, field, &err)) {
        mistake(l, "%s: %s", key->name, err.text);
    }
}

/* inih's handler. Its line number, where a build has it, is known here already. */
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
    CHECK(l->awaited && l->section_known);
    l->awaited = false;
    const size_t index = conf_key_find(l->section, name);
    if (index == conf_keys_count()) {
        key_unknown(l, name);
        return 1;
    }
    value_set(l, index, value);
    return 1;
}

/* ---- defaults, and what follows from other keys ---- */

static void
defaults_set(struct conf *c, enum conf_section section)
{
    for (size_t i = 0; i < conf_keys_count(); i++) {
        const struct conf_key *key = conf_key_at(i);
        if (!conf_key_in(key, section)) {
            continue;
        }
        struct value_limits limits = key->limits;
        limits.empty_ok = true;
        const char *text = key->default_text == NULL ? "" : key->default_text;
        CHECK(value_parse(key->kind, &limits, text, conf_field(c, key, section), NULL));
    }
}

static struct conf *
conf_new(const char *path)
{
    struct conf *c = xcalloc(1, sizeof(*c));
    atomic_init(&c->refs, 1);
    c->path = xstrdup(path);
    for (size_t i = 0; i < CONF_SECTIONS_COUNT; i++) {
        defaults_set(c, (enum conf_section)i);
    }
    return c;
}

/* Where the key was set; 0 for a default. */
static unsigned
line_of(const struct load *l, enum conf_section section, const char *name)
{
    const size_t index = conf_key_find(section, name);
    CHECK(index < conf_keys_count());
    return l->lines[section][index];
}

static void
required_check(struct load *l, enum conf_section section)
{
    for (size_t i = 0; i < conf_keys_count(); i++) {
        const struct conf_key *key = conf_key_at(i);
        if (conf_key_in(key, section) && key->default_text == NULL && l->lines[section][i] == 0) {
            conf_mistake_add(l->mistakes, l->path, 0, "\"%s\" is missing in [%s]", key->name,
                             conf_section_name(section));
        }
    }
}

/* An open password file: a plain file that nobody but its owner can read. */
static bool
password_file_check(int fd, const char *path, struct err *err)
{
    struct stat st;
    if (fstat(fd, &st) == -1) {
        return err_set_errno(err, SQLSTATE_CONFIG_FILE, "could not look at \"%s\"", path);
    }
    if (!S_ISREG(st.st_mode)) {
        return err_set(err, SQLSTATE_CONFIG_FILE, "\"%s\" is not a plain file", path);
    }
    if ((st.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        return err_set(err, SQLSTATE_CONFIG_FILE,
                       "\"%s\" can be used by others than its owner; chmod 600 it", path);
    }
    return true;
}

/* The first line of a file, of at most PASSWORD_MAX bytes; the caller owns it. */
static char *
password_read(int fd, const char *path, struct err *err)
{
    char text[PASSWORD_MAX + 2];
    const ssize_t n = read(fd, text, sizeof(text) - 1);
    if (n == -1) {
        (void)err_set_errno(err, SQLSTATE_CONFIG_FILE, "could not read \"%s\"", path);
        return NULL;
    }
    text[n] = '\0';
    const size_t len = strcspn(text, "\r\n");
    char *password = NULL;
    if (len == 0 || len > PASSWORD_MAX || (len < (size_t)n && text[len] == '\0')) {
        (void)err_set(err, SQLSTATE_CONFIG_FILE,
                      "the first line of \"%s\" is not a password: empty, longer than %d bytes, or "
                      "with a zero byte",
                      path, (int)PASSWORD_MAX);
    } else {
        password = xstrndup(text, len);
    }
    explicit_bzero(text, sizeof(text));
    return password;
}

/* NULL with err when the file cannot be taken. */
static char *
password_load(const char *path, struct err *err)
{
    /* Not to be stopped by a pipe that nobody writes to. */
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd == -1) {
        (void)err_set_errno(err, SQLSTATE_CONFIG_FILE, "could not open \"%s\"", path);
        return NULL;
    }
    char *password = password_file_check(fd, path, err) ? password_read(fd, path, err) : NULL;
    (void)close(fd); /* nothing was written: close cannot lose anything */
    return password;
}

static void
password_resolve(struct load *l, enum conf_section section, struct conf_node *node)
{
    const unsigned line = line_of(l, section, "password_file");
    if (node->password_file[0] == '\0') {
        return;
    }
    if (node->password[0] != '\0') {
        conf_mistake_add(l->mistakes, l->path, line,
                         "both password and password_file are set in [%s]",
                         conf_section_name(section));
        return;
    }
    struct err err;
    err_clear(&err);
    char *password = password_load(node->password_file, &err);
    if (password == NULL) {
        conf_mistake_add(l->mistakes, l->path, line, "password_file: %s", err.text);
        return;
    }
    value_fini(VALUE_SECRET, &node->password);
    node->password = password;
}

/* An empty text becomes a copy of another. */
static void
text_default(char **text, const char *other)
{
    if ((*text)[0] == '\0') {
        mem_free(*text);
        *text = xstrdup(other);
    }
}

static void
node_resolve(struct load *l, enum conf_section section)
{
    struct conf_node *node = &l->conf->node[section == CONF_SECTION_BLUE ? SIDE_BLUE : SIDE_GREEN];
    password_resolve(l, section, node);
    text_default(&node->replication_host, node->host);
    text_default(&node->replication_user, node->user);
    text_default(&node->replication_password, node->password);
    node->replication_port = node->replication_port == 0 ? node->port : node->replication_port;
}

static void
socket_dir_check(struct load *l, const char *key, const char *dir, unsigned port)
{
    struct sockaddr_un addr;
    const int len = snprintf(NULL, 0, "%s/.s.PGSQL.%u", dir, port);
    if (len < 0 || (size_t)len >= sizeof(addr.sun_path)) {
        conf_mistake_add(l->mistakes, l->path, line_of(l, CONF_SECTION_TEAL, key),
                         "%s: the path of the socket would have %d bytes; the system takes %zu",
                         key, len, sizeof(addr.sun_path) - 1);
    }
}

/* What makes no sense together although each value is good. */
static void
sense_check(struct load *l)
{
    const struct conf *c = l->conf;
    const struct conf_node *blue = &c->node[SIDE_BLUE];
    const struct conf_node *green = &c->node[SIDE_GREEN];
    socket_dir_check(l, "admin_socket_dir", c->admin_socket_dir, c->admin_socket_port);
    socket_dir_check(l, "unix_socket_dir", c->unix_socket_dir, c->listen_port);
    if (c->listen_addr.count == 0 && c->unix_socket_dir[0] == '\0') {
        conf_mistake_add(l->mistakes, l->path, line_of(l, CONF_SECTION_TEAL, "listen_addr"),
                         "listen_addr and unix_socket_dir are both empty: no client could connect");
    }
    if (strcmp(c->unix_socket_dir, c->admin_socket_dir) == 0 &&
        c->listen_port == c->admin_socket_port) {
        conf_mistake_add(l->mistakes, l->path, line_of(l, CONF_SECTION_TEAL, "unix_socket_dir"),
                         "the clients' socket and the admin socket would be the same file");
    }
    if (blue->host[0] != '\0' && strcmp(blue->host, green->host) == 0 &&
        blue->port == green->port) {
        conf_mistake_add(l->mistakes, l->path, line_of(l, CONF_SECTION_GREEN, "host"),
                         "[blue] and [green] are the same server, %s port %u", blue->host,
                         (unsigned)blue->port);
    }
}

/* ---- the whole ---- */

/* By line, with those about the whole file last; as they came where equal. */
static void
mistakes_sort(struct conf_mistakes *m, size_t first)
{
    for (size_t i = first + 1; i < m->count; i++) {
        const struct conf_mistake moving = m->items[i];
        size_t at = i;
        while (at > first && m->items[at - 1].line - 1 > moving.line - 1) { /* 0 wraps to the end */
            m->items[at] = m->items[at - 1];
            at--;
        }
        m->items[at] = moving;
    }
}

static struct conf *
slice_load(struct slice text, const char *path, struct conf_mistakes *mistakes)
{
    struct load *l = xcalloc(1, sizeof(*l));
    l->path = path;
    l->rest = text;
    l->conf = conf_new(path);
    l->mistakes = mistakes;
    l->mistakes_before = mistakes->count;
    const int result = ini_parse_stream(line_next, l, on_value, l);
    awaited_check(l);
    if (result != 0 && mistakes->count == l->mistakes_before) {
        conf_mistake_add(mistakes, path, result > 0 ? (unsigned)result : 0,
                         "the file cannot be read as teal.ini");
    }
    for (size_t i = 0; i < CONF_SECTIONS_COUNT; i++) {
        required_check(l, (enum conf_section)i);
    }
    node_resolve(l, CONF_SECTION_BLUE);
    node_resolve(l, CONF_SECTION_GREEN);
    sense_check(l);
    mistakes_sort(mistakes, l->mistakes_before);
    struct conf *conf = l->conf;
    if (mistakes->count > l->mistakes_before) {
        conf_unref(conf);
        conf = NULL;
    }
    mem_free(l);
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
