# SPDX-License-Identifier: PostgreSQL
"""What the operator has said outlives a restart: READS, HOLD, PAUSE, DISABLE, SET."""
import os
import signal
import time

import pgwire
from case import Background, PairCase
from waiting import eventually

ENDS = (signal.SIGKILL, signal.SIGTERM)


class Restart(PairCase):
    """Each thing once with kill -9 and once with an orderly end."""

    teal_settings = {"shutdown_timeout": "20s"}

    def setUp(self):
        super().setUp()
        if not self.teal.is_running():
            self.teal.start()

    def tearDown(self):
        for statement in ("RESUME", "RELEASE", "ENABLE app", "READS default", "RELOAD"):
            try:
                self.teal.console(statement)
            except pgwire.PgError as e:
                self.assertEqual(e.sqlstate, "55000")  # it was not in force
        super().tearDown()

    def file(self):
        return self.teal.sections["teal"]["state_file"] + ".operator"

    def restart(self, how):
        """The proxy ends and begins again; how long it was gone."""
        began = time.monotonic()
        if how == signal.SIGKILL:
            self.teal.kill()
        else:
            self.assertEqual(self.teal.stop(how), 0)
        self.teal.start(wait=False)
        eventually(lambda: self.teal.console("SHOW VERSION"), 10, "the console")
        eventually(lambda: self.row()["writer_known"] == "yes", 10, "the writer to be known")
        return time.monotonic() - began

    def row(self):
        return self.teal.console("SHOW PAIR")[0]

    def status(self):
        code, text = self.teal.ctl("status")
        self.assertEqual(code, 0, text)
        return text

    def values(self):
        return {row["key"]: row for row in self.teal.console("SHOW CONFIG")}

    def test_who_waits_in_a_paused_database_does_not_hold_up_the_end(self):
        c = self.connect()
        self.teal.console("PAUSE app")
        answer = Background(c.value, "SELECT 1")
        self.wait_session("waiting", c)
        with self.teal.logs("ending"):
            gone = self.restart(signal.SIGTERM)
        self.assertLess(gone, 15)  # shutdown_timeout is 20 s
        with self.assertRaises(pgwire.PgError) as caught:
            answer.result(5)
        self.assertEqual(caught.exception.sqlstate, "57P01")

    def test_reads_with_a_share_and_a_rule(self):
        for how in ENDS:
            with self.subTest(how.name):
                self.teal.reads("green 5%")
                self.teal.console("READS green USER 'the other' APPLICATION report")
                before = self.row()
                self.restart(how)
                after = self.row()
                for column in ("reads", "reads_percent", "rules"):
                    self.assertEqual(after[column], before[column])
                self.assertEqual((after["reads"], after["reads_percent"], after["rules"]), ("green", "5.00", "1"))
                self.assertIn("the rule is gone", self.teal.console("READS follow USER 'the other' APPLICATION report")[0]["detail"])
                self.teal.console("READS default")
                self.assertEqual(self.row()["reads"], "follow")

    def test_the_configuration_is_followed_again_after_reads_default(self):
        self.teal.reads("green")
        self.teal.console("READS default")
        self.restart(signal.SIGKILL)
        self.assertEqual((self.row()["reads"], self.row()["rules"]), ("follow", "0"))

    def test_a_hold_goes_on_with_the_time_left(self):
        for how in ENDS:
            with self.subTest(how.name):
                self.teal.console("HOLD 20s")
                gone = self.restart(how)
                left = int(self.row()["hold_left_ms"]) / 1000
                self.assertLess(left, 20)
                self.assertGreater(left, 20 - gone - 2)
                self.assertIn("held by the operator", self.status())
                login = Background(self.teal.connect)  # the first one after the start asks the writer
                eventually(lambda: self.row()["waiting"] == "1", 5, "it to wait")
                self.teal.console("RELEASE")
                with login.result(10) as c:
                    self.assertEqual(c.query("INSERT INTO kv VALUES ('held %s', 'x')" % how.name).tag, "INSERT 0 1")
                self.restart(how)
                self.assertIsNone(self.row()["hold_left_ms"])

    def test_a_hold_ends_by_itself_behind_the_restart(self):
        self.teal.console("HOLD 4s")
        began = time.monotonic()
        self.restart(signal.SIGKILL)
        eventually(lambda: self.row()["held"] == "no", 10, "the hold to end")
        self.assertLess(time.monotonic() - began, 8)
        self.assertEqual(self.connect().query("INSERT INTO kv VALUES ('behind the hold', 'x')").tag, "INSERT 0 1")

    def test_a_hold_that_is_over_is_not_restored(self):
        self.teal.console("HOLD 300ms")
        self.teal.kill()
        with open(self.file()) as f:
            until = int(next(line for line in f if line.startswith("hold ")).split()[1])
        eventually(lambda: time.time() * 1000000 > until, 5, "its end to pass")
        self.teal.start()
        self.assertIsNone(self.row()["hold_left_ms"])
        with open(self.file()) as f:
            self.assertNotIn("hold", f.read())

    def test_nothing_slips_through_a_pause(self):
        for how in ENDS:
            with self.subTest(how.name):
                key = "paused %s" % how.name
                c = self.teal.connect()
                self.teal.console("PAUSE")
                c.send(pgwire.query("INSERT INTO kv VALUES ('%s', 'before')" % key))
                eventually(lambda: self.row()["waiting"] == "1", 5, "it to wait")
                self.restart(how)  # with SIGTERM as well nobody waits for it
                with self.assertRaises((pgwire.PgError, pgwire.Closed, OSError)):
                    c.collect()
                self.assertEqual(self.row()["paused"], "yes")
                self.assertIn("PAUSED", self.status())
                self.assertEqual(self.teal.console("SHOW SERVERS"), [])
                login = Background(self.teal.connect)
                eventually(lambda: self.row()["waiting"] == "1", 5, "a login to wait")
                self.assertEqual(self.pair.blue.value("SELECT count(*) FROM kv WHERE k = '%s'" % key, "app"), "0")
                self.teal.console("RESUME")
                with login.result(10) as other:
                    self.assertEqual(other.value("SELECT 1"), "1")
                self.restart(how)
                self.assertEqual(self.row()["paused"], "no")

    def test_a_pause_that_was_given_up_does_not_come_back(self):
        c = self.connect()
        c.query("BEGIN")
        with self.refused("55006"):
            self.teal.console("PAUSE 100ms")
        self.restart(signal.SIGKILL)
        self.assertEqual(self.row()["paused"], "no")

    def test_a_killed_database_stays_paused(self):
        self.teal.console("KILL")
        self.restart(signal.SIGKILL)
        self.assertEqual(self.row()["paused"], "yes")

    def test_disabled(self):
        for how in ENDS:
            with self.subTest(how.name):
                self.teal.console("DISABLE app")
                self.restart(how)
                self.assertEqual(self.row()["databases_disabled"], "1")
                self.assertIn("tealctl enable app", self.status())
                self.assertIn("DISABLED", self.teal.ctl("status", "--json")[1])
                with self.refused("55000"):
                    self.connect()
                self.teal.console("ENABLE app")
                self.restart(how)
                self.assertEqual(self.row()["databases_disabled"], "0")

    def test_values_of_set_last_until_reload(self):
        for how in ENDS:
            with self.subTest(how.name):
                self.teal.console("SET query_wait_timeout = '7s'")
                self.teal.console("SET auth_query = 'SELECT ''it''''s'', $1'")
                before = self.values()
                self.assertEqual(before["query_wait_timeout"]["source"], "SET")
                self.assertEqual(before["max_client_conn"]["source"], "file")
                self.restart(how)
                self.assertEqual(self.values(), before)
                self.teal.console("RELOAD")
                self.restart(how)
                self.assertEqual({row["source"] for row in self.values().values()}, {"file"})

    def test_a_value_that_is_the_files_is_none_of_set(self):
        value = self.values()["max_client_conn"]["value"]
        self.teal.console("SET max_client_conn = '7'")
        self.teal.console("SET max_client_conn = '%s'" % value)
        self.assertEqual(self.values()["max_client_conn"]["source"], "file")
        with open(self.file()) as f:
            self.assertNotIn("max_client_conn", f.read())

    def test_a_file_that_cannot_be_read_does_not_stop_the_start(self):
        for text in ("", "teal-operator 1\npaused\ncrc 00000000\n", "x" * 9000000, "teal-operator 2\n\0"):
            with self.subTest(text[:40]):
                self.teal.console("PAUSE")
                self.teal.kill()
                with open(self.file(), "w") as f:
                    f.write(text)
                with self.teal.logs("what the operator had said is lost"):
                    self.teal.start()
                self.assertEqual(self.row()["paused"], "no")
                self.assertEqual(self.teal.writer(), "blue")

    def test_what_cannot_be_written_is_done_and_told(self):
        blocker = self.file() + ".new"
        os.mkdir(blocker)
        try:
            self.assertIn("cannot be written", self.teal.console("HOLD 10s")[0]["detail"])
            self.assertEqual(self.row()["held"], "yes")
        finally:
            os.rmdir(blocker)

        def is_written():
            with open(self.file()) as f:
                return "hold " in f.read()
        eventually(lambda: os.path.exists(self.file()) and is_written(), 5, "it to be written after all")
        self.teal.console("RELEASE")

    def test_the_record_is_as_it_was(self):
        def record():
            with open(self.teal.sections["teal"]["state_file"]) as f:
                return f.read()
        before = record()
        self.teal.console("SET query_wait_timeout = '8s'")
        self.teal.console("DISABLE app")
        self.assertEqual(record(), before)


class RestartWithUsers(PairCase):
    """Files that a value of SET names are read at the start."""

    teal_settings = {"auth_type": "scram-sha-256"}

    def test_set_values_whose_files_have_gone_do_not_stop_the_start(self):
        other = os.path.join(self.teal.dir, "others.txt")
        with open(other, "w") as f:
            f.write('"app" "app-secret"\n')
        os.chmod(other, 0o600)
        self.teal.console("SET auth_file = '%s'" % other)
        self.teal.console("SET query_wait_timeout = '7s'")
        self.teal.kill()
        os.unlink(other)
        with self.teal.logs("all values of SET are dropped"):
            self.teal.start()
        self.assertEqual({row["source"] for row in self.teal.console("SHOW CONFIG")}, {"file"})
