# SPDX-License-Identifier: PostgreSQL
"""Limits and time-outs: who is refused and with which words, what ends and that nothing of it is left behind."""
import socket
import time

import pgwire
from case import Background, PairCase
from cluster import wait_until


class Limits(PairCase):
    """Each test sets what it needs, by a reload, and takes it back."""

    teal_settings = {"workers": 2, "default_pool_size": 2}

    def limit(self, **settings):
        before = dict(self.teal.sections["teal"])
        self.teal.set(**settings)
        self.teal.console("RELOAD")

        def undo():
            self.stack.close()
            self.teal.sections["teal"] = before
            self.teal.write_ini()
            self.teal.console("RELOAD")
            self.wait_alone()
        self.addCleanup(undo)
        self.wait_alone()

    def wait_alone(self):
        wait_until(lambda: self.teal.console("SHOW CLIENTS") == [], 10, "the clients before to be gone")

    def told(self, sock, seconds=5):
        """What the proxy says until it closes."""
        sock.settimeout(seconds)
        heard = b""
        try:
            while True:
                got = sock.recv(4096)
                if not got:
                    break
                heard += got
        except ConnectionResetError:
            pass
        return heard

    def tcp(self, source="127.0.0.1"):
        sock = socket.create_connection((self.teal.host, self.teal.port), timeout=5, source_address=(source, 0))
        self.stack.callback(sock.close)
        return sock

    # -- how many

    def test_user_limit(self):
        self.limit(max_user_client_connections=2)
        held = [self.connect(), self.connect()]
        with self.refused("53300", "FATAL") as caught:
            self.teal.connect()
        self.assertIn('too many connections for role "app"', str(caught.exception))
        self.teal.connect(user="other").close()
        held[0].close()
        wait_until(lambda: self.teal.connect().value("SELECT 1") == "1", 5, "the place to be free")

    def test_database_limit(self):
        self.limit(max_db_client_connections=1)
        self.connect()
        with self.refused("53300", "FATAL") as caught:
            self.teal.connect(user="other")
        self.assertIn('too many connections for database "app"', str(caught.exception))

    def test_one_source_cannot_hold_all(self):
        self.limit(max_client_conn_per_source=3)
        held = [self.tcp("127.0.0.2") for _ in range(3)]
        self.assertIn(b"C53300", self.told(self.tcp("127.0.0.2")))
        self.assert_serving()
        held[0].close()
        wait_until(lambda: self.silent(self.tcp("127.0.0.2")), 5, "the place of the source to be free")

    def silent(self, sock):
        sock.settimeout(0.3)
        try:
            return sock.recv(1) is None
        except socket.timeout:
            return True

    def test_those_who_log_in_are_limited(self):
        self.limit(max_unauthenticated=4, max_unauthenticated_per_source=3)
        for _ in range(3):
            self.tcp("127.0.0.3")
        self.assertIn(b"C53300", self.told(self.tcp("127.0.0.3")))
        self.assert_serving()
        self.tcp("127.0.0.4")
        self.assertIn(b"C53300", self.told(self.tcp("127.0.0.5")))
        with self.teal.connect_unix() as local:
            self.assertEqual(local.value("SELECT 1"), "1")

    def test_logged_in_is_not_logging_in(self):
        self.limit(max_unauthenticated=2, max_unauthenticated_per_source=2)
        clients = [self.connect() for _ in range(8)]
        self.assertEqual([c.value("SELECT 1") for c in clients], ["1"] * 8)

    # -- how long

    def test_login_by_drops(self):
        self.limit(client_login_timeout="1s")
        sock = self.tcp()
        begun = time.monotonic()
        packet = pgwire.startup({"user": "app", "database": "app"})
        sock.settimeout(0.2)
        for byte in packet * 2:
            try:
                sock.send(bytes([byte]))
                if sock.recv(1) == b"":
                    break
            except socket.timeout:
                continue
            except OSError:
                break
        self.assertLess(time.monotonic() - begun, 3)

    def test_query_timeout_cancels_at_the_server(self):
        self.limit(query_timeout="500ms")
        c = self.connect()
        with self.refused("57014", "FATAL"):
            c.query("SELECT pg_sleep(30) /* too long */")
        wait_until(lambda: self.running("too long") == "0", 5, "the server to have stopped")
        self.assert_serving()

    def running(self, word):
        with self.pair.blue.connect("app", "postgres") as c:
            return c.value("SELECT count(*) FROM pg_stat_activity WHERE state = 'active' "
                           "AND pid <> pg_backend_pid() AND query LIKE '%%%s%%'" % word)

    def test_idle_in_transaction(self):
        self.limit(idle_transaction_timeout="500ms")
        c = self.connect()
        c.query("BEGIN")
        c.query("INSERT INTO kv VALUES ('idle in transaction', 'x')")
        self.assert_ends(c, "25P03")
        with self.teal.connect() as other:
            self.assertEqual(other.value("SELECT count(*) FROM kv WHERE k = 'idle in transaction'"), "0")

    def test_transaction_timeout(self):
        self.limit(transaction_timeout="700ms")
        c = self.connect()
        c.query("BEGIN")
        with self.assertRaises((pgwire.PgError, pgwire.Closed)) as caught:
            for _ in range(50):
                c.query("SELECT pg_sleep(0.1)")
        if isinstance(caught.exception, pgwire.PgError):
            self.assertEqual(caught.exception.sqlstate, "25P04")

    def test_idle_client(self):
        self.limit(client_idle_timeout="500ms")
        c = self.connect()
        self.assertEqual(c.value("SELECT 1"), "1")
        self.assert_ends(c, "57P05")

    def test_busy_client_is_not_idle(self):
        self.limit(client_idle_timeout="500ms", idle_transaction_timeout="500ms")
        c = self.connect()
        self.assertEqual(c.value("SELECT 'done' FROM pg_sleep(1.5)"), "done")

    def assert_ends(self, connection, sqlstate):
        kind, body = connection.next()
        self.assertEqual((kind, pgwire.fields_of(body)["C"]), ("E", sqlstate))
        with self.assertRaises(pgwire.Closed):
            connection.next()

    def test_who_waits_is_told(self):
        self.limit(query_wait_notify="300ms")
        holders = [self.connect(), self.connect()]
        for holder in holders:
            holder.query("BEGIN")
        c = self.connect()
        c.send(pgwire.query("SELECT 'served'"))
        waiting = Background(c.next)
        wait_until(lambda: c.notices, 5, "a notice")
        self.assertEqual(c.notices[0]["S"], "NOTICE")
        time.sleep(0.7)
        self.assertEqual(len(c.notices), 1)
        self.assertTrue(waiting.is_waiting())
        holders[0].query("COMMIT")
        self.assertEqual(waiting.result(5)[0], "T")
