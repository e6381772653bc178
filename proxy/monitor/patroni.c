/* patroni.c — the Patroni of a side is asked who leads. See patroni.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "monitor/patroni.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "net/http.h"
#include "net/loop.h"
#include "net/resolver.h"

enum {
    PATRONIS_MAX = 8,
    PORT_DEFAULT = 8008,
    INTERVAL_US = 2 * 1000 * 1000,
    URGENT_US = 100 * 1000,
    TIMEOUT_US = 2 * 1000 * 1000,
};

struct instance {
    char *host; /* owned */
    uint16_t port;
};

struct patroni {
    struct loop *loop;         /* borrowed */
    struct resolver *resolver; /* borrowed */
    struct log_ctx log;
    patroni_said_fn *said;
    void *arg; /* borrowed */
    struct instance all[PATRONIS_MAX];
    size_t count;
    size_t at;                          /* the one that is asked, or will be */
    struct resolver_question *question; /* owned; one of the two while it is asked */
    struct http_get *get;               /* owned */
    uint64_t asked_us;
    bool complained; /* since it answered last */
};

/* ---- addresses ---- */

/* HOST, HOST:PORT or [HOST]:PORT, up to where a path begins. False when it is none of these. */
static bool
take_instance(const char *text, size_t len, struct instance *out)
{
    const char *end = memchr(text, '/', len);
    len = end == NULL ? len : (size_t)(end - text);
    const bool bracketed = len > 0 && text[0] == '[';
    const char *close = bracketed ? memchr(text, ']', len) : NULL;
    const size_t host_len = close != NULL ? (size_t)(close - text) - 1 : strcspn(text, ":, \t/");
    const char *host = bracketed ? text + 1 : text;
    const char *rest = bracketed ? close + 1 : text + host_len;
    if ((bracketed && close == NULL) || host_len == 0 || host_len > len) {
        return false;
    }
    const unsigned long port = rest < text + len && rest[0] == ':' ? strtoul(rest + 1, NULL, 10)
                                                                   : (unsigned long)PORT_DEFAULT;
    if (port < 1 || port > UINT16_MAX) {
        return false;
    }
    *out = (struct instance){xstrndup(host, host_len), (uint16_t)port};
    return true;
}

static void
take_addresses(struct patroni *p, const char *addresses)
{
    static const char scheme[] = "http://";
    const char *at = addresses;
    while (at[0] != '\0' && p->count < PATRONIS_MAX) {
        at += strspn(at, ", \t");
        const size_t len = strcspn(at, ", \t");
        const bool has_scheme = strncmp(at, scheme, sizeof(scheme) - 1) == 0;
        if (has_scheme &&
            take_instance(at + sizeof(scheme) - 1, len - (sizeof(scheme) - 1), &p->all[p->count])) {
            p->count++;
        } else if (len > 0) {
            log_warn(&p->log, "no address of a Patroni, http://HOST:PORT", "text=\"%.*s\"",
                     (int)len, at);
        }
        at += len;
    }
}

/* ---- asking ---- */

/* The next one is asked next time. */
static void
patroni_fail(struct patroni *p, const char *what)
{
    const struct instance *instance = &p->all[p->at];
    if (!p->complained) {
        p->complained = true;
        log_warn(&p->log, "no answer of Patroni", "host=\"%s:%u\" error=\"%s\"", instance->host,
                 instance->port, what);
    }
    p->at = (p->at + 1) % p->count;
}

/* A member that is not running answers as well, with another status. */
static void
on_answer(void *arg, int status, struct slice body, const struct err *err)
{
    struct patroni *p = arg;
    struct patroni_cluster cluster;
    p->get = NULL;
    if (err != NULL) {
        patroni_fail(p, err->text);
        return;
    }
    if (status != 200 || !patroni_cluster_read(body, &cluster)) {
        patroni_fail(p, "it is no answer to GET /cluster");
        return;
    }
    p->complained = false;
    p->said(p->arg, &cluster);
}

static void
patroni_get(struct patroni *p, const struct address *address)
{
    p->get = http_get_start(
        p->loop, &(struct http_question){address, p->all[p->at].host, "/cluster", TIMEOUT_US},
        on_answer, p);
}

static void
on_resolved(void *arg, const struct address_list *found, const struct err *err)
{
    struct patroni *p = arg;
    p->question = NULL;
    if (found == NULL) {
        patroni_fail(p, err->text);
        return;
    }
    patroni_get(p, &found->items[0]);
}

void
patroni_tick(struct patroni *p, bool is_urgent)
{
    const uint64_t now_us = clock_now_us();
    const uint64_t interval_us = is_urgent ? URGENT_US : INTERVAL_US;
    if (p == NULL || p->question != NULL || p->get != NULL ||
        (p->asked_us != 0 && now_us < p->asked_us + interval_us)) {
        return;
    }
    const struct instance *instance = &p->all[p->at];
    p->asked_us = now_us;
    if (!address_is_fixed(instance->host)) {
        p->question = resolver_ask(p->resolver, instance->host, instance->port, on_resolved, p);
        return;
    }
    struct address_list list;
    struct err err;
    if (instance->host[0] != '/' && address_resolve(instance->host, instance->port, &list, &err)) {
        patroni_get(p, &list.items[0]);
    } else {
        patroni_fail(p, "it is no address");
    }
}

/* ---- life ---- */

struct patroni *
patroni_new(struct loop *loop, struct resolver *resolver, const char *addresses, const char *name,
            patroni_said_fn *said, void *arg)
{
    struct patroni *p = xcalloc(1, sizeof(*p));
    CHECK(said != NULL);
    p->loop = loop;
    p->resolver = resolver;
    p->log = (struct log_ctx){.kind = "monitor", .node = name};
    p->said = said;
    p->arg = arg;
    take_addresses(p, addresses);
    if (p->count == 0) {
        patroni_free(p);
        return NULL;
    }
    return p;
}

void
patroni_free(struct patroni *p)
{
    if (p == NULL) {
        return;
    }
    resolver_cancel(p->question);
    http_get_cancel(p->get);
    for (size_t i = 0; i < p->count; i++) {
        mem_free(p->all[i].host);
    }
    mem_free(p);
}
