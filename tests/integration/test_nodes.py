# SPDX-License-Identifier: PostgreSQL
"""Several servers a side: where reads go, that own writes are seen, and that a server which goes is not noticed."""
from case import PairCase
from flips import FlipCase, Load
from waiting import eventually, throughout

NODE = "SELECT current_setting('cluster_name')"


class Nodes(PairCase):
    """A blue of a primary and two standbys."""

    standbys = {"blue": 2}
    teal_settings = {"workers": 2}
    pair_settings = {"lag_max": "1h"}

    def setUp(self):
        super().setUp()
        self.side = self.pair.sides["blue"]

    def read_from(self, times=60):
        with self.connect() as c:
            return {c.value(NODE) for _ in range(times)}

    def wait_reads_from(self, *names):
        eventually(lambda: self.read_from() == set(names), 20, "reads to come from %s" % (names,))

    def test_reads_go_to_all_and_writes_to_the_primary(self):
        self.wait_reads_from("blue", "blue2", "blue3")
        with self.connect() as c:
            for n in range(20):
                c.query("BEGIN")
                self.assertEqual(c.value(NODE), "blue")
                c.query("INSERT INTO kv VALUES ('all %d', 'x')" % n)
                c.query("COMMIT")

    def test_every_read_has_the_sessions_own_writes(self):
        self.wait_reads_from("blue", "blue2", "blue3")
        with self.connect() as c:
            c.query("INSERT INTO kv VALUES ('own', '0')")
            for n, _ in enumerate(throughout(2)):
                c.query("UPDATE kv SET v = '%d' WHERE k = 'own'" % n)
                self.assertEqual(c.value("SELECT v FROM kv WHERE k = 'own'"), str(n))

    def test_a_write_that_no_reader_sees_goes_to_the_primary(self):
        """A view over a function that writes looks like a read: every standby and every read-only backend refuses it."""
        with self.connect() as c:
            for _ in range(6):
                self.assertTrue(c.value("SELECT id FROM hidden_write"))

    def test_a_reader_may_use_any(self):
        with self.connect(default_transaction_read_only="on") as c:
            eventually(lambda: c.value(NODE) != "blue", 20, "a standby to serve the reader")
            with self.refused("25006"):
                c.query("INSERT INTO kv VALUES ('reader', 'x')")

    def test_a_standby_that_is_killed_is_not_noticed(self):
        self.wait_reads_from("blue", "blue2", "blue3")
        with self.connect() as c:
            self.side.node("blue3").stop("kill")
            for _ in throughout(2):
                self.assertIn(c.value(NODE), ("blue", "blue2"))
        self.side.node("blue3").start()
        self.wait_reads_from("blue", "blue2", "blue3")

    def test_a_standby_that_hangs_is_left(self):
        self.wait_reads_from("blue", "blue2", "blue3")
        hung = self.side.node("blue3")
        hung.freeze()
        try:
            with self.connect(timeout=30) as c:
                for _ in range(20):  # one of them is on its way to it
                    self.assertIn(c.value(NODE), ("blue", "blue2"))
        finally:
            hung.thaw()
        self.wait_reads_from("blue", "blue2", "blue3")

    def test_the_pools_of_each_server_are_told(self):
        self.wait_reads_from("blue", "blue2", "blue3")
        servers = {row["server"] for row in self.teal.console("SHOW POOLS") if row["database"] == "app" and row["read_only"] == "1"}
        self.assertEqual(servers, {"%s:%d" % (node.host, node.port) for node in self.side.nodes})


class NodesFlip(FlipCase):
    standbys = {"blue": 1, "green": 1}
    teal_settings = {"workers": 2}

    def reads(self, times=40):
        with self.connect() as c:
            return {c.value(NODE) for _ in range(times)}

    def writer(self):
        with self.connect() as c:
            c.query("BEGIN")
            name = c.value(NODE)
            c.query("ROLLBACK")
            return name

    def test_replicas_of_both_sides_serve_reads_and_writes_go_to_the_new_lead(self):
        eventually(lambda: self.reads() == {"blue", "blue2"}, 20, "reads to come from both servers of blue")
        with Load(self) as load:
            self.flip()
            load.goes_on()
        self.assertEqual(self.writer(), "green")
        eventually(lambda: self.reads() == {"green", "green2"}, 20, "reads to come from both servers of green")
        self.assertEqual(load.verdict(flips=1), [])
