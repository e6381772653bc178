# SPDX-License-Identifier: PostgreSQL
"""The admin console and the signals as operators know them from PgBouncer."""
import json
import os
import pwd
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import unittest

import pgwire
from case import Background, PairCase
from cluster import TOP, client_program, free_port
from flips import FlipCase
from teal import Teal
from waiting import eventually


class Control(PairCase):
    """PAUSE and the commands around it."""

    def tearDown(self):
        for statement in ("RESUME", "ENABLE app"):
            try:
                self.teal.console(statement)
            except pgwire.PgError as e:
                self.assertEqual(e.sqlstate, "55000")  # it was not paused
        super().tearDown()

    def refused(self, statement, code, hint=False):
        with self.assertRaises(pgwire.PgError) as caught:
            self.teal.console(statement)
        self.assertEqual(caught.exception.sqlstate, code, caught.exception)
        return caught.exception.hint if hint else str(caught.exception)

    def servers(self):
        return self.teal.console("SHOW SERVERS")

    def pools(self, column):
        return sum(int(row[column]) for row in self.teal.console("SHOW POOLS"))

    def waiting(self):
        return sum(1 for row in self.teal.console("SHOW CLIENTS") if row["state"] == "waiting")

    def test_pause_leaves_no_server_connection_and_lets_reads_and_writes_wait(self):
        a, b = self.connect(), self.connect()
        self.assertEqual(a.value("SELECT 1"), "1")
        self.teal.console("PAUSE")
        self.assertEqual(self.servers(), [])
        a.send(pgwire.query("SELECT 41 + 1"))
        b.send(pgwire.query("INSERT INTO kv VALUES ('paused', 'x')"))
        eventually(lambda: self.waiting() == 2, 5, "both to wait")
        self.assertEqual(self.servers(), [])
        self.assertEqual(self.pools("cl_waiting"), 2)
        self.teal.console("RESUME")
        self.assertEqual(a.collect()[0].rows, [["42"]])
        self.assertEqual(b.collect()[0].tag, "INSERT 0 1")

    def test_pause_waits_for_what_is_under_way(self):
        c, console = self.connect(), self.teal.admin()
        c.query("BEGIN")
        console.send(pgwire.query("PAUSE app 30s"))
        eventually(lambda: self.teal.console("SHOW DATABASES")[0]["paused"] == "1", 5, "the pause to begin")
        c.query("INSERT INTO kv VALUES ('under way', 'x')")
        eventually(lambda: len(self.servers()) == 1, 5, "the idle ones to be closed")
        c.query("COMMIT")
        self.assertEqual(console.collect()[0].tag, "PAUSE")
        self.assertEqual(self.servers(), [])
        console.close()

    def test_pauses_under_load_cost_no_client_an_error(self):
        stop, done = threading.Event(), [0] * 8

        def work(n):
            with self.teal.connect() as c:
                while not stop.is_set():
                    c.query("INSERT INTO kv VALUES ('load %d %d', 'x')" % (n, done[n]))
                    self.assertEqual(c.execute("SELECT count(*) FROM kv WHERE k = $1", ["load %d %d" % (n, done[n])]).value(), "1")
                    done[n] += 1

        workers = [Background(work, n) for n in range(len(done))]
        try:
            for cycle in range(10):
                before = list(done)
                self.teal.console("PAUSE")
                self.assertEqual(self.servers(), [])
                if cycle % 3 == 2:
                    self.teal.console("RECONNECT")
                self.teal.console("RESUME")
                eventually(lambda: all(now > then for now, then in zip(done, before)), 10, "every client to go on")
        finally:
            stop.set()
            for worker in workers:
                worker.result()
        self.assertEqual(self.pair.blue.value("SELECT count(*) FROM kv WHERE k LIKE 'load %'", "app"), str(sum(done)))

    def test_pause_has_a_limit_and_then_traffic_goes_on(self):
        c, other = self.connect(), self.connect()
        c.query("BEGIN")
        self.assertIn("not released in time", self.refused("PAUSE 100ms", "55006"))
        self.assertEqual(other.value("SELECT 1"), "1")
        c.query("COMMIT")

    def test_a_cancelled_pause_is_called_off(self):
        c, console = self.connect(), self.teal.admin()
        c.query("BEGIN")
        console.send(pgwire.query("PAUSE"))
        eventually(lambda: self.teal.console("SHOW DATABASES")[0]["paused"] == "1", 5, "the pause to begin")
        console.cancel()
        with self.assertRaises(pgwire.PgError) as caught:
            console.collect()
        self.assertEqual(caught.exception.sqlstate, "57014")
        self.assertEqual(self.connect().value("SELECT 1"), "1")
        c.query("COMMIT")
        console.close()

    def test_a_login_waits_for_the_resume(self):
        self.teal.console("PAUSE")
        for name in ("first", "second"):
            self.refused("PAUSE", "55000")
        c = self.connect()  # one like it was seen before
        c.send(pgwire.query("SELECT 7"))
        eventually(lambda: self.waiting() == 1, 5, "it to wait")
        self.assertIn("RESUME without a name", self.refused("RESUME app", "55000", hint=True))
        self.teal.console("RESUME")
        self.assertEqual(c.collect()[0].rows, [["7"]])

    def test_a_session_that_keeps_its_backend_makes_pause_give_up(self):
        c = self.connect()
        c.query("CREATE TEMP TABLE mine (n int)")
        self.assertIn("PINNED", self.refused("PAUSE 200ms", "55006", hint=True))
        self.assertEqual(c.value("SELECT count(*) FROM mine"), "0")

    def test_tealctl_pauses_and_resumes(self):
        for words, expected in ((("pause", "app", "5s"), "no server connection is left"), (("resume",), "go on"),
                                (("reconnect",), "closed"), (("wait-close",), "no server connection"),
                                (("disable", "app"), "refused"), (("enable", "app"), "welcome")):
            with self.subTest(words):
                status, out = self.teal.ctl(*words)
                self.assertEqual(status, 0, out)
                self.assertIn(expected, out)

    def test_idle_clients_are_active_and_cancels_are_seen(self):
        before = self.pools("cl_active")
        a, b = self.connect(), self.connect()
        a.value("SELECT 1"), b.query("BEGIN")
        self.assertEqual(self.pools("cl_active"), before + 2)
        self.assertEqual(self.pools("sv_active"), 1)
        lists = {row["list"]: int(row["items"]) for row in self.teal.console("SHOW LISTS")}
        self.assertGreaterEqual(lists["pools"], 1)
        self.assertGreaterEqual(lists["used_servers"], 1)
        b.query("COMMIT")

    def test_pause_and_flip_exclude_each_other(self):
        self.teal.console("PAUSE")
        self.assertIn("paused", self.refused("CUTOVER", "55000"))
        self.teal.console("RESUME")

    def test_names_that_are_not_ours(self):
        for words in ("PAUSE", "RESUME", "KILL", "RECONNECT", "DISABLE", "ENABLE", "WAIT_CLOSE"):
            with self.subTest(words):
                self.assertIn("no such database", self.refused(words + " nowhere", "3D000"))
        self.refused("RESUME", "55000")
        self.refused("DISABLE", "42601")
        self.refused("SUSPEND", "0A000")

    def test_kill_ends_everybody_and_then_waits_for_resume(self):
        a, b = self.connect(), self.connect()
        a.query("BEGIN")
        self.teal.console("KILL")
        for c in (a, b):
            with self.assertRaises((pgwire.PgError, pgwire.Closed, OSError)):
                c.query("SELECT 1")
        eventually(lambda: self.servers() == [], 5, "the server connections to be closed")
        c = self.connect()
        c.send(pgwire.query("SELECT 5"))
        eventually(lambda: self.waiting() == 1, 5, "it to wait")
        self.teal.console("RESUME")
        self.assertEqual(c.collect()[0].rows, [["5"]])

    def test_disable_refuses_new_clients_only(self):
        c = self.connect()
        self.teal.console("DISABLE app")
        self.assertEqual(self.teal.console("SHOW DATABASES")[0]["disabled"], "1")
        with self.assertRaises(pgwire.PgError) as caught:
            self.connect()
        self.assertIn("disabled", str(caught.exception))
        self.assertEqual(c.value("SELECT 1"), "1")
        self.teal.console("ENABLE app")
        self.assertEqual(self.connect().value("SELECT 1"), "1")

    def test_reconnect_and_wait_close(self):
        c, console = self.connect(), self.teal.admin()
        before = c.value("SELECT pg_backend_pid()")
        c.query("BEGIN")
        self.teal.console("RECONNECT")
        self.refused("WAIT_CLOSE 50ms", "55006")
        console.send(pgwire.query("WAIT_CLOSE"))
        c.query("COMMIT")
        self.assertEqual(console.collect()[0].tag, "WAIT_CLOSE")
        self.assertNotEqual(c.value("SELECT pg_backend_pid()"), before)
        console.close()

    def test_usr1_pauses_and_usr2_resumes(self):
        c = self.connect()
        os.kill(self.teal.process.pid, signal.SIGUSR1)
        eventually(lambda: self.teal.console("SHOW DATABASES")[0]["paused"] == "1", 5, "the pause")
        c.send(pgwire.query("SELECT 3"))
        eventually(lambda: self.waiting() == 1, 5, "it to wait")
        os.kill(self.teal.process.pid, signal.SIGUSR2)
        self.assertEqual(c.collect()[0].rows, [["3"]])


# PgBouncer 1.24's columns, in its order; ours may follow.
SOCKET_COLUMNS = ("type user database replication state addr port local_addr local_port connect_time request_time wait wait_us "
                  "close_needed ptr link remote_pid tls application_name prepared_statements id")
STATS = ("server_assignment_count xact_count query_count %s xact_time query_time wait_time client_parse_count server_parse_count "
         "bind_count client_login_count")
TOTALS = STATS % "bytes_received bytes_sent"
COLUMNS = {
    "CLIENTS": SOCKET_COLUMNS, "SERVERS": SOCKET_COLUMNS,
    "SOCKETS": SOCKET_COLUMNS + " recv_pos pkt_pos pkt_remain send_pos send_remain pkt_avail send_avail",
    "ACTIVE_SOCKETS": SOCKET_COLUMNS + " recv_pos pkt_pos pkt_remain send_pos send_remain pkt_avail send_avail",
    "POOLS": "database user cl_active cl_waiting cl_active_cancel_req cl_waiting_cancel_req sv_active sv_active_cancel "
             "sv_being_canceled sv_idle sv_used sv_tested sv_login maxwait maxwait_us pool_mode load_balance_hosts",
    "DATABASES": "name host port database force_user pool_size min_pool_size reserve_pool_size server_lifetime pool_mode "
                 "load_balance_hosts max_connections current_connections max_client_connections current_client_connections paused "
                 "disabled",
    "USERS": "name pool_size reserve_pool_size pool_mode max_user_connections current_connections max_user_client_connections "
             "current_client_connections",
    "STATS": "database " + " ".join("total_" + n for n in (STATS % "received sent").split()) + " "
             + " ".join("avg_" + n for n in (STATS % "recv sent").split()),
    "STATS_TOTALS": "database " + TOTALS, "STATS_AVERAGES": "database " + TOTALS, "TOTALS": "name value", "STATE": "key value",
    "LISTS": "list items", "CONFIG": "key value default changeable", "VERSION": "version", "PEERS": "peer_id host port pool_size",
    "PEER_POOLS": "peer_id cl_active_cancel_req cl_waiting_cancel_req sv_active_cancel sv_login",
    "MEM": "name size used free memtotal", "DNS_HOSTS": "hostname ttl addrs", "DNS_ZONES": "zonename serial count",
}


class Reports(PairCase):
    """What exporters and dashboards made for PgBouncer read."""

    def test_columns_of_every_report_in_both_protocols(self):
        c = self.connect()
        c.query("BEGIN")
        with pgwire.Connection(self.teal.admin_dir, self.teal.admin_port, "whoever", "pgbouncer", extra_float_digits="3") as console:
            for what, columns in COLUMNS.items():
                for ask in (console.query, console.execute):
                    with self.subTest(what, ask=ask.__name__):
                        result = ask("SHOW " + what)
                        names = [column[0] if isinstance(column, tuple) else column for column in result.columns]
                        self.assertEqual(names[:len(columns.split())], columns.split())
        c.query("COMMIT")

    def test_a_client_and_its_server_point_at_each_other(self):
        c = self.connect()
        c.query("BEGIN")
        sockets = self.teal.console("SHOW SOCKETS")
        client = next(row for row in sockets if row["type"] == "C" and row["link"])
        server = next(row for row in sockets if row["type"] == "S" and row["link"] == client["ptr"])
        self.assertEqual(client["link"], server["ptr"])
        self.assertEqual(client["remote_pid"], c.value("SELECT pg_backend_pid()"))
        self.assertEqual(client["local_port"], str(self.teal.port))
        self.assertEqual(client["local_addr"], "127.0.0.1")
        if server["local_addr"] != "unix":
            self.assertEqual(server["local_port"], c.value("SELECT inet_client_port()"))
        c.query("COMMIT")

    def test_counts_are_real(self):
        def totals():
            return {k: int(v) for k, v in self.teal.console("SHOW STATS_TOTALS")[0].items() if k != "database"}
        before = totals()
        c = self.connect()
        c.prepare("counted", "SELECT $1::int")
        for n in range(3):
            c.run_prepared("counted", [n])
        after = {k: v - before[k] for k, v in totals().items()}
        self.assertEqual(after["client_login_count"], 1)
        self.assertEqual(after["client_parse_count"], 1)
        self.assertEqual(after["bind_count"], 3)
        self.assertGreaterEqual(after["server_parse_count"], 1)
        self.assertGreaterEqual(after["server_assignment_count"], 4)

    def test_users_databases_and_state(self):
        a, b = self.connect(), self.connect()
        a.query("BEGIN")
        b.value("SELECT 1")
        app = next(row for row in self.teal.console("SHOW USERS") if row["name"] == "app")
        self.assertGreaterEqual(int(app["current_client_connections"]), 2)
        self.assertGreaterEqual(int(app["current_connections"]), 1)
        self.assertEqual([(r["key"], r["value"]) for r in self.teal.console("SHOW STATE")[:3]],
                         [("active", "yes"), ("paused", "no"), ("suspended", "no")])
        self.assertEqual(self.teal.console("SHOW PAIR")[0]["writer"], "blue")
        self.assertGreater(int(self.teal.console("SHOW MEM")[0]["memtotal"]), 1 << 20)
        a.query("COMMIT")

    def test_psql_by_pgbouncers_name(self):
        done = subprocess.run([client_program("psql"), "-XAt", "-v", "ON_ERROR_STOP=1", "-h", self.teal.admin_dir,
                               "-p", str(self.teal.admin_port), "-U", "stats", "-d", "pgbouncer",
                               *(word for what in COLUMNS for word in ("-c", "SHOW " + what)),
                               "-c", "PAUSE", "-c", "RESUME", "-c", "SET lag_max = '2s'", "-c", "RELOAD"],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=30)
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_select_is_show_and_a_ping(self):
        self.assertEqual(self.teal.console("SELECT version"), self.teal.console("SHOW VERSION"))
        self.assertEqual(self.teal.console("SELECT 1"), [{"?column?": "1"}])
        with self.assertRaises(pgwire.PgError) as caught:
            self.teal.console("SHOW FDS")
        self.assertEqual(caught.exception.sqlstate, "0A000")

    def test_errors_are_counted_by_sqlstate(self):
        def counts():
            return {(r["source"], r["sqlstate"], r["severity"]): int(r["count"]) for r in self.teal.console("SHOW ERRORS")}
        before = counts()
        c = self.connect()
        for sql in ("SELECT 1/0", "SELECT 1/0", "SELEC"):
            with self.assertRaises(pgwire.PgError):
                c.query(sql)
        with self.assertRaises(pgwire.PgError):
            self.teal.connect(database="nowhere")
        after = counts()
        self.assertEqual({k: v - before.get(k, 0) for k, v in after.items() if v != before.get(k, 0)},
                         {("server", "22012", "ERROR"): 2, ("server", "42601", "ERROR"): 1, ("teal", "3D000", "FATAL"): 1})

    def test_kill_client_ends_that_one(self):
        a, b = self.connect(), self.connect()
        a.query("BEGIN")
        pid = a.value("SELECT pg_backend_pid()")
        ident = next(row["id"] for row in self.teal.console("SHOW CLIENTS") if row["remote_pid"] == pid)
        self.teal.console("KILL_CLIENT " + ident)
        with self.assertRaises(pgwire.PgError) as caught:
            a.query("SELECT 1")
        self.assertEqual(caught.exception.sqlstate, "57P01")
        self.assertEqual(b.value("SELECT 1"), "1")
        with self.assertRaises(pgwire.PgError) as caught:
            self.teal.console("KILL_CLIENT " + ident)
        self.assertEqual(caught.exception.sqlstate, "42704")

    def test_what_drivers_ask_and_set(self):
        for name in ("server_version", "server_version_num", "server_encoding", "client_encoding", "DateStyle", "TimeZone",
                     "standard_conforming_strings", "integer_datetimes", "is_superuser", "transaction isolation level",
                     "transaction_read_only", "max_identifier_length", "session_authorization", "default_transaction_isolation"):
            with self.subTest(name):
                self.assertTrue(self.teal.console("SHOW " + name))
        for sql in ("SET extra_float_digits = 3", "SET application_name TO 'x'", "SET client_encoding = 'UTF8'", "SET NAMES 'UTF8'",
                    "SET TIME ZONE 'UTC'", "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY", "SET statement_timeout = 0"):
            with self.subTest(sql):
                self.teal.console(sql)


class DuringAFlip(FlipCase):
    """Every command of an operator while writes move: what would break the flip is refused, the rest does no harm."""

    kind = "physical"
    pair_settings = {"drain_timeout": "20s", "hold_timeout": "30s", "hold_timeout_physical": "30s"}

    def flip_under_way(self):
        """A flip that waits for one transaction to end: (the transaction, the flip)."""
        c = self.connect()
        c.queries("BEGIN; INSERT INTO kv VALUES ('during a flip %d', 'x')" % time.monotonic_ns())
        flip = Background(self.flip, "CUTOVER")
        eventually(lambda: self.teal.console("SHOW CUTOVER")[0]["state"] == "drain", 20, "the flip to drain")
        return c, flip

    def test_what_is_refused_and_what_is_not(self):
        c, flip = self.flip_under_way()
        for statement in ("PAUSE", "KILL", "HOLD", "CHECK", "PREPARE", "ROLLBACK", "WRITES blue", "FINISH"):
            with self.subTest(statement), self.assertRaises(pgwire.PgError) as caught:
                self.teal.console(statement)
            self.assertEqual(caught.exception.sqlstate, "55006", statement)
        with self.assertRaises(pgwire.PgError) as caught:
            self.teal.console("RESUME")
        self.assertEqual(caught.exception.sqlstate, "55000")
        for statement in ("RECONNECT", "DISABLE app", "ENABLE app", "SET query_wait_timeout = '60s'", "RELOAD", "READS follow",
                          "SHOW POOLS", "SHOW STATE"):
            with self.subTest(statement):
                self.teal.console(statement)
        self.assertTrue(flip.is_waiting())
        c.query("COMMIT")
        flip.result()
        self.assert_one_writer()
        self.home()

    def test_pause_empties_both_sides(self):
        eventually(lambda: self.teal.console("SHOW LAG")[1]["lag_ok"] == "yes", 20, "green to be close")
        self.teal.console("READS green")
        c = self.connect()
        self.assertEqual(c.value("SELECT count(*) FROM kv WHERE k = 'none'"), "0")
        c.query("INSERT INTO kv VALUES ('both sides', 'x')")
        eventually(lambda: {row["side"] for row in self.teal.console("SHOW SERVERS")} == {"blue", "green"}, 5, "both to be used")
        self.teal.console("PAUSE")
        self.assertEqual(self.teal.console("SHOW SERVERS"), [])
        c.send(pgwire.query("SELECT 6 * 7"))
        eventually(lambda: self.teal.console("SHOW PAIR")[0]["waiting"] == "1", 5, "the read to wait")
        self.teal.console("RELOAD")  # does not end the pause
        self.assertEqual(self.teal.console("SHOW PAIR")[0]["waiting"], "1")
        self.teal.console("RESUME")
        self.assertEqual(c.collect()[0].rows, [["42"]])
        self.teal.console("READS follow")

    def test_usr1_is_refused_while_writes_move(self):
        c, flip = self.flip_under_way()
        os.kill(self.teal.process.pid, signal.SIGUSR1)
        eventually(lambda: "refused to a signal" in self.teal.log_tail(), 5, "the refusal")
        c.query("COMMIT")
        flip.result()
        self.home()

    def test_a_killed_client_ends_the_wait(self):
        c, flip = self.flip_under_way()
        ident = next(row["id"] for row in self.teal.console("SHOW CLIENTS") if row["state"] == "active")
        self.teal.console("KILL_CLIENT " + ident)
        flip.result()
        self.home()

    def test_shutdown_undoes_what_has_not_committed(self):
        c, flip = self.flip_under_way()
        self.teal.console("SHUTDOWN WAIT_FOR_SERVERS")
        with self.assertRaises((pgwire.PgError, pgwire.Closed)):
            flip.result()
        c.query("COMMIT")
        self.assertEqual(self.teal.wait_end(20), 0)
        self.teal.start()
        self.assertEqual(self.teal.writer(), "blue")
        self.connect().query("INSERT INTO kv VALUES ('after the shutdown', 'x')")


class Settings(PairCase):
    """SET: a live key of the running configuration, until RELOAD."""

    def setting(self, key):
        return next(row["value"] for row in self.teal.console("SHOW CONFIG") if row["key"] == key)

    def refused(self, statement, code):
        with self.assertRaises(pgwire.PgError) as caught:
            self.teal.console(statement)
        self.assertEqual(caught.exception.sqlstate, code, caught.exception)
        return str(caught.exception)

    def test_set_lasts_until_reload(self):
        before = self.setting("query_wait_timeout")
        self.teal.console("SET query_wait_timeout = '7s'")
        self.assertEqual(self.setting("query_wait_timeout"), "7s")
        self.assertEqual(self.connect().value("SELECT 1"), "1")
        self.teal.console("RELOAD")
        self.assertEqual(self.setting("query_wait_timeout"), before)

    def test_set_changes_only_that_key(self):
        before = self.teal.console("SHOW CONFIG")
        self.teal.console("SET read_functions = 'a,b'")
        self.teal.console("SET read_functions = 'f,g'")
        after = self.teal.console("SHOW CONFIG")
        self.assertEqual([b["key"] for b, a in zip(before, after) if a != b], ["read_functions"])
        self.assertRegex(self.setting("read_functions"), "^f, ?g$")
        self.teal.console("RELOAD")
        self.assertEqual(self.teal.console("SHOW CONFIG"), before)

    def test_a_mistake_changes_nothing(self):
        before = self.teal.console("SHOW CONFIG")
        self.refused("SET no_such_key = 1", "42704")
        self.refused("SET listen_port = 1", "55P02")
        self.refused("SET lag_max = purple", "22023")
        self.refused("SET auth_file = '/nonexistent'" if self.setting("auth_type") != "trust" else "SET lag_max = 0", "F0000"
                     if self.setting("auth_type") != "trust" else "22023")
        self.refused("SET lag_max", "42601")
        self.assertEqual(self.teal.console("SHOW CONFIG"), before)

    def test_a_reload_is_whole_or_nothing(self):
        """With a mistake in any of its files nothing changes, and the answer says where; traffic goes on."""
        held, counted = self.connect(), self.connect()
        counted.value("SELECT 1")
        users = self.teal.sections["teal"]["auth_file"]
        with open(users) as f:
            good = f.read()
        before, xacts = self.teal.console("SHOW CONFIG"), int(self.teal.console("SHOW STATS_TOTALS")[0]["xact_count"])
        self.teal.console("HOLD 60s")
        held.send(pgwire.query("INSERT INTO kv VALUES ('over a reload', 'x')"))
        eventually(lambda: self.teal.console("SHOW PAIR")[0]["waiting"] == "1", 5, "the write to be held")
        try:
            self.teal.set(max_client_conn=77, lag_max="purple")
            self.assertRegex(self.refused("RELOAD", "F0000"), re.escape(self.teal.ini) + r":\d+: ")
            del self.teal.sections["teal"]["lag_max"]
            self.teal.set(auth_type="scram-sha-256")
            with open(users, "a") as f:
                f.write("this is no line of a users file\n")
            self.assertRegex(self.refused("RELOAD", "F0000"), re.escape(users) + r":\d+: ")
            with open(users, "w") as f:
                f.write(good)
            self.teal.set(auth_type="trust", client_tls_sslmode="require", client_tls_cert_file="/nonexistent.crt",
                          client_tls_key_file="/nonexistent.key")
            self.assertIn("/nonexistent.crt", self.refused("RELOAD", "F0000"))
            self.refused("SET client_tls_sslmode = require", "F0000")  # without a certificate
            self.assertEqual(self.teal.console("SHOW CONFIG"), before)
        finally:
            with open(users, "w") as f:
                f.write(good)
        for key in ("client_tls_sslmode", "client_tls_cert_file", "client_tls_key_file"):
            del self.teal.sections["teal"][key]
        self.teal.set(auth_type="trust")
        self.teal.console("RELOAD")
        self.assertEqual(self.setting("max_client_conn"), "77")
        self.assertEqual(self.teal.console("SHOW PAIR")[0]["waiting"], "1")
        self.assertEqual(counted.value("SELECT 1"), "1")
        self.teal.console("RELEASE")
        self.assertEqual(held.collect()[0].tag, "INSERT 0 1")
        self.assertGreater(int(self.teal.console("SHOW STATS_TOTALS")[0]["xact_count"]), xacts)

    def test_the_log_has_who_what_and_no_secret(self):
        self.refused("SET blue.password = 'sesame'", "55P02")
        self.teal.console("SET lag_max = 2s")
        log = self.teal.log_tail()
        self.assertNotIn("sesame", log)
        self.assertRegex(log, r'console command.*uid=%d pid=%d .*text="SET lag_max = 2s"' % (os.getuid(), os.getpid()))
        self.teal.console("RELOAD")


@unittest.skipUnless(os.getuid() == 0, "only root can become others")
class Roles(PairCase):
    """The peer's uid decides, whatever user it names."""

    teal_settings = {"admin_socket_mode": "0666", "admin_users": "daemon", "stats_users": "nobody, 1234"}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        path = cls.teal.admin_dir
        while path != "/":  # the others must reach the socket
            os.chmod(path, os.stat(path).st_mode | 0o011)
            path = os.path.dirname(path)

    def as_uid(self, uid, statements):
        """{statement: sqlstate, "" for none} as another user of the system."""
        code = ("import os, sys, json\n"
                "os.setgroups([]); os.setgid(%d); os.setuid(%d)\n"
                "answers = {}\n"
                "for s in json.load(sys.stdin):\n"
                "    try:\n"
                "        with pgwire.Connection(%r, %d, 'anyone', 'pgbouncer', timeout=30) as c: c.query(s); answers[s] = ''\n"
                "    except pgwire.PgError as e: answers[s] = e.sqlstate\n"
                "print(json.dumps(answers))\n" % (uid, uid, self.teal.admin_dir, self.teal.admin_port))
        done = subprocess.run([sys.executable, "-c", "import sys; sys.path.insert(0, %r); import pgwire\n"
                               % os.path.join(TOP, "tests/support") + code],
                              input=json.dumps(statements), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def commands(self):
        return [(row["command"], row["needs"]) for row in self.teal.console("SHOW HELP")]

    def test_every_command_for_each_role(self):
        # Without its arguments a command fails behind the check of rights, or before it with 42601; with them it might do it.
        harmless = {"READS": "READS follow", "WRITES": None, "EXPLAIN ROUTE": "EXPLAIN ROUTE SELECT 1", "KILL_CLIENT": "KILL_CLIENT 0",
                    "DISABLE": "DISABLE nowhere", "ENABLE": "ENABLE nowhere", "SET": "SET no_such_key = 1"}
        statements = {}
        for shown, needs in self.commands():
            words = re.match(r"[A-Z_ ]+", shown.split("[")[0]).group(0).strip()
            statement = harmless.get(words, words)
            if statement is not None:
                statements[statement] = needs
        statements["WRITES blue"] = "operate"
        self.assertGreater(len(statements), 35)
        nobody = pwd.getpwnam("nobody").pw_uid
        stranger = self.as_uid(4321, list(statements))
        self.assertEqual(set(stranger.values()), {"28000"})
        for uid in (nobody, 1234):
            for statement, state in self.as_uid(uid, list(statements)).items():
                with self.subTest(uid=uid, statement=statement):
                    self.assertEqual(state, "42501" if statements[statement] == "operate" else "")
        log = self.teal.log_tail(200000)
        for statement in (statement for statement, needs in statements.items() if needs == "operate"):
            with self.subTest("audit", statement=statement):
                self.assertRegex(log, r'console command failed" uid=%d pid=\d+ took_ms=\d+ text="%s" sqlstate=42501 '
                                 % (nobody, re.escape(statement)))
        operating = self.as_uid(pwd.getpwnam("daemon").pw_uid, ["READS follow", "HOLD 10s", "RELEASE", "RELOAD", "SHOW POOLS"])
        self.assertEqual(set(operating.values()), {""})
        log = self.teal.log_tail(60000)
        for statement in ("READS follow", "HOLD 10s", "RELEASE", "RELOAD"):
            self.assertRegex(log, r'info console=\d+ msg="console command" uid=%d pid=\d+ took_ms=\d+ text="%s"'
                             % (pwd.getpwnam("daemon").pw_uid, statement))

    def test_a_reload_takes_a_right_away(self):
        with self.teal.admin() as c:
            self.assertEqual(self.as_uid(1234, ["SHOW VERSION"]), {"SHOW VERSION": ""})
            c.query("SET stats_users = ''")
            self.assertEqual(self.as_uid(1234, ["SHOW VERSION"]), {"SHOW VERSION": "28000"})
            c.query("RELOAD")
            self.assertEqual(self.as_uid(1234, ["SHOW VERSION"]), {"SHOW VERSION": ""})


class Ending(PairCase):
    """TERM waits for clients, within shutdown_timeout; a second one does not."""

    teal_settings = {"shutdown_timeout": "20s"}

    def setUp(self):
        super().setUp()
        if not self.teal.is_running():
            self.teal.start()

    def tearDown(self):
        pass  # it is meant to have ended

    def test_term_waits_until_the_clients_have_gone(self):
        c = self.connect()
        os.kill(self.teal.process.pid, signal.SIGTERM)
        eventually(lambda: "shutdown asked for" in self.teal.log_tail(), 5, "the signal to arrive")
        self.assertEqual(c.value("SELECT 1"), "1")
        self.assertIsNone(self.teal.process.poll())
        c.close()
        self.assertEqual(self.teal.wait_end(10), 0)

    def test_term_lets_nothing_through_a_pause(self):
        c = self.connect()
        self.teal.console("PAUSE")
        c.send(pgwire.query("INSERT INTO kv VALUES ('paused at the end', 'x')"))
        eventually(lambda: self.teal.console("SHOW PAIR")[0]["waiting"] == "1", 5, "it to wait")
        started = time.monotonic()
        self.assertEqual(self.teal.stop(signal.SIGTERM), 0)
        self.assertLess(time.monotonic() - started, 10)  # it waits for nobody who waits in vain
        with self.refused("57P01"):
            c.collect()
        self.assertEqual(self.pair.blue.value("SELECT count(*) FROM kv WHERE k = 'paused at the end'", "app"), "0")
        self.teal.start(wait=False)  # paused as before
        eventually(lambda: self.teal.console("RESUME"), 10, "the console")

    def test_a_second_term_ends_at_once(self):
        self.connect().query("BEGIN")
        os.kill(self.teal.process.pid, signal.SIGTERM)
        os.kill(self.teal.process.pid, signal.SIGINT)
        started = time.monotonic()
        self.assertEqual(self.teal.wait_end(10), 0)
        self.assertLess(time.monotonic() - started, 10)

    def test_an_idle_client_does_not_outlast_the_limit(self):
        self.teal.set(shutdown_timeout="300ms")
        self.teal.console("RELOAD")
        c = self.connect()
        os.kill(self.teal.process.pid, signal.SIGTERM)
        self.assertEqual(self.teal.wait_end(10), 0)
        self.teal.set(shutdown_timeout="20s")
        c.close()


class EndingInVain(PairCase):
    """Nobody waits for what cannot come: with no session and no flip under way the end is at once."""

    teal_settings = {"shutdown_timeout": "20s", "client_login_timeout": "20s"}

    @classmethod
    def make_teal(cls):
        return Teal(cls.pair, serves=False, blue={"port": free_port()}, green={"port": free_port()}, **cls.teal_settings)

    def setUp(self):
        super().setUp()
        if not self.teal.is_running():
            self.teal.start()
        eventually(lambda: self.pair_row()["phase"] == "recover", 5, "the sides to be asked")

    def tearDown(self):
        pass  # it is meant to have ended

    def pair_row(self):
        return self.teal.console("SHOW PAIR")[0]

    def assert_ends_at_once(self, how):
        started = time.monotonic()
        self.assertEqual(self.teal.stop(how), 0)
        self.assertLess(time.monotonic() - started, 1)

    def test_the_writer_is_not_known(self):
        self.assert_ends_at_once(signal.SIGTERM)

    def test_a_connection_that_has_not_logged_in_is_no_session(self):
        silent, half = self.raw(), self.raw()
        half.send(pgwire.startup({"user": "app", "database": "app"})[:20])
        eventually(lambda: self.pair_row()["sessions"] == "2", 5, "both to be accepted")
        self.assert_ends_at_once(signal.SIGTERM)
        for c in (silent, half):
            with self.assertRaises(pgwire.Closed):
                c.next()

    def test_an_int_does_not_wait_for_a_transaction_that_cannot_begin(self):
        c = self.raw()
        c.send(pgwire.startup({"user": "app", "database": "app"}))
        eventually(lambda: self.pair_row()["waiting"] == "1", 5, "the login to wait for the writer")
        self.assert_ends_at_once(signal.SIGINT)


class EndingBehindAFlip(FlipCase):
    """The way back waits for a side that is down; writes flow, and the next start goes on with it."""

    teal_settings = {"shutdown_timeout": "20s"}

    def test_the_way_back_is_left_to_the_next_start(self):
        self.teal.stop()
        self.teal.start(env={"TEAL_CRASH_AT": "release:after"})
        with self.assertRaises((pgwire.Closed, pgwire.PgError, OSError)):
            self.teal.steps("CUTOVER")
        self.teal.wait_end()
        self.pair.blue.stop("immediate")
        self.teal.start()
        eventually(lambda: self.teal.console("SHOW CUTOVER")[0]["state"] == "after", 10, "it to try")
        started = time.monotonic()
        self.assertEqual(self.teal.stop(signal.SIGTERM), 0)
        self.assertLess(time.monotonic() - started, 1)


class Systemd(PairCase):
    """What a unit of Type=notify or notify-reload is told."""

    def test_ready_reloading_stopping(self):
        path = os.path.join(self.pair.work, "notify")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
            told.bind(path)
            told.settimeout(15)
            self.teal.stop()
            self.teal.start(env={"NOTIFY_SOCKET": path})
            self.assertEqual(told.recv(200), b"READY=1")
            os.kill(self.teal.process.pid, signal.SIGHUP)
            self.assertRegex(told.recv(200).decode(), r"^RELOADING=1\nMONOTONIC_USEC=\d+$")
            self.assertEqual(told.recv(200), b"READY=1")
            self.teal.stop()
            self.assertEqual(told.recv(200), b"STOPPING=1")
            self.teal.start()
