/* resolve.c — what follows from the values of several keys. See resolve.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "conf/resolve.h"

#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "base/mem.h"
#include "conf/databases.h"
#include "conf/hooks.h"
#include "conf/hosts.h"
#include "conf/names.h"
#include "conf/password.h"

/* One resolution; all borrowed. */
struct resolve {
    struct conf *conf;
    const struct conf_origin *origin;
    struct conf_mistakes *mistakes;
};

#define mistake(r, line, ...) conf_mistake_add((r)->mistakes, (r)->origin->path, line, __VA_ARGS__)

static unsigned
line_of(const struct resolve *r, enum conf_section section, uint32_t pair, const char *name)
{
    return origin_line(r->origin, section, pair, name);
}

/* ---- the sides ---- */

/* Where hosts is given, host need not be. */
static void
host_required(const struct resolve *r, enum conf_section section, uint32_t pair)
{
    char label[SECTION_LABEL_SIZE];
    if (line_of(r, section, pair, "host") == 0 && line_of(r, section, pair, "hosts") == 0) {
        mistake(r, r->origin->heads[pair][section], "\"host\" is missing in %s",
                section_label(r->conf, section, pair, label));
    }
}

static void
password_resolve(const struct resolve *r, enum conf_section section, uint32_t pair,
                 struct conf_side *side)
{
    const unsigned line = line_of(r, section, pair, "password_file");
    char label[SECTION_LABEL_SIZE];
    if (side->password_file[0] == '\0') {
        return;
    }
    if (side->password[0] != '\0') {
        mistake(r, line, "both password and password_file are set in %s",
                section_label(r->conf, section, pair, label));
        return;
    }
    struct err err;
    err_clear(&err);
    char *password = password_load(side->password_file, &err);
    if (password == NULL) {
        mistake(r, line, "password_file: %s", err.text);
        return;
    }
    value_fini(VALUE_SECRET, &side->password);
    side->password = password;
}

/* An empty text becomes a copy of another. */
static void
text_default(char **text, const char *other)
{
    CHECK(*text != NULL && other != NULL); /* what is not set is "" */
    if ((*text)[0] == '\0') {
        mem_free(*text);
        *text = xstrdup(other);
    }
}

static void
side_resolve(const struct resolve *r, uint32_t pair, enum side which)
{
    struct conf_side *side = &r->conf->pairs[pair].side[which];
    const enum conf_section section = conf_section_of(which);
    host_required(r, section, pair);
    password_resolve(r, section, pair, side);
    text_default(&side->replication_user, side->user);
    text_default(&side->replication_password, side->password);
}

/* The home database: where the file says nothing, the first of a list. */
static void
home_resolve(const struct resolve *r, uint32_t number)
{
    struct conf_pair *pair = &r->conf->pairs[number];
    if (line_of(r, CONF_SECTION_PAIR, number, "database") == 0 && pair->databases.count > 0 &&
        strcmp(pair->databases.items[0], "*") != 0) {
        mem_free(pair->database);
        pair->database = xstrdup(pair->databases.items[0]);
    }
}

/* Names of databases and roles that go to a server: PostgreSQL would cut them, and mean another. */
static void
name_check(const struct resolve *r, enum conf_section section, uint32_t pair, const char *key,
           const char *name)
{
    if (strlen(name) > NAME_LEN_MAX) {
        mistake(r, line_of(r, section, pair, key), "%s: a name has at most %d bytes", key,
                NAME_LEN_MAX);
    }
}

static void
names_check(const struct resolve *r)
{
    const struct conf *c = r->conf;
    name_check(r, CONF_SECTION_TEAL, 0, "auth_user", c->auth_user);
    name_check(r, CONF_SECTION_TEAL, 0, "auth_dbname", c->auth_dbname);
    for (uint32_t i = 0; i < c->pairs_count; i++) {
        const struct conf_pair *pair = &c->pairs[i];
        name_check(r, CONF_SECTION_PAIR, i, "database", pair->database);
        for (size_t n = 0; n < pair->databases.count; n++) {
            name_check(r, CONF_SECTION_PAIR, i, "databases", pair->databases.items[n]);
        }
    }
}

/* ---- what makes no sense together ---- */

static void
socket_dir_check(const struct resolve *r, const char *key, const char *dir, unsigned port)
{
    struct sockaddr_un addr;
    const int len = snprintf(NULL, 0, "%s/.s.PGSQL.%u", dir, port);
    if (len < 0 || (size_t)len >= sizeof(addr.sun_path)) {
        mistake(r, line_of(r, CONF_SECTION_TEAL, 0, key),
                "%s: the path of the socket would have %d bytes; the system takes %zu", key, len,
                sizeof(addr.sun_path) - 1);
    }
}

static void
sockets_check(const struct resolve *r)
{
    const struct conf *c = r->conf;
    socket_dir_check(r, "admin_socket_dir", c->admin_socket_dir, c->admin_socket_port);
    socket_dir_check(r, "unix_socket_dir", c->unix_socket_dir, c->listen_port);
    if (c->listen_addr.count == 0 && c->unix_socket_dir[0] == '\0') {
        mistake(r, line_of(r, CONF_SECTION_TEAL, 0, "listen_addr"),
                "listen_addr and unix_socket_dir are both empty: no client could connect");
    }
    if (strcmp(c->unix_socket_dir, c->admin_socket_dir) == 0 &&
        c->listen_port == c->admin_socket_port) {
        mistake(r, line_of(r, CONF_SECTION_TEAL, 0, "unix_socket_dir"),
                "the clients' socket and the admin socket would be the same file");
    }
}

void
conf_resolve(struct conf *c, const struct conf_origin *origin, struct conf_mistakes *mistakes)
{
    const struct resolve r = {c, origin, mistakes};
    for (uint32_t pair = 0; pair < c->pairs_count; pair++) {
        home_resolve(&r, pair);
        side_resolve(&r, pair, SIDE_BLUE);
        side_resolve(&r, pair, SIDE_GREEN);
    }
    hosts_resolve(c, origin, mistakes);
    databases_resolve(c, origin, mistakes);
    names_check(&r);
    sockets_check(&r);
    conf_hooks_check(c, origin, mistakes);
}
