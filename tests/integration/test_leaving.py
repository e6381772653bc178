# SPDX-License-Identifier: PostgreSQL
"""What a client that leaves, or that comes while others leave, finds and leaves behind."""
import resource
import socket
import time

import pgwire
from case import PairCase
from test_tls import TlsCase
from waiting import eventually


class OneBackend(PairCase):
    """Every session has the backend of the one before it."""

    teal_settings = {"default_pool_size": 1, "workers": 1}

    def leave_by_terminate(self, c):
        c.send(pgwire.terminate())

    def leave_by_half_close(self, c):
        c.sock.shutdown(socket.SHUT_WR)

    def leave_by_close(self, c):
        c.sock.close()

    def test_settings_go_with_the_client(self):
        """Set in the last message: the client does not wait for the answer."""
        for leave in (self.leave_by_terminate, self.leave_by_half_close, self.leave_by_close):
            for change in (pgwire.query("SET work_mem = '7MB'"),
                           pgwire.parse("SET work_mem = '7MB'") + pgwire.bind() + pgwire.execute() + pgwire.sync(),
                           pgwire.query("BEGIN") + pgwire.query("SET work_mem = '7MB'") + pgwire.query("COMMIT")):
                with self.subTest(leave=leave.__name__, change=change[:20]):
                    before = self.connect()
                    wanted = before.value("SHOW work_mem")
                    before.send(change)
                    leave(before)
                    self.teal.settle()
                    self.assertEqual(self.connect().value("SHOW work_mem"), wanted)

    def test_a_setting_that_is_bound_and_not_executed_is_none(self):
        a, b = self.connect(), self.connect()
        wanted = a.value("SHOW work_mem")
        a.send(pgwire.parse("SET work_mem = '8MB'") + pgwire.bind() + pgwire.sync())
        a.until_ready()
        b.query("SET work_mem = '5MB'")
        self.assertEqual([a.value("SHOW work_mem"), b.value("SHOW work_mem")], [wanted, "5MB"])

    def test_a_table_of_the_client_is_no_name_of_ours(self):
        a, b = self.connect(), self.connect()
        a.query("CREATE TABLE teal_orders (n int)")
        a.prepare("one", "SELECT * FROM teal_orders")
        b.query("DROP TABLE teal_orders")
        with self.refused("42P01") as caught:
            a.run_prepared("one")
        self.assertEqual(caught.exception.message, 'relation "teal_orders" does not exist')

    def test_a_client_that_leaves_is_not_logging_in(self):
        c = self.connect()
        c.send(pgwire.query("SELECT pg_sleep(2)") + pgwire.terminate())
        eventually(lambda: [r["state"] for r in self.teal.console("SHOW CLIENTS")] == ["active"], 5, "the client to be active")

    def test_one_batch_of_many_names_does_not_stop_the_others(self):
        """Each name is undone when the server skips it: the time for that grows with the number, not with its square."""
        other = self.connect(user="other")
        other.value("SELECT 1")
        c = self.connect()
        c.send(pgwire.parse("SELECT 1 / 0") + pgwire.bind() + pgwire.execute() +
               b"".join(pgwire.parse("SELECT %d" % n, "n%d" % n) + pgwire.close("S", "n%d" % n) for n in range(20000)) + pgwire.sync())
        self.assertEqual(other.value("SELECT 1"), "1")
        self.assertEqual([e.sqlstate for e in self.errors(c)], ["22012"])
        self.assertEqual(c.value("SELECT 'served'"), "served")

    def errors(self, c):
        return [pgwire.PgError(pgwire.fields_of(body)) for kind, body in c.until_ready() if kind == "E"]


def whole(sql):
    return pgwire.parse(sql) + pgwire.bind() + pgwire.execute()


class Batches(PairCase):
    """What one session asks for in a batch, and what it and the next session find behind it: as if each had a server of its own."""

    teal_settings = {"default_pool_size": 1, "workers": 1}
    SET = whole("SET work_mem = '77MB'")

    def play(self, batch):
        """What the session itself has then, and what one beside it has; through Teal and directly."""
        found = []
        for connect in (self.connect, lambda: self.stack.enter_context(self.pair.blue.connect(user="app", database="app"))):
            a, b = connect(), connect()
            a.value("SELECT 1")
            a.send(batch)
            kinds = [(kind, pgwire.PgError(pgwire.fields_of(body)).sqlstate if kind == "E" else "") for kind, body in a.until_ready()]
            a.query("ROLLBACK")
            values = [a.value("SHOW work_mem"), a.value("SELECT 1")]
            a.close()
            self.teal.settle()
            found.append((kinds, values, b.value("SHOW work_mem")))
            b.close()
        return found

    def test_settings(self):
        rows = {
            "SET, COMMIT, error": self.SET + whole("COMMIT") + whole("SELECT 1 / 0") + pgwire.sync(),
            "SET, ROLLBACK": self.SET + whole("ROLLBACK") + pgwire.sync(),
            "SET, Flush, ROLLBACK": self.SET + pgwire.flush() + whole("ROLLBACK") + pgwire.sync(),
            "SET, BEGIN, COMMIT, error": self.SET + whole("BEGIN") + whole("COMMIT") + whole("SELECT 1 / 0") + pgwire.sync(),
            "SET, error": self.SET + whole("SELECT 1 / 0") + pgwire.sync(),
            "SET, unknown portal": self.SET + pgwire.execute("nothing") + pgwire.sync(),
            "SET, SELECT": self.SET + whole("SELECT 1") + pgwire.sync(),
            "SET, Query ROLLBACK": self.SET + pgwire.query("ROLLBACK"),
            "SET, Query that commits and fails": self.SET + pgwire.query("COMMIT; SELECT 1 / 0"),
            "SET alone": self.SET + pgwire.sync(),
            "DISCARD ALL, error": whole("DISCARD ALL") + whole("SELECT 1 / 0") + pgwire.sync(),
        }
        for name, batch in rows.items():
            with self.subTest(name):
                ours, theirs = self.play(batch)
                self.assertEqual(ours, theirs)

    def test_parse_in_a_failed_transaction(self):
        for known in (False, True):
            other = self.connect()
            if known:
                other.prepare("other", "SELECT 'known'")
            c = self.connect()
            c.send(pgwire.query("BEGIN") + pgwire.query("SELECT 1 / 0"))
            c.until_ready()
            c.until_ready()
            with self.refused("25P02"):
                c.prepare("one", "SELECT 'known'")
            c.query("ROLLBACK")
            c.prepare("one", "SELECT 'another'")
            self.assertEqual(c.run_prepared("one").value(), "another")

    def test_deallocate_all_by_a_portal_of_an_earlier_batch(self):
        c = self.connect()
        c.query("BEGIN")
        c.send(pgwire.parse("DEALLOCATE ALL", "all") + pgwire.bind((), "all", "later") + pgwire.parse("SELECT 1", "one") + pgwire.sync())
        c.until_ready()
        c.send(pgwire.execute("later") + pgwire.parse("SELECT 2", "one") + pgwire.bind((), "one") + pgwire.execute() + pgwire.sync())
        self.assertEqual([kind for kind, _ in c.until_ready()], list("C12DCZ"))

    def test_currval_of_another_session(self):
        a, b = self.connect(), self.connect()
        a.query("CREATE SEQUENCE IF NOT EXISTS numbers")
        mine = a.value("SELECT nextval('numbers')")
        b.value("SELECT nextval('numbers')")
        a.value("SELECT 1")
        for function in ("currval('numbers')", "lastval()"):
            try:
                self.assertEqual(a.value("SELECT " + function), mine)
            except pgwire.PgError as error:
                self.assertEqual(error.sqlstate, "55000")

    def test_unnamed_statements_of_sessions_with_other_settings(self):
        sessions = [self.connect(application_name=name) for name in ("one", "two")]
        for _ in range(5):
            for c in sessions:
                c.send(pgwire.parse("SELECT 7") + pgwire.describe("S") + pgwire.sync())
                c.until_ready()
            for c in sessions:
                c.send(pgwire.bind() + pgwire.execute() + pgwire.sync())
                self.assertEqual([kind for kind, _ in c.until_ready()], list("2DCZ"))

    def test_more_answers_of_ours_than_a_flow_holds(self):
        c = self.connect()
        c.sock.settimeout(60)
        c.send(pgwire.parse("SELECT 1") + 70000 * pgwire.close("S", "nothing") + pgwire.bind() + pgwire.execute() + pgwire.sync())
        kinds = [kind for kind, _ in c.until_ready()]
        self.assertEqual((kinds[0], kinds.count("3"), "".join(kinds[-4:])), ("1", 70000, "2DCZ"))

    def test_a_client_that_is_cut_off_in_a_message_is_gone(self):
        """What it has sent of the message ends like a Terminate."""
        c = self.connect()
        c.query("BEGIN")
        c.send(pgwire.query("SELECT 'a long text'")[:12] + pgwire.terminate())
        c.sock.close()
        eventually(lambda: not self.teal.console("SHOW CLIENTS"), 5, "the session to be gone")


class Crowd(PairCase):
    """Many logins behind one backend: each gives it to the next, and none of them on the stack of another."""

    clients = 1500
    teal_settings = {"default_pool_size": 1, "workers": 1, "max_client_conn": 4000, "server_connect_timeout": "60s",
                     "client_login_timeout": "60s"}

    @classmethod
    def make_teal(cls):
        soft, hard = resource.getrlimit(resource.RLIMIT_STACK)
        resource.setrlimit(resource.RLIMIT_STACK, (160 * 1024, hard))
        cls.addClassCleanup(resource.setrlimit, resource.RLIMIT_STACK, (soft, hard))
        return super().make_teal()

    def test_logins_at_once(self):
        files = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (files[1], files[1]))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, files)
        hello = pgwire.startup({"user": "other", "database": "app"})
        self.pair.blue.freeze()
        socks = []
        for _ in range(self.clients):
            socks.append(self.stack.enter_context(socket.create_connection((self.teal.host, self.teal.port), 30)))
            socks[-1].sendall(hello)
        eventually(lambda: len(self.teal.console("SHOW CLIENTS")) >= self.clients, 30, "all clients to be there")
        self.pair.blue.thaw()
        self.assertEqual(sum(self.is_welcome(s) for s in socks), self.clients)

    def is_welcome(self, sock):
        heard = b""
        while b"Z\0\0\0\5I" not in heard:
            got = sock.recv(65536)
            if not got:
                break
            heard += got
        return b"Z\0\0\0\5I" in heard


class Reads(PairCase):
    """A read that turns out to write is a write, also for what the session reads next."""

    teal_settings = {"workers": 1}
    pair_settings = {"reads": "green"}

    def test_own_writes_are_read_after_a_replay(self):
        c = self.connect()
        c.query("CREATE TABLE log (n int); CREATE FUNCTION bump() RETURNS int LANGUAGE sql AS "
                "'INSERT INTO log VALUES (1) RETURNING n'; CREATE VIEW bumped AS SELECT bump() AS b")
        eventually(lambda: self.pair.green.value("SELECT count(*) FROM pg_class WHERE relname = 'bumped'", "app") == "1", 10,
                   "the view on green")
        reader = self.connect()
        eventually(lambda: reader.value("SELECT pg_is_in_recovery()") == "t", 10, "reads on green")
        self.pair.green.value("SELECT pg_wal_replay_pause()")
        try:
            self.assertEqual(reader.value("SELECT b FROM bumped"), "1")
            self.assertEqual(reader.value("SELECT count(*) FROM log"), "1")
        finally:
            self.pair.green.value("SELECT pg_wal_replay_resume()")


class LateQueries(TlsCase):
    """What takes too long ends at the server as well, over TLS as in the clear."""

    teal_settings = {"workers": 1, "query_timeout": "1s"}

    def test_a_cancel_outlives_its_backend(self):
        c = self.connect()
        with self.assertRaises((pgwire.PgError, pgwire.Closed)):
            c.query("SELECT pg_sleep(60)")
        running = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%pg_sleep(60)'"
        eventually(lambda: self.pair.blue.value(running) == "0", 5, "the query to end at the server")


class Shutdown(PairCase):
    teal_settings = {"default_pool_size": 1, "workers": 1, "server_connect_timeout": "60s", "client_login_timeout": "60s",
                     "shutdown_timeout": "60s"}

    def test_a_login_under_way_does_not_hold_it_up(self):
        self.pair.blue.freeze()
        try:
            sock = self.stack.enter_context(socket.create_connection((self.teal.host, self.teal.port), 30))
            sock.sendall(pgwire.startup({"user": "other", "database": "app"}))
            eventually(lambda: len(self.teal.console("SHOW CLIENTS")) == 1, 5, "the client")
            self.teal.console("SHUTDOWN WAIT_FOR_SERVERS")
        finally:
            self.pair.blue.thaw()
        began = time.monotonic()
        self.teal.process.wait(30)
        self.assertLess(time.monotonic() - began, 20)
        self.teal.start()
