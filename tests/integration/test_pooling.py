# SPDX-License-Identifier: PostgreSQL
"""Many clients on few backends: nobody may notice the others."""
import threading
import time

import pgwire
from case import Background, PairCase
from waiting import eventually


class OneBackend(PairCase):
    """Every client shares a single backend: whatever leaks, leaks here."""

    teal_settings = {"workers": 1, "default_pool_size": 1}

    def test_two_clients_take_turns(self):
        a, b = self.connect(), self.connect()
        pids = {c.value("SELECT pg_backend_pid()") for c in (a, b, a, b)}
        self.assertEqual(len(pids), 1)

    def test_same_statement_name_means_each_client_its_own(self):
        a, b = self.connect(), self.connect()
        a.prepare("q", "SELECT 'a' || $1::text")
        b.prepare("q", "SELECT 'b' || $1::text")
        for n in range(5):
            self.assertEqual(a.run_prepared("q", (n,)).value(), "a%d" % n)
            self.assertEqual(b.run_prepared("q", (n,)).value(), "b%d" % n)

    def test_unnamed_statement_is_kept_apart(self):
        a, b = self.connect(), self.connect()
        a.prepare("", "SELECT 'a'")
        b.prepare("", "SELECT 'b'")
        self.assertEqual((a.run_prepared("").value(), b.run_prepared("").value()), ("a", "b"))

    def test_unknown_statement_stays_unknown_when_another_client_has_it(self):
        a, b = self.connect(), self.connect()
        a.prepare("mine", "SELECT 1")
        with self.refused("26000", "ERROR"):
            b.run_prepared("mine")
        self.assertEqual(a.run_prepared("mine").value(), "1")

    def test_deallocate_in_sql_hits_nobody_else(self):
        a, b = self.connect(), self.connect()
        a.prepare("keep", "SELECT 'kept'")
        b.query("DEALLOCATE ALL")
        self.assertEqual(a.run_prepared("keep").value(), "kept")

    def test_own_deallocate_all_forgets(self):
        a = self.connect()
        a.prepare("gone", "SELECT 1")
        a.query("DEALLOCATE ALL")
        with self.refused("26000"):
            a.run_prepared("gone")
        a.prepare("gone", "SELECT 2")
        self.assertEqual(a.run_prepared("gone").value(), "2")

    def test_many_names(self):
        a = self.connect()
        for n in range(300):
            a.prepare("n%d" % n, "SELECT %d" % n)
        for n in range(0, 300, 7):
            self.assertEqual(a.run_prepared("n%d" % n).value(), str(n))

    def test_waiting_query_is_cancelled_without_touching_the_server(self):
        a, b = self.connect(), self.connect()
        a.query("BEGIN")
        waiting = Background(b.query, "SELECT 'waited'")
        self.wait_session("waiting", b)
        self.assertTrue(waiting.is_waiting())
        b.cancel()
        with self.refused("57014", "ERROR"):
            waiting.result(5)
        a.query("COMMIT")
        self.assertEqual(b.value("SELECT 'next'"), "next")

    def test_waiting_client_gone_frees_its_place(self):
        a = self.connect()
        a.query("BEGIN")
        gone = self.connect()
        gone.send(pgwire.query("INSERT INTO kv VALUES ('waiting and gone', 'x')"))
        self.wait_session("waiting", gone)
        gone.reset()
        self.wait_session("gone", gone)
        a.query("COMMIT")
        self.assertEqual(a.value("SELECT count(*) FROM kv WHERE k = 'waiting and gone'"), "0")
        self.assert_serving()

    def test_client_gone_in_a_transaction_is_rolled_back(self):
        a, b = self.connect(), self.connect()
        a.query("BEGIN")
        a.query("INSERT INTO kv VALUES ('dirty', 'x')")
        a.reset()
        self.assertEqual(b.value("SELECT count(*) FROM kv WHERE k = 'dirty'"), "0")
        self.assertEqual(b.state, "I")

    def test_client_gone_after_an_error_in_a_transaction(self):
        a, b = self.connect(), self.connect()
        a.query("BEGIN")
        with self.refused("42601"):
            a.query("oops")
        a.close()
        self.assertEqual(b.value("SELECT 1"), "1")

    def test_client_gone_while_its_query_runs(self):
        a, b = self.connect(), self.connect()
        a.send(pgwire.query("SELECT pg_sleep(0.5)"))
        self.wait_running("pg_sleep(0.5)")
        a.reset()
        self.assertEqual(b.value("SELECT 'mine'"), "mine")

    def test_client_gone_with_answers_unread(self):
        a, b = self.connect(), self.connect()
        a.send(pgwire.query("SELECT repeat('x', 1000) FROM generate_series(1, 20000)"))
        self.wait_stalled()
        a.reset()
        self.assertEqual(b.value("SELECT 'mine'"), "mine")

    def test_partial_message_then_end(self):
        a, b = self.connect(), self.connect()
        a.send(pgwire.query("INSERT INTO kv VALUES ('partial', 'x')")[:-4])
        a.reset()
        self.assertEqual(b.value("SELECT count(*) FROM kv WHERE k = 'partial'"), "0")

    def test_batch_without_sync_then_end(self):
        a, b = self.connect(), self.connect()
        a.send(pgwire.whole("INSERT INTO kv VALUES ('no sync', 'x')") + pgwire.flush())
        a.expect("1")
        a.close()
        self.assertEqual(b.value("SELECT count(*) FROM kv WHERE k = 'no sync'"), "0")

    def test_query_and_terminate_in_one_segment_commits(self):
        for n in range(20):
            a = self.connect()
            a.send(pgwire.query("INSERT INTO kv VALUES ('last words %d', 'x')" % n) + pgwire.terminate())
            a.drain()
        c = self.connect()
        eventually(lambda: c.value("SELECT count(*) FROM kv WHERE k LIKE 'last words %'") == "20", 5, "twenty rows")

    def test_query_and_fin_commits(self):
        import socket
        a, b = self.connect(), self.connect()
        a.send(pgwire.query("INSERT INTO kv VALUES ('fin', 'x')"))
        a.sock.shutdown(socket.SHUT_WR)
        a.drain()
        eventually(lambda: b.value("SELECT count(*) FROM kv WHERE k = 'fin'") == "1", 5, "the row")

    def test_application_name_is_each_clients_own(self):
        a, b = self.connect(application_name="app a"), self.connect(application_name="app b")
        for _ in range(3):
            self.assertEqual(a.value("SHOW application_name"), "app a")
            self.assertEqual(b.value("SHOW application_name"), "app b")

    def test_client_encoding_is_each_clients_own(self):
        a, b = self.connect(client_encoding="LATIN1"), self.connect()
        a.send(pgwire.query("SELECT 'é'".encode("latin1")))
        self.assertEqual(a.collect()[0].rows[0][0].encode("utf8"), "\ufffd".encode("utf8"))
        self.assertEqual(b.value("SELECT 'é'"), "é")


class TwoBackends(PairCase):
    """What a session sets up stays with it, and with nobody else."""

    teal_settings = {"workers": 2, "default_pool_size": 2}

    def rotate(self):
        """Lets other clients use every backend in between."""
        for _ in range(3):
            with self.teal.connect(user="app") as c:
                c.value("SELECT 1")

    def test_set_holds_and_does_not_leak(self):
        a = self.connect()
        a.query("SET statement_timeout = '77s'")
        a.query("SET search_path TO pg_catalog")
        self.rotate()
        b = self.connect()
        self.assertEqual(b.value("SHOW statement_timeout"), "0")
        self.assertEqual(a.value("SHOW statement_timeout"), "77s")
        self.assertEqual(a.value("SHOW search_path"), "pg_catalog")
        self.assertNotEqual(b.value("SHOW search_path"), "pg_catalog")
        a.close()
        self.rotate()
        self.assertEqual(b.value("SHOW statement_timeout"), "0")

    def test_set_config_holds_and_does_not_leak(self):
        a, b = self.connect(), self.connect()
        a.query("SELECT set_config('work_mem', '7MB', false)")
        self.rotate()
        self.assertEqual(a.value("SHOW work_mem"), "7MB")
        self.assertEqual(b.value("SHOW work_mem"), "4MB")
        self.assertEqual(self.teal.console("SHOW SESSIONS PINNED"), [])
        with self.refused("22023"):
            a.query("SELECT set_config('work_mem', 'lots', false)")
        self.rotate()
        self.assertEqual(a.value("SHOW work_mem"), "7MB")
        a.query("SELECT set_config('work_mem', '5' || 'MB', false)")
        self.assertEqual(len(self.teal.console("SHOW SESSIONS PINNED")), 1)

    def test_set_local_ends_with_the_transaction(self):
        a = self.connect()
        a.queries("BEGIN; SET LOCAL work_mem = '9MB'")
        self.assertEqual(a.value("SHOW work_mem"), "9MB")
        a.query("COMMIT")
        self.assertEqual(a.value("SHOW work_mem"), "4MB")

    def test_set_rolled_back_is_gone(self):
        a = self.connect()
        a.queries("BEGIN; SET work_mem = '11MB'")
        a.query("ROLLBACK")
        self.rotate()
        self.assertEqual(a.value("SHOW work_mem"), "4MB")

    def test_set_role_holds_and_does_not_leak(self):
        self.pair.blue.sql("GRANT other TO app")
        a, b = self.connect(), self.connect()
        a.query("SET ROLE other")
        self.rotate()
        self.assertEqual(a.value("SELECT current_user"), "other")
        self.assertEqual(b.value("SELECT current_user"), "app")
        a.close()
        self.rotate()
        self.assertEqual(b.value("SELECT current_user"), "app")

    def test_temporary_table(self):
        a, b = self.connect(), self.connect()
        a.query("CREATE TEMP TABLE scratch (n int)")
        a.query("INSERT INTO scratch VALUES (1)")
        self.rotate()
        self.assertEqual(a.value("SELECT n FROM scratch"), "1")
        with self.refused("42P01"):
            b.query("SELECT n FROM scratch")

    def test_listen_and_notify(self):
        a, b = self.connect(), self.connect()
        a.query("LISTEN news")
        self.rotate()
        b.query("NOTIFY news, 'hello'")
        got = a.wait_notification(5)
        self.assertIsNotNone(got)
        self.assertEqual(got[1:], ("news", "hello"))

    def test_advisory_lock_stays_with_its_session(self):
        a, b = self.connect(), self.connect()
        self.assertEqual(a.value("SELECT pg_try_advisory_lock(42)"), "t")
        self.rotate()
        for _ in range(4):
            self.assertEqual(b.value("SELECT pg_try_advisory_lock(42)"), "f")
        self.assertEqual(a.value("SELECT pg_advisory_unlock(42)"), "t")
        eventually(lambda: b.value("SELECT pg_try_advisory_lock(42)") == "t", 5, "the lock")

    def test_advisory_lock_ends_with_its_session(self):
        a, b = self.connect(), self.connect()
        a.query("SELECT pg_advisory_lock(43)")
        a.close()
        eventually(lambda: b.value("SELECT pg_try_advisory_lock(43)") == "t", 5, "the lock")

    def test_prepare_in_sql(self):
        a, b = self.connect(), self.connect()
        a.query("PREPARE plan (int) AS SELECT $1 + 1")
        self.rotate()
        self.assertEqual(a.value("EXECUTE plan(1)"), "2")
        with self.refused("26000"):
            b.query("EXECUTE plan(1)")

    def test_cursor_with_hold(self):
        a = self.connect()
        a.query("DECLARE held CURSOR WITH HOLD FOR SELECT n FROM generate_series(1, 3) n")
        self.rotate()
        self.assertEqual(len(a.query("FETCH ALL FROM held").rows), 3)

    def test_currval_after_nextval(self):
        a = self.connect()
        """On a backend that others have used since, currval is refused; it never tells another session's number."""
        for _ in range(20):
            value = a.value("SELECT nextval('lone')")
            self.rotate()
            try:
                self.assertEqual(a.value("SELECT currval('lone')"), value)
            except pgwire.PgError as error:
                self.assertEqual(error.sqlstate, "55000")
        rows = a.queries("BEGIN; SELECT nextval('lone'); SELECT currval('lone'); COMMIT")
        self.assertEqual(rows[1].rows, rows[2].rows)

    def test_pinned_sessions_do_not_starve_the_rest_for_ever(self):
        """Two pinned sessions take both backends; a third client waits, and is served when one of them leaves."""
        a, b, c = self.connect(), self.connect(), self.connect()
        a.query("CREATE TEMP TABLE t1 (n int)")
        b.query("CREATE TEMP TABLE t2 (n int)")
        waiting = Background(c.value, "SELECT 'served'")
        self.wait_session("waiting", c)
        a.close()
        self.assertEqual(waiting.result(10), "served")

    def test_reset_all_at_the_end_of_several_statements(self):
        """Drivers clean up with it. It pins nobody, and what was set before is gone on every backend."""
        clean = "SELECT pg_advisory_unlock_all(); CLOSE ALL; UNLISTEN *; RESET ALL"
        a, b, c = self.connect(), self.connect(), self.connect()
        for one in (a, b, c):
            one.query("SET work_mem = '7MB'")
            one.queries(clean)
        self.assertEqual(self.teal.console("SHOW SESSIONS PINNED"), [])
        for one in (a, b, c):
            self.rotate()
            self.assertEqual(one.value("SHOW work_mem"), "4MB")
        a.query("SET work_mem = '8MB'")
        with self.refused("22012"):
            a.queries("SELECT 1/0; " + clean)
        self.assertEqual(a.value("SHOW work_mem"), "8MB")
        self.assertEqual(b.value("SHOW work_mem"), "4MB")

    def test_pinned_sessions_are_listed(self):
        a = self.connect()
        a.query("CREATE TEMP TABLE shown (n int)")
        rows = self.teal.console("SHOW SESSIONS PINNED")
        self.assertEqual(len(rows), 1, rows)


class Crowd(PairCase):
    """Answers go to their owner, also when fifty clients share five backends over two workers."""

    teal_settings = {"workers": 2, "default_pool_size": 5}

    def setUp(self):
        super().setUp()
        self.bad = []

    def chat(self, number, rounds):
        try:
            with self.teal.connect() as c:
                c.prepare("p", "SELECT $1::text, repeat('z', $2::int)")
                for n in range(rounds):
                    nonce = "%d-%d" % (number, n)
                    size = (number * 37 + n * 101) % 5000
                    row = c.run_prepared("p", (nonce, size)).rows[0]
                    if row != [nonce, "z" * size]:
                        self.bad.append((nonce, row[0]))
                    if n % 5 == 0:
                        answers = c.pipeline([("SELECT $1::text", ("%s/%d" % (nonce, k),)) for k in range(4)])
                        if [a.value() for a in answers] != ["%s/%d" % (nonce, k) for k in range(4)]:
                            self.bad.append((nonce, "pipeline"))
                    if n % 7 == 0 and c.value("SELECT '%s'" % nonce) != nonce:
                        self.bad.append((nonce, "simple"))
        except Exception as e:
            self.bad.append((number, repr(e)))

    def test_nonces(self):
        threads = [threading.Thread(target=self.chat, args=(n, 60)) for n in range(50)]
        for t in threads:
            t.start()
        for t in threads:
            t.join(90)
        self.assertEqual(self.bad, [])

    def test_no_session_waits_while_a_backend_is_idle(self):
        """The pool is one over all workers: five sleeping queries at a time whatever worker their clients fell to."""
        clients = [self.connect() for _ in range(5)]
        began = time.monotonic()
        calls = [Background(c.query, "SELECT pg_sleep(0.5)") for c in clients]
        for call in calls:
            call.result()
        self.assertLess(time.monotonic() - began, 1.2)

    def test_pool_size_is_kept(self):
        clients = [self.connect() for _ in range(12)]
        calls = [Background(c.query, "SELECT pg_sleep(0.3)") for c in clients]
        sql, running = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query = 'SELECT pg_sleep(0.3)'", []

        def all_have_run():
            running.append(int(self.pair.blue.value(sql)))
            return not any(call.is_waiting() for call in calls)
        eventually(all_have_run, 30, "all to have run")
        for call in calls:
            call.result()
        self.assertIn(max(running), (4, 5))


class Limits(PairCase):
    teal_settings = {"max_client_conn": 10, "query_wait_timeout": "500ms", "default_pool_size": 1, "workers": 1}

    def test_one_client_too_many(self):
        clients = [self.connect() for _ in range(10)]
        with self.refused("53300", "FATAL"):
            self.connect()
        clients[0].close()
        eventually(lambda: self.teal.connect().value("SELECT 1"), 5, "a place")

    def test_waiting_too_long_for_a_backend(self):
        a, b = self.connect(), self.connect()
        a.query("BEGIN")
        began = time.monotonic()
        with self.assertRaises((pgwire.PgError, pgwire.Closed)) as caught:
            b.query("SELECT 1")
        self.assertIsInstance(caught.exception, pgwire.PgError)
        self.assertGreater(time.monotonic() - began, 0.4)
        self.assertLess(time.monotonic() - began, 3)
        a.query("COMMIT")
        self.assertEqual(a.value("SELECT 1"), "1")

    def test_many_prepared_names_have_a_limit(self):
        a = self.connect()
        with self.refused("54000", "ERROR"):
            for n in range(1200):
                a.prepare("many%d" % n, "SELECT 1")
        self.assertEqual(a.run_prepared("many5").value(), "1")

    def test_backend_killed_while_idle_is_replaced(self):
        a = self.connect()
        pid = a.value("SELECT pg_backend_pid()")
        self.pair.blue.sql("SELECT pg_terminate_backend(%s)" % pid)
        self.teal.wait_server_gone(pid)
        self.assertNotEqual(a.value("SELECT pg_backend_pid()"), pid)

    def test_backend_killed_in_a_query_is_told(self):
        a = self.connect()
        pid = a.value("SELECT pg_backend_pid()")
        call = Background(a.query, "SELECT pg_sleep(20)")
        self.wait_running("pg_sleep(20)")
        self.pair.blue.sql("SELECT pg_terminate_backend(%s)" % pid)
        with self.assertRaises(pgwire.PgError) as caught:
            call.result(10)
        self.assertIn(caught.exception.sqlstate, ("57P01", "08006"))
        self.assert_serving()
