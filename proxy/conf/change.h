/* change.h — what differs between two configurations, and whether a running Teal may go from one to
 * the other: RELOAD and SET.
 *
 * Pairs are compared by their names. One that comes or goes, or another order of them, needs a
 * restart, because pairs are numbered; so do the keys that keys.def does not call live. Databases
 * come and go while Teal runs. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_CONF_CHANGE_H
#define TEAL_CONF_CHANGE_H

#include "base/buf.h"
#include "base/err.h"
#include "conf/conf.h"

/* Puts what differs but cannot change while Teal runs, with commas between: keys as SHOW CONFIG has
 * them, pairs as "[pair a] (added)" or "(removed)". True when there is nothing of the kind, that is
 * when new_conf may take the place of old_conf. */
MUST_CHECK bool conf_reload_check(const struct conf *old_conf, const struct conf *new_conf,
                                  struct buf *names);

/* Whether the keys of [teal] whose names begin with the prefix have the same values in both. */
bool conf_equal(const struct conf *a, const struct conf *b, const char *prefix);

/* A copy with one value changed; key as SHOW CONFIG has it. NULL with err when there is no such key
 * (42704), it cannot change while Teal runs (55P02), or the text is no value of it, or none that
 * goes with the others (22023). */
MUST_CHECK struct conf *conf_with(const struct conf *c, const char *key, const char *text,
                                  struct err *err);

#endif
