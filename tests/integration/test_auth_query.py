# SPDX-License-Identifier: PostgreSQL
"""Users that only the servers know: auth_query."""

import pgwire
from case import Background, PairCase
from names import Names
from teal import Teal
from waiting import eventually, throughout

USERS = '"asker" "asker-secret"\n"filed" "filed-secret"\n'
ROLES = """
    CREATE ROLE asker SUPERUSER LOGIN PASSWORD 'asker-secret';
    CREATE ROLE filed LOGIN PASSWORD 'another-secret';
    CREATE ROLE alice LOGIN PASSWORD 'alice-secret';
    CREATE ROLE expired LOGIN PASSWORD 'secret' VALID UNTIL '2001-01-01';
    CREATE ROLE later LOGIN PASSWORD 'secret' VALID UNTIL '2999-01-01';
    CREATE ROLE bare LOGIN;
    CREATE ROLE no_login PASSWORD 'secret';
    CREATE ROLE "we""ird 'name' \\\\" LOGIN PASSWORD 'secret';
    ALTER ROLE asker SET search_path = trap;
    ALTER DATABASE app SET search_path = trap, public;
    CREATE SCHEMA trap;
    GRANT USAGE ON SCHEMA trap TO PUBLIC;
    CREATE TABLE trap.pg_authid AS SELECT 'alice'::name AS rolname, true AS rolcanlogin, NULL::timestamptz AS rolvaliduntil,
        'trapped'::text AS rolpassword;
    ALTER TABLE trap.pg_authid ADD PRIMARY KEY (rolname);
    GRANT SELECT ON trap.pg_authid TO PUBLIC;
"""


class AuthQuery(PairCase):
    teal_settings = {"workers": 2, "auth_type": "scram-sha-256", "auth_user": "asker", "users": USERS, "serves": False,
                     "auth_query_ttl": "60s"}

    @classmethod
    def make_pair(cls):
        pair = super().make_pair()
        rule = "host app alice,later,\"we\"\"ird 'name' \\\\\" 127.0.0.1/32 scram-sha-256\n"
        pair.blue.hba = pair.green.hba = rule + pair.blue.hba
        return pair

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.pair.blue.sql(ROLES, "app")
        cls.pair.wait_caught_up()

    def login(self, user, password, **kwargs):
        return self.connect(user=user, password=password, **kwargs)

    def reload(self, **settings):
        self.teal.set(**settings)
        return self.teal.console("RELOAD")

    def test_a_user_of_the_server_logs_in_as_itself(self):
        """CVE-2015-6817: never as the one who asked."""
        for _ in range(3):
            c = self.login("alice", "alice-secret")
            self.assertEqual(c.query("SELECT session_user, current_user").rows[0], ["alice", "alice"])

    def test_wrong_passwords_and_unknown_users_look_alike(self):
        for user, password in (("alice", "wrong"), ("nobody_at_all", "x"), ("alice", "trapped")):
            with self.refused("28P01", "FATAL"):
                self.login(user, password)

    def test_roles_that_may_not_log_in(self):
        """CVE-2025-2291: VALID UNTIL counts. A role without a password has none that could be right."""
        for user in ("expired", "bare", "no_login"):
            for password in ("secret", ""):
                with self.refused("28P01", "FATAL"):
                    self.login(user, password)
        self.assertEqual(self.login("later", "secret").value("SELECT session_user"), "later")

    def test_names_are_no_sql(self):
        name = "we\"ird 'name' \\\\"
        self.assertEqual(self.login(name, "secret").value("SELECT session_user"), name)
        for name in ("'; DROP TABLE kv; --", "$1", "a' OR 'x'='x", "\xff\xfe"):
            with self.refused("28P01", "FATAL"):
                self.login(name, "secret")
        self.assertEqual(self.pair.blue.value("SELECT count(*) FROM kv", "app"), "0")

    def test_the_users_file_comes_first(self):
        with self.refused("28P01", "FATAL"):
            self.login("filed", "another-secret")

    def test_settings_of_the_client_do_not_reach_the_question(self):
        """CVE-2025-12819: a start-up search_path was applied to the connection that looks users up."""
        self.reload(auth_query="SELECT rolname, rolpassword FROM pg_authid WHERE rolname = $1")
        try:
            with self.refused("28P01", "FATAL"):
                self.login("alice", "trapped", search_path="trap", options="-c search_path=trap")
            self.assertEqual(self.login("alice", "alice-secret", search_path="trap").value("SELECT session_user"), "alice")
        finally:
            self.back_to_default()

    def back_to_default(self):
        del self.teal.sections["teal"]["auth_query"]
        self.teal.write_ini()
        self.teal.console("RELOAD")

    def test_an_answer_is_kept_for_a_while_and_a_reload_forgets_it(self):
        self.login("alice", "alice-secret")
        self.pair.blue.sql("ALTER ROLE alice PASSWORD 'new-secret'")
        try:
            self.reload()
            with self.refused("28P01", "FATAL"):
                self.login("alice", "alice-secret")
            self.assertEqual(self.login("alice", "new-secret").value("SELECT 1"), "1")
        finally:
            self.pair.blue.sql("ALTER ROLE alice PASSWORD 'alice-secret'")
            self.reload()
        self.assertEqual(self.login("alice", "alice-secret").value("SELECT 1"), "1")

    def test_a_question_that_fails_lets_in_nobody_and_shows_nothing(self):
        for question in ("SELECT 1/0, $1", "SELECT 'alice', $1, pg_sleep(0) FROM generate_series(1, 2)", "SELECT $1",
                         "SELECT 'postgres', 'x' WHERE $1 <> ''", "nonsense $1", "SELECT $1, 'no valid verifier SCRAM-SHA-256$'"):
            self.reload(auth_query=question)
            try:
                with self.assertRaises(pgwire.PgError) as caught:
                    self.login("alice", "alice-secret")
                self.assertIn(caught.exception.sqlstate, ("28P01", "08006"), question)
                self.assertNotIn("division", str(caught.exception))
            finally:
                self.back_to_default()
        self.assertEqual(self.login("alice", "alice-secret").value("SELECT 1"), "1")

    def test_many_at_once_ask_once(self):
        self.reload()
        asked = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'teal auth_query'"
        logins = [Background(self.login, "alice", "alice-secret") for _ in range(30)]
        for one in logins:
            self.assertEqual(one.result().value("SELECT session_user"), "alice")
        self.assertLessEqual(int(self.pair.blue.value(asked)), 2)

    def test_without_the_question_unknown_is_unknown(self):
        self.reload(auth_user="")
        try:
            with self.refused("28P01", "FATAL"):
                self.login("alice", "alice-secret")
        finally:
            self.reload(auth_user="asker")

    def test_it_goes_with_the_writer(self):
        self.login("alice", "alice-secret")
        self.teal.steps("PREPARE")
        self.teal.steps("CUTOVER")
        self.reload()
        self.assertEqual(self.login("alice", "alice-secret").value("SHOW cluster_name"), "green")
        self.teal.steps("ROLLBACK")
        self.assertEqual(self.login("alice", "alice-secret").value("SHOW cluster_name"), "blue")


class WhenNobodyAnswers(PairCase):
    teal_settings = {"workers": 1, "auth_type": "scram-sha-256", "auth_user": "asker", "users": USERS, "serves": False}

    def test_the_login_fails_and_works_again(self):
        with self.refused("08006", "FATAL") as caught:
            self.connect(user="alice", password="alice-secret", timeout=20)
        self.assertIn("could not be looked up", str(caught.exception))
        self.pair.blue.sql(ROLES, "app")

        def works():
            with self.connect(user="alice", password="alice-secret") as c:
                return c.value("SELECT 1") == "1"
        eventually(works, what="the user to be found")


class WhenNoNameServerAnswers(PairCase):
    """A worker that waited for one would keep all its clients waiting: here all of them."""
    teal_settings = {"workers": 1, "auth_type": "scram-sha-256", "auth_user": "asker", "users": USERS, "serves": False}

    @classmethod
    def make_teal(cls):
        cls.names = Names(cls.pair)
        return Teal(cls.pair, **cls.names.settings(), **cls.teal_settings)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.pair.blue.sql(ROLES, "app")
        cls.pair.wait_caught_up()

    def login(self, user):
        return self.connect(user=user, password=user + "-secret", timeout=5)

    def test_users_are_looked_up_and_others_go_on(self):
        eventually(lambda: self.login("filed").value("SELECT 1") == "1", what="the route to be known")
        working = self.login("filed")
        with self.names.silent():
            self.teal.console("RELOAD")  # the connection to the server and what it had found are gone
            asking = Background(self.login, "alice")
            for _ in throughout(1):
                self.assertEqual(working.value("SELECT 1"), "1")
                self.assertEqual(self.login("filed").value("SELECT session_user"), "filed")
                self.teal.console("SHOW VERSION")
            self.assertEqual(asking.result(5).value("SELECT session_user"), "alice")
            with self.refused("28P01", "FATAL"):
                self.login("nobody_at_all")
