/* conf.h — the configuration: one immutable value, read from teal.ini.
 *
 * fields.h has its fields, load.h reads one from a file, change.h compares and changes. Every key
 * is a row of keys.def: parsing, defaults, SHOW CONFIG, the sample teal.ini and the manual page all
 * come from that table.
 *
 * Invariant: nobody changes a struct conf after conf_load has returned it, so any thread may read
 * it for as long as it holds a reference. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_CONF_CONF_H
#define TEAL_CONF_CONF_H

#include <stdbool.h>

#include "base/table.h"
#include "conf/fields.h"

/* References may be taken and given back by any thread; the last one wipes the secrets and frees.
 */
struct conf *conf_ref(struct conf *c);
void conf_unref(struct conf *c); /* NULL is fine */

/* SHOW CONFIG: key, value, default, changeable. Keys have the names of names.h; the databases have
 * a report of their own. Secrets are shown as stars, or as nothing when they are not set. */
struct table *conf_show(const struct conf *c);

/* ---- for the loader, which fills in the rest ---- */

/* The keys of [teal] at their defaults, without pairs and databases; the caller owns the one
 * reference. */
struct conf *conf_new(const char *path);
/* Another pair, every key at its default, those that have none empty; at most PAIRS_MAX. NULL: it
 * has no name but that of its key. What was returned before is no longer valid. */
struct conf_pair *conf_pair_add(struct conf *c, const char *name);
/* Another database, every key at its default. What was returned before is no longer valid. */
struct conf_database *conf_database_add(struct conf *c, const char *name);
/* Makes the keys of the one what those of the other are. */
void conf_database_set_like(struct conf_database *d, const struct conf_database *other);
/* A copy for changes; without the databases that the pairs add. */
struct conf *conf_copy(const struct conf *from);

#endif
