/* conf.h — the configuration: one immutable value, read from teal.ini.
 *
 * fields.h has its fields, load.h reads one from a file. Every key is a row of keys.def: parsing,
 * defaults, SHOW CONFIG, the sample teal.ini and the manual page all come from that table.
 *
 * Invariant: nobody changes a struct conf after conf_load has returned it, so any thread may read
 * it for as long as it holds a reference. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_CONF_CONF_H
#define TEAL_CONF_CONF_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/table.h"
#include "conf/fields.h"

/* Every key at its default, those that have none empty; the caller owns the one reference. For the
 * loader, which fills in the rest. */
struct conf *conf_new(const char *path);
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

#endif
