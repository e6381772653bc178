# SPDX-License-Identifier: PostgreSQL
"""What a server says at an awkward moment, or in pieces: it reaches the right client, and never ends the proxy."""
import os
import signal

import pgwire
from case import Background, PairCase
from middle import Middle, as_it_is
from teal import Teal
from waiting import eventually


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

    def rest_arrives(self):
        self.middle.wait_said()
        self.teal.settle()

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
                self.rest_arrives()
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
            self.rest_arrives()
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
        self.wait_running("pg_sleep(0.5)")
        os.kill(self.pair.blue.process.pid, signal.SIGSTOP)
        try:
            c.cancel()
            self.assertEqual(self.kinds_of(c.until_ready()), "TDCZ")
            eventually(lambda: self.teal.console("SHOW POOLS")[0]["sv_being_canceled"] == "1", 5, "the cancel to be waited for")
            os.kill(pid, signal.SIGTERM)
            self.teal.wait_server_gone(str(pid))
            self.teal.check_alive()
        finally:
            os.kill(self.pair.blue.process.pid, signal.SIGCONT)
        self.assertEqual(c.value("SELECT 'next'"), "next")


class GivenBack(PairCase):
    """The only backend is free again when its client has nothing more to ask, whatever the client did last."""

    teal_settings = {"workers": 1, "default_pool_size": 1}

    def setUp(self):
        super().setUp()
        self.c, self.other = self.connect(timeout=5), self.connect(timeout=5)

    def tearDown(self):
        self.assertEqual(self.other.value("SELECT 'free'"), "free")
        super().tearDown()

    def test_lone_flush(self):
        self.c.send(pgwire.flush())
        self.teal.settle()

    def test_copy_data_and_flush_of_nothing(self):
        self.c.send(pgwire.copy_data(b"x\n") + pgwire.copy_done())
        self.assertEqual(self.c.value("SELECT 1"), "1")
        self.c.send(pgwire.copy_data(b"x\n") + pgwire.flush())

    def test_query_in_a_batch_without_sync(self):
        self.c.send(pgwire.whole("SELECT 'a'") + pgwire.query("SELECT 'b'"))
        self.assertEqual(self.kinds_of(self.c.until_ready()), "12TDCTDCZ")

    def test_query_skipped_after_an_error(self):
        self.c.send(pgwire.parse("oops") + pgwire.query("INSERT INTO kv VALUES ('skipped', 'x')") + pgwire.sync())
        self.assertEqual(self.kinds_of(self.c.until_ready()), "EZ")
        self.assertEqual(self.other.value("SELECT count(*) FROM kv WHERE k = 'skipped'"), "0")

    def test_copy_that_fails_in_the_middle_of_a_long_message(self):
        data = pgwire.copy_data(b"x\n" * 500000)
        self.c.send(pgwire.query("COPY kv FROM STDIN") + pgwire.copy_data(b"x\n") + data[:300000])
        self.assertEqual(self.errors_of(self.c.until_ready()), ["22P04"])
        self.c.send(data[300000:] + pgwire.copy_done())
        self.teal.settle()

    def test_copy_done_ahead_of_the_answer(self):
        self.c.send(pgwire.parse("COPY kv FROM STDIN") + pgwire.bind() + pgwire.execute() + pgwire.sync() +
                    pgwire.copy_data(b"copied ahead\tx\t1\n") + pgwire.copy_done() + pgwire.sync())
        self.assertEqual(self.kinds_of(self.c.until_ready()), "12GCZ")
        self.c.query("DELETE FROM kv WHERE k = 'copied ahead'")

    def test_who_waits_for_it_does_not_begin_while_writes_are_held(self):
        self.c.queries("BEGIN; INSERT INTO kv VALUES ('before the hold', 'x')")
        waiting = Background(self.other.query, "INSERT INTO kv VALUES ('waits', 'x')")
        self.wait_session("waiting", self.other)
        self.teal.console("HOLD")
        try:
            self.c.query("COMMIT")
            eventually(lambda: self.teal.console("SHOW POOLS")[0]["sv_idle"] == "1", 5, "the backend to be free")
            self.assertTrue(waiting.is_waiting())
            self.assertEqual(self.pair.blue.value("SELECT count(*) FROM kv WHERE k = 'waits'", "app"), "0")
        finally:
            self.teal.console("RELEASE")
        self.assertEqual(waiting.result(5).tag, "INSERT 0 1")


class ReadElsewhere(PairCase):
    """A read on a follower whose first answers are kept back, in case it has to be sent again."""

    teal_settings = {"workers": 1, "default_pool_size": 1}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.teal.reads("green")

    def setUp(self):
        super().setUp()
        self.c = self.connect()
        self.c.prepare("known", "SELECT $1::text")
        self.assertEqual(self.connect().value("SELECT current_setting('cluster_name')"), "green")

    def test_order_of_answers_kept_back(self):
        other = self.connect()
        other.send(pgwire.parse("SELECT 7") + pgwire.describe("S") + pgwire.parse("SELECT $1::text", "also known") +
                   pgwire.describe("S", "also known") + pgwire.sync())
        self.assertEqual(self.kinds_of(other.until_ready()), "1tT1tTZ")

    def test_long_parameter(self):
        """Too long to be kept for a second try; what was answered before is not lost."""
        text = "x" * 100000
        for name in ("long", "long again"):
            self.c.send(pgwire.parse("SELECT $1::text", name) + pgwire.bind((text,), name) + pgwire.describe() +
                        pgwire.execute() + pgwire.sync())
            answers = self.c.until_ready()
            self.assertEqual(self.kinds_of(answers), "12TDCZ")
            self.assertEqual(pgwire.row_of(dict(answers)["D"])[0].decode(), text)

    def test_last_words_that_turn_out_to_write(self):
        c = self.connect()
        c.send(pgwire.query("SELECT * FROM hidden_write") + pgwire.terminate())
        c.drain()
        self.assertEqual(self.pair.blue.value("SELECT count(*) FROM item", "app"), "1")


class Statements(PairCase):
    """What the backend has prepared, and what each client may know of it."""

    teal_settings = {"workers": 1, "default_pool_size": 1, "server_prepared_statements": 10}

    def setUp(self):
        super().setUp()
        self.c, self.other = self.connect(timeout=5), self.connect(timeout=5)

    def test_unnamed_statement_of_another(self):
        self.other.prepare("", "SELECT 'theirs'")
        with self.refused("26000"):
            self.c.run_prepared("")
        self.c.send(pgwire.describe("S") + pgwire.sync())
        self.assertEqual(self.errors_of(self.c.until_ready()), ["26000"])
        self.assertEqual(self.other.run_prepared("").value(), "theirs")

    def test_server_keeps_no_more_than_it_should(self):
        for n in range(100):
            self.c.send(pgwire.parse("SELECT 'one of many %d'" % n, "s") + pgwire.close("S", "s") + pgwire.sync())
            self.assertEqual(self.kinds_of(self.c.until_ready()), "13Z")
        self.assertLessEqual(int(self.c.value("SELECT count(*) FROM pg_prepared_statements")), 14)

    def test_eviction_that_an_error_skips(self):
        """Whatever fails around it, each statement works afterwards."""
        for n in range(15):
            self.c.prepare("n%d" % n, "SELECT 'kept %d'" % n)
        for n in range(15):
            self.c.send(pgwire.bind(("too", "many"), "n%d" % n) + pgwire.describe("S", "n%d" % ((n + 7) % 15)) + pgwire.sync())
            self.assertEqual(self.kinds_of(self.c.until_ready()), "EZ")
        for n in range(15):
            self.assertEqual(self.c.run_prepared("n%d" % n).value(), "kept %d" % n)

    def test_known_text_after_an_error_leaves_no_name_behind(self):
        self.other.prepare("theirs", "SELECT 'shared'")
        self.c.send(pgwire.parse("oops") + pgwire.parse("SELECT 'shared'", "mine") + pgwire.sync())
        self.assertEqual(self.kinds_of(self.c.until_ready()), "EZ")
        with self.refused("26000"):
            self.c.run_prepared("mine")
        self.c.prepare("mine", "SELECT 'shared'")
        self.assertEqual(self.c.run_prepared("mine").value(), "shared")

    def test_statements_deallocated_behind_the_back(self):
        self.other.prepare("theirs", "SELECT 'theirs'")
        for n in range(3):
            self.c.query("SELECT 1; DEALLOCATE ALL")
            self.assertEqual(self.other.run_prepared("theirs").value(), "theirs")

    def test_close_skipped_after_an_error(self):
        """The server never saw it: the name still means what it meant."""
        self.c.prepare("s", "SELECT 'first'")
        self.c.send(pgwire.parse("oops") + pgwire.close("S", "s") + pgwire.parse("SELECT 'second'", "s") + pgwire.sync())
        self.assertEqual(self.kinds_of(self.c.until_ready()), "EZ")
        self.assertEqual(self.c.run_prepared("s").value(), "first")

    def test_names_changed_in_a_batch_that_fails_ahead_of_others(self):
        """Batches sent before the error is known: each runs what its name means when its turn has come."""
        use = pgwire.bind((), "s") + pgwire.execute() + pgwire.sync()
        for n in range(20):
            first, second = "SELECT 'first %d'" % n, "SELECT 'second %d'" % n
            self.c.prepare("s", first)
            self.c.send(pgwire.parse("oops") + pgwire.close("S", "s") + pgwire.parse(second, "s") + pgwire.sync() + use +
                        pgwire.close("S", "s") + pgwire.parse(second, "s") + pgwire.sync() + use +
                        pgwire.parse("oops") + pgwire.parse(first, "fresh") + pgwire.sync() +
                        pgwire.parse(second, "fresh") + pgwire.bind((), "fresh") + pgwire.execute() +
                        pgwire.close("S", "fresh") + pgwire.close("S", "s") + pgwire.sync())
            answers = [self.c.until_ready() for _ in range(6)]
            self.assertEqual([self.kinds_of(a) for a in answers], ["EZ", "2DCZ", "31Z", "2DCZ", "EZ", "12DC33Z"])
            rows = [pgwire.row_of(body)[0].decode() for a in answers for kind, body in a if kind == "D"]
            self.assertEqual(rows, ["first %d" % n, "second %d" % n, "second %d" % n])

    def test_statement_that_another_backend_gets_in_a_batch_that_fails(self):
        self.c.prepare("s", "SELECT 'kept'")
        self.other.query("DEALLOCATE ALL")
        self.c.send(pgwire.parse("oops") + pgwire.bind((), "s") + pgwire.sync() + pgwire.bind((), "s") + pgwire.execute() +
                    pgwire.sync())
        self.assertEqual(self.kinds_of(self.c.until_ready()), "EZ")
        self.assertEqual(self.kinds_of(self.c.until_ready()), "2DCZ")

    def test_unnamed_statement_skipped_after_an_error(self):
        self.other.prepare("", "SELECT 'theirs'")
        self.c.send(pgwire.parse("oops", "x") + pgwire.parse("SELECT 'mine'") + pgwire.sync() +
                    pgwire.bind() + pgwire.execute() + pgwire.sync())
        self.assertEqual(self.kinds_of(self.c.until_ready()), "EZ")
        self.assertEqual(self.errors_of(self.c.until_ready()), ["26000"])

    def test_name_given_twice_changes_nobody_elses_statement(self):
        self.other.prepare("theirs", "SELECT 'theirs'")
        for _ in range(2):
            self.c.send(pgwire.parse("SELECT 'theirs'", "mine") + pgwire.parse("SELECT 'changed'", "mine") + pgwire.sync())
            self.c.until_ready()
        self.assertEqual(self.other.run_prepared("theirs").value(), "theirs")
        self.assertEqual(self.c.run_prepared("mine").value(), "theirs")
