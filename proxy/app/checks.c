/* checks.c — what belongs to the configuration but is not in teal.ini. See checks.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "app/checks.h"

#include "pool/access.h"

bool
access_check(const struct conf *conf, struct buf *mistakes)
{
    struct scram_seed seed;
    scram_seed_init(&seed);
    struct access *access = access_load(conf, &seed, NULL, mistakes);
    access_unref(access);
    return access != NULL;
}
