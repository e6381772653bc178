# SPDX-License-Identifier: PostgreSQL
"""Bad passwords are answered late, and after too many of them the client is not asked any more."""
import time

import pgwire
from case import Background, PairCase
from waiting import eventually


class Throttle(PairCase):
    teal_settings = {"workers": 2, "auth_type": "scram-sha-256", "auth_failure_delay": "200ms", "auth_failure_delay_max": "800ms",
                     "auth_failures_max": 6, "auth_failure_ban": "2s", "max_client_conn": 400, "max_client_conn_per_source": 300}
    sources = ("127.0.1.%d" % n for n in range(1, 250))

    def setUp(self):
        super().setUp()
        self.source = next(self.sources)

    def guess(self, user="scram_user", password="wrong", source=None):
        """How long the refusal took, and its SQLSTATE."""
        began = time.monotonic()
        with self.assertRaises(pgwire.PgError) as caught:
            self.connect(user=user, password=password, source=source or self.source)
        return time.monotonic() - began, caught.exception.sqlstate

    def login(self, source=None, user="scram_user", password="scram-secret"):
        return self.connect(user=user, password=password, source=source or self.source)

    def test_each_guess_takes_longer_whoever_it_is_for(self):
        for user in ("scram_user", "nobody_at_all"):
            for least in (0.19, 0.39, 0.79):  # a timer is good to the millisecond
                took, sqlstate = self.guess(user)
                self.assertEqual(sqlstate, "28P01")
                self.assertGreaterEqual(took, least)

    def test_the_right_password_is_never_late_and_clears(self):
        self.guess()
        self.guess()
        self.assertEqual(self.login().value("SELECT 1"), "1")
        self.assertEqual(self.guess()[1], "28P01")
        self.assertEqual(self.login(next(self.sources)).value("SELECT 1"), "1")

    def test_too_many_ban_the_address_alone_and_for_a_while(self):
        for n in range(6):
            self.assertEqual(self.guess("user_%d" % n)[1], "28P01")
        with self.refused("28000", "FATAL"):
            self.login()
        self.assertEqual(self.login(next(self.sources)).value("SELECT 1"), "1")
        with self.teal.connect_unix(user="scram_user", password="scram-secret") as c:
            self.assertEqual(c.value("SELECT 1"), "1")

        def again():
            with self.login() as c:
                return c.value("SELECT 1") == "1"
        eventually(again, 10, "the ban to end")

    def test_unix_sockets_are_not_slowed(self):
        for _ in range(12):
            with self.refused("28P01"):
                self.teal.connect_unix(user="scram_user", password="wrong")

    def test_who_leaves_while_waiting_leaves_nothing(self):
        def leave_early(source):
            with self.assertRaises((pgwire.PgError, OSError, TimeoutError)):
                self.connect(user="scram_user", password="wrong", source=source, timeout=0.1)
        for _ in range(3):
            leave_early(next(self.sources))
        eventually(lambda: not [r for r in self.teal.console("SHOW CLIENTS") if r["user"] == "scram_user"], what="them to go")

    def test_many_that_wait_hold_nobody_up(self):
        guesses = [Background(self.guess, "scram_user", "wrong", next(self.sources)) for _ in range(60)]
        c = self.login(next(self.sources))
        for n in range(50):
            self.assertEqual(c.value("SELECT %d" % n), str(n))
        self.assertEqual(self.login(next(self.sources)).value("SELECT 1"), "1")
        for guess in guesses:
            self.assertEqual(guess.result()[1], "28P01")

    def test_switched_off_by_a_reload(self):
        self.teal.set(auth_failure_delay="0", auth_failures_max="0")
        self.teal.console("RELOAD")
        try:
            for _ in range(15):
                self.assertEqual(self.guess()[1], "28P01")
        finally:
            self.teal.set(auth_failure_delay="200ms", auth_failures_max="6")
            self.teal.console("RELOAD")
