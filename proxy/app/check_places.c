/* check_places.c — whether folders and addresses can be used here. See check_places.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "app/check_places.h"

#include <errno.h>
#include <netdb.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

/* One check; all borrowed. */
struct check {
    const struct conf *conf;
    struct conf_mistakes *mistakes;
};

#define mistake(c, ...) conf_mistake_add((c)->mistakes, (c)->conf->path, 0, __VA_ARGS__)

/* ---- folders and files ---- */

/* Whether files can be made in the folder. */
static bool
folder_check(const struct check *c, const char *key, const char *folder)
{
    struct stat st;
    if (stat(folder, &st) == -1) {
        mistake(c, "%s: the directory \"%s\" cannot be used: %s", key, folder, strerror(errno));
        return false;
    }
    if (!S_ISDIR(st.st_mode)) {
        mistake(c, "%s: \"%s\" is not a directory", key, folder);
        return false;
    }
    if (access(folder, W_OK | X_OK) == -1) {
        mistake(c, "%s: user %u may not write into the directory \"%s\": %s", key,
                (unsigned)getuid(), folder, strerror(errno));
        return false;
    }
    return true;
}

/* The folder that a path lies in; the caller frees it. */
static char *
folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (slash == NULL) {
        return xstrdup(".");
    }
    return slash == path ? xstrdup("/") : xstrndup(path, (size_t)(slash - path));
}

/* A file that is there must be a file; one that is replaced as a whole, or is not there yet, needs
 * its folder as well. */
static void
file_check(const struct check *c, const char *key, const char *path, bool replaced)
{
    struct stat st;
    const bool there = path[0] != '\0' && stat(path, &st) == 0;
    if (path[0] == '\0') {
        return;
    }
    if (there && S_ISDIR(st.st_mode)) {
        mistake(c, "%s: \"%s\" is a directory", key, path);
        return;
    }
    if (there && access(path, R_OK | W_OK) == -1) {
        mistake(c, "%s: user %u may not write the file \"%s\": %s", key, (unsigned)getuid(), path,
                strerror(errno));
        return;
    }
    if (!there || replaced) {
        char *folder = folder_of(path);
        (void)folder_check(c, key, folder); /* reported */
        mem_free(folder);
    }
}

/* That of the admin socket is made when it is missing. */
static void
admin_folder_check(const struct check *c)
{
    struct stat st;
    const char *folder = c->conf->admin_socket_dir;
    if (stat(folder, &st) == -1 && errno == ENOENT) {
        char *above = folder_of(folder);
        (void)folder_check(c, "admin_socket_dir", above); /* reported */
        mem_free(above);
        return;
    }
    (void)folder_check(c, "admin_socket_dir", folder); /* reported */
}

/* ---- addresses ---- */

/* The reason why nothing can listen at the address; NULL when something can. The port does not
 * matter here: a Teal that runs may have it. */
static const char *
bind_try(const struct addrinfo *ai)
{
    const int fd = socket(ai->ai_family, ai->ai_socktype | SOCK_CLOEXEC, ai->ai_protocol);
    if (fd == -1) {
        return strerror(errno);
    }
    const char *why = bind(fd, ai->ai_addr, ai->ai_addrlen) == 0 ? NULL : strerror(errno);
    (void)close(fd); /* only a try */
    return why;
}

static void
listen_check(const struct check *c, const char *host)
{
    const struct addrinfo hints = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    struct addrinfo *found = NULL;
    const bool any = strcmp(host, "*") == 0;
    const int rc = getaddrinfo(any ? NULL : host, "0", &hints, &found);
    if (rc != 0) {
        mistake(c, "listen_addr: \"%s\" is no address: %s", host, gai_strerror(rc));
        return;
    }
    const char *why = bind_try(found);
    if (why != NULL) {
        mistake(c, "listen_addr: nothing can listen at \"%s\": %s", host, why);
    }
    freeaddrinfo(found);
}

void
check_places(const struct conf *conf, struct conf_mistakes *mistakes)
{
    const struct check c = {conf, mistakes};
    for (size_t i = 0; i < conf->listen_addr.count; i++) {
        listen_check(&c, conf->listen_addr.items[i]);
    }
    if (conf->unix_socket_dir[0] != '\0') {
        (void)folder_check(&c, "unix_socket_dir", conf->unix_socket_dir); /* reported */
    }
    admin_folder_check(&c);
    file_check(&c, "state_file", conf->state_file, true);
    file_check(&c, "logfile", conf->logfile, false);
    file_check(&c, "pidfile", conf->pidfile, false);
}
