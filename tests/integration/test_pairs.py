# SPDX-License-Identifier: PostgreSQL
"""Two pairs of three databases in one Teal: every command of the console, and tealctl with --pair and --json.

HELP is the list of the commands: one that this file does not know fails a test, so that none is forgotten.
"""
import json
import re

import cluster
import pgwire
import verify
from case import PairCase
from waiting import eventually

DATABASES = {"shop": ("a1", "a2", "a3"), "crm": ("b1", "b2", "b3")}

# Reports that tell of the pairs, or of their databases: what must stand in them.
OF_PAIRS = {"SHOW STATUS", "STATUS", "SHOW STATE", "SHOW PAIR", "SHOW LAG", "SHOW NODES", "SHOW CUTOVER", "SHOW DATABASES", "SHOW DNS_HOSTS"}
# Reports of the process.
OF_ALL = {"SHOW POOLS", "SHOW CLIENTS", "SHOW SESSIONS", "SHOW SERVERS", "SHOW SOCKETS", "SHOW ACTIVE_SOCKETS", "SHOW USERS", "SHOW ERRORS",
          "SHOW STATS", "SHOW STATS_TOTALS", "SHOW STATS_AVERAGES", "SHOW TOTALS", "SHOW LISTS", "SHOW CONFIG", "SHOW VERSION", "SHOW MEM",
          "SHOW DNS_ZONES", "SHOW PEERS", "SHOW PEER_POOLS", "SHOW HELP", "HELP"}
# What changes something: which argument it takes, and the name of the test that plays it.
OF_ONE_PAIR = {"CHECK": "", "PREPARE": "", "READS": "green", "WRITES": "green", "CUTOVER": "", "ROLLBACK": "", "FINISH": "", "HOLD": "1s",
               "RELEASE": ""}
OF_DATABASES = {"PAUSE", "RESUME", "KILL", "RECONNECT", "WAIT_CLOSE", "DISABLE", "ENABLE"}
OF_THE_PROCESS = {"KILL_CLIENT", "RELOAD", "SET", "SHUTDOWN"}
REFUSED = {"SHOW FDS", "SUSPEND"}
EXPLAINED = {"EXPLAIN ROUTE", "GRANTS"}


class TwoPairs(PairCase):
    """shop is physical, crm is logical."""

    pairs = {"shop": {"databases": DATABASES["shop"]}, "crm": {"databases": DATABASES["crm"], "kind": "logical"}}
    schema = cluster.APP_SCHEMA + verify.SCHEMA

    def route(self, pair):
        row = self.teal.console("SHOW PAIR " + pair)[0]
        return row["writer"], int(row["epoch"]), row["reads"], row["held"]

    def writers(self):
        """Of each pair, over all its databases."""
        return {pair: {self.teal.writer(database) for database in names} for pair, names in DATABASES.items()}

    def json_of(self, *words):
        status, out = self.teal.ctl("--json", *words)
        self.assertEqual(status, 0, out)
        return json.loads(out)


class Reports(TwoPairs):
    def words(self):
        """Of every command in HELP, without what follows."""
        found = set()
        for row in self.teal.console("SHOW HELP"):
            found.add(re.match(r"[A-Z_0-9]+( [A-Z_0-9]+)*", row["command"]).group(0))
        return found

    def test_no_command_is_forgotten_here(self):
        known = OF_PAIRS | OF_ALL | set(OF_ONE_PAIR) | OF_DATABASES | OF_THE_PROCESS | REFUSED | EXPLAINED
        self.assertEqual(self.words() ^ known, set())

    def test_reports_of_pairs_tell_both_or_the_one_that_is_named(self):
        for words in sorted(OF_PAIRS):
            with self.subTest(words):
                both = self.teal.console(words)
                each = {pair: self.teal.console("%s PAIR %s" % (words, pair)) for pair in DATABASES}
                self.assertGreaterEqual(len(both), max(len(rows) for rows in each.values()))
                for pair in DATABASES:
                    other = next(name for name in DATABASES if name != pair)
                    self.assert_tells(words, pair, both)
                    self.assert_tells(words, pair, each[pair])
                    self.assertNotIn(other, self.names_in(each[pair]))

    def names_in(self, rows):
        """The pairs of which a report says anything, by name or by a database."""
        text = " ".join(str(value) for row in rows for value in row.values())
        return {pair for pair, names in DATABASES.items() if any(re.search(r"\b%s\b" % name, text) for name in (pair, *names))}

    def assert_tells(self, words, pair, rows):
        if words == "SHOW CUTOVER" or words == "SHOW DNS_HOSTS":
            return  # of one pair alone they need no name
        if len(rows) and words in ("SHOW LAG", "SHOW STATE") and "pair" not in rows[0]:
            return
        self.assertIn(pair, self.names_in(rows))

    def test_the_others_tell_of_all(self):
        with self.teal.connect("a1") as a, self.teal.connect("b2") as b:
            a.query("BEGIN; SELECT 1")
            b.query("BEGIN; SELECT 1")
            for words in sorted(OF_ALL):
                with self.subTest(words):
                    rows = self.teal.console(words)
                    text = str(rows)
                    if words in ("SHOW POOLS", "SHOW CLIENTS", "SHOW SESSIONS", "SHOW SERVERS", "SHOW SOCKETS", "SHOW STATS"):
                        self.assertIn("'a1'", text)
                        self.assertIn("'b2'", text)
            a.query("COMMIT")
            b.query("COMMIT")

    def test_databases(self):
        rows = {row["name"]: row for row in self.teal.console("SHOW DATABASES")}
        for pair, names in DATABASES.items():
            blue = self.pair_of(pair).blue
            for name in names:
                self.assertEqual((rows[name]["database"], rows[name]["port"]), (name, str(blue.port)))

    def test_json_of_every_report_is_what_the_console_says(self):
        for words in sorted(OF_PAIRS | OF_ALL):
            if not words.startswith("SHOW ") or words == "SHOW STATUS":
                continue
            for suffix in ([], ["pair", "shop"]) if words in OF_PAIRS else ([],):
                with self.subTest(words, suffix=suffix):
                    rows = self.json_of("show", *words.lower().split()[1:], *suffix)
                    console = self.teal.console(" ".join([words, *suffix]))
                    self.assertEqual(len(rows) > 0, len(console) > 0)
                    if rows:
                        self.assertEqual(list(rows[0]), list(console[0]))

    def test_tealctl_names_the_pair(self):
        for pair in DATABASES:
            self.assertEqual([row["pair"] for row in self.json_of("--pair", pair, "show", "pair")], [pair])
            status, out = self.teal.ctl("--pair", pair, "status")
            self.assertEqual(status, 0, out)
            self.assertIn(pair, out)
        status, out = self.teal.ctl("--pair", "nowhere", "status")
        self.assertEqual(status, 1, out)
        self.assertIn("shop, crm", out)

    def test_explain_tells_the_pair_of_the_statement(self):
        for pair in DATABASES:
            rows = self.teal.console("EXPLAIN ROUTE PAIR %s INSERT INTO kv VALUES ('x', 'x')" % pair)
            self.assertIn("blue", str(rows))

    def test_grants_of_a_pair_are_about_its_databases(self):
        for pair in DATABASES:
            other = next(name for name in DATABASES if name != pair)
            told = self.names_in(self.teal.console("GRANTS PAIR " + pair))
            self.assertIn(pair, told)
            self.assertNotIn(other, told)

    def test_what_is_refused_is_refused(self):
        for words in REFUSED:
            with self.refused("0A000"):
                self.teal.console(words)

    def test_a_change_must_name_its_pair(self):
        for words, argument in OF_ONE_PAIR.items():
            with self.subTest(words), self.refused("22023") as caught:
                self.teal.console("%s %s" % (words, argument))
            self.assertIn("shop, crm", caught.exception.hint)

    def test_a_pair_that_is_not_there(self):
        for words, argument in OF_ONE_PAIR.items():
            with self.subTest(words), self.refused("42704") as caught:
                self.teal.console("%s %s PAIR nowhere" % (words, argument))
            self.assertIn("shop, crm", caught.exception.hint)


class Changes(TwoPairs):
    """What is said to one pair changes nothing of the other."""

    def setUp(self):
        super().setUp()
        self.crm = self.route("crm")

    def tearDown(self):
        super().tearDown()
        self.assertEqual(self.route("crm")[0], self.crm[0])
        for name in (*DATABASES["shop"], *DATABASES["crm"]):
            with self.teal.connect(name) as c:
                c.query("INSERT INTO kv VALUES ('after %s', 'x')" % self.id())

    def served(self, database):
        with self.teal.connect(database, timeout=10) as c:
            c.query("INSERT INTO item (label) VALUES ('served')")

    def held(self, database):
        """Whether a write of it waits."""
        try:
            with self.teal.connect(database, timeout=0.3) as c:
                c.query("INSERT INTO item (label) VALUES ('held')")
        except OSError:
            return True
        return False

    def test_reads(self):
        self.teal.reads("green PAIR shop")
        self.addCleanup(self.teal.console, "READS follow PAIR shop")
        self.assertEqual((self.route("shop")[2], self.route("crm")[2]), ("green", self.crm[2]))
        for name, side in (("a1", "shop-green"), ("a3", "shop-green"), ("b1", "crm-" + self.crm[0])):
            with self.teal.connect(name) as c:
                eventually(lambda: c.value("SELECT current_setting('cluster_name')") == side, 10, "reads of %s to go to %s" % (name, side))

    def test_hold_and_release(self):
        self.teal.console("HOLD 20s PAIR shop")
        try:
            self.assertTrue(all(self.held(name) for name in DATABASES["shop"]))
            self.served("b1")
            self.assertEqual((self.route("shop")[3], self.route("crm")[3]), ("yes", "no"))
        finally:
            self.teal.console("RELEASE PAIR shop")
        self.served("a1")

    def test_pause_and_resume_of_a_pair(self):
        self.teal.console("PAUSE PAIR shop")
        try:
            self.assertTrue(all(self.held(name) for name in DATABASES["shop"]))
            self.served("b3")
        finally:
            self.teal.console("RESUME PAIR shop")
        self.served("a2")

    def test_pause_and_resume_of_a_database(self):
        self.teal.console("PAUSE a2")
        try:
            paused = {row["name"]: row["paused"] for row in self.teal.console("SHOW DATABASES")}
            self.assertEqual([name for name in paused if paused[name] not in ("0", "no")], ["a2"])
            self.assertTrue(self.held("a2"))
            for name in ("a1", "a3", "b1"):
                self.served(name)
        finally:
            self.teal.console("RESUME a2")
        self.served("a2")

    def test_disable_and_enable_of_a_database(self):
        self.teal.console("DISABLE b2")
        try:
            with self.assertRaises(pgwire.PgError):
                self.teal.connect("b2")
            self.served("b1")
        finally:
            self.teal.console("ENABLE b2")
        self.served("b2")

    def test_kill_of_a_database_ends_its_clients_only(self):
        a1, a2 = self.teal.connect("a1"), self.teal.connect("a2")
        self.stack.callback(a1.close)
        self.stack.callback(a2.close)
        try:
            self.teal.console("KILL a1")
            with self.assertRaises((pgwire.PgError, pgwire.Closed)):
                a1.query("SELECT 1")
            self.assertEqual(a2.value("SELECT 1"), "1")
        finally:
            self.teal.console("RESUME a1")

    def test_reconnect_of_a_database(self):
        with self.teal.connect("a1") as a1, self.teal.connect("a2") as a2:
            before = [c.value("SELECT pg_backend_pid()") for c in (a1, a2)]
            self.teal.console("RECONNECT a1")
            self.teal.console("WAIT_CLOSE a1")
            after = [c.value("SELECT pg_backend_pid()") for c in (a1, a2)]
            self.assertNotEqual(after[0], before[0])
            self.assertEqual(after[1], before[1])

    def test_kill_client(self):
        with self.teal.connect("a1") as a, self.teal.connect("b1") as b:
            number = next(row for row in self.teal.console("SHOW CLIENTS") if row["port"] == str(a.local[1]))["id"]
            self.teal.console("KILL_CLIENT " + number)
            with self.assertRaises((pgwire.PgError, pgwire.Closed)):
                a.query("SELECT 1")
            self.assertEqual(b.value("SELECT 1"), "1")

    def config(self):
        return {row["key"]: row["value"] for row in self.teal.console("SHOW CONFIG")}

    def test_set_and_reload(self):
        before = self.config()["query_wait_timeout"]
        self.teal.console("SET query_wait_timeout = '7s'")
        self.assertNotEqual(self.config()["query_wait_timeout"], before)
        self.teal.console("RELOAD")
        self.assertEqual(self.config()["query_wait_timeout"], before)


class Walk(TwoPairs):
    """PREPARE, CHECK, CUTOVER, ROLLBACK, WRITES, FINISH."""

    def test_a_whole_walk_of_each_pair_leaves_the_other_where_it_was(self):
        for pair, other in (("shop", "crm"), ("crm", "shop")):
            with self.subTest(pair):
                self.walk(pair, other)
        self.crm = self.route("crm")

    def walk(self, pair, other):
        before = self.route(other)
        status, out = self.teal.ctl("--pair", pair, "prepare")
        self.assertEqual(status, 0, out)
        if pair == "crm":
            for name in DATABASES[pair]:
                eventually(lambda: self.pair_of(pair).green.value(
                    "SELECT count(*) > 0 AND bool_and(srsubstate = 'r') FROM pg_subscription_rel", name) == "t", 30, "the copy of " + name)
        eventually(lambda: all(row["result"] != "fail" for row in self.steps("CHECK", pair)), 30, "a clean check")
        self.assertEqual(self.json_of("--pair", pair, "check")[-1]["result"], "ok")
        epoch = self.route(pair)[1]
        for command, side in (("CUTOVER", "green"), ("ROLLBACK", "blue"), ("WRITES green", "green")):
            steps = self.steps(command, pair)
            self.assertEqual([step for step in steps if step["result"] == "fail"], [])
            self.assertEqual(self.writers()[pair], {"%s-%s" % (pair, side)})
            eventually(lambda: all(row["result"] != "fail" for row in self.steps("CHECK", pair)), 30, "a clean check")
        self.assertGreaterEqual(self.route(pair)[1], epoch + 3)
        self.assertEqual(self.route(other), before)
        self.steps("FINISH", pair)
        self.assertEqual(self.route(other), before)

    def steps(self, command, pair):
        try:
            return self.teal.steps("%s PAIR %s" % (command, pair))
        except pgwire.PgError as e:
            return e.steps + [{"result": "fail", "step": "error", "detail": str(e)}]


class Restart(TwoPairs):
    """SHUTDOWN, and what each pair was, is there again."""

    def test_each_pair_comes_back_as_it_was(self):
        self.teal.reads("green PAIR shop")
        routes = {pair: self.route(pair) for pair in DATABASES}
        self.teal.console("SHUTDOWN")
        self.teal.wait_end()
        self.teal.start()
        self.assertEqual({pair: self.route(pair) for pair in DATABASES}, routes)
