# SPDX-License-Identifier: PostgreSQL
"""Bad input: a clear answer with the right SQLSTATE for the client concerned, and no other client disturbed.

The tables are those of the design's reliability document (startup, authentication, messages after login); where Teal
deliberately differs from PostgreSQL the row says so.
"""
import socket
import struct
import time

import pgwire
from case import PairCase

CLOSED = "closed"  # without a message


class BadInput(PairCase):
    teal_settings = {"client_login_timeout": "2s", "auth_type": "trust", "max_message": "1MB"}

    def setUp(self):
        super().setUp()
        self.bystander = self.connect()
        self.bystander.query("BEGIN")
        self.pid = self.bystander.value("SELECT pg_backend_pid()")

    def tearDown(self):
        super().tearDown()
        self.assertEqual(self.bystander.value("SELECT pg_backend_pid()"), self.pid)
        self.bystander.query("COMMIT")
        self.assert_serving()

    def say(self, *pieces):
        """A fresh socket, the bytes, and how the peer ended it: an SQLSTATE or CLOSED."""
        c = self.raw(timeout=10)
        try:
            for piece in pieces:
                c.send(piece)
        except pgwire.Closed:
            pass
        return self.outcome(c)

    def outcome(self, c):
        answers = c.drain()
        codes = self.errors_of(answers)
        return codes[-1] if codes else CLOSED

    def after_login(self, *pieces):
        """Logs in, sends the bytes; the connection must end with the answer returned."""
        c = self.connect(timeout=10)
        for piece in pieces:
            try:
                c.send(piece)
            except pgwire.Closed:
                break
        return self.outcome(c)

    # -- startup

    def test_startup_lengths(self):
        for size in (0, 4, 7, -1, 2**31 - 1, 10009, 12000):
            with self.subTest(size=size):
                self.assertEqual(self.say(struct.pack("!ii", size, pgwire.PROTOCOL_3_0) + b"\0" * 20), CLOSED)

    def test_startup_layouts(self):
        head = struct.pack("!i", pgwire.PROTOCOL_3_0)
        rows = {
            "no parameters at all": b"",
            "no last NUL": b"user\0app\0",
            "key without value": b"user\0app\0database\0\0",
            "bytes after the end": b"user\0app\0\0more",
        }
        for name, body in rows.items():
            with self.subTest(name):
                self.assertEqual(self.say(struct.pack("!i", 8 + len(body)) + head + body), "08P01")

    def test_not_the_protocol(self):
        for name, data in (("http", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"), ("tls", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc"),
                           ("noise", bytes(range(128, 255)))):
            with self.subTest(name):
                self.assertEqual(self.say(data), CLOSED)

    def test_versions(self):
        for version, wanted in ((2 << 16, "0A000"), (1 << 16, "0A000"), (4 << 16, "0A000"), (80877199, "0A000")):
            with self.subTest(version=version):
                self.assertEqual(self.say(pgwire.startup({"user": "app"}, version)), wanted)

    def test_newer_minor_is_negotiated(self):
        for minor in (1, 2, 3, 9999):
            with self.subTest(minor=minor):
                c = self.connect(version=pgwire.PROTOCOL_3_0 + minor)
                self.assertEqual(c.negotiated is None, minor <= 2)
                self.assertEqual(c.value("SELECT 1"), "1")

    def test_unknown_protocol_options_are_named(self):
        c = self.raw()
        c.send(pgwire.startup({"user": "app", "database": "app", "_pq_.hello": "1"}))
        c.authenticate()
        self.assertIn(b"_pq_.hello\0", c.negotiated)
        self.assertEqual(c.value("SELECT 1"), "1")

    def test_users(self):
        rows = [({}, "28000"), ({"user": ""}, "28000"), ({"user": "x" * 200}, "28000"), ({"user": "nobody"}, "28000")]
        for params, wanted in rows:
            with self.subTest(params=params):
                self.assertEqual(self.say(pgwire.startup(dict(params, database="app"))), wanted)

    def test_user_given_twice(self):
        body = b"user\0app\0user\0postgres\0database\0app\0\0"
        self.assertEqual(self.say(struct.pack("!ii", 8 + len(body), pgwire.PROTOCOL_3_0) + body), "08P01")

    def test_unknown_database(self):
        with self.refused("3D000", "FATAL"):
            self.connect(database="nowhere")

    def test_parameters(self):
        with self.refused("42704"):
            self.connect(no_such_thing="1")
        with self.refused("22023"):
            self.connect(client_encoding="NOT-AN-ENCODING")

    def test_ssl_and_gss_requests(self):
        c = self.raw()
        c.send(pgwire.special(pgwire.SSL_REQUEST))
        self.assertEqual(c.raw(1), b"N")
        c.send(pgwire.special(pgwire.GSS_REQUEST))
        self.assertEqual(c.raw(1), b"N")
        c.start()
        self.assertEqual(c.value("SELECT 1"), "1")

    def test_ssl_request_twice(self):
        self.assertEqual(self.say_after_n(pgwire.SSL_REQUEST, pgwire.SSL_REQUEST), CLOSED)

    def test_gss_request_twice(self):
        self.assertEqual(self.say_after_n(pgwire.GSS_REQUEST, pgwire.GSS_REQUEST), CLOSED)

    def say_after_n(self, first, second):
        c = self.raw()
        c.send(pgwire.special(first))
        self.assertEqual(c.raw(1), b"N")
        c.send(pgwire.special(second))
        return self.outcome(c)

    def test_ssl_request_with_bytes_glued_on(self):
        """Whatever comes before the answer could have been put in by somebody on the way: closed, nothing executed."""
        c = self.raw()
        c.send(pgwire.special(pgwire.SSL_REQUEST) + pgwire.startup({"user": "app", "database": "app"}) +
               pgwire.query("INSERT INTO kv VALUES ('glued', 'x')"))
        try:
            c.raw(1)
        except pgwire.Closed:
            pass
        self.assertEqual(self.outcome(c), CLOSED)
        self.assertEqual(self.pair.blue.value("SELECT count(*) FROM kv WHERE k = 'glued'", "app"), "0")

    def test_startup_and_query_in_one_segment(self):
        c = self.raw()
        c.send(pgwire.startup({"user": "app", "database": "app"}) + pgwire.query("SELECT 'both'"))
        c.authenticate()
        self.assertEqual(c.collect()[0].value(), "both")

    def test_startup_byte_by_byte(self):
        c = self.raw()
        for byte in pgwire.startup({"user": "app", "database": "app"}):
            c.send(bytes([byte]))
        c.authenticate()
        self.assertEqual(c.value("SELECT 1"), "1")

    def test_startup_twice(self):
        packet = pgwire.startup({"user": "app", "database": "app"})
        self.assertEqual(self.say(packet, packet), "08P01")

    def test_query_first(self):
        self.assertEqual(self.say(pgwire.query("SELECT 1")), CLOSED)

    def test_silence_is_ended(self):
        for name, piece in (("nothing", b""), ("half a packet", pgwire.startup({"user": "app"})[:7])):
            with self.subTest(name):
                c = self.raw(timeout=10)
                c.send(piece)
                began = time.monotonic()
                self.assertIn(self.outcome(c), (CLOSED, "08P01", "57P05"))
                self.assertLess(time.monotonic() - began, 5)

    def test_half_open_connections_disturb_nobody(self):
        opened = [self.raw() for _ in range(100)]
        self.assert_serving()
        for c in opened:
            c.reset()

    def test_cancel_requests_that_are_not(self):
        for name, data in (("wrong key", pgwire.cancel(1, 1)), ("short", struct.pack("!iii", 12, pgwire.CANCEL_REQUEST, 1)),
                           ("long", pgwire.cancel(1, b"k" * 300))):
            with self.subTest(name):
                self.assertEqual(self.say(data), CLOSED)

    # -- after the login

    def test_message_lengths(self):
        for size in (0, 1, 3, -1):
            with self.subTest(size=size):
                self.assertEqual(self.after_login(b"Q" + struct.pack("!i", size) + b"SELECT 1\0"), "08P01")
        self.assertIn(self.after_login(b"Q" + struct.pack("!i", 2**31 - 1)), ("08P01", "54000"))

    def test_query_that_claims_a_gigabyte(self):
        self.assertIn(self.after_login(b"Q" + struct.pack("!i", 2**30 + 9) + b"SELECT"), ("08P01", "54000"))

    def test_query_above_the_own_limit(self):
        self.assertIn(self.after_login(pgwire.query("SELECT '" + "x" * (2 << 20) + "'")), ("08P01", "54000"))

    def test_short_messages_that_are_long(self):
        for kind in "SHEDCcfX":
            with self.subTest(kind):
                self.assertEqual(self.after_login(pgwire.message(kind, b"\0" * 12000)), "08P01")

    def test_unknown_types(self):
        for kind in (b"p", b"A", b"z", b"\0", b"R", b"v", b"\xff"):
            with self.subTest(kind):
                self.assertEqual(self.after_login(kind + struct.pack("!i", 4)), "08P01")

    def stays(self, data, wanted):
        """The session gets the error and lives on."""
        c = self.connect()
        c.send(data)
        self.assertEqual(self.errors_of(c.until_ready()), [wanted])
        self.assertEqual(c.value("SELECT 1"), "1")

    def test_strings_that_do_not_end(self):
        self.stays(pgwire.message("Q", b"SELECT 1"), "08P01")
        self.stays(pgwire.message("Q", b"SELECT 1\0; SELECT 2\0"), "08P01")
        self.stays(pgwire.message("P", b"name-without-end") + pgwire.sync(), "08P01")

    def test_describe_and_close_kinds(self):
        self.stays(pgwire.message("D", b"X\0") + pgwire.sync(), "08P01")
        self.stays(pgwire.message("C", b"X\0") + pgwire.sync(), "08P01")

    def test_bind_with_impossible_lengths(self):
        for size in (-2, 0x7fffffff):
            with self.subTest(size=size):
                body = b"\0\0" + struct.pack("!hHi", 0, 1, size)
                self.stays(pgwire.parse("SELECT $1::text") + pgwire.message("B", body) + pgwire.execute() + pgwire.sync(), "08P01")

    def test_password_after_the_login(self):
        self.assertEqual(self.after_login(pgwire.message("p", b"secret\0")), "08P01")

    def test_rubbish_of_every_type_ends_nothing_but_itself(self):
        import random
        dice = random.Random(7)
        for n in range(150):
            c = self.connect(timeout=10)
            data = bytes(dice.randrange(256) for _ in range(dice.randrange(1, 60)))
            if n % 2:
                data = bytes([dice.choice(b"QPBEDCHSFXdcf")]) + struct.pack("!i", len(data) + 4) + data
            try:
                c.send(data)
                c.sock.shutdown(socket.SHUT_WR)
            except (OSError, pgwire.Closed):
                pass
            c.drain()
            c.close()


class Login(PairCase):
    """SCRAM towards clients; SCRAM and md5 towards servers."""

    teal_settings = {"auth_type": "scram-sha-256", "client_login_timeout": "5s"}

    def test_right_password(self):
        for user, password in (("app", "app-secret"), ("scram_user", "scram-secret"), ("md5_user", "md5-secret")):
            with self.subTest(user):
                self.assertEqual(self.connect(user=user, password=password).value("SELECT session_user"), user)

    def test_by_the_unix_socket(self):
        with self.teal.connect_unix(password="app-secret") as c:
            self.assertEqual(c.value("SELECT 1"), "1")

    def test_wrong_password(self):
        for user in ("app", "scram_user"):
            with self.subTest(user), self.refused("28P01", "FATAL"):
                self.connect(user=user, password="wrong")

    def test_unknown_user_looks_like_a_wrong_password(self):
        with self.refused("28P01", "FATAL") as unknown:
            self.connect(user="nobody", password="x")
        with self.refused("28P01", "FATAL") as wrong:
            self.connect(user="app", password="x")
        self.assertEqual(unknown.exception.message.replace("nobody", "app"), wrong.exception.message)

    def test_user_of_the_file_that_the_server_does_not_know(self):
        with self.assertRaises(pgwire.PgError) as caught:
            self.connect(user="stranger", password="stranger-secret").query("SELECT 1")
        self.assertIn(caught.exception.sqlstate, ("28000", "28P01"))

    def test_server_refuses_the_password_of_the_file(self):
        self.pair.blue.sql("SET password_encryption = 'scram-sha-256'; ALTER ROLE scram_user PASSWORD 'changed'; "
                           "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'scram_user'")
        try:
            with self.assertRaises(pgwire.PgError) as caught:
                self.connect(user="scram_user", password="scram-secret").query("SELECT 1")
            self.assertEqual(caught.exception.sqlstate, "28P01")
        finally:
            self.pair.blue.sql("SET password_encryption = 'scram-sha-256'; ALTER ROLE scram_user PASSWORD 'scram-secret'")

    def begin(self):
        c = self.raw(timeout=10)
        c.send(pgwire.startup({"user": "app", "database": "app"}))
        kind, body = c.next()
        self.assertEqual((kind, body[:4]), ("R", struct.pack("!i", 10)))
        return c

    def ends_with(self, c, data):
        c.send(data)
        return self.errors_of(c.drain())

    def test_something_else_in_place_of_the_answer(self):
        for name, data in (("query", pgwire.query("SELECT 1")), ("terminate", pgwire.terminate()), ("sync", pgwire.sync())):
            with self.subTest(name):
                self.assertIn(self.ends_with(self.begin(), data), (["08P01"], []) if name == "terminate" else (["08P01"],))

    def test_mechanisms(self):
        first = b"n,,n=,r=abc"
        for name in ("", "PLAIN", "SCRAM-SHA-256-PLUS", "SCRAM-SHA-1"):
            with self.subTest(name):
                data = pgwire.message("p", pgwire.cstr(name) + struct.pack("!i", len(first)) + first)
                self.assertEqual(self.ends_with(self.begin(), data), ["08P01"])

    def test_inner_lengths(self):
        for size in (-2, 0x7fffffff, 100000, 3):
            with self.subTest(size=size):
                data = pgwire.message("p", b"SCRAM-SHA-256\0" + struct.pack("!i", size) + b"n,,n=,r=abcdefgh")
                self.assertEqual(self.ends_with(self.begin(), data), ["08P01"])

    def test_message_lengths(self):
        self.assertEqual(self.ends_with(self.begin(), pgwire.message("p", b"")), ["08P01"])
        self.assertEqual(self.ends_with(self.begin(), pgwire.message("p", b"no end")), ["08P01"])
        for size in (3, 2**31 - 1, 70000):
            with self.subTest(size=size):
                self.assertIn(self.ends_with(self.begin(), b"p" + struct.pack("!i", size)), ([], ["08P01"]))

    def test_scram_messages(self):
        for name, first in (("no nonce", b"n,,n=,x=1"), ("no header", b"n=,r=abc"), ("binding", b"p=tls-unique,,n=,r=abc"),
                            ("empty nonce", b"n,,n=,r=")):
            with self.subTest(name):
                data = pgwire.message("p", b"SCRAM-SHA-256\0" + struct.pack("!i", len(first)) + first)
                self.assertEqual(self.ends_with(self.begin(), data), ["08P01"])

    def test_wrong_final_nonce(self):
        c = self.begin()
        first = b"n,,n=,r=abcdefghijkl"
        c.send(pgwire.message("p", b"SCRAM-SHA-256\0" + struct.pack("!i", len(first)) + first))
        c.expect("R")
        self.assertEqual(self.ends_with(c, pgwire.message("p", b"c=biws,r=other,p=AAAA")), ["08P01"])
