\set VERBOSITY verbose
\pset null '(null)'
\echo == types
SELECT 1::int4, -2::int8, 3::int2, 1.50::numeric(10,2), 'NaN'::numeric, 2.5::float8, 'ä€😀'::text, '\x00ff'::bytea, true, NULL::int;
SELECT timestamptz '2024-02-29 12:34:56.789+02', date '0001-01-01 BC', interval '1 mon 2 days', uuid '6f1c0d1e-0000-4000-8000-000000000001';
SELECT '{"a": [1, null]}'::json, '{"b":1}'::jsonb, ARRAY[1,NULL,3], ARRAY[['a','b'],['c','d"e']], int4range(1,5), inet '10.0.0.1/8';
CREATE TYPE mood AS ENUM ('sad', 'happy');
CREATE TYPE pair AS (a int, b text);
SELECT 'happy'::mood, ROW(1, 'x, y')::pair, ARRAY[ROW(1,NULL)::pair];
\echo == describe
SELECT 1 AS a, 'x'::text AS b, now() AS c \gdesc
\echo == errors
SELECT 1/0;
SELEC 1;
SELECT * FROM nowhere;
CREATE TABLE t (id int PRIMARY KEY, v text CHECK (v <> 'bad'));
INSERT INTO t VALUES (1, 'a');
INSERT INTO t VALUES (1, 'b');
INSERT INTO t VALUES (2, 'bad');
SELECT 'x'::int;
DO $$ BEGIN RAISE WARNING 'careful' USING HINT = 'a hint', DETAIL = 'a detail'; END $$;
DO $$ BEGIN RAISE EXCEPTION 'own' USING ERRCODE = 'ZZ999'; END $$;
\echo == tags
\set QUIET off
INSERT INTO t SELECT g, 'v' || g FROM generate_series(10, 20) g;
UPDATE t SET v = v || '!' WHERE id > 15;
DELETE FROM t WHERE id = 20;
SELECT count(*) FROM t \g (format=unaligned)
CREATE TABLE t2 AS SELECT * FROM t;
TRUNCATE t2;
DROP TABLE t2;
MERGE INTO t USING (VALUES (10, 'm')) AS s (id, v) ON t.id = s.id WHEN MATCHED THEN UPDATE SET v = s.v;
\echo == several in one message
SELECT 1\; SELECT 2\; SELECT 3;
INSERT INTO t VALUES (100, 'x')\; SELECT 1/0\; INSERT INTO t VALUES (101, 'y');
SELECT count(*) FROM t WHERE id >= 100;
BEGIN\; INSERT INTO t VALUES (102, 'z')\; COMMIT\; SELECT 'after';
;
\echo == transactions
BEGIN;
INSERT INTO t VALUES (200, 'a');
SAVEPOINT s;
INSERT INTO t VALUES (200, 'b');
SELECT 1;
ROLLBACK TO s;
INSERT INTO t VALUES (201, 'c');
RELEASE s;
COMMIT;
SELECT id FROM t WHERE id >= 200 ORDER BY id;
BEGIN;
SELECT 1/0;
COMMIT;
COMMIT;
BEGIN;
BEGIN;
ROLLBACK AND CHAIN;
ROLLBACK;
BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY DEFERRABLE;
SHOW transaction_isolation;
INSERT INTO t VALUES (300, 'x');
ROLLBACK;
\echo == settings
SHOW search_path;
SET search_path TO public, drv;
SHOW search_path;
RESET search_path;
SHOW search_path;
SET TIME ZONE 'Asia/Tokyo';
SELECT timestamptz '2024-01-01 00:00:00Z';
SET DateStyle = 'German';
SELECT date '2024-12-31';
RESET DateStyle;
RESET TIME ZONE;
BEGIN;
SET LOCAL work_mem = '7MB';
SHOW work_mem;
COMMIT;
SHOW work_mem;
SET work_mem = '9MB';
BEGIN;
SET work_mem = '10MB';
ROLLBACK;
SHOW work_mem;
RESET ALL;
SHOW work_mem;
SET no_such_setting = 1;
SET my.own = 'custom';
SHOW my.own;
\echo == encoding
SET client_encoding = 'LATIN1';
\encoding
SELECT length('abc');
\encoding UTF8
SELECT 'ü';
\echo == prepared
PREPARE p (int) AS SELECT $1 * 2 AS doubled;
EXECUTE p(21);
EXECUTE p(4);
PREPARE p AS SELECT 1;
DEALLOCATE p;
EXECUTE p(1);
\echo == cursors
BEGIN;
DECLARE c SCROLL CURSOR FOR SELECT g FROM generate_series(1, 10) g;
FETCH 3 FROM c;
MOVE 2 IN c;
FETCH BACKWARD 2 FROM c;
CLOSE c;
FETCH c;
ROLLBACK;
DECLARE c CURSOR FOR SELECT 1;
\set FETCH_COUNT 3
SELECT g, repeat('x', g) FROM generate_series(1, 8) g;
\unset FETCH_COUNT
\echo == copy
COPY t (id, v) FROM STDIN;
500	five	hundred
\.
COPY t (id, v) FROM STDIN WITH (FORMAT csv);
501,"with, comma"
502,"zwölf"
\.
COPY (SELECT * FROM t WHERE id >= 500 ORDER BY id) TO STDOUT WITH (FORMAT csv, HEADER);
COPY t FROM STDIN;
1	duplicate
\.
SELECT count(*) FROM t WHERE id >= 500;
\copy (SELECT 1/0) TO STDOUT
\copy nowhere FROM STDIN
SELECT 1\; COPY (SELECT 'in the middle') TO STDOUT\; SELECT 2;
\echo == notify
LISTEN chan;
NOTIFY chan, 'hello';
SELECT 1;
UNLISTEN *;
NOTIFY chan, 'nobody';
SELECT 2;
\echo == advisory locks
SELECT pg_advisory_lock(77);
SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 77;
SELECT pg_advisory_unlock(77);
SELECT pg_advisory_unlock(77);
BEGIN;
SELECT pg_try_advisory_xact_lock(78);
COMMIT;
\echo == temporary tables
CREATE TEMP TABLE tmp (x int) ON COMMIT PRESERVE ROWS;
INSERT INTO tmp VALUES (1), (2);
SELECT sum(x) FROM tmp;
DROP TABLE tmp;
\echo == timeouts
SET statement_timeout = 100;
SELECT pg_sleep(5);
SHOW statement_timeout;
RESET statement_timeout;
SET lock_timeout = '1s';
\echo == sequences
CREATE SEQUENCE s;
BEGIN;
SELECT nextval('s'), currval('s'), lastval();
COMMIT;
\echo == roles
SELECT session_user, current_user;
SET ROLE none;
SET ROLE postgres;
SET SESSION AUTHORIZATION DEFAULT;
\echo == large
SELECT length(repeat('0123456789', 300000));
SELECT repeat('0123456789', 300000) AS big \gset
SELECT md5(:'big'), length(:'big');
SELECT md5(string_agg(g::text, ',')) FROM generate_series(1, 200000) g;
\echo == reconnect
\connect
SHOW work_mem;
SELECT 'again';
\echo == discard
SET work_mem = '11MB';
DISCARD ALL;
SHOW work_mem;
CALL nothing();
VACUUM t;
CREATE INDEX CONCURRENTLY ON t (v);
BEGIN;
VACUUM t;
ROLLBACK;
EXPLAIN (COSTS off) SELECT * FROM t WHERE id = 1;
\echo == two phases
BEGIN;
PREPARE TRANSACTION 'gid';
\echo == catalog
\d t
\dt
\dT
\df nothing
