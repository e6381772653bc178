# SPDX-License-Identifier: PostgreSQL
"""A failover inside a side: the route and the epoch stay, what cannot have run waits, the rest is told honestly."""
import time

import pgwire
import verify
from case import Background, PairCase
from flips import FlipCase, Load
from waiting import eventually, throughout

NODE = "SELECT current_setting('cluster_name')"


class FailoverCase(PairCase):
    """A blue of a primary and a standby; each test begins with both, whichever is the primary."""

    standbys = {"blue": 1}
    teal_settings = {"workers": 2}

    failovers = 0  # in the life of the class

    def setUp(self):
        super().setUp()
        self.side = self.pair.sides["blue"]
        if not self.side.primary.is_running():
            self.side.primary.start()
        for node in self.side.nodes:
            if node is not self.side.primary and not (node.is_running() and node.in_recovery()):
                self.side.rejoin(node)
        self.side.synchronous()
        eventually(lambda: self.node() == self.side.primary.name, 10, "writes to go to " + self.side.primary.name)

    def node(self, **kwargs):
        """Who answers a write through Teal."""
        with self.teal.connect(timeout=20, **kwargs) as c:
            c.query("BEGIN")
            name = c.value(NODE)
            c.query("ROLLBACK")
            return name

    def route(self):
        row = self.teal.console("SHOW PAIR")[0]
        return row["writer"], row["epoch"]

    def kill_primary(self):
        """It is dead, and Teal has noticed."""
        self.side.kill_primary()
        eventually(lambda: not any(row["side"] == "blue" and row["role"] == "primary" and row["up"] == "yes"
                                   for row in self.teal.console("SHOW LAG")), 10, "the primary to be missed")

    def rows_of(self, key):
        return int(self.side.primary.value("SELECT count(*) FROM kv WHERE k = '%s'" % key, "app"))


class Failover(FailoverCase):
    def test_route_and_epoch_stay(self):
        route, old = self.route(), self.side.primary
        _, new = self.side.fail_over()
        self.assertEqual(self.node(), new.name)
        self.assertNotEqual(new, old)
        self.assertEqual(self.route(), route)

    def test_a_write_waits_for_the_new_writer(self):
        c = self.connect()
        c.query("SELECT 1")
        self.kill_primary()
        write = Background(c.query, "INSERT INTO kv VALUES ('waits', 'x')")
        self.wait_session("waiting", c)
        self.side.promote()
        write.result(10)
        self.assertEqual(self.rows_of("waits"), 1)

    def test_a_new_client_waits_as_well(self):
        self.kill_primary()
        node = Background(self.node)
        self.side.promote()
        self.assertEqual(node.result(10), self.side.primary.name)

    def test_writes_flow_within_a_second_of_the_promotion(self):
        c = self.connect()
        c.query("SELECT 1")
        self.kill_primary()
        write = Background(c.query, "INSERT INTO kv VALUES ('soon', 'x')")
        self.wait_session("waiting", c)
        self.side.promote()
        promoted = time.monotonic()
        write.result(10)
        self.assertLess(time.monotonic() - promoted, 1)

    def test_a_statement_under_way_is_told_unknown(self):
        c = self.connect()
        write = Background(c.query, "INSERT INTO kv SELECT 'under way', 'x' FROM (SELECT pg_sleep(30)) s")
        eventually(lambda: self.side.primary.value(
            "SELECT 1 FROM pg_stat_activity WHERE query LIKE 'INSERT INTO kv SELECT%' AND state = 'active'"), 10, "the statement to run")
        self.side.fail_over()
        with self.assertRaises(pgwire.PgError) as caught:
            write.result(20)
        self.assertIn(caught.exception.sqlstate, ("08006", "57P01"))
        self.assertIn("unknown", caught.exception.message)
        self.assertEqual(self.rows_of("under way"), 0)

    def test_a_transaction_that_was_open_is_told_that_it_did_not_happen(self):
        c = self.connect()
        c.query("BEGIN")
        c.query("INSERT INTO kv VALUES ('open', 'x')")
        self.side.fail_over()
        with self.assertRaises(pgwire.PgError) as caught:
            c.query("COMMIT")
        self.assertIn(caught.exception.sqlstate, ("08006", "57P01", "40001", "25P02"))
        self.assertNotIn("unknown", caught.exception.message)
        self.assertEqual(self.rows_of("open"), 0)

    def test_who_waited_too_long_is_refused_and_nothing_ran(self):
        self.setting(failover_hold="1s")
        c = self.connect()
        c.query("SELECT 1")
        self.kill_primary()
        with self.assertRaises(pgwire.PgError) as caught:
            c.query("INSERT INTO kv VALUES ('too long', 'x')")
        self.assertIn(caught.exception.sqlstate, ("57P03", "08006"))
        self.assertNotIn("unknown", caught.exception.message)
        self.side.promote()
        self.assertEqual(self.node(), self.side.primary.name)
        self.assertEqual(self.rows_of("too long"), 0)

    def test_a_standby_that_goes_and_comes_disturbs_no_write(self):
        standby, c = self.side.standbys()[0], self.connect()
        self.side.synchronous(False)
        standby.stop("kill")
        for n, _ in enumerate(throughout(1)):
            c.query("INSERT INTO kv VALUES ('undisturbed %d', 'x')" % n)
        standby.start()
        self.side.wait_streaming(standby)
        self.assertEqual(self.node(), self.side.primary.name)

    def test_many_failovers(self):
        c = self.connect()
        for n in range(4):
            old, new = self.side.fail_over()
            eventually(lambda: self.node() == new.name, 10, "writes to go to " + new.name)
            self.side.rejoin(old)


class Strays(FailoverCase):
    """The old writer comes back as a second primary."""

    def assert_written_only_by(self, new, stray, key):
        with self.teal.connect() as c:
            for n, _ in enumerate(throughout(2)):
                c.query("INSERT INTO kv VALUES ('%s %d', 'x')" % (key, n))
        count = "SELECT count(*) FROM kv WHERE k LIKE '%s %%'" % key
        self.assertEqual(int(new.value(count, "app")), n + 1)
        self.assertEqual(int(stray.value(count, "app")), 0)

    def test_it_is_not_written_to(self):
        old, new = self.side.fail_over()
        self.assertEqual(self.node(), new.name)
        self.side.come_back(old)
        self.assertFalse(old.in_recovery())
        self.assert_written_only_by(new, old, "stray")

    def test_it_is_not_written_to_by_a_teal_that_starts_anew(self):
        old, new = self.side.fail_over()
        self.assertEqual(self.node(), new.name)
        self.side.come_back(old)
        self.teal.kill()
        self.teal.start()
        self.assert_written_only_by(new, old, "anew")

    def test_it_is_not_written_to_when_it_was_promoted_while_teal_was_away(self):
        self.teal.stop()
        old, new = self.side.fail_over()
        self.side.come_back(old)
        self.teal.start()
        self.assert_written_only_by(new, old, "away")

    def test_it_is_told(self):
        old, new = self.side.fail_over()
        self.assertEqual(self.node(), new.name)
        with self.teal.logs(str(old.port), 15):
            self.side.come_back(old)


class UnderLoad(FailoverCase, FlipCase):
    """What clients were told is what is there; a cutover after a failover is one like any other."""

    prepared = False

    def setUp(self):
        FailoverCase.setUp(self)

    def fail_over(self, load):
        self.side.fail_over()
        type(self).failovers += 1
        load.goes_on()

    def judge(self, load):
        found = verify.judge(load.records(), verify.rows_of(self.side.primary), None, self.failovers)
        self.assertEqual([f for f in found if f[0] != "ERROR"], [])

    def test_nothing_is_lost_or_doubled(self):
        with Load(self) as load:
            self.fail_over(load)
        self.judge(load)

    def test_errors_are_only_those_of_what_was_under_way(self):
        """A client has one statement at a time, so it sees one error at most."""
        with Load(self, processes=1, clients=4) as load:
            self.fail_over(load)
        errors = [r for r in load.records() if r["r"] != "ok"]
        self.assertLessEqual(len(errors), 4, errors)
