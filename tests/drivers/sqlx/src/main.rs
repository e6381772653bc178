// SPDX-License-Identifier: PostgreSQL
// main.rs: sqlx, which prepares every query by name and keeps the statements, over pools of its own.
use futures_util::TryStreamExt;
use sqlx::postgres::{PgConnectOptions, PgListener, PgPool, PgPoolOptions, PgSslMode};
use sqlx::{Acquire, Connection, Executor, PgConnection, Row};
use std::time::Duration;

type Result<T> = std::result::Result<T, sqlx::Error>;

fn options() -> PgConnectOptions {
    let o = PgConnectOptions::new();
    match std::env::var("PGSSLROOTCERT") {
        Ok(root) => o.ssl_mode(PgSslMode::VerifyFull).ssl_root_cert(root),
        Err(_) => o.ssl_mode(PgSslMode::Disable),
    }
}

async fn pool(size: u32) -> Result<PgPool> {
    PgPoolOptions::new().max_connections(size).acquire_timeout(Duration::from_secs(60)).connect_with(options()).await
}

fn fails<T>(what: &str, r: Result<T>) {
    match r {
        Ok(_) => panic!("{what} should have failed"),
        Err(sqlx::Error::Database(e)) => println!("{what}: {:?} {} {:?}", e.code(), e.message(), e.constraint()),
        Err(e) => println!("{what}: {e}"),
    }
}

async fn connecting() -> Result<()> {
    let o = options().application_name("drive-app").options([("work_mem", "7MB")]);
    let mut c = PgConnection::connect_with(&o).await?;
    let row: (String, String) = sqlx::query_as("SELECT current_setting('application_name'), current_setting('work_mem')").fetch_one(&mut c).await?;
    println!("settings: {row:?}");
    c.ping().await?;
    c.close().await?;
    fails("wrong password", PgConnection::connect_with(&options().password("wrong")).await);
    Ok(())
}

async fn types(p: &PgPool) -> Result<()> {
    let row = sqlx::query("SELECT $1::int4, $2::int8, $3::float8, $4::text, $5::bytea, $6::bool, $7::int4, $8::uuid, $9::jsonb, $10::int4[]")
        .bind(1i32).bind(-2i64).bind(2.5f64).bind("ä€😀").bind(vec![0u8, 255]).bind(true).bind(None::<i32>)
        .bind(sqlx::types::Uuid::from_u128(7)).bind(sqlx::types::Json(vec![Some(1), None])).bind(vec![Some(1i32), None]).fetch_one(p).await?;
    println!("values: {} {} {} {} {:?} {} {:?} {} {:?} {:?}", row.get::<i32, _>(0), row.get::<i64, _>(1), row.get::<f64, _>(2),
        row.get::<String, _>(3), row.get::<Vec<u8>, _>(4), row.get::<bool, _>(5), row.get::<Option<i32>, _>(6),
        row.get::<sqlx::types::Uuid, _>(7), row.get::<sqlx::types::Json<Vec<Option<i32>>>, _>(8), row.get::<Vec<Option<i32>>, _>(9));
    p.execute("CREATE TYPE mood AS ENUM ('sad', 'happy'); CREATE TYPE duo AS (a int, b text)").await?;
    println!("enum: {}", sqlx::query("SELECT 'happy'::mood::text").fetch_one(p).await?.get::<String, _>(0));
    Ok(())
}

#[derive(sqlx::Type, Debug)]
#[sqlx(type_name = "mood", rename_all = "lowercase")]
enum Mood {
    Sad,
    Happy,
}

#[derive(sqlx::Type, Debug)]
#[sqlx(type_name = "duo")]
struct Duo {
    a: Option<i32>,
    b: Option<String>,
}

async fn custom(p: &PgPool) -> Result<()> {
    for mood in [Mood::Sad, Mood::Happy] {
        println!("{:?}", sqlx::query("SELECT $1::mood").bind(mood).fetch_one(p).await?.get::<Mood, _>(0));
    }
    println!("{:?}", sqlx::query("SELECT ROW(1, 'x, y')::duo").fetch_one(p).await?.get::<Duo, _>(0));
    Ok(())
}

async fn pool_of_20() -> Result<()> {
    let p = pool(20).await?;
    p.execute("CREATE TABLE busy (id bigserial PRIMARY KEY, who int)").await?;
    let tasks: Vec<_> = (0..200).map(|who| {
        let p = p.clone();
        tokio::spawn(async move {
            let mut tx = p.begin().await?;
            sqlx::query("INSERT INTO busy (who) VALUES ($1)").bind(who).execute(&mut *tx).await?;
            let n: i64 = sqlx::query_scalar(&format!("SELECT {} + $1::int8", who % 70)).bind(1i64).fetch_one(&mut *tx).await?;
            tx.commit().await?;
            Ok::<i64, sqlx::Error>(n)
        })
    }).collect();
    let mut sum = 0;
    for t in tasks {
        sum += t.await.unwrap()?;
    }
    println!("sum: {sum}");
    println!("counts: {:?}", sqlx::query_as::<_, (i64, i64)>("SELECT count(*), count(DISTINCT who) FROM busy").fetch_one(&p).await?);
    p.close().await;
    Ok(())
}

async fn transactions(p: &PgPool) -> Result<()> {
    let done = p.execute("CREATE TABLE tx (id int PRIMARY KEY)").await?;
    println!("rows: {}", done.rows_affected());
    let mut tx = p.begin().await?;
    sqlx::query("INSERT INTO tx VALUES ($1)").bind(1).execute(&mut *tx).await?;
    let mut inner = tx.begin().await?;
    fails("unique", sqlx::query("INSERT INTO tx VALUES ($1)").bind(1).execute(&mut *inner).await);
    inner.rollback().await?;
    tx.commit().await?;
    let mut c = p.acquire().await?;
    fails("division", sqlx::query("SELECT 1/$1::int").bind(0).execute(&mut *c).await);
    fails("syntax", sqlx::query("SELEC 1").execute(&mut *c).await);
    fails("table", sqlx::query("SELECT * FROM nowhere").execute(&mut *c).await);
    c.execute("SET search_path TO public, drv").await?;
    println!("path: {}", sqlx::query_scalar::<_, String>("SHOW search_path").fetch_one(&mut *c).await?);
    c.execute("SET statement_timeout = 100").await?;
    fails("late", sqlx::query("SELECT pg_sleep(20)").execute(&mut *c).await);
    println!("rows: {}", sqlx::query_scalar::<_, i64>("SELECT count(*) FROM tx").fetch_one(&mut *c).await?);
    Ok(())
}

async fn copy_and_listen(p: &PgPool) -> Result<()> {
    p.execute("CREATE TABLE co (a int, b text)").await?;
    let mut c = p.acquire().await?;
    let mut copy = c.copy_in_raw("COPY co FROM STDIN").await?;
    copy.send("1\tzeile ü\n".repeat(5000).as_bytes()).await?;
    println!("in: {}", copy.finish().await?);
    let mut copy = c.copy_in_raw("COPY co FROM STDIN").await?;
    copy.send("x\ty\n".as_bytes()).await?;
    fails("bad", copy.finish().await);
    let blocks: Vec<_> = c.copy_out_raw("COPY co TO STDOUT").await?.try_collect().await?;
    println!("out: {}", blocks.iter().map(|b| b.len()).sum::<usize>());
    drop(c);
    let mut listener = PgListener::connect_with(p).await?;
    listener.listen("chan").await?;
    p.execute("NOTIFY chan, 'hello'").await?;
    println!("heard: {}", listener.recv().await?.payload());
    let big = "0123456789äöü€".repeat(400000);
    println!("same: {}", sqlx::query_scalar::<_, String>("SELECT $1::text").bind(&big).fetch_one(p).await? == big);
    let mut rows = sqlx::query("SELECT generate_series(1, 1000)").fetch(p);
    let mut sum = 0;
    while let Some(row) = rows.try_next().await? {
        sum += row.get::<i32, _>(0);
    }
    println!("sum: {sum}");
    Ok(())
}

async fn migrations() -> Result<()> {
    let all: Vec<_> = (0..2).map(|_| tokio::spawn(async {
        let p = pool(2).await?;
        let at = std::path::Path::new(&std::env::var("DRIVER_CACHE").unwrap()).join("sqlx/migrations");
        sqlx::migrate::Migrator::new(at).await.unwrap().run(&p).await.unwrap();
        p.close().await;
        Ok::<(), sqlx::Error>(())
    })).collect();
    for one in all {
        one.await.unwrap()?;
    }
    let p = pool(1).await?;
    println!("applied: {:?}", sqlx::query_as::<_, (i64, bool)>("SELECT version, success FROM _sqlx_migrations ORDER BY 1").fetch_all(&p).await?);
    p.close().await;
    Ok(())
}

#[tokio::main]
async fn main() -> Result<()> {
    println!("# version {}", include_str!("../Cargo.toml").split("sqlx = { version = \"=").nth(1).unwrap().split('"').next().unwrap());
    println!("== connecting");
    connecting().await?;
    let p = pool(3).await?;
    println!("== types");
    types(&p).await?;
    println!("== custom types");
    custom(&p).await?;
    println!("== pool of 20");
    pool_of_20().await?;
    println!("== transactions");
    transactions(&p).await?;
    println!("== copy, notifications, large values");
    copy_and_listen(&p).await?;
    println!("== two migrators");
    migrations().await?;
    Ok(())
}
