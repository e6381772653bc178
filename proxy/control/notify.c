/* notify.c — tells systemd how the service is. See notify.h.
 *
 * Written by hand because it is one datagram: libsystemd would be a dependency of every container
 * in which there is no systemd. */
/* SPDX-License-Identifier: PostgreSQL */
#include "control/notify.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

static void
notify_send(const char *text)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    if (path == NULL || (path[0] != '/' && path[0] != '@') ||
        strlen(path) >= sizeof(addr.sun_path)) {
        return;
    }
    memcpy(addr.sun_path, path, strlen(path));
    if (path[0] == '@') {
        addr.sun_path[0] = '\0'; /* an abstract name */
    }
    const socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
    const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd == -1 ||
        sendto(fd, text, strlen(text), MSG_NOSIGNAL, (struct sockaddr *)&addr, len) == -1) {
        log_warn(NULL, "systemd was not told", "error=\"%s\"", strerror(errno));
    }
    if (fd != -1) {
        (void)close(fd); /* the datagram is on its way */
    }
}

void
notify_ready(void)
{
    notify_send("READY=1");
}

void
notify_reloading(void)
{
    char text[64];
    (void)snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%" PRIu64, clock_now_us());
    notify_send(text);
}

void
notify_stopping(void)
{
    notify_send("STOPPING=1");
}
