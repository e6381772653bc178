// SPDX-License-Identifier: PostgreSQL
// drive.js: node-postgres (pg): clients, a pool of 20, named statements, cursors, COPY, notifications.
import fs from "node:fs";
import { once } from "node:events";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import pg from "pg";
import Cursor from "pg-cursor";
import { from as copyFrom, to as copyTo } from "pg-copy-streams";

const ssl = process.env.PGSSLROOTCERT ? { ca: fs.readFileSync(process.env.PGSSLROOTCERT) } : false;
const show = (what, value) => console.log(`${what}: ${JSON.stringify(value)}`);

async function connect(more = {}) {
  const client = new pg.Client({ ssl, ...more });
  await client.connect();
  return client;
}

async function fails(what, promise) {
  try {
    await promise;
  } catch (e) {
    return show(what, [e.code, e.severity, e.message, e.detail, e.constraint]);
  }
  throw new Error(`${what} should have failed`);
}

const cases = {
  async connecting() {
    const c = await connect({ application_name: "drive-app", options: "-c work_mem=7MB", statement_timeout: 9000 });
    show("row", (await c.query("SELECT current_user, current_setting('application_name'), current_setting('work_mem') AS m, current_setting('statement_timeout') AS t")).rows);
    await c.end();
    await fails("wrong password", connect({ password: "wrong" }));
  },
  async types(c) {
    const row = await c.query(`SELECT 1::int4 a, 2::int8 b, 1.50::numeric c, 2.5::float8 d, 'ä€😀' e, '\\x00ff'::bytea f, true g, NULL h,
      '2024-02-29 12:00Z'::timestamptz i, '6f1c0d1e-0000-4000-8000-000000000001'::uuid j, '{"a":[1,null]}'::json k, ARRAY[1,NULL] l, ARRAY['x','y"z'] m`);
    show("values", row.rows);
    show("kinds", row.fields.map((f) => [f.name, f.dataTypeID, f.format]));
    for (const v of [1, "ü", null, true, { a: 1 }, Buffer.from([0, 255]), new Date(0)])
      show("round trip", (await c.query(`SELECT $1::${v === null || typeof v !== "object" ? "text" : v instanceof Date ? "timestamptz" : Buffer.isBuffer(v) ? "bytea" : "jsonb"} v`, [v])).rows);
    await c.query("CREATE TYPE mood AS ENUM ('sad', 'happy'); CREATE TYPE duo AS (a int, b text)");
    show("custom", (await c.query("SELECT $1::mood, ROW(1, 'x, y')::duo", ["happy"])).rows);
    show("several", (await c.query("SELECT 1 a; SELECT 2 b; CREATE TABLE ty (x int)")).map((r) => [r.command, r.rowCount, r.rows]));
  },
  async prepared(c) {
    await c.query("CREATE TABLE pre (id int PRIMARY KEY, v text)");
    for (let i = 0; i < 100; i++)
      await c.query({ name: "ins", text: "INSERT INTO pre VALUES ($1, $2)", values: [i, `v${i}`] });
    let sum = 0;
    for (let i = 0; i < 100; i++)
      sum += (await c.query({ name: "sel", text: "SELECT id FROM pre WHERE id = $1", values: [i] })).rows[0].id;
    show("sum", sum);
    await fails("duplicate", c.query({ name: "ins", text: "INSERT INTO pre VALUES ($1, $2)", values: [1, "x"] }));
    await fails("broken", c.query({ name: "bad", text: "SELEC $1", values: [1] }));
    show("after", (await c.query({ name: "sel", text: "SELECT id FROM pre WHERE id = $1", values: [7] })).rows);
  },
  async queued(c) {
    show("in order", (await Promise.all([...Array(100).keys()].map((i) => c.query("SELECT $1::int v", [i])))).map((r) => r.rows[0].v));
  },
  async pool_of_20(c) {
    await c.query("CREATE TABLE busy (id bigserial PRIMARY KEY, who int)");
    const pool = new pg.Pool({ ssl, max: 20 });
    await Promise.all([...Array(200).keys()].map(async (who) => {
      const one = await pool.connect();
      await one.query("BEGIN");
      await one.query({ name: "busy", text: "INSERT INTO busy (who) VALUES ($1)", values: [who] });
      await one.query("COMMIT");
      one.release();
    }));
    show("counts", (await pool.query("SELECT count(*), count(DISTINCT who) d FROM busy")).rows);
    await pool.end();
  },
  async transactions(c) {
    await c.query("CREATE TABLE tx (id int PRIMARY KEY)");
    await c.query("BEGIN");
    await c.query("INSERT INTO tx VALUES (1)");
    await c.query("SAVEPOINT s");
    await fails("unique", c.query("INSERT INTO tx VALUES (1)"));
    await fails("aborted", c.query("SELECT 1"));
    await c.query("ROLLBACK TO s");
    await c.query("COMMIT");
    await fails("syntax", c.query("SELEC 1"));
    await fails("division", c.query("SELECT 1/$1::int", [0]));
    show("rows", (await c.query("SELECT * FROM tx")).rows);
    await c.query("SET search_path TO public, drv");
    show("path", (await c.query("SHOW search_path")).rows);
    await c.query("BEGIN; SET LOCAL work_mem = '7MB'");
    show("local", (await c.query("SHOW work_mem")).rows);
    await c.query("ROLLBACK");
    show("after", (await c.query("SHOW work_mem")).rows);
  },
  async copying(c) {
    await c.query("CREATE TABLE co (a int, b text)");
    await pipeline(Readable.from(Array.from({ length: 5000 }, (_, i) => `${i}\tzeile ü ${i}\n`)), c.query(copyFrom("COPY co FROM STDIN")));
    let size = 0;
    const out = c.query(copyTo("COPY (SELECT * FROM co ORDER BY a) TO STDOUT"));
    for await (const block of out) size += block.length;
    show("size", size);
    await fails("bad row", pipeline(Readable.from(["x\ty\n"]), c.query(copyFrom("COPY co FROM STDIN"))));
    show("rows", (await c.query("SELECT count(*) FROM co")).rows);
  },
  async listening(c) {
    const other = await connect();
    await c.query("LISTEN chan");
    const heard = once(c, "notification");
    await other.query("SELECT pg_notify('chan', 'hello')");
    const [n] = await heard;
    show("heard", [n.channel, n.payload]);
    await other.end();
  },
  async timeouts(c) {
    await c.query("SET statement_timeout = 100");
    await fails("late", c.query("SELECT pg_sleep(20)"));
    show("again", (await c.query("SELECT 1 v")).rows);
  },
  async cursors(c) {
    const cursor = c.query(new Cursor("SELECT generate_series(1, $1::int) v", [1000]));
    show("first", await cursor.read(3));
    show("next", (await cursor.read(100)).length);
    await cursor.close();
    show("after", (await c.query("SELECT 1 v")).rows);
  },
  async large_values(c) {
    const big = "0123456789äöü€".repeat(300000);
    show("same", (await c.query("SELECT $1::text v", [big])).rows[0].v === big);
  },
  async locks_and_temporary(c) {
    const other = await connect();
    await c.query("SELECT pg_advisory_lock(5)");
    show("other", (await other.query("SELECT pg_try_advisory_lock(5)")).rows);
    await c.query("CREATE TEMP TABLE tmp AS SELECT 4 x");
    show("temporary", (await c.query("SELECT * FROM tmp")).rows);
    await fails("of another", other.query("SELECT * FROM tmp"));
    await other.end();
  },
};

console.log(`# version ${JSON.parse(fs.readFileSync("node_modules/pg/package.json")).version}`);
for (const [name, run] of Object.entries(cases)) {
  console.log(`== ${name}`);
  const client = await connect();
  await run(client);
  await client.end();
}
