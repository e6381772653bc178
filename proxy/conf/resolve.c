/* resolve.c — what follows from the values of several keys. See resolve.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "conf/resolve.h"

#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "base/mem.h"
#include "conf/hooks.h"
#include "conf/password.h"

/* One resolution; all borrowed. */
struct resolve {
    struct conf *conf;
    const struct conf_origin *origin;
    struct conf_mistakes *mistakes;
};

#define mistake(r, line, ...) conf_mistake_add((r)->mistakes, (r)->origin->path, line, __VA_ARGS__)

static unsigned
line_of(const struct resolve *r, enum conf_section section, const char *name)
{
    struct conf_entry entry;
    const bool found = conf_entry_find(section, name, &entry);
    CHECK(found && entry.number < COUNT_OF(r->origin->lines));
    return r->origin->lines[entry.number];
}

static void
required_check(const struct resolve *r)
{
    for (size_t i = 0; i < conf_entries_count(); i++) {
        const struct conf_entry entry = conf_entry_at(i);
        if (entry.key->default_text == NULL && r->origin->lines[i] == 0) {
            mistake(r, 0, "\"%s\" is missing in [%s]", entry.key->name,
                    conf_section_name(entry.section));
        }
    }
}

/* ---- the nodes ---- */

static void
password_resolve(const struct resolve *r, enum conf_section section, struct conf_node *node)
{
    const unsigned line = line_of(r, section, "password_file");
    if (node->password_file[0] == '\0') {
        return;
    }
    if (node->password[0] != '\0') {
        mistake(r, line, "both password and password_file are set in [%s]",
                conf_section_name(section));
        return;
    }
    struct err err;
    err_clear(&err);
    char *password = password_load(node->password_file, &err);
    if (password == NULL) {
        mistake(r, line, "password_file: %s", err.text);
        return;
    }
    value_fini(VALUE_SECRET, &node->password);
    node->password = password;
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
node_resolve(const struct resolve *r, enum conf_section section, enum side side)
{
    struct conf_node *node = &r->conf->node[side];
    password_resolve(r, section, node);
    text_default(&node->replication_host, node->host);
    text_default(&node->replication_user, node->user);
    text_default(&node->replication_password, node->password);
    node->replication_port = node->replication_port == 0 ? node->port : node->replication_port;
}

/* ---- what makes no sense together ---- */

static void
socket_dir_check(const struct resolve *r, const char *key, const char *dir, unsigned port)
{
    struct sockaddr_un addr;
    const int len = snprintf(NULL, 0, "%s/.s.PGSQL.%u", dir, port);
    if (len < 0 || (size_t)len >= sizeof(addr.sun_path)) {
        mistake(r, line_of(r, CONF_SECTION_TEAL, key),
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
        mistake(r, line_of(r, CONF_SECTION_TEAL, "listen_addr"),
                "listen_addr and unix_socket_dir are both empty: no client could connect");
    }
    if (strcmp(c->unix_socket_dir, c->admin_socket_dir) == 0 &&
        c->listen_port == c->admin_socket_port) {
        mistake(r, line_of(r, CONF_SECTION_TEAL, "unix_socket_dir"),
                "the clients' socket and the admin socket would be the same file");
    }
}

static void
sides_check(const struct resolve *r)
{
    const struct conf_node *blue = &r->conf->node[SIDE_BLUE];
    const struct conf_node *green = &r->conf->node[SIDE_GREEN];
    if (blue->host[0] != '\0' && strcmp(blue->host, green->host) == 0 &&
        blue->port == green->port) {
        mistake(r, line_of(r, CONF_SECTION_GREEN, "host"),
                "[blue] and [green] are the same server, %s port %u", blue->host,
                (unsigned)blue->port);
    }
}

void
conf_resolve(struct conf *c, const struct conf_origin *origin, struct conf_mistakes *mistakes)
{
    const struct resolve r = {c, origin, mistakes};
    required_check(&r);
    node_resolve(&r, CONF_SECTION_BLUE, SIDE_BLUE);
    node_resolve(&r, CONF_SECTION_GREEN, SIDE_GREEN);
    sockets_check(&r);
    sides_check(&r);
    conf_hooks_check(c, origin, mistakes);
}
