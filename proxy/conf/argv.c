/* argv.c — splits a command into its words. See argv.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "conf/argv.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"

static bool
is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Puts the word that begins at *text into the buffer and moves *text behind it; false when it does
 * not end. */
static bool
word_take(const char **text, struct buf *word)
{
    const char *p = *text;
    char quote = '\0';
    for (; *p != '\0' && (quote != '\0' || !is_blank(*p)); p++) {
        if (*p == '\\' && quote != '\'') {
            p++;
            if (*p == '\0') {
                return false;
            }
            buf_put_u8(word, (uint8_t)*p);
        } else if (quote == '\0' && (*p == '\'' || *p == '"')) {
            quote = *p;
        } else if (*p == quote) {
            quote = '\0';
        } else {
            buf_put_u8(word, (uint8_t)*p);
        }
    }
    *text = p;
    return quote == '\0';
}

static bool
words_take(struct argv *argv, const char *text, struct buf *word, struct err *err)
{
    for (;;) {
        while (is_blank(*text)) {
            text++;
        }
        if (*text == '\0') {
            return argv->count > 0 || err_set(err, SQLSTATE_CONFIG_FILE, "the command is empty");
        }
        if (argv->count == ARGV_WORDS_MAX) {
            return err_set(err, SQLSTATE_CONFIG_FILE, "the command has more than %d words",
                           ARGV_WORDS_MAX);
        }
        buf_clear(word);
        if (!word_take(&text, word)) {
            return err_set(err, SQLSTATE_CONFIG_FILE,
                           "the command ends within quotes or behind a backslash");
        }
        buf_put_u8(word, '\0');
        argv->words[argv->count++] = xstrdup((const char *)buf_slice(word).p);
    }
}

bool
argv_split(struct argv *argv, const char *text, struct err *err)
{
    struct buf word;
    CHECK(argv->count == 0);
    buf_init(&word);
    const bool ok = words_take(argv, text, &word, err);
    buf_fini(&word);
    if (!ok) {
        argv_fini(argv);
    }
    return ok;
}

bool
argv_check(const struct argv *argv, struct err *err)
{
    CHECK(argv->count > 0);
    const char *path = argv->words[0];
    struct stat st;
    if (path[0] != '/') {
        return err_set(err, SQLSTATE_CONFIG_FILE, "\"%.200s\" is no absolute path", path);
    }
    if (stat(path, &st) == -1) {
        return err_set_errno(err, SQLSTATE_CONFIG_FILE, "\"%.200s\" cannot be run", path);
    }
    if (!S_ISREG(st.st_mode)) {
        return err_set(err, SQLSTATE_CONFIG_FILE, "\"%.200s\" is no file", path);
    }
    if (faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) == -1) {
        return err_set_errno(err, SQLSTATE_CONFIG_FILE, "\"%.200s\" cannot be run", path);
    }
    return true;
}

void
argv_fini(struct argv *argv)
{
    for (size_t i = 0; i < argv->count; i++) {
        mem_free(argv->words[i]);
    }
    *argv = (struct argv){0};
}
