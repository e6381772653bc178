# SPDX-License-Identifier: PostgreSQL
"""A server that lets no new backend in: clients that wait are told so in its words, or go on waiting where that is of use."""
import itertools
import socket
import time

import pgwire
from case import Background, PairCase
from waiting import eventually
from hostile import Hostile, error
from teal import Teal

CONNECT_TIMEOUT = 1.5
AT_ONCE = 1.0
fresh_names = ("login %d" % n for n in itertools.count())


def is_listening(teal):
    with socket.socket() as sock:
        return sock.connect_ex((teal.host, teal.port)) == 0


def refusal(sqlstate, text="these very words"):
    return error(S="FATAL", V="FATAL", C=sqlstate, M=text)


class EmptyPools:
    """For a case whose next login needs a backend that is not there."""

    def is_empty(self, user="app"):
        ended = self.pair.blue.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '%s'" % user)
        return not ended and not [r for r in self.teal.console("SHOW SERVERS") if r["user"] == user]

    def empty(self, user="app"):
        """No backend is left, and no refusal is remembered."""
        eventually(lambda: self.is_empty(user), 10, "the pool to be empty")
        self.teal.console("RELOAD")


class RefusedCase(EmptyPools, PairCase):
    """Blue stands behind a server that may refuse the logins of the user app."""

    teal_settings = {"workers": 2, "default_pool_size": 4, "server_connect_timeout": "%dms" % (1000 * CONNECT_TIMEOUT),
                     "client_login_timeout": "10s", "server_login_retry": "500ms"}

    @classmethod
    def make_teal(cls):
        cls.server = Hostile(cls.pair.blue.port)
        return Teal(cls.pair, blue={"port": cls.server.port, "replication_port": cls.pair.blue.port}, **cls.teal_settings)

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        cls.server.close()

    def setUp(self):
        super().setUp()
        self.server.behave()
        eventually(self.is_served, 10, "a login to be served")

    def is_served(self):
        with self.log_in() as c:
            return c.value("SELECT 1") == "1"

    def log_in(self, **kwargs):
        """A login like none before, for which Teal needs a backend."""
        return self.teal.connect(application_name=next(fresh_names), **kwargs)

    def refuse(self, sqlstate):
        """From here on every login of a backend is answered with this, and none is left from before."""
        self.server.login = refusal(sqlstate)
        self.empty()

    def assert_told(self, call, sqlstate, least=0, most=AT_ONCE):
        """The call is refused in the server's words, and when."""
        begun = time.monotonic()
        with self.refused(sqlstate, "FATAL") as caught:
            call()
        took = time.monotonic() - begun
        self.assertEqual(caught.exception.message, "these very words")
        if sqlstate != "3D000":  # the mistake of the client: in the words of the server alone
            self.assertIn("blue", caught.exception.fields["D"])
        self.assertLessEqual(least, took)
        self.assertLess(took, most)


class Words(RefusedCase):
    def test_login_is_told_at_once(self):
        for sqlstate in ("53300", "53200", "28000", "28P01", "3D000", "42501", "XX000"):
            with self.subTest(sqlstate):
                self.refuse(sqlstate)
                for _ in range(3):  # the second and third meet the pause after the first
                    self.assert_told(self.log_in, sqlstate)
                self.server.behave()
                eventually(self.is_served, 5, "a login to be served again")

    def test_session_is_told_at_once(self):
        for sqlstate in ("53300", "28000"):
            with self.subTest(sqlstate):
                self.server.behave()
                eventually(self.is_served, 5, "a login to be served again")
                c = self.connect()
                self.refuse(sqlstate)
                self.assert_told(lambda: c.query("SELECT 1"), sqlstate)

    def test_walsender_is_told_at_once(self):
        self.refuse("53300")
        self.assert_told(lambda: self.log_in(replication="true"), "53300")

    def test_server_that_starts_is_waited_for(self):
        """A login as long as for a connection, a session as long as for any backend."""
        c = self.connect()
        self.refuse("57P03")
        session = Background(c.value, "SELECT 'later'")
        self.assert_told(self.log_in, "57P03", CONNECT_TIMEOUT, CONNECT_TIMEOUT + AT_ONCE)
        login = Background(self.log_in)
        time.sleep(CONNECT_TIMEOUT / 3)  # the subject: both still wait within the time-out
        self.assertTrue(session.is_waiting() and login.is_waiting())
        self.server.behave()
        self.assertEqual(session.result(5), "later")
        login.result(5).close()

    def test_another_backend_is_waited_for(self):
        """What the server says to one too many is not the business of who can have another's."""
        busy = self.connect()
        self.empty()
        busy.query("BEGIN")
        self.server.login = refusal("53300")
        waiting = [Background(self.log_in) for _ in range(4)]  # at both workers
        time.sleep(CONNECT_TIMEOUT + AT_ONCE)  # the subject: they wait for longer than a login does
        self.assertTrue(all(w.is_waiting() for w in waiting))
        busy.query("COMMIT")
        for w in waiting:
            w.result(5).close()


class Limited(EmptyPools, PairCase):
    """A role at its CONNECTION LIMIT, at the server itself."""

    teal_settings = {"workers": 2, "default_pool_size": 4}

    def setUp(self):
        super().setUp()
        self.pair.blue.sql("ALTER ROLE other CONNECTION LIMIT 1")

    def log_in(self):
        return self.connect(user="other", application_name=next(fresh_names))

    def test_login(self):
        self.empty("other")
        holder = self.pair.blue.connect(user="other", database="app")
        begun = time.monotonic()
        with self.refused("53300", "FATAL") as caught:
            self.log_in()
        self.assertLess(time.monotonic() - begun, AT_ONCE)
        self.assertIn("too many connections for role", caught.exception.message)
        holder.close()
        eventually(lambda: self.log_in().value("SELECT 1") == "1", 10, "a login to be served")

    def test_the_one_backend_serves_everybody(self):
        self.empty("other")
        clients = [self.log_in() for _ in range(8)]
        for _ in range(3):
            running = [Background(c.value, "SELECT 'served' FROM pg_sleep(0.01)") for c in clients]
            self.assertEqual({r.result(10) for r in running}, {"served"})
        for c in clients:
            self.assertEqual(c.value("SELECT 'served alone'"), "served alone")


class Dead(EmptyPools, PairCase):
    """A server that does not answer: a login is told why, a session waits until it is back."""

    teal_settings = {"workers": 2, "server_connect_timeout": "%dms" % (1000 * CONNECT_TIMEOUT), "client_login_timeout": "10s"}

    def log_in(self):
        return self.connect(application_name=next(fresh_names))

    def assert_told(self, reason):
        begun = time.monotonic()
        with self.refused("57P03", "FATAL") as caught:
            self.log_in()
        self.assertLess(time.monotonic() - begun, CONNECT_TIMEOUT + AT_ONCE)
        self.assertIn("blue", caught.exception.message)
        self.assertIn(reason, caught.exception.message)

    def test_server_that_is_down(self):
        c = self.connect()
        self.assertEqual(c.value("SELECT 1"), "1")
        self.pair.blue.stop("fast")
        try:
            waiting = Background(c.value, "SELECT 'back'")
            self.assert_told("Connection refused")
            self.assert_told("Connection refused")
            self.assertTrue(waiting.is_waiting())
        finally:
            self.pair.blue.start()
        self.assertEqual(waiting.result(5), "back")
        self.assertEqual(self.log_in().value("SELECT 1"), "1")

    def test_server_that_is_silent(self):
        self.empty()
        self.pair.blue.freeze()
        try:
            self.assert_told("server_connect_timeout")
            self.assert_told("server_connect_timeout")
        finally:
            self.pair.blue.thaw()
        eventually(lambda: self.log_in().value("SELECT 1") == "1", 10, "a login to be served")

    def test_server_that_falls_silent(self):
        """With connections to it that were good: a login sends its settings over one, and nothing comes back."""
        self.assertEqual(self.log_in().value("SELECT 1"), "1")
        self.pair.blue.freeze()
        try:
            self.assert_told("server_connect_timeout")
        finally:
            self.pair.blue.thaw()
        eventually(lambda: self.log_in().value("SELECT 1") == "1", 10, "a login to be served")

    def test_writer_that_was_never_known(self):
        self.pair.blue.stop("fast")
        try:
            with Teal(self.pair, name="other", workers=1, server_connect_timeout="%dms" % (1000 * CONNECT_TIMEOUT), serves=False) as other:
                eventually(lambda: is_listening(other), 5, "a listener")
                begun = time.monotonic()
                with self.refused("57P03", "FATAL") as caught:
                    other.connect()
                self.assertLess(time.monotonic() - begun, CONNECT_TIMEOUT + AT_ONCE)
                self.assertIn("which side takes the writes", caught.exception.message)
        finally:
            self.pair.blue.start()

    def test_login_during_a_short_restart(self):
        """Shorter than server_connect_timeout: nobody notices."""
        self.pair.blue.stop("fast")
        login = Background(self.log_in)
        time.sleep(0.3)  # the subject: a restart that takes a while
        self.assertTrue(login.is_waiting())
        self.pair.blue.start()
        self.assertEqual(login.result(5).value("SELECT 1"), "1")
