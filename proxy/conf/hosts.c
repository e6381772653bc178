/* hosts.c — the servers of the sides. See hosts.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "conf/hosts.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/un.h>

#include "base/mem.h"
#include "base/slice.h"
#include "conf/names.h"
#include "conf/number.h"

enum { WEIGHT_MAX = 100, HOST_NAME_MAX_LEN = 253 };

/* One resolution; all borrowed. */
struct hosts {
    struct conf *conf;
    const struct conf_origin *origin;
    struct conf_mistakes *mistakes;
};

#define mistake(h, line, ...) conf_mistake_add((h)->mistakes, (h)->origin->path, line, __VA_ARGS__)

void
hosts_fini(struct conf_side *side)
{
    for (uint32_t i = 0; i < side->hosts_count; i++) {
        mem_free(side->hosts[i].name);
    }
    side->hosts_count = 0;
}

/* ---- one server ---- */

static bool
number_of(const char *text, size_t len, uint64_t max, uint64_t *out, struct err *err)
{
    char *copy = xstrndup(text, len);
    const bool ok = number_parse(NUMBER_PLAIN, 1, max, copy, out, err);
    mem_free(copy);
    return ok;
}

/* " weight=N" behind the server, which ends before it. */
static bool
weight_take(const char *text, size_t *len, struct conf_host *out, struct err *err)
{
    static const char word[] = "weight=";
    const size_t server = strcspn(text, " \t");
    const char *behind = text + server + strspn(text + server, " \t");
    uint64_t weight = 1;
    *len = server;
    out->weight = 1;
    if (*behind == '\0') {
        return true;
    }
    if (strncmp(behind, word, strlen(word)) != 0) {
        return err_set(err, SQLSTATE_CONFIG_FILE, "only weight=N may stand behind \"%.*s\"",
                       (int)(server < 80 ? server : 80), text);
    }
    behind += strlen(word);
    if (!number_of(behind, strlen(behind), WEIGHT_MAX, &weight, err)) {
        return false;
    }
    out->weight = (uint32_t)weight;
    return true;
}

static const char *
last_colon(const char *text, size_t len)
{
    const char *found = NULL;
    for (size_t i = 0; i < len; i++) {
        found = text[i] == ':' ? text + i : found;
    }
    return found;
}

/* Where the name ends and the colon of a port stands, NULL for none; false when the two cannot be
 * told apart. */
static bool
colon_find(const char *text, size_t len, const char **colon, struct err *err)
{
    *colon = last_colon(text, len);
    if (text[0] == '[') {
        const char *end = memchr(text, ']', len);
        const bool ok = end != NULL && (end + 1 == text + len || end + 1 == *colon);
        *colon = ok && end + 1 == *colon ? *colon : NULL;
        return ok || err_set(err, SQLSTATE_CONFIG_FILE, "\"%.*s\" is not [ADDRESS]:PORT",
                             (int)(len < 80 ? len : 80), text);
    }
    if (*colon != NULL && text[0] != '/' && memchr(text, ':', len) != *colon) {
        return err_set(err, SQLSTATE_CONFIG_FILE,
                       "an IPv6 address with a port is written [ADDRESS]:PORT");
    }
    return true;
}

static size_t
without_slashes(const char *name, size_t len)
{
    while (len > 1 && name[0] == '/' && name[len - 1] == '/') {
        len--;
    }
    return len;
}

/* A name that a connection could be opened to, as far as the text tells. */
static bool
name_check(const char *name, uint16_t port, struct err *err)
{
    struct sockaddr_un addr;
    if (name[0] == '\0') {
        return err_set(err, SQLSTATE_CONFIG_FILE, "a server has no name");
    }
    if (strpbrk(name, " \t'\"\\") != NULL) {
        return err_set(err, SQLSTATE_CONFIG_FILE, "\"%.80s\" cannot be the name of a server", name);
    }
    const size_t max = name[0] == '/' ? sizeof(addr.sun_path) - 1 : HOST_NAME_MAX_LEN;
    const int len = name[0] == '/' ? snprintf(NULL, 0, "%s/.s.PGSQL.%u", name, (unsigned)port)
                                   : (int)strlen(name);
    if (len < 0 || (size_t)len > max) {
        return err_set(err, SQLSTATE_CONFIG_FILE, "\"%.40s...\" is too long: %d bytes of %zu", name,
                       len, max);
    }
    return true;
}

/* HOST[:PORT] [weight=N] */
static bool
host_parse(const char *text, uint16_t port, struct conf_host *out, struct err *err)
{
    size_t len = 0;
    const char *colon = NULL;
    uint64_t number = port;
    if (!weight_take(text, &len, out, err) || !colon_find(text, len, &colon, err)) {
        return false;
    }
    size_t name_len = colon == NULL ? len : (size_t)(colon - text);
    if (colon != NULL && !number_of(colon + 1, len - name_len - 1, UINT16_MAX, &number, err)) {
        return false;
    }
    const bool bracketed = text[0] == '[';
    const char *name = bracketed ? text + 1 : text;
    name_len = bracketed ? name_len - 2 : without_slashes(name, name_len);
    out->name = xstrndup(name, name_len);
    out->port = (uint16_t)number;
    if (name_check(out->name, out->port, err)) {
        return true;
    }
    mem_free(out->name);
    return false;
}

/* ---- the servers of a side ---- */

static bool
host_add(struct conf_side *side, struct conf_host *host, struct err *err)
{
    if (side->hosts_count == NODES_MAX) {
        mem_free(host->name);
        return err_set(err, SQLSTATE_CONFIG_FILE, "a side has at most %d servers", NODES_MAX);
    }
    side->hosts[side->hosts_count++] = *host;
    return true;
}

/* `host`: names without ports. */
static bool
names_parse(struct conf_side *side, struct err *err)
{
    struct conf_list names = {0};
    bool ok = conf_list_parse(&names, side->host, err);
    for (size_t i = 0; ok && i < names.count; i++) {
        const char *name = names.items[i];
        struct conf_host host = {.port = side->port, .weight = 1};
        ok = name_check(name, side->port, err);
        if (ok) {
            host.name = xstrndup(name, without_slashes(name, strlen(name)));
            ok = host_add(side, &host, err);
        }
    }
    conf_list_fini(&names);
    return ok;
}

/* `hosts`. */
static bool
servers_parse(struct conf_side *side, struct err *err)
{
    bool ok = true;
    for (size_t i = 0; ok && i < side->hosts_list.count; i++) {
        struct conf_host host = {0};
        ok = host_parse(side->hosts_list.items[i], side->port, &host, err) &&
             host_add(side, &host, err);
    }
    return ok;
}

static unsigned
line_of(const struct hosts *h, uint32_t pair, enum side side, const char *key)
{
    return origin_line(h->origin, conf_section_of(side), pair, key);
}

static void
side_resolve(const struct hosts *h, uint32_t pair, enum side which)
{
    struct conf_side *side = &h->conf->pairs[pair].side[which];
    const unsigned host_line = line_of(h, pair, which, "host");
    const unsigned hosts_line = line_of(h, pair, which, "hosts");
    char label[SECTION_LABEL_SIZE];
    struct err err;
    err_clear(&err);
    section_label(h->conf, conf_section_of(which), pair, label);
    if (side->host[0] != '\0' && side->hosts_list.count > 0) {
        mistake(h, hosts_line, "both host and hosts are set in %s", label);
    } else if (side->host[0] != '\0' && !names_parse(side, &err)) {
        mistake(h, host_line, "host: %s", err.text);
    } else if (!servers_parse(side, &err)) {
        mistake(h, hosts_line, "hosts: %s", err.text);
    } else if (hosts_line != 0 && side->hosts_count == 0) {
        mistake(h, hosts_line, "hosts: no server is named");
    }
}

/* ---- the same server twice ---- */

/* Names of servers know no case; paths do. */
static bool
hosts_equal(const struct conf_host *a, const struct conf_host *b)
{
    const bool same =
        a->name[0] == '/' ? strcmp(a->name, b->name) == 0 : strcasecmp(a->name, b->name) == 0;
    return same && a->port == b->port;
}

static struct conf_side *
side_of(const struct hosts *h, const struct node_id *id)
{
    return &h->conf->pairs[id->pair].side[id->side];
}

static void
same_report(const struct hosts *h, const struct node_id *a, const struct node_id *b)
{
    const struct conf_host *host = &side_of(h, b)->hosts[b->node];
    const char *key = side_of(h, b)->hosts_list.count > 0 ? "hosts" : "host";
    const unsigned line = line_of(h, b->pair, b->side, key);
    char first[SECTION_LABEL_SIZE];
    char second[SECTION_LABEL_SIZE];
    section_label(h->conf, conf_section_of(a->side), a->pair, first);
    section_label(h->conf, conf_section_of(b->side), b->pair, second);
    if (a->pair == b->pair && a->side == b->side) {
        mistake(h, line, "%s has the same server twice, %s port %u", second, host->name,
                (unsigned)host->port);
        return;
    }
    mistake(h, line, "%s and %s are the same server, %s port %u", first, second, host->name,
            (unsigned)host->port);
}

/* Adding one to its node gives the first server. */
static const struct node_id before_all = {.side = SIDE_BLUE, .node = UINT32_MAX};

/* The next server in the order of the file; false behind the last. */
static bool
node_next(const struct hosts *h, struct node_id *id)
{
    id->node++;
    while (id->pair < h->conf->pairs_count) {
        if (id->node < side_of(h, id)->hosts_count) {
            return true;
        }
        id->node = 0;
        id->pair += id->side == SIDE_GREEN ? 1 : 0;
        id->side = side_other(id->side);
    }
    return false;
}

/* Reports a server together with the first one that it equals. */
static void
node_check(const struct hosts *h, const struct node_id *id)
{
    struct node_id other = before_all;
    while (node_next(h, &other) && !node_id_equal(&other, id)) {
        if (hosts_equal(&side_of(h, &other)->hosts[other.node], &side_of(h, id)->hosts[id->node])) {
            same_report(h, &other, id);
            return;
        }
    }
}

void
hosts_resolve(struct conf *c, const struct conf_origin *origin, struct conf_mistakes *mistakes)
{
    const struct hosts h = {c, origin, mistakes};
    for (uint32_t pair = 0; pair < c->pairs_count; pair++) {
        side_resolve(&h, pair, SIDE_BLUE);
        side_resolve(&h, pair, SIDE_GREEN);
    }
    struct node_id id = before_all;
    while (node_next(&h, &id)) {
        node_check(&h, &id);
    }
}
