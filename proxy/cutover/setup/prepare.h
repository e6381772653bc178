/* prepare.h — PREPARE: sets the replication up before a cutover.
 *
 * It creates what a flip needs, in every database: the schema teal with its tables, the
 * publication, and for a logical pair the subscriptions, slots and the guard on the follower. It
 * says what it is going to do before it does it, and does nothing that is already there, so it may
 * be run again. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_CUTOVER_SETUP_PREPARE_H
#define TEAL_CUTOVER_SETUP_PREPARE_H

#include "cutover/engine/script.h"
#include "cutover/flip/sql.h"

struct prepare;

struct prepare *prepare_new(void);
void prepare_free(struct prepare *p);

/* What the job starts with, and what follows the look. */
enum cutover_event prepare_begin(struct cutover *c);
enum cutover_event prepare_looked(struct cutover *c);

/* FROM is the writer, TO the follower. */
line_applies_fn prepare_guards_system, prepare_guards_databases;
/* The first copy brings the deciding rows of an earlier pair. */
line_wants_fn prepare_may_inherit;
line_wants_fn prepare_is_new, prepare_is_known, prepare_back_is_known, prepare_back_is_stale,
    prepare_back_is_needed;

/* Lines: what it refuses. */
#define PREPARE_USER_TABLES                                                                    \
    "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'r' AND " \
    "n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'teal')"
#define PREPARE_SQL_IDENTITY                                                          \
    "SELECT string_agg(x, ', ') FROM (SELECT n.nspname || '.' || c.relname AS "       \
    "x " PREPARE_USER_TABLES                                                          \
    " AND c.relpersistence = 'p' AND (c.relreplident = 'n' OR (c.relreplident = 'd' " \
    "AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND "            \
    "i.indisprimary))) LIMIT 10) q"
line_judge_fn prepare_judge_identity;
line_wants_fn prepare_wants_slot; /* of a stream that stands */
line_write_fn prepare_write_slot_there;
line_judge_fn prepare_judge_slot_there;
line_write_fn prepare_write_room; /* slots and workers for so many databases */
line_judge_fn prepare_judge_room;
#define PREPARE_SQL_ROWS_THERE                                                  \
    "SELECT string_agg(x, ', ') FROM (SELECT n.nspname || '.' || c.relname AS " \
    "x " PREPARE_USER_TABLES " AND pg_relation_size(c.oid) > 0 LIMIT 10) q"
line_judge_fn prepare_judge_rows_there;
#define PREPARE_SQL_TABLES                                                          \
    "SELECT string_agg(n.nspname || '.' || c.relname, E'\\n') " PREPARE_USER_TABLES \
    " AND c.relpersistence = 'p'"
line_judge_fn prepare_judge_tables;
line_call_fn prepare_call_compare;

/* Lines: the schema, its rows, the publication. */
line_write_fn prepare_write_schema, prepare_write_rows, prepare_write_rows_clear;
/* FOR ALL TABLES is for superusers. Another operator publishes the tables one by one: partitioned
 * tables for their partitions, and what is new each time that PREPARE runs. */
#define PREPARE_SQL_PUBLICATION                                                                  \
    "DO $do$ DECLARE made boolean := EXISTS (SELECT FROM pg_publication WHERE pubname = "        \
    "'" TEAL_PUBLICATION "'); tables text; BEGIN IF EXISTS (SELECT FROM pg_publication WHERE "   \
    "pubname = '" TEAL_PUBLICATION "' AND puballtables) THEN RETURN; END IF; IF NOT made THEN "  \
    "BEGIN CREATE PUBLICATION " TEAL_PUBLICATION " FOR ALL TABLES; RETURN; EXCEPTION WHEN "      \
    "insufficient_privilege THEN NULL; END; END IF; SELECT string_agg(format('%I.%I', "          \
    "n.nspname, c.relname), ', ') INTO tables FROM pg_class c JOIN pg_namespace n ON n.oid = "   \
    "c.relnamespace WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND "                 \
    "c.relpersistence = 'p' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND "  \
    "NOT EXISTS (SELECT FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid "   \
    "WHERE p.pubname = '" TEAL_PUBLICATION "' AND r.prrelid = c.oid); IF NOT made THEN EXECUTE " \
    "'CREATE PUBLICATION " TEAL_PUBLICATION " FOR TABLE ' || tables; ELSIF tables IS NOT NULL "  \
    "THEN EXECUTE 'ALTER PUBLICATION " TEAL_PUBLICATION " ADD TABLE ' || tables; END IF; END $do$"
#define PREPARE_SQL_REPLAYED                                                 \
    "SELECT to_regclass('teal.marker') IS NOT NULL AND EXISTS (SELECT FROM " \
    "pg_publication WHERE pubname = '" TEAL_PUBLICATION "')"

/* Lines: the streams. */
line_write_fn prepare_write_subscribe, prepare_write_refresh, prepare_write_copied;
line_judge_fn prepare_judge_copied;
line_write_fn prepare_write_back_slot, prepare_write_back_drop, prepare_write_back_subscribe,
    prepare_write_back_refresh, prepare_write_back_runs;
line_judge_fn prepare_judge_true; /* within the limit of the line before */
#define PREPARE_SQL_ANALYZE "ANALYZE (SKIP_LOCKED)"

/* Lines: a new limit for what is waited for next. */
line_call_fn prepare_call_limit, prepare_call_limit_copy;
line_call_fn prepare_call_done;

#endif
