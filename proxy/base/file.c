/* file.c — whole files. See file.h.
 *
 * The order of file_replace is the one of SQLite's and PostgreSQL's durable renames: the data must
 * be on disk before the name points at it, and the name before the caller acts on it. */
/* SPDX-License-Identifier: PostgreSQL */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

enum { FILE_READ_STEP = 16 * 1024 };

static bool
read_all(int fd, const char *path, size_t len_max, struct buf *out, struct err *err)
{
    size_t total = 0;
    for (;;) {
        uint8_t *room = buf_reserve(out, FILE_READ_STEP);
        CHECK(room != NULL);
        const ssize_t n = read(fd, room, FILE_READ_STEP);
        if (n == -1 && errno == EINTR) {
            continue;
        }
        if (n == -1) {
            return err_set_errno(err, SQLSTATE_IO_ERROR, "could not read file \"%s\"", path);
        }
        if (n == 0) {
            return true;
        }
        total += (size_t)n;
        if (total > len_max) {
            return err_set(err, SQLSTATE_IO_ERROR, "file \"%s\" is longer than %zu bytes", path,
                           len_max);
        }
        buf_commit(out, (size_t)n);
    }
}

bool
file_read(const char *path, size_t len_max, struct buf *out, struct err *err)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd == -1) {
        return err_set_errno(err, SQLSTATE_IO_ERROR, "could not open file \"%s\"", path);
    }
    const bool ok = read_all(fd, path, len_max, out, err);
    (void)close(fd); /* nothing was written: close cannot lose anything */
    return ok;
}

bool
file_exists(const char *path)
{
    return access(path, F_OK) == 0;
}

static bool
write_all(int fd, struct slice bytes)
{
    while (bytes.len > 0) {
        const ssize_t n = write(fd, bytes.p, bytes.len);
        if (n == -1 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return false;
        }
        bytes.p += n;
        bytes.len -= (size_t)n;
    }
    return true;
}

static bool
sync_directory_of(const char *path)
{
    char *copy = xstrdup(path);
    const int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    mem_free(copy);
    if (fd == -1) {
        return false;
    }
    const bool ok = fsync(fd) == 0;
    (void)close(fd); /* only synced through it */
    return ok;
}

static bool
write_durably(const char *path, struct slice bytes)
{
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd == -1) {
        return false;
    }
    const bool written = write_all(fd, bytes) && fsync(fd) == 0;
    const int saved = errno;
    const bool closed = close(fd) == 0;
    if (!written) {
        errno = saved;
    }
    return written && closed;
}

bool
file_replace(const char *path, struct slice bytes, struct err *err)
{
    char *temporary = xasprintf("%s.new", path);
    const bool ok =
        write_durably(temporary, bytes) && rename(temporary, path) == 0 && sync_directory_of(path);
    if (!ok) {
        (void)err_set_errno(err, SQLSTATE_IO_ERROR, "could not write file \"%s\"", path);
        (void)err_hint(err, "Check free space and permissions of its directory.");
        (void)unlink(temporary); /* best effort: a leftover is overwritten the next time */
    }
    mem_free(temporary);
    return ok;
}
