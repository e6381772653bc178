# SPDX-License-Identifier: PostgreSQL
"""TLS on both legs: every mode, every way to begin, what must be refused, and that nothing else changes."""
import os
import socket
import ssl
import subprocess
import threading

import pgwire
from case import PairCase
from certificates import HOSTS, Authority
from cluster import Pair, client_program, free_port, has_version, work_dir
from relay import Relay
from waiting import eventually


class TlsCase(PairCase):
    """Servers and proxy with certificates of one authority. Subclasses say what the proxy does with them."""

    tls_settings = {"client_tls_sslmode": "prefer", "server_tls_sslmode": "verify-full"}
    teal_settings = {"workers": 2}

    @classmethod
    def make_pair(cls):
        work = work_dir()
        cls.pki = Authority(os.path.join(work, "pki"))
        cls.stranger = Authority(os.path.join(work, "stranger"), "another authority")
        cls.cert, cls.key = cls.pki.issue("teal", HOSTS)
        pair = Pair(work, kind=cls.kind, blue_version=cls.versions[0], green_version=cls.versions[1],
                    settings=dict(cls.pki.server_settings(), **cls.settings))
        pair.own_work = True
        files = {"client_tls_cert_file": cls.cert, "client_tls_key_file": cls.key, "server_tls_ca_file": cls.pki.ca}
        cls.teal_settings = dict(cls.teal_settings, **files, **cls.tls_settings)
        return pair

    def context(self, authority=None, alpn=("postgresql",), **limits):
        context = ssl.create_default_context(cafile=(authority or self.pki).ca)
        if alpn:
            context.set_alpn_protocols(list(alpn))
        for name, value in limits.items():
            setattr(context, name, value)
        return context

    def connect_tls(self, context=None, **kwargs):
        return self.connect(tls=context or self.context(), **kwargs)

    def psql(self, sql, **words):
        words = dict(dict(host="localhost", port=self.teal.port, user="app", dbname="app", sslrootcert=self.pki.ca), **words)
        return subprocess.run([client_program("psql"), "-XAtc", sql, " ".join("%s=%s" % w for w in words.items())],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd="/")

    def reload(self, **settings):
        self.teal.set(**settings)
        return self.teal.console("RELOAD")

    def is_encrypted(self, connection):
        return connection.value("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()") == "t"


class Clients(TlsCase):
    def test_sslmodes_of_libpq(self):
        for mode, encrypted in (("disable", False), ("allow", False), ("prefer", True), ("require", True),
                                ("verify-ca", True), ("verify-full", True)):
            done = self.psql("\\conninfo", sslmode=mode)
            self.assertEqual(done.returncode, 0, done.stdout)
            self.assertEqual("TLSv1.3" in done.stdout, encrypted, (mode, done.stdout))

    def test_a_client_that_trusts_another_authority_goes_away(self):
        done = self.psql("SELECT 1", sslmode="verify-ca", sslrootcert=self.stranger.ca)
        self.assertIn("certificate verify failed", done.stdout)
        self.assert_serving()

    def test_versions(self):
        for version, word in ((ssl.TLSVersion.TLSv1_2, "TLSv1.2"), (ssl.TLSVersion.TLSv1_3, "TLSv1.3")):
            with self.connect_tls(self.context(minimum_version=version, maximum_version=version)) as c:
                self.assertEqual(c.sock.version(), word)
                self.assertEqual(c.value("SELECT 'over ' || 'tls'"), "over tls")
        old = self.context()
        old.set_ciphers("DEFAULT@SECLEVEL=0")
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
        with self.assertRaises(OSError):
            self.connect_tls(old)

    def test_show_tells(self):
        c = self.connect_tls(application_name="looked_at")
        c.send(pgwire.query("SELECT pg_sleep(0.5)"))
        rows = [r for r in self.teal.console("SHOW CLIENTS") if r["application_name"] == "looked_at"]
        self.assertEqual(rows[0]["tls"], "TLSv1.3/%s" % c.sock.cipher()[0])
        self.assertIn("TLSv1.3", {r["tls"].split("/")[0] for r in self.teal.console("SHOW SERVERS")})
        c.until_ready()

    def test_direct(self):
        with self.connect_tls(direct=True) as c:
            self.assertEqual(c.sock.selected_alpn_protocol(), "postgresql")
            self.assertEqual(c.value("SELECT 1"), "1")

    def test_direct_without_alpn_is_closed(self):
        c = self.connect_tls(self.context(alpn=None), direct=True, connect=False)
        c.send(pgwire.startup(dict(user="app", database="app")))
        self.assertEqual(c.drain(), [])

    def test_another_protocol_by_alpn_is_refused(self):
        for direct in (False, True):
            with self.assertRaises(OSError):
                self.connect_tls(self.context(alpn=("http/1.1",)), direct=direct)

    def test_requested_without_alpn_is_as_before_17(self):
        with self.connect_tls(self.context(alpn=None)) as c:
            self.assertEqual(c.value("SELECT 1"), "1")

    def test_bytes_behind_the_request_are_refused(self):
        """CVE-2021-23214: what came in the clear must never be taken for what came encrypted."""
        glued = pgwire.startup(dict(user="app", database="app")) + pgwire.query("CREATE TABLE smuggled (n int)")
        for extra in (glued[:1], glued[:8], glued):
            c = self.raw()
            c.send(pgwire.special(pgwire.SSL_REQUEST) + extra)
            self.assertEqual(c.drain(), [])
        c = self.raw()
        c.send(pgwire.special(pgwire.SSL_REQUEST))
        self.assertEqual(c.raw(1), b"S")
        c.send(glued)
        self.assertNotIn(b"\0SFATAL", bytes(c.buffer))
        with self.assertRaises((pgwire.Closed, OSError, ValueError)):
            while True:
                self.assertEqual(c.raw(1)[0] & 0xf0, 0x10)  # a TLS alert at most
                c.raw(4)
                c.raw(2)
        self.assertIsNone(self.pair.blue.value("SELECT 1 FROM pg_class WHERE relname = 'smuggled'", "app"))

    def test_requests_within_tls_are_refused(self):
        for code in (pgwire.SSL_REQUEST, pgwire.GSS_REQUEST):
            c = self.connect_tls(connect=False)
            c.send(pgwire.special(code))
            self.assertEqual(self.errors_of(c.drain()), ["0A000"])

    def test_gss_then_tls(self):
        c = self.raw()
        c.send(pgwire.special(pgwire.GSS_REQUEST))
        self.assertEqual(c.raw(1), b"N")
        c.tls = self.context()
        c.begin_tls()
        c.start()
        self.assertEqual(c.value("SELECT 1"), "1")

    def test_asking_again_in_the_clear_ends_it(self):
        c = self.raw()
        c.send(pgwire.special(pgwire.SSL_REQUEST))
        self.assertEqual(c.raw(1), b"S")
        c.send(pgwire.special(pgwire.SSL_REQUEST))
        with self.assertRaises(pgwire.Closed):
            while True:
                c.raw(1)
        self.assert_serving()

    def test_one_byte_at_a_time(self):
        relay = Relay(self.teal.port)
        relay.split = 1
        try:
            c = pgwire.Connection(relay.host, relay.port, "app", "app", tls=self.context())
            self.stack.callback(c.close)
            self.assertEqual(c.value("SELECT repeat('x', 300)"), "x" * 300)
            c.prepare("s", "SELECT $1::text")
            self.assertEqual(c.run_prepared("s", ("y",)).value(), "y")
        finally:
            relay.close()

    def test_much_data_both_ways(self):
        c = self.connect_tls()
        c.query("CREATE TEMP TABLE much (t text)")
        row = b"z" * 1023 + b"\n"
        self.assertEqual(c.copy_in("COPY much FROM STDIN", [row * 64] * 300).tag, "COPY 19200")
        self.assertEqual(len(c.copy_out("COPY much TO STDOUT")), 300 * 64 * 1024)
        self.assertEqual(c.value("SELECT md5(string_agg(t, '')) FROM much"),
                         c.value("SELECT md5(repeat('z', 1023 * 19200))"))

    def test_a_slow_reader_stops_the_server_and_gets_it_all(self):
        c = self.connect_tls()
        c.send(pgwire.query("SELECT repeat('a', 10000) FROM generate_series(1, 4000)"))
        self.wait_stalled()
        with self.connect_tls() as other:
            self.assertEqual(other.value("SELECT 1"), "1")
        self.assertEqual(self.kinds_of(c.until_ready()).count("D"), 4000)

    def test_pipelines(self):
        c = self.connect_tls()
        c.send(b"".join(pgwire.query("SELECT %d" % n) for n in range(500)))
        for _ in range(500):
            self.assertEqual(self.kinds_of(c.until_ready()), "TDCZ")

    def test_cancel_over_both_legs(self):
        c = self.connect_tls()
        c.send(pgwire.query("SELECT pg_sleep(60)"))
        self.wait_running("pg_sleep(60)")
        with socket.create_connection((self.teal.host, self.teal.port)) as plain:
            plain.sendall(pgwire.special(pgwire.SSL_REQUEST))
            self.assertEqual(plain.recv(1), b"S")
            with self.context().wrap_socket(plain, server_hostname="localhost") as sock:
                sock.sendall(pgwire.cancel(c.pid, c.secret))
                self.assertEqual(sock.recv(1), b"")
        self.assertEqual(self.errors_of(c.until_ready()), ["57014"])

    def test_sessions_are_resumed(self):
        context = self.context(maximum_version=ssl.TLSVersion.TLSv1_2)
        with self.connect_tls(context) as c:
            session = c.sock.session
        c = self.raw()
        c.send(pgwire.special(pgwire.SSL_REQUEST))
        self.assertEqual(c.raw(1), b"S")
        c.sock = context.wrap_socket(c.sock, server_hostname="localhost", session=session)
        c.start()
        self.assertTrue(c.sock.session_reused)
        self.assertEqual(c.value("SELECT 1"), "1")

    def test_a_handshake_that_stops_half_way_hurts_nobody(self):
        half = self.raw()
        half.send(pgwire.special(pgwire.SSL_REQUEST))
        self.assertEqual(half.raw(1), b"S")
        half.send(b"\x16\x03\x01\x02\x00\x01")
        with self.connect_tls() as c:
            self.assertEqual(c.value("SELECT 1"), "1")
        half.reset()
        self.assert_serving()

    def test_many_at_once(self):
        errors = []

        def come_and_go():
            try:
                for n in range(10):
                    with self.connect_tls(direct=n % 2 == 0) as c:
                        assert c.value("SELECT %d" % n) == str(n)
            except BaseException as e:  # told below
                errors.append(e)
        threads = [threading.Thread(target=come_and_go) for _ in range(12)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertEqual(errors, [])


class Require(TlsCase):
    tls_settings = {"client_tls_sslmode": "require", "server_tls_sslmode": "require"}

    def test_plain_is_refused(self):
        with self.refused("28000", "FATAL"):
            self.connect()
        with self.connect_tls() as c:
            self.assertEqual(c.value("SELECT 1"), "1")

    def test_a_unix_socket_needs_none(self):
        with self.teal.connect_unix() as c:
            self.assertEqual(c.value("SELECT 1"), "1")

    def test_a_plain_cancel_is_taken(self):
        """As PostgreSQL does: the request has no start-up packet that could be refused."""
        c = self.connect_tls()
        c.send(pgwire.query("SELECT pg_sleep(60)"))
        self.wait_running("pg_sleep(60)")
        c.cancel()
        self.assertEqual(self.errors_of(c.until_ready()), ["57014"])


class Reload(TlsCase):
    def certificate_of(self, connection):
        return connection.sock.getpeercert()["serialNumber"]

    def test_a_new_certificate_is_shown_to_new_clients_and_drops_nobody(self):
        old = self.connect_tls()
        cert, key = self.pki.issue("teal2", HOSTS)
        self.reload(client_tls_cert_file=cert, client_tls_key_file=key)
        self.assertEqual(old.value("SELECT 1"), "1")
        with self.connect_tls() as new:
            self.assertNotEqual(self.certificate_of(new), self.certificate_of(old))

    def test_a_bad_file_changes_nothing_and_says_why(self):
        with self.connect_tls() as c:
            before = self.certificate_of(c)
        stranger_key = self.stranger.issue("x", HOSTS)[1]
        open_key = self.pki.issue("open", HOSTS)
        os.chmod(open_key[1], 0o644)
        bad = os.path.join(self.pki.dir, "bad.crt")
        with open(bad, "w") as f:
            f.write("no certificate\n")
        good = dict(client_tls_cert_file=self.teal.sections["teal"]["client_tls_cert_file"],
                    client_tls_key_file=self.teal.sections["teal"]["client_tls_key_file"])
        for settings, words in ((dict(client_tls_cert_file=bad), "could not load certificate"),
                                (dict(client_tls_cert_file="/nowhere.crt"), "could not load certificate"),
                                (dict(client_tls_key_file=stranger_key), "key values mismatch"),
                                (dict(client_tls_cert_file=open_key[0], client_tls_key_file=open_key[1]), "nobody but its owner"),
                                (dict(client_tls_protocols="sslv3"), "no list of TLS versions"),
                                (dict(client_tls_ciphers="NONSENSE"), "no list of TLS ciphers"),
                                (dict(server_tls_ca_file=bad), "certificate authorities")):
            with self.subTest(words=words, **settings):
                with self.assertRaises(pgwire.PgError) as caught:
                    self.reload(**settings)
                self.assertIn(words, str(caught.exception))
                self.teal.set(server_tls_ca_file=self.pki.ca, client_tls_protocols="secure", client_tls_ciphers="", **good)
                with self.connect_tls() as c:
                    self.assertEqual(self.certificate_of(c), before)
        self.reload()

    def test_check_config_finds_it(self):
        self.teal.set(client_tls_cert_file="/nowhere.crt")
        try:
            done = subprocess.run([os.path.join(os.environ["TEAL_BUILD"], "teal"), "--check-config", self.teal.ini],
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            self.assertEqual(done.returncode, 1)
            self.assertIn("/nowhere.crt", done.stdout)
        finally:
            self.teal.set(client_tls_cert_file=self.cert, client_tls_key_file=self.key)

    def test_client_certificates(self):
        mine, other = self.pki.issue("app", ()), self.stranger.issue("app", ())
        expired = self.pki.issue("old", (), days=-1)
        self.reload(client_tls_sslmode="verify-full", client_tls_ca_file=self.pki.ca)
        try:
            good = self.context()
            good.load_cert_chain(*mine)
            with self.connect_tls(good) as c:
                self.assertEqual(c.value("SELECT 1"), "1")
            for chain in (None, other, expired):
                bad = self.context(maximum_version=ssl.TLSVersion.TLSv1_2)
                if chain:
                    bad.load_cert_chain(*chain)
                with self.assertRaises((OSError, pgwire.Closed)):
                    self.connect_tls(bad)
        finally:
            self.reload(client_tls_sslmode="prefer", client_tls_ca_file="")


class Servers(TlsCase):
    """The leg to the servers. One pool of one backend, which a RECONNECT-like reload must renew."""

    teal_settings = {"workers": 2, "default_pool_size": 2, "server_lifetime": "0", "query_wait_timeout": "10s"}

    def fresh(self, **settings):
        """A client of a user of its own for each try, so that its backend is a new one."""
        self.reload(**settings)
        type(self).tried = getattr(type(self), "tried", 0) + 1
        user = "tls_user_%d" % self.tried
        self.pair.blue.sql("CREATE ROLE %s LOGIN" % user)
        return self.connect(user=user)

    def tearDown(self):
        self.reload(server_tls_sslmode="verify-full", server_tls_ca_file=self.pki.ca)
        super().tearDown()

    def test_modes(self):
        for mode, encrypted in (("disable", False), ("allow", False), ("prefer", True), ("require", True), ("verify-ca", True),
                                ("verify-full", True)):
            with self.subTest(mode=mode):
                self.assertEqual(self.is_encrypted(self.fresh(server_tls_sslmode=mode)), encrypted)

    def test_an_authority_that_is_not_trusted(self):
        for mode in ("verify-ca", "verify-full"):
            with self.subTest(mode=mode), self.assertRaises(pgwire.PgError) as caught:
                self.fresh(server_tls_sslmode=mode, server_tls_ca_file=self.stranger.ca)
            self.assertEqual(caught.exception.sqlstate, "08006")
            self.assertIn("TLS with blue failed", str(caught.exception))

    def test_client_certificate_is_shown(self):
        cert, key = self.pki.issue("shown", ())
        try:
            c = self.fresh(server_tls_cert_file=cert, server_tls_key_file=key)
            self.assertEqual(c.value("SELECT client_dn FROM pg_stat_ssl WHERE pid = pg_backend_pid()"), "/CN=shown")
        finally:
            self.reload(server_tls_cert_file="", server_tls_key_file="")

    def test_cancel(self):
        c = self.fresh()
        c.send(pgwire.query("SELECT pg_sleep(60)"))
        self.wait_running("pg_sleep(60)")
        c.cancel()
        self.assertEqual(self.errors_of(c.until_ready()), ["57014"])

    def test_a_backend_moves_between_workers_with_its_tls(self):
        self.reload(default_pool_size="1")
        try:
            first = self.fresh()
            clients = [first] + [self.connect(user=first.user) for _ in range(7)]
            pids = set()
            for _ in range(5):
                for c in clients:
                    self.assertTrue(self.is_encrypted(c))
                    pids.add(c.value("SELECT pg_backend_pid()"))
            self.assertEqual(len(pids), 1)
        finally:
            self.reload(default_pool_size="2")


class AnotherName(TlsCase):
    """A certificate for another host: verify-ca does not care, verify-full does."""

    teal_settings = {"workers": 2, "serves": False}

    @classmethod
    def make_pair(cls):
        pair = super().make_pair()
        settings = cls.pki.server_settings("elsewhere.example", ("elsewhere.example",))
        for side in (pair.blue, pair.green):
            side.settings.update(settings)
        return pair

    def test_verify_full_looks_at_the_host(self):
        with self.refused("08006", "FATAL") as caught:
            self.connect()
        self.assertIn("mismatch", str(caught.exception))
        self.reload(server_tls_sslmode="verify-ca")
        self.assertTrue(self.is_encrypted(self.connect()))


class PlainServers(PairCase):
    """Servers without TLS."""

    teal_settings = {"workers": 1, "server_tls_sslmode": "require", "server_login_retry": "50ms", "serves": False}

    def mode(self, mode):
        self.teal.set(server_tls_sslmode=mode)
        self.teal.console("RELOAD")

    def test_require_is_not_given_up_and_prefer_is(self):
        self.mode("require")
        with self.refused("08006", "FATAL"):
            self.connect().value("SELECT 1")
        self.mode("prefer")
        with self.connect() as c:
            self.assertEqual(c.value("SELECT 1"), "1")

    def test_clients_are_told_that_there_is_none(self):
        self.mode("prefer")
        c = self.raw()
        c.send(pgwire.special(pgwire.SSL_REQUEST))
        self.assertEqual(c.raw(1), b"N")
        c.start()
        c = self.raw()
        c.send(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500))
        self.assertEqual(c.drain(), [])


class Liar:
    """Answers a request for TLS with these bytes; everything else goes to the server."""

    def __init__(self, port, answer):
        self.port_behind, self.answer, self.seen = port, answer, []
        self.port = free_port()
        self.listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self.accept_loop, daemon=True).start()

    def accept_loop(self):
        try:
            while True:
                threading.Thread(target=self.serve, args=(self.listener.accept()[0],), daemon=True).start()
        except OSError:
            pass

    def serve(self, client):
        first = client.recv(65536)
        if first != pgwire.special(pgwire.SSL_REQUEST):
            try:
                server = socket.create_connection(("127.0.0.1", self.port_behind))
            except OSError:
                client.close()
                return
            server.sendall(first)
            threading.Thread(target=self.pump, args=(client, server), daemon=True).start()
            self.pump(server, client)
            return
        client.sendall(self.answer)
        while data := client.recv(65536):
            self.seen.append(data)
        client.close()

    @staticmethod
    def pump(source, sink):
        try:
            while data := source.recv(65536):
                sink.sendall(data)
        except OSError:
            pass
        for sock in (source, sink):
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self):
        self.listener.close()


class LyingServers(PairCase):
    teal_settings = {"workers": 1, "server_tls_sslmode": "require", "server_login_retry": "50ms", "query_wait_timeout": "1s",
                     "serves": False}

    @classmethod
    def make_teal(cls):
        cls.liar = Liar(cls.pair.blue.port, b"")
        teal = super().make_teal()
        teal.sections["blue"]["port"] = cls.liar.port
        teal.write_ini()
        return teal

    @classmethod
    def tearDownClass(cls):
        cls.liar.close()
        super().tearDownClass()

    def try_with(self, answer):
        self.liar.answer, self.liar.seen = answer, []
        with self.assertRaises(pgwire.PgError) as caught:
            self.connect()
        return caught.exception

    def test_bytes_behind_the_yes_are_not_believed(self):
        """CVE-2021-23222: a whole login in the clear, put behind the answer by somebody in between."""
        login = pgwire.message("R", bytes(4)) + pgwire.message("K", bytes(8)) + pgwire.message("Z", b"I")
        error = self.try_with(b"S" + login)
        self.assertIn(error.sqlstate, ("08006", "57P03"))
        self.assertFalse([d for d in self.liar.seen if b"user\0app" in d])

    def test_an_error_before_tls_is_never_shown(self):
        """CVE-2024-10977: anybody can have sent it."""
        error = self.try_with(pgwire.message("E", b"SFATAL\0VFATAL\0C28P01\0Mcall this number\0\0"))
        self.assertNotIn("call this number", str(error))
        self.assertNotEqual(error.sqlstate, "28P01")

    def test_no_and_nonsense(self):
        self.assertEqual(self.try_with(b"N").sqlstate, "08006")
        for answer in (b"G", b"\0", b"HTTP/1.1 400 Bad Request\r\n\r\n"):
            self.assertIn(self.try_with(answer).sqlstate, ("08006", "57P03"))


class OnlyTlsServers(TlsCase):
    """pg_hba.conf of the servers takes pooled users over TLS only: sslmode allow finds that out."""

    tls_settings = {"client_tls_sslmode": "prefer", "server_tls_sslmode": "allow"}

    def test_allow_turns_to_tls_when_plain_is_refused(self):
        hba = os.path.join(self.pair.blue.data, "pg_hba.conf")
        with open(hba) as f:
            before = f.read()
        with open(hba, "w") as f:
            f.write("hostnossl all app all reject\n" + before)
        self.pair.blue.sql("SELECT pg_reload_conf()")
        eventually(lambda: self.pair.blue.value("SELECT 1 FROM pg_hba_file_rules WHERE type = 'hostnossl'"), what="the rule")
        self.teal.console("RECONNECT")  # what was opened before the rule has no part in this
        with self.connect() as c:
            self.assertTrue(self.is_encrypted(c))


class Direct17(TlsCase):
    """A server that takes TLS from the first byte."""

    kind = "logical"
    versions = (17, 17)
    tls_settings = {"client_tls_sslmode": "prefer", "server_tls_sslmode": "verify-full", "server_tls_sslnegotiation": "direct"}

    @classmethod
    def setUpClass(cls):
        if not has_version(17):
            raise AssertionError("PostgreSQL 17 is not here; run scripts/install-dependencies --green-version 17")
        super().setUpClass()

    def test_direct_to_the_server(self):
        with self.connect_tls(direct=True) as c:
            self.assertTrue(self.is_encrypted(c))
            c.send(pgwire.query("SELECT pg_sleep(60)"))
            self.wait_running("pg_sleep(60)")
            c.cancel()
            self.assertEqual(self.errors_of(c.until_ready()), ["57014"])
