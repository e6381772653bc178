# SPDX-License-Identifier: PostgreSQL
"""flips.py: words for tests that move writes: flip, home, drain, and verifying load around them."""
import glob
import os
import signal
import subprocess
import sys
import time

import cluster
import pgwire
import verify
from case import PairCase
from waiting import eventually

VERIFY = os.path.abspath(verify.__file__)


class FlipCase(PairCase):
    """Words for flips. A class keeps its pair over its tests, and each test begins with the writes on blue."""

    schema = cluster.APP_SCHEMA + verify.SCHEMA
    prepared = True
    flips_done = 0  # in the life of the class

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        try:
            cls.pair.blue.sql(verify.FILL, "app")
            if cls.prepared:
                cls.prepare()
        except BaseException:
            super().tearDownClass()
            raise

    def setUp(self):
        super().setUp()
        self.home()

    @classmethod
    def prepare(cls):
        cls.teal.steps("PREPARE")
        if cls.kind == "logical":
            eventually(lambda: cls.pair.green.value(
                "SELECT count(*) > 0 AND bool_and(srsubstate = 'r') FROM pg_subscription_rel", "app") == "t", 30, "the first copy")

    def flip(self, command="CUTOVER"):
        """Runs it; the steps. The writer must be where it was to go."""
        steps = self.teal.steps(command)
        type(self).flips_done += 1
        bad = [s for s in steps if s["result"] == "fail"]
        self.assertEqual(bad, [])
        self.assertEqual(self.teal.writer(), "green" if command.startswith("CUTOVER") else "blue")
        return steps

    def home(self):
        """Whatever a test has done before, writes go to blue."""
        if self.teal.writer() == "green":
            eventually(lambda: self.try_flip("ROLLBACK"), 30, "the way home")

    def try_flip(self, command):
        try:
            self.flip(command)
            return True
        except pgwire.PgError:
            return False

    def wait_whole(self):
        """A flip is possible: both sides and the streams between them are as they should be."""
        eventually(lambda: all(r["result"] != "fail" for r in self.teal.steps("CHECK")), 30, "a clean check")

    def sides(self):
        name = self.teal.writer()
        return self.pair.side(name), self.pair.other(name)

    def drain(self):
        """What the writer holds now is on the other side."""
        writer, other = self.sides()
        mark = "mark-%d" % time.monotonic_ns()
        with self.teal.connect() as c:
            c.query("INSERT INTO kv VALUES ('%s', 'x')" % mark)
        eventually(lambda: other.value("SELECT 1 FROM kv WHERE k = '%s'" % mark, "app"), 30, "the stream to " + other.name)

    def assert_one_writer(self):
        """The side without the writes refuses a write by itself, not only through Teal."""
        writer, other = self.sides()
        with writer.connect("app", "app") as c:
            c.query("INSERT INTO kv VALUES ('one-writer-%d', 'x')" % time.monotonic_ns())
        with self.refused("25006"):
            with other.connect("app", "app") as c:
                c.query("INSERT INTO kv VALUES ('two-writers', 'x')")


class Load:
    """Verifying clients in processes of their own, for the time of a with block."""

    runs = 0

    def __init__(self, case, processes=2, clients=4, **options):
        Load.runs += 1
        self.case, self.prefix = case, os.path.join(case.pair.work, "history-%d" % Load.runs)
        self.processes, self.clients, self.options = processes, clients, options
        self.children = []

    def __enter__(self):
        for n in range(self.processes):
            argv = [sys.executable, VERIFY, "run", "--port", str(self.case.teal.port), "--clients", str(self.clients), "--seed", str(n),
                    "--pause", "4", "--out", "%s-%d.json" % (self.prefix, n), "--reconnect"]
            self.children.append(subprocess.Popen(cluster.with_parent(argv), stdin=subprocess.DEVNULL, start_new_session=True))
        self.goes_on()
        return self

    def __exit__(self, *_):
        for child in self.children:
            if child.poll() is None:
                os.kill(child.pid, signal.SIGTERM)
        for child in self.children:
            try:
                child.wait(40)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()

    def goes_on(self, rows=200):
        """Until the writer has so many more rows of the load than now."""
        writer = self.case.sides()[0]

        def count():
            return int(writer.value("SELECT count(*) FROM verify.op", "app"))
        wanted = count() + rows
        eventually(lambda: count() >= wanted, 30, "%d more rows of the load" % rows)

    def records(self):
        return verify.load(glob.glob(self.prefix + "-*.json"))

    def verdict(self, flips=None, allowed=()):
        """All violations but the allowed kinds; flips: how many there were, when not all were the case's flip()."""
        self.case.drain()
        writer, other = self.case.sides()
        found = verify.judge(self.records(), verify.rows_of(writer), verify.rows_of(other),
                             self.case.flips_done if flips is None else flips)
        return [(name, what) for name, what in found if name not in allowed]
