// SPDX-License-Identifier: PostgreSQL
// main.rs: tokio-postgres: pipelined by nature, statements prepared by name, COPY, cancel, notifications.
use bytes::Bytes;
use futures_util::{future, stream, SinkExt, StreamExt, TryStreamExt};
use std::sync::Arc;
use std::time::Duration;
use tokio_postgres::types::{Json, Type};
use tokio_postgres::{AsyncMessage, Client, Config, Error, NoTls, SimpleQueryMessage};

fn env(name: &str) -> String {
    std::env::var(name).unwrap()
}

fn config() -> Config {
    let mut c = Config::new();
    c.host(&env("PGHOST")).port(env("PGPORT").parse().unwrap()).user(&env("PGUSER")).password(env("PGPASSWORD")).dbname(&env("PGDATABASE"));
    c
}

async fn connect() -> Result<Client, Error> {
    let (client, connection) = config().connect(NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

fn fails<T>(what: &str, r: Result<T, Error>) {
    match r {
        Ok(_) => panic!("{what} should have failed"),
        Err(e) => match e.as_db_error() {
            Some(d) => println!("{what}: {} {} {} {:?} {:?}", d.severity(), d.code().code(), d.message(), d.detail(), d.constraint()),
            None => println!("{what}: {e}"),
        },
    }
}

async fn types(c: &Client) -> Result<(), Error> {
    let row = c.query_one("SELECT $1::int4, $2::int8, $3::float8, $4::text, $5::bytea, $6::bool, $7::int4, $8::uuid, $9::jsonb, $10::int4[]",
        &[&1i32, &-2i64, &2.5f64, &"ä€😀", &vec![0u8, 255], &true, &None::<i32>, &uuid::Uuid::from_u128(7),
          &Json(serde_json::json!({"a": [1, null]})), &vec![Some(1i32), None]]).await?;
    println!("values: {} {} {} {} {:?} {} {:?} {} {} {:?}", row.get::<_, i32>(0), row.get::<_, i64>(1), row.get::<_, f64>(2),
        row.get::<_, &str>(3), row.get::<_, &[u8]>(4), row.get::<_, bool>(5), row.get::<_, Option<i32>>(6),
        row.get::<_, uuid::Uuid>(7), row.get::<_, Json<serde_json::Value>>(8).0, row.get::<_, Vec<Option<i32>>>(9));
    c.batch_execute("CREATE TYPE mood AS ENUM ('sad', 'happy'); CREATE TYPE duo AS (a int, b text)").await?;
    let s = c.prepare("SELECT 'happy'::mood, ROW(1, 'x, y')::duo, $1::mood").await?;
    println!("custom: {:?} {:?}", s.columns().iter().map(|x| x.type_().name()).collect::<Vec<_>>(), s.params().iter().map(Type::name).collect::<Vec<_>>());
    for m in c.simple_query("SELECT 1 AS a; SELECT NULL; CREATE TABLE ty (x int); INSERT INTO ty VALUES (1), (2)").await? {
        match m {
            SimpleQueryMessage::Row(r) => println!("row: {:?}", r.get(0)),
            SimpleQueryMessage::CommandComplete(n) => println!("complete: {n}"),
            _ => {}
        }
    }
    Ok(())
}

async fn pipelined(c: &Client) -> Result<(), Error> {
    let s = c.prepare("SELECT $1::int * 2").await?;
    let numbers: Vec<i32> = (0..300).collect();
    let rows = future::try_join_all(numbers.iter().map(|n| async { Ok::<i32, Error>(c.query_one(&s, &[n]).await?.get(0)) })).await?;
    println!("sum: {}", rows.iter().sum::<i32>());
    c.batch_execute("CREATE TABLE pi (id int PRIMARY KEY)").await?;
    let insert = c.prepare("INSERT INTO pi VALUES ($1)").await?;
    let (a, b, d) = future::join3(c.execute(&insert, &[&1]), c.execute(&insert, &[&1]), c.execute(&insert, &[&2])).await;
    println!("first: {}", a?);
    fails("second", b);
    println!("third: {}", d?);
    Ok(())
}

async fn clients_of_20() -> Result<(), Error> {
    let c = connect().await?;
    c.batch_execute("CREATE TABLE busy (id bigserial PRIMARY KEY, who int)").await?;
    let all = (0..20).map(|who| tokio::spawn(async move {
        let mut c = connect().await?;
        let s = c.prepare("INSERT INTO busy (who) VALUES ($1)").await?;
        for _ in 0..15 {
            let tx = c.transaction().await?;
            tx.execute(&s, &[&who]).await?;
            tx.commit().await?;
        }
        Ok::<(), Error>(())
    }));
    for one in all.collect::<Vec<_>>() {
        one.await.unwrap()?;
    }
    let row = c.query_one("SELECT count(*), count(DISTINCT who) FROM busy", &[]).await?;
    println!("counts: {} {}", row.get::<_, i64>(0), row.get::<_, i64>(1));
    Ok(())
}

async fn transactions(c: &mut Client) -> Result<(), Error> {
    c.batch_execute("CREATE TABLE tx (id int PRIMARY KEY)").await?;
    let mut tx = c.build_transaction().isolation_level(tokio_postgres::IsolationLevel::Serializable).start().await?;
    tx.execute("INSERT INTO tx VALUES (1)", &[]).await?;
    let inner = tx.savepoint("s").await?;
    fails("unique", inner.execute("INSERT INTO tx VALUES (1)", &[]).await);
    fails("aborted", inner.execute("SELECT 1", &[]).await);
    inner.rollback().await?;
    let portal = tx.bind("SELECT generate_series(1, 100)", &[]).await?;
    println!("portal: {} {}", tx.query_portal(&portal, 30).await?.len(), tx.query_portal(&portal, 0).await?.len());
    tx.commit().await?;
    fails("division", c.query("SELECT 1/$1::int", &[&0i32]).await);
    fails("syntax", c.query("SELEC 1", &[]).await);
    println!("rows: {}", c.query("SELECT * FROM tx", &[]).await?.len());
    c.batch_execute("SET search_path TO public, drv").await?;
    println!("path: {}", c.query_one("SHOW search_path", &[]).await?.get::<_, String>(0));
    Ok(())
}

async fn copying(c: &Client) -> Result<(), Error> {
    c.batch_execute("CREATE TABLE co (a int, b text)").await?;
    let sink = c.copy_in("COPY co FROM STDIN").await?;
    tokio::pin!(sink);
    sink.send_all(&mut stream::iter((0..500).map(|_| Ok(Bytes::from("1\tzeile ü\n".repeat(10)))))).await?;
    println!("in: {}", sink.finish().await?);
    let sink = c.copy_in("COPY co FROM STDIN").await?;
    tokio::pin!(sink);
    sink.send(Bytes::from_static(b"x\ty\n")).await?;
    fails("bad", sink.finish().await);
    {
        let given_up = c.copy_in::<_, Bytes>("COPY co FROM STDIN").await?;
        drop(given_up);
    }
    let out: Vec<Bytes> = c.copy_out("COPY co TO STDOUT").await?.try_collect().await?;
    println!("out: {}", out.iter().map(Bytes::len).sum::<usize>());
    Ok(())
}

async fn listening_and_cancelling() -> Result<(), Error> {
    let (c, mut connection) = config().connect(NoTls).await?;
    let (send, mut heard) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        let mut messages = stream::poll_fn(move |cx| connection.poll_message(cx));
        while let Some(Ok(m)) = messages.next().await {
            if let AsyncMessage::Notification(n) = m {
                let _ = send.send((n.channel().to_string(), n.payload().to_string()));
            }
        }
    });
    c.batch_execute("LISTEN chan").await?;
    connect().await?.batch_execute("NOTIFY chan, 'hello'").await?;
    println!("heard: {:?}", heard.recv().await);
    let c = Arc::new(connect().await?);
    let token = c.cancel_token();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(400)).await; // the subject: a caller who gives up
        token.cancel_query(NoTls).await.unwrap();
    });
    fails("cancelled", c.query("SELECT pg_sleep(20)", &[]).await);
    c.batch_execute("SET statement_timeout = 100").await?;
    fails("late", c.query("SELECT pg_sleep(20)", &[]).await);
    c.batch_execute("RESET statement_timeout").await?;
    let big = "0123456789äöü€".repeat(400000);
    println!("same: {}", c.query_one("SELECT $1::text", &[&big]).await?.get::<_, String>(0) == big);
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    println!("# version {}", include_str!("../Cargo.toml").split("tokio-postgres = { version = \"=").nth(1).unwrap().split('"').next().unwrap());
    println!("== connecting");
    let mut wrong = config();
    wrong.password("wrong");
    fails("wrong password", wrong.connect(NoTls).await.map(|_| ()));
    let mut c = connect().await?;
    println!("== types");
    types(&c).await?;
    println!("== pipelined");
    pipelined(&c).await?;
    println!("== 20 clients");
    clients_of_20().await?;
    println!("== transactions");
    transactions(&mut c).await?;
    println!("== copy");
    copying(&connect().await?).await?;
    println!("== notifications, cancel, timeouts");
    listening_and_cancelling().await?;
    Ok(())
}
