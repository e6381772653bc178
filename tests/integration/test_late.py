# SPDX-License-Identifier: PostgreSQL
"""What comes late around a flip: a statement, a server, or a state file from long ago."""
import os
import select
import threading
import time
import unittest
import zlib

import pgwire
from cluster import has_version, owned_by_server, run_program
from flips import FlipCase
from relay import Relay
from teal import Teal
from waiting import eventually, throughout


class Gate(Relay):
    """Keeps back the first statement that holds the word, with its connection; the others pass. seen is called then."""

    def __init__(self, target_port):
        self.word, self.seen, self.held = None, None, None
        self.caught, self.open = threading.Event(), threading.Event()
        super().__init__(target_port)

    def arm(self, word, seen=None):
        self.caught.clear()
        self.open.clear()
        self.word, self.seen = word.encode(), seen
        return self

    def pass_on(self, sink, data):
        if self.word is not None and self.word in data:
            self.word, self.held = None, sink
            if self.seen:
                self.seen()
            self.caught.set()
            if not self.seen:
                self.open.wait(60)
        super().pass_on(sink, data)


    def abandoned(self):
        """The sender of the statement that is kept back has given up: Terminate or the end came behind it."""
        with self.lock:
            source = next(client for client, server in self.connections if server is self.held)
        return bool(select.select([source], [], [], 0)[0])


class LateCase(FlipCase):
    """Both sides behind gates; the streams between the servers do not pass them."""

    @classmethod
    def make_teal(cls):
        cls.gates = {name: Gate(cls.pair.side(name).port) for name in ("blue", "green")}
        sides = {name: {"port": gate.port, "replication_port": cls.pair.side(name).port} for name, gate in cls.gates.items()}
        return Teal(cls.pair, pair_settings=cls.pair_settings, **sides)

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        for gate in cls.gates.values():
            gate.close()

    def write(self, key):
        with self.teal.connect(timeout=10) as c:
            c.query("INSERT INTO kv VALUES ('%s-%d', 'x')" % (key, time.monotonic_ns()))

    def cutover_with_blue_lost(self, moment):
        """Blue dies when the flip has committed; the cutover is done, its way back waits for blue."""
        self.gates["green"].arm(moment, lambda: self.pair.blue.stop("immediate"))
        self.flip("CUTOVER")

    def state_of(self, side):
        return self.pair.side(side).sql("SELECT phase, flip_id FROM teal.local_state WHERE side = '%s'" % side, "app")[0]


class Logical(LateCase):
    kind = "logical"

    def test_commands_while_the_way_back_waits_for_the_old_side(self):
        self.cutover_with_blue_lost("teal open-probe")
        try:
            for _ in throughout(2, every=0.6):
                with self.assertRaises(pgwire.PgError):
                    self.teal.steps("CHECK")
            self.teal.check_alive()
            self.write("blue is down")
        finally:
            self.pair.blue.start()
        self.wait_whole()
        self.assertEqual(self.state_of("blue"), ["following", "0"])
        self.flip("ROLLBACK")
        self.drain()

    def old_record(self, epoch, writer, phase, source, target):
        body = ("teal-state 1\nepoch %d\nwriter %s\nphase %s\nflip 77\nfrom %s\nto %s\nkind one-way\nstrict 0\n"
                % (epoch, writer, phase, source, target))
        return body + "crc %08x\n" % zlib.crc32(body.encode())

    def test_old_file_of_a_flip_is_not_believed(self):
        """A copy from the middle of an earlier flip: acting on it would open the wrong side."""
        for command in ("CUTOVER", "ROLLBACK", "CUTOVER"):
            self.flip(command)
        path = self.teal.sections["teal"]["state_file"]
        for record in ((1, "blue", "flip", "blue", "green"), (1, "blue", "commit", "blue", "green"),
                       (2, "green", "after", "blue", "green"), (1, "blue", "undone", "blue", "green"),
                       (2, "green", "flip", "green", "blue"), (2, "green", "commit", "green", "blue"),
                       (3, "blue", "after", "green", "blue")):
            with self.subTest(record=record):
                self.teal.stop()
                with open(path, "w") as f:
                    f.write(self.old_record(*record))
                self.teal.start()
                self.assertEqual(self.teal.writer(), "green")
                self.assertTrue(self.pair.blue.read_only())
        self.wait_whole()
        self.flip("ROLLBACK")

    def test_intent_that_arrives_after_the_undo(self):
        """It marks the writer as being left; neither this process nor the next may believe it."""
        for restart in (False, True):
            with self.subTest(restart=restart):
                self.home()
                gate = self.gates["blue"].arm("teal fence-intent")
                with self.assertRaises(pgwire.PgError):
                    self.teal.steps("CUTOVER")
                self.assertTrue(gate.caught.is_set())
                if restart:
                    self.teal.stop()
                gate.open.set()
                if restart:
                    eventually(lambda: self.state_of("blue")[0].startswith("leaving"), 5, "the late statement")
                    self.teal.start()
                eventually(lambda: self.state_of("blue") == ["idle", "0"], 10, "the mark to be gone")
                self.write("after the late statement")
                self.assertEqual(self.teal.writer(), "blue")
                self.wait_whole()


class KeepsTheSlot(LateCase):
    """One direction at a time: the idle slot is moved along, until clients write on its side."""

    kind = "logical"

    @classmethod
    def make_teal(cls):
        teal = super().make_teal()
        cls.back = cls.gates["back"] = Relay(cls.pair.green.port)
        teal.set("green", replication_port=cls.back.port)
        return teal

    def test_slot_is_not_moved_behind_the_flip(self):
        gate = self.gates["green"].arm("teal tick-keep")
        self.assertTrue(gate.caught.wait(10))
        eventually(gate.abandoned, 10, "the proxy to give this connection up")
        self.back.refusing = True  # blue cannot follow yet, so the slot stays idle
        release = threading.Thread(target=self.write_and_release, args=(gate,))
        release.start()
        self.flip("CUTOVER")
        release.join(30)
        self.back.refusing = False
        eventually(lambda: self.pair.blue.value("SELECT 1 FROM kv WHERE k LIKE 'must reach blue%'", "app"), 20, "the stream")

    def write_and_release(self, gate):
        eventually(lambda: self.teal.writer() == "green", 20, "the cutover")
        self.write("must reach blue")
        gate.open.set()


def copy_of_stopped(standby, primary):
    """The fetched versions come without pg_basebackup, and the distribution's refuses them."""
    primary.stop("fast")
    run_program(["cp", "-a", primary.data, standby.data])
    standby.configure()
    for name, text in (("standby.signal", ""), ("postgresql.auto.conf", "primary_conninfo = 'host=%s port=%d user=postgres'\n"
                                                % (primary.host, primary.port))):
        with open(os.path.join(standby.data, name), "w") as f:
            f.write(text)
        owned_by_server(f.name)
    primary.start()
    return standby


class LatePhysical(LateCase):
    kind = "physical"
    versions = ("17", "17")

    @classmethod
    def setUpClass(cls):
        if not has_version("17"):
            raise unittest.SkipTest("PostgreSQL 17 is not here (scripts/install-dependencies --green-version 17)")
        super().setUpClass()

    @classmethod
    def make_pair(cls):
        pair = super().make_pair()
        pair.green.copy_of = lambda primary, *_: copy_of_stopped(pair.green, primary)
        return pair

    def test_streams_of_a_side_that_was_down(self):
        """They are made as the versions of both sides allow, also when one was not there to be asked."""
        self.cutover_with_blue_lost("teal open-probe")
        try:
            with self.assertRaises(pgwire.PgError):
                self.teal.steps("CHECK")
        finally:
            self.pair.blue.start()
        for side in ("blue", "green"):
            stream = "SELECT subenabled || ' ' || suborigin FROM pg_subscription WHERE subname = 'teal_to_%s'" % side
            eventually(lambda: self.pair.side(side).value(stream, "app"), 20, "the stream to " + side)
            self.assertEqual(self.pair.side(side).value(stream, "app"), "true none")
        self.wait_whole()
        self.flip("ROLLBACK")
