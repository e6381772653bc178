# SPDX-License-Identifier: PostgreSQL
"""The published mistakes of poolers, drivers and PostgreSQL itself, one test each: none of them is made here.

Those about what comes before TLS are in test_tls.py, those about rights on the console in test_console.py.
"""
import base64
import os
import socket
import struct
import threading
import time

import pgwire
from case import PairCase
from cluster import free_port, wait_until
from middle import Middle, as_it_is
from teal import Teal


def resident_kilobytes(teal):
    with open("/proc/%d/status" % teal.process.pid) as f:
        return int(next(line for line in f if line.startswith("VmRSS")).split()[1])


class Clients(PairCase):
    """What a client can say."""

    teal_settings = {"workers": 2, "auth_type": "scram-sha-256"}

    def ours(self, **kwargs):
        return self.connect(user="scram_user", password="scram-secret", **kwargs)

    def assert_serving(self):
        with self.ours() as c:
            self.assertEqual(c.value("SELECT session_user"), "scram_user")

    def test_cve_2012_4575_long_database_names(self):
        """PgBouncer: an over-long name from the network met a fatal() that was meant for the configuration."""
        for size in (1, 63, 64, 65, 9900):
            for name in ("database", "user"):
                with self.assertRaises((pgwire.PgError, pgwire.Closed)):
                    self.connect(**dict(dict(user="scram_user", database="app", password="x"), **{name: "n" * size}))
        self.assert_serving()

    def test_pgbouncer_1_5_5_password_before_startup(self):
        for kind in "pQPXSd":
            c = self.raw()
            c.send(pgwire.message(kind, b"secret\0"))
            self.assertEqual(c.drain(), [])
        self.assert_serving()

    def test_cve_2026_6664_inner_length_wraps(self):
        """PgBouncer: position + length of the SASL answer wrapped around before anybody was logged in."""
        for claimed in (-1, -2, 2 ** 31 - 1, -2 ** 31, 5):
            c = self.raw()
            c.send(pgwire.startup(dict(user="scram_user", database="app")))
            c.expect("R")
            c.send(pgwire.message("p", b"SCRAM-SHA-256\0" + struct.pack("!i", claimed) + b"n,,"))
            self.assertEqual(self.errors_of(c.drain()), ["08P01"], claimed)
        self.assert_serving()

    def test_cve_2026_107350_second_startup_during_scram(self):
        """A second start-up packet in the middle of an exchange must not change who it is for."""
        c = self.raw()
        c.send(pgwire.startup(dict(user="scram_user", database="app")))
        c.expect("R")
        c.send(pgwire.startup(dict(user="postgres", database="app")))
        self.assertEqual(self.errors_of(c.drain()), ["08P01"])

    def test_cve_2026_107349_empty_option_names(self):
        """An empty name in options ran for ever."""
        for options in ("-c", "-c =", "-c =1", "--", "--=1", "-c  ", "-", "\\", "-c \\"):
            with self.subTest(options=options):
                began = time.monotonic()
                try:
                    self.ours(options=options, timeout=10).close()
                except (pgwire.PgError, pgwire.Closed):
                    pass
                self.assertLess(time.monotonic() - began, 10)
        self.assert_serving()

    def test_cve_2024_27304_lengths_that_wrap(self):
        """pgproto3: a message beyond 4 GiB became several. A length that lies never starts anew behind itself."""
        smuggled = pgwire.query("CREATE TABLE smuggled (n int)")
        for length in (-1, 0, 3, 2 ** 31 - 1, -2 ** 31, 2 ** 30 + 9):
            c = self.ours()
            for kind in "PBQF":
                with self.subTest(kind=kind, length=length):
                    c = self.ours()
                    c.send(kind.encode() + struct.pack("!i", length) + smuggled)
                    self.assertEqual(self.errors_of(c.drain()), ["08P01"])
        self.assertIsNone(self.pair.blue.value("SELECT 1 FROM pg_class WHERE relname = 'smuggled'", "app"))
        self.assert_serving()

    def test_pggat_11_a_header_claims_memory(self):
        """A claim of 60 MB costs what was sent, not what was claimed."""
        clients = [self.ours() for _ in range(15)]
        before = resident_kilobytes(self.teal)
        for c in clients:
            c.send(b"Q" + struct.pack("!i", 60 * 1024 * 1024) + b"SELECT 1")
        self.assert_serving()
        self.assertLess(resident_kilobytes(self.teal) - before, 15 * 64 + 1024)

    def test_half_a_message_and_the_end_leave_no_backend_behind(self):
        for kind, length in (("Q", 60 * 1024 * 1024), ("P", 60 * 1024 * 1024), ("B", 60 * 1024 * 1024), ("Q", 100)):
            clients = [self.ours() for _ in range(25)]
            for c in clients:
                c.send(kind.encode() + struct.pack("!i", length) + b"SELECT 1")
            for c in clients:
                c.sock.close()
            self.assert_serving()
            wait_until(lambda: not [r for r in self.teal.console("SHOW CLIENTS") if r["user"] == "scram_user"],
                       what="the sessions to end")

    def test_cve_2026_6479_requests_in_turn(self):
        """PostgreSQL: SSLRequest and GSSENCRequest in turn recursed without bound."""
        c = self.raw()
        with self.assertRaises((pgwire.Closed, OSError)):
            for n in range(10000):
                c.send(pgwire.special(pgwire.SSL_REQUEST if n % 2 else pgwire.GSS_REQUEST))
                self.assertLess(n, 3)
                c.raw(1)
        self.assert_serving()

    def test_cve_2026_6478_who_exists_is_not_told(self):
        def exchange(user):
            c = self.raw()
            c.send(pgwire.startup(dict(user=user, database="app")))
            c.password, c.user = "wrong", user
            with self.assertRaises(pgwire.PgError) as caught:
                c.authenticate()
            return caught.exception.sqlstate, str(caught.exception).replace(user, "?")
        self.assertEqual(exchange("scram_user"), exchange("nobody_at_all"))

    def test_cve_2023_22332_no_secret_is_shown(self):
        secrets = [word for line in open(os.path.join(self.teal.dir, "users.txt")) for word in line.split('"')[3:4]]
        self.assertGreater(len(secrets), 3)
        shown = ""
        for what in ("CONFIG", "CLIENTS", "SERVERS", "POOLS", "STATS", "LISTS", "DATABASES", "STATUS", "STATE", "USERS", "HELP"):
            shown += repr(self.teal.console("SHOW " + what))
        with self.assertRaises(pgwire.PgError):
            self.connect(user="scram_user", password="not-the-secret")
        for secret in secrets:
            self.assertNotIn(secret, shown)
            self.assertNotIn(secret, self.teal.log_tail(10 ** 7))


class Shared(PairCase):
    """One backend for all."""

    teal_settings = {"workers": 1, "default_pool_size": 1}

    def test_cve_2024_45624_a_role_is_not_handed_on(self):
        """Pgpool: what one client may see was shown to another after SET ROLE, row security or a revoked right."""
        self.pair.blue.sql("GRANT other TO app", "app")
        for statement in ("SET ROLE other", "SET SESSION AUTHORIZATION app", "SET row_security = off"):
            with self.connect() as a:
                a.query(statement)
            with self.connect() as b:
                self.assertEqual((b.value("SELECT current_user"), b.value("SELECT session_user"), b.value("SHOW row_security")),
                                 ("app", "app", "on"), statement)

    def test_cve_2025_1094_text_that_is_broken_in_its_encoding(self):
        """Teal builds SQL of a client's settings: a half character must not swallow the quote behind it."""
        for encoding, name in (("UTF8", b"\xc3"), ("SJIS", b"\x81"), ("GBK", b"\x81"), ("BIG5", b"\xa1"), ("UTF8", b"'; DROP TABLE kv; --")):
            c = self.raw()
            c.send(message_startup({b"user": b"app", b"database": b"app", b"client_encoding": encoding.encode(),
                                    b"application_name": name + b"'; DROP TABLE kv; --\\"}))
            try:
                c.authenticate()
                c.query("SELECT 1")
            except (pgwire.PgError, pgwire.Closed):
                pass
            with self.connect() as other:
                self.assertEqual(other.value("SELECT count(*) FROM kv"), "0")


def message_startup(params):
    body = struct.pack("!i", 196608) + b"".join(k + b"\0" + v + b"\0" for k, v in params.items()) + b"\0"
    return struct.pack("!i", len(body) + 4) + body


class Servers(PairCase):
    """What a server can say after a login."""

    teal_settings = {"workers": 1, "default_pool_size": 1, "server_login_retry": "50ms"}

    @classmethod
    def make_teal(cls):
        cls.middle = Middle(cls.pair.blue.port, pause=0)
        return Teal(cls.pair, blue={"port": cls.middle.port}, **cls.teal_settings)

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        cls.middle.close()

    def setUp(self):
        super().setUp()
        self.middle.hook = as_it_is

    def test_cve_2026_6666_errors_that_lack_a_field(self):
        """PgBouncer: an ErrorResponse without SQLSTATE was a NULL pointer."""
        bodies = (b"", b"\0", b"S", b"SERROR", b"SERROR\0", b"C", b"C\0\0", b"CX\0\0", b"M\0\0", b"\0\0\0\0", b"SERROR\0CXX000\0CXX001\0\0",
                  b"SERROR\0VERROR\0Mno code\0\0", b"C42601\0", b"?what\0\0", b"SERROR\0" * 2000 + b"\0")
        for kind in "EN":
            for body in bodies:
                with self.subTest(kind=kind, body=body[:30]):
                    frame = pgwire.message(kind, body)
                    self.middle.hook = lambda k, f: [frame, f] if k == "T" else [f]
                    with self.connect() as c:
                        c.send(pgwire.query("SELECT 1"))
                        try:
                            c.until_ready()
                        except (pgwire.Closed, pgwire.PgError, LookupError, ValueError, OSError):
                            pass
                    self.middle.hook = as_it_is
                    self.assert_serving()

    def test_cve_2026_32286_row_with_a_negative_field(self):
        """pgproto3: a field of length -2 was an index. Rows are nobody's business but the client's: they pass."""
        row = pgwire.message("D", struct.pack("!hi", 1, -2))
        self.middle.hook = lambda kind, frame: [row] if kind == "D" else [frame]
        with self.connect() as c:
            c.send(pgwire.query("SELECT 1"))
            self.assertIn(("D", row[5:]), c.until_ready())
        self.middle.hook = as_it_is
        self.assert_serving()


class HostileScram(threading.Thread):
    """A server that asks pooled users for SCRAM with a server-first-message of its choice, and passes the rest on."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.behind, self.answer, self.seen_final = port, None, False
        self.port = free_port()
        self.listener = socket.create_server(("127.0.0.1", self.port), backlog=64)
        self.start()

    def run(self):
        try:
            while True:
                threading.Thread(target=self.serve, args=(self.listener.accept()[0],), daemon=True).start()
        except OSError:
            pass

    def serve(self, client):
        try:
            first = client.recv(65536)
            if first == pgwire.special(pgwire.SSL_REQUEST):
                client.sendall(b"N")
                first = client.recv(65536)
            if b"user\0scram_user\0" in first and self.answer is not None:
                self.exchange(client)
                return
            server = socket.create_connection(("127.0.0.1", self.behind))
            server.sendall(first)
            threading.Thread(target=Middle.pump, args=(client, server), daemon=True).start()
            Middle.pump(server, client)
        except OSError:
            client.close()

    def exchange(self, client):
        client.sendall(pgwire.message("R", struct.pack("!i", 10) + b"SCRAM-SHA-256\0\0"))
        nonce = client.recv(65536).decode().split("r=", 1)[1]
        for code, text in self.answer(nonce):
            client.sendall(pgwire.message("R", struct.pack("!i", code) + text))
            final = client.recv(65536)
            self.seen_final = self.seen_final or b"c=biws" in final
        client.close()

    def close(self):
        self.listener.close()


class ScramServers(PairCase):
    """CVE-2026-6665 and its kind: what a server can say within SCRAM."""

    teal_settings = {"workers": 1, "server_login_retry": "20ms", "query_wait_timeout": "1s"}

    @classmethod
    def make_teal(cls):
        cls.hostile = HostileScram(cls.pair.blue.port)
        return Teal(cls.pair, blue={"port": cls.hostile.port}, **cls.teal_settings)

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        cls.hostile.close()

    def meet(self, answer):
        self.hostile.answer, self.hostile.seen_final = answer, False
        before = cpu_seconds(self.teal)
        with self.assertRaises(pgwire.PgError) as caught:
            self.connect(user="scram_user").value("SELECT 1")
        self.assertIn(caught.exception.sqlstate[:2], ("08", "0A", "28", "57"))
        self.assert_serving()
        return cpu_seconds(self.teal) - before

    def first(self, nonce="{}more", salt="c2FsdA==", iterations="4096"):
        return lambda client: [(11, ("r=%s,s=%s,i=%s" % (nonce.format(client), salt, iterations)).encode())]

    def test_cve_2026_6665_long_nonces(self):
        for size in (1024, 10 * 1024, 60 * 1024):
            self.meet(self.first(nonce="{}" + "n" * size))
        self.meet(lambda client: [(11, b"r=" + client.encode() + b"n" * 2 ** 20 + b",s=c2FsdA==,i=4096")])

    def test_a_nonce_that_is_not_ours(self):
        for nonce in ("", "{}", "other", "x{}", "{}\x01"):
            self.meet(self.first(nonce=nonce))
            self.assertFalse(self.hostile.seen_final)

    def test_iterations(self):
        for count in ("0", "-1", "", "1e9", "1000000001", "99999999999999999999", "4096x"):
            self.meet(self.first(iterations=count))
            self.assertFalse(self.hostile.seen_final)

    def test_a_thousand_million_iterations_cost_nothing(self):
        self.assertLess(self.meet(self.first(iterations="1000000000")), 1.0)

    def test_salts(self):
        for salt in ("", "=", "!!!!", "c2FsdA", base64.b64encode(b"s" * 5000).decode()):
            self.meet(self.first(salt=salt))
            self.assertFalse(self.hostile.seen_final)

    def test_missing_fields(self):
        for text in (b"", b"r=", b"s=c2FsdA==,i=4096", b"r=%s,i=4096", b"r=%s,s=c2FsdA==", b"m=x,r=%s,s=c2FsdA==,i=4096", b"\0", b"e=no"):
            self.meet(lambda client, text=text: [(11, text.replace(b"%s", client.encode() + b"x"))])

    def test_a_wrong_signature(self):
        for signature in (base64.b64encode(bytes(32)), b"", b"!", base64.b64encode(bytes(31))):
            self.meet(lambda client, v=signature: [*self.first()(client), (12, b"v=" + v), (0, b"")])
            self.assertTrue(self.hostile.seen_final)

    def test_all_is_well_without_proof(self):
        self.meet(lambda client: [(0, b"")])
        self.meet(lambda client: [*self.first()(client), (0, b"")])

    def test_another_method_in_the_middle(self):
        for code in (3, 5, 7, 10, 12, 99):
            self.meet(lambda client, code=code: [(code, b"salt")])


def cpu_seconds(teal):
    with open("/proc/%d/stat" % teal.process.pid) as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
