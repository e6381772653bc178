/* test_classify.c — what statements are, by table. */
/* SPDX-License-Identifier: PostgreSQL */
#include "sql/classify.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "guard.h"
#include "sql/functions.h"

struct row {
    const char *text;
    enum sql_class class;
    uint32_t pins;
};

/* clang-format off */
#define R(text) {text, SQL_READ, 0},
#define W(text) {text, SQL_WRITE, 0},
#define P(pin, text) {text, SQL_WRITE, SQL_PIN_##pin},
#define C(class, text) {text, SQL_##class, 0},

static const struct row rows[] = {
    /* nothing */
    C(EMPTY, "") C(EMPTY, " \t\r\n\f") C(EMPTY, ";") C(EMPTY, " ; ;; ") C(EMPTY, "-- nothing")
    C(EMPTY, "/* nothing */") C(EMPTY, "/* a /* b */ c */ ; -- d\n;")

    /* plain reads */
    R("SELECT 1") R("select 1;") R("SeLeCt 1 ;; ") R(";;SELECT 1") R("\n\t SELECT 1")
    R("SELECT abalance FROM pgbench_accounts WHERE aid = 12345;")
    R("SELECT * FROM t") R("SELECT t.* FROM s.t AS t") R("SELECT ALL a FROM t")
    R("SELECT DISTINCT a FROM t") R("SELECT DISTINCT ON (a) b FROM t") R("SELECT")
    R("SELECT a, b FROM t WHERE (a, b) IN (SELECT c, d FROM u)")
    R("SELECT a FROM t WHERE a NOT IN (1, 2)") R("SELECT EXISTS (SELECT 1)")
    R("SELECT a = ANY ($1), b = ALL (ARRAY[1, 2]), c = SOME (SELECT 1)")
    R("SELECT a FROM t WHERE NOT (a = 1 AND (b = 2 OR (c = 3)))")
    R("SELECT a FROM t GROUP BY (a) HAVING (count(*) > 1) ORDER BY (a) DESC LIMIT (1) OFFSET (2)")
    R("SELECT a FROM t ORDER BY a FETCH FIRST (3) ROWS ONLY")
    R("SELECT a FROM t ORDER BY a FETCH NEXT (3) ROWS WITH TIES")
    R("SELECT a, b FROM t GROUP BY GROUPING SETS ((a), (b), ())")
    R("SELECT a, b FROM t GROUP BY ROLLUP (a, b)") R("SELECT a, b FROM t GROUP BY CUBE (a, b)")
    R("SELECT GROUPING (a) FROM t GROUP BY (a)")
    R("SELECT 1 UNION (SELECT 2)") R("(SELECT 1) UNION ALL (SELECT 2)") R("((SELECT 1))")
    R("(SELECT 1) EXCEPT (SELECT 2) INTERSECT (SELECT 3) ORDER BY 1")
    R("VALUES (1, 'a'), (2, 'b')") R("(VALUES (1))") R("TABLE t") R("TABLE ONLY (t)")
    R("SELECT * FROM a JOIN (b JOIN c ON (b.x = c.x)) ON (a.y = b.y)")
    R("SELECT * FROM a LEFT OUTER JOIN (SELECT 1) AS b USING (x)")
    R("SELECT * FROM a NATURAL JOIN (b)") R("SELECT * FROM a, LATERAL (SELECT a.x) b")
    R("SELECT * FROM (VALUES (1, 2)) AS v (a, b)") R("SELECT * FROM (VALUES (1, 2)) v (a, b)")
    R("SELECT * FROM generate_series(1, 3) g (i)")
    R("SELECT * FROM ROWS FROM (generate_series(1, 2), unnest(ARRAY[1])) WITH ORDINALITY AS x (a, b, c)")
    R("SELECT * FROM t TABLESAMPLE BERNOULLI (10) REPEATABLE (3)")
    R("SELECT * FROM t TABLESAMPLE system (1)")
    R("SELECT sum(a) OVER (PARTITION BY (b) ORDER BY (c)) FROM t")
    R("SELECT row_number() OVER w FROM t WINDOW w AS (ORDER BY a)")
    R("SELECT count(*) FILTER (WHERE a > 1) FROM t")
    R("SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY a) FROM t")
    R("SELECT CASE WHEN (a) THEN (b) ELSE (c) END FROM t") R("SELECT CASE (a) WHEN (1) THEN 2 END")
    R("SELECT CAST(a AS numeric(10, 2)), b::varchar(3), c::pg_catalog.numeric(3), d::s.t(3)")
    R("SELECT a::timestamp(3) with time zone, b::bit varying (3), c::character varying (4)")
    R("SELECT COALESCE(a, b), NULLIF(a, b), GREATEST(a, b), LEAST(a, b) FROM t")
    R("SELECT EXTRACT(epoch FROM now()), POSITION('a' IN b), SUBSTRING(a FROM 1 FOR 2) FROM t")
    R("SELECT TRIM(BOTH 'x' FROM a), OVERLAY(a PLACING 'b' FROM 1), NORMALIZE(a) FROM t")
    R("SELECT ROW (1, 2), ROW(a), ARRAY (SELECT 1), ARRAY[(1), (2)], (ARRAY[1])[1], a[f.x] FROM f")
    R("SELECT XMLELEMENT(name a, XMLATTRIBUTES(b AS c)), XMLFOREST(a), XMLPARSE(CONTENT a) FROM t")
    R("SELECT * FROM XMLTABLE(XMLNAMESPACES('x' AS y), '/r' PASSING d COLUMNS a int PATH 'b')")
    R("SELECT CURRENT_TIMESTAMP(3), LOCALTIME(0), CURRENT_DATE, CURRENT_USER, SESSION_USER")
    R("SELECT a LIKE (b), a NOT LIKE ('x'), a ILIKE ('y'), a SIMILAR TO ('z') FROM t")
    R("SELECT a LIKE 'x' ESCAPE ('!'), a BETWEEN (1) AND (2), a IS DISTINCT FROM (b) FROM t")
    R("SELECT (a, b) OVERLAPS (c, d) FROM t") R("SELECT ts AT TIME ZONE ('UTC') FROM t")
    R("SELECT 1 OPERATOR(pg_catalog.+) 2") R("SELECT INTERVAL '1' SECOND (3), INTERVAL (3) '1'")
    R("SELECT a <> ALL ('{1}'), -(1), +(2), @(-3), |/(4) FROM t")
    R("SELECT substring(a for 3) FROM t") R("SELECT $1::int, $2") R("SELECT 'x' 'y'")
    R("SELECT 1 AS insert, 2 AS update, 3 AS into, 4 AS \"delete\"")
    R("SELECT t.update, t.insert, t.into FROM t") R("SELECT \"insert\", \"update\" FROM \"delete\"")
    R("SELECT updated_at, deleted, inserts, merged FROM updates") R("SELECT temp, hold FROM local")
    R("SELECT 'INSERT INTO t VALUES (nextval(1))'") R("SELECT $$; DELETE FROM t$$, $a$ $$ ; $a$")
    R("SELECT E'\\'; DROP TABLE t; --'") R("SELECT 'a''; DROP TABLE t; --'")
    R("SELECT U&'d\\0061t' UESCAPE '!'") R("SELECT B'01', X'1F', N'x', e'\\n', b'1'")
    R("SELECT 1 -- ; DELETE FROM t") R("SELECT /* ; DELETE */ 1") R("/* c */ SELECT 1")
    R("/* a /* nested ; */ b */ SELECT 1 -- end") R("-- c\nSELECT 1") R("--c\rSELECT 1")
    R("SELECT 1;SELECT 2;") R("SELECT 1; TABLE t; SHOW x; VALUES (1)")
    R("SELECT 1 @-- comment\n 2") R("SELECT 1 */* c */ 2") R("SELECT 'ü', \"ä\", ö FROM t")
    R("SELECT a.b.c.d FROM a.b.c") R("SELECT (x).y, ((x).y).z, (x).* FROM t") R("SELECT 1e5, .5, 1., 1.5e-3")

    /* common table expressions */
    R("WITH x AS (SELECT 1) SELECT * FROM x") R("WITH x (a, b) AS (SELECT 1, 2) SELECT * FROM x")
    R("WITH x AS MATERIALIZED (SELECT 1) TABLE x") R("WITH x AS NOT MATERIALIZED (SELECT 1) TABLE x")
    R("WITH RECURSIVE t(n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM t) SELECT n FROM t")
    R("WITH a(x) AS (SELECT 1), b (y) AS (SELECT 2), \"C\"(z) AS (SELECT 3) SELECT * FROM a, b")
    R("WITH a AS (SELECT 1) (SELECT * FROM a) ORDER BY 1, lower('x')")
    R("WITH a AS (WITH b(x) AS (SELECT 1) SELECT * FROM b) SELECT * FROM a")
    R("(WITH a AS (SELECT 1) SELECT * FROM a)")
    W("WITH x AS (INSERT INTO t VALUES (1) RETURNING *) SELECT * FROM x")
    W("WITH x AS (UPDATE t SET a = 1 RETURNING *) SELECT 1")
    W("WITH x AS (DELETE FROM t RETURNING *) SELECT 1")
    W("WITH x AS (SELECT 1), y AS MATERIALIZED (delete FROM t) SELECT 1")
    W("WITH x AS (SELECT 1) INSERT INTO t SELECT * FROM x") W("WITH x AS (SELECT 1) UPDATE t SET a = 1")
    W("WITH x AS (SELECT 1) DELETE FROM t") W("WITH x AS (SELECT 1) MERGE INTO t USING x ON 1=1 WHEN MATCHED THEN DELETE")
    W("SELECT * FROM (WITH x AS (DELETE FROM t RETURNING *) SELECT * FROM x) y")
    W("WITH a AS (SELECT 1) (SELECT 1) ORDER BY 1, f(x)")
    W("WITH a AS (SELECT 1) SELECT 1, f(2)") W("WITH a AS (SELECT f(1)), b (x) AS (SELECT 2) SELECT 1")
    W("WITH RECURSIVE a AS (SELECT 1) SEARCH DEPTH FIRST BY x SET o (SELECT 1) ORDER BY 1, f(2)")

    /* row locks, INTO */
    W("SELECT * FROM t FOR UPDATE") W("SELECT * FROM t FOR SHARE") W("SELECT * FROM t for no key update")
    W("SELECT * FROM t FOR KEY SHARE OF t SKIP LOCKED") W("SELECT * FROM t FOR /* c */ UPDATE NOWAIT")
    W("SELECT * FROM (SELECT * FROM t FOR UPDATE) x") W("TABLE t FOR UPDATE") W("(SELECT 1 FROM t) FOR SHARE")
    W("SELECT * INTO x FROM t") W("SELECT 1 INTO TABLE x") P(TEMP, "SELECT 1 INTO TEMP x")
    P(TEMP, "SELECT 1 INTO TEMPORARY TABLE x") P(TEMP, "SELECT 1 INTO LOCAL TEMP x")
    P(TEMP, "SELECT * INTO pg_temp.x FROM t") W("SELECT 1 INTO UNLOGGED x")

    /* functions */
    R("SELECT now(), clock_timestamp(), random(), gen_random_uuid(), pg_sleep(0)")
    R("SELECT count(*), sum(a), avg(a), min(a), max(a), array_agg(a), string_agg(a, ',') FROM t")
    R("SELECT lower(a), UPPER(b), length(c), md5(d), left(e, 1), right(e, 1), replace(e, 'a', 'b') FROM t")
    R("SELECT jsonb_build_object('a', 1), to_jsonb(t), jsonb_path_query(a, '$') FROM t")
    R("SELECT to_tsvector('x') @@ to_tsquery('y'), ts_rank(a, b) FROM t")
    R("SELECT lag(a) OVER (), first_value(a) OVER (), ntile(4) OVER () FROM t")
    R("SELECT pg_size_pretty(pg_total_relation_size('t')), pg_database_size('d')")
    R("SELECT pg_catalog.lower('A'), PG_CATALOG.Lower('A'), \"pg_catalog\".\"lower\"('A'), \"lower\"('A')")
    R("SELECT pg_get_viewdef(1), format_type(1, 2), obj_description(1, 'x'), has_table_privilege('t', 'select')")
    R("SELECT version(), current_setting('x'), pg_is_in_recovery(), pg_backend_pid(), current_database()")
    R("SELECT lower /* c */ ('A')") R("SELECT int4range(1, 2) && int4range(2, 3), daterange(a, b) FROM t")
    W("SELECT f()") W("SELECT f ( 1 )") W("SELECT s.lower('x')") W("SELECT d.pg_catalog.lower('x')")
    W("SELECT \"Lower\"('A')") W("SELECT \"low\"\"er\"('A')") W("SELECT * FROM f(1)")
    W("SELECT DISTINCT ON (a) f(b) FROM t") W("SELECT 1 OPERATOR(pg_catalog.+) f(2)")
    W("SELECT 1 WHERE f (1)") W("SELECT a FROM t ORDER BY f(a)") W("SELECT lower(f(1))")
    W("SELECT filter(1)") W("SELECT over(1)") W("SELECT join(1)") W("SELECT a, by(1) FROM t")
    W("SELECT operator(1)") W("SELECT first(1)") W("SELECT sets(1)") W("SELECT a, rollup(b)")
    W("SELECT a(b) FROM t") W("SELECT * FROM t a(x)") W("SELECT lo_get(1)") W("SELECT pg_read_file('x')")
    W("SELECT txid_current()") W("SELECT pg_current_xact_id()") W("SELECT pg_export_snapshot()")
    W("SELECT pg_notify('a', 'b')") W("SELECT pg_logical_emit_message(true, 'a', 'b')") W("SELECT lo_create(0)")
    W("SELECT pg_switch_wal()") W("SELECT pg_terminate_backend(1)") W("SELECT pg_cancel_backend(1)")
    W("SELECT pg_reload_conf()") W("SELECT dblink_exec('a', 'b')") W("SELECT query_to_xml('DELETE FROM t', true, true, '')")
    W("SELECT ts_stat('SELECT 1')") W("SELECT pg_promote()") W("SELECT * FROM pg_logical_slot_get_changes('a', null, null)")
    W("SELECT pg_advisory_xact_lock(1)") W("SELECT pg_try_advisory_xact_lock_shared(1)") W("SELECT pg_advisory_unlock(1)")
    W("SELECT nextval('s')") W("SELECT pg_catalog.nextval('s')") W("SELECT setval('s', 1)") W("SELECT NEXTVAL ('s')")
    W("SELECT * FROM t WHERE a = (SELECT nextval('s'))") W("VALUES (nextval('s'))")
    P(SEQUENCE, "SELECT currval('s')") P(SEQUENCE, "SELECT lastval()") P(SEQUENCE, "SELECT \"lastval\"()")
    P(SEQUENCE, "SELECT pg_catalog.lastval()") P(SEQUENCE, "INSERT INTO t VALUES (currval('s'))")
    W("INSERT INTO t VALUES (nextval('s'))") R("SELECT currval, lastval FROM t")
    P(ADVISORY_LOCK, "SELECT pg_advisory_lock(1)") P(ADVISORY_LOCK, "SELECT pg_try_advisory_lock(1, 2)")
    P(ADVISORY_LOCK, "SELECT pg_advisory_lock_shared(1)") P(ADVISORY_LOCK, "SELECT 1 WHERE pg_try_advisory_lock_shared(1)")
    P(ADVISORY_LOCK, "UPDATE t SET a = 1 WHERE pg_advisory_lock(1) IS NULL")
    P(SET, "SELECT set_config('a', 'b', false)") W("SELECT set_config('a', 'b', true)") W("SELECT set_config('a', lower('b'), TRUE)")
    P(SET, "SELECT set_config('a', 'b', $1)") P(SET, "SELECT set_config('a', 'b', NOT true)") P(SET, "SELECT set_config('a', 'b', (true))")
    P(SET, "SELECT set_config('a', set_config('b', 'c', false), true)") P(SET, "SELECT setseed(0.5)")
    P(SET, "SELECT set_config('a', 'b', true), set_config('c', 'd', false)") P(SET, "SELECT set_config('a', 'b', is_local => true)")
    P(SET, "INSERT INTO t SELECT set_config('a', 'b', false)") P(SET, "SELECT pg_catalog.\"set_config\"('a', 'b', 't')")
    P(UNKNOWN, "SELECT U&\"\\0063urrval\"('s')") P(UNKNOWN, "SELECT dblink_connect('x')") P(UNKNOWN, "SELECT public.dblink_connect('x')")
    P(TEMP, "SELECT * FROM pg_temp.x") P(TEMP, "SELECT * FROM \"pg_temp\".x") P(TEMP, "INSERT INTO PG_TEMP.x VALUES (1)")
    P(TEMP, "SELECT * FROM pg_temp_3.x") R("SELECT pg_temperature FROM t") R("SELECT 'pg_temp'")

    /* utility reads */
    R("SHOW search_path") R("SHOW ALL") R("SHOW TRANSACTION ISOLATION LEVEL") R("show \"x\"")
    W("SHOW transaction_read_only") W("SHOW default_transaction_read_only") W("SHOW in_hot_standby") W("SHOW \"transaction_read_only\"")
    R("COPY t TO STDOUT") R("COPY t (a, b) TO STDOUT WITH (FORMAT csv, FORCE_QUOTE (a))") R("COPY s.t TO stdout CSV HEADER")
    R("COPY (SELECT a FROM t WHERE b = lower('x')) TO STDOUT") R("copy (table t) to stdout (format binary)")
    R("COPY \"from\" TO STDOUT") R("COPY (SELECT * FROM a) TO STDOUT;")
    W("COPY t FROM STDIN") W("COPY t (a) FROM STDIN WITH (FORMAT csv)") W("COPY t FROM '/x'") W("COPY t FROM PROGRAM 'x'")
    W("COPY t TO '/x'") W("COPY t TO PROGRAM 'x'") W("COPY t TO STDIN") W("COPY t") W("COPY")
    W("COPY (INSERT INTO t VALUES (1) RETURNING a) TO STDOUT") W("COPY (SELECT nextval('s')) TO STDOUT") W("COPY (SELECT f()) TO STDOUT")
    W("COPY (SELECT 1 FROM t FOR UPDATE) TO STDOUT") W("COPY (WITH x AS (DELETE FROM t RETURNING *) TABLE x) TO STDOUT")
    R("EXPLAIN SELECT 1") R("EXPLAIN INSERT INTO t VALUES (f(1))") W("EXPLAIN SELECT txid_current()") W("EXPLAIN SELECT currval('s')") R("EXPLAIN VERBOSE DELETE FROM t") R("EXPLAIN (COSTS OFF) UPDATE t SET a = 1")
    R("EXPLAIN (SELECT 1)") R("EXPLAIN ((SELECT 1))") R("EXPLAIN VERBOSE (SELECT 1)") R("EXPLAIN (FORMAT json, VERBOSE) SELECT f()")
    R("EXPLAIN (BUFFERS) (SELECT 1)") R("EXPLAIN CREATE TABLE x AS SELECT 1") R("EXPLAIN WITH x AS (DELETE FROM t RETURNING *) SELECT 1")
    R("EXPLAIN ANALYZE SELECT 1") R("EXPLAIN (ANALYZE, BUFFERS) SELECT lower('A')") R("EXPLAIN ANALYZE (SELECT 1)") R("EXPLAIN ANALYZE VERBOSE VALUES (1)")
    W("EXPLAIN ANALYZE INSERT INTO t VALUES (1)") W("EXPLAIN ANALYZE SELECT f()") W("EXPLAIN ANALYSE DELETE FROM t") W("EXPLAIN (ANALYZE) UPDATE t SET a = 1")
    W("EXPLAIN (BUFFERS, ANALYZE true) SELECT nextval('s')") W("EXPLAIN (\"analyze\") DELETE FROM t") W("EXPLAIN (analyze off) DELETE FROM t")
    W("EXPLAIN ANALYZE CREATE TABLE x AS SELECT 1") W("EXPLAIN ANALYZE EXECUTE p") W("EXPLAIN ANALYZE VERBOSE WITH x AS (DELETE FROM t) SELECT 1")
    W("EXPLAIN ANALYZE BEGIN") W("EXPLAIN ANALYZE COMMIT") W("EXPLAIN") W("EXPLAIN ANALYZE") W("EXPLAIN (ANALYZE)")

    /* writes */
    W("INSERT INTO t VALUES (1)") W("INSERT INTO t (a, b) VALUES (1, 2) ON CONFLICT (a) DO UPDATE SET b = 3 RETURNING *") W("UPDATE t SET a = 1")
    W("DELETE FROM t") W("MERGE INTO t USING u ON (t.a = u.a) WHEN MATCHED THEN DELETE") W("TRUNCATE t") W("(INSERT INTO t VALUES (1))")
    W("CREATE TABLE x (a int)") W("CREATE TABLE x AS SELECT 1") W("CREATE INDEX ON t (a)") W("CREATE UNLOGGED TABLE x ()") W("DROP TABLE t") W("ALTER TABLE t ADD a int")
    W("REFRESH MATERIALIZED VIEW m") W("GRANT SELECT ON t TO u") W("REVOKE ALL ON t FROM u") W("COMMENT ON TABLE t IS 'x'") W("SECURITY LABEL ON TABLE t IS 'x'")
    W("DO $$ BEGIN PERFORM set_config('a', 'b', false); END $$") W("CALL p(1)") W("EXECUTE p") W("EXECUTE p(1)") W("LOCK TABLE t") W("LOCK t IN ACCESS SHARE MODE")
    W("NOTIFY a, 'b'") W("UNLISTEN a") W("UNLISTEN *") W("VACUUM") W("VACUUM (ANALYZE) t") W("ANALYZE t") W("REINDEX TABLE t") W("CLUSTER t") W("CHECKPOINT")
    W("ALTER SYSTEM SET a = 1") W("ALTER ROLE r SET a = 1") W("REASSIGN OWNED BY a TO b") W("IMPORT FOREIGN SCHEMA a FROM SERVER b INTO c") W("FETCH 1 FROM c") W("MOVE 1 IN c")
    W("CLOSE c") W("SAVEPOINT a") W("RELEASE a") W("RELEASE SAVEPOINT a") W("CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$ SELECT lastval() $$")
    W("CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT 2; END") W("CREATE RULE r AS ON INSERT TO t DO (DELETE FROM u; DELETE FROM v)")
    W("foo") W("1") W("'SELECT 1'") W("$1") W("\"select\" 1") W("?") W("SELEC 1") W("\xc4\xb0NSERT INTO t") W("(") W(")") W("\\d t") W("SELEC.") W("@")

    /* several statements */
    W("SELECT 1; INSERT INTO t VALUES (1)") W("INSERT INTO t VALUES (1); SELECT 1") W("SELECT 1;; DELETE FROM t;") W("BEGIN; SELECT 1; COMMIT")
    W("BEGIN READ ONLY; SELECT 1") W("SELECT 1; COMMIT") W("COMMIT; SELECT 1") W("COMMIT; BEGIN") W("SELECT 1; f") W("SELECT ';'; DELETE FROM t")
    P(SET, "SELECT 1; SET a = 1") P(SET, "SET default_transaction_read_only = off; INSERT INTO t VALUES (1)") P(LISTEN, "SELECT 1; LISTEN a; SELECT 2")
    {"SET a = 1; LISTEN b", SQL_WRITE, SQL_PIN_SET | SQL_PIN_LISTEN},

    /* transactions */
    C(BEGIN, "BEGIN") C(BEGIN, "begin work") C(BEGIN, "BEGIN TRANSACTION") C(BEGIN, "START TRANSACTION") C(BEGIN, "BEGIN ISOLATION LEVEL REPEATABLE READ")
    C(BEGIN, "BEGIN ISOLATION LEVEL SERIALIZABLE") C(BEGIN, "BEGIN ISOLATION LEVEL SERIALIZABLE, READ ONLY") C(BEGIN, "BEGIN READ ONLY ISOLATION LEVEL SERIALIZABLE DEFERRABLE")
    C(BEGIN, "BEGIN READ WRITE") C(BEGIN, "START TRANSACTION READ WRITE") C(BEGIN, "BEGIN READ ONLY, READ WRITE") C(BEGIN, "BEGIN READ ONLY x") C(BEGIN, "BEGIN READ") C(BEGIN, "BEGIN ONLY")
    C(BEGIN_READ, "BEGIN READ ONLY") C(BEGIN_READ, "START TRANSACTION READ ONLY;") C(BEGIN_READ, "BEGIN WORK READ ONLY") C(BEGIN_READ, "begin transaction isolation level repeatable read, read only")
    C(BEGIN_READ, "BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY NOT DEFERRABLE") C(BEGIN_READ, "BEGIN /* c */ READ\nONLY")
    C(END, "COMMIT") C(END, "commit work;") C(END, "END") C(END, "END TRANSACTION") C(END, "ROLLBACK") C(END, "ABORT") C(END, "COMMIT AND CHAIN") C(END, "ROLLBACK AND NO CHAIN")
    W("ROLLBACK TO a") W("ROLLBACK TO SAVEPOINT a") W("ROLLBACK WORK TO SAVEPOINT a") W("COMMIT PREPARED 'a'") W("ROLLBACK PREPARED 'a'") W("PREPARE TRANSACTION 'a'")

    /* session state */
    P(SET, "SET a = 1") P(SET, "SET SESSION a TO 1") P(SET, "set time zone 'UTC'") P(SET, "SET NAMES 'utf8'") P(SET, "SET ROLE r") P(SET, "SET SESSION AUTHORIZATION r") P(SET, "SET a.b = 1")
    P(SET, "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY") P(SET, "RESET a") P(SET, "RESET ALL") P(SET, "RESET ROLE") P(SET, "SET local.a = 1") P(SET, "SET transaction.a TO 1") P(SET, "SET \"local\" = 1")
    W("SET LOCAL a = 1") W("SET TRANSACTION READ WRITE") W("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE") W("SET CONSTRAINTS ALL DEFERRED") W("SET LOCAL ROLE r") W("SET LOCAL TIME ZONE 'UTC'")
    P(PREPARE, "PREPARE p AS SELECT 1") P(PREPARE, "PREPARE p(int) AS INSERT INTO t VALUES ($1)") P(PREPARE, "PREPARE transaction AS SELECT 1") P(PREPARE, "PREPARE transaction (int) AS SELECT $1")
    P(LISTEN, "LISTEN a") P(LISTEN, "listen \"A\";") P(LOAD, "LOAD 'x'")
    P(TEMP, "CREATE TEMP TABLE x (a int)") P(TEMP, "CREATE TEMPORARY TABLE x AS SELECT 1") P(TEMP, "CREATE LOCAL TEMP TABLE x ()") P(TEMP, "create global temporary table x ()")
    P(TEMP, "CREATE OR REPLACE TEMP VIEW v AS SELECT 1") P(TEMP, "CREATE TEMP SEQUENCE s") P(TEMP, "CREATE TABLE pg_temp.x ()") W("CREATE TABLE temp (a int)") W("CREATE VIEW v AS SELECT temp FROM t")
    W("INSERT INTO temp VALUES (1)") P(HOLD_CURSOR, "DECLARE c CURSOR WITH HOLD FOR SELECT 1") P(HOLD_CURSOR, "DECLARE c SCROLL CURSOR WITH HOLD FOR SELECT 1")
    W("DECLARE c CURSOR FOR SELECT 1") W("DECLARE c CURSOR WITHOUT HOLD FOR SELECT 1") W("DECLARE c CURSOR FOR WITH hold AS (SELECT 1) SELECT 1")
    W("DISCARD ALL") W("DISCARD PLANS") W("DISCARD TEMP") W("DISCARD SEQUENCES") W("DEALLOCATE p") W("DEALLOCATE ALL") W("DEALLOCATE PREPARE p")

    /* what cannot be read */
    P(UNKNOWN, "SELECT 'a") P(UNKNOWN, "SELECT \"a") P(UNKNOWN, "SELECT \"\"") P(UNKNOWN, "SELECT $$a") P(UNKNOWN, "SELECT $a$ $b$") P(UNKNOWN, "SELECT E'\\'") P(UNKNOWN, "SELECT 1 /* a")
    P(UNKNOWN, "SELECT 1 /* /* a */") P(UNKNOWN, "SELECT 1; SELECT '") W("SELECT '\xff'") W("SELECT '\xc0\x80'") W("SELECT '\xed\xa0\x80'") W("SELECT \xe2\x82")
    P(UNKNOWN, "/* a") P(UNKNOWN, "'") P(UNKNOWN, "SELECT U&\"a") P(UNKNOWN, "SELECT B'1") P(UNKNOWN, "SELECT E'a'\n'b\\'")
};
/* clang-format on */

static struct sql_traits
classify_slice(struct slice text)
{
    return sql_classify_with(text, NULL);
}

static struct sql_traits
classify(const char *text)
{
    return classify_slice(slice_of_str(text));
}

static void
every_statement_has_its_class_and_pins(void **state)
{
    (void)state;
    unsigned wrong = 0;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct sql_traits t = classify(rows[i].text);
        if (t.class != rows[i].class || t.pins != rows[i].pins) {
            wrong++;
            print_error("%s: %s (%s), pins %x, because %s\n", rows[i].text, sql_class_name(t.class),
                        sql_class_name(rows[i].class), t.pins, t.why);
        }
        assert_non_null(t.why);
        assert_true(t.pins == 0 || t.class == SQL_WRITE);
    }
    assert_int_equal(wrong, 0);
    assert_true(COUNT_OF(rows) >= 250);
}

/* What stands around a statement does not change what it is. */
static void
space_comments_and_case_change_nothing(void **state)
{
    (void)state;
    char text[4096];
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (rows[i].pins == SQL_PIN_UNKNOWN) {
            continue; /* an open quote takes in what follows */
        }
        const int len =
            snprintf(text, sizeof(text), " ;/* x /* y */ */-- z\n\t%s\n-- w\n ; ", rows[i].text);
        assert_true(len > 0 && (size_t)len < sizeof(text));
        const struct sql_traits t = classify(text);
        assert_int_equal(t.class, rows[i].class);
        assert_int_equal(t.pins, rows[i].pins);
    }
}

static void
no_beginning_of_a_statement_reads_past_its_end(void **state)
{
    (void)state;
    struct guard guard = guard_new(4096);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        for (size_t len = 0; len <= strlen(rows[i].text); len++) {
            const struct sql_traits t = classify_slice(guard_put(&guard, rows[i].text, len));
            assert_true(t.class < SQL_CLASS_COUNT);
        }
        for (size_t at = 0; at < strlen(rows[i].text); at++) {
            const size_t len = strlen(rows[i].text) - at;
            const struct sql_traits t = classify_slice(guard_put(&guard, rows[i].text + at, len));
            assert_true(t.class < SQL_CLASS_COUNT);
        }
    }
    guard_free(&guard);
}

/* A read in front of or behind anything is a read only when the other is one. */
static void
two_statements_are_a_read_only_when_both_are(void **state)
{
    (void)state;
    char text[4096];
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const bool read = rows[i].class == SQL_READ || rows[i].class == SQL_EMPTY;
        (void)snprintf(text, sizeof(text), "SELECT 1;%s", rows[i].text);
        assert_int_equal(classify(text).class == SQL_READ, read);
        (void)snprintf(text, sizeof(text), "%s\n;SELECT 1", rows[i].text);
        assert_int_equal(classify(text).class == SQL_READ, read);
    }
}

static void
a_nul_byte_is_unreadable(void **state)
{
    (void)state;
    static const char text[] = "SELECT 1\0; DELETE FROM t";
    const struct sql_traits t = classify_slice(slice_of(text, sizeof(text) - 1));
    assert_int_equal(t.class, SQL_WRITE);
    assert_int_equal(t.pins, SQL_PIN_UNKNOWN);
    assert_true(t.lifts_read_only);
}

/* Latin 1, for example: its reading is right, its answer is not proven. */
static void
what_is_not_utf8_goes_to_the_writer(void **state)
{
    (void)state;
    assert_int_equal(classify("SELECT 'caf\xe9'").class, SQL_WRITE);
    assert_int_equal(classify("SELECT 'caf\xe9'").pins, SQL_PIN_NONE);
    assert_int_equal(classify("LISTEN caf\xe9").pins, SQL_PIN_LISTEN);
    assert_int_equal(classify("SET a = '\xe9'").pins, SQL_PIN_SET);
}

static void
deep_nesting_needs_no_stack(void **state)
{
    (void)state;
    enum { DEPTH = 200000 };
    char *text = test_malloc(2 * DEPTH + 64);
    memcpy(text, "SELECT ", 7);
    memset(text + 7, '(', DEPTH);
    text[7 + DEPTH] = '1';
    memset(text + 8 + DEPTH, ')', DEPTH);
    assert_int_equal(classify_slice(slice_of(text, 8 + 2 * DEPTH)).class, SQL_READ);
    memcpy(text + 8 + 2 * DEPTH, " f(1)", 5);
    assert_int_equal(classify_slice(slice_of(text, 13 + 2 * DEPTH)).class, SQL_WRITE);
    size_t len = 0;
    for (int i = 0; i < DEPTH / 2; i++) {
        memcpy(text + len, "/*", 2);
        len += 2;
    }
    assert_int_equal(classify_slice(slice_of(text, len)).pins, SQL_PIN_UNKNOWN);
    test_free(text);
}

static void
a_large_literal_is_read_whole(void **state)
{
    (void)state;
    enum { LEN = 1 << 20 };
    char *text = test_malloc(LEN);
    memset(text, ';', LEN);
    memcpy(text, "SELECT '", 8);
    text[LEN - 1] = '\'';
    const struct sql_traits t = classify_slice(slice_of(text, LEN));
    assert_int_equal(t.class, SQL_READ);
    assert_int_equal(t.statements, 1);
    test_free(text);
}

static void
discard_all_is_special_only_alone(void **state)
{
    (void)state;
    assert_int_equal(classify("DISCARD ALL;").special, SQL_SPECIAL_DISCARD_ALL);
    assert_int_equal(classify("discard /**/ all").special, SQL_SPECIAL_DISCARD_ALL);
    assert_int_equal(classify("DISCARD PLANS").special, SQL_SPECIAL_NONE);
    assert_int_equal(classify("DISCARD \"all\"").special, SQL_SPECIAL_NONE);
    assert_int_equal(classify("DISCARD ALL; SELECT 1").special, SQL_SPECIAL_NONE);
    assert_int_equal(classify("SELECT 1; DISCARD ALL").special, SQL_SPECIAL_NONE);
    assert_int_equal(classify("EXPLAIN ANALYZE DISCARD ALL").special, SQL_SPECIAL_NONE);
}

static void
reset_all_ends_several_statements_that_set_nothing(void **state)
{
    (void)state;
    static const char *const carried[] = {
        "SELECT pg_advisory_unlock_all();\nCLOSE ALL;\nUNLISTEN *;\nRESET ALL;",
        "SELECT 1; RESET ALL",
        "SET LOCAL a = 1; RESET ALL",
    };
    static const char *const kept[] = {
        "RESET ALL",
        "RESET ALL; SELECT 1",
        "SET ROLE a; RESET ALL",
        "RESET ALL; RESET ALL",
        "COMMIT; RESET ALL",
        "SELECT 1; BEGIN; RESET ALL",
        "BEGIN READ ONLY; SELECT 1; RESET ALL",
        "SELECT set_config('a', 'b', false); RESET ALL",
        "SELECT 1; RESET \"all\"",
    };
    for (size_t i = 0; i < sizeof(carried) / sizeof(carried[0]); i++) {
        assert_int_equal(classify(carried[i]).special, SQL_SPECIAL_RESET_ALL);
        assert_int_equal(classify(carried[i]).pins, SQL_PIN_SET);
    }
    for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
        assert_int_equal(classify(kept[i]).special, SQL_SPECIAL_NONE);
    }
}

static void
deallocate_gives_the_name_as_written(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum sql_special special;
        const char *name;
    } cases[] = {
        {"DEALLOCATE p", SQL_SPECIAL_DEALLOCATE, "p"},
        {"DEALLOCATE PREPARE P1;", SQL_SPECIAL_DEALLOCATE, "P1"},
        {"DEALLOCATE \"a\"\"b\"", SQL_SPECIAL_DEALLOCATE, "\"a\"\"b\""},
        {"DEALLOCATE prepare", SQL_SPECIAL_DEALLOCATE, "prepare"},
        {"DEALLOCATE \"all\"", SQL_SPECIAL_DEALLOCATE, "\"all\""},
        {"DEALLOCATE ALL", SQL_SPECIAL_DEALLOCATE_ALL, ""},
        {"deallocate prepare all;", SQL_SPECIAL_DEALLOCATE_ALL, ""},
        {"DEALLOCATE p q", SQL_SPECIAL_NONE, NULL},
        {"DEALLOCATE 1", SQL_SPECIAL_NONE, NULL},
        {"DEALLOCATE p; SELECT 1", SQL_SPECIAL_NONE, ""},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const struct sql_traits t = classify(cases[i].text);
        assert_int_equal(t.special, cases[i].special);
        if (cases[i].name != NULL) {
            assert_true(slice_equal_str(t.name, cases[i].name));
        }
    }
}

static void
what_may_end_a_read_only_transaction_is_told(void **state)
{
    (void)state;
    static const char *const lifting[] = {
        "SET TRANSACTION READ WRITE",
        "SET TRANSACTION ISOLATION LEVEL READ COMMITTED, READ WRITE",
        "SET transaction_read_only = off",
        "SET LOCAL transaction_read_only TO off",
        "SET \"Transaction_Read_Only\" = off",
        "SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE",
        "SET default_transaction_read_only = off",
        "RESET ALL",
        "RESET default_transaction_read_only",
        "DISCARD ALL",
        "BEGIN READ WRITE",
        "SELECT set_config('transaction_read_only', 'off', true)",
        "SELECT 1; SET TRANSACTION READ WRITE",
        "SELECT '",
        "SET U&\"x\" = 1",
    };
    static const char *const harmless[] = {
        "SELECT 1", "SET a = 1", "SET TRANSACTION READ ONLY", "BEGIN", "BEGIN READ ONLY",
        "COMMIT",   "RESET a",
    };
    for (size_t i = 0; i < COUNT_OF(lifting); i++) {
        assert_true(classify(lifting[i]).lifts_read_only);
        assert_true(classify(lifting[i]).class != SQL_READ);
    }
    for (size_t i = 0; i < COUNT_OF(harmless); i++) {
        assert_false(classify(harmless[i]).lifts_read_only);
    }
}

static void
a_backslash_is_told(void **state)
{
    (void)state;
    assert_false(classify("SELECT 'a', 1 / 2, 'ü', 'a long text without any'").backslash);
    assert_true(classify("SELECT 'a\\b'").backslash);
    assert_true(classify("SELECT 'a\\'; DELETE FROM t; --'").backslash);
    assert_true(classify("\\").backslash);
}

static void
a_hint_sends_a_read_to_the_writer(void **state)
{
    (void)state;
    assert_int_equal(classify("/* teal: write */ SELECT 1").class, SQL_WRITE);
    assert_int_equal(classify("/*teal:WRITE*/SELECT 1").class, SQL_WRITE);
    assert_int_equal(classify("/* orm */ /* teal: write */ SELECT 1").class, SQL_WRITE);
    assert_int_equal(classify("/* teal: write */ BEGIN READ ONLY").class, SQL_BEGIN);
    assert_int_equal(classify("/* teal: write */").class, SQL_EMPTY);
    assert_int_equal(classify("SELECT /* teal: write */ 1").class, SQL_READ);
    assert_int_equal(classify("SELECT 1 /* teal: write */").class, SQL_READ);
    assert_int_equal(classify("/* teal: writer */ SELECT 1").class, SQL_READ);
    assert_int_equal(classify("/* teal */ SELECT 1").class, SQL_READ);
    assert_int_equal(classify("/* teal: write */ SELECT 1").hint, SQL_HINT_WRITE);
}

static void
a_hint_vouches_for_unknown_functions_only(void **state)
{
    (void)state;
    assert_int_equal(classify("/* teal: read */ SELECT f(1), s.g(2)").class, SQL_READ);
    assert_int_equal(classify("/* teal: read */ SELECT f(1); SELECT g()").class, SQL_READ);
    assert_int_equal(classify("/* teal: read */ SELECT f(nextval('s'))").class, SQL_WRITE);
    assert_int_equal(classify("/* teal: read */ DELETE FROM t").class, SQL_WRITE);
    assert_int_equal(classify("/* teal: read */ SELECT f() FOR UPDATE").class, SQL_WRITE);
    assert_int_equal(classify("/* teal: read */ BEGIN").class, SQL_BEGIN);
    assert_int_equal(classify("/* teal: read */ SELECT f(), currval('s')").pins, SQL_PIN_SEQUENCE);
    assert_int_equal(classify("/* teal: read */ CALL p()").class, SQL_WRITE);
}

static void
the_operators_functions_are_reads(void **state)
{
    (void)state;
    struct sql_extra *extra = sql_extra_new(" f, App.Find ,g,nextval");
    static const struct row cases[] = {
        R("SELECT f(1)") R("SELECT F (1), g()") R("SELECT app.find(1)") R("SELECT APP.FIND(1)")
            W("SELECT find(1)") W("SELECT app.f(1)") W("SELECT h(1)") W("SELECT \"f\"(1)")
                W("SELECT nextval('s')") W("SELECT f(h(1))") W("SELECT x.app.find(1)")
                    R("SELECT lower(f('A'))")};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const struct sql_traits t = sql_classify_with(slice_of_str(cases[i].text), extra);
        assert_int_equal(t.class, cases[i].class);
    }
    assert_int_equal(classify("SELECT f(1)").class, SQL_WRITE);
    sql_extra_free(extra);
    sql_extra_free(NULL);
}

static void
the_deciding_word_is_named(void **state)
{
    (void)state;
    const char *text = "SELECT a, my_func(b) FROM t";
    const struct sql_traits t = classify(text);
    assert_true(slice_equal_str(t.where, "my_func"));
    assert_ptr_equal(t.where.p, text + strlen("SELECT a, "));
    assert_true(slice_equal_str(classify("SELECT 1 FOR UPDATE").where, "UPDATE"));
    assert_true(slice_equal_str(classify("TRUNCATE t").where, "TRUNCATE"));
    assert_true(slice_equal_str(classify("SELECT 1; TRUNCATE t").where, "TRUNCATE"));
}

static void
statements_are_counted(void **state)
{
    (void)state;
    assert_int_equal(classify("").statements, 0);
    assert_int_equal(classify(";;").statements, 0);
    assert_int_equal(classify("COMMIT").statements, 1);
    assert_int_equal(classify("SELECT ';';").statements, 1);
    assert_int_equal(classify("SELECT 1;;SELECT 2").statements, 2);
}

/* Random words of SQL: whatever comes out, the answer is well formed and depends on the text alone.
 */
static void
random_texts_are_answered(void **state)
{
    (void)state;
    static const char *const words[] = {
        "SELECT",     "(",       ")",        ",",    ";",        "f",       "lower",   "WITH",
        "AS",         "INSERT",  "UPDATE",   "FOR",  "'a'",      "E'\\''",  "$$",      "$a$",
        "\"",         "'",       "/*",       "*/",   "--",       "\n",      "::",      ".",
        "set_config", "true",    "BEGIN",    "READ", "ONLY",     "EXPLAIN", "ANALYZE", "COPY",
        "TO",         "STDOUT",  "DISTINCT", "ON",   "OPERATOR", "U&\"x\"", "pg_temp", "DEALLOCATE",
        "ALL",        "PREPARE", "1",        "$1",   "\xff",     "ü",
    };
    struct guard guard = guard_new(4096);
    uint64_t seed = 42;
    for (int round = 0; round < 100000; round++) {
        char text[512] = "";
        size_t len = 0;
        for (int i = 0; i < 12; i++) {
            seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
            const char *word = words[(seed >> 33) % COUNT_OF(words)];
            const char *gap = (seed >> 20 & 3) == 0 ? "" : " ";
            len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s", word, gap);
        }
        const struct sql_traits a = classify_slice(guard_put(&guard, text, len));
        const struct sql_traits b = classify_slice(slice_of(text, len));
        assert_true(a.class == b.class && a.pins == b.pins && a.special == b.special);
        assert_true(a.class < SQL_CLASS_COUNT && a.why != NULL);
    }
    guard_free(&guard);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_statement_has_its_class_and_pins),
        cmocka_unit_test(space_comments_and_case_change_nothing),
        cmocka_unit_test(no_beginning_of_a_statement_reads_past_its_end),
        cmocka_unit_test(two_statements_are_a_read_only_when_both_are),
        cmocka_unit_test(a_nul_byte_is_unreadable),
        cmocka_unit_test(what_is_not_utf8_goes_to_the_writer),
        cmocka_unit_test(deep_nesting_needs_no_stack),
        cmocka_unit_test(a_large_literal_is_read_whole),
        cmocka_unit_test(discard_all_is_special_only_alone),
        cmocka_unit_test(reset_all_ends_several_statements_that_set_nothing),
        cmocka_unit_test(deallocate_gives_the_name_as_written),
        cmocka_unit_test(what_may_end_a_read_only_transaction_is_told),
        cmocka_unit_test(a_backslash_is_told),
        cmocka_unit_test(a_hint_sends_a_read_to_the_writer),
        cmocka_unit_test(a_hint_vouches_for_unknown_functions_only),
        cmocka_unit_test(the_operators_functions_are_reads),
        cmocka_unit_test(the_deciding_word_is_named),
        cmocka_unit_test(statements_are_counted),
        cmocka_unit_test(random_texts_are_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
