# SPDX-License-Identifier: PostgreSQL
"""auth_type = hba: which users may log in from where, and how they prove who they are."""
import getpass
import hashlib
import os

import pgwire
from test_tls import TlsCase

HBA = """
local   all         app                         peer map=tests
local   all         other                       peer
local   all         all                         scram-sha-256
hostssl all         by_cert     all             cert
hostssl all         mapped      all             cert map=tests
hostssl all         by_password all             password
hostssl all         twice       all             scram-sha-256 clientcert=verify-full
host    replication postgres    127.0.0.1/32    trust
host    all         postgres    127.0.0.1/32    reject
hostssl all         only_tls    all             trust
hostnossl all       only_plain  all             trust
host    all         from_two    127.0.0.2/32    trust
host    all         md5_user    127.0.0.0/8     md5
host    all         scram_user,by_password  127.0.0.0 255.0.0.0 scram-sha-256
"""
IDENT = "tests %s app\ntests certified mapped\n"
ROLES = ("by_cert", "mapped", "twice", "only_tls", "only_plain", "from_two", "plain", "hashed", "verified")
METHODS = ("trust", "reject", "scram-sha-256", "md5", "password")


class Rows(TlsCase):
    tls_settings = {"client_tls_sslmode": "prefer", "server_tls_sslmode": "prefer"}
    teal_settings = {"workers": 2, "auth_type": "hba", "serves": False}

    @classmethod
    def make_pair(cls):
        pair = super().make_pair()
        cls.hba, cls.ident = os.path.join(pair.work, "hba.conf"), os.path.join(pair.work, "ident.conf")
        cls.write(cls.hba, HBA)
        cls.write(cls.ident, IDENT % getpass.getuser())
        cls.teal_settings = dict(cls.teal_settings, auth_hba_file=cls.hba, auth_ident_file=cls.ident,
                                 client_tls_ca_file=cls.pki.ca)
        return pair

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for role in ROLES:
            cls.pair.blue.sql("CREATE ROLE %s LOGIN PASSWORD 'secret'" % role)
        cls.pair.blue.sql("CREATE ROLE by_password LOGIN PASSWORD 'secret'")
        verifier = cls.pair.blue.value("SELECT rolpassword FROM pg_authid WHERE rolname = 'verified'")
        with open(os.path.join(cls.teal.dir, "users.txt"), "a") as f:
            f.write('"by_password" "secret"\n"twice" "secret"\n"plain" "secret"\n"verified" "%s"\n"hashed" "%s"\n"empty" ""\n'
                    % (verifier, "md5" + hashlib.md5(b"secrethashed").hexdigest()))
        cls.teal.console("RELOAD")

    @staticmethod
    def write(path, text):
        with open(path, "w") as f:
            f.write(text)

    def with_certificate(self, name):
        context = self.context()
        context.load_cert_chain(*self.pki.issue(name, ()))
        return context

    def who(self, connection):
        return connection.value("SELECT session_user")

    def refused_with(self, sqlstate, words, **kwargs):
        with self.refused(sqlstate, "FATAL") as caught:
            self.connect(**kwargs)
        self.assertIn(words, str(caught.exception))

    def test_no_row_fits(self):
        self.refused_with("28000", 'no pg_hba.conf entry for host "127.0.0.1", user "stranger", database "app", no encryption',
                          user="stranger")
        self.refused_with("28000", 'user "stranger", database "app", SSL encryption', user="stranger", tls=self.context())

    def test_reject(self):
        self.refused_with("28000", 'pg_hba.conf rejects connection for host "127.0.0.1", user "postgres"', user="postgres")

    def test_replication_has_rows_of_its_own(self):
        with self.connect(user="postgres", replication="true") as c:
            self.assertEqual(len(c.query("IDENTIFY_SYSTEM").rows), 1)
        self.refused_with("28000", "rejects", user="postgres", replication="database")
        self.refused_with("28000", "no pg_hba.conf entry for replication connection from host", user="scram_user", replication="true")

    def test_addresses_and_encryption(self):
        self.assertEqual(self.who(self.connect(user="from_two", source="127.0.0.2")), "from_two")
        self.refused_with("28000", "no pg_hba.conf entry", user="from_two")
        self.assertEqual(self.who(self.connect(user="only_tls", tls=self.context())), "only_tls")
        self.refused_with("28000", "no pg_hba.conf entry", user="only_tls")
        self.assertEqual(self.who(self.connect(user="only_plain")), "only_plain")
        self.refused_with("28000", "no pg_hba.conf entry", user="only_plain", tls=self.context())

    def test_secrets(self):
        self.assertEqual(self.who(self.connect(user="scram_user", password="scram-secret")), "scram_user")
        self.assertEqual(self.who(self.connect(user="md5_user", password="md5-secret")), "md5_user")
        for user in ("scram_user", "md5_user"):
            self.refused_with("28P01", "password authentication failed", user=user, password="wrong")

    def test_peer(self):
        with self.teal.connect_unix(user="app") as c:
            self.assertEqual(self.who(c), "app")
        with self.assertRaises(pgwire.PgError) as caught:
            self.teal.connect_unix(user="other")
        self.assertEqual(caught.exception.sqlstate, "28000")
        self.assertIn('Peer authentication failed for user "other"', str(caught.exception))
        with self.teal.connect_unix(user="scram_user", password="scram-secret") as c:
            self.assertEqual(self.who(c), "scram_user")

    def test_certificates(self):
        self.assertEqual(self.who(self.connect(user="by_cert", tls=self.with_certificate("by_cert"))), "by_cert")
        self.assertEqual(self.who(self.connect(user="mapped", tls=self.with_certificate("certified"))), "mapped")
        failed = "certificate authentication failed"
        for name in ("mapped", "by_cert2"):
            self.refused_with("28000", failed, user="by_cert", tls=self.with_certificate(name))
        self.refused_with("28000", failed, user="mapped", tls=self.with_certificate("mapped"))
        self.refused_with("28000", failed, user="by_cert", tls=self.context())
        self.refused_with("28000", "no pg_hba.conf entry", user="by_cert")

    def test_a_certificate_besides_the_password(self):
        self.assertEqual(self.who(self.connect(user="twice", password="secret", tls=self.with_certificate("twice"))), "twice")
        self.refused_with("28P01", "password", user="twice", password="wrong", tls=self.with_certificate("twice"))
        for context in (self.context(), self.with_certificate("another")):
            self.refused_with("28000", "valid client certificate", user="twice", password="secret", tls=context)

    def test_password_goes_over_tls_alone(self):
        c = self.connect(user="by_password", tls=self.context(), connect=False)
        c.send(pgwire.startup(dict(user="by_password", database="app")))
        self.assertEqual(c.expect("R")[1], b"\0\0\0\3")
        self.assertEqual(self.who(self.connect(user="by_password", password="secret", tls=self.context())), "by_password")
        self.assertEqual(self.who(self.connect(user="by_password", password="secret")), "by_password")  # by SCRAM

    def test_every_method_with_every_kind_of_secret(self):
        """Pgpool's CVE-2025-46801: a mixture of method, secret and answer that let anybody in. None does here."""
        lets_in = {"trust": {"plain", "hashed", "verified", "empty", "nobody"}, "reject": set(),
                   "scram-sha-256": {"plain", "verified"}, "md5": {"plain", "hashed", "verified"},
                   "password": {"plain", "hashed", "verified"}}
        self.pair.blue.sql("CREATE ROLE empty LOGIN; CREATE ROLE nobody LOGIN")
        try:
            for method in METHODS:
                self.write(self.hba, "hostssl all all all %s\n" % method)
                self.teal.console("RELOAD")
                for user in ("plain", "hashed", "verified", "empty", "nobody"):
                    for password in ("secret", "wrong", "", "md5" + "0" * 32):
                        with self.subTest(method=method, user=user, password=password):
                            right = user in lets_in[method] and (password == "secret" or method == "trust")
                            try:
                                with self.connect(user=user, password=password, tls=self.context()) as c:
                                    self.assertTrue(right)
                                    self.assertEqual(self.who(c), user)
                            except pgwire.PgError as e:
                                self.assertFalse(right, str(e))
                                self.assertIn(e.sqlstate, ("28P01", "28000"))
        finally:
            self.write(self.hba, HBA)
            self.teal.console("RELOAD")

    def test_a_bad_file_changes_nothing_and_says_why(self):
        for path, good, text, words in ((self.hba, HBA, HBA + "host all all all gss\n", 'method "gss" is not supported'),
                                        (self.hba, HBA, "host all all all password\n", "in the clear"),
                                        (self.ident, IDENT % getpass.getuser(), "one two\n", "a map, a system name")):
            self.write(path, text)
            try:
                with self.assertRaises(pgwire.PgError) as caught:
                    self.teal.console("RELOAD")
                self.assertIn(words, str(caught.exception))
                self.assertIn(path, str(caught.exception))
                self.assertEqual(self.who(self.connect(user="only_plain")), "only_plain")
            finally:
                self.write(path, good)
        self.teal.console("RELOAD")
