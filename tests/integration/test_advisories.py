# SPDX-License-Identifier: PostgreSQL
"""The mistakes that others published, by the names of their advisories: each with what would show it here.

Elsewhere: CVE-2025-2291 and the questions of CVE-2015-6817 and CVE-2025-12819 are test_auth_query, CVE-2021-23222 and
CVE-2024-10977 are test_tls.LyingServers, CVE-2026-6667 is test_console.Roles and the unit test of admin/rights.
"""
import base64
import struct
import time

import pgwire
from hostile import OK, READY, HostileCase, error
from teal import Teal
from test_tls import TlsCase
from waiting import eventually


class Clients(TlsCase):
    """What an unauthenticated client may try."""

    teal_settings = {"auth_type": "scram-sha-256", "client_login_timeout": "5s"}

    def said(self, *pieces):
        c = self.raw(timeout=10)
        try:
            for piece in pieces:
                c.send(piece)
        except (pgwire.Closed, OSError):
            pass
        return self.errors_of(c.drain())

    def begun(self, user="app", **params):
        c = self.raw(timeout=10)
        c.send(pgwire.startup(dict(user=user, database="app", **params)))
        kind, body = c.next()
        self.assertEqual((kind, body[:4]), ("R", struct.pack("!i", 10)))
        return c

    def test_cve_2012_4575_long_database_name(self):
        with self.refused("3D000", "FATAL"):  # as PostgreSQL: who has not logged in learns of no database
            self.connect(database="d" * 63, password="app-secret")
        for size in (64, 65, 9900):
            self.assertEqual(self.said(pgwire.startup({"user": "app", "database": "d" * size})), ["3D000"])
        self.assertEqual(self.said(pgwire.startup({"user": "app", "database": "d" * 10000})), [])
        with self.connect(database="", password="app-secret") as c:  # the user's name is the database's
            self.assertEqual(c.value("SELECT current_database()"), "app")
        self.assert_alive()

    def test_pgbouncer_1_5_5_password_before_startup(self):
        for kind in "pQXSPBEDCHFdcf":
            self.assertEqual(self.said(pgwire.message(kind, b"secret\0")), [])
        self.assert_alive()

    def test_cve_2015_6817_unknown_user(self):
        for user in ("nobody", "pgbouncer", "teal", "postgres "):
            with self.refused("28P01", "FATAL"):
                self.connect(user=user, password="x")
        with self.connect(user="other", password="other-secret") as c:
            self.assertEqual(c.value("SELECT session_user"), "other")

    def test_cve_2021_23214_bytes_before_tls(self):
        glued = pgwire.startup({"user": "app", "database": "app"}) + pgwire.query("CREATE TABLE smuggled (n int)")
        for size in range(1, len(glued), 7):
            self.assertEqual(self.said(pgwire.special(pgwire.SSL_REQUEST) + glued[:size]), [])
        self.assertIsNone(self.pair.blue.value("SELECT 1 FROM pg_class WHERE relname = 'smuggled'", "app"))

    def test_cve_2025_12819_search_path_before_the_login(self):
        with self.connect(password="app-secret", search_path="evil, pg_catalog") as c:
            self.assertEqual(c.value("SHOW search_path"), "evil, pg_catalog")
        with self.connect(user="other", password="other-secret") as c:
            self.assertNotIn("evil", c.value("SHOW search_path"))

    def test_cve_2026_6664_lengths_within_scram(self):
        first = b"n,,n=,r=abcdefghijkl"
        for size in (-1, -2, 0x7fffffff, -2**31, 0x7ffffff0, len(first) + 1):
            c = self.begun()
            c.send(pgwire.message("p", b"SCRAM-SHA-256\0" + struct.pack("!i", size) + first))
            self.assertEqual(self.errors_of(c.drain()), ["08P01"])
        self.assert_alive()

    def test_cve_2026_6479_requests_by_turns(self):
        """Each request is accepted once; a third ends the connection, however many follow."""
        pair = pgwire.special(pgwire.GSS_REQUEST) + pgwire.special(pgwire.SSL_REQUEST)
        self.assertEqual(self.said(pair * 10000), [])
        c = self.raw()
        c.send(pgwire.special(pgwire.GSS_REQUEST))
        self.assertEqual(c.raw(1), b"N")
        c.send(pgwire.special(pgwire.GSS_REQUEST))
        self.assertEqual(c.drain(), [])
        self.assert_alive()

    def test_cve_2026_6478_unknown_user_is_asked_as_any_other(self):
        salts = []
        for user in ("nobody", "app", "nobody"):
            c = self.begun(user)
            first = b"n,,n=,r=abcdefghijkl"
            c.send(pgwire.message("p", b"SCRAM-SHA-256\0" + struct.pack("!i", len(first)) + first))
            values = dict(v.split(b"=", 1) for v in c.expect("R")[1][4:].split(b","))
            self.assertEqual(values[b"i"], b"4096")
            self.assertEqual(len(base64.b64decode(values[b"s"])), 16)
            salts.append(values[b"s"])
        self.assertEqual(salts[0], salts[2], "a made-up salt must not change from one try to the next")

    def test_cve_2024_27304_lying_lengths_never_resynchronise(self):
        for size in (2**30, 2**30 + 9, 2**31 - 1, -1, -2**31):
            for kind in "QPBd":
                with self.subTest(kind=kind, size=size):
                    c = self.connect(password="app-secret", timeout=10)
                    c.send(kind.encode() + struct.pack("!i", size) + pgwire.query("CREATE TABLE smuggled (n int)"))
                    self.assertEqual(self.errors_of(c.drain()), ["08P01"])
        self.assertIsNone(self.pair.blue.value("SELECT 1 FROM pg_class WHERE relname = 'smuggled'", "app"))

    def test_cve_2025_1094_broken_text_in_other_encodings(self):
        for encoding in ("SJIS", "BIG5", "GBK", "GB18030", "UHC"):
            with self.connect(password="app-secret", client_encoding=encoding) as c:
                c.send(pgwire.query(b"SELECT '\x81'; SELECT 'x\x81"))
                self.assertTrue(self.errors_of(c.until_ready()))
                self.assertEqual(c.value("SELECT 1"), "1")

    def test_cve_2024_45624_roles_are_not_handed_on(self):
        self.pair.blue.sql("GRANT other TO app")
        with self.connect(password="app-secret") as c:
            c.query("SET ROLE other")
            c.query("SET row_security = off")
            self.assertEqual(c.value("SELECT current_user"), "other")
            for _ in range(10):
                with self.connect(password="app-secret") as next_one:
                    self.assertEqual(next_one.query("SELECT current_user, current_setting('row_security')").rows[0], ["app", "on"])
        with self.connect(password="app-secret") as c:
            self.assertEqual(c.value("SELECT current_user"), "app")

    def test_cve_2023_22332_no_secret_is_shown(self):
        with self.connect(password="app-secret") as c:
            c.query("SELECT 1")
            shown = ""
            for command in [r["command"] for r in self.teal.console("SHOW HELP")]:
                if command.startswith("SHOW"):
                    try:
                        shown += str(self.teal.console(command.split(" [")[0]))
                    except pgwire.PgError as e:
                        shown += str(e)
        self.assertIn("app", shown)
        for secret in ("app-secret", "other-secret", "postgres-secret", "scram-secret"):
            self.assertNotIn(secret, shown)
            self.assertNotIn(secret, self.teal.log_tail(1 << 20))

    def test_cve_2025_46801_no_stored_form_lets_a_wrong_password_in(self):
        """Whatever is stored, verifier or plain text: the right password only, never what is stored itself."""
        verifier = self.pair.blue.value("SELECT rolpassword FROM pg_authid WHERE rolname = 'app'")
        md5 = self.pair.blue.value("SELECT rolpassword FROM pg_authid WHERE rolname = 'md5_user'")
        users = '"app" "%s"\n"other" "other-secret"\n"md5_user" "%s"\n"postgres" ""\n' % (verifier, md5)
        teal = Teal(self.pair, name="stored", users=users, auth_type="scram-sha-256", serves=False).start()
        try:
            for user, words in (("app", ("x", "", verifier, "other-secret")), ("other", ("x", "", "app-secret")),
                                ("md5_user", ("x", "", md5, md5[3:])), ("postgres", ("x", "", "postgres-secret"))):
                for word in words:
                    with self.subTest(user=user, word=word[:8]), self.refused("28P01", "FATAL"):
                        teal.connect(user=user, password=word)
            with teal.connect(password="app-secret") as c:
                self.assertEqual(c.value("SELECT session_user"), "app")
            with teal.connect(user="other", password="other-secret") as c:
                self.assertEqual(c.value("SELECT session_user"), "other")
        finally:
            teal.stop()

    def assert_alive(self):
        self.teal.check_alive()
        with self.connect(password="app-secret") as c:
            self.assertEqual(c.value("SELECT 1"), "1")


class Servers(HostileCase):
    """What a server may try that has not proved who it is."""

    teal_settings = {"auth_type": "trust", "query_wait_timeout": "500ms", "server_login_retry": "50ms", "default_pool_size": 2}

    def said(self, login, recover=True):
        """What a client of the user is told while the server says this at the login."""
        self.fresh()
        self.server.login = login
        try:
            with self.assertRaises((pgwire.PgError, pgwire.Closed)) as caught:
                with self.teal.connect(timeout=10) as c:
                    c.query("SELECT 1")
            return caught.exception
        finally:
            self.server.behave()
            if recover:
                self.recovers()

    def recovers(self):
        def served():
            with self.teal.connect() as c:
                return c.value("SELECT 1") == "1"
        eventually(served, 10, "the pool to recover")

    def test_cve_2026_6666_error_without_sqlstate(self):
        self.setting(query_wait_timeout="200ms")  # each case takes that long: the proxy tries the login again
        for body in (b"\0", b"", b"SFATAL\0\0", b"MSG\0\0", b"C\0\0", b"C57P01\0C57P02\0\0", b"SFATAL", b"C57"):
            with self.subTest(body):
                self.said(pgwire.message("E", body))
        self.said(error(M="only a text"))

    def scram(self, first_of, final=b"v=AAAA"):
        """A server that asks for SCRAM: its first message made from the client's nonce, its final one, and a welcome."""
        def say(sock):
            sock.sendall(pgwire.message("R", struct.pack("!i", 10) + b"SCRAM-SHA-256\0\0"))
            nonce = sock.recv(65536).split(b"r=")[-1]
            sock.sendall(pgwire.message("R", struct.pack("!i", 11) + first_of(nonce)))
            if sock.recv(65536)[:1] == b"p" and final is not None:
                sock.sendall(pgwire.message("R", struct.pack("!i", 12) + final))
            sock.sendall(OK + pgwire.message("K", bytes(8)) + READY)
        return say

    def test_cve_2026_6665_scram_servers(self):
        self.setting(query_wait_timeout="200ms")
        def first(nonce=lambda n: n + b"abc", salt=b"c2FsdHNhbHRzYWx0c2FsdA==", rounds=b"4096"):
            return lambda n: b"r=" + nonce(n) + b",s=" + salt + b",i=" + rounds
        rows = {
            "nonce not ours": first(lambda n: b"x" * 24), "nonce shorter": first(lambda n: n[:-1]), "nonce not longer": first(lambda n: n),
            "no rounds": first(rounds=b""), "0 rounds": first(rounds=b"0"), "-1 rounds": first(rounds=b"-1"),
            "1e9 rounds": first(rounds=b"1000000000"), "1e30 rounds": first(rounds=b"1" + b"0" * 30), "words": first(rounds=b"many"),
            "no salt": first(salt=b""), "salt is no base64": first(salt=b"!!!"), "salt of 100 KB": first(salt=b"QUJD" * 25000),
            "nothing": lambda n: b"", "only a nonce": lambda n: b"r=" + n + b"x", "only commas": lambda n: b",,,",
            "an extension": lambda n: b"m=x,r=" + n + b"x,s=c2FsdA==,i=4096",
        }
        for size in (1, 18, 255, 1024, 10240, 1 << 20):
            rows["nonce and %d bytes" % size] = first(lambda n, size=size: n + b"n" * size)
        for name, made in rows.items():
            with self.subTest(name):
                began = time.monotonic()
                self.said(self.scram(made))
                self.assertLess(time.monotonic() - began, 8)

    def test_scram_servers_that_do_not_prove_themselves(self):
        self.setting(query_wait_timeout="200ms")
        good = lambda n: b"r=" + n + b"abc,s=c2FsdHNhbHRzYWx0c2FsdA==,i=4096"
        for final in (b"v=AAAA", b"v=" + b"A" * 43 + b"=", b"", b"v=", b"e=other-error", b"x=1", b"v=" + b"A" * 100000, None):
            with self.subTest(final and final[:10]):
                self.said(self.scram(good, final))

    def test_cve_2026_32286_fields_of_impossible_length(self):
        for size in (-2, -2**31, 0x7fffffff, 5):
            row = pgwire.message("D", struct.pack("!hi", 1, size) + b"x")
            self.server.hook = lambda kind, frame, row=row: [row] if kind == "D" else [frame]
            c = self.connect(timeout=10)
            c.send(pgwire.query("SELECT 1"))
            kinds = []
            try:
                while not kinds or kinds[-1] != "Z":
                    kinds.append(c.read()[0])
            except pgwire.Closed:
                pass
            self.assertIn("".join(kinds[-4:]), ("TDCZ", "TE"))
            self.server.behave()
            self.assert_serving()

    def test_cve_2025_49146_binding_that_is_required_is_not_skipped(self):
        self.teal.set(server_channel_binding="require")
        self.teal.console("RELOAD")
        try:
            self.said(self.scram(lambda n: b"r=" + n + b"abc,s=c2FsdHNhbHRzYWx0c2FsdA==,i=4096"), recover=False)
        finally:
            self.teal.set(server_channel_binding="prefer")
            self.teal.console("RELOAD")
        self.recovers()

    def test_pggat_11_memory_is_taken_as_bytes_arrive(self):
        clients = [self.connect(timeout=10) for _ in range(50)]
        for c in clients:
            c.send(b"Q" + struct.pack("!i", 60 << 20) + b"SELECT 1")
        for _ in range(20):  # the workers that answer these have read those
            self.assertEqual(self.connect(user="other").value("SELECT 1"), "1")
        with open("/proc/%d/status" % self.teal.process.pid) as f:
            kilobytes = int(next(line for line in f if line.startswith("VmRSS")).split()[1])
        self.assertLess(kilobytes, 120 * 1024)
