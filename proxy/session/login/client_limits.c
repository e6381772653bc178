/* client_limits.c — how many clients there are of a kind. See client_limits.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "session/login/client_limits.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/map.h"
#include "base/mem.h"
#include "base/rand.h"

struct client_count {
    enum client_limit kind;
    uint32_t count;
    char *name; /* owned */
};

struct client_limits {
    pthread_mutex_t lock;
    struct map counts[CLIENT_LIMITS_COUNT]; /* name -> struct client_count, owned */
};

struct client_limits *
client_limits_new(void)
{
    struct client_limits *c = xcalloc(1, sizeof(*c));
    CHECK(pthread_mutex_init(&c->lock, NULL) == 0);
    for (int i = 0; i < CLIENT_LIMITS_COUNT; i++) {
        map_init(&c->counts[i], rand_u64());
    }
    return c;
}

void
client_limits_free(struct client_limits *c)
{
    if (c == NULL) {
        return;
    }
    for (int i = 0; i < CLIENT_LIMITS_COUNT; i++) {
        CHECK(map_count(&c->counts[i]) == 0);
        map_fini(&c->counts[i]);
    }
    (void)pthread_mutex_destroy(&c->lock);
    mem_free(c);
}

static struct client_count *
count_of(struct client_limits *c, enum client_limit kind, const char *name)
{
    struct client_count *h = map_get(&c->counts[kind], slice_of_str(name));
    if (h == NULL) {
        h = xcalloc(1, sizeof(*h));
        h->kind = kind;
        h->name = xstrdup(name);
        CHECK(map_put(&c->counts[kind], slice_of_str(name), h) == NULL);
    }
    return h;
}

struct client_count *
client_limits_enter(struct client_limits *c, enum client_limit kind, const char *name, uint32_t max)
{
    (void)pthread_mutex_lock(&c->lock);
    struct client_count *h = count_of(c, kind, name);
    if (max > 0 && h->count >= max) {
        h = NULL; /* it counts others: it stays */
    } else {
        h->count++;
    }
    (void)pthread_mutex_unlock(&c->lock);
    return h;
}

void
client_limits_leave(struct client_limits *c, struct client_count *h)
{
    if (h == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&c->lock);
    CHECK(h->count > 0);
    h->count--;
    if (h->count == 0) {
        CHECK(map_remove(&c->counts[h->kind], slice_of_str(h->name)) == h);
        mem_free(h->name);
        mem_free(h);
    }
    (void)pthread_mutex_unlock(&c->lock);
}

uint32_t
client_limits_count(struct client_limits *c, enum client_limit kind, const char *name)
{
    (void)pthread_mutex_lock(&c->lock);
    const struct client_count *h = map_get(&c->counts[kind], slice_of_str(name));
    const uint32_t count = h == NULL ? 0 : h->count;
    (void)pthread_mutex_unlock(&c->lock);
    return count;
}

void
client_host(const char *peer, char out[CLIENT_HOST_SIZE])
{
    const bool is_v6 = peer[0] == '[';
    const char *end = strrchr(peer, is_v6 ? ']' : ':');
    const char *start = is_v6 ? peer + 1 : peer;
    const int len = (int)(end == NULL ? strlen(start) : (size_t)(end - start));
    (void)snprintf(out, CLIENT_HOST_SIZE, "%.*s", len, start);
}

void
client_source(const char *peer, char out[CLIENT_SOURCE_SIZE])
{
    enum { PREFIX_LEN = 8 };
    client_host(peer, out);
    struct in6_addr address;
    if (peer[0] == '[' && inet_pton(AF_INET6, out, &address) == 1 &&
        !IN6_IS_ADDR_LOOPBACK(&address) && !IN6_IS_ADDR_V4MAPPED(&address)) {
        memset(address.s6_addr + PREFIX_LEN, 0, sizeof(address.s6_addr) - PREFIX_LEN);
        (void)inet_ntop(AF_INET6, &address, out, CLIENT_SOURCE_SIZE);
    }
}
