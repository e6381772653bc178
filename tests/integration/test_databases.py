# SPDX-License-Identifier: PostgreSQL
"""Many databases through one proxy: which names lead where, and what [databases] says of one holds for it alone."""
import threading

import pgwire
from case import Background, PairCase
from waiting import eventually


class Databases(PairCase):
    """Three databases of one pair, one of them under two names."""

    databases = ("app", "shop", "idle")
    teal_settings = {"workers": 2, "default_pool_size": 5, "query_wait_timeout": "10s"}

    @classmethod
    def make_teal(cls):
        teal = super().make_teal()
        teal.sections["pair"]["databases"] = "*"
        teal.sections["databases"] = {
            "store": "dbname=shop pool_size=1",
            "shop": "max_db_client_connections=3 max_db_connections=2 pool_size=5",
            "kept": "dbname=idle pool_mode=session pool_size=3 timezone=Asia/Tokyo",
            "as_other": "dbname=app user=other",
        }
        teal.write_ini()
        return teal

    def rows(self, what, **values):
        return [row for row in self.teal.console("SHOW " + what) if all(row[k] == v for k, v in values.items())]

    def test_each_name_leads_to_its_database(self):
        names = {"app": "app", "shop": "shop", "store": "shop", "idle": "idle", "kept": "idle", "postgres": "postgres"}
        for name, there in names.items():
            with self.connect(database=name) as c:
                self.assertEqual(c.value("SELECT current_database()"), there, name)

    def test_one_that_is_not_there(self):
        with self.refused("3D000", "FATAL") as caught:
            self.connect(database="nowhere").query("SELECT 1")
        self.assertIn('database "nowhere" does not exist', str(caught.exception))

    def test_the_console_is_no_database(self):
        with self.refused("3D000"):
            self.connect(database="pgbouncer").query("SELECT 1")

    def test_what_is_written_in_one_is_not_in_another(self):
        with self.connect(database="app") as a, self.connect(database="store") as b, self.connect(database="shop") as c:
            a.query("INSERT INTO kv VALUES ('which', 'app')")
            b.query("INSERT INTO kv VALUES ('which', 'shop')")
            self.assertEqual(a.value("SELECT v FROM kv WHERE k = 'which'"), "app")
            self.assertEqual(c.value("SELECT v FROM kv WHERE k = 'which'"), "shop")

    def test_statements_of_one_are_not_in_another(self):
        """The same text under the same name in two databases, in turns."""
        with self.connect(database="app") as a, self.connect(database="shop") as b:
            for _ in range(3):
                for c, there in ((a, "app"), (b, "shop")):
                    c.send(pgwire.parse("SELECT current_database()", "which") + pgwire.bind(name="which") +
                           pgwire.execute() + pgwire.close(name="which") + pgwire.sync())
                    self.assertIn(there.encode(), b"".join(body for kind, body in c.until_ready() if kind == "D"))

    def test_a_pool_has_the_size_of_its_database(self):
        with self.connect(database="store") as a, self.connect(database="store") as b:
            a.query("BEGIN")
            waits = Background(b.query, "SELECT 1")
            self.wait_session("waiting", b)
            a.query("COMMIT")
            waits.result()

    def test_a_pool_of_one_does_not_stand_in_the_way_of_another(self):
        with self.connect(database="store") as a, self.connect(database="app") as b:
            a.query("BEGIN")
            b.query("SELECT 1")
            a.query("COMMIT")

    def test_server_connections_are_limited_by_database(self):
        """max_db_connections is of a name, as PgBouncer has it: the other name of the database has its own."""
        with self.connect(database="shop") as a, self.connect(database="shop") as b, self.connect(database="shop") as c:
            a.query("BEGIN")
            b.query("BEGIN")
            waits = Background(c.query, "SELECT 1")
            self.wait_session("waiting", c)
            with self.connect(database="store") as d:
                d.query("SELECT 1")
            a.query("COMMIT")
            waits.result()
            b.query("COMMIT")

    def test_clients_are_limited_by_database(self):
        held = [self.connect(database="shop") for _ in range(3)]
        with self.refused("53300", "FATAL"):
            self.connect(database="shop").query("SELECT 1")
        self.connect(database="store").query("SELECT 1")
        for c in held:
            c.close()

    def test_the_user_of_a_database(self):
        with self.connect(database="as_other") as c:
            self.assertEqual(c.value("SELECT current_user"), "other")

    def test_what_a_client_gets_that_asks_for_none(self):
        with self.connect(database="kept") as c:
            self.assertEqual(c.value("SHOW timezone"), "Asia/Tokyo")
        with self.connect(database="kept", timezone="UTC") as c:
            self.assertEqual(c.value("SHOW timezone"), "UTC")

    def test_session_mode_keeps_its_backend(self):
        with self.connect(database="kept") as a, self.connect(database="kept") as b:
            pid = a.value("SELECT pg_backend_pid()")
            other = b.value("SELECT pg_backend_pid()")
            self.assertNotEqual(pid, other)
            for _ in range(3):
                self.assertEqual(a.value("SELECT pg_backend_pid()"), pid)
                self.assertEqual(b.value("SELECT pg_backend_pid()"), other)
            self.assertEqual(self.rows("POOLS", database="kept", read_only="0")[0]["pool_mode"], "session")

    def test_session_mode_gives_it_to_the_next(self):
        """A session without a state of its own leaves its backend behind for another."""
        def gone(pid):
            return self.rows("SERVERS", remote_pid=pid, state="idle")
        c = self.connect(database="kept")
        pid = c.value("SELECT pg_backend_pid()")
        c.close()
        eventually(lambda: gone(pid), 5, "the backend to be idle")

    def test_reports_have_the_names_that_clients_say(self):
        with self.connect(database="store") as c:
            c.query("BEGIN")
            self.assertEqual(len(self.rows("CLIENTS", database="store")), 1)
            self.assertEqual(len(self.rows("SERVERS", database="store", state="active")), 1)
            self.assertEqual(self.rows("POOLS", database="store", read_only="0")[0]["sv_active"], "1")
            c.query("COMMIT")

    def test_one_is_paused_and_the_others_go_on(self):
        with self.connect(database="shop") as a, self.connect(database="store") as b, self.connect(database="app") as c:
            a.query("SELECT 1")
            self.teal.console("PAUSE shop")
            try:
                waits = Background(a.query, "SELECT 1")
                self.wait_session("waiting", a)
                self.assertEqual(self.rows("SERVERS", database="shop"), [])
                b.query("SELECT 1")  # the same database of the servers under another name
                c.query("SELECT 1")
                self.assertTrue(waits.is_waiting())
            finally:
                self.teal.console("RESUME shop")
            waits.result()

    def test_one_is_disabled(self):
        self.teal.console("DISABLE store")
        try:
            with self.refused("55000", "FATAL"):
                self.connect(database="store").query("SELECT 1")
            self.connect(database="shop").query("SELECT 1")
        finally:
            self.teal.console("ENABLE store")
        self.connect(database="store").query("SELECT 1")

    def test_many_at_a_time(self):
        """Clients of all names in parallel: each answer is of the right database."""
        wrong = []

        def ask(name, there):
            with self.connect(database=name) as c:
                for _ in range(50):
                    if c.value("SELECT current_database()") != there:
                        wrong.append(name)
        threads = [threading.Thread(target=ask, args=pair) for pair in
                   [("app", "app"), ("store", "shop"), ("shop", "shop"), ("idle", "idle"), ("kept", "idle")] * 2]
        for t in threads:
            t.start()
        for t in threads:
            t.join(60)
        self.assertEqual(wrong, [])

class Pairs(PairCase):
    """Two pairs with databases of their own, and of one name on the servers."""

    pairs = {"one": {"databases": ("app", "first")}, "two": {"databases": ("second", "third")}}
    teal_settings = {"workers": 2}

    def test_each_name_leads_to_its_pair(self):
        with self.connect(database="first") as a, self.connect(database="second") as b:
            ports = a.value("SELECT inet_server_port()"), b.value("SELECT inet_server_port()")
        self.assertEqual(ports, (str(self.pair_of("one").blue.port), str(self.pair_of("two").blue.port)))

    def test_one_that_no_pair_has(self):
        with self.refused("3D000", "FATAL"):
            self.connect(database="postgres").query("SELECT 1")
