/* conf.h — the configuration: one immutable value, read from teal.ini.
 *
 * Its fields stand in fields.h; here is what can be done with it. Every key is a row of keys.def:
 * the row gives the section, the name, the kind of value, the field, the default, the limits,
 * whether a reload may change it, and the sentence that documents it. Parsing, defaults, SHOW
 * CONFIG, the sample teal.ini and the manual page all come from that table.
 *
 * A file is taken whole or not at all: conf_load gives NULL when there is any mistake, and the list
 * of mistakes holds all of them, each with its file and line. Whoever reloads keeps the value it
 * had.
 *
 * Invariant: nobody changes a struct conf after conf_load has returned it, so any thread may read
 * it for as long as it holds a reference. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_CONF_CONF_H
#define TEAL_CONF_CONF_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/table.h"
#include "conf/fields.h"

struct conf_mistake {
    char *file;    /* owned */
    unsigned line; /* from 1; 0 when the mistake is about the file as a whole */
    char *text;    /* owned; one sentence without the place */
};

/* In the order of the lines, those about the whole file last. Begin with = {0}. */
struct conf_mistakes {
    struct conf_mistake *items; /* owned */
    size_t count;
};

void conf_mistakes_fini(struct conf_mistakes *m);
/* Also for those who read a file that belongs to the configuration. */
void conf_mistake_add(struct conf_mistakes *m, const char *file, unsigned line, const char *fmt,
                      ...) PRINTF_LIKE(4, 5);
/* "FILE:LINE: TEXT\n" for each. */
void conf_mistakes_print(const struct conf_mistakes *m, struct buf *out);

/* Reads the file, with the password files it names. The caller owns the one reference; NULL when
 * there is any mistake, and then at least one was added. */
MUST_CHECK struct conf *conf_load(const char *path, struct conf_mistakes *mistakes);
/* The same from text; path is the name that mistakes show. */
MUST_CHECK struct conf *conf_load_string(const char *text, const char *path,
                                         struct conf_mistakes *mistakes);

/* References may be taken and given back by any thread; the last one wipes the secrets and frees.
 */
struct conf *conf_ref(struct conf *c);
void conf_unref(struct conf *c); /* NULL is fine */

/* Puts the names of the keys that differ but cannot change while Teal runs, as SHOW CONFIG has them
 * and with commas between; true when there is none, that is when new_conf may take the place of
 * old_conf. */
MUST_CHECK bool conf_reload_check(const struct conf *old_conf, const struct conf *new_conf,
                                  struct buf *names);

/* Whether the keys of [teal] whose names begin with the prefix have the same values in both. */
bool conf_equal(const struct conf *a, const struct conf *b, const char *prefix);

/* A copy with one value changed; key as SHOW CONFIG has it. NULL with err when there is no such key
 * (42704), it cannot change while Teal runs (55P02), or the text is no value of it (22023). */
MUST_CHECK struct conf *conf_with(const struct conf *c, const char *key, const char *text,
                                  struct err *err);

/* SHOW CONFIG: key, value, default, changeable. Keys of a side are "blue.host" and so on. Secrets
 * are shown as stars, or as nothing when they are not set. */
struct table *conf_show(const struct conf *c);

/* The sample teal.ini and the manual page teal.ini(5), in mdoc; the files in the tree equal this
 * output. */
void conf_print_sample(struct buf *out);
void conf_print_manual(struct buf *out);

#endif
