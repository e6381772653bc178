// SPDX-License-Identifier: PostgreSQL
// drive.js: postgres.js, which pipelines and prepares everything over a pool of its own.
import fs from "node:fs";
import postgres from "postgres";

const show = (what, value) => console.log(`${what}: ${JSON.stringify(value)}`);
const connect = (more = {}) =>
  postgres({ ssl: process.env.PGSSLROOTCERT ? { ca: fs.readFileSync(process.env.PGSSLROOTCERT) } : false, onnotice() {}, ...more });

async function fails(what, promise) {
  try {
    await promise;
  } catch (e) {
    return show(what, [e.code, e.severity, e.message, e.detail, e.constraint_name]);
  }
  throw new Error(`${what} should have failed`);
}

const cases = {
  async connecting() {
    const sql = connect({ connection: { application_name: "drive-app", work_mem: "7MB" } });
    show("row", await sql`SELECT current_user, current_setting('application_name') a, current_setting('work_mem') m`);
    await sql.end();
    const wrong = connect({ password: "wrong" });
    await fails("wrong password", wrong`SELECT 1`);
    await wrong.end();
  },
  async types(sql) {
    show("values", await sql`SELECT 1::int4 a, 2::int8 b, 1.50::numeric c, 2.5::float8 d, 'ä€😀' e, '\\x00ff'::bytea f, true g, NULL h,
      '2024-02-29 12:00Z'::timestamptz i, '6f1c0d1e-0000-4000-8000-000000000001'::uuid j, '{"a":[1,null]}'::json k, ARRAY[1,NULL] l`);
    show("arguments", await sql`SELECT ${1}::int a, ${"ü"} b, ${null}::int c, ${sql.json({ a: 1 })}::jsonb d, ${sql.array([1, 2])}::int[] e, ${new Date(0)}::timestamptz f`);
    await sql`CREATE TYPE mood AS ENUM ('sad', 'happy')`.simple();
    show("enum", await sql`SELECT ${"happy"}::mood m`);
    show("several", await sql`SELECT 1 a; SELECT 2 b`.simple());
  },
  async pool_of_20() {
    const sql = connect({ max: 20 });
    await sql`CREATE TABLE busy (id bigserial PRIMARY KEY, who int)`;
    await Promise.all([...Array(300).keys()].map((who) => sql.begin(async (tx) => {
      await tx`INSERT INTO busy (who) VALUES (${who})`;
      await tx`SELECT count(*) FROM busy WHERE who = ${who}`;
    })));
    show("pipelined", (await Promise.all([...Array(500).keys()].map((i) => sql`SELECT ${i}::int v`))).reduce((n, r) => n + r[0].v, 0));
    show("counts", await sql`SELECT count(*), count(DISTINCT who) d FROM busy`);
    await sql.end();
  },
  async transactions(sql) {
    await sql`CREATE TABLE tx (id int PRIMARY KEY)`;
    await sql.begin(async (tx) => {
      await tx`INSERT INTO tx ${tx([{ id: 1 }, { id: 2 }])}`;
      await fails("unique", tx.savepoint((s) => s`INSERT INTO tx VALUES (1)`));
      await tx`SET LOCAL work_mem = '7MB'`;
      show("local", await tx`SHOW work_mem`);
    });
    await fails("rolled back", sql.begin(async (tx) => {
      await tx`INSERT INTO tx VALUES (3)`;
      await tx`SELECT 1/${0}::int`;
    }));
    await fails("syntax", sql`SELEC 1`);
    show("rows", await sql`SELECT * FROM tx`);
    show("after", await sql`SHOW work_mem`);
    const own = await sql.reserve();
    await own`SET search_path TO public, drv`;
    show("path", await own`SHOW search_path`);
    own.release();
  },
  async cursors(sql) {
    let sum = 0;
    await sql`SELECT generate_series(1, ${1000}::int) v`.cursor(50, (rows) => { sum += rows.reduce((n, r) => n + r.v, 0); });
    show("sum", sum);
    const big = "0123456789äöü€".repeat(300000);
    show("same", (await sql`SELECT ${big}::text v`)[0].v === big);
  },
  async copying(sql) {
    await sql`CREATE TABLE co (a int, b text)`;
    const writable = await sql`COPY co FROM STDIN`.writable();
    await new Promise((done, fail) => {
      writable.on("error", fail).on("finish", done);
      for (let i = 0; i < 5000; i++) writable.write(`${i}\tzeile ü ${i}\n`);
      writable.end();
    });
    let size = 0;
    for await (const block of await sql`COPY (SELECT * FROM co ORDER BY a) TO STDOUT`.readable()) size += block.length;
    show("size", size);
  },
  async listening(sql) {
    const heard = new Promise((done) => { sql.listen("chan", done).then(() => sql.notify("chan", "hello")); });
    show("heard", await heard);
  },
  async cancelling(sql) {
    const query = sql`SELECT pg_sleep(20)`.execute();
    setTimeout(() => query.cancel(), 400); // the subject: a caller who gives up
    await fails("cancelled", query);
    await fails("late", sql.begin(async (tx) => {
      await tx`SET LOCAL statement_timeout = 100`;
      await tx`SELECT pg_sleep(20)`;
    }));
    show("again", await sql`SELECT 7 v`);
  },
};

console.log(`# version ${JSON.parse(fs.readFileSync("node_modules/postgres/package.json")).version}`);
for (const [name, run] of Object.entries(cases)) {
  console.log(`== ${name}`);
  const sql = connect({ max: 3 });
  await run(sql);
  await sql.end({ timeout: 5 });
}
