/* address.c — where a host name leads. See address.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "net/address.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/mem.h"

bool
address_is_fixed(const char *host)
{
    struct in6_addr ignored; /* large enough for both */
    return host[0] == '/' || inet_pton(AF_INET, host, &ignored) == 1 ||
           inet_pton(AF_INET6, host, &ignored) == 1;
}

static bool
address_of_directory(const char *directory, uint16_t port, struct address_list *out,
                     struct err *err)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    const int len = snprintf(un.sun_path, sizeof(un.sun_path), "%s/.s.PGSQL.%u", directory, port);
    if (len < 0 || (size_t)len >= sizeof(un.sun_path)) {
        return err_set(err, SQLSTATE_CONFIG_FILE, "the socket directory \"%s\" has too long a name",
                       directory);
    }
    struct address *found = &out->items[out->count++];
    memcpy(&found->addr, &un, sizeof(un));
    found->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)len + 1);
    return true;
}

/* Only what can be connected to, whatever the system's resolver comes up with. */
static void
take_addresses(const struct addrinfo *list, struct address_list *out)
{
    for (const struct addrinfo *ai = list; ai != NULL && out->count < ADDRESSES_MAX;
         ai = ai->ai_next) {
        struct address *found = &out->items[out->count];
        const bool usable = ai->ai_family == AF_INET || ai->ai_family == AF_INET6;
        if (usable && ai->ai_addrlen <= sizeof(found->addr)) {
            memcpy(&found->addr, ai->ai_addr, ai->ai_addrlen);
            found->len = ai->ai_addrlen;
            out->count++;
        }
    }
}

bool
address_resolve(const char *host, uint16_t port, struct address_list *out, struct err *err)
{
    memset(out, 0, sizeof(*out));
    if (host[0] == '/') {
        return address_of_directory(host, port, out, err);
    }
    char service[8];
    (void)snprintf(service, sizeof(service), "%u", port);
    const struct addrinfo hints = {.ai_family = AF_UNSPEC,
                                   .ai_socktype = SOCK_STREAM,
                                   .ai_flags = address_is_fixed(host) ? AI_NUMERICHOST : 0};
    struct addrinfo *list = NULL;
    const int rc = getaddrinfo(host, service, &hints, &list);
    if (rc != 0) {
        return err_set(err, SQLSTATE_CONNECTION_FAILURE, "cannot resolve the host name \"%s\": %s",
                       host, gai_strerror(rc));
    }
    take_addresses(list, out);
    freeaddrinfo(list);
    return out->count > 0 || err_set(err, SQLSTATE_CONNECTION_FAILURE,
                                     "the host name \"%s\" leads to no address", host);
}

bool
address_equal(const struct address *a, const struct address *b)
{
    return a->len == b->len && memcmp(&a->addr, &b->addr, a->len) == 0;
}

bool
address_list_equal(const struct address_list *a, const struct address_list *b)
{
    bool equal = a->count == b->count;
    for (size_t i = 0; equal && i < a->count; i++) {
        equal = address_equal(&a->items[i], &b->items[i]);
    }
    return equal;
}

const struct address *
address_choose(const struct address_list *list, const struct address *current)
{
    CHECK(list->count > 0 && list->count <= ADDRESSES_MAX);
    for (size_t i = 0; i < list->count; i++) {
        if (address_equal(&list->items[i], current)) {
            return &list->items[i];
        }
    }
    return &list->items[0];
}

static void
put_number_of(struct buf *b, const struct address *address)
{
    char text[NI_MAXHOST];
    const int rc = getnameinfo((const struct sockaddr *)(const void *)&address->addr, address->len,
                               text, sizeof(text), NULL, 0, NI_NUMERICHOST);
    CHECK(rc == 0); /* a number needs no resolver, and the resolver gave the address */
    buf_printf(b, "%s", text);
}

/* With \ before ' and \, as in any quoted value of a conninfo. */
static void
put_host(struct buf *b, const char *host)
{
    for (const char *p = host; *p != '\0'; p++) {
        buf_printf(b, "%s%c", *p == '\'' || *p == '\\' ? "\\" : "", *p);
    }
}

/* A keyword that comes a second time replaces the first; there must be as many hosts as there are
 * addresses, and the host is still wanted for TLS. */
char *
address_conninfo(const char *conninfo, const char *host, const struct address_list *list)
{
    if (address_is_fixed(host)) {
        return xstrdup(conninfo);
    }
    CHECK(list->count > 0 && list->count <= ADDRESSES_MAX);
    struct buf b;
    buf_init(&b);
    for (size_t i = 0; i < list->count; i++) {
        buf_printf(&b, "%s", i == 0 ? " host='" : ",");
        put_host(&b, host);
    }
    for (size_t i = 0; i < list->count; i++) {
        buf_printf(&b, "%s", i == 0 ? "' hostaddr='" : ",");
        put_number_of(&b, &list->items[i]);
    }
    const struct slice added = buf_slice(&b);
    char *text = xasprintf("%s%.*s'", conninfo, (int)added.len, (const char *)added.p);
    buf_fini(&b);
    return text;
}
