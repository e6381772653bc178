/* databases.h — which database of which pair a client means by a name.
 *
 * A client's name is looked for in this order:
 *
 *     1. it is listed in [databases]: the database of that line;
 *     2. a pair's list `databases` has it: the database of that name, of that pair. A database that
 *        [databases] mentions, by dbname or by its own name, is known by the names there alone;
 *     3. every other name: the database of the same name, of the pair that serves the rest. That is
 *        the pair of "* = pair=NAME", or else the only pair with `databases = *`. Where there is
 *        none, the name is refused.
 *
 * What is given behind * holds for the names of 2 and 3. The console's own names, pgbouncer and
 * teal, are never names of databases. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_CONF_DATABASES_H
#define TEAL_CONF_DATABASES_H

#include "conf/mistakes.h"
#include "conf/origin.h"

/* What clients mean by the name; NULL when it is refused. Lives as long as the configuration. */
const struct conf_database *conf_database_find(const struct conf *c, const char *name);
/* The name on the servers, where clients say that name for it. */
const char *conf_database_dbname(const struct conf_database *d, const char *name);
bool database_name_is_reserved(const char *name);
/* Whether the pair has every database of its servers: `databases = *`. */
bool conf_pair_has_all(const struct conf_pair *pair);
/* Whether the pair has that database of the servers. */
bool conf_pair_has_database(const struct conf_pair *pair, const char *dbname);

/* Fills in the home of each pair, the pair and dbname of each database, those that pairs add, and
 * the rest; adds every mistake that it finds. A copy of a configuration is resolved with an origin
 * of no lines. */
void databases_resolve(struct conf *c, const struct conf_origin *origin,
                       struct conf_mistakes *mistakes);

#endif
