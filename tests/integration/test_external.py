# SPDX-License-Identifier: PostgreSQL
"""A green that somebody else keeps (kind = external): the sample hooks on real clusters, hooks that misbehave, kill -9."""
import os
import subprocess
import time
import unittest

import patroni
import pgwire
import verify
from case import PairCase
from cluster import TOP
from flips import FlipCase, Load
from waiting import eventually

POSTGRES_HOOK = os.path.join(TOP, "config", "hooks", "postgres")
PATRONI_HOOK = os.path.join(TOP, "config", "hooks", "patroni")
NEEDED = ("lag", "fence", "unfence", "promote")


class ExternalCase(FlipCase):
    """A promotion cannot be taken back, so each test has a pair of its own. Hooks can be put in front of the sample."""

    kind = "physical"
    prepared = False

    @classmethod
    def setUpClass(cls):
        pass

    @classmethod
    def tearDownClass(cls):
        pass

    def setUp(self):
        cls = type(self)
        cls.pair_settings = dict({"hook_" + name: POSTGRES_HOOK for name in NEEDED}, kind="external", hook_timeout="5s",
                                 require_way_back="no", **self.more_settings())
        PairCase.setUpClass.__func__(cls)
        self.addCleanup(PairCase.tearDownClass.__func__, cls)
        cls.flips_done = 0
        self.pair.blue.sql(verify.FILL, "app")
        super().setUp()
        self.teal.steps("PREPARE")
        self.pair.wait_caught_up()

    def more_settings(self):
        return {}

    # -- hooks of the test's own

    def script(self, name, body):
        """A program in the pair's folder; the sample is $SAMPLE, and each run leaves a line in the diary."""
        path = os.path.join(self.pair.work, name)
        with open(path, "w") as f:
            f.write('#!/bin/sh\nSAMPLE=%s\necho "$TEAL_HOOK $TEAL_FROM $TEAL_TO" >>%s\n%s\n' % (POSTGRES_HOOK, self.diary_path(), body))
        os.chmod(path, 0o755)
        return path

    def hook(self, name, body):
        """From now on this is hook_NAME."""
        self.teal.set("pair", **{"hook_" + name: self.script("hook-" + name, body)})
        self.teal.console("RELOAD")

    def diary_path(self):
        return os.path.join(self.pair.work, "diary")

    def diary(self):
        try:
            with open(self.diary_path()) as f:
                return [line.split()[0] for line in f]
        except FileNotFoundError:
            return []

    # -- claims

    def steps_of(self, steps):
        return {s["step"]: s for s in steps}

    def assert_clean(self, load, flips, allowed=()):
        """Nothing lost, doubled or stranded; the old side is left behind, so it holds a part of what the writer has."""
        writer, other = self.sides()
        here, there = verify.rows_of(writer), verify.rows_of(other)
        found = [v for v in verify.judge(load.records(), here, None, flips) if v[0] not in allowed]
        self.assertEqual(found[:5], [])
        for table in ("op", "serial"):
            self.assertEqual(set(there[table]) - set(here[table]), set())

    def assert_undone(self, command="CUTOVER"):
        """The command fails, and writes go on at blue, which is not fenced; the error."""
        with self.assertRaises(pgwire.PgError) as caught:
            self.teal.steps(command)
        self.assertEqual(self.teal.writer(), "blue")
        self.assertFalse(self.pair.blue.read_only())
        self.assertTrue(self.pair.green.in_recovery())
        with self.teal.connect() as c:
            c.query("INSERT INTO kv VALUES ('%d', 'x')" % time.monotonic_ns())
        return caught.exception


class SampleHooks(ExternalCase):
    """config/hooks/postgres: a second, plain PostgreSQL."""

    def test_cutover_under_load(self):
        with Load(self) as load:
            steps = self.flip()
            load.goes_on()
        self.assert_clean(load, 1)
        self.assert_one_writer()
        self.assertFalse(self.pair.green.in_recovery())
        self.assertTrue(self.pair.blue.read_only())
        told = self.steps_of(steps)
        self.assertIn("says hook_lag and the marker", told["catch-up"]["detail"])
        self.assertIn("there is NO way back", told[""]["detail"])
        self.assertEqual(self.teal.console("SHOW CUTOVER")[0]["kind"], "external")

    def test_check_tells_of_the_hooks(self):
        checks = {s["step"]: s for s in self.teal.steps("CHECK")}
        self.assertEqual(checks["F08 target-closed"]["result"], "ok")
        self.assertEqual(checks["F10 hook-lag"]["result"], "ok")
        self.assertEqual(checks["F11 hook-way-back"]["result"], "warn")

    def test_without_a_way_back_it_must_be_asked_for(self):
        self.teal.set("pair", require_way_back="yes")
        self.teal.console("RELOAD")
        self.assertIn("hook-way-back", str(self.assert_undone()))
        self.flip("CUTOVER NO ROLLBACK")

    def test_a_second_flip_to_where_nobody_follows_is_refused(self):
        self.flip()
        with self.assertRaises(pgwire.PgError) as caught:
            self.teal.steps("ROLLBACK")
        self.assertIn("hook_lag refuses: blue is no standby", str(caught.exception))
        self.assertEqual(self.teal.writer(), "green")

    def test_a_restart_knows_the_writer(self):
        self.flip()
        self.teal.stop()
        self.teal.start()
        self.assertEqual(self.teal.writer(), "green")
        os.unlink(self.teal.sections["teal"]["state_file"])
        self.teal.stop()
        self.teal.start()
        self.assertEqual(self.teal.writer(), "green")


class BadHooks(ExternalCase):
    """What hooks may do wrong before the commit, and what comes of it."""

    def test_each_failure_is_told_and_undone(self):
        for body, words in (
                ("echo broken >&2; exit 3", "hook_fence ends with exit status 3 (broken)"),
                ("kill -SEGV $$", "hook_fence was ended by signal 11"),
                ("exit 0", "hook_fence answers nothing"),
                ("echo nonsense", "hook_fence answers no JSON"),
                ("""echo '{"ok": false, "error": "not today"}'""", "hook_fence refuses: not today"),
                ("head -c 70000 /dev/zero", "hook_fence answers with more than 65536 bytes"),
                ("""echo '{"ok": true}'""", "hook_fence does not hold: a new session on blue could still write")):
            with self.subTest(words):
                self.hook("fence", body)
                self.assertIn(words, str(self.assert_undone()))

    def test_a_hook_that_hangs_ends_with_its_time(self):
        self.teal.set("pair", hook_timeout="2s")
        self.hook("fence", "sleep 60 & sleep 60")
        began = time.monotonic()
        self.assertIn("hook_fence did not end within 2000 ms", str(self.assert_undone()))
        self.assertLess(time.monotonic() - began, 20)

    def test_a_fence_that_works_and_then_fails_is_taken_back(self):
        self.hook("fence", "$SAMPLE; exit 1")
        self.assertIn("hook_fence says that it is ok, and ends with exit status 1", str(self.assert_undone()))

    def test_a_promotion_that_is_refused_is_undone(self):
        self.hook("promote", """echo '{"ok": false, "error": "no quorum"}'""")
        self.assertIn("hook_promote refuses: no quorum", str(self.assert_undone()))

    def test_a_lag_that_never_ends_is_undone(self):
        self.hook("lag", """if [ -z "$TEAL_LSN" ]; then exec $SAMPLE; else echo '{"ok": true, "lag_bytes": 7}'; fi""")
        error = str(self.assert_undone())
        self.assertIn("green is 7 bytes, 0 ms behind, says hook_lag", error)

    def test_a_promotion_of_unknown_outcome_goes_forward(self):
        """It works, and nobody hears of it: the server is asked."""
        with Load(self, processes=1) as load:
            self.hook("promote", "$SAMPLE >&2; exit 1")
            self.flip()
            load.goes_on()
        self.assert_clean(load, 1)
        self.assert_one_writer()

    def test_a_promotion_that_fails_once_is_asked_for_again(self):
        flag = os.path.join(self.pair.work, "failed")
        self.hook("promote", "if [ -e %s ]; then exec $SAMPLE; fi; touch %s; exit 1" % (flag, flag))
        self.flip()
        self.assertEqual(self.diary().count("promote"), 2)

    def test_a_server_that_a_hook_has_made_writable_before_is_refused(self):
        self.pair.green.sql("SELECT pg_promote()")
        with self.assertRaises(pgwire.PgError) as caught:
            self.teal.steps("CUTOVER")
        self.assertEqual(self.teal.writer(), "blue")
        self.assertIn("check", str(caught.exception))


class Failover(ExternalCase):
    """pause_ha and resume_ha go around whatever a flip does."""

    def more_settings(self):
        return {"hook_pause_ha": "/bin/false", "hook_resume_ha": "/bin/false"}  # until the test has its own

    def setUp(self):
        super().setUp()
        for name in ("pause_ha", "resume_ha"):
            self.hook(name, """echo '{"ok": true}'""")

    def test_a_flip_ends_with_it(self):
        self.flip()
        self.assertEqual(self.diary(), ["pause_ha", "resume_ha"])

    def test_an_undo_ends_with_it(self):
        self.hook("fence", "exit 1")
        self.assert_undone()
        self.assertEqual(self.diary(), ["pause_ha", "fence", "resume_ha"])

    def test_a_pause_that_fails_ends_with_it(self):
        self.hook("pause_ha", """echo '{"ok": false, "error": "no leader"}'""")
        self.assertIn("hook_pause_ha refuses: no leader", str(self.assert_undone()))
        self.assertEqual(self.diary(), ["pause_ha", "resume_ha"])

    def test_a_crash_ends_with_it(self):
        for point in ("pause-ha:after", "fence:after"):
            with self.subTest(point):
                open(self.diary_path(), "w").close()
                self.teal.stop()
                self.teal.start(env={"TEAL_CRASH_AT": point})
                with self.assertRaises((pgwire.Closed, pgwire.PgError, OSError)):
                    self.teal.steps("CUTOVER")
                self.teal.wait_end()
                self.teal.start()
                eventually(lambda: self.diary()[-1:] == ["resume_ha"], 20, "resume_ha")
                self.assertEqual(self.teal.writer(), "blue")

    def test_a_resume_that_fails_is_told(self):
        self.hook("resume_ha", "echo gone >&2; exit 1")
        steps = self.flip()
        self.assertIn("failover is still paused: hook_resume_ha ends with exit status 1 (gone)",
                      self.steps_of(steps)["resume-ha"]["detail"])
        self.hook("resume_ha", """echo '{"ok": true}'""")
        before = len(self.diary())
        eventually(lambda: len(self.diary()) > before, 20, "resume_ha to be tried again")


class Crash(ExternalCase):
    """kill -9 of Teal at a point, and in the middle of a hook; afterwards one side has the writes."""

    def crash(self, point):
        self.teal.stop()
        self.teal.start(env={"TEAL_CRASH_AT": point})
        with Load(self, processes=1, clients=4) as load:
            with self.assertRaises((pgwire.Closed, pgwire.PgError, OSError)):
                self.teal.steps("CUTOVER")
            self.teal.wait_end()
            self.teal.start()
            side = self.teal.writer()
            load.goes_on()
        self.assert_clean(load, 1, allowed=("ERROR",))
        self.assert_one_writer()
        return side

    def kill_in(self, name):
        """The hook tells where it is and waits; then Teal dies, and the hook goes on alone."""
        mark, go = (os.path.join(self.pair.work, word) for word in ("mark", "go"))
        self.hook(name, "if [ ! -e %s ]; then touch %s; while [ ! -e %s ]; do sleep 0.02; done; fi; exec $SAMPLE" % (mark, mark, go))
        with Load(self, processes=1, clients=4) as load:
            with self.teal.admin() as console:
                console.send(pgwire.query("CUTOVER"))
                eventually(lambda: os.path.exists(mark), 20, "hook_%s to run" % name)
                self.teal.kill()
            self.teal.start(wait=False)
            eventually(lambda: "hook is run" in self.teal.log_tail(20000) or True, 1, "the start")
            open(go, "w").close()
            self.teal.wait_ready(30)
            load.goes_on()
            side = self.teal.writer()
        self.assert_clean(load, 1, allowed=("ERROR",))
        eventually(self.one_writer, 20, "one side that refuses writes")
        return side

    def one_writer(self):
        try:
            self.assert_one_writer()
            return True
        except (AssertionError, pgwire.PgError):
            return False

    def test_in_the_fence(self):
        self.assertEqual(self.kill_in("fence"), "blue")

    def test_in_the_promotion(self):
        self.assertEqual(self.kill_in("promote"), "green")


def add_points():
    """Which side may have the writes after a crash there."""
    for point, side in (("fence-hook:before", "blue"), ("fence-hook:after", "blue"), ("fence-hook-probe:after", "blue"),
                        ("catchup-hook-lag:before", "blue"), ("catchup-hook-lag:after", "blue"),
                        ("promote-record:after", "green"), ("promote-hook:before", "green"), ("promote-hook:after", "green"),
                        ("promote-seen:after", "green"), ("open-row:after", "green"), ("release:after", "green")):
        def test(self, point=point, side=side):
            self.assertEqual(self.crash(point), side)

        setattr(Crash, "test_at_" + point.replace("-", "_").replace(":", "_"), test)


add_points()


class Configuration(ExternalCase):
    """Mistakes that --check-config finds."""

    def check(self, **settings):
        self.teal.set("pair", **settings)
        done = subprocess.run([os.path.join(os.environ["TEAL_BUILD"], "teal"), "--check-config", self.teal.ini],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        return done.returncode, done.stdout

    def test_a_hook_is_there_and_may_be_run(self):
        self.assertEqual(self.check()[0], 0)
        for value, words in (("", "is missing in [pair]"), ("/no/such/hook", "No such file"), ("hook", "is no absolute path"),
                             ("/bin/sh 'x", "ends within quotes"), (self.teal.ini, "Permission denied")):
            with self.subTest(value):
                status, text = self.check(hook_fence=value)
                self.assertEqual(status, 1)
                self.assertIn("hook_fence", text)
                self.assertIn(words, text)


@unittest.skipUnless(patroni.is_here(), "Patroni is not here: scripts/install-dependencies --patroni")
class Patroni(ExternalCase):
    """config/hooks/patroni: a real Patroni on both sides, green as a standby cluster of blue."""

    @classmethod
    def make_pair(cls):
        return patroni.PatroniPair(schema=cls.schema)

    def setUp(self):
        super().setUp()
        blue, green = self.pair.blue, self.pair.green
        self.command = "%s --blue %s --green %s" % (PATRONI_HOOK, blue.url(), green.url())
        self.teal.set("pair", **{"hook_" + name: self.command for name in NEEDED + ("pause_ha", "resume_ha")})
        self.teal.console("RELOAD")

    def wait_config(self, pause, guard):
        """Patroni shows what its last turn has seen, which may be a moment old."""
        def as_wanted():
            config = self.pair.blue.config()
            return ("pause" in config, "default_transaction_read_only" in config["postgresql"]["parameters"]) == (pause, guard)
        eventually(as_wanted, 10, "blue's configuration to be (paused, fenced) = %s" % ((pause, guard),))

    def test_cutover_under_load(self):
        with Load(self) as load:
            steps = self.steps_of(self.flip())
            load.goes_on()
        self.assert_clean(load, 1)
        self.assert_one_writer()
        self.assertEqual(self.pair.green.status()["role"], "primary")
        eventually(lambda: "standby_cluster" not in self.pair.green.config(), 10, "green to be no standby cluster")
        self.assertEqual(steps["pause-ha"]["detail"], "the cluster of blue is paused")
        self.assertEqual(steps["resume-ha"]["detail"], "the cluster of blue goes on")
        self.wait_config(pause=False, guard=True)

    def test_an_undo_leaves_nothing_behind(self):
        seen = os.path.join(self.pair.work, "seen")
        look = "%s -c 'import urllib.request as u; print(u.urlopen(\"%s/config\").read().decode())' | tee %s" % (
            patroni.PYTHON, self.pair.blue.url(), seen)
        self.hook("promote", "until %s | grep -q read_only; do :; done\n" % look + """echo '{"ok": false, "error": "not today"}'""")
        self.assertIn("hook_promote refuses: not today", str(self.assert_undone()))
        with open(seen) as f:
            config = f.read()
        self.assertIn('"pause": true', config)
        self.assertIn('"default_transaction_read_only": "on"', config)
        self.wait_config(pause=False, guard=False)

    def test_a_crash_behind_the_promotion_goes_forward(self):
        self.teal.stop()
        self.teal.start(env={"TEAL_CRASH_AT": "promote-hook:after"})
        with self.assertRaises((pgwire.Closed, pgwire.PgError, OSError)):
            self.teal.steps("CUTOVER")
        self.teal.wait_end()
        self.teal.start()
        self.assertEqual(self.teal.writer(), "green")
        eventually(lambda: "pause" not in self.pair.blue.config(), 20, "failover to go on")

    def test_a_green_of_another_cluster_is_refused(self):
        self.teal.set("pair", hook_lag="%s --blue %s --green %s" % (PATRONI_HOOK, self.pair.blue.url(), self.pair.blue.url()))
        self.teal.console("RELOAD")
        with self.assertRaises(pgwire.PgError) as caught:
            self.teal.steps("CUTOVER")
        self.assertIn("hook_lag refuses: the target is no standby cluster", str(caught.exception))
