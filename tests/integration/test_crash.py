# SPDX-License-Identifier: PostgreSQL
"""kill -9 at each step of a cutover: after the restart one side has the writes, and nothing is lost or doubled."""
import os
import subprocess
import time
import unittest

import pgwire
import verify
from case import DIRECT
from flips import FlipCase, Load
from waiting import eventually

STEPS = ("hold", "drain", "fence", "catch-up", "sequences", "way-back", "commit", "open", "release", "after")
POINTS = [(step, when) for step in STEPS for when in ("before", "after")]


def expected(step, when):
    """Which side may have the writes after a crash at this point."""
    at = STEPS.index(step)
    commit = STEPS.index("commit")
    if at < commit:
        return {"blue"}
    if at == commit and when == "before":
        return {"blue", "green"}  # perhaps announced: recovery may finish or undo it, but one side has the writes
    return {"green"}


class CrashCase(FlipCase):
    """One crash: load runs, the proxy kills itself at the point, is started again, and the judge looks."""

    def crash(self, step, when, command="CUTOVER"):
        self.teal.stop()
        self.teal.start(env={"TEAL_CRASH_AT": "%s:%s" % (step, when)})
        flips = self.count_changes()
        with Load(self, processes=1, clients=4) as load:
            try:
                self.teal.steps(command, timeout=30)
                crashed = False
            except (pgwire.Closed, pgwire.PgError, OSError):
                crashed = True
            eventually(lambda: not self.teal.is_running(), 5,
                       "a crash at %s:%s (%s)" % (step, when, "error" if crashed else "flip done"))
            self.teal.wait_end()
            self.teal.start()
            writer = self.teal.writer()
            load.goes_on()
        self.assertEqual(load.verdict(flips + 1, allowed=("ERROR",))[:5], [])
        self.assert_one_writer()
        self.assertEqual(self.teal.writer(), writer)
        return writer

    def count_changes(self):
        """How often the rows so far changed sides, one of now included: the judge is to tell what this crash added."""
        with self.teal.connect() as c:
            c.query("INSERT INTO verify.op (op, cid, seq) VALUES ('now-%d', 0, 0)" % time.monotonic_ns())
        rows = verify.rows_of(self.sides()[0])["op"]
        sides = [row[1] for row in sorted(rows, key=lambda row: float(row[3]))]
        return sum(a != b for a, b in zip(sides, sides[1:]))


class LogicalCrash(CrashCase):
    kind = "logical"

    def test_each_point(self):
        for step, when in POINTS:
            with self.subTest("%s:%s" % (step, when)):
                self.home()
                self.assertIn(self.crash(step, when), expected(step, when))
                self.wait_whole()

    def test_each_point_of_a_rollback(self):
        for step, when in POINTS:
            with self.subTest("%s:%s" % (step, when)):
                if self.teal.writer() == "blue":
                    self.flip("CUTOVER")
                side = self.crash(step, when, "ROLLBACK")
                swapped = {"blue": "green", "green": "blue"}
                self.assertIn(swapped[side], expected(step, when))
                self.wait_whole()


class PhysicalCrash(CrashCase):
    """A promotion cannot be taken back, so each point has a pair of its own."""

    kind = "physical"

    @classmethod
    def setUpClass(cls):
        if DIRECT:
            raise unittest.SkipTest("needs the proxy")

    @classmethod
    def tearDownClass(cls):
        pass

    def setUp(self):
        super().setUpClass()
        self.addCleanup(super().tearDownClass)
        super().setUp()


def add_physical_points():
    """One test method a point. A standby has its sequences already and its way back is made by the commit's act."""
    for step, when in POINTS:
        if step in ("sequences", "way-back"):
            continue

        def test(self, step=step, when=when):
            self.assertIn(self.crash(step, when), expected(step, when))
            self.wait_whole()

        setattr(PhysicalCrash, "test_%s_%s" % (step.replace("-", "_"), when), test)


add_physical_points()


class StateFile(FlipCase):
    """The state file is lost, broken or cannot be written; the databases know the writer as well."""

    kind = "logical"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.path = cls.teal.sections["teal"]["state_file"]

    def setUp(self):
        super().setUp()
        self.wait_whole()

    def restart(self):
        self.teal.stop()
        self.teal.start()

    def test_lost(self):
        for command, side in (("CUTOVER", "green"), ("ROLLBACK", "blue")):
            self.flip(command)
            self.teal.stop()
            if os.path.exists(self.path):
                os.unlink(self.path)
            self.teal.start()
            self.assertEqual(self.teal.writer(), side)

    def test_truncated_or_changed(self):
        self.flip("CUTOVER")
        with open(self.path, "rb") as f:
            good = f.read()
        broken = [b"", good[:len(good) // 2], bytes([good[0] ^ 1]) + good[1:], b"\0" * len(good), good + b"more"]
        for content in broken:
            with self.subTest(content=content[:30]):
                self.teal.stop()
                with open(self.path, "wb") as f:
                    f.write(content)
                self.teal.start()
                self.assertEqual(self.teal.writer(), "green")
        self.flip("ROLLBACK")

    def test_old_file_is_not_believed(self):
        """A file restored from a backup says blue, the databases say green: the databases decide."""
        self.restart()
        with open(self.path, "rb") as f:
            old = f.read()
        self.flip("CUTOVER")
        self.teal.stop()
        with open(self.path, "wb") as f:
            f.write(old)
        self.teal.start()
        self.assertEqual(self.teal.writer(), "green")
        self.flip("ROLLBACK")

    def refused_and_serving(self):
        with self.assertRaises(pgwire.PgError) as caught:
            self.teal.steps("CUTOVER")
        self.assertEqual(self.teal.writer(), "blue")
        with self.teal.connect() as c:
            c.query("INSERT INTO kv VALUES ('%d', 'x')" % time.monotonic_ns())
        self.assertFalse(self.pair.blue.read_only())
        return caught.exception

    def test_folder_gone(self):
        folder = os.path.dirname(self.path)
        os.rename(folder, folder + ".away")
        try:
            self.refused_and_serving()
        finally:
            os.rename(folder + ".away", folder)
        self.flip("CUTOVER")
        self.flip("ROLLBACK")

    def test_disk_full(self):
        library, switch = os.path.join(self.pair.work, "fault.so"), os.path.join(self.pair.work, "full")
        source = os.path.join(os.path.dirname(os.path.abspath(verify.__file__)), "fault.c")
        subprocess.run(["cc", "-D_GNU_SOURCE", "-shared", "-fPIC", "-o", library, source], check=True)
        self.teal.stop()
        try:
            # A proxy with AddressSanitizer would insist on being the first library.
            self.teal.start(env={"LD_PRELOAD": library, "TEAL_FAULT_FILE": switch, "ASAN_OPTIONS": "verify_asan_link_order=0"})
            open(switch, "w").close()
            with Load(self, processes=1) as load:
                error = self.refused_and_serving()
            self.assertIn("No space left", error.message)
            self.assertEqual([r for r in load.records() if r["r"] != "ok"][:3], [])
            os.unlink(switch)
            self.flip("CUTOVER")
            self.flip("ROLLBACK")
        finally:
            self.restart()

    def test_start_without_green(self):
        """One cluster that does not answer never stops traffic that does not need it."""
        self.teal.stop()
        self.pair.green.stop("fast")
        try:
            self.teal.start()
            self.assertEqual(self.teal.writer(), "blue")
        finally:
            self.pair.green.start()

    def test_database_restarts(self):
        self.pair.blue.restart("immediate")
        eventually(lambda: self.teal.connect().value("SELECT 1") == "1", 15, "teal to find blue again")
        self.assertEqual(self.teal.writer(), "blue")

    def test_orderly_stop(self):
        c = self.connect()
        c.query("SELECT 1")
        self.assertEqual(self.teal.stop(), 0)
        self.teal.start()
