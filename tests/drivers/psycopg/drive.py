# SPDX-License-Identifier: PostgreSQL
"""drive.py: psycopg 3: synchronous, asynchronous and pipelined."""
import asyncio
import concurrent.futures
import datetime
import decimal
import logging
import threading
import uuid

import psycopg
import psycopg_pool
from psycopg.types.composite import CompositeInfo, register_composite
from psycopg.types.enum import EnumInfo, register_enum
from psycopg.types.json import Jsonb

from transcript import DATABASE, HOST, PASSWORD, PORT, SSLMODE, USER, case, fails, run, show

# Whether an error in a pipeline is also logged when the pipeline ends depends on when the answers arrive.
logging.getLogger("psycopg").setLevel(logging.CRITICAL)
INFO = "host=%s port=%d user=%s password=%s dbname=%s sslmode=%s" % (HOST, PORT, USER, PASSWORD, DATABASE, SSLMODE)


def connect(**kwargs):
    return psycopg.connect(INFO, **kwargs)


@case
def connecting():
    with connect(application_name="drive-app", options="-c work_mem=7MB -c statement_timeout=9s") as c:
        show("row", c.execute("SELECT current_user, session_user, current_setting('application_name')").fetchone())
        show("options", c.execute("SELECT current_setting('work_mem'), current_setting('statement_timeout')").fetchone())
        show("server", c.info.server_version)
        show("encoding", c.info.encoding)
        show("zone", c.info.parameter_status("TimeZone"))
        show("strings", c.info.parameter_status("standard_conforming_strings"))
    with fails("wrong password"):
        psycopg.connect(INFO.replace(PASSWORD, "wrong")).close()
    with fails("bad option"):
        connect(options="-c work_mem=lots")


VALUES = [1, -2 ** 40, 2 ** 70, 1.5, decimal.Decimal("12.3400"), "grüße € 😀 '\"\\", b"\x00\x01\xff", True, None,
          datetime.date(2024, 2, 29), datetime.datetime(2024, 2, 29, 1, 2, 3, 4, datetime.timezone.utc),
          datetime.timedelta(days=3, seconds=4), uuid.UUID(int=7), Jsonb({"a": [1, None, "ü"]}), [1, 2, None], ["x", 'y"z', None],
          [[1, 2], [3, 4]]]


@case
def types():
    with connect() as c:
        for binary in (False, True):
            with c.cursor(binary=binary) as cur:
                for value in VALUES:
                    show("binary %s" % binary, cur.execute("SELECT %s", [value]).fetchone())
        show("literal", c.execute("SELECT '{}'::int[], int4range(1, 5), '10.0.0.1'::inet, '1 day'::interval").fetchone())
        show("tags", [c.execute(q).statusmessage for q in ("CREATE TABLE ty (a int)", "INSERT INTO ty SELECT 1", "DROP TABLE ty")])


@case
def custom_types():
    with connect(autocommit=True) as c:
        c.execute("CREATE TYPE mood AS ENUM ('sad', 'happy'); CREATE TYPE duo AS (a int, b text)")
        register_enum(EnumInfo.fetch(c, "mood"), c)
        register_composite(CompositeInfo.fetch(c, "duo"), c)
        show("enum", str(c.execute("SELECT 'happy'::mood").fetchone()[0]))
        show("composite", tuple(c.execute("SELECT ROW(1, 'x, y')::duo").fetchone()[0]))


@case
def prepared():
    with connect(prepare_threshold=2, autocommit=True) as c:
        c.execute("CREATE TABLE pre (id int PRIMARY KEY, v text)")
        for i in range(60):
            c.execute("INSERT INTO pre VALUES (%s, %s)", [i, "v%d" % i])
        for i in range(60):
            assert c.execute("SELECT v FROM pre WHERE id = %s", [i], prepare=True).fetchone() == ("v%d" % i,)
        for i in range(150):
            c.execute("SELECT %d + %%s" % i, [1], prepare=True)
        show("count", c.execute("SELECT count(*) FROM pre").fetchone())


@case
def many_connections():
    with connect(autocommit=True) as c:
        c.execute("CREATE TABLE busy (id bigserial PRIMARY KEY, who int)")

    def work(who):
        with connect(prepare_threshold=1, autocommit=True) as c:
            barrier.wait(20)
            for _ in range(15):
                with c.transaction():
                    c.execute("INSERT INTO busy (who) VALUES (%s)", [who])
                assert c.execute("SELECT %s::int", [who]).fetchone() == (who,)
    barrier = threading.Barrier(20)
    with concurrent.futures.ThreadPoolExecutor(20) as threads:
        list(threads.map(work, range(20)))
    with psycopg_pool.ConnectionPool(INFO, min_size=2, max_size=20) as pool:
        def count(_):
            with pool.connection() as c:
                return c.execute("SELECT count(*), count(DISTINCT who) FROM busy").fetchone()
        with concurrent.futures.ThreadPoolExecutor(20) as threads:
            show("counts", sorted(set(threads.map(count, range(60)))))


@case
def transactions():
    with connect() as c:
        c.execute("CREATE TABLE tx (id int PRIMARY KEY)")
        c.commit()
        c.execute("INSERT INTO tx VALUES (1)")
        c.rollback()
        show("after rollback", c.execute("SELECT count(*) FROM tx").fetchone())
        with c.transaction():
            c.execute("INSERT INTO tx VALUES (2)")
            with fails("unique", psycopg.errors.UniqueViolation):
                with c.transaction():
                    c.execute("INSERT INTO tx VALUES (2)")
            c.execute("INSERT INTO tx VALUES (3)")
        with fails("aborted"):
            try:
                c.execute("SELECT 1/0")
            except psycopg.Error as e:
                show("state", e.sqlstate)
            c.execute("SELECT 1")
        show("status", c.info.transaction_status.name)
        c.rollback()
        c.isolation_level = psycopg.IsolationLevel.SERIALIZABLE
        show("level", c.execute("SHOW transaction_isolation").fetchone())
        c.rollback()
        c.read_only = True
        with fails("read only"):
            c.execute("INSERT INTO tx VALUES (9)")
        c.rollback()


@case
def errors():
    with connect(autocommit=True) as c:
        for query in ("SELEC 1", "SELECT 1/0", "SELECT * FROM nowhere", "SELECT 'x'::int", "SELECT nofunction(1)"):
            with fails(query):
                c.execute(query)
        with fails("bind"):
            c.execute("SELECT %s::int", ["x"])
        c.execute("CREATE TABLE er (id int CONSTRAINT er_key PRIMARY KEY, v text NOT NULL)")
        try:
            c.execute("INSERT INTO er VALUES (1, NULL)")
        except psycopg.errors.NotNullViolation as e:
            d = e.diag
            show("diagnosis", [d.severity, d.sqlstate, d.message_primary, d.message_detail, d.schema_name, d.table_name, d.column_name])
        notices = []
        c.add_notice_handler(lambda d: notices.append((d.severity, d.sqlstate, d.message_primary)))
        c.execute("DO $$ BEGIN RAISE NOTICE 'hello'; END $$")
        show("notices", notices)


@case
def settings():
    with connect(autocommit=True) as c:
        c.execute("SET search_path TO public, drv")
        c.execute("SET TIME ZONE 'Asia/Tokyo'")
        show("zone reported", c.info.parameter_status("TimeZone"))
        for _ in range(20):
            assert c.execute("SHOW search_path").fetchone() == ("public, drv",)
        show("time", c.execute("SELECT timestamptz '2024-01-01 00:00Z'::text").fetchone())
        with c.transaction():
            c.execute("SET LOCAL work_mem = '7MB'")
            show("local", c.execute("SHOW work_mem").fetchone())
        show("after", c.execute("SHOW work_mem").fetchone())
        c.execute("RESET search_path")
        show("reset", c.execute("SHOW search_path").fetchone())
        c.execute("SELECT set_config('my.own', 'x', false)")
        show("own", c.execute("SELECT current_setting('my.own')").fetchone())


@case
def copying():
    with connect() as c:
        c.execute("CREATE TABLE co (a int, b text)")
        with c.cursor() as cur:
            with cur.copy("COPY co FROM STDIN") as copy:
                for i in range(5000):
                    copy.write_row((i, "zeile %d ü\t\\" % i))
            show("in", [cur.statusmessage, cur.rowcount])
            with cur.copy("COPY (SELECT * FROM co ORDER BY a) TO STDOUT (FORMAT binary)") as copy:
                show("out", sum(len(block) for block in copy))
            c.commit()
            with fails("bad row"):
                with cur.copy("COPY co FROM STDIN") as copy:
                    copy.write(b"1\tx\nnot a number\ty\n")
            c.rollback()
            with fails("given up"):
                with cur.copy("COPY co FROM STDIN") as copy:
                    copy.write(b"1\tx\n")
                    raise ValueError("the client gives up")
            c.rollback()
            show("rows", cur.execute("SELECT count(*) FROM co").fetchone())


@case
def pipelines():
    with connect(autocommit=True) as c:
        c.execute("CREATE TABLE pi (id int PRIMARY KEY)")
        with c.pipeline() as p:
            cursors = [c.execute("SELECT %s::int", [i]) for i in range(200)]
            c.execute("INSERT INTO pi VALUES (1)")
            p.sync()
            show("sum", sum(cur.fetchone()[0] for cur in cursors))
        with fails("in the middle"):
            with c.pipeline() as p:
                c.execute("INSERT INTO pi VALUES (2)")
                c.execute("INSERT INTO pi VALUES (1)")
                c.execute("INSERT INTO pi VALUES (3)")
                p.sync()
        show("rows", c.execute("SELECT array_agg(id ORDER BY id) FROM pi").fetchone())
        with c.cursor() as cur:
            cur.executemany("INSERT INTO pi VALUES (%s) RETURNING id", [(i,) for i in range(10, 40)], returning=True)
            show("many", cur.rowcount)


@case
def notifications():
    with connect(autocommit=True) as listener, connect(autocommit=True) as other:
        listener.execute("LISTEN chan")
        for i in range(3):
            other.execute("SELECT pg_notify('chan', %s)", ["word %d" % i])
        show("heard", [(n.channel, n.payload) for n in listener.notifies(timeout=10, stop_after=3)])
        listener.execute("UNLISTEN *")


@case
def cancelling():
    with connect(autocommit=True) as c:
        timer = threading.Timer(0.4, c.cancel_safe)
        timer.start()
        with fails("cancelled"):
            c.execute("SELECT pg_sleep(20)")
        timer.join()
        c.execute("SET statement_timeout = '100ms'")
        with fails("late"):
            c.execute("SELECT pg_sleep(20)")
        c.execute("RESET statement_timeout")
        show("again", c.execute("SELECT 1").fetchone())


@case
def cursors():
    with connect() as c:
        with c.cursor("named", scrollable=True) as cur:
            cur.itersize = 100
            cur.execute("SELECT generate_series(1, 1000)")
            show("few", cur.fetchmany(3))
            cur.scroll(10)
            show("one", cur.fetchone())
            show("rest", sum(r[0] for r in cur))
        c.commit()
        with c.cursor("held", withhold=True) as cur:
            cur.execute("SELECT generate_series(1, 10)")
            c.commit()
            show("held", cur.fetchall())
        with c.cursor() as cur:
            show("stream", sum(r[0] for r in cur.stream("SELECT generate_series(1, 500)")))


@case
def large_values():
    big = "0123456789äöü€" * 400000
    with connect() as c:
        show("round trip", c.execute("SELECT %s::text", [big]).fetchone()[0] == big)
        show("bytes", c.execute("SELECT %b", [b"\x00\xff" * 2000000]).fetchone()[0] == b"\x00\xff" * 2000000)
        show("rows", sum(len(r[0]) for r in c.execute("SELECT repeat('x', 1000) FROM generate_series(1, 5000)")))


@case
def locks_and_temporary():
    with connect(autocommit=True) as a, connect(autocommit=True) as b:
        a.execute("SELECT pg_advisory_lock(5)")
        show("other", b.execute("SELECT pg_try_advisory_lock(5)").fetchone())
        show("free", a.execute("SELECT pg_advisory_unlock(5)").fetchone())
        show("other then", b.execute("SELECT pg_try_advisory_lock(5)").fetchone())
        a.execute("CREATE TEMP TABLE tmp (x int)")
        a.execute("INSERT INTO tmp VALUES (4)")
        show("temporary", a.execute("SELECT x FROM tmp").fetchone())
        with fails("of another"):
            b.execute("SELECT x FROM tmp")


@case
def asynchronous():
    async def main():
        async with await psycopg.AsyncConnection.connect(INFO, autocommit=True) as c:
            await c.execute("CREATE TABLE asy (id int PRIMARY KEY)")

        async def work(i):
            async with await psycopg.AsyncConnection.connect(INFO, prepare_threshold=1) as c:
                await c.execute("INSERT INTO asy VALUES (%s)", [i])
                async with c.pipeline():
                    cur = await c.execute("SELECT %s::int * 2", [i])
                return (await cur.fetchone())[0]
        show("doubled", await asyncio.gather(*(work(i) for i in range(20))))
        async with await psycopg.AsyncConnection.connect(INFO) as c:
            show("rows", await (await c.execute("SELECT count(*) FROM asy")).fetchone())
    asyncio.run(main())


if __name__ == "__main__":
    run(psycopg.__version__)
