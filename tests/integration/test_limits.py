# SPDX-License-Identifier: PostgreSQL
"""Limits and time-outs: who is refused and with which words, what ends and that nothing of it is left behind."""
import os
import resource
import select
import socket
import time

import pgwire
from case import Background, PairCase
from waiting import eventually, throughout


class Limits(PairCase):
    """Each test sets what it needs, by a reload, and takes it back."""

    teal_settings = {"workers": 2, "default_pool_size": 2}

    def limit(self, **settings):
        before = dict(self.teal.sections["teal"])
        self.teal.set(**settings)
        self.teal.console("RELOAD")

        def undo():
            self.stack.close()
            self.teal.sections["teal"] = before
            self.teal.write_ini()
            self.teal.console("RELOAD")
            self.wait_alone()
        self.addCleanup(undo)
        self.wait_alone()

    def wait_alone(self):
        eventually(lambda: self.teal.console("SHOW CLIENTS") == [], 10, "the clients before to be gone")

    def told(self, sock, seconds=5):
        """What the proxy says until it closes."""
        sock.settimeout(seconds)
        heard = b""
        try:
            while True:
                got = sock.recv(4096)
                if not got:
                    break
                heard += got
        except ConnectionResetError:
            pass
        return heard

    def tcp(self, source="127.0.0.1"):
        sock = socket.create_connection((self.teal.host, self.teal.port), timeout=5, source_address=(source, 0))
        self.stack.callback(sock.close)
        return sock

    def all_but_one(self, socks):
        """One is refused, whichever was accepted last: two workers accept. The others."""
        refused = select.select(socks, [], [], 5)[0]
        self.assertEqual(len(refused), 1)
        self.assertIn(b"C53300", self.told(refused[0]))
        return [sock for sock in socks if sock is not refused[0]]

    # -- how many

    def test_user_limit(self):
        self.limit(max_user_client_connections=2)
        held = [self.connect(), self.connect()]
        with self.refused("53300", "FATAL") as caught:
            self.teal.connect()
        self.assertIn('too many connections for role "app"', str(caught.exception))
        self.teal.connect(user="other").close()
        held[0].close()
        eventually(lambda: self.teal.connect().value("SELECT 1") == "1", 5, "the place to be free")

    def test_database_limit(self):
        self.limit(max_db_client_connections=1)
        self.connect()
        with self.refused("53300", "FATAL") as caught:
            self.teal.connect(user="other")
        self.assertIn('too many connections for database "app"', str(caught.exception))

    def test_one_source_cannot_hold_all(self):
        self.limit(max_client_conn_per_source=3)
        held = self.all_but_one([self.tcp("127.0.0.2") for _ in range(4)])
        self.assert_serving()
        held[0].close()
        eventually(lambda: self.silent(self.tcp("127.0.0.2")), 5, "the place of the source to be free")

    def silent(self, sock):
        sock.settimeout(0.3)
        try:
            return sock.recv(1) is None
        except socket.timeout:
            return True

    def test_those_who_log_in_are_limited(self):
        self.limit(max_unauthenticated=4, max_unauthenticated_per_source=3)
        self.all_but_one([self.tcp("127.0.0.3") for _ in range(4)])
        self.assert_serving()
        self.all_but_one([self.tcp("127.0.0.4"), self.tcp("127.0.0.5")])
        with self.teal.connect_unix() as local:
            self.assertEqual(local.value("SELECT 1"), "1")

    def test_logged_in_is_not_logging_in(self):
        self.limit(max_unauthenticated=2, max_unauthenticated_per_source=2)
        clients = [self.connect() for _ in range(8)]
        self.assertEqual([c.value("SELECT 1") for c in clients], ["1"] * 8)

    # -- how long

    def test_login_by_drops(self):
        self.limit(client_login_timeout="1s")
        sock = self.tcp()
        begun = time.monotonic()
        packet = pgwire.startup({"user": "app", "database": "app"})
        sock.settimeout(0.2)
        for byte in packet * 2:
            try:
                sock.send(bytes([byte]))
                if sock.recv(1) == b"":
                    break
            except socket.timeout:
                continue
            except OSError:
                break
        self.assertLess(time.monotonic() - begun, 3)

    def test_query_timeout_cancels_at_the_server(self):
        self.limit(query_timeout="500ms")
        c = self.connect()
        with self.refused("57014", "FATAL"):
            c.query("SELECT pg_sleep(30) /* too long */")
        eventually(lambda: self.running("too long") == "0", 5, "the server to have stopped")
        self.assert_serving()

    def running(self, word):
        with self.pair.blue.connect("app", "postgres") as c:
            return c.value("SELECT count(*) FROM pg_stat_activity WHERE state = 'active' "
                           "AND pid <> pg_backend_pid() AND query LIKE '%%%s%%'" % word)

    def test_idle_in_transaction(self):
        self.limit(idle_transaction_timeout="500ms")
        c = self.connect()
        c.query("BEGIN")
        c.query("INSERT INTO kv VALUES ('idle in transaction', 'x')")
        self.assert_ends(c, "25P03")
        with self.teal.connect() as other:
            self.assertEqual(other.value("SELECT count(*) FROM kv WHERE k = 'idle in transaction'"), "0")

    def test_transaction_timeout(self):
        self.limit(transaction_timeout="700ms")
        c = self.connect()
        c.query("BEGIN")
        with self.assertRaises((pgwire.PgError, pgwire.Closed)) as caught:
            for _ in range(50):
                c.query("SELECT pg_sleep(0.1)")
        if isinstance(caught.exception, pgwire.PgError):
            self.assertEqual(caught.exception.sqlstate, "25P04")

    def test_idle_client(self):
        self.limit(client_idle_timeout="500ms")
        c = self.connect()
        self.assertEqual(c.value("SELECT 1"), "1")
        self.assert_ends(c, "57P05")

    def test_busy_client_is_not_idle(self):
        self.limit(client_idle_timeout="500ms", idle_transaction_timeout="500ms")
        c = self.connect()
        self.assertEqual(c.value("SELECT 'done' FROM pg_sleep(1.5)"), "done")

    def assert_ends(self, connection, sqlstate):
        kind, body = connection.next()
        self.assertEqual((kind, pgwire.fields_of(body)["C"]), ("E", sqlstate))
        with self.assertRaises(pgwire.Closed):
            connection.next()

    def test_who_waits_is_told(self):
        self.limit(query_wait_notify="300ms")
        holders = [self.connect(), self.connect()]
        for holder in holders:
            holder.query("BEGIN")
        c = self.connect()
        c.send(pgwire.query("SELECT 'served'"))
        waiting = Background(c.next)
        eventually(lambda: c.notices, 5, "a notice")
        self.assertEqual(c.notices[0]["S"], "NOTICE")
        for _ in throughout(0.7):
            self.assertEqual(len(c.notices), 1)
        self.assertTrue(waiting.is_waiting())
        holders[0].query("COMMIT")
        self.assertEqual(waiting.result(5)[0], "T")

    # -- memory

    def resident(self):
        with open("/proc/%d/statm" % self.teal.process.pid) as f:
            return int(f.read().split()[1]) * os.sysconf("SC_PAGESIZE")

    def test_short_of_memory(self):
        self.limit()
        c, holders = self.connect(), [self.connect(), self.connect()]
        self.assertEqual(c.value("SELECT 1"), "1")
        for holder in holders:
            holder.query("BEGIN")
        waiting = Background(c.query, "SELECT 2")
        eventually(lambda: any(int(row["cl_waiting"]) > 0 for row in self.teal.console("SHOW POOLS")), 5, "a waiting client")
        self.limit_now(max_memory="1MB")
        with self.refused("53200", "FATAL"):
            waiting.result(5)
        self.assertIn(b"C53200", self.told(self.tcp()))
        for holder in holders:  # those that have a backend go on
            self.assertEqual(holder.value("SELECT 3"), "3")
            holder.query("COMMIT")
        self.limit_now(max_memory="0")
        eventually(lambda: self.silent(self.tcp()), 5, "new clients to be taken")

    def limit_now(self, **settings):
        self.teal.set(**settings)
        self.teal.console("RELOAD")

    def test_slow_readers_cost_no_memory(self):
        self.limit(default_pool_size=40)
        clients = [self.connect() for _ in range(30)]
        before = self.resident()
        for c in clients:
            c.send(pgwire.query("SELECT repeat('x', 10000) FROM generate_series(1, 3000)"))
        self.wait_stalled(len(clients))
        self.assertLess(self.resident() - before, 30 * 400 * 1024)
        for c in clients:
            c.reset()
        self.assert_serving()

    def test_a_long_field_costs_no_memory(self):
        self.limit()
        c, most = self.connect(), 0
        before = self.resident()
        c.send(pgwire.query("SELECT repeat('x', 200 * 1024 * 1024)"))
        seen = 0
        while seen < 200 * 1024 * 1024:
            seen += len(c.sock.recv(1 << 20))
            most = max(most, self.resident())
        self.assertLess(most - before, 8 << 20)

    # -- descriptors

    def test_no_descriptor_left(self):
        self.limit()
        served = self.connect()
        self.assertEqual(served.value("SELECT 1"), "1")
        pid = self.teal.process.pid
        before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        used = [int(name) for name in os.listdir("/proc/%d/fd" % pid)]
        limit = max(used) + 4
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (limit, before[1]))
        self.addCleanup(resource.prlimit, pid, resource.RLIMIT_NOFILE, before)
        socks = [self.tcp() for _ in range(limit - len(used) + 40)]
        eventually(lambda: len(self.not_silent(socks)) > 20, 10, "most to be refused")
        self.assertIn(b"C53300", self.told(self.tcp()))
        used = self.cpu()
        for _ in throughout(1):
            self.assertLess(self.cpu() - used, 0.3)
        self.assertEqual(served.value("SELECT 1"), "1")
        for s in socks:
            s.close()
        eventually(lambda: self.teal.connect().value("SELECT 1") == "1", 2, "to serve again")

    def cpu(self):
        with open("/proc/%d/stat" % self.teal.process.pid) as f:
            fields = f.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def test_memory_that_is_refused_ends_one_session_and_not_the_process(self):
        self.limit()
        served = self.connect()
        self.assertEqual(served.value("SELECT 1"), "1")
        clients = [self.connect() for _ in range(150)]
        pid = self.teal.process.pid
        with open("/proc/%d/statm" % pid) as f:
            size = int(f.read().split()[0]) * os.sysconf("SC_PAGESIZE")
        before = resource.prlimit(pid, resource.RLIMIT_AS)
        resource.prlimit(pid, resource.RLIMIT_AS, (size + (16 << 20), before[1]))
        self.addCleanup(resource.prlimit, pid, resource.RLIMIT_AS, before)
        half = pgwire.query("SELECT 1 --" + "x" * 1000000)[:-10]
        ended = 0
        for c in clients:
            try:
                c.sock.settimeout(2)
                c.sock.sendall(half)
            except OSError:
                ended += 1
        self.teal.check_alive()
        self.assertEqual(served.value("SELECT 2"), "2")
        eventually(lambda: ended + len(self.not_silent([c.sock for c in clients])) > 0, 10, "a session to be ended")
        for c in clients:
            c.reset()
        resource.prlimit(pid, resource.RLIMIT_AS, before)
        self.assert_serving()

    @staticmethod
    def not_silent(socks):
        """Those that say something, or have ended."""
        return select.select(socks, [], [], 0)[0]

    # -- connections to the servers

    def server_connections(self, user):
        with self.pair.blue.connect("app", "postgres") as c:
            return int(c.value("SELECT count(*) FROM pg_stat_activity WHERE usename = '%s'" % user))

    def end_server_connections(self):
        """Those of the tests before."""
        self.teal.console("RECONNECT")
        eventually(lambda: self.server_connections("app") + self.server_connections("other") == 0, 5, "no server connection")

    def test_all_users_share_max_db_connections(self):
        self.limit(max_db_connections=1, query_wait_timeout="10s")
        for n in range(6):  # an idle connection of the other user gives way each time
            with self.teal.connect(user=("app", "other")[n % 2]) as c:
                self.assertEqual(c.value("SELECT current_user"), ("app", "other")[n % 2])
            if n > 0:  # those from before the limit are gone by then
                eventually(self.one_server_connection, 5, "one server connection in all")

    def one_server_connection(self):
        return self.server_connections("app") + self.server_connections("other") <= 1

    def test_a_busy_connection_does_not_give_way(self):
        self.limit(max_db_connections=1)
        self.end_server_connections()
        holder = self.connect()
        holder.query("BEGIN")
        waiting = Background(self.other_asks)
        eventually(lambda: sum(int(row["cl_waiting"]) for row in self.teal.console("SHOW POOLS")), 5, "the other to wait")
        for _ in throughout(0.6):
            self.assertTrue(waiting.is_waiting())
        holder.query("COMMIT")
        self.assertEqual(waiting.result(5), "other")

    def other_asks(self):
        with self.teal.connect(user="other") as c:
            return c.value("SELECT current_user")

    def test_reserve_opens_for_who_has_waited(self):
        self.limit(default_pool_size=1, reserve_pool_size=1, reserve_pool_timeout="400ms", max_user_connections=2)
        self.end_server_connections()
        holder, c, third = self.connect(), self.connect(), self.connect()
        holder.query("BEGIN")
        begun = time.monotonic()
        c.query("BEGIN")
        self.assertGreater(time.monotonic() - begun, 0.35)
        waiting = Background(third.value, "SELECT 1")
        for _ in throughout(0.8):
            self.assertTrue(waiting.is_waiting())
        c.query("COMMIT")
        self.assertEqual(waiting.result(5), "1")

    # -- attacks

    def test_resets_in_every_state(self):
        self.limit()
        login = pgwire.startup({"user": "app", "database": "app"})
        for words in (b"", login[:3], pgwire.special(pgwire.SSL_REQUEST), login, login + pgwire.query("BEGIN"),
                      login + pgwire.query("SELECT pg_sleep(0.2)"), login + pgwire.parse("SELECT 1"), login + b"Q\0\0"):
            for _ in range(5):
                sock = self.tcp()
                sock.sendall(words)
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                sock.close()
        self.assert_serving()
        self.wait_alone()

    def test_cancel_flood_costs_only_the_flooder(self):
        self.limit()
        c = self.connect()
        running = Background(c.query, "SELECT pg_sleep(20)")
        self.wait_running("pg_sleep(20)")
        flood = [self.tcp("127.0.0.9") for _ in range(200)]
        for sock in flood:
            sock.sendall(pgwire.cancel(c.pid, b"\0\0\0\0"))
        for sock in flood:
            self.told(sock)
        self.assertTrue(running.is_waiting())
        c.cancel()
        with self.refused("57014", "ERROR"):
            running.result(5)
