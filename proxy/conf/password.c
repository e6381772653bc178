/* password.c — a password in a file of its own. See password.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "conf/password.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

enum { PASSWORD_MAX = 4096 };

static bool
file_check(int fd, const char *path, struct err *err)
{
    struct stat st;
    if (fstat(fd, &st) == -1) {
        return err_set_errno(err, SQLSTATE_CONFIG_FILE, "could not look at \"%s\"", path);
    }
    if (!S_ISREG(st.st_mode)) {
        return err_set(err, SQLSTATE_CONFIG_FILE, "\"%s\" is not a plain file", path);
    }
    if ((st.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        return err_set(err, SQLSTATE_CONFIG_FILE,
                       "\"%s\" can be used by others than its owner; chmod 600 it", path);
    }
    return true;
}

static char *
first_line(int fd, const char *path, struct err *err)
{
    char text[PASSWORD_MAX + 2];
    const ssize_t n = read(fd, text, sizeof(text) - 1);
    if (n == -1) {
        (void)err_set_errno(err, SQLSTATE_CONFIG_FILE, "could not read \"%s\"", path);
        return NULL;
    }
    text[n] = '\0';
    const size_t len = strcspn(text, "\r\n");
    char *password = NULL;
    if (len == 0 || len > PASSWORD_MAX || (len < (size_t)n && text[len] == '\0')) {
        (void)err_set(err, SQLSTATE_CONFIG_FILE,
                      "the first line of \"%s\" is not a password: empty, longer than %d bytes, or "
                      "with a zero byte",
                      path, (int)PASSWORD_MAX);
    } else {
        password = xstrndup(text, len);
    }
    explicit_bzero(text, sizeof(text));
    return password;
}

char *
password_load(const char *path, struct err *err)
{
    /* O_NONBLOCK: a pipe without a writer must not stop us. */
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd == -1) {
        (void)err_set_errno(err, SQLSTATE_CONFIG_FILE, "could not open \"%s\"", path);
        return NULL;
    }
    char *password = file_check(fd, path, err) ? first_line(fd, path, err) : NULL;
    (void)close(fd); /* nothing was written: close cannot lose anything */
    return password;
}
