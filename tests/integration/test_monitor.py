# SPDX-License-Identifier: PostgreSQL
"""What the monitor sees of two real servers: lag, freshness, up and down."""
import contextlib
import os
import signal
import time

from case import PairCase
from cluster import children_of
from names import Names
from teal import Teal
from waiting import eventually, throughout

SIDE = "SELECT current_setting('cluster_name')"


class LagCase(PairCase):
    def lag(self, side="green"):
        """The row of SHOW LAG of the side's lead, with numbers as numbers; None where it is unknown."""
        row = next(r for r in self.teal.console("SHOW LAG") if r["side"] == side and r["lead"] == "yes")
        return dict(row, **{k: None if row[k] is None else int(row[k]) for k in ("lag_bytes", "lag_ms")})

    def caught_up(self):
        row = self.lag()
        return row["lag_ok"] == "yes" and (row["lag_bytes"], row["lag_ms"]) == (0, 0)

    def wait_idle(self, seconds=10):
        eventually(self.caught_up, seconds, "green to show no lag")

    def watch(self, seconds, every=0.02):
        """The rows of green that are shown in that time."""
        return [self.lag() for _ in throughout(seconds, every)]

    @contextlib.contextmanager
    def paused_replay(self):
        self.pair.green.sql("SELECT pg_wal_replay_pause()")
        try:
            yield
        finally:
            self.pair.green.sql("SELECT pg_wal_replay_resume()")

    @contextlib.contextmanager
    def frozen_walwriter(self):
        """Nothing flushes what was committed asynchronously, as when the disk of the WAL stalls."""
        pid = int(self.pair.blue.value("SELECT pid FROM pg_stat_activity WHERE backend_type = 'walwriter'"))
        self.assertIn(pid, children_of(self.pair.blue.process.pid))
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)


class StandbyLag(LagCase):
    """A streaming standby, LSN against LSN."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.teal.reads("green")

    def setUp(self):
        super().setUp()
        self.wait_idle()

    def test_idle_shows_nothing(self):
        for row in self.watch(1):
            self.assertEqual((row["up"], row["lag_ok"], row["lag_bytes"], row["lag_ms"]), ("yes", "yes", 0, 0))
        self.assertEqual(self.lag("blue")["lag_bytes"], 0)

    def idle_in_transaction(self, rows):
        """A session of blue that has written and is idle in its transaction."""
        writer = self.stack.enter_context(self.pair.blue.connect("app"))
        writer.query("BEGIN")
        writer.query("INSERT INTO kv SELECT 'waits-%d-' || n, repeat('x', 100) FROM generate_series(1, %d) n" % (rows, rows))
        return writer

    def test_idle_in_transaction_is_no_lag(self):
        """One row stays in the buffers of the WAL; more rows are flushed up to a page, in the middle of a record."""
        for rows in (1, 300):
            with self.subTest(rows=rows):
                writer = self.idle_in_transaction(rows)
                shown = self.watch(3)
                writer.query("ROLLBACK")
                self.assertEqual({row["lag_ok"] for row in shown}, {"yes"})
                self.assertLess(max(row["lag_ms"] for row in shown), 1000)
                self.assertTrue(all((row["lag_bytes"], row["lag_ms"]) == (0, 0) for row in shown[-5:]), shown[-5:])

    def test_freshness_moves_on_behind_a_session_idle_in_transaction(self):
        c = self.connect()
        self.idle_in_transaction(1)
        c.query("INSERT INTO kv VALUES ('own', 'x')")
        self.idle_in_transaction(2)
        eventually(lambda: c.value(SIDE) == "green", 5, "the session to read from green again")
        self.assertEqual(c.value("SELECT v FROM kv WHERE k = 'own'"), "x")

    def test_idle_writer_is_not_written_to(self):
        # Less than the smallest record: what the tests before have left is flushed.
        unflushed = "SELECT pg_current_wal_insert_lsn() - pg_current_wal_flush_lsn() < 30"
        eventually(lambda: self.pair.blue.value(unflushed) == "t", 10, "the WAL to be flushed")
        next_id = "SELECT txid_snapshot_xmax(txid_current_snapshot())"
        before = self.pair.blue.value(next_id)
        for _ in throughout(1.5, every=0.1):
            self.assertEqual(self.pair.blue.value(next_id), before)

    def test_paused_replay_grows_and_comes_back(self):
        with self.paused_replay():
            self.pair.blue.sql("INSERT INTO kv SELECT 'paused-' || n, 'x' FROM generate_series(1, 1000) n", "app")
            eventually(lambda: self.lag()["lag_ms"] > 300, 5, "the lag to show")
            first = self.lag()
            self.assertGreater(first["lag_bytes"], 1000)
            eventually(lambda: self.lag()["lag_ms"] > first["lag_ms"] + 500, 5, "the lag to grow")
            eventually(lambda: self.lag()["lag_ok"] == "no", 5, "the guard")
            self.assertEqual(self.lag()["lag_bytes"], first["lag_bytes"])  # nothing was written since
            self.assertEqual(self.lag()["up"], "yes")
        self.wait_idle()

    def test_stopped_is_down_and_started_is_up(self):
        self.pair.green.stop()
        try:
            eventually(lambda: self.lag()["up"] == "no", 5, "green to be down")
            row = self.lag()
            self.assertEqual((row["lag_ok"], row["lag_bytes"], row["lag_ms"]), ("no", None, None))
            self.assertTrue(row["error"])
            self.assertEqual(self.connect().value(SIDE), "blue")
            incarnation = int(row["incarnation"])
        finally:
            self.pair.green.start()
        eventually(lambda: self.lag()["up"] == "yes", 10, "green to be up")
        self.wait_idle()
        row = self.lag()
        self.assertIsNone(row["error"])
        self.assertGreater(int(row["incarnation"]), incarnation)

    def test_frozen_is_down(self):
        """Connections stay open and nothing answers."""
        self.pair.green.freeze()
        try:
            eventually(lambda: self.lag()["lag_ok"] == "no", 3, "the lag to be unknown")
            eventually(lambda: self.lag()["up"] == "no", 5, "green to be down")
        finally:
            self.pair.green.thaw()
        eventually(lambda: self.lag()["up"] == "yes", 15, "green to be up")
        self.wait_idle()

    def test_asynchronous_commit_is_read_at_once(self):
        c = self.connect()
        c.query("SET synchronous_commit = off")
        sides = set()
        for n, _ in enumerate(throughout(4, every=0)):
            c.query("INSERT INTO kv VALUES ('async-%d', 'x')" % n)
            for _ in throughout(0.001 * 2 ** (n % 10), every=0):  # from 1 ms to half a second
                found, side = c.query("SELECT count(*), current_setting('cluster_name') FROM kv WHERE k = 'async-%d'" % n).rows[0]
                self.assertEqual(found, "1", side)
                sides.add(side)
        self.assertEqual(sides, {"blue", "green"})

    def test_asynchronous_commit_is_read_while_the_disk_stalls(self):
        c = self.connect()
        c.query("SET synchronous_commit = off")
        with self.frozen_walwriter():
            c.query("INSERT INTO kv VALUES ('stalled', 'x')")
            for _ in throughout(3, every=0.01):
                self.assertEqual(c.value("SELECT count(*) FROM kv WHERE k = 'stalled'"), "1")
        eventually(lambda: c.value(SIDE) == "green", 5, "the session to read from green again")
        self.assertEqual(c.value("SELECT count(*) FROM kv WHERE k = 'stalled'"), "1")


class LogicalLag(LagCase):
    """A subscriber, heartbeat against heartbeat."""

    kind = "logical"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.teal.steps("PREPARE")
        cls.teal.reads("green", 20)

    def setUp(self):
        super().setUp()
        self.wait_idle(20)

    def beat(self, cluster):
        return int(cluster.value("SELECT seq FROM teal.marker WHERE side = 'blue'", "app"))

    def test_the_heart_beats_here_and_arrives_there(self):
        before = self.beat(self.pair.blue)
        eventually(lambda: self.beat(self.pair.green) > before, 5, "the heartbeat to arrive")
        self.assertEqual(self.lag()["role"], "logical follower")

    def test_lag_stays_small(self):
        shown = self.watch(2)
        self.assertEqual({row["lag_ok"] for row in shown}, {"yes"})

    def test_idle_in_transaction_is_no_lag(self):
        with self.pair.blue.connect("app") as writer:
            writer.query("BEGIN")
            writer.query("INSERT INTO kv SELECT 'waits-' || n, 'x' FROM generate_series(1, 300) n")
            shown = self.watch(2)
            writer.query("ROLLBACK")
        self.assertEqual({row["lag_ok"] for row in shown}, {"yes"})

    def test_held_apply_grows_and_comes_back(self):
        with self.pair.green.connect("app", options="-c default_transaction_read_only=off") as holder:
            holder.query("BEGIN")
            holder.query("LOCK TABLE kv IN ACCESS EXCLUSIVE MODE")
            self.pair.blue.sql("INSERT INTO kv VALUES ('held', 'x')", "app")
            eventually(lambda: self.lag()["lag_ms"] > 500, 5, "the lag to show")
            eventually(lambda: self.lag()["lag_ok"] == "no", 5, "the guard")
            holder.query("ROLLBACK")
        self.wait_idle()

    def test_own_write_is_read(self):
        c = self.connect()
        for n in range(100):
            c.query("INSERT INTO kv VALUES ('own-%d', 'x')" % n)
            self.assertEqual(c.value("SELECT v FROM kv WHERE k = 'own-%d'" % n), "x")
        eventually(lambda: c.value(SIDE) == "green", 5, "the session to read from green again")
        self.assertEqual(c.value("SELECT count(*) FROM kv WHERE k LIKE 'own-%'"), "100")


class NamesOfHosts(LagCase):
    """blue.test and green.test, by a resolver that can be made to hang."""

    @classmethod
    def make_teal(cls):
        cls.names = Names(cls.pair)
        return Teal(cls.pair, **cls.names.settings())

    def slowest(self, seconds):
        """How long the control thread was away, at most."""
        slowest = 0
        for _ in throughout(seconds):
            begin = time.monotonic()
            self.teal.console("SHOW VERSION")
            slowest = max(slowest, time.monotonic() - begin)
        return slowest

    def test_names_are_resolved(self):
        self.wait_idle()
        self.assertIn("green.test", self.lag()["address"])

    def restart(self, host):
        self.teal.stop()
        self.teal.set("green", host=host)
        self.teal.start()

    def test_a_name_that_leads_nowhere_is_told(self):
        self.restart("nowhere.test")
        self.addCleanup(self.restart, "green.test")
        eventually(lambda: self.lag()["error"], 5, "green to be down")
        self.assertIn('cannot resolve the host name "nowhere.test"', self.lag()["error"])
        self.assert_serving()

    def test_console_and_signals_need_no_name_server(self):
        """Not even while it is not known who the writer is."""
        self.teal.stop()
        with self.names.silent():
            self.teal.spawn()
            eventually(lambda: self.teal.console("SHOW PAIR")[0]["phase"] == "recover", 5, "the console to answer")
            self.assertLess(self.slowest(3), 1)
            started = time.monotonic()
            self.assertEqual(self.teal.stop(signal.SIGTERM), 0)
            self.assertLess(time.monotonic() - started, 1)
        self.teal.start()
        self.assert_serving()

    def test_a_side_comes_and_goes_while_no_name_server_answers(self):
        """The address that was known is used."""
        self.wait_idle()
        with self.names.silent():
            self.pair.green.stop()
            try:
                eventually(lambda: self.lag()["up"] == "no", 5, "green to be down")
                self.assertLess(self.slowest(3), 1)
                self.assert_serving()
            finally:
                self.pair.green.start()
            eventually(lambda: self.lag()["up"] == "yes", 5, "green to be up")
            self.wait_idle()
