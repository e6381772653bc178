// SPDX-License-Identifier: PostgreSQL
// main.go: pgx 5 over its statement cache: a connection, a pool of 20, batches, COPY, notifications.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

var ctx = context.Background()

type duo struct {
	A int32
	B string
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func show(what string, values ...any) {
	fmt.Printf("%s: ", what)
	for _, v := range values {
		fmt.Printf("%T %v; ", v, v)
	}
	fmt.Println()
}

func fails(what string, err error) {
	var pg *pgconn.PgError
	switch {
	case err == nil:
		panic(what + " should have failed")
	case errors.As(err, &pg):
		show(what, pg.Severity, pg.Code, pg.Message, pg.Detail, pg.ConstraintName)
	default:
		show(what, err.Error())
	}
}

func connect() *pgx.Conn {
	c, err := pgx.Connect(ctx, "")
	must(err)
	return c
}

func exec(c *pgx.Conn, sql string, args ...any) {
	tag, err := c.Exec(ctx, sql, args...)
	must(err)
	show("tag", tag.String())
}

func one[T any](c *pgx.Conn, sql string, args ...any) T {
	var v T
	must(c.QueryRow(ctx, sql, args...).Scan(&v))
	return v
}

func connecting(c *pgx.Conn) {
	show("parameters", c.PgConn().ParameterStatus("server_encoding"), c.PgConn().ParameterStatus("integer_datetimes"))
	config, err := pgx.ParseConfig("application_name=drive-app options='-c work_mem=7MB'")
	must(err)
	other, err := pgx.ConnectConfig(ctx, config)
	must(err)
	show("settings", one[string](other, "SHOW work_mem"), one[string](other, "SHOW application_name"))
	must(other.Close(ctx))
	config.Password = "wrong"
	_, err = pgx.ConnectConfig(ctx, config)
	fails("wrong password", err)
}

func types(c *pgx.Conn) {
	for _, mode := range []pgx.QueryExecMode{pgx.QueryExecModeCacheStatement, pgx.QueryExecModeCacheDescribe,
		pgx.QueryExecModeDescribeExec, pgx.QueryExecModeExec, pgx.QueryExecModeSimpleProtocol} {
		rows, err := c.Query(ctx, `SELECT 1::int4, 2::int8, 2.5::float8, 'ä€😀'::text, '\x00ff'::bytea, true, NULL::int,
			date '2024-02-29', '{"a":[1,null]}'::jsonb, ARRAY[1,NULL,3], ARRAY['x','y"z'], $1::text`, mode, "argument")
		must(err)
		for rows.Next() {
			values, err := rows.Values()
			must(err)
			show(mode.String(), values...)
		}
		must(rows.Err())
	}
	exec(c, "CREATE TYPE mood AS ENUM ('sad', 'happy'); CREATE TYPE duo AS (a int, b text)")
	for _, name := range []string{"mood", "duo"} {
		kind, err := c.LoadType(ctx, name)
		must(err)
		c.TypeMap().RegisterType(kind)
	}
	show("enum", one[string](c, "SELECT $1::mood", "happy"))
	show("composite", one[duo](c, "SELECT ROW(1, 'x, y')::duo"))
}

func prepared(c *pgx.Conn) {
	exec(c, "CREATE TABLE pre (id int PRIMARY KEY, v text)")
	_, err := c.Prepare(ctx, "ins", "INSERT INTO pre VALUES ($1, $2)")
	must(err)
	sum := 0
	for i := range 100 {
		_, err := c.Exec(ctx, "ins", i, "v"+strconv.Itoa(i))
		must(err)
		sum += one[int](c, "SELECT id FROM pre WHERE id = $1", i)
	}
	for i := range 700 {
		sum += one[int](c, fmt.Sprintf("SELECT %d + $1::int", i), 1)
	}
	show("sum", sum)
	_, err = c.Exec(ctx, "ins", 1, "x")
	fails("duplicate", err)
	must(c.Deallocate(ctx, "ins"))
}

func batches(c *pgx.Conn) {
	exec(c, "CREATE TABLE bat (id int PRIMARY KEY)")
	batch := &pgx.Batch{}
	for i := range 100 {
		batch.Queue("INSERT INTO bat VALUES ($1)", i)
		batch.Queue("SELECT count(*) FROM bat")
	}
	results := c.SendBatch(ctx, batch)
	total := 0
	for range 100 {
		_, err := results.Exec()
		must(err)
		var n int
		must(results.QueryRow().Scan(&n))
		total += n
	}
	must(results.Close())
	show("total", total)
	bad := &pgx.Batch{}
	bad.Queue("INSERT INTO bat VALUES (1000)")
	bad.Queue("INSERT INTO bat VALUES (1)")
	bad.Queue("INSERT INTO bat VALUES (1001)")
	fails("in the middle", c.SendBatch(ctx, bad).Close())
	show("count", one[int](c, "SELECT count(*) FROM bat"))
	p := c.PgConn().StartPipeline(ctx)
	for i := range 3 {
		p.SendQueryParams("SELECT 1/$1::int", [][]byte{[]byte(strconv.Itoa(i % 2))}, nil, nil, nil)
		must(p.Sync())
	}
	fails("pipeline", p.Close())
	show("after", one[int](c, "SELECT 7"))
}

func poolOf20(c *pgx.Conn) {
	exec(c, "CREATE TABLE busy (id bigserial PRIMARY KEY, who int)")
	pool, err := pgxpool.New(ctx, "pool_max_conns=20")
	must(err)
	defer pool.Close()
	var all sync.WaitGroup
	for who := range 200 {
		all.Add(1)
		go func() {
			defer all.Done()
			must(pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
				_, err := tx.Exec(ctx, "INSERT INTO busy (who) VALUES ($1)", who)
				return err
			}))
		}()
	}
	all.Wait()
	show("counts", one[int](c, "SELECT count(*) FROM busy"), one[int](c, "SELECT count(DISTINCT who) FROM busy"))
}

func transactions(c *pgx.Conn) {
	exec(c, "CREATE TABLE tx (id int PRIMARY KEY)")
	tx, err := c.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.Serializable})
	must(err)
	_, err = tx.Exec(ctx, "INSERT INTO tx VALUES (1)")
	must(err)
	inner, err := tx.Begin(ctx)
	must(err)
	_, err = inner.Exec(ctx, "INSERT INTO tx VALUES (1)")
	fails("unique", err)
	must(inner.Rollback(ctx))
	must(tx.Commit(ctx))
	tx, err = c.Begin(ctx)
	must(err)
	_, err = tx.Exec(ctx, "SELECT 1/0")
	fails("division", err)
	fails("commit", tx.Commit(ctx))
	_, err = c.Exec(ctx, "SELEC 1")
	fails("syntax", err)
	show("rows", one[int](c, "SELECT count(*) FROM tx"))
	exec(c, "SET search_path TO public, drv")
	show("path", one[string](c, "SHOW search_path"))
}

func copying(c *pgx.Conn) {
	exec(c, "CREATE TABLE co (a int, b text)")
	n, err := c.CopyFrom(ctx, pgx.Identifier{"drv", "co"}, []string{"a", "b"},
		pgx.CopyFromSlice(5000, func(i int) ([]any, error) { return []any{i, "ü"}, nil }))
	must(err)
	show("in", n)
	var out bytes.Buffer
	tag, err := c.PgConn().CopyTo(ctx, &out, "COPY co TO STDOUT")
	must(err)
	show("out", tag.String(), out.Len())
	_, err = c.PgConn().CopyFrom(ctx, strings.NewReader("x\ty\n"), "COPY co FROM STDIN")
	fails("bad", err)
	_, err = c.CopyFrom(ctx, pgx.Identifier{"co"}, []string{"a"},
		pgx.CopyFromSlice(5, func(i int) ([]any, error) { return nil, errors.New("the client gives up") }))
	fails("given up", err)
	show("rows", one[int](c, "SELECT count(*) FROM co"))
}

func listening(c *pgx.Conn) {
	other := connect()
	exec(c, "LISTEN chan")
	exec(other, "SELECT pg_notify('chan', 'hello')")
	limit, stop := context.WithTimeout(ctx, 10*time.Second)
	defer stop()
	heard, err := c.WaitForNotification(limit)
	must(err)
	show("heard", heard.Channel, heard.Payload)
	must(other.Close(ctx))
}

func cancelling(c *pgx.Conn) {
	timer := time.AfterFunc(400*time.Millisecond, func() { must(c.PgConn().CancelRequest(ctx)) })
	_, err := c.Exec(ctx, "SELECT pg_sleep(20)")
	timer.Stop()
	fails("cancelled", err)
	exec(c, "SET statement_timeout = 100")
	_, err = c.Exec(ctx, "SELECT pg_sleep(20)")
	fails("late", err)
	show("again", one[int](c, "SELECT 7"))
}

func largeValuesAndLocks(c *pgx.Conn) {
	big := strings.Repeat("0123456789äöü€", 400000)
	show("same", one[string](c, "SELECT $1::text", big) == big)
	other := connect()
	exec(c, "SELECT pg_advisory_lock(5)")
	show("other", one[bool](other, "SELECT pg_try_advisory_lock(5)"))
	exec(c, "CREATE TEMP TABLE tmp AS SELECT 4 x")
	show("temporary", one[int](c, "SELECT x FROM tmp"))
	must(other.Close(ctx))
}

func steady() {
	seconds, err := strconv.Atoi(os.Getenv("STEADY_SECONDS"))
	must(err)
	pool, err := pgxpool.New(ctx, "pool_max_conns=4")
	must(err)
	defer pool.Close()
	_, err = pool.Exec(ctx, "INSERT INTO steady VALUES ('pgx', 0)")
	must(err)
	done, failed := 0, 0
	for end := time.Now().Add(time.Duration(seconds) * time.Second); time.Now().Before(end) && failed == 0; {
		err := pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
			_, err := tx.Exec(ctx, "UPDATE steady SET n = n + 1 WHERE id = $1", "pgx")
			return err
		})
		if err != nil {
			failed++
			fmt.Println(err)
			continue
		}
		done++
	}
	fmt.Printf("%d transactions, %d errors\n", done, failed)
}

func version() string {
	info, _ := debug.ReadBuildInfo()
	for _, m := range info.Deps {
		if m.Path == "github.com/jackc/pgx/v5" {
			return m.Version
		}
	}
	return "unknown"
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == "steady" {
		steady()
		return
	}
	fmt.Println("# version", version())
	for _, one := range []struct {
		name string
		run  func(*pgx.Conn)
	}{{"connecting", connecting}, {"types", types}, {"prepared", prepared}, {"batches", batches}, {"pool", poolOf20},
		{"transactions", transactions}, {"copying", copying}, {"listening", listening}, {"cancelling", cancelling},
		{"large values and locks", largeValuesAndLocks}} {
		fmt.Println("==", one.name)
		c := connect()
		one.run(c)
		must(c.Close(ctx))
	}
}
