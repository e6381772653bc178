# SPDX-License-Identifier: PostgreSQL
"""Replication connections: each has a walsender of its own on the writer, and ends when the writes move."""
import os
import subprocess
import tempfile

import pgwire
from case import PairCase
from cluster import client_program, run_program
from waiting import eventually


class Walsenders(PairCase):
    """One backend for all sessions: a walsender takes none of them."""

    teal_settings = {"workers": 2, "default_pool_size": 2}

    def dsn(self, *, user="postgres", **params):
        words = dict(host=self.teal.host, port=self.teal.port, user=user, **params)
        return " ".join("%s=%s" % pair for pair in words.items())

    def walsender(self, mode="true", **kwargs):
        return self.connect(user="postgres", replication=mode, **kwargs)

    def rows(self):
        return {(r["user"], r["replication"], r["state"]) for r in self.teal.console("SHOW CLIENTS")}

    def test_identify_system(self):
        direct = self.pair.blue.connect(replication="true")
        self.stack.callback(direct.close)
        ours, theirs = self.walsender().query("IDENTIFY_SYSTEM"), direct.query("IDENTIFY_SYSTEM")
        self.assertEqual(ours.rows[0][:2], theirs.rows[0][:2])
        self.assertEqual(ours.tag, theirs.tag)

    def test_logical_walsender_speaks_sql_too(self):
        c = self.walsender("database")
        self.assertEqual(c.value("SELECT current_database()"), "app")
        self.assertEqual(c.query("IDENTIFY_SYSTEM").rows[0][3], "app")

    def test_start_up_settings_are_handed_on(self):
        c = self.walsender("database", application_name="me", options="-c work_mem=77kB")
        self.assertEqual(c.value("SHOW application_name"), "me")
        self.assertEqual(c.value("SHOW work_mem"), "77kB")
        self.assertEqual(c.status["application_name"], "me")

    def test_a_physical_one_needs_no_database(self):
        c = self.walsender(database="no_such_database")
        self.assertEqual(len(c.query("IDENTIFY_SYSTEM").rows), 1)

    def test_the_word_decides(self):
        for word in ("off", "false", "no", "0", "f"):
            with self.connect(replication=word) as c:
                self.assertEqual(c.value("SELECT 1"), "1")
        with self.refused("22023", "FATAL"):
            self.connect(replication="maybe")

    def test_a_role_without_the_right_is_refused_with_the_servers_words(self):
        with self.refused("42501", "FATAL"):
            self.connect(user="app", replication="true")

    def test_each_has_a_backend_of_its_own(self):
        with self.walsender("database") as a, self.walsender("database") as b:
            self.assertNotEqual(a.value("SELECT pg_backend_pid()"), b.value("SELECT pg_backend_pid()"))
            self.assertIn(("postgres", "logical", "active"), self.rows())
            self.assert_serving()
        eventually(lambda: ("postgres", "logical", "active") not in self.rows(), what="the walsenders to go")
        self.assertEqual([r for r in self.teal.console("SHOW SERVERS") if r["replication"] != "none"], [])

    def test_too_many_wait_and_come_in_when_one_leaves(self):
        one, two = self.walsender(), self.walsender()
        third = self.connect(user="postgres", replication="true", connect=False)
        third.send(pgwire.startup(dict(user="postgres", database="app", replication="true")))
        eventually(lambda: [r for r in self.teal.console("SHOW POOLS") if r["cl_waiting"] == "1"], what="one to wait")
        one.close()
        third.authenticate()
        self.assertEqual(len(third.query("IDENTIFY_SYSTEM").rows), 1)
        two.close()

    def test_a_client_that_gives_up_waiting_leaves_nothing(self):
        one, two = self.walsender(), self.walsender()
        third = self.connect(user="postgres", replication="true", connect=False)
        third.send(pgwire.startup(dict(user="postgres", database="app", replication="true")))
        eventually(lambda: [r for r in self.teal.console("SHOW POOLS") if r["cl_waiting"] == "1"], what="one to wait")
        third.close()
        one.close()
        two.close()
        eventually(lambda: not [r for r in self.teal.console("SHOW SERVERS") if r["replication"] != "none"],
                   what="the walsenders to go")

    def test_errors_and_pipelines(self):
        c = self.walsender("database")
        with self.refused("42601", "ERROR"):
            c.query("START NONSENSE")
        c.send(pgwire.query("IDENTIFY_SYSTEM") + pgwire.query("SELECT 1") + pgwire.query("SHOW wal_level"))
        kinds = "".join(k for _ in range(3) for k, _ in c.until_ready())
        self.assertEqual(kinds, "TDCZ" * 3)

    def test_cancel_reaches_the_walsender(self):
        c = self.walsender("database")
        c.send(pgwire.query("SELECT pg_sleep(60)"))
        eventually(lambda: self.pair.blue.value("SELECT 1 FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%60%' "
                                                "AND backend_type = 'walsender'"), what="the query to run")
        c.cancel()
        self.assertEqual(self.errors_of(c.until_ready()), ["57014"])
        self.assertEqual(c.value("SELECT 1"), "1")

    def test_terminate_behind_a_command_lets_it_run(self):
        c = self.walsender("database")
        c.send(pgwire.query("CREATE TABLE left_behind (n int)") + pgwire.terminate())
        c.close()
        eventually(lambda: self.pair.blue.value("SELECT 1 FROM pg_class WHERE relname = 'left_behind'", "app"),
                   what="the table")

    def test_a_wrong_message_ends_that_client_alone(self):
        c = self.walsender()
        c.send(pgwire.message("z"))
        self.assertEqual(self.errors_of(c.drain()), ["08P01"])
        self.assert_serving()

    def test_switched_off(self):
        self.teal.set(replication="no")
        self.teal.console("RELOAD")
        try:
            with self.refused("0A000", "FATAL"):
                self.walsender()
        finally:
            self.teal.set(replication="yes")
            self.teal.console("RELOAD")

    def test_pg_basebackup(self):
        with tempfile.TemporaryDirectory() as to:
            run_program([client_program("pg_basebackup"), "-d", self.dsn(), "-D", os.path.join(to, "copy"),
                         "-X", "stream", "-c", "fast", "--no-sync"])
            run_program([client_program("pg_verifybackup"), "-e", os.path.join(to, "copy")])

    def test_pg_receivewal(self):
        with tempfile.TemporaryDirectory() as to:
            # A row first: a position at the edge of two segments would name the one before.
            segment = self.pair.blue.value("SELECT pg_walfile_name(pg_logical_emit_message(false, 'test', 'x'))")
            receiver = subprocess.Popen([client_program("pg_receivewal"), "-d", self.dsn(), "-D", to, "--no-sync"],
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd="/")
            try:
                eventually(lambda: self.pair.blue.value("SELECT 1 FROM pg_stat_replication WHERE application_name = "
                                                        "'pg_receivewal' AND state = 'streaming'"), what="it to stream")
                self.pair.blue.sql("SELECT pg_logical_emit_message(false, 'big', repeat('x', 3000000)) FROM generate_series(1, 8);"
                                   "SELECT pg_switch_wal()")
                eventually(lambda: os.path.exists(os.path.join(to, segment)), 30, "a whole segment")
                self.assert_serving()
            finally:
                receiver.terminate()
                receiver.communicate(timeout=20)
            with open(os.path.join(to, segment), "rb") as copy:
                self.assertEqual(copy.read(), self.segment(segment))

    def segment(self, name):
        with open(os.path.join(self.pair.blue.data, "pg_wal", name), "rb") as f:
            return f.read()

    def test_pg_recvlogical(self):
        run = [client_program("pg_recvlogical"), "-d", self.dsn(dbname="app"), "-S", "recv"]
        run_program(run + ["--create-slot", "-P", "test_decoding"])
        with tempfile.NamedTemporaryFile() as out:
            self.pair.blue.sql("INSERT INTO item (label) SELECT 'row ' || n FROM generate_series(1, 2000) n", "app")
            end = self.pair.blue.value("SELECT pg_current_wal_lsn()")
            run_program(run + ["--start", "-f", out.name, "--endpos", end])
            self.assertEqual(out.read().decode().count("table public.item: INSERT"), 2000)
        run_program(run + ["--drop-slot"])


class WhenWritesMove(PairCase):
    teal_settings = {"workers": 2}

    def test_they_end_and_do_not_hold_the_move_up(self):
        self.teal.steps("PREPARE")
        c = self.connect(user="postgres", replication="database", application_name="decoder")
        streaming = self.connect(user="postgres", replication="true")
        at = streaming.query("IDENTIFY_SYSTEM").rows[0][2]
        streaming.send(pgwire.query("START_REPLICATION PHYSICAL %s" % at))
        while streaming.next()[0] != "W":
            pass
        pinned = self.teal.console("SHOW SESSIONS PINNED")
        self.assertEqual({r["pinned"] for r in pinned}, {"a walsender"})
        steps = self.teal.steps("CUTOVER")
        self.assertEqual([s for s in steps if s["result"] in ("fail", "error")], [])
        self.assertEqual(self.teal.writer(), "green")
        self.assertEqual(self.errors_of(c.drain()), ["57P01"])
        self.assertEqual(self.writer_of_a_new_one(), "green")
        self.teal.steps("ROLLBACK")

    def writer_of_a_new_one(self):
        with self.connect(user="postgres", replication="database") as c:
            return c.value("SHOW cluster_name")
