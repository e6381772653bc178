# SPDX-License-Identifier: PostgreSQL
"""How both ends prove themselves: channel binding, verifiers without passwords, servers that ask for the password."""
import base64
import concurrent.futures
import os
import time

import pgwire
from case import Background, PairCase
from cluster import HBA
from teal import Teal
from test_tls import TlsCase
from waiting import eventually

SCRAM_LOG = "local all all trust\nhostssl all app 127.0.0.1/32 scram-sha-256\n" + HBA


def ask_by(cluster, hba):
    """The cluster asks for logins by these lines from now on."""
    with open(os.path.join(cluster.data, "pg_hba.conf"), "w") as f:
        f.write(hba)
    cluster.sql("SELECT pg_reload_conf()")
    cluster.sql("SELECT 1")


class ChannelBinding(TlsCase):
    teal_settings = dict(TlsCase.teal_settings, auth_type="scram-sha-256")

    @classmethod
    def make_teal(cls):
        ask_by(cls.pair.blue, SCRAM_LOG)
        return Teal(cls.pair, serves=False, **cls.teal_settings)

    def login(self, **words):
        return self.psql("SELECT 'in as ' || session_user", **dict({"sslmode": "require", "password": "app-secret"}, **words))

    def test_psql_that_requires_it_logs_in(self):
        for word in ("require", "prefer", "disable"):
            done = self.login(channel_binding=word)
            self.assertIn("in as app", done.stdout)

    def test_it_is_not_offered_without_tls(self):
        done = self.login(channel_binding="prefer", sslmode="disable")
        self.assertIn("in as app", done.stdout)
        done = self.login(channel_binding="require", sslmode="disable")
        self.assertIn("channel binding", done.stdout)

    def test_a_wrong_password_is_refused_with_it(self):
        done = self.login(channel_binding="require", password="wrong")
        self.assertIn('password authentication failed for user "app"', done.stdout)

    def test_a_client_that_was_kept_from_it_is_refused(self):
        c = self.connect_tls(connect=False, user="app", database="app", password="app-secret")
        c.send(pgwire.startup({"user": "app", "database": "app"}))
        kind, body = c.next()
        self.assertEqual((kind, body[4:]), ("R", b"SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0"))
        first = b"y,,n=,r=abcdefgh"
        c.send(pgwire.message("p", b"SCRAM-SHA-256\0" + len(first).to_bytes(4, "big") + first))
        kind, body = c.next()
        self.assertEqual((kind, pgwire.fields_of(body)["C"]), ("E", "28000"))

    def test_servers_are_required_to(self):
        self.addCleanup(self.reload, server_channel_binding="prefer", server_tls_sslmode="verify-full")
        self.reload(server_channel_binding="require")
        self.teal.console("RECONNECT")
        self.assertIn("in as app", self.login().stdout)
        self.reload(server_tls_sslmode="disable")
        self.teal.console("RECONNECT")
        self.assertIn("server_channel_binding is require, but blue", self.login().stdout)


class Verifiers(PairCase):
    """The users file holds the servers' own verifiers and no password."""

    teal_settings = {"workers": 2, "auth_type": "scram-sha-256", "default_pool_size": 4}

    @classmethod
    def make_teal(cls):
        cls.verifier = cls.pair.blue.value("SELECT rolpassword FROM pg_authid WHERE rolname = 'scram_user'")
        cls.pair.blue.sql("GRANT ALL ON ALL TABLES IN SCHEMA public TO scram_user", "app")
        return Teal(cls.pair, serves=False, users='"scram_user" "%s"\n' % cls.verifier,
                    pair_settings=cls.pair_settings, **cls.teal_settings)

    def setUp(self):
        """A new process each time, which knows no key."""
        super().setUp()
        self.teal.stop()
        self.teal.start()

    def login(self, password="scram-secret"):
        return self.connect(user="scram_user", password=password)

    def who(self, connection):
        return connection.value("SELECT session_user || ' ' || current_setting('cluster_name')")

    def test_without_a_login_nobody_knows_the_key(self):
        self.teal.set(auth_type="trust")
        self.teal.console("RELOAD")
        try:
            with self.refused("28000") as caught:
                self.connect(user="scram_user")
        finally:
            self.teal.set(auth_type="scram-sha-256")
            self.teal.console("RELOAD")
        self.assertIn("no client has logged in with it yet", caught.exception.message)
        self.assertIn("blue", caught.exception.message)

    def test_a_login_opens_the_backends_of_both_workers(self):
        sessions = [self.login() for _ in range(4)]
        for s in sessions:
            s.query("BEGIN")
        self.assertEqual([self.who(s) for s in sessions], ["scram_user blue"] * 4)

    def test_backends_come_back_after_a_reload_and_a_loss(self):
        s = self.login()
        self.teal.console("RELOAD")
        self.teal.console("RECONNECT")
        self.assertEqual(self.who(s), "scram_user blue")
        self.pair.blue.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'scram_user'")
        self.assertEqual(self.who(self.login()), "scram_user blue")

    def test_a_wrong_password_opens_nothing(self):
        with self.refused("28P01"):
            self.login("wrong")

    def test_a_server_with_another_verifier_is_named(self):
        s = self.login()
        self.assertEqual(self.who(s), "scram_user blue")
        self.addCleanup(self.pair.blue.sql, "ALTER ROLE scram_user PASSWORD '%s'" % self.verifier)
        self.pair.blue.sql("ALTER ROLE scram_user PASSWORD 'scram-secret'")
        self.teal.console("RECONNECT")
        with self.refused("28000") as caught:
            self.who(s)
        self.assertIn("not the one that the server holds", caught.exception.message)
        self.assertIn("blue", caught.exception.message)

    def test_the_key_opens_the_new_writer_after_a_cutover(self):
        s = self.login()
        self.assertEqual(self.who(s), "scram_user blue")
        self.teal.steps("PREPARE")
        self.teal.steps("CUTOVER")
        self.addCleanup(eventually, lambda: self.teal.steps("ROLLBACK"), 30, "the way home")
        self.assertEqual(self.who(s), "scram_user green")
        self.assertEqual(self.who(self.login()), "scram_user green")


class FoundVerifiers(PairCase):
    """The verifier comes by auth_query: the key that a login has shown outlives what others try under that name."""

    teal_settings = {"workers": 1, "auth_type": "scram-sha-256", "auth_user": "postgres", "auth_query_ttl": "60s",
                     "users": "", "serves": False}

    def setUp(self):
        super().setUp()
        self.teal.console("RELOAD")  # what was found for the test before is forgotten
        self.teal.console("RECONNECT")
        eventually(self.can_be_asked, 15, "a server to be known as up")

    def can_be_asked(self):
        with self.teal.connect(user="scram_user", password="scram-secret") as c:
            return c.value("SELECT 1") == "1"

    def test_a_failed_login_after_a_reload_does_not_forget_the_key(self):
        s = self.connect(user="scram_user", password="scram-secret")
        self.assertEqual(s.value("SELECT session_user"), "scram_user")
        self.teal.console("RELOAD")
        with self.refused("28P01"):
            self.connect(user="scram_user", password="wrong")
        self.teal.console("RECONNECT")
        self.assertEqual(s.value("SELECT session_user"), "scram_user")

    def test_a_new_password_needs_a_new_login(self):
        s = self.connect(user="scram_user", password="scram-secret")
        verifier = self.pair.blue.value("SELECT rolpassword FROM pg_authid WHERE rolname = 'scram_user'")
        self.addCleanup(self.pair.blue.sql, "ALTER ROLE scram_user PASSWORD '%s'" % verifier)
        self.pair.blue.sql("ALTER ROLE scram_user PASSWORD 'new-secret'")
        self.teal.console("RELOAD")
        self.teal.console("RECONNECT")
        with self.refused("28000") as caught:
            s.value("SELECT 1")
        self.assertIn("not the one that the server holds", caught.exception.message)
        with self.refused("28P01"):
            self.connect(user="scram_user", password="scram-secret")
        self.assertEqual(self.connect(user="scram_user", password="new-secret").value("SELECT session_user"), "scram_user")


class PlainUsers(PairCase):
    """The users file holds passwords: Teal derives the keys, and only the client that logs in waits for that."""

    users = ["u%d" % n for n in range(200)]
    settings = {"max_connections": "300"}

    @classmethod
    def make_teal(cls):
        cls.pair.blue.sql("DO $$ BEGIN FOR n IN 0..199 LOOP EXECUTE format('CREATE ROLE u%s LOGIN', n); END LOOP; END $$")
        lines = "".join('"%s" "secret of %s"\n' % (user, user) for user in cls.users)
        return Teal(cls.pair, serves=False, users='"app" "app-secret"\n"scram_user" "scram-secret"\n' + lines, workers=2,
                    auth_type="scram-sha-256", default_pool_size=2, max_client_conn=400)

    def test_a_burst_of_logins_leaves_the_traffic_alone(self):
        running, waits = True, []
        c = self.connect(password="app-secret")

        def traffic():
            while running:
                began = time.monotonic()
                c.value("SELECT 1")
                waits.append(time.monotonic() - began)

        loop = Background(traffic)
        eventually(lambda: len(waits) > 300, 30, "a baseline")
        before, began = len(waits), time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            clients = list(pool.map(lambda user: self.connect(user=user, password="secret of " + user), self.users))
        took, after = time.monotonic() - began, len(waits)
        running = False
        loop.result()
        print("200 logins with plain passwords in %.2f s: worst query %.1f ms before, %.1f ms meanwhile (%d queries)"
              % (took, 1000 * max(waits[:before]), 1000 * max(waits[before:after]), after - before), flush=True)
        for user, client in list(zip(self.users, clients))[::20]:
            self.assertEqual(client.value("SELECT session_user"), user)
        for client in clients:
            client.close()

    def test_many_at_once_of_one_user(self):
        with concurrent.futures.ThreadPoolExecutor(20) as pool:
            clients = list(pool.map(lambda _: self.connect(user="scram_user", password="scram-secret"), range(60)))
        self.assertEqual(clients[0].value("SELECT session_user"), "scram_user")

    def test_a_wrong_password_is_refused(self):
        for _ in range(2):
            with self.refused("28P01"):
                self.connect(user="u7", password="secret of u8")

    def test_who_leaves_while_the_keys_are_derived_hurts_nobody(self):
        for n in range(20, 40):
            c = self.connect(user="u%d" % n, password="wrong", connect=False)
            c.send(pgwire.startup({"user": c.user, "database": "app"}))
            c.expect("R")
            first = b"n,,n=,r=abcdefgh"
            c.send(pgwire.message("p", b"SCRAM-SHA-256\0" + len(first).to_bytes(4, "big") + first))
            nonce = c.expect("R")[1][4:].split(b",")[0]
            c.send(pgwire.message("p", b"c=biws," + nonce + b",p=" + base64.b64encode(bytes(32))))
            c.sock.close()
        with self.teal.connect(password="app-secret") as c:
            self.assertEqual(c.value("SELECT 1"), "1")


class PasswordServers(PairCase):
    def test_a_server_on_this_machine_may_ask_for_the_password(self):
        ask_by(self.pair.blue, "host all app 127.0.0.1/32 password\n" + HBA)
        self.teal.console("RECONNECT")
        with self.connect() as c:
            self.assertEqual(c.value("SELECT session_user"), "app")

    def test_a_user_without_a_password_is_explained(self):
        ask_by(self.pair.blue, "host all md5_user 127.0.0.1/32 password\n" + HBA)
        with open(self.teal.sections["teal"]["auth_file"], "a") as f:
            f.write('"nobody" "md5%s"\n' % ("0" * 32))
        self.pair.blue.sql("CREATE ROLE nobody LOGIN")
        ask_by(self.pair.blue, "host all nobody 127.0.0.1/32 password\n" + HBA)
        self.teal.console("RELOAD")
        with self.refused("28P01") as caught:
            self.connect(user="nobody")
        self.assertIn('asks for the password of user "nobody"', caught.exception.message)
