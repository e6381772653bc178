/* listener.c — listening sockets, TCP and Unix. See listener.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "net/listener.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static int
listener_bind(const struct addrinfo *ai, int backlog)
{
    const int fd =
        socket(ai->ai_family, ai->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, ai->ai_protocol);
    if (fd == -1) {
        return -1;
    }
    const int on = 1;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (ai->ai_family == AF_INET6) {
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
    }
    if (bind(fd, ai->ai_addr, ai->ai_addrlen) == 0 && listen(fd, backlog) == 0) {
        return fd;
    }
    const int saved = errno;
    (void)close(fd); /* never listened */
    errno = saved;
    return -1;
}

int
listener_open_tcp(const char *host, uint16_t port, int backlog, struct err *err)
{
    const struct addrinfo hints = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    char service[8];
    struct addrinfo *found = NULL;
    (void)snprintf(service, sizeof(service), "%u", port);
    const bool any = strcmp(host, "*") == 0;
    const int rc = getaddrinfo(any ? NULL : host, service, &hints, &found);
    if (rc != 0) {
        (void)err_set(err, SQLSTATE_CONNECTION_FAILURE,
                      "could not resolve listen address \"%s\": %s", host, gai_strerror(rc));
        return -1;
    }
    const int fd = listener_bind(found, backlog);
    if (fd == -1) {
        (void)err_set_errno(err, SQLSTATE_CONNECTION_FAILURE, "could not listen on %s:%u", host,
                            port);
        (void)err_hint(err, "Is another server using this address?");
    }
    freeaddrinfo(found);
    return fd;
}

/* Somebody accepts on the socket file: it is not stale. */
static bool
socket_answers(const struct sockaddr_un *addr)
{
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd == -1) {
        return true; /* unknown counts as alive: never take a socket away in doubt */
    }
    const bool answers =
        connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) == 0 || errno != ECONNREFUSED;
    (void)close(fd); /* only a probe */
    return answers;
}

static bool
unlink_if_stale(const struct sockaddr_un *addr)
{
    struct stat st;
    if (lstat(addr->sun_path, &st) == -1) {
        return errno == ENOENT;
    }
    if (!S_ISSOCK(st.st_mode) || socket_answers(addr)) {
        errno = EADDRINUSE;
        return false;
    }
    return unlink(addr->sun_path) == 0;
}

static int
bind_unix(const struct sockaddr_un *addr, unsigned mode, int backlog)
{
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd == -1) {
        return -1;
    }
    /* The file must never stand there with wider rights than asked for, not even for a moment. */
    const mode_t before = umask(0777 & ~mode);
    const int rc = bind(fd, (const struct sockaddr *)addr, sizeof(*addr));
    const int saved = errno;
    (void)umask(before);
    if (rc == 0 && listen(fd, backlog) == 0) {
        return fd;
    }
    const int reason = rc == 0 ? errno : saved;
    (void)close(fd); /* never listened */
    errno = reason;
    return -1;
}

int
listener_open_unix(const char *dir, uint16_t port, unsigned mode, int backlog, struct err *err)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    const int len = snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/.s.PGSQL.%u", dir, port);
    if (len < 0 || (size_t)len >= sizeof(addr.sun_path)) {
        (void)err_set(err, SQLSTATE_INVALID_PARAMETER, "socket directory \"%s\" is too long", dir);
        return -1;
    }
    const int fd = unlink_if_stale(&addr) ? bind_unix(&addr, mode, backlog) : -1;
    if (fd == -1) {
        (void)err_set_errno(err, SQLSTATE_CONNECTION_FAILURE, "could not listen on \"%s\"",
                            addr.sun_path);
    }
    return fd;
}
