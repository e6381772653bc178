/* live_conf.h — the configuration in force, and how another one takes its place.
 *
 * RELOAD reads the file again, SET changes one value until the next RELOAD. Either all of the new
 * configuration is in force afterwards, or nothing has changed. A flip under way keeps the limits
 * that it began with: the machine gets the new ones when it is idle.
 *
 * A value of SET is one that differs from the file's. The keeper has them, and a restart puts them
 * on top of the file as it is then: each that is still a value, and all of them or none when they
 * lead to files (of users, of certificates) that cannot be used. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_CONTROL_LIVE_CONF_H
#define TEAL_CONTROL_LIVE_CONF_H

#include "base/buf.h"
#include "conf/conf.h"
#include "control/keeper.h"
#include "control/pair_control.h"
#include "session/workers.h"

/* Who goes by the configuration; all borrowed. */
struct live_conf_users {
    struct workers *workers;
    struct pair_control *pairs;
    uint32_t pairs_count;
};

struct live_conf;

/* Takes a reference to the configuration as the file has it, and puts on top what was SET before a
 * restart. The keeper is borrowed. */
struct live_conf *live_conf_new(struct conf *file, struct keeper *keeper);
/* Those who began with live_conf_get: from now on they get another one as well. */
void live_conf_set_users(struct live_conf *l, const struct live_conf_users *users);
/* NULL is fine. */
void live_conf_free(struct live_conf *l);

/* Borrowed until the next RELOAD or SET. */
struct conf *live_conf_get(const struct live_conf *l);
/* The same without what was SET. */
const struct conf *live_conf_file(const struct live_conf *l);
/* detail tells what came of it. False with err, and nothing has changed. */
MUST_CHECK bool live_conf_reload(struct live_conf *l, struct buf *detail, struct err *err);
MUST_CHECK bool live_conf_set(struct live_conf *l, const char *key, const char *value,
                              struct buf *detail, struct err *err);

#endif
