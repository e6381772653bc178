# SPDX-License-Identifier: PostgreSQL
"""The operator's role without superuser: made by what `tealctl grants` prints, it prepares, checks and moves the writes."""
import os
import unittest

import cluster
import pgwire
import verify
from case import Background
from cluster import HBA, has_version
from flips import FlipCase, Load
from teal import Teal
from waiting import eventually

# The application owns its tables; the superuser owns nothing that is to be moved.
OWNED = cluster.APP_SCHEMA + verify.SCHEMA + """
DO $$ DECLARE r record; BEGIN
    FOR r IN SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('r', 'p') AND n.nspname IN ('public', 'verify') LOOP
        EXECUTE format('ALTER TABLE %I.%I OWNER TO app', r.nspname, r.relname);
    END LOOP;
    ALTER SEQUENCE lone OWNER TO app;
    ALTER SCHEMA verify OWNER TO app;
END $$;
"""
OPERATOR = {"user": "teal", "password": "operator's \\ secret"}


class OperatorCase(FlipCase):
    """A pair whose operator is the role teal, which `tealctl grants` makes while Teal waits for it."""

    schema = OWNED

    @classmethod
    def make_pair(cls):
        if not all(v is None or has_version(v) for v in cls.versions):
            raise unittest.SkipTest("PostgreSQL %s is not here (scripts/install-dependencies --green-version N)" % cls.versions[0])
        pair = super().make_pair()
        for side in (pair.blue, pair.green):
            side.hba = "host all teal 127.0.0.1/32 scram-sha-256\n" + HBA
        return pair

    @classmethod
    def make_teal(cls):
        return Teal(cls.pair, blue=OPERATOR, green=OPERATOR, pair_settings=cls.pair_settings, serves=False, **cls.teal_settings)

    @classmethod
    def grant(cls, side):
        """What is printed runs in psql as it is, and again."""
        status, sql = cls.teal.ctl("grants", side.name)
        assert status == 0, sql
        path = os.path.join(cls.pair.work, "grants-%s.sql" % side.name)
        with open(path, "w") as f:
            f.write(sql)
        os.chmod(path, 0o644)
        side.psql_file(path, "app")
        side.psql_file(path, "app")
        side.sql("ALTER ROLE teal PASSWORD '%s'" % OPERATOR["password"].replace("'", "''"))

    @classmethod
    def prepare(cls):
        cls.grant_both()
        cls.teal.serves = True
        cls.teal.wait_ready(30)
        eventually(lambda: "not known yet" not in cls.teal.ctl("grants")[1], 10, "Teal to know of the database postgres")
        cls.grant_both()
        super().prepare()

    @classmethod
    def grant_both(cls):
        cls.grant(cls.pair.blue)
        if cls.kind == "logical":
            cls.grant(cls.pair.green)

    def fence(self, steps):
        """What CHECK says of the fence."""
        return [s["detail"] for s in steps if s["step"] == "F13 fence"][0]

    def on_both(self, sql):
        self.pair.blue.sql(sql)
        if not self.pair.green.in_recovery():
            self.pair.green.sql(sql)


class Flips:
    """What the operator can do; mixed into the classes below."""

    means = "by ALTER DATABASE"

    def test_it_is_no_superuser_and_every_check_passes(self):
        for side in (self.pair.blue, self.pair.green):
            self.assertEqual(side.value("SELECT rolsuper OR rolcreaterole OR rolbypassrls FROM pg_roles WHERE rolname = 'teal'"), "f")
        steps = self.teal.steps("CHECK")
        self.assertEqual([s for s in steps if s["result"] == "fail"], [])
        skipped = {s["step"]: s["detail"] for s in steps if s["result"] == "skip"}
        self.assertLessEqual(set(skipped), {"W45 role-passwords"})
        if skipped:
            self.assertIn("not checked", skipped["W45 role-passwords"])
        self.assertEqual(self.fence(steps), self.means)

    def test_cutover_and_rollback_under_load(self):
        with Load(self) as load:
            for command in ("CUTOVER", "ROLLBACK", "CUTOVER", "ROLLBACK"):
                self.flip(command)
                self.assert_one_writer()
                load.goes_on()
        self.assertEqual(load.verdict()[:5], [])

    def test_a_role_that_begins_read_write_and_cannot_be_altered_blocks(self):
        """ALTER ROLE .. SET beats ALTER DATABASE .. SET, and this operator has no CREATEROLE."""
        self.on_both("ALTER ROLE app SET default_transaction_read_only = off")
        try:
            with self.assertRaises(pgwire.PgError) as caught:
                self.teal.steps("CHECK")
            self.assertIn("sessions of app on blue begin read-write", self.fence(caught.exception.steps))
            with self.refused("55000"):
                self.teal.steps("CUTOVER")
            self.assertEqual(self.teal.writer(), "blue")
        finally:
            self.on_both("ALTER ROLE app RESET default_transaction_read_only")


class Logical16(Flips, OperatorCase):
    kind = "logical"
    versions = ("16", "16")
    pair_settings = {"fence": "database"}


class Logical17to18(Flips, OperatorCase):
    kind = "logical"
    versions = ("17", "18")
    pair_settings = {"fence": "database"}


class Physical18(Flips, OperatorCase):
    kind = "physical"
    versions = ("18", "18")
    pair_settings = {"fence": "database"}


class AlterSystem18(Flips, OperatorCase):
    """A superuser has given the right to ALTER SYSTEM this one setting: nothing of the database is changed."""

    kind = "logical"
    versions = ("18", "18")
    means = "by ALTER SYSTEM"

    def test_the_databases_stay_as_they_are(self):
        self.flip()
        self.assertEqual(self.pair.blue.value("SELECT count(*) FROM pg_db_role_setting"), "0")
        self.assert_one_writer()


class Strict17(OperatorCase):
    """fence = strict without superuser: the applications lose LOGIN, and get back what they had."""

    kind = "logical"
    versions = ("17", "17")
    pair_settings = {"fence": "strict"}

    @classmethod
    def grant(cls, side):
        side.sql("CREATE ROLE retired NOLOGIN")
        super().grant(side)
        side.sql("REVOKE ALTER SYSTEM ON PARAMETER default_transaction_read_only FROM teal")

    def logins(self, side):
        return side.value("SELECT string_agg(rolname, ' ' ORDER BY rolname) FROM pg_roles WHERE rolcanlogin AND NOT rolsuper")

    def test_applications_cannot_log_in_and_can_again(self):
        everybody = self.logins(self.pair.blue)
        self.flip()
        self.assertEqual(self.logins(self.pair.blue), "teal")
        with self.refused("28000"):
            self.pair.blue.connect("app", "app", options="-c default_transaction_read_only=off").close()
        self.assertEqual(self.logins(self.pair.green), everybody)
        self.flip("ROLLBACK")
        self.assertEqual(self.logins(self.pair.blue), everybody)
        self.assertEqual(self.pair.blue.value("SELECT kept IS NULL FROM teal.local_state WHERE side = 'blue'", "app"), "t")

    def test_a_role_that_begins_read_write_is_fenced_and_gets_its_setting_back(self):
        self.on_both("ALTER ROLE app SET default_transaction_read_only = off")
        self.on_both("ALTER ROLE other IN DATABASE app SET default_transaction_read_only = off")
        settings = ("SELECT string_agg(setrole::regrole || ' ' || setdatabase || ' ' || setconfig::text, ', ' ORDER BY setrole) "
                    "FROM pg_db_role_setting WHERE setrole <> 0")
        before = self.pair.blue.value(settings)
        try:
            for command in ("CUTOVER", "ROLLBACK"):
                self.flip(command)
            self.assertEqual(self.pair.blue.value(settings), before)
            self.flip()
            overrides = self.pair.blue.value("SELECT count(*) FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase "
                                             "WHERE d.datname = 'app' AND setconfig::text ~ 'read_only=on'")
            self.assertEqual(overrides, "3")  # of the database, of app, of other
            self.flip("ROLLBACK")
        finally:
            self.on_both("ALTER ROLE app RESET ALL")
            self.on_both("ALTER ROLE other IN DATABASE app RESET ALL")

    def test_reads_go_to_the_writer_until_the_fence_is_relaxed(self):
        self.flip()
        self.addCleanup(self.teal.console, "RELOAD")
        eventually(lambda: self.refuses_reads(), 10, "blue to be closed")
        self.teal.console("SET fence = 'auto'")
        self.teal.reads("blue")
        self.addCleanup(self.teal.console, "READS follow")
        with self.teal.connect() as c:
            eventually(lambda: c.value("SELECT current_setting('cluster_name')") == "blue", 10, "a read on blue")
        self.assertTrue(self.pair.blue.value("SELECT setconfig::text FROM pg_db_role_setting WHERE setrole = 0 AND setdatabase <> 0"))
        self.flip("ROLLBACK")

    def refuses_reads(self):
        with self.refused("55000") as caught:
            self.teal.console("READS blue")
        return "closed to applications" in caught.exception.message


class StrictSuperuser(FlipCase):
    """fence = strict of a superuser: the connection limit of the database is 0, and becomes what it was."""

    kind = "logical"
    pair_settings = {"fence": "strict"}
    limit = "SELECT datconnlimit FROM pg_database WHERE datname = 'app'"

    def setUp(self):
        super().setUp()
        self.pair.blue.sql("ALTER DATABASE app CONNECTION LIMIT 70")
        self.addCleanup(self.pair.blue.sql, "ALTER DATABASE app CONNECTION LIMIT -1")
        self.addCleanup(self.home)

    def test_a_rollback_restores_the_limit(self):
        self.flip()
        self.assertEqual(self.pair.blue.value(self.limit), "0")
        self.assertEqual(self.pair.green.value(self.limit), "-1")
        self.flip("ROLLBACK")
        self.assertEqual(self.pair.blue.value(self.limit), "70")
        self.assertEqual(self.pair.green.value(self.limit), "0")

    def test_an_undo_restores_the_limit(self):
        """The marker does not arrive: somebody takes the lock when the lag has been looked at already."""
        with self.teal.connect() as c, self.pair.green.connect("app", options="-c default_transaction_read_only=off") as locker:
            c.queries("BEGIN; INSERT INTO kv VALUES ('undone', 'x')")  # keeps the flip in its drain
            flip = Background(self.teal.steps, "CUTOVER")
            eventually(lambda: self.teal.console("SHOW CUTOVER")[0]["state"] == "drain", 5, "the flip to drain")
            locker.queries("BEGIN; LOCK TABLE teal.marker IN ACCESS EXCLUSIVE MODE")
            c.query("COMMIT")
            eventually(lambda: self.pair.blue.value(self.limit) == "0", 5, "the fence")
            with self.refused("TL001"):
                flip.result(20)
            locker.query("ROLLBACK")
        self.assertEqual(self.teal.writer(), "blue")
        self.assertEqual(self.pair.blue.value(self.limit), "70")

    def test_a_crash_restores_the_limit(self):
        self.teal.stop()
        self.teal.start({"TEAL_CRASH_AT": "fence-probe:after"})
        with self.assertRaises((pgwire.PgError, pgwire.Closed, OSError)):
            self.teal.steps("CUTOVER")
        self.teal.wait_end()
        self.assertEqual(self.pair.blue.value(self.limit), "0")
        self.teal.start()
        self.assertEqual(self.teal.writer(), "blue")
        self.assertEqual(self.pair.blue.value(self.limit), "70")

    def test_another_fence_and_reload_restore_the_limit(self):
        self.flip()
        self.teal.set("pair", fence="soft")
        self.teal.console("RELOAD")
        self.addCleanup(self.teal.console, "RELOAD")
        self.addCleanup(self.teal.set, "pair", fence="strict")
        eventually(lambda: self.pair.blue.value(self.limit) == "70", 10, "the limit of before")
        self.assertTrue(self.pair.blue.read_only())
        self.flip("ROLLBACK")


class Physical15(OperatorCase):
    """Before 16 nobody but a superuser makes a subscription: the operator promotes a standby, and there is no way back."""

    kind = "physical"
    versions = ("15", "15")
    pair_settings = {"fence": "database"}

    def test_a_cutover_without_a_way_back(self):
        with self.assertRaises(pgwire.PgError) as caught:
            self.teal.steps("CUTOVER")
        self.assertIn("B04d", caught.exception.message)
        self.assertEqual(self.teal.writer(), "blue")
        with Load(self, processes=1) as load:
            self.flip("CUTOVER NO ROLLBACK")
            load.goes_on()
        self.assertEqual([r for r in load.records() if r["r"] != "ok"][:3], [])
        self.assert_one_writer()
        self.assertEqual(self.pair.green.value("SELECT count(*) FROM pg_replication_slots"), "0")


class Physical16(Flips, OperatorCase):
    kind = "physical"
    versions = ("16", "16")
    pair_settings = {"fence": "database"}
