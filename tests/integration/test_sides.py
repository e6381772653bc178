# SPDX-License-Identifier: PostgreSQL
"""Several servers a side: who stands for it, also after a failover within it."""
import time

import cluster
from case import PairCase
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

    def wait_close(self, node, side="blue"):
        eventually(lambda: self.row(node, side)["lag_ok"] == "yes", 20, "%s to be close" % node.name)


class Failover(SideCase):
    """Each test begins with the primary and the standby that the one before has left."""
    standbys = {"blue": 1}

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
