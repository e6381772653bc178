# SPDX-License-Identifier: PostgreSQL
"""Start-up packets: versions, options of the protocol, settings. Against PostgreSQL 18, which speaks 3.2 as Teal does."""
import struct

import pgwire
from case import PairCase


class Versions(PairCase):
    direct = True
    kind = "logical"
    versions = ("18", "18")

    def negotiated(self, minor, **params):
        c = self.raw()
        c.send(pgwire.startup(dict({"user": "app", "database": "app"}, **params), pgwire.PROTOCOL_3_0 + minor))
        c.authenticate()
        self.assertEqual(c.value("SELECT 1"), "1")
        if c.negotiated is None:
            return None, len(c.secret)
        version, count = struct.unpack_from("!ii", c.negotiated)
        names = c.negotiated[8:].split(b"\0")[:-1]
        self.assertEqual(len(names), count)
        return (version & 0xffff, version >> 16, names), len(c.secret)

    def test_versions_that_are_spoken(self):
        self.assertEqual(self.negotiated(0), (None, 4))
        self.assertEqual(self.negotiated(1), (None, 4))
        self.assertEqual(self.negotiated(2), (None, 32))

    def test_a_newer_version_is_taken_down(self):
        self.assertEqual(self.negotiated(3), ((2, 3, []), 32))
        self.assertEqual(self.negotiated(9999), ((2, 3, []), 32))

    def test_unknown_options_are_named(self):
        options = {"_pq_.one": "1", "_pq_.two": ""}
        self.assertEqual(self.negotiated(0, **options), ((0, 3, [b"_pq_.one", b"_pq_.two"]), 4))
        self.assertEqual(self.negotiated(2, **options), ((2, 3, [b"_pq_.one", b"_pq_.two"]), 32))
        self.assertEqual(self.negotiated(9999, **options), ((2, 3, [b"_pq_.one", b"_pq_.two"]), 32))

    def test_a_long_key_cancels(self):
        c = self.connect(version=pgwire.PROTOCOL_3_0 + 2)
        c.send(pgwire.query("SELECT pg_sleep(60)"))
        self.wait_running("pg_sleep(60)")
        c.cancel()
        self.assertEqual(self.errors_of(c.until_ready()), ["57014"])

    def test_half_a_long_key_does_not(self):
        c = self.connect(version=pgwire.PROTOCOL_3_0 + 2)
        secret = c.secret
        c.send(pgwire.query("SELECT pg_sleep(0.3)"))
        for wrong in (secret[:4], secret[:31], secret + b"x", bytes(32), b"\0" * 256):
            c.secret = wrong
            c.cancel()
        self.assertEqual(self.errors_of(c.until_ready()), [])


class Settings(PairCase):
    direct = True

    def value(self, name, **params):
        return self.connect(**params).value("SHOW " + name)

    def test_options_in_each_spelling(self):
        for options in ("-c statement_timeout=1234", "-cstatement_timeout=1234", "--statement_timeout=1234",
                        "--statement-timeout=1234", "  -c   statement-timeout=1234  "):
            with self.subTest(options):
                self.assertEqual(self.value("statement_timeout", options=options), "1234ms")

    def test_escaped_blanks(self):
        self.assertEqual(self.value("application_name", options="-c application_name=a\\ b\\\\c"), "a b\\c")

    def test_a_name_overrides_the_options(self):
        self.assertEqual(self.value("application_name", options="-c application_name=two", application_name="one"), "one")
        self.assertEqual(self.value("application_name", application_name="one", options="-c application_name=two"), "one")

    def test_what_is_refused(self):
        rows = [
            (dict(no_such_thing="1"), "42704"),
            (dict(options="-c no_such_thing=1"), "42704"),
            (dict(options="-c =1"), "42704"),
            (dict(options="--=1"), "42704"),
            (dict(options="-c"), "42601"),
            (dict(options="-c x"), "42601"),
            (dict(options="-c work_mem=lots"), "22023"),
            (dict(client_encoding="NOT-AN-ENCODING"), "22023"),
            (dict(DateStyle="nonsense"), "22023"),
            (dict(options="-c max_connections=5"), "55P02"),
            (dict(replication="maybe"), "22023"),
            (dict(replication=""), "22023"),
        ]
        for params, wanted in rows:
            with self.subTest(params=params), self.refused(wanted, "FATAL"):
                self.connect(**params)

    def test_empty_options_are_nothing(self):
        for options in ("", "   "):
            self.assertEqual(self.connect(options=options).value("SELECT 1"), "1")

    def test_replication_off_is_an_ordinary_session(self):
        for word in ("false", "off", "no", "0", "f", "OF", "FALSE"):
            self.assertEqual(self.connect(replication=word).value("SELECT 1"), "1")

    def test_application_name_of_any_bytes(self):
        """Bytes that are no text must not cost the login."""
        for name, shown in ((b"plain", "plain"), (b"caf\xe9 \xff!", "caf? ?!"), ("café".encode(), "caf??")):
            c = self.raw()
            body = b"user\0app\0database\0app\0application_name\0" + name + b"\0\0"
            c.send(struct.pack("!ii", 8 + len(body), pgwire.PROTOCOL_3_0) + body)
            c.authenticate()
            self.assertEqual(c.value("SHOW application_name"), shown)

    def test_names_beyond_63_bytes(self):
        with self.refused("28000", "FATAL"):
            self.connect(user="x" * 64)
        with self.refused("3D000", "FATAL"):
            self.connect(database="x" * 64)


class AllowList(PairCase):
    teal_settings = {"allowed_startup_parameters": "application_name, client_encoding, DateStyle, role",
                     "ignore_startup_parameters": "extra_float_digits, search_path"}

    def test_listed(self):
        c = self.connect(application_name="me", datestyle="German", role="app")
        self.assertEqual([c.value("SHOW " + n) for n in ("application_name", "DateStyle", "role")],
                         ["me", "German, DMY", "app"])

    def test_not_listed(self):
        for params in (dict(work_mem="1MB"), dict(options="-c work_mem=1MB"), dict(options="-c session_authorization=postgres")):
            with self.subTest(params=params), self.refused("42704", "FATAL"):
                self.connect(**params)

    def test_ignored(self):
        c = self.connect(extra_float_digits="3", options="-c search_path=nowhere")
        self.assertEqual(c.value("SHOW extra_float_digits"), "1")
        self.assertIn("public", c.value("SHOW search_path"))


class Dangerous(PairCase):
    def test_who_the_session_is_cannot_be_changed(self):
        for params in (dict(role="postgres"), dict(options="-c ROLE=app"), dict(session_authorization="postgres"),
                       dict(options="--transaction-read-only=off"), dict(transaction_isolation="serializable")):
            with self.subTest(params=params), self.refused("42704", "FATAL"):
                self.connect(**params)
