# SPDX-License-Identifier: PostgreSQL
"""drive.py: psycopg2, which sends everything as simple queries."""
import concurrent.futures
import datetime
import decimal
import io
import select
import threading
import uuid

import psycopg2
import psycopg2.extras
import psycopg2.pool

from transcript import DATABASE, HOST, PASSWORD, PORT, SSLMODE, USER, case, fails, run, show

INFO = dict(host=HOST, port=PORT, user=USER, password=PASSWORD, dbname=DATABASE, sslmode=SSLMODE)
psycopg2.extras.register_uuid()


def connect(autocommit=False, **more):
    c = psycopg2.connect(**dict(INFO, **more))
    c.autocommit = autocommit
    return c


def rows(c, sql, values=None):
    with c.cursor() as cur:
        cur.execute(sql, values)
        return cur.fetchall() if cur.description else cur.statusmessage


@case
def connecting():
    c = connect(application_name="drive-app", options="-c work_mem=7MB")
    show("row", rows(c, "SELECT current_user, current_setting('application_name'), current_setting('work_mem')"))
    show("parameters", [c.server_version, c.encoding, c.get_parameter_status("DateStyle")])
    c.close()
    with fails("wrong password"):
        connect(password="wrong")


@case
def types():
    c = connect()
    for value in (1, -2 ** 40, 1.5, decimal.Decimal("12.3400"), "grüße € 😀 '\"\\", b"\x00\x01\xff", True, None, [1, None],
                  ["x", 'y"z'], datetime.date(2024, 2, 29), datetime.timedelta(days=3), uuid.UUID(int=7),
                  datetime.datetime(2024, 2, 29, 1, 2, tzinfo=datetime.timezone.utc), psycopg2.extras.Json({"a": [1, None]})):
        show("value", rows(c, "SELECT %s", [value])[0])
    c.rollback()
    rows(c, "CREATE TYPE mood AS ENUM ('sad', 'happy'); CREATE TYPE duo AS (a int, b text)")
    c.commit()
    psycopg2.extras.register_composite("duo", c)
    show("custom", [tuple(v) if isinstance(v, tuple) else v for v in rows(c, "SELECT 'happy'::mood, ROW(1, 'x, y')::duo")[0]])
    show("batch", psycopg2.extras.execute_batch(c.cursor(), "SELECT %s", [(i,) for i in range(300)]))
    c.close()


@case
def transactions():
    c = connect()
    show("create", rows(c, "CREATE TABLE tx (id int PRIMARY KEY)"))
    c.commit()
    rows(c, "INSERT INTO tx VALUES (1)")
    rows(c, "SAVEPOINT s")
    with fails("unique"):
        rows(c, "INSERT INTO tx VALUES (1)")
    with fails("aborted"):
        rows(c, "SELECT 1")
    rows(c, "ROLLBACK TO s")
    c.commit()
    for sql in ("SELEC 1", "SELECT 1/0", "SELECT * FROM nowhere"):
        with fails(sql):
            rows(c, sql)
        c.rollback()
    c.set_session(isolation_level="SERIALIZABLE", readonly=True)
    with fails("read only"):
        rows(c, "INSERT INTO tx VALUES (2)")
    c.rollback()
    c.close()
    c = connect(True)
    rows(c, "SET search_path TO public, drv")
    show("path", rows(c, "SHOW search_path"))
    c.reset()
    show("path after a reset", rows(c, "SHOW search_path"))
    show("rows", rows(c, "SELECT * FROM tx"))
    c.close()


@case
def pool_of_20():
    c = connect(True)
    rows(c, "CREATE TABLE busy (id bigserial PRIMARY KEY, who int)")
    pool = psycopg2.pool.ThreadedConnectionPool(1, 20, **INFO)
    free = threading.Semaphore(20)

    def work(who):
        with free:
            one = pool.getconn()
            rows(one, "INSERT INTO busy (who) VALUES (%s)", [who])
            one.commit()
            pool.putconn(one)
    with concurrent.futures.ThreadPoolExecutor(20) as threads:
        list(threads.map(work, range(200)))
    pool.closeall()
    show("counts", rows(c, "SELECT count(*), count(DISTINCT who) FROM busy"))
    c.close()


@case
def copying():
    c = connect(True)
    rows(c, "CREATE TABLE co (a int, b text)")
    with c.cursor() as cur:
        cur.copy_expert("COPY co FROM STDIN", io.StringIO("1\tzeile ü\n" * 5000))
        show("in", cur.rowcount)
        out = io.StringIO()
        cur.copy_expert("COPY co TO STDOUT", out)
        show("out", len(out.getvalue()))
        with fails("bad"):
            cur.copy_expert("COPY co FROM STDIN", io.StringIO("x\ty\n"))
    show("rows", rows(c, "SELECT count(*) FROM co"))
    c.close()


@case
def listening_and_cancelling():
    a, b = connect(True), connect(True)
    rows(a, "LISTEN chan")
    rows(b, "NOTIFY chan, 'hello'")
    while not a.notifies:
        select.select([a], [], [], 10)
        a.poll()
    show("heard", [a.notifies[0].channel, a.notifies[0].payload])
    timer = threading.Timer(0.4, b.cancel)
    timer.start()
    with fails("cancelled"):
        rows(b, "SELECT pg_sleep(20)")
    rows(b, "SET statement_timeout = 100")
    with fails("late"):
        rows(b, "SELECT pg_sleep(20)")
    show("lock", rows(a, "SELECT pg_advisory_lock(5)"))
    show("other", rows(b, "SELECT pg_try_advisory_lock(5)"))
    a.close()
    b.close()


@case
def cursors_and_large_values():
    c = connect()
    cur = c.cursor("named")
    cur.itersize = 50
    cur.execute("SELECT generate_series(1, 1000)")
    show("few", cur.fetchmany(3))
    show("rest", sum(r[0] for r in cur))
    c.commit()
    big = "0123456789äöü€" * 400000
    show("same", rows(c, "SELECT %s", [big])[0][0] == big)
    rows(c, "CREATE TEMP TABLE tmp AS SELECT 4 AS x")
    c.commit()
    show("temporary", rows(c, "SELECT x FROM tmp"))
    large = c.lobject(0, "wb")
    large.write(b"\x00\xff" * 300000)
    large.seek(0)
    show("large object", c.lobject(large.oid, "rb").read() == b"\x00\xff" * 300000)
    large.unlink()
    c.commit()
    c.close()


if __name__ == "__main__":
    run(psycopg2.__version__.split()[0])
