// SPDX-License-Identifier: PostgreSQL
// main.go: lib/pq through database/sql: a pool of 20, statements, COPY, notifications, cancel by context.
package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/lib/pq"
)

var ctx = context.Background()

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func show(what string, values ...any) {
	fmt.Printf("%s:", what)
	for _, v := range values {
		fmt.Printf(" %T %v;", v, v)
	}
	fmt.Println()
}

func fails(what string, err error) {
	var server *pq.Error
	switch {
	case err == nil:
		panic(what + " should have failed")
	case errors.As(err, &server):
		show(what, server.Severity, string(server.Code), server.Message, server.Detail, server.Constraint)
	default:
		show(what, err.Error())
	}
}

func open(dsn string) *sql.DB {
	db, err := sql.Open("postgres", dsn)
	must(err)
	return db
}

func exec(c *sql.Conn, text string, args ...any) {
	result, err := c.ExecContext(ctx, text, args...)
	must(err)
	n, err := result.RowsAffected()
	must(err)
	show("rows", n)
}

func one[T any](c *sql.Conn, text string, args ...any) T {
	var v T
	must(c.QueryRowContext(ctx, text, args...).Scan(&v))
	return v
}

func connecting(c *sql.Conn) {
	other := open("application_name=drive-app options='-c work_mem=7MB'")
	defer other.Close()
	var a, b string
	must(other.QueryRow("SELECT current_setting('work_mem'), current_setting('application_name')").Scan(&a, &b))
	show("settings", a, b)
	wrong := open("password=wrong")
	defer wrong.Close()
	fails("wrong password", wrong.Ping())
	nowhere := open("dbname=nowhere")
	defer nowhere.Close()
	fails("no such database", nowhere.Ping())
}

func types(c *sql.Conn) {
	for _, args := range [][]any{{}, {"argument"}} { // simple, then extended
		text := `SELECT 1::int4, 2::int8, 2.5::float8, 1.10::numeric, 'ä€😀'::text, '\x00ff'::bytea, true, NULL::int,
			date '2024-02-29', timestamptz '2024-02-29 12:00+00', '{"a":[1,null]}'::jsonb, ARRAY[1,NULL,3], uuid
			'00000000-0000-0000-0000-00000000000a'`
		if len(args) > 0 {
			text += ", $1::text"
		}
		rows, err := c.QueryContext(ctx, text, args...)
		must(err)
		columns, err := rows.Columns()
		must(err)
		for rows.Next() {
			values, pointers := make([]any, len(columns)), make([]any, len(columns))
			for i := range values {
				pointers[i] = &values[i]
			}
			must(rows.Scan(pointers...))
			show("row", values...)
		}
		must(rows.Err())
	}
	var numbers []int64
	must(c.QueryRowContext(ctx, "SELECT $1::bigint[]", pq.Array([]int64{1, 2, 3})).Scan(pq.Array(&numbers)))
	show("array", numbers)
}

func prepared(c *sql.Conn) {
	exec(c, "CREATE TABLE pre (id int PRIMARY KEY, v text)")
	insert, err := c.PrepareContext(ctx, "INSERT INTO pre VALUES ($1, $2)")
	must(err)
	find, err := c.PrepareContext(ctx, "SELECT v FROM pre WHERE id = $1")
	must(err)
	for i := range 100 {
		_, err := insert.Exec(i, fmt.Sprint("v", i))
		must(err)
		var v string
		must(find.QueryRow(i).Scan(&v))
		if v != fmt.Sprint("v", i) {
			panic(v)
		}
	}
	_, err = insert.Exec(1, "x")
	fails("duplicate", err)
	must(insert.Close())
	must(find.Close())
	_, err = c.PrepareContext(ctx, "SELEC 1")
	fails("syntax", err)
	show("count", one[int](c, "SELECT count(*) FROM pre"))
}

func transactions(c *sql.Conn) {
	exec(c, "CREATE TABLE tx (n int)")
	tx, err := c.BeginTx(ctx, nil)
	must(err)
	_, err = tx.Exec("INSERT INTO tx VALUES (1)")
	must(err)
	_, err = tx.Exec("SAVEPOINT s")
	must(err)
	_, err = tx.Exec("SELECT 1/0")
	fails("division", err)
	_, err = tx.Exec("SELECT 1")
	fails("aborted", err)
	_, err = tx.Exec("ROLLBACK TO s")
	must(err)
	must(tx.Commit())
	tx, err = c.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelSerializable})
	must(err)
	_, err = tx.Exec("INSERT INTO tx VALUES (2)")
	must(err)
	must(tx.Rollback())
	tx, err = c.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	must(err)
	_, err = tx.Exec("INSERT INTO tx VALUES (3)")
	fails("read only", err)
	must(tx.Rollback())
	show("sum", one[int](c, "SELECT sum(n) FROM tx"))
}

func copying(c *sql.Conn) {
	exec(c, "CREATE TABLE cop (id int PRIMARY KEY, v text)")
	into := func(ids ...int) error {
		tx, err := c.BeginTx(ctx, nil)
		must(err)
		defer tx.Rollback()
		statement, err := tx.Prepare(pq.CopyIn("cop", "id", "v"))
		must(err)
		for _, id := range ids {
			if _, err := statement.Exec(id, strings.Repeat("v", 1000)); err != nil {
				return err
			}
		}
		if _, err := statement.Exec(); err != nil {
			return err
		}
		must(statement.Close())
		return tx.Commit()
	}
	ids := make([]int, 5000)
	for i := range ids {
		ids[i] = i
	}
	must(into(ids...))
	fails("duplicate", into(1))
	show("count", one[int](c, "SELECT count(*) FROM cop"))
}

func session(c *sql.Conn) {
	exec(c, "SET work_mem = '5MB'")
	for range 5 {
		show("kept", one[string](c, "SHOW work_mem"))
	}
	exec(c, "CREATE TEMP TABLE tmp (n int)")
	exec(c, "INSERT INTO tmp VALUES (1), (2)")
	show("temporary", one[int](c, "SELECT count(*) FROM tmp"))
	show("locked", one[bool](c, "SELECT pg_try_advisory_lock(77)"))
	show("unlocked", one[bool](c, "SELECT pg_advisory_unlock(77)"))
	exec(c, "RESET work_mem")
}

func listening(c *sql.Conn) {
	listener := pq.NewListener("", time.Second, time.Minute, nil)
	defer listener.Close()
	must(listener.Listen("news"))
	exec(c, "NOTIFY news, 'hello'")
	select {
	case n := <-listener.Notify:
		show("notified", n.Channel, n.Extra)
	case <-time.After(20 * time.Second):
		panic("no notification")
	}
	fails("twice", listener.Listen("news"))
	must(listener.Unlisten("news"))
}

func cancelling(c *sql.Conn) {
	short, stop := context.WithTimeout(ctx, 300*time.Millisecond)
	defer stop()
	_, err := c.ExecContext(short, "SELECT pg_sleep(60)")
	fails("cancelled", err)
	other := open("options='-c statement_timeout=200ms'") // lib/pq gives up a connection that it has cancelled on
	defer other.Close()
	_, err = other.Exec("SELECT pg_sleep(60)")
	fails("timeout", err)
}

func large(c *sql.Conn) {
	text := strings.Repeat("0123456789abcdef", 1<<18)
	show("echo", len(one[string](c, "SELECT $1::text", text)), one[string](c, "SELECT md5($1::text)", text))
}

func crowd(*sql.Conn) {
	db := open("")
	defer db.Close()
	db.SetMaxOpenConns(20)
	var wait sync.WaitGroup
	var lock sync.Mutex
	sum := 0
	for i := range 200 {
		wait.Add(1)
		go func() {
			defer wait.Done()
			tx, err := db.Begin()
			must(err)
			var n int
			must(tx.QueryRow("SELECT $1::int + 1", i).Scan(&n))
			must(tx.Commit())
			lock.Lock()
			sum += n
			lock.Unlock()
		}()
	}
	wait.Wait()
	show("sum", sum)
}

func main() {
	fmt.Println("# version 1.12.3")
	db := open("")
	defer db.Close()
	for _, each := range []struct {
		name string
		run  func(*sql.Conn)
	}{{"connecting", connecting}, {"types", types}, {"prepared", prepared}, {"transactions", transactions}, {"copying", copying},
		{"session", session}, {"listening", listening}, {"cancelling", cancelling}, {"large", large}, {"crowd", crowd}} {
		fmt.Println("== " + each.name)
		c, err := db.Conn(ctx)
		must(err)
		each.run(c)
		must(c.Close())
	}
}
