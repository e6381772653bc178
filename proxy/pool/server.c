/* server.c — how the server of a side is reached. See server.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "pool/server.h"

#include <errno.h>
#include <netinet/in.h>

int
server_connect(const struct pool_context *c, const struct node_id *id)
{
    const struct view_node *node = pool_context_node(c, id);
    if (node->addr_len == 0) {
        errno = EADDRNOTAVAIL;
        return -1;
    }
    CHECK(node->addr_len <= sizeof(node->addr));
    return stream_connect((const struct sockaddr *)&node->addr, node->addr_len);
}

void
server_tune(const struct pool_context *c, int fd)
{
    const struct conf *conf = c->conf;
    stream_tune(fd, &(struct stream_tuning){
                        .keepalive = conf->tcp_keepalive,
                        .idle_s = (unsigned)(conf->tcp_keepidle_us / 1000000),
                        .interval_s = (unsigned)(conf->tcp_keepintvl_us / 1000000),
                        .count = conf->tcp_keepcnt,
                        .user_timeout_ms = (unsigned)(conf->server_tcp_user_timeout_us / 1000),
                    });
}

enum tls_mode
server_tls_mode(const struct pool_context *c)
{
    return c->access->servers == NULL ? TLS_DISABLE : tls_context_mode(c->access->servers);
}

bool
server_wants_tls(const struct pool_context *c, const struct node_id *id, bool demanded)
{
    const enum tls_mode mode = server_tls_mode(c);
    return pool_context_node(c, id)->addr.ss_family != AF_UNIX && mode != TLS_DISABLE &&
           (mode != TLS_ALLOW || demanded);
}

/* As in libpq: without a request there is no way back to plain, so it takes require or more. */
bool
server_tls_is_direct(const struct pool_context *c)
{
    return c->conf->server_tls_sslnegotiation == CONF_SSLNEGOTIATION_DIRECT &&
           server_tls_mode(c) >= TLS_REQUIRE;
}

bool
server_begin_tls(const struct pool_context *c, const struct node_id *id, struct stream *s,
                 struct err *err)
{
    CHECK(c->access->servers != NULL);
    return stream_begin_tls(s, c->access->servers,
                            c->conf->pairs[id->pair].side[id->side].hosts[id->node].name, err);
}

bool
server_is_private(const struct pool_context *c, const struct node_id *id, const struct stream *s)
{
    const struct sockaddr_storage *addr = &pool_context_node(c, id)->addr;
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)addr;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)addr;
    return s->tls != NULL || addr->ss_family == AF_UNIX ||
           (addr->ss_family == AF_INET && ntohl(v4->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET) ||
           (addr->ss_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr));
}
