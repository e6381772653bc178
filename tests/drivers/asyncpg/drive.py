# SPDX-License-Identifier: PostgreSQL
"""drive.py: asyncpg, which prepares everything by name and keeps the statements in a cache."""
import asyncio
import datetime
import decimal
import io
import uuid

import asyncpg

from transcript import DATABASE, HOST, PASSWORD, PORT, SSLMODE, USER, case, fails, run, show


async def connect(**kwargs):
    wanted = dict(host=HOST, port=PORT, user=USER, password=PASSWORD, database=DATABASE, ssl=SSLMODE)
    wanted.update(kwargs)
    return await asyncpg.connect(**wanted)


def on_loop(function):
    def whole():
        asyncio.run(function())
    whole.__name__ = function.__name__
    return case(whole)


@on_loop
async def connecting():
    c = await connect(server_settings={"application_name": "drive-app", "work_mem": "7MB"})
    show("row", tuple(await c.fetchrow("SELECT current_user, current_setting('application_name'), current_setting('work_mem')")))
    show("settings", [c.get_settings().TimeZone, c.get_settings().client_encoding, tuple(c.get_server_version())[:2]])
    await c.close()
    with fails("wrong password"):
        await connect(password="wrong")
    with fails("bad setting"):
        await connect(server_settings={"work_mem": "lots"})


@on_loop
async def types():
    c = await connect()
    for kind, value in (("int4", 7), ("int8", -2 ** 40), ("numeric", decimal.Decimal("12.3400")), ("float8", 1.5),
                        ("text", "grüße € 😀"), ("bytea", b"\x00\x01\xff"), ("bool", True), ("text", None),
                        ("date", datetime.date(2024, 2, 29)), ("interval", datetime.timedelta(days=3, seconds=4)),
                        ("timestamptz", datetime.datetime(2024, 2, 29, 1, 2, tzinfo=datetime.timezone.utc)),
                        ("uuid", uuid.UUID(int=7)), ("json", '{"a": [1, null]}'), ("jsonb", '{"b": 2}'),
                        ("int4[]", [1, None, 3]), ("text[]", [["a", 'b"c'], ["d", "ü"]]), ("int4range", asyncpg.Range(1, 5))):
        show(kind, str(await c.fetchval("SELECT $1::" + kind, value)))
    await c.execute("CREATE TYPE mood AS ENUM ('sad', 'happy'); CREATE TYPE duo AS (a int, b text)")
    show("enum", await c.fetchval("SELECT $1::mood", "happy"))
    show("composite", tuple(await c.fetchval("SELECT $1::duo", (1, "x, y"))))
    await c.close()


@on_loop
async def prepared():
    c = await connect(statement_cache_size=20)
    statement = await c.prepare("SELECT $1::int * 2")
    show("sum", sum([await statement.fetchval(i) for i in range(100)]))
    show("many", sum([await c.fetchval("SELECT %d + $1::int" % i, 1) for i in range(60)]))
    show("parameters", [p.name for p in statement.get_parameters()])
    await c.execute("CREATE TABLE pre (id int PRIMARY KEY, v text)")
    await c.executemany("INSERT INTO pre VALUES ($1, $2)", [(i, "v%d" % i) for i in range(1000)])
    show("count", await c.fetchval("SELECT count(*) FROM pre"))
    with fails("one of many"):
        await c.executemany("INSERT INTO pre VALUES ($1, $2)", [(2000, "x"), (1, "y"), (2001, "z")])
    show("still", await c.fetchval("SELECT count(*) FROM pre"))
    show("tag", await c.execute("UPDATE pre SET v = 'w' WHERE id < 5"))
    await c.close()


@on_loop
async def pool_of_20():
    c = await connect()
    await c.execute("CREATE TABLE busy (id bigserial PRIMARY KEY, who int)")
    await c.close()

    async def work(pool, who):
        async with pool.acquire() as c:
            async with c.transaction():
                await c.execute("INSERT INTO busy (who) VALUES ($1)", who)
                assert await c.fetchval("SELECT $1::int", who) == who
    async with asyncpg.create_pool(host=HOST, port=PORT, user=USER, password=PASSWORD, database=DATABASE, ssl=SSLMODE,
                                   min_size=20, max_size=20) as pool:
        await asyncio.gather(*(work(pool, i) for i in range(200)))
        show("counts", tuple(await pool.fetchrow("SELECT count(*), count(DISTINCT who) FROM busy")))


@on_loop
async def transactions_and_errors():
    c = await connect()
    await c.execute("CREATE TABLE tx (id int PRIMARY KEY)")
    async with c.transaction():
        await c.execute("INSERT INTO tx VALUES (1)")
        with fails("unique", asyncpg.UniqueViolationError):
            async with c.transaction():
                await c.execute("INSERT INTO tx VALUES (1)")
        await c.execute("INSERT INTO tx VALUES (2)")
    for query in ("SELEC 1", "SELECT 1/0", "SELECT * FROM nowhere"):
        with fails(query):
            await c.fetch(query)
    with fails("rolled back"):
        async with c.transaction(isolation="serializable"):
            await c.execute("INSERT INTO tx VALUES (3)")
            await c.fetch("SELECT 1/0")
    show("rows", [r[0] for r in await c.fetch("SELECT id FROM tx ORDER BY id")])
    await c.execute("SET search_path TO public, drv")
    show("path", await c.fetchval("SHOW search_path"))
    await c.reset()
    show("path", await c.fetchval("SHOW search_path"))
    await c.close()


@on_loop
async def copying():
    c = await connect()
    await c.execute("CREATE TABLE co (a int, b text)")
    show("in", await c.copy_records_to_table("co", records=[(i, "ü%d" % i) for i in range(5000)]))
    out = io.BytesIO()
    show("out", await c.copy_from_query("SELECT * FROM co ORDER BY a LIMIT 3", output=out))
    show("text", out.getvalue())
    with fails("bad"):
        await c.copy_to_table("co", source=io.BytesIO(b"x\ty\n"))
    show("rows", await c.fetchval("SELECT count(*) FROM co"))
    await c.close()


@on_loop
async def listening():
    a, b = await connect(), await connect()
    heard = asyncio.Queue()
    await a.add_listener("chan", lambda _c, _pid, channel, payload: heard.put_nowait((channel, payload)))
    await b.execute("NOTIFY chan, 'hello'")
    show("heard", await asyncio.wait_for(heard.get(), 10))
    await a.close()
    await b.close()


@on_loop
async def cancelling():
    c = await connect()
    with fails("cancelled"):
        await c.execute("SELECT pg_sleep(20)", timeout=0.4)
    show("again", await c.fetchval("SELECT 1"))
    await c.execute("SET statement_timeout = 100")
    with fails("late"):
        await c.execute("SELECT pg_sleep(20)")
    await c.close()


@on_loop
async def cursors_and_large_values():
    c = await connect()
    async with c.transaction():
        show("sum", sum([r[0] async for r in c.cursor("SELECT generate_series(1, $1::int)", 1000, prefetch=50)]))
        cursor = await c.cursor("SELECT generate_series(1, 100)")
        await cursor.forward(10)
        show("few", [r[0] for r in await cursor.fetch(3)])
    big = "0123456789äöü€" * 400000
    show("large", await c.fetchval("SELECT $1::text", big) == big)
    show("lock", await c.fetchval("SELECT pg_try_advisory_lock(5)"))
    await c.execute("CREATE TEMP TABLE tmp AS SELECT 4 AS x")
    show("temporary", await c.fetchval("SELECT x FROM tmp"))
    await c.close()


if __name__ == "__main__":
    run(asyncpg.__version__)
