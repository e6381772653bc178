/* checks.c — what belongs to the configuration but is not in teal.ini. See checks.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "app/checks.h"

#include <unistd.h>

#include "auth/users.h"

bool
users_file_check(const struct conf *conf, struct buf *mistakes)
{
    if (conf->auth_type == CONF_AUTH_TRUST && access(conf->auth_file, F_OK) == -1) {
        return true;
    }
    struct scram_seed seed;
    scram_seed_init(&seed);
    struct users *users = users_load(conf->auth_file, &seed, NULL, mistakes);
    users_unref(users);
    return users != NULL;
}
