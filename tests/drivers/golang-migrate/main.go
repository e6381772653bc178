// SPDX-License-Identifier: PostgreSQL
// main.go: golang-migrate up and down, in steps, after a failure, and two at a time: its advisory lock must hold.
package main

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync"

	"github.com/golang-migrate/migrate/v4"
	"github.com/golang-migrate/migrate/v4/database/postgres"
	_ "github.com/golang-migrate/migrate/v4/source/file"
	_ "github.com/lib/pq"
)

var steps = []struct{ name, up, down string }{
	{"000001_people", "CREATE TABLE people (id int PRIMARY KEY, name text NOT NULL); INSERT INTO people VALUES (1, 'Ada');", "DROP TABLE people;"},
	{"000002_mail", "ALTER TABLE people ADD COLUMN mail text; CREATE UNIQUE INDEX people_mail ON people (mail);", "ALTER TABLE people DROP COLUMN mail;"},
	{"000003_log", "CREATE TABLE log (at timestamptz, what text); SELECT pg_sleep(0.5); INSERT INTO log SELECT now(), name FROM people;", "DROP TABLE log;"},
	{"000004_index", "CREATE INDEX people_name ON people (name);", "DROP INDEX people_name;"},
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func write(folder, name, text string) {
	must(os.WriteFile(filepath.Join(folder, name), []byte(text), 0o644))
}

func open() *sql.DB {
	db, err := sql.Open("postgres", "")
	must(err)
	return db
}

func migrator(folder string) *migrate.Migrate {
	driver, err := postgres.WithInstance(open(), &postgres.Config{})
	must(err)
	m, err := migrate.NewWithDatabaseInstance("file://"+folder, "app", driver)
	must(err)
	return m
}

func tell(m *migrate.Migrate, what string, err error) {
	if err != nil && !errors.Is(err, migrate.ErrNoChange) {
		fmt.Println(what, "failed:", err)
	}
	version, dirty, verr := m.Version()
	fmt.Println(what, "->", version, dirty, verr)
}

func shape() {
	db := open()
	defer db.Close()
	rows, err := db.Query(`SELECT table_name || '.' || column_name FROM information_schema.columns WHERE table_schema = 'drv' ORDER BY 1`)
	must(err)
	for rows.Next() {
		var name string
		must(rows.Scan(&name))
		fmt.Println(" ", name)
	}
	must(rows.Err())
}

func main() {
	info, _ := debug.ReadBuildInfo()
	for _, d := range info.Deps {
		if d.Path == "github.com/golang-migrate/migrate/v4" {
			fmt.Println("# version", d.Version)
		}
	}
	folder, err := os.MkdirTemp("", "migrate")
	must(err)
	defer os.RemoveAll(folder)
	for _, s := range steps {
		write(folder, s.name+".up.sql", s.up)
		write(folder, s.name+".down.sql", s.down)
	}

	fmt.Println("== up")
	m := migrator(folder)
	tell(m, "up", m.Up())
	shape()

	fmt.Println("== down two, up one")
	tell(m, "down two", m.Steps(-2))
	shape()
	tell(m, "up one", m.Steps(1))
	tell(m, "up", m.Up())

	fmt.Println("== a migration that fails")
	write(folder, "000005_bad.up.sql", "CREATE TABLE bad (n int); SELECT 1/0;")
	write(folder, "000005_bad.down.sql", "DROP TABLE bad;")
	bad := migrator(folder)
	tell(bad, "bad", bad.Up())
	must(bad.Force(4))
	tell(bad, "forced", nil)
	must(os.Remove(filepath.Join(folder, "000005_bad.up.sql")))
	must(os.Remove(filepath.Join(folder, "000005_bad.down.sql")))

	fmt.Println("== down")
	tell(m, "down", m.Down())
	shape()

	fmt.Println("== two at a time")
	var wait sync.WaitGroup
	failed := make([]error, 2)
	for i := range failed {
		wait.Add(1)
		go func() {
			defer wait.Done()
			one := migrator(folder)
			if err := one.Up(); err != nil && !errors.Is(err, migrate.ErrNoChange) {
				failed[i] = err
			}
			one.Close()
		}()
	}
	wait.Wait()
	fmt.Println("errors:", failed)
	tell(m, "both", nil)
	db := open()
	var people, log int
	must(db.QueryRow("SELECT (SELECT count(*) FROM people), (SELECT count(*) FROM log)").Scan(&people, &log))
	fmt.Println("people", people, "log", log)
	db.Close()

	fmt.Println("== drop")
	must(m.Drop())
	shape()
	m.Close()
}
