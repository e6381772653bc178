# SPDX-License-Identifier: PostgreSQL
"""Where statements go: reads to green, everything else to the writer, and what happens to a write that looks like a read."""

import pgwire
from case import PairCase
from waiting import eventually, throughout

SIDE = "SELECT current_setting('cluster_name')"


class ReadsToGreen(PairCase):
    """Reads go to a streaming standby."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.teal.reads("green")

    def setUp(self):
        super().setUp()
        self.c = self.connect()
        eventually(lambda: self.connect().value(SIDE) == "green", 10, "reads to go to green")

    def side_of(self, sql, c=None):
        return (c or self.c).value(sql)

    def explain(self, sql):
        return " ".join(str(v) for row in self.teal.console("EXPLAIN ROUTE " + sql) for v in row.values())

    def test_plain_reads(self):
        for sql in (SIDE, "select /* comment */ current_setting('cluster_name')", "(%s)" % SIDE,
                    "WITH x AS (%s AS s) SELECT s FROM x" % SIDE, ";; " + SIDE, "VALUES (current_setting('cluster_name'))",
                    SIDE + " WHERE 'INSERT' <> 'DELETE'", "SHOW cluster_name"):
            with self.subTest(sql):
                self.assertEqual(self.side_of(sql), "green")

    def test_extended_reads(self):
        self.assertEqual(self.c.execute(SIDE).value(), "green")
        self.c.prepare("where", SIDE)
        self.assertEqual(self.c.run_prepared("where").value(), "green")

    def test_copy_out_reads(self):
        self.assertEqual(self.c.copy_out("COPY (%s) TO STDOUT" % SIDE), b"green\n")

    def test_read_only_transaction_reads_there_as_a_whole(self):
        self.c.query("BEGIN READ ONLY")
        self.assertEqual([self.side_of(SIDE) for _ in range(3)], ["green"] * 3)
        self.c.query("COMMIT")

    def test_other_transactions_go_to_the_writer(self):
        for begin in ("BEGIN", "START TRANSACTION", "BEGIN ISOLATION LEVEL REPEATABLE READ", "BEGIN READ WRITE"):
            with self.subTest(begin):
                self.c.query(begin)
                self.assertEqual(self.side_of(SIDE), "blue")
                self.c.query("ROLLBACK")

    def test_what_is_not_provably_a_read_goes_to_the_writer(self):
        rows = ["INSERT INTO item (label) VALUES ('w') RETURNING side", "SELECT current_setting('cluster_name') FOR UPDATE",
                "WITH i AS (INSERT INTO item (label) VALUES ('cte') RETURNING side) SELECT side FROM i",
                "SELECT current_setting('cluster_name') FROM (SELECT nextval('lone')) n"]
        for sql in rows:
            with self.subTest(sql):
                c = self.connect()
                self.assertEqual(self.side_of(sql, c), "blue")

    def test_read_glued_to_a_write_goes_to_the_writer(self):
        results = self.c.queries(SIDE + "; INSERT INTO item (label) VALUES ('glued') RETURNING side")
        self.assertEqual([r.value() for r in results], ["blue", "blue"])

    def test_batch_with_a_write_goes_to_the_writer_as_a_whole(self):
        results = self.c.pipeline([(SIDE, ()), ("INSERT INTO item (label) VALUES ('batch') RETURNING side", ())])
        self.assertEqual([r.value() for r in results], ["blue", "blue"])

    def test_write_hidden_in_a_view_is_replayed_on_the_writer(self):
        """No classifier can see it; the read-only backend answers 25006 and the writer gets it, once."""
        before = self.pair.blue.value("SELECT count(*) FROM item", "app")
        self.assertIsNotNone(self.c.value("SELECT id FROM hidden_write"))
        self.assertEqual(self.pair.blue.value("SELECT count(*) FROM item", "app"), str(int(before) + 1))

    def test_hidden_write_by_the_extended_protocol(self):
        before = int(self.pair.blue.value("SELECT count(*) FROM item", "app"))
        c = self.connect()
        self.assertIsNotNone(c.execute("SELECT id FROM hidden_write WHERE $1::int = 1", (1,)).value())
        c = self.connect()
        c.prepare("h", "SELECT id FROM hidden_write")
        self.assertIsNotNone(c.run_prepared("h").value())
        self.assertEqual(int(self.pair.blue.value("SELECT count(*) FROM item", "app")), before + 2)

    def test_hidden_write_in_a_read_only_transaction_is_told(self):
        self.c.query("BEGIN READ ONLY")
        self.c.query("SELECT 1")
        with self.refused("25006"):
            self.c.query("SELECT id FROM hidden_write")
        self.c.query("ROLLBACK")

    def test_own_write_is_read(self):
        for n in range(100):
            self.c.query("INSERT INTO kv VALUES ('own-%d', 'x')" % n)
            self.assertEqual(self.c.value("SELECT v FROM kv WHERE k = 'own-%d'" % n), "x")

    def test_own_write_is_read_while_green_lags(self):
        self.pair.green.sql("SELECT pg_wal_replay_pause()")
        try:
            self.c.query("INSERT INTO kv VALUES ('lagging', 'x')")
            self.assertEqual(self.c.value("SELECT v FROM kv WHERE k = 'lagging'"), "x")
            self.assertEqual(self.side_of(SIDE), "blue")
        finally:
            self.pair.green.sql("SELECT pg_wal_replay_resume()")

    def test_session_returns_to_green_after_its_write_arrived(self):
        self.c.query("INSERT INTO kv VALUES ('returns', 'x')")
        eventually(lambda: self.side_of(SIDE) == "green", 5, "the session to read from green again")
        self.assertEqual(self.c.value("SELECT v FROM kv WHERE k = 'returns'"), "x")

    def test_reads_leave_a_green_that_lags_too_much(self):
        self.pair.green.sql("SELECT pg_wal_replay_pause()")
        try:
            self.pair.blue.sql("INSERT INTO kv VALUES ('behind', 'x')", "app")
            eventually(lambda: self.connect().value(SIDE) == "blue", 10, "the lag guard")
        finally:
            self.pair.green.sql("SELECT pg_wal_replay_resume()")
        eventually(lambda: self.connect().value(SIDE) == "green", 10, "reads to come back")

    def test_explain_route(self):
        self.assertIn("green", self.explain("SELECT 1"))
        self.assertIn("blue", self.explain("DELETE FROM kv"))

    def test_temporary_state_goes_to_the_writer_and_stays(self):
        c = self.connect()
        c.query("CREATE TEMP TABLE t (n int)")
        self.assertEqual(self.side_of(SIDE + " FROM (SELECT count(*) FROM t) x", c), "blue")

    def test_settings_of_the_session_hold_wherever_it_reads(self):
        c = self.connect(options="-c work_mem=13MB")
        self.assertEqual(c.value("SELECT current_setting('work_mem') || ' ' || current_setting('cluster_name')"), "13MB green")
        c.query("BEGIN")
        self.assertEqual(c.value("SELECT current_setting('work_mem') || ' ' || current_setting('cluster_name')"), "13MB blue")
        c.query("ROLLBACK")
        c.query("SET work_mem = '14MB'")
        self.assertEqual([c.value("SHOW work_mem") for _ in range(3)], ["14MB"] * 3)


class ReadShare(PairCase):
    """A percentage of the sessions, sticky."""

    def share(self, count=60):
        on_green = 0
        for n in range(count):
            with self.teal.connect(application_name="app-%d" % n) as c:
                first = c.value(SIDE)
                self.assertEqual(c.value(SIDE), first)
                on_green += first == "green"
        return on_green / count

    def test_zero_half_all(self):
        self.assertEqual(self.share(20), 0)
        self.teal.reads("green 50%")
        eventually(lambda: self.teal.console("SHOW PAIR")[0]["reads_percent"] == "50.00", 5, "the share")
        self.assertTrue(0.15 < self.share() < 0.85, "half of the sessions")
        self.teal.reads("green")
        eventually(lambda: self.share(20) == 1, 10, "all reads on green")
        self.teal.reads("follow")
        eventually(lambda: self.share(20) == 0, 10, "no reads on green")

    def test_reads_of_one_user(self):
        self.teal.reads("green USER other")
        try:
            eventually(lambda: self.teal.connect(user="other").value(SIDE) == "green", 10, "the rule")
            self.assertEqual(self.connect(user="app").value(SIDE), "blue")
        finally:
            self.teal.reads("follow")

    def test_green_dies_and_reads_go_on(self):
        self.teal.reads("green")
        eventually(lambda: self.connect().value(SIDE) == "green", 10, "reads on green")
        steady = self.connect()
        self.pair.green.stop("kill")
        try:
            for _ in throughout(3):
                with self.teal.connect() as c:
                    self.assertEqual(c.value("SELECT 1"), "1")
                try:
                    steady.value("SELECT 1")
                except (pgwire.PgError, pgwire.Closed):
                    steady = self.connect()
            self.assertEqual(self.connect().value(SIDE), "blue")
        finally:
            self.pair.green.start()
            self.teal.reads("follow")
