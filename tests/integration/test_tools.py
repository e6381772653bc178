# SPDX-License-Identifier: PostgreSQL
"""Programs that people really use, through Teal: psql, pgbench in its three modes, pg_dump; and the command line."""
import os
import re
import signal
import subprocess
import sys

import pgwire
import teal
from case import PairCase
from cluster import TOP, client_program

APP_ENV = {"PGPASSWORD": "app-secret", "PGSSLMODE": "prefer"}


class Programs(PairCase):
    teal_settings = {"auth_type": "scram-sha-256"}

    def run_tool(self, name, *argv, status=0, stdin=None):
        done = subprocess.run([client_program(name), "-h", self.teal.host, "-p", str(self.teal.port), "-U", "app", *argv],
                              input=stdin, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              env=dict(os.environ, **APP_ENV), timeout=100, cwd="/")
        self.assertEqual(done.returncode, status, done.stdout[-2000:])
        return done.stdout

    def psql(self, *argv, **kwargs):
        return self.run_tool("psql", "-XAtq", *argv, "app", **kwargs)

    def connect(self, **kwargs):
        return super().connect(password="app-secret", **kwargs)

    def assert_serving(self):
        self.assertEqual(self.connect().value("SELECT 1"), "1")

    def test_psql(self):
        self.assertEqual(self.psql("-c", "SELECT 1", "-c", "SELECT 2"), "1\n2\n")
        self.assertIn("kv", self.psql("-c", r"\d"))

    def test_psql_by_the_unix_socket(self):
        done = subprocess.run([client_program("psql"), "-XAtq", "-h", self.teal.client_dir, "-p", str(self.teal.port), "-U", "app",
                               "-c", "SELECT 'unix'", "app"], stdout=subprocess.PIPE, text=True, env=dict(os.environ, **APP_ENV))
        self.assertEqual(done.stdout, "unix\n")

    def test_psql_copy(self):
        self.psql("-c", r"\copy kv from stdin", stdin="psql\tcopied\t1\n")
        self.assertEqual(self.psql("-c", "SELECT v FROM kv WHERE k = 'psql'"), "copied\n")
        self.assertIn("psql\tcopied", self.psql("-c", r"\copy kv to stdout"))

    def test_psql_single_transaction_script(self):
        script = "".join("INSERT INTO kv VALUES ('script %d', 'x');\n" % n for n in range(500))
        self.psql("-1", "-v", "ON_ERROR_STOP=1", "-f", "-", stdin=script)
        self.assertEqual(self.psql("-c", "SELECT count(*) FROM kv WHERE k LIKE 'script%'"), "500\n")

    def pgbench_tables(self):
        self.run_tool("pgbench", "-i", "-q", "-s", "1", "app")

    def test_pgbench_in_all_modes(self):
        self.pgbench_tables()
        for mode in ("simple", "extended", "prepared"):
            # pgbench prepares synchronously: with more clients in transactions than backends it would wait for itself
            for script, clients in (("tpcb-like", 18), ("select-only", 30)):
                with self.subTest(mode=mode, script=script):
                    out = self.run_tool("pgbench", "-n", "-M", mode, "-b", script, "-c", str(clients), "-j", "2", "-t", "30", "app")
                    self.assertIn("number of transactions actually processed: %d/%d" % (clients * 30, clients * 30), out)

    def test_pgbench_that_connects_anew_each_time(self):
        self.pgbench_tables()
        out = self.run_tool("pgbench", "-n", "-C", "-b", "select-only", "-c", "4", "-t", "50", "app")
        self.assertIn("200/200", out)

    def test_pgbench_pipelines(self):
        script = os.path.join(self.pair.work, "pipeline.sql")
        with open(script, "w") as f:
            f.write("\\startpipeline\n" + "SELECT 1;\n" * 20 + "\\endpipeline\n")
        out = self.run_tool("pgbench", "-n", "-M", "prepared", "-f", script, "-c", "10", "-t", "50", "app")
        self.assertIn("500/500", out)

    def test_pg_dump(self):
        self.assertIn("CREATE TABLE public.kv", self.run_tool("pg_dump", "-s", "app"))

    def test_psql_on_the_console(self):
        done = subprocess.run([client_program("psql"), "-X", "-h", self.teal.admin_dir, "-p", str(self.teal.admin_port), "-U", "postgres",
                               "-d", "teal", "-c", "SHOW POOLS", "-c", "SHOW STATS", "-c", "SHOW CLIENTS", "-c", "SHOW SERVERS",
                               "-c", "SHOW DATABASES", "-c", "SHOW LISTS", "-c", "SHOW VERSION", "-c", "SHOW CONFIG", "-c", "SHOW LAG",
                               "-c", "SHOW STATUS", "-c", "SHOW HELP"],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=30)
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertNotIn("ERROR:", done.stdout)

    def test_tealctl(self):
        for words in (("status",), ("show", "pools"), ("show", "clients"), ("show", "servers"), ("show", "stats")):
            with self.subTest(words):
                status, out = self.teal.ctl(*words)
                self.assertEqual(status, 0, out)
        status, _ = self.teal.ctl("no-such-command")
        self.assertNotEqual(status, 0)
        status, out = self.teal.ctl(*["--pinned"] * 100, "sessions")
        self.assertEqual(status, 2, out)


class Configuration(PairCase):
    """teal --check-config, and reload."""

    def check(self, text):
        path = os.path.join(self.pair.work, "check.ini")
        with open(path, "w") as f:
            f.write(text)
        done = subprocess.run([os.path.join(teal.BUILD, "teal"), "--check-config", path], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=20)
        return done.returncode, done.stdout, path

    def test_good_configuration(self):
        with open(self.teal.ini) as f:
            status, out, _ = self.check(f.read())
        self.assertEqual(status, 0, out)

    def test_sample_configuration(self):
        """As shipped, but for the places that a machine without Teal does not have."""
        with open(os.path.join(TOP, "config", "teal.ini")) as f:
            text = f.read()
        for key in ("auth_file", "state_file", "admin_socket_dir"):
            text = re.sub(r"^;%s =.*$" % key, "%s = %s" % (key, self.teal.sections["teal"][key]), text, flags=re.M)
        status, out, _ = self.check(text)
        self.assertEqual(status, 0, out)

    def test_places_that_cannot_be_used_are_named(self):
        with open(self.teal.ini) as f:
            text = f.read()
        status, out, _ = self.check(re.sub(r"^state_file =.*$", "state_file = /nonexistent/state", text, flags=re.M))
        self.assertEqual(status, 1, out)
        self.assertIn('state_file: the directory "/nonexistent" cannot be used: No such file or directory', out)
        self.assertNotIn("no mistakes", out)

    def test_names_of_one_server_and_of_none(self):
        """The second is a warning: the name may be known when Teal runs."""
        with open(self.teal.ini) as f:
            text = f.read()
        port = self.pair.blue.port
        green = r"(\[green\]\n)host = .*\nport = .*\n"
        status, out, _ = self.check(re.sub(green, r"\1host = localhost\nport = %d\n" % port, text))
        self.assertEqual(status, 1, out)
        self.assertIn('"%s" of [blue] and "localhost" of [green] are the same server' % self.pair.blue.host, out)
        status, out, _ = self.check(re.sub(green, r"\1host = no-such-host.invalid\nport = %d\n" % port, text))
        self.assertEqual(status, 0, out)
        self.assertRegex(out, r"warning: \[green\]: .*no-such-host.invalid")

    def test_every_mistake_is_named_with_its_line(self):
        status, out, path = self.check("[teal]\nlisten_port = many\nno_such_key = 1\n\n[pair]\nreads = purple\n"
                                       "[blue]\nport = 5432\n[green]\nhost = h\n[mauve]\nx = 1\n")
        self.assertEqual(status, 1)
        for line in (2, 3, 6):
            self.assertRegex(out, r"%s:%d\b" % (re.escape(os.path.basename(path)), line))
        self.assertIn("no_such_key", out)
        self.assertIn("mauve", out)
        self.assertRegex(out, r"blue.*host|host.*blue")

    def test_missing_file(self):
        done = subprocess.run([os.path.join(teal.BUILD, "teal"), "--check-config", "/nonexistent/teal.ini"],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=20)
        self.assertEqual(done.returncode, 1)

    def test_reload_with_a_mistake_keeps_the_old_configuration(self):
        self.teal.set(listen_backlog="rubbish")
        with self.assertRaises(Exception):
            self.teal.console("RELOAD")
        self.assert_serving()
        self.teal.set(listen_backlog=4096)
        self.teal.console("RELOAD")
        self.assert_serving()

    def reload_error(self, sections):
        """What RELOAD says of a file with these sections behind [teal]."""
        with open(self.teal.ini) as f:
            before = f.read()
        try:
            with open(self.teal.ini, "w") as f:
                f.write(before[:before.index("[pair]")] + sections)
            with self.assertRaises(pgwire.PgError) as caught:
                self.teal.console("RELOAD")
            return str(caught.exception)
        finally:
            with open(self.teal.ini, "w") as f:
                f.write(before)

    def test_reload_that_brings_a_pair_is_refused(self):
        blue, green = self.pair.blue, self.pair.green
        error = self.reload_error("[pair app]\n[blue app]\nhost = %s\nport = %d\n[green app]\nhost = %s\nport = %d\n"
                                  "[pair more]\ndatabases = x\n[blue more]\nhost = b.invalid\n[green more]\nhost = g.invalid\n"
                                  % (blue.host, blue.port, green.host, green.port))
        self.assertIn("this cannot change while teal runs: [pair more] (added); nothing was changed", error)
        error = self.reload_error("[pair other]\n[blue other]\nhost = b.invalid\n[green other]\nhost = g.invalid\n")
        self.assertIn("[pair] (removed), [pair other] (added)", error)
        self.assert_serving()

    def test_reload_brings_databases(self):
        with open(self.teal.ini) as f:
            before = f.read()
        try:
            with open(self.teal.ini, "a") as f:
                f.write("[databases]\nreports = dbname=app pool_size=3\n")
            self.teal.console("RELOAD")
            with open(self.teal.ini, "a") as f:
                f.write("reports = dbname=app\n")
            with self.assertRaises(pgwire.PgError) as caught:
                self.teal.console("RELOAD")
            self.assertRegex(str(caught.exception), 'the database "reports" is listed twice; first in line [0-9]+')
            self.assert_serving()
        finally:
            with open(self.teal.ini, "w") as f:
                f.write(before)
            self.teal.console("RELOAD")


class Shutdown(PairCase):
    """The end of the process, with clients in the middle of things."""

    def setUp(self):
        super().setUp()
        if not self.teal.is_running():
            self.teal.start()

    def tearDown(self):
        pass  # it is meant to have ended

    def test_shutdown_with_clients_in_all_situations(self):
        idle, pinned, open_transaction, running = (self.connect() for _ in range(4))
        pinned.query("CREATE TEMP TABLE mine (n int)")
        open_transaction.query("BEGIN")
        running.send(pgwire.query("SELECT pg_sleep(30)"))
        idle.value("SELECT 1")
        self.wait_running("pg_sleep(30)")
        os.kill(self.teal.process.pid, signal.SIGQUIT)
        self.assertEqual(self.teal.wait_end(10), 0)

    def test_int_waits_for_open_transactions(self):
        c = self.connect()
        c.queries("BEGIN; INSERT INTO kv VALUES ('before the end', 'x')")
        with self.teal.logs("shutdown asked for"):
            os.kill(self.teal.process.pid, signal.SIGINT)
        c.query("COMMIT")
        self.assertEqual(self.teal.wait_end(10), 0)
        self.assertEqual(self.pair.blue.value("SELECT count(*) FROM kv WHERE k = 'before the end'", "app"), "1")


class Checker(PairCase):
    """The verifying client's judge must itself be seen failing."""

    direct = True

    def test_every_planted_violation_is_found(self):
        done = subprocess.run([sys.executable, os.path.join(TOP, "tests/support/verify.py"), "--selftest"], stdout=subprocess.PIPE,
                              text=True)
        self.assertEqual(done.returncode, 0, done.stdout)
