/* databases.h — which databases move together, and what each of them is on either side.
 *
 * The list is made anew with each look at the sides, and holds until the next: the home database
 * first, then those that the configuration names, then, if it wants all, those that the writer has.
 * A command takes what the writer has now, so that a database which was created a moment ago is in
 * the list and the checks find what it lacks. Start-up, which does not know the writer yet, takes
 * what both sides have: a flip can only have been about those.
 *
 * Slots are named for the whole server, and a subscription's worker reports by its name. So each
 * database has names of its own for its streams; the home database has the plain ones. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_CUTOVER_FLIP_DATABASES_H
#define TEAL_CUTOVER_FLIP_DATABASES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "cutover/engine/script.h"
#include "cutover/flip/sql.h"
#include "model/side.h"

enum { STREAM_NAME_SIZE = 64 }; /* NAMEDATALEN */

/* A database on one side. */
struct database_on {
    bool exists;
    bool connects; /* the operator may connect to it, and it is no template */
    bool is_template;
    bool prepared; /* has what PREPARE makes first; true as long as it has not said otherwise */
    bool stream_exists; /* the subscription that it receives by */
    char *error;        /* owned: why it could not be asked; NULL when it could */
};

struct database {
    char *name;                                 /* owned */
    char stream[SIDES_COUNT][STREAM_NAME_SIZE]; /* by the side that receives: subscription, slot */
    struct database_on on[SIDES_COUNT];
};

struct databases {
    struct database *of; /* owned; the home database first */
    uint32_t count;      /* at least 1 */
    /* What the look found, before it is chosen from. */
    struct database *seen; /* owned */
    uint32_t seen_count;
    bool told[SIDES_COUNT]; /* the side has named its databases */
    struct buf left_out;    /* owned: names that the writer has and that do not move, at most ten */
    uint32_t left_out_count;
    uint32_t beside[SIDES_COUNT]; /* databases of the side that do not move */
};

void databases_init(struct cutover *c);
void databases_fini(struct cutover *c);
/* A new look begins: what was seen is forgotten, the list stays until it is chosen anew. */
void databases_forget(struct cutover *c);

/* For the tables of the engine. */
uint32_t databases_count(const struct cutover *c);
const char *databases_name(const struct cutover *c, uint32_t database);
/* Where a line runs. */
line_wants_fn databases_other; /* not the home database */

const struct database_on *databases_on(const struct cutover *c, struct place at);
/* Slot and subscription of the database's stream to the receiver. */
const char *databases_stream(const struct cutover *c, uint32_t database, enum side receiver);
/* False when no database of the list has the name. */
MUST_CHECK bool databases_find(const struct cutover *c, const char *name, uint32_t *out);
/* Two of them would share a name of a stream: their names. False when all differ. */
MUST_CHECK bool databases_clash(const struct cutover *c, const char **one, const char **other);
/* A side has other databases, which do not move: what is done to its server is done to them. The
 * maintenance database does not count. */
bool databases_is_part(const struct cutover *c);

/* 'a', 'b': the names of all databases, and of all streams to the receiver, as SQL literals. */
void put_database_names(struct buf *sql, const struct cutover *c);
void put_stream_names(struct buf *sql, const struct cutover *c, enum side receiver);

/* Lines of a look: what the side has, which of it moves, and whether each is prepared. */
#define DATABASES_SQL_LIST                                                                     \
    "SELECT d.datname, d.datallowconn AND NOT d.datistemplate AND "                            \
    "has_database_privilege(d.oid, 'CONNECT'), (SELECT string_agg(s.subname::text, ',') FROM " \
    "pg_subscription s WHERE s.subdbid = d.oid), d.datistemplate FROM pg_database d WHERE "    \
    "d.datname NOT IN ('template0', 'template1') AND d.datconnlimit <> -2 ORDER BY d.datname"
void databases_see(struct cutover *c, enum side side, const struct cutover_rows *rows);
line_call_fn databases_call_choose;
line_wants_fn databases_wants_schema;
#define DATABASES_SQL_SCHEMA "SELECT to_regclass('teal.marker') IS NOT NULL"
line_judge_fn databases_judge_schema;

/* Lines: the streams alone, once more. */
#define DATABASES_SQL_STREAMS                                                                     \
    "SELECT d.datname, s.subname FROM pg_subscription s JOIN pg_database d ON d.oid = s.subdbid " \
    "WHERE starts_with(s.subname::text, '" TEAL_STREAM_PREFIX "')"
line_judge_fn databases_judge_streams;

#endif
