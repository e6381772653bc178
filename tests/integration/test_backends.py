# SPDX-License-Identifier: PostgreSQL
"""What a server says at an awkward moment, or in pieces: it belongs to the right client, and never ends the proxy."""
import os
import signal
import time

import pgwire
from case import PairCase
from middle import Middle, as_it_is
from teal import Teal


def in_two(kinds, at=-1):
    """Messages of these kinds arrive in two pieces."""
    return lambda kind, frame: [frame[:at], frame[at:]] if kind in kinds else [frame]


class Pieces(PairCase):
    """A single backend behind a server that speaks in pieces."""

    teal_settings = {"workers": 1, "default_pool_size": 1}

    @classmethod
    def make_teal(cls):
        cls.middle = Middle(cls.pair.blue.port)
        return Teal(cls.pair, blue={"port": cls.middle.port}, pair_settings=cls.pair_settings, **cls.teal_settings)

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        cls.middle.close()

    def setUp(self):
        super().setUp()
        self.middle.hook = as_it_is
        self.c = self.connect()

    def test_answers_of_teal_do_not_come_between_the_pieces(self):
        other = self.connect()
        other.prepare("theirs", "SELECT 'known already'")
        for kinds in ("C", "T", "2", "1"):
            self.middle.hook = in_two(kinds)
            self.c.send(pgwire.whole("SELECT 'first'") + pgwire.parse("SELECT 'known already'", "mine " + kinds) +
                        pgwire.close("S", "no such") + pgwire.sync())
            self.assertEqual(self.kinds_of(self.c.until_ready()), "12TDC13Z", kinds)
            self.middle.hook = as_it_is
            self.assertEqual(self.c.run_prepared("mine " + kinds).value(), "known already")

    def test_a_notice_in_pieces_after_the_answer(self):
        """The rest of it is not taken for the next client's answer."""
        notice = pgwire.message("N", b"SNOTICE\0VNOTICE\0C00000\0Mlate\0\0")
        for cut in (1, 4, 5, 9, len(notice) - 1):
            self.middle.hook = lambda kind, frame: [frame + notice[:cut], notice[cut:]] if kind == "Z" else [frame]
            for client in (self.c, self.connect()):
                self.assertEqual(client.value("SELECT 'mine'"), "mine")
                time.sleep(0.1)
            self.middle.hook = as_it_is
            for client in (self.c, self.connect()):
                self.assertEqual(client.value("SELECT 'mine again'"), "mine again")

    def test_a_last_word_in_pieces_after_the_answer(self):
        fatal = pgwire.message("E", b"SFATAL\0VFATAL\0C57P01\0Mgoing\0\0")
        for cut in (0, 1, 5, 9, len(fatal)):
            self.middle.hook = lambda kind, frame: [frame + fatal[:cut], fatal[cut:]] if kind == "Z" else [frame]
            c = self.connect()
            self.assertEqual(c.value("SELECT 'mine'"), "mine")
            self.middle.hook = as_it_is
            time.sleep(0.2)
            self.assert_serving()

    def test_state_that_cannot_be(self):
        """A ReadyForQuery that claims a transaction after the settings of a login."""
        self.middle.hook = lambda kind, frame: [b"Z\0\0\0\5T"] if kind == "Z" else [frame]
        self.connect(application_name="never seen before").close()
        self.middle.hook = as_it_is
        self.assertEqual(self.connect().value("SELECT 'served'"), "served")

    def test_error_longer_than_the_receive_buffer(self):
        with self.refused("P0001", "ERROR"):
            self.c.query("DO $$ BEGIN RAISE EXCEPTION '%', repeat('x', 300000); END $$")
        self.assertEqual(self.c.value("SELECT 1"), "1")


class Cancelled(PairCase):
    """A backend waits for the end of a CancelRequest before the next session may have it."""

    teal_settings = {"workers": 1, "default_pool_size": 1}

    def test_backend_that_ends_meanwhile(self):
        c = self.connect()
        pid = int(c.value("SELECT pg_backend_pid()"))
        c.send(pgwire.query("SELECT pg_sleep(0.5)"))
        time.sleep(0.1)
        os.kill(self.pair.blue.process.pid, signal.SIGSTOP)
        try:
            c.cancel()
            self.assertEqual(self.kinds_of(c.until_ready()), "TDCZ")
            time.sleep(0.1)
            os.kill(pid, signal.SIGTERM)
            time.sleep(0.3)
            self.teal.check_alive()
        finally:
            os.kill(self.pair.blue.process.pid, signal.SIGCONT)
        self.assertEqual(c.value("SELECT 'next'"), "next")
