# SPDX-License-Identifier: PostgreSQL
"""Estates whose faults only the servers show: CHECK tells each, and nothing goes to a wrong server."""
import time

import pgwire
from case import PairCase
from cluster import Cluster
from flips import FlipCase
from names import Names
from teal import Teal
from waiting import eventually, throughout


def findings(proxy, result="fail"):
    """What CHECK says: {step: detail} of this result."""
    try:
        steps = proxy.steps("CHECK")
    except pgwire.PgError as e:
        steps = e.steps
    return {step["step"]: step["detail"] for step in steps if step["result"] == result}


class OneServer(PairCase):
    """Two names for one server are found when it answers, and no flip is tried."""

    @classmethod
    def make_teal(cls):
        cls.names = Names(cls.pair)
        settings = cls.names.settings()
        settings["green"]["port"] = cls.pair.blue.port
        return Teal(cls.pair, **settings)

    def test_a_flip_is_refused_and_says_why(self):
        eventually(lambda: "F12 two-servers" in findings(self.teal), 10, "both names to have answered")
        for command in ("PREPARE", "CUTOVER"):
            with self.refused("55000") as caught:
                self.teal.steps(command)
            self.assertIn("the same server", caught.exception.message)
        self.assertFalse(self.pair.blue.read_only())
        self.assertEqual(self.teal.writer(), "blue")
        with self.connect() as c:
            c.query("INSERT INTO kv VALUES ('one server', 'x')")


class OtherCluster(PairCase):
    """A host of blue belongs to another cluster, a primary which has all that an application needs. Most servers are blue's own."""

    standbys = {"blue": 1}

    @classmethod
    def make_teal(cls):
        cls.stranger = Cluster(cls.pair.work, "stranger").init().start()
        cls.pair.create_databases(cls.stranger)
        proxy = Teal(cls.pair, serves=False)
        for key in ("host", "port", "hosts"):
            proxy.sections["blue"].pop(key, None)
        proxy.set("blue", hosts="%s:%d, %s" % (cls.stranger.host, cls.stranger.port, cls.pair.sides["blue"].hosts()))
        return proxy

    @classmethod
    def tearDownClass(cls):
        try:
            super().tearDownClass()
        finally:
            cls.stranger.stop("immediate")

    def write_for(self, seconds):
        """How many writes went well; what was held or refused is as good."""
        done = 0
        for n, _ in enumerate(throughout(seconds, every=0.1)):
            try:
                with self.teal.connect(timeout=2) as c:
                    c.query("INSERT INTO kv VALUES ('%s %d', 'x')" % (self.id(), n))
                    done += 1
            except (pgwire.PgError, pgwire.Closed, OSError):
                pass
        self.assertEqual(self.stranger.value("SELECT count(*) FROM kv", "app"), "0")
        return done

    def status(self):
        return "\n".join(row["status"] for row in self.teal.console("SHOW STATUS"))

    def test_it_is_told_and_nothing_is_written_there(self):
        self.assertGreater(self.write_for(3), 0)
        told = findings(self.teal, "warn")["W12 servers-of-blue"]
        self.assertIn("%s:%d" % (self.stranger.host, self.stranger.port), told)
        self.assertIn("system identifier", told)

    def test_nothing_is_written_there_when_it_is_left_alone(self):
        self.assertEqual(self.teal.writer(), "blue")
        for node in self.pair.sides["blue"].nodes:
            node.stop("kill")
        self.assertEqual(self.write_for(2), 0)
        for node in self.pair.sides["blue"].nodes:
            node.start()
        eventually(lambda: self.teal.writer() == "blue", 15, "blue to take writes again")


class OneOfTwoClusters(OtherCluster):
    """Of two servers nobody can tell which is the wrong one, so neither is used."""

    standbys = {}

    def test_it_is_told_and_nothing_is_written_there(self):
        self.assertEqual(self.write_for(3), 0)
        self.assertIn("different clusters", self.status())
        with self.refused("57P03"):
            self.teal.steps("PREPARE")

    def test_nothing_is_written_there_when_it_is_left_alone(self):
        eventually(lambda: "different clusters" in self.status(), 10, "both to be heard of")
        self.pair.blue.stop("kill")
        self.assertEqual(self.write_for(2), 0)
        self.pair.blue.start()


class MissingDatabase(PairCase):
    """A database of blue that green has not."""

    kind = "logical"
    databases = ("app", "app2")

    @classmethod
    def make_teal(cls):
        cls.pair.green.sql("DROP DATABASE app2")
        return Teal(cls.pair, pair_settings={"databases": "*"})

    def test_check_names_it_and_it_is_served_from_blue(self):
        told = eventually(lambda: " ".join(findings(self.teal).values()), 10, "a finding")
        self.assertIn("app2", told)
        with self.assertRaises(pgwire.PgError):
            self.teal.steps("CUTOVER")
        self.assertEqual(self.teal.writer("app2"), "blue")


class PartOfAPhysicalPair(PairCase):
    """A standby becomes a primary with all its databases, so a pair that serves some of them cannot move."""

    databases = ("app", "app2")
    pair_settings = {"databases": "app"}

    def test_a_flip_is_refused_and_names_the_rest(self):
        self.assertIn("app2", " ".join(findings(self.teal).values()))
        for command in ("PREPARE", "CUTOVER"):
            with self.refused("55000") as caught:
                self.teal.steps(command)
            self.assertIn("app2", caught.exception.message)
        self.assertEqual(self.teal.writer(), "blue")

    def test_the_rest_is_not_served(self):
        with self.refused("3D000"):
            self.teal.connect("app2")


class PartOfALogicalPair(FlipCase):
    """The databases of the pair move, the rest of the cluster stays where it is and as it is."""

    kind = "logical"
    databases = ("app", "app2")
    pair_settings = {"databases": "app"}

    def direct(self, side, database):
        """A write past Teal, as the applications of the rest do."""
        with self.pair.side(side).connect(database, "app") as c:
            c.query("INSERT INTO kv VALUES ('direct %s', 'x')" % time.monotonic_ns())

    def test_the_rest_is_written_all_the_time(self):
        self.direct("blue", "app2")
        for command, old in (("CUTOVER", "blue"), ("ROLLBACK", "green")):
            self.flip(command)
            self.direct("blue", "app2")
            with self.refused("25006"):
                self.direct(old, "app")
            self.wait_whole()
