/* address.c — where a node's name leads. See address.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "monitor/address.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "base/check.h"

bool
address_is_fixed(const char *host)
{
    struct in6_addr ignored; /* large enough for both */
    return host[0] == '/' || inet_pton(AF_INET, host, &ignored) == 1 ||
           inet_pton(AF_INET6, host, &ignored) == 1;
}

static bool
address_of_directory(const char *directory, uint16_t port, struct address *out, struct err *err)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    const int len = snprintf(un.sun_path, sizeof(un.sun_path), "%s/.s.PGSQL.%u", directory, port);
    if (len < 0 || (size_t)len >= sizeof(un.sun_path)) {
        return err_set(err, SQLSTATE_CONFIG_FILE, "the socket directory \"%s\" has too long a name",
                       directory);
    }
    memcpy(&out->addr, &un, sizeof(un));
    out->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)len + 1);
    return true;
}

bool
address_resolve(const char *host, uint16_t port, const struct address *current, struct address *out,
                struct err *err)
{
    memset(out, 0, sizeof(*out));
    if (host[0] == '/') {
        return address_of_directory(host, port, out, err);
    }
    char service[8];
    (void)snprintf(service, sizeof(service), "%u", port);
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;
    const int rc = getaddrinfo(host, service, &hints, &list);
    if (rc != 0) {
        return err_set(err, SQLSTATE_CONNECTION_FAILURE, "cannot resolve the host name \"%s\": %s",
                       host, gai_strerror(rc));
    }
    for (const struct addrinfo *ai = list; ai != NULL; ai = ai->ai_next) {
        struct address found = {.len = ai->ai_addrlen};
        CHECK(ai->ai_addrlen <= sizeof(found.addr));
        memcpy(&found.addr, ai->ai_addr, ai->ai_addrlen);
        if (out->len == 0 || address_equal(&found, current)) {
            *out = found;
        }
    }
    freeaddrinfo(list);
    CHECK(out->len != 0);
    return true;
}

bool
address_equal(const struct address *a, const struct address *b)
{
    return a->len == b->len && memcmp(&a->addr, &b->addr, a->len) == 0;
}
