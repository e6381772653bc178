# SPDX-License-Identifier: PostgreSQL
"""Several servers a side: who stands for it, also after a failover within it."""
import http.server
import json
import os
import threading
import time

import cluster
import pgwire
from case import Background, PairCase
from teal import Teal
from waiting import eventually, throughout


class SideCase(PairCase):
    def servers(self, side="blue"):
        """The rows of SHOW LAG of a side, by address."""
        return {row["address"]: row for row in self.teal.console("SHOW LAG") if row["side"] == side}

    def row(self, node, side="blue"):
        return self.servers(side)["%s:%d" % (node.host, node.port)]

    def lead(self, side="blue"):
        return next(row for row in self.servers(side).values() if row["lead"] == "yes")

    def is_led_by(self, node, side="blue"):
        row = self.row(node, side)
        return row["lead"] == "yes" and row["up"] == "yes" and row["role"] != "standby"

    def wait_led_by(self, node, side="blue", seconds=10):
        eventually(lambda: self.is_led_by(node, side), seconds, "%s to lead" % node.name)

    def check(self):
        """The rows of CHECK, whatever it finds."""
        try:
            return self.teal.steps("CHECK")
        except pgwire.PgError as e:
            return e.steps

    def wait_close(self, node, side="blue"):
        eventually(lambda: self.row(node, side)["lag_ok"] == "yes", 20, "%s to be close" % node.name)


class Failover(SideCase):
    """Each test begins with the primary and the standby that the one before has left."""
    standbys = {"blue": 1}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.teal.steps("PREPARE")

    def setUp(self):
        super().setUp()
        self.side = self.pair.sides["blue"]
        self.wait_led_by(self.side.primary)
        self.other = next(node for node in self.side.nodes if node is not self.side.primary)
        if self.other.is_running() and self.other.in_recovery():
            self.wait_close(self.other)

    def heal(self, node):
        self.side.rejoin(node)
        eventually(lambda: self.row(node)["standing"] == "in order", 20, "%s to be a standby again" % node.name)
        self.wait_close(node)

    def test_the_standby_is_known_and_close(self):
        row = self.row(self.other)
        self.assertEqual([row["role"], row["standing"], row["lead"], row["serves_reads"]],
                         ["standby", "in order", "no", "yes"])

    def test_a_promotion_is_seen_at_once(self):
        old = self.side.kill_primary()
        self.addCleanup(self.heal, old)
        eventually(lambda: self.row(old)["up"] == "no", 5, "the loss to be seen", every=0.01)
        self.assertEqual(self.row(self.other)["lag_ok"], "yes")  # nothing is written meanwhile
        new = self.side.promote()
        promoted = time.monotonic()
        self.wait_led_by(new, seconds=5)
        self.assertLess(time.monotonic() - promoted, 0.5)
        self.assertEqual(self.row(new)["timeline"], str(int(self.row(old)["timeline"]) + 1))

    def test_the_old_primary_that_comes_back_is_a_stray(self):
        old, new = self.side.fail_over()
        self.wait_led_by(new)
        with self.teal.logs("server not used"):
            self.side.come_back(old)
            eventually(lambda: self.row(old)["standing"] == "stray", 20, "the stray to be recognised")
        for _ in throughout(1):
            self.assertTrue(self.is_led_by(new))
            self.assertEqual([self.row(old)["up"], self.row(old)["serves_reads"]], ["no", "no"])
        finding = next(row for row in self.check() if row["step"] == "F14 no-second-primary")
        self.assertEqual(finding["result"], "fail")
        self.assertIn("second primary of blue", finding["detail"])
        self.assertIn("second primary of blue, on timeline", self.row(old)["error"])
        self.heal(old)

    def test_the_old_primary_is_a_stray_also_when_it_is_alone(self):
        """What was written on the new one is not there."""
        old, new = self.side.fail_over()
        self.wait_led_by(new)
        new.stop("kill")
        eventually(lambda: self.row(new)["up"] == "no", 5, "the loss to be seen")
        self.side.come_back(old)
        eventually(lambda: self.row(old)["standing"] == "stray", 20, "the stray to be recognised")
        for _ in throughout(0.5):
            self.assertEqual([self.row(old)["up"], self.lead()["up"]], ["no", "no"])
        new.start()
        self.wait_led_by(new)
        self.heal(old)

    def test_a_standby_that_was_down_serves_reads_again(self):
        self.other.stop("fast")
        eventually(lambda: self.row(self.other)["serves_reads"] == "no", 5, "the standby to be down")
        self.assertTrue(self.is_led_by(self.side.primary))
        self.other.start()
        eventually(lambda: self.row(self.other)["serves_reads"] == "yes", 20, "the standby to serve")
        self.wait_close(self.other)


class AnotherCluster(SideCase):
    """A server of another cluster in the list of a side."""
    standbys = {"blue": 1}

    @classmethod
    def make_teal(cls):
        cls.foreign = cluster.Cluster(cls.pair.work, "foreign")
        cls.foreign.init().start()
        hosts = "%s, %s:%d" % (cls.pair.sides["blue"].hosts(), cls.foreign.host, cls.foreign.port)
        cls.foreign.sql("CREATE DATABASE app")
        return Teal(cls.pair, blue={"hosts": hosts})

    @classmethod
    def tearDownClass(cls):
        try:
            super().tearDownClass()
        finally:
            cls.foreign.stop("immediate")

    def test_it_is_refused_and_told(self):
        eventually(lambda: self.row(self.foreign)["standing"] == "foreign", 10, "the server to be judged")
        row = self.row(self.foreign)
        self.assertEqual([row["up"], row["lead"], row["serves_reads"]], ["no", "no", "no"])
        self.assertIn("of another cluster than the rest of blue", row["error"])
        self.assertIn("server not used", self.teal.log_tail(100000))
        self.assertTrue(self.is_led_by(self.pair.blue))


class ClientsThroughAFailover(SideCase):
    """What a client sees while the primary of its side is lost and another one is promoted."""
    standbys = {"blue": 1}

    def test_reads_go_on_and_writes_wait_for_the_promotion(self):
        side = self.pair.sides["blue"]
        old, other = side.primary, side.standbys()[0]
        self.wait_led_by(old)
        self.wait_close(other)
        self.teal.console("READS blue")
        reader, writer = self.connect(), self.connect()
        self.assertEqual(reader.value("SELECT count(*) FROM kv"), "0")
        side.kill_primary()
        eventually(lambda: self.row(old)["up"] == "no", 5, "the loss to be seen", every=0.01)
        for _ in throughout(0.5):
            self.assertEqual(reader.value("SELECT current_setting('cluster_name')"), other.name)
        waiting = Background(writer.query, "INSERT INTO kv VALUES ('failover', 'x')")
        self.wait_session("waiting", writer)
        new = side.promote()
        waiting.result(10)
        self.assertEqual(new.value("SELECT v FROM kv WHERE k = 'failover'", "app"), "x")
        self.assertEqual(writer.value("SELECT v FROM kv WHERE k = 'failover'"), "x")


class CutoverAfterAFailover(SideCase):
    """The cutover's own connections go to the server that stands for the side."""
    standbys = {"blue": 1}

    def test_it_goes_to_the_new_primary(self):
        side = self.pair.sides["blue"]
        self.wait_led_by(side.primary)
        self.teal.steps("PREPARE")
        old, new = side.fail_over()
        self.wait_led_by(new)
        self.wait_close(self.pair.green, "green")
        self.teal.steps("CUTOVER")
        self.assertEqual(self.connect().value("SELECT current_setting('cluster_name')"), self.pair.green.name)
        self.assertEqual(new.value("SELECT writer FROM teal.local_state WHERE side = 'blue'", "app"), "green")
        with self.assertRaises(OSError):
            old.connect()


class StandbysOfAPhysicalGreen(SideCase):
    """A green that is all standbys."""
    standbys = {"green": 1}

    def test_the_one_that_streams_from_blue_leads(self):
        primary, standby = self.pair.sides["green"].nodes
        eventually(lambda: self.row(primary, "green")["lag_ok"] == "yes", 20, "green to be close")
        self.wait_close(standby, "green")
        self.assertEqual(self.row(primary, "green")["lead"], "yes")

    def test_the_other_one_stands_in(self):
        first, second = self.pair.sides["green"].nodes
        self.wait_close(second, "green")
        first.freeze()
        try:
            eventually(lambda: self.row(second, "green")["lead"] == "yes", 10, "the other one to lead")
        finally:
            first.thaw()
        eventually(lambda: self.row(first, "green")["lead"] == "yes", 20, "the first one to lead again")


class StandbysOfALogicalGreen(SideCase):
    """A standby behind a logical follower, and databases beside the home one."""
    kind = "logical"
    standbys = {"blue": 1, "green": 1}
    databases = ("app", "shop")

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.teal.steps("PREPARE")

    def test_the_standby_shows_what_has_arrived_there(self):
        lead, standby = self.pair.green, self.pair.sides["green"].standbys()[0]
        self.wait_close(lead, "green")
        self.wait_close(standby, "green")
        standby.sql("SELECT pg_wal_replay_pause()")
        try:
            self.pair.blue.sql("INSERT INTO kv SELECT 'late-' || n, repeat('x', 1000) FROM generate_series(1, 1000) n", "app")
            eventually(lambda: int(self.row(standby, "green")["lag_ms"] or 0) > 500, 10, "the standby to be behind")
            self.assertEqual(self.row(lead, "green")["lag_ok"], "yes")
        finally:
            standby.sql("SELECT pg_wal_replay_resume()")
        self.wait_close(standby, "green")

    def test_each_database_is_fresh_by_itself(self):
        """One whose stream has not come proves nothing by another that has."""
        self.wait_close(self.pair.green, "green")
        self.teal.console("READS green")
        c = self.connect(database="shop")
        name = "SELECT current_setting('cluster_name')"
        eventually(lambda: c.value(name) in self.names("green"), 20, "reads of shop to go to green")
        with self.pair.green.connect("shop", options="-c default_transaction_read_only=off") as holder:
            holder.query("BEGIN")
            holder.query("LOCK TABLE kv IN ACCESS EXCLUSIVE MODE")
            c.query("INSERT INTO kv VALUES ('own', 'x')")
            for _ in throughout(1):
                self.assertEqual(c.value("SELECT v FROM kv WHERE k = 'own'"), "x")
                self.assertIn(c.value(name), self.names("blue"))
            home = self.connect()
            self.assertIn(home.value(name), self.names("green"))
            holder.query("ROLLBACK")
        eventually(lambda: c.value(name) in self.names("green"), 20, "reads of shop to go to green again")
        self.assertEqual(c.value("SELECT v FROM kv WHERE k = 'own'"), "x")

    def names(self, side):
        return [node.name for node in self.pair.sides[side].nodes]

    def test_an_idle_database_costs_no_connection(self):
        asked = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'teal monitor' AND datname = 'shop'"
        c = self.connect(database="shop")
        c.query("SELECT 1")
        eventually(lambda: self.pair.blue.value(asked) == "1", 10, "the monitor to look at shop")


class AFailoverOfALogicalGreen(SideCase):
    """What the old primary had confirmed, and the standby had not got, never comes again: nothing may be built on it."""
    kind = "logical"
    standbys = {"green": 1}

    def test_it_is_not_believed_until_there_is_a_new_copy(self):
        self.teal.steps("PREPARE")
        side = self.pair.sides["green"]
        self.wait_close(self.pair.green, "green")
        self.wait_close(side.standbys()[0], "green")
        old, new = side.fail_over()
        self.wait_led_by(new, "green")
        self.assert_serving()
        eventually(new.read_only, 10, "the guard of the follower to be put on again")
        finding = next(row for row in self.check() if row["step"] == "F15 target-history")
        self.assertEqual(finding["result"], "fail")
        self.assertIn("green has failed over since its stream began", finding["detail"])
        for command in ("PREPARE", "CUTOVER", "CUTOVER NO ROLLBACK"):
            with self.assertRaises(pgwire.PgError) as caught:
                self.teal.steps(command)
            self.assertIn("has failed over since its stream began", str(caught.exception))
        for _ in throughout(1):
            self.assertNotEqual(self.row(new, "green")["lag_ok"], "yes")
        self.assertRaises(pgwire.PgError, self.teal.console, "READS green")
        side.rejoin(old)
        self.teal.steps("FINISH")
        with new.connect("app", options="-c default_transaction_read_only=off") as c:
            for table in c.query("SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname !~ '^pg_' "
                                 "AND schemaname NOT IN ('information_schema', 'teal')").rows:
                c.query("TRUNCATE %s CASCADE" % table[0])
        self.teal.steps("PREPARE")
        self.wait_close(new, "green")
        self.assertEqual([row for row in self.check() if row["step"].startswith("F15") and row["result"] != "ok"], [])


class FakePatroni(http.server.ThreadingHTTPServer):
    """Answers GET /cluster: leader, a server, or None; or garbage instead."""

    def __init__(self, port):
        super().__init__(("127.0.0.1", port), Answer)
        self.leader, self.garbage, self.asked = None, None, 0
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def document(self):
        members = [{"name": "other", "role": "replica", "state": "streaming", "host": "127.0.0.9", "port": 5432}]
        if self.leader:
            members.append({"name": "it", "role": "leader", "state": "running", "host": self.leader.host, "port": self.leader.port,
                            "timeline": 1, "api_url": "http://127.0.0.1:8008/patroni"})
        return json.dumps({"members": members, "scope": "test"})


class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked += 1
        body = (self.server.garbage or self.server.document()).encode()
        self.send_response(200 if self.path == "/cluster" else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Patroni(SideCase):
    """What a Patroni says is a hint, never a proof."""
    standbys = {"blue": 1}

    @classmethod
    def make_teal(cls):
        port = cluster.free_port()
        cls.patroni = FakePatroni(port)
        cls.addClassCleanup(cls.patroni.server_close)
        cls.addClassCleanup(cls.patroni.shutdown)
        nobody = cluster.free_port()
        return Teal(cls.pair, blue={"patroni": "http://127.0.0.1:%d, http://localhost:%d/" % (nobody, port)})

    def test_the_next_one_is_asked_when_one_does_not_answer(self):
        eventually(lambda: self.patroni.asked > 1, 10, "Patroni to be asked")

    def test_nothing_comes_of_garbage(self):
        for garbage in ("<html>", "[" * 60000, '{"members": 7}', "x" * 100000):
            self.patroni.garbage = garbage
            self.addCleanup(setattr, self.patroni, "garbage", None)
            asked = self.patroni.asked
            eventually(lambda: self.patroni.asked > asked, 10, "Patroni to be asked")
            self.assert_serving()

    def test_a_standby_that_it_calls_leader_is_none(self):
        side = self.pair.sides["blue"]
        self.patroni.leader = side.standbys()[0]
        self.addCleanup(setattr, self.patroni, "leader", None)
        asked = self.patroni.asked
        eventually(lambda: self.patroni.asked > asked + 1, 20, "Patroni to be asked")
        self.assertTrue(self.is_led_by(side.primary))

    def test_it_tells_two_primaries_apart_that_nothing_else_does(self):
        side = self.pair.sides["blue"]
        other = side.standbys()[0]
        self.teal.stop()
        other.stop()
        os.unlink(os.path.join(other.data, "standby.signal"))  # a primary on the same timeline
        other.start()
        self.teal.spawn()
        for node in side.nodes:
            eventually(lambda: self.row(node)["standing"] == "stray", 20, "neither to be used")
        self.patroni.leader = side.primary
        self.addCleanup(setattr, self.patroni, "leader", None)
        self.wait_led_by(side.primary)
        self.assertEqual(self.row(other)["standing"], "stray")
        side.rejoin(other)
        self.wait_close(other)
