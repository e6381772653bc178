# SPDX-License-Identifier: PostgreSQL
"""The main job: writes move from blue to green and back under load, and nothing is lost, doubled, stale or refused."""
import contextlib
import time
import unittest

import pgwire
import verify
from case import Background
from cluster import has_version
from flips import FlipCase, Load
from waiting import eventually


class Flips:
    """The tests that every kind of pair must pass; mixed into the classes below.

    In whatever order they run, each leaves both sides with the same rows.
    """

    def tearDown(self):
        self.home()
        self.drain()
        for table in ("kv", "item", "verify.bank"):
            sql = "SELECT count(*) || ' ' || coalesce(sum(hashtextextended(t::text, 0)), 0) FROM %s t" % table
            self.assertEqual(self.pair.blue.value(sql, "app"), self.pair.green.value(sql, "app"), table)
        super().tearDown()

    def test_check_reports_every_finding(self):
        steps = self.teal.steps("CHECK")
        self.assertGreater(len(steps), 10)
        self.assertEqual([s for s in steps if s["result"] == "fail"], [])

    def test_check_sees_a_manager_of_failovers(self):
        def seen():
            return [s["detail"] for s in self.teal.steps("CHECK") if s["step"] == "W54 ha-manager" and s["result"] == "warn"]
        self.assertEqual(seen(), [])
        for name, manager in (("Patroni restapi", "Patroni"), ("repmgrd", "repmgr")):
            with self.pair.green.connect("app", application_name=name):
                found = eventually(seen, 5, "%s is found" % manager)
            self.assertIn(manager, found[0])
            self.assertIn("pause", found[0])
            eventually(lambda: not seen(), 5, "%s is gone" % manager)

    def test_cutover_and_rollback_under_load(self):
        with Load(self) as load:
            for command in ("CUTOVER", "ROLLBACK", "CUTOVER", "ROLLBACK"):
                self.flip(command)
                load.goes_on()
        self.assertEqual(load.verdict()[:5], [])
        self.assert_one_writer()

    def test_reads_on_green_under_load_through_flips(self):
        self.teal.reads("green")
        try:
            with Load(self) as load:
                for command in ("CUTOVER", "ROLLBACK"):
                    self.flip(command)
                    load.goes_on()
        finally:
            self.teal.reads("follow")
        self.assertEqual(load.verdict()[:5], [])

    def test_no_error_and_a_short_wait(self):
        with Load(self, processes=1) as load:
            began = time.monotonic()
            steps = self.flip("CUTOVER")
            ended = time.monotonic()
        self.assertEqual([r for r in load.records() if r["r"] != "ok"], [])
        waits = verify.longest_waits(load.records(), [(began, ended)])
        self.assertLess(waits[0], 3.0, steps)
        names = [s["step"] for s in steps]
        for step in ("hold", "drain", "fence", "catch-up", "commit", "open", "release"):
            self.assertIn(step, names)
        self.flip("ROLLBACK")

    def test_sequences_go_on(self):
        with self.teal.connect() as c:
            before = int(c.value("SELECT nextval('lone')"))
            item = int(c.value("INSERT INTO item (label) VALUES ('before') RETURNING id"))
            self.flip("CUTOVER")
            self.assertGreater(int(c.value("SELECT nextval('lone')")), before)
            self.assertGreater(int(c.value("INSERT INTO item (label) VALUES ('after') RETURNING id")), item)
            self.flip("ROLLBACK")
            self.assertGreater(int(c.value("SELECT nextval('lone')")), before)

    def test_sessions_move_with_their_state(self):
        with self.teal.connect(application_name="mover", options="-c work_mem=17MB") as c:
            c.prepare("side", "SELECT current_setting('cluster_name') || $1::text FROM (SELECT nextval('lone')) x")
            self.assertEqual(c.run_prepared("side", ("!",)).value(), "blue!")
            self.flip("CUTOVER")
            self.assertEqual(c.run_prepared("side", ("!",)).value(), "green!")
            self.assertEqual(c.value("SHOW work_mem"), "17MB")
            self.assertEqual(c.value("SHOW application_name"), "mover")
            self.flip("ROLLBACK")
            self.assertEqual(c.run_prepared("side", ("!",)).value(), "blue!")

    def test_session_that_cannot_move_is_named_and_told(self):
        """State that lives in the old side's backend cannot come along: the operator sees it, the client is told."""
        with self.teal.connect() as c:
            c.query("CREATE TEMP TABLE stays (n int)")
            self.assertIn("pinned", " ".join("%(step)s %(detail)s" % s for s in self.teal.steps("CHECK")).lower())
            self.flip("CUTOVER")
            with self.assertRaises((pgwire.PgError, pgwire.Closed)) as caught:
                c.query("SELECT n FROM stays")
            if isinstance(caught.exception, pgwire.PgError):
                self.assertEqual((caught.exception.severity, caught.exception.sqlstate), ("FATAL", "57P01"))
        self.flip("ROLLBACK")

    def test_the_wrong_direction_is_refused(self):
        with self.refused("55000") as caught:
            self.teal.steps("ROLLBACK")
        self.assertTrue(caught.exception.hint or caught.exception.message)
        self.assert_serving()


class Physical(Flips, FlipCase):
    """A streaming standby: promoted by the first cutover, fed by logical replication from then on."""

    kind = "physical"


class Logical(Flips, FlipCase):
    """The distribution's version on both sides, by logical replication."""

    kind = "logical"


class TwoWay(Flips, FlipCase):
    """17 to 18: standing subscriptions both ways."""

    kind = "logical"
    versions = ("17", "18")

    @classmethod
    def setUpClass(cls):
        if not (has_version("17") and has_version("18")):
            raise unittest.SkipTest("PostgreSQL 17 and 18 are not here (scripts/install-dependencies --green-version 17 ...)")
        super().setUpClass()


class Upgrade(Flips, FlipCase):
    """The distribution's version to 17: what the demo shows."""

    kind = "logical"
    versions = (None, "17")

    @classmethod
    def setUpClass(cls):
        if not has_version("17"):
            raise unittest.SkipTest("PostgreSQL 17 is not here (scripts/install-dependencies --green-version 17)")
        super().setUpClass()


class HeldSessions(FlipCase):
    """What sessions in every situation meet while writes are held."""

    kind = "physical"
    prepared = False

    @contextlib.contextmanager
    def held(self, words="HOLD"):
        self.teal.console(words)
        try:
            yield
        finally:
            self.teal.console("RELEASE")

    def test_hold_and_release(self):
        reader, writer = self.connect(), self.connect()
        with self.held():
            waiting = Background(writer.query, "INSERT INTO kv VALUES ('held', 'x')")
            self.wait_session("waiting", writer)
            self.assertTrue(waiting.is_waiting())
            self.assertEqual(reader.value("SELECT 1"), "1")
        self.assertEqual(waiting.result(5).tag, "INSERT 0 1")

    def test_copy_under_way_ends_while_held(self):
        c = self.connect()
        c.send(pgwire.whole("COPY kv FROM STDIN") + pgwire.sync())
        c.expect("1"), c.expect("2"), c.expect("n"), c.expect("G")
        with self.held("HOLD 10s"):
            began = time.monotonic()
            c.send(pgwire.copy_data(b"copied while held\tx\t1\n") + pgwire.copy_done() + pgwire.sync())
            self.assertEqual(self.kinds_of(c.until_ready()), "CZ")
            self.assertLess(time.monotonic() - began, 5)

    def test_hold_ends_by_itself(self):
        writer = self.connect()
        self.teal.console("HOLD 1s")
        began = time.monotonic()
        writer.query("INSERT INTO kv VALUES ('held for a second', 'x')")
        self.assertTrue(0.5 < time.monotonic() - began < 5)

    def test_open_transaction_goes_on_while_held(self):
        c = self.connect()
        c.queries("BEGIN; INSERT INTO kv VALUES ('open while held', 'x')")
        with self.held():
            c.query("INSERT INTO kv VALUES ('open while held 2', 'x')")
            c.query("COMMIT")
        self.assertEqual(c.value("SELECT count(*) FROM kv WHERE k LIKE 'open while held%'"), "2")

    def test_held_statement_is_cancelled(self):
        c = self.connect()
        with self.held():
            waiting = Background(c.query, "INSERT INTO kv VALUES ('cancelled while held', 'x')")
            self.wait_session("waiting", c)
            c.cancel()
            with self.refused("57014", "ERROR"):
                waiting.result(5)
        self.assertEqual(c.value("SELECT count(*) FROM kv WHERE k = 'cancelled while held'"), "0")

    def test_held_client_that_goes_away_runs_nothing(self):
        c = self.connect()
        with self.held():
            c.send(pgwire.query("INSERT INTO kv VALUES ('gone while held', 'x')"))
            self.wait_session("waiting", c)
            c.reset()
            self.wait_session("gone", c)
        self.connect().query("INSERT INTO kv VALUES ('after the one that has gone', 'x')")
        self.assertEqual(self.pair.blue.value("SELECT count(*) FROM kv WHERE k = 'gone while held'", "app"), "0")


class Trouble(FlipCase):
    """Flips that must not happen: each is refused or undone, and writes go on at blue."""

    kind = "physical"
    settings = {"max_prepared_transactions": "5"}
    pair_settings = {"drain_timeout": "700ms", "catchup_timeout": "1s", "hold_timeout": "3s", "hold_timeout_physical": "4s"}

    def setUp(self):
        super().setUp()
        self.wait_whole()  # each flip is to fail for the reason of its own test

    def must_fail(self, command="CUTOVER", sqlstate=None):
        """The flip fails within its budget, and nobody waits for long."""
        with Load(self, processes=1, clients=3) as load:
            began = time.monotonic()
            with self.assertRaises(pgwire.PgError) as caught:
                self.teal.steps(command)
            ended = time.monotonic()
            load.goes_on(20)
        if sqlstate:
            self.assertEqual(caught.exception.sqlstate, sqlstate, caught.exception)
        self.assertEqual([r for r in load.records() if r["r"] != "ok"][:3], [])
        self.assertLess(verify.longest_waits(load.records(), [(began, ended)])[0], 6)
        self.assertEqual(self.teal.writer(), "blue")
        self.assertFalse(self.pair.blue.read_only())
        return caught.exception

    def test_green_has_stopped_replaying(self):
        self.pair.green.sql("SELECT pg_wal_replay_pause()")
        try:
            self.must_fail()
        finally:
            self.pair.green.sql("SELECT pg_wal_replay_resume()")

    def test_transaction_that_does_not_end(self):
        with self.teal.connect() as c:
            c.queries("BEGIN; INSERT INTO kv VALUES ('long', 'x')")
            self.must_fail()
            c.query("COMMIT")
        self.assertEqual(self.pair.blue.value("SELECT count(*) FROM kv WHERE k = 'long'", "app"), "1")
        self.pair.blue.sql("DELETE FROM kv WHERE k = 'long'", "app")

    def test_prepared_transaction(self):
        self.pair.blue.sql("BEGIN; INSERT INTO kv VALUES ('2pc', 'x'); PREPARE TRANSACTION 'two'", "app")
        try:
            self.must_fail()
        finally:
            self.pair.blue.sql("ROLLBACK PREPARED 'two'", "app")

    def test_second_operator(self):
        with self.teal.connect() as c:
            c.queries("BEGIN; INSERT INTO kv VALUES ('busy', 'x')")  # keeps the first flip in its drain
            first = Background(self.teal.steps, "CUTOVER")
            eventually(lambda: self.teal.console("SHOW CUTOVER")[0]["state"] == "drain", 5, "the flip to drain")
            with self.refused("55006"):
                self.teal.steps("CUTOVER")
            with self.assertRaises(pgwire.PgError):
                first.result(20)
            c.query("ROLLBACK")
        self.assertEqual(self.teal.writer(), "blue")

    def test_dry_run_changes_nothing(self):
        steps = self.teal.steps("CUTOVER DRY RUN")
        self.assertTrue(steps)
        self.assertEqual(self.teal.writer(), "blue")
        self.assertTrue(self.pair.green.in_recovery())

    def test_green_is_dead(self):
        self.pair.green.stop("kill")
        try:
            self.must_fail()
        finally:
            self.pair.green.start()
            self.pair.wait_streaming()

    def test_green_hangs(self):
        """A machine that answers nothing any more, with its connections open."""
        self.pair.green.freeze()
        try:
            self.must_fail()
        finally:
            self.pair.green.thaw()


class DrainTerminate(FlipCase):
    kind = "physical"

    def test_straggler_is_ended_when_asked(self):
        c = self.connect()
        c.queries("BEGIN; INSERT INTO kv VALUES ('straggler', 'x')")
        self.flip("CUTOVER DRAIN TERMINATE")
        with self.assertRaises((pgwire.PgError, pgwire.Closed)):
            c.query("COMMIT")
        self.assertEqual(self.pair.green.value("SELECT count(*) FROM kv WHERE k = 'straggler'", "app"), "0")
        self.assert_one_writer()


class NotPrepared(FlipCase):
    kind = "physical"
    prepared = False

    def test_cutover_is_refused_with_the_command_that_helps(self):
        with self.assertRaises(pgwire.PgError) as caught:
            self.teal.steps("CUTOVER")
        said = "%s %s %r" % (caught.exception.message, caught.exception.hint, caught.exception.steps)
        self.assertIn("prepare", said.lower())
        self.assertEqual(self.teal.writer(), "blue")
