# SPDX-License-Identifier: PostgreSQL
"""A pair of several databases moves as one: prepared, checked, flipped and finished in all of them, or in none."""
import unittest

import pgwire
from cluster import has_version
from flips import FlipCase
from waiting import eventually

NAMES = ("app", "orders", "Odd 'name'")


class Databases(FlipCase):
    """Words for pairs of several databases: what a test writes goes to the writer itself, into each of them."""

    databases = NAMES
    pair_settings = {"databases": "*"}

    def put(self, label):
        """A row and two numbers of a sequence, in each database of the writer."""
        writer = self.sides()[0]
        for name in self.databases:
            with writer.connect(name, "app") as c:
                c.query("INSERT INTO item (label) VALUES ('%s in %s')" % (label, name.replace("'", "''")))
                c.query("SELECT nextval('lone'), nextval('lone')")

    def arrive(self, label):
        """What was put is on the other side, in each database."""
        other = self.sides()[1]
        for name in self.databases:
            eventually(lambda name=name: other.value("SELECT 1 FROM item WHERE label LIKE '%s in %%'" % label, name), 30,
                       "%s in %s of %s" % (label, name, other.name))

    def assert_equal_sides(self):
        for name in self.databases:
            sql = "SELECT count(*) || ' ' || coalesce(sum(hashtextextended(t::text, 0)), 0) FROM %s t"
            for table in ("item", "kv"):
                self.assertEqual(self.pair.blue.value(sql % table, name), self.pair.green.value(sql % table, name), (name, table))

    def last_numbers(self, cluster):
        return [int(cluster.value("SELECT last_value FROM lone", name)) for name in self.databases]

    def failures(self, command="CHECK"):
        """The findings that block, by their ids; the command may fail by them."""
        try:
            steps = self.teal.steps(command)
        except pgwire.PgError as e:
            steps = e.steps
        return {s["step"].split()[0]: s["detail"] for s in steps if s["result"] == "fail"}


class Moves:
    """What every kind of pair must do; mixed into the classes below."""

    def test_every_database_moves_there_and_back(self):
        self.put("first")
        for round in range(2):
            numbers = self.last_numbers(self.pair.blue)
            self.flip("CUTOVER")
            self.assert_one_writer()
            for before, after in zip(numbers, self.last_numbers(self.pair.green)):
                self.assertGreaterEqual(after, before)
            self.put("on green %d" % round)
            self.arrive("on green %d" % round)
            self.flip("ROLLBACK")
            self.put("on blue %d" % round)
            self.arrive("on blue %d" % round)
        self.drain()
        self.assert_equal_sides()

    def test_the_old_side_refuses_writes_in_every_database(self):
        self.flip("CUTOVER")
        for name in self.databases:
            with self.refused("25006"):
                with self.pair.blue.connect(name, "app") as c:
                    c.query("INSERT INTO item (label) VALUES ('two writers')")
            with self.pair.green.connect(name, "app") as c:
                c.query("INSERT INTO item (label) VALUES ('one writer')")
        self.flip("ROLLBACK")

    def test_the_deciding_row_is_in_one_database(self):
        tables = "SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class WHERE relnamespace = 'teal'::regnamespace AND relkind = 'r'"
        self.assertEqual(self.pair.blue.value(tables, "app"), "local_state marker")
        for name in self.databases[1:]:
            self.assertEqual(self.pair.blue.value(tables, name), "marker")

    def test_a_prepared_transaction_in_another_database_blocks(self):
        self.pair.blue.sql("BEGIN; INSERT INTO kv VALUES ('2pc', 'x'); PREPARE TRANSACTION 'elsewhere'", "orders")
        try:
            self.assertIn('database "orders": blue: elsewhere', self.failures()["B36"])
        finally:
            self.pair.blue.sql("ROLLBACK PREPARED 'elsewhere'", "orders")

    def test_a_setting_of_one_database_that_opens_the_fence_undoes_all(self):
        """ALTER DATABASE stands above the server's configuration: the fence would not hold there."""
        self.pair.blue.sql('ALTER DATABASE orders SET default_transaction_read_only = off')
        try:
            eventually(lambda: not self.operator_connections(), 30, "the operator's connections to be closed")
            with self.assertRaises(pgwire.PgError) as caught:
                self.teal.steps("CUTOVER")
            self.assertIn('database "orders": the fence does not hold', caught.exception.message)
            self.assertEqual(self.teal.writer(), "blue")
            self.assertFalse(self.pair.blue.read_only())
            self.put("after the undo")
        finally:
            self.pair.blue.sql("ALTER DATABASE orders RESET default_transaction_read_only")

    def operator_connections(self):
        return int(self.pair.blue.value("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'teal operator' "
                                        "AND datname = 'orders'"))

    def test_connections_of_a_command_are_closed_after_it(self):
        self.teal.steps("CHECK")
        self.assertGreater(self.operator_connections(), 0)
        eventually(lambda: not self.operator_connections(), 30, "the operator's connections to be closed")


class Physical(Moves, Databases):
    """A streaming standby: all databases of the cluster are promoted with it."""

    kind = "physical"
    settings = {"max_prepared_transactions": "5"}


class Logical(Moves, Databases):
    """The distribution's version on both sides: one stream at a time, in each database."""

    kind = "logical"
    settings = {"max_prepared_transactions": "5"}

    def test_idle_slots_of_all_databases_are_kept_near(self):
        """Nobody reads the slots of the way back: they must not keep WAL for ever."""
        other = self.sides()[1]
        start = other.value("SELECT pg_current_wal_lsn()")
        other.sql("SELECT count(pg_logical_emit_message(false, 'ballast', repeat('x', 1000000))) FROM generate_series(1, 40)", "orders")
        near = "SELECT count(*) FROM pg_replication_slots WHERE NOT active AND confirmed_flush_lsn - '%s' > 20000000" % start
        eventually(lambda: int(other.value(near)) == len(self.databases) + 1, 30, "the idle slots to follow, that of postgres too")


class TwoWay(Moves, Databases):
    """16 to 17: both streams run, in each database."""

    kind = "logical"
    versions = ("16", "17")
    settings = {"max_prepared_transactions": "5"}

    @classmethod
    def setUpClass(cls):
        if not (has_version("16") and has_version("17")):
            raise unittest.SkipTest("PostgreSQL 16 and 17 are not here (scripts/install-dependencies --green-version 16 ...)")
        super().setUpClass()


class NotPrepared(Databases):
    """Nothing is made in any database before all are as they must be."""

    kind = "logical"
    prepared = False

    def test_one_that_green_lacks_is_named_before_anything_is_made(self):
        self.pair.blue.sql("CREATE DATABASE extra")
        try:
            self.assertIn("1 databases are not on green: extra", self.failures()["F09"])
            with self.assertRaises(pgwire.PgError) as caught:
                self.teal.steps("PREPARE")
            self.assertIn("1 databases are not on green: extra", caught.exception.message)
            self.assertIn("CREATE DATABASE on green", caught.exception.hint)
            self.assertIsNone(self.pair.blue.value("SELECT to_regnamespace('teal')", "app"))
        finally:
            self.pair.blue.sql("DROP DATABASE extra WITH (FORCE)")


class Later(Databases):
    """A database that came after PREPARE."""

    kind = "logical"

    def test_one_that_was_created_after_prepare_blocks_until_it_is_prepared(self):
        self.wait_whole()
        for cluster in (self.pair.blue, self.pair.green):
            self.pair.create_database(cluster, "later")
            cluster.sql("CREATE TABLE thing (id bigserial PRIMARY KEY, t text)", "later")
        self.pair.blue.sql("INSERT INTO thing (t) VALUES ('before')", "later")
        self.assertIn("1 databases are not prepared: later. Run PREPARE", self.failures()["F03"])
        with self.assertRaises(pgwire.PgError) as caught:
            self.teal.steps("CUTOVER")
        self.assertIn("later", caught.exception.message)
        self.assertEqual(self.teal.writer(), "blue")
        self.teal.steps("PREPARE")
        self.wait_whole()
        self.flip("CUTOVER")
        self.assertEqual(self.pair.green.value("SELECT t FROM thing", "later"), "before")
        self.assertEqual(self.pair.green.value("SELECT nextval('thing_id_seq')", "later"), "2")
        self.flip("ROLLBACK")


class Finished(Databases):
    """The end of a pair."""

    kind = "logical"

    def test_finish_takes_every_stream_down(self):
        self.wait_whole()
        self.teal.steps("FINISH")
        for cluster in (self.pair.blue, self.pair.green):
            self.assertEqual(cluster.value("SELECT count(*) FROM pg_subscription"), "0")
            self.assertEqual(cluster.value("SELECT count(*) FROM pg_replication_slots"), "0")
            for name in self.databases:
                self.assertEqual(cluster.value("SELECT count(*) FROM pg_publication", name), "0")


class Some(Databases):
    """A list of names: only those move. What stays behind is told, and goes on taking writes: the fence is that of the databases."""

    kind = "logical"
    databases = ("app", "orders")
    pair_settings = {"databases": "app, orders"}

    def test_one_that_stays_behind_is_told(self):
        self.pair.blue.sql("CREATE DATABASE stays")
        try:
            found = [s["detail"] for s in self.teal.steps("CHECK") if s["step"].startswith("W09")]
            self.assertEqual(found, ["1 stay behind, and the fence leaves them as they are: stays"])
            self.put("some")
            self.pair.blue.sql("CREATE TABLE t (n int)", "stays")
            with self.pair.blue.connect("stays") as c:
                self.flip("CUTOVER")
                self.assertEqual(self.read_only(), {"app": True, "orders": True, "stays": False})
                c.query("INSERT INTO t VALUES (1)")  # the session was not ended, either
                self.flip("ROLLBACK")
            self.assertEqual(self.read_only(), {"app": False, "orders": False, "stays": False})
        finally:
            self.pair.blue.sql("DROP DATABASE stays WITH (FORCE)")

    def read_only(self):
        """What new sessions on blue begin with."""
        found = {}
        for name in ("app", "orders", "stays"):
            with self.pair.blue.connect(name) as c:
                found[name] = c.value("SHOW default_transaction_read_only") == "on"
        return found

    def test_a_fence_of_the_server_is_refused(self):
        self.pair.blue.sql("CREATE DATABASE stays")
        try:
            self.teal.console("SET fence = 'soft'")
            with self.refused("55000") as caught:
                self.teal.steps("CUTOVER")
            self.assertIn("ALTER SYSTEM would fence databases that are not of this pair", caught.exception.message)
        finally:
            self.teal.console("SET fence = 'auto'")
            self.pair.blue.sql("DROP DATABASE stays WITH (FORCE)")


class SomePhysical(Databases):
    """A standby has them all: a list that leaves one out is refused."""

    kind = "physical"
    prepared = False
    databases = ("app", "orders")
    pair_settings = {"databases": "app"}

    def test_one_that_is_left_out_blocks(self):
        with self.assertRaises(pgwire.PgError) as caught:
            self.teal.steps("PREPARE")
        self.assertIn("a physical green takes every database along", caught.exception.message)
        self.assertIn("orders", caught.exception.message)
        self.assertIn("databases = *", caught.exception.hint)


class CrashCase(Databases):
    """kill -9 when a line has run in the first of several databases: after the restart all of them are on one side."""

    def crash(self, point):
        self.teal.stop()
        self.teal.start(env={"TEAL_CRASH_AT": point})
        with self.assertRaises((pgwire.Closed, pgwire.PgError, OSError)):
            self.teal.steps("CUTOVER")
        eventually(lambda: not self.teal.is_running(), 10, "a crash at " + point)
        self.teal.wait_end()
        self.teal.start()
        self.assert_one_writer()
        self.put("crash at " + point)
        self.wait_whole()
        self.arrive("crash at " + point)
        self.home()
        self.wait_whole()
        self.drain()
        self.assert_equal_sides()


class Crash(CrashCase):
    kind = "logical"

    def test_crashes_between_databases(self):
        for point in ("catchup-mark:after", "sequences-set:after", "wayback-stream-off:after", "wayback-advance:after",
                      "open-epoch:after", "after-reverse-on:after"):
            with self.subTest(point=point):
                self.crash(point)


class CrashPhysical(CrashCase):
    kind = "physical"

    def test_crash_between_the_slots_of_a_promoted_standby(self):
        self.crash("open-slot:after")


class CrashPhysicalAfter(CrashCase):
    kind = "physical"

    def test_crash_between_the_streams_back(self):
        self.crash("after-subscribe-from:after")
