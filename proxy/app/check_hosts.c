/* check_hosts.c — where the names of the servers lead. See check_hosts.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "app/check_hosts.h"

#include "base/mem.h"
#include "conf/names.h"
#include "net/address.h"

struct server {
    struct node_id id;
    const struct conf_host *host;  /* borrowed */
    struct address_list addresses; /* none: not resolved */
};

struct servers {
    const struct conf *conf; /* borrowed */
    struct server *items;    /* owned */
    size_t count;
};

static void
side_add(struct servers *s, uint32_t pair, enum side which)
{
    const struct conf_side *side = &s->conf->pairs[pair].side[which];
    for (uint32_t node = 0; node < side->hosts_count; node++) {
        s->items = xrealloc(s->items, (s->count + 1) * sizeof(*s->items));
        s->items[s->count++] =
            (struct server){{pair, which, node}, &side->hosts[node], {.count = 0}};
    }
}

static const char *
label_of(const struct servers *s, const struct server *server, char label[SECTION_LABEL_SIZE])
{
    return section_label(s->conf, conf_section_of(server->id.side), server->id.pair, label);
}

static void
server_resolve(const struct servers *s, struct server *server, struct conf_mistakes *warnings)
{
    char label[SECTION_LABEL_SIZE];
    struct err err;
    err_clear(&err);
    if (!address_resolve(server->host->name, server->host->port, &server->addresses, &err)) {
        server->addresses.count = 0;
        conf_mistake_add(warnings, s->conf->path, 0, "warning: %s: %s", label_of(s, server, label),
                         err.text);
    }
}

static bool
meet(const struct address_list *a, const struct address_list *b)
{
    for (size_t i = 0; i < a->count; i++) {
        for (size_t j = 0; j < b->count; j++) {
            if (address_equal(&a->items[i], &b->items[j])) {
                return true;
            }
        }
    }
    return false;
}

/* The server beside those before it. */
static void
server_check(const struct servers *s, size_t at, struct conf_mistakes *mistakes)
{
    const struct server *b = &s->items[at];
    char of_a[SECTION_LABEL_SIZE];
    char of_b[SECTION_LABEL_SIZE];
    for (size_t i = 0; i < at; i++) {
        const struct server *a = &s->items[i];
        if (meet(&a->addresses, &b->addresses)) {
            conf_mistake_add(
                mistakes, s->conf->path, 0,
                "\"%s\" of %s and \"%s\" of %s are the same server: they have an address in "
                "common, at port %u",
                a->host->name, label_of(s, a, of_a), b->host->name, label_of(s, b, of_b),
                (unsigned)b->host->port);
            return;
        }
    }
}

void
check_hosts(const struct conf *conf, struct conf_mistakes *mistakes, struct conf_mistakes *warnings)
{
    struct servers s = {.conf = conf};
    for (uint32_t pair = 0; pair < conf->pairs_count; pair++) {
        side_add(&s, pair, SIDE_BLUE);
        side_add(&s, pair, SIDE_GREEN);
    }
    for (size_t i = 0; i < s.count; i++) {
        server_resolve(&s, &s.items[i], warnings);
        server_check(&s, i, mistakes);
    }
    mem_free(s.items);
}
