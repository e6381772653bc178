# SPDX-License-Identifier: PostgreSQL
"""Two pairs of three databases each behind one proxy: every command of the console, of one pair and of all, and --json."""
import json
import re
import signal

import pgwire
from case import Background, PairCase
from waiting import eventually

DATABASES = {"shop": ("orders", "stock", "tax"), "crm": ("people", "mail", "notes")}
ALL = [name for names in DATABASES.values() for name in names]


class Pairs(PairCase):
    pairs = {name: {"databases": databases} for name, databases in DATABASES.items()}
    teal_settings = {"shutdown_timeout": "20s"}

    @classmethod
    def make_teal(cls):
        teal = super().make_teal()
        connect_unix = teal.connect_unix
        teal.connect_unix = lambda database="orders", **kwargs: connect_unix(database, **kwargs)
        return teal

    def setUp(self):
        super().setUp()
        if not self.teal.is_running():
            self.teal.start()
        for pair in DATABASES:
            eventually(lambda: self.row(pair)["writer_known"] == "yes", 10, "the writer of %s to be known" % pair)

    def tearDown(self):
        for statement in ["RESUME"] + ["RELEASE PAIR " + pair for pair in DATABASES]:
            try:
                self.teal.console(statement)
            except pgwire.PgError as e:
                self.assertEqual(e.sqlstate, "55000", e)  # it was not in force
        for pair in DATABASES:
            self.teal.console("READS default PAIR " + pair)
        for database in ALL:
            self.teal.console("ENABLE " + database)
        super().tearDown()

    def row(self, pair):
        return self.teal.console("SHOW PAIR " + pair)[0]

    def database(self, name):
        return next(row for row in self.teal.console("SHOW DATABASES") if row["name"] == name)

    def json(self, *words, status=0):
        code, text = self.teal.ctl("--json", *words)
        self.assertEqual(code, status, text)
        return json.loads(text)

    def in_database(self, name):
        connection = self.teal.connect(database=name)
        self.stack.callback(connection.close)
        return connection


class Reports(Pairs):
    """What only looks."""

    def test_each_database_is_that_of_its_pair(self):
        for pair, names in DATABASES.items():
            for name in names:
                with self.subTest(name):
                    c = self.in_database(name)
                    self.assertEqual(c.value("SELECT current_database()"), name)
                    self.assertEqual(c.value("SELECT current_setting('cluster_name')"), self.pair_of(pair).blue.name)

    def test_every_report_answers_for_all_and_for_one_pair(self):
        for name in ALL:
            self.in_database(name).value("SELECT 1")
        helped = self.teal.console("SHOW HELP")
        shows = [row["command"] for row in helped if row["command"].startswith("SHOW ") and row["needs"] == "view"]
        self.assertGreater(len(shows), 25)
        mixed = set()
        for shown in shows:
            words = re.sub(r" [\[|].*", "", shown)
            with self.subTest(words):
                rows = self.json("show", *words.split()[1:])
                if "[PAIR name]" not in shown:
                    with self.assertRaises(pgwire.PgError) as caught:
                        self.teal.console(words + " PAIR shop")
                    self.assertEqual(caught.exception.sqlstate, "42601")
                    continue
                one = self.json("--pair", "shop", "show", *words.split()[1:])
                self.assertLess(len(one), len(rows))
                self.assertGreater(len(one), 0)
                if "pair" in rows[0]:
                    self.assertEqual({row["pair"] for row in rows}, set(DATABASES))
                    mixed.add(words)
        self.assertLessEqual({"SHOW PAIR", "SHOW STATE", "SHOW LAG", "SHOW NODES", "SHOW CUTOVER", "SHOW DATABASES"}, mixed)

    def test_rows_that_cannot_mix_have_no_pair(self):
        for report in ("LAG", "CUTOVER", "STATE"):
            with self.subTest(report):
                self.assertNotIn("pair", [c for c in self.teal.console("SHOW %s PAIR crm" % report)[0] if c != "key"])
                self.assertEqual(next(iter(self.teal.console("SHOW " + report)[0])), "pair")

    def test_a_pair_that_is_not_there(self):
        for words in ("SHOW LAG PAIR nowhere", "SHOW PAIR nowhere", "CUTOVER PAIR nowhere", "EXPLAIN ROUTE PAIR nowhere SELECT 1"):
            with self.subTest(words), self.refused("42704") as caught:
                self.teal.console(words)
            self.assertIn("shop, crm", caught.exception.hint)

    def test_status_has_a_block_for_each_pair(self):
        code, text = self.teal.ctl("status")
        self.assertEqual(code, 0, text)
        self.assertEqual(re.findall(r"^pair (\w+)", text, re.M), list(DATABASES))
        self.assertIn("all pairs\n", text)
        code, text = self.teal.ctl("status", "--pair", "crm")
        self.assertEqual(re.findall(r"^pair (\w+)", text, re.M), ["crm"])
        self.assertEqual([row["status"].split()[:2] for row in self.json("status")][0], ["pair", "shop"])

    def test_databases_have_side_pair_and_state(self):
        rows = {row["name"]: row for row in self.teal.console("SHOW DATABASES")}
        self.assertLessEqual(set(ALL), set(rows))
        for pair, names in DATABASES.items():
            for name in names:
                self.assertEqual((rows[name]["pair"], rows[name]["side"], rows[name]["state"], rows[name]["database"]),
                                 (pair, "blue", "served", name))
                self.assertEqual(rows[name]["port"], str(self.pair_of(pair).blue.port))
        self.assertEqual({row["pair"] for row in self.teal.console("SHOW DATABASES PAIR crm")}, {"crm"})

    def test_stats_are_those_of_the_database(self):
        before = {row["database"]: row for row in self.teal.console("SHOW STATS_TOTALS")}
        c = self.in_database("mail")
        for _ in range(7):
            c.value("SELECT 1")

        def after():
            return {row["database"]: row for row in self.teal.console("SHOW STATS_TOTALS")}
        eventually(lambda: int(after()["mail"]["query_count"]) == int(before["mail"]["query_count"]) + 7, 5, "them to be counted")
        for name in ALL:
            if name != "mail":
                self.assertEqual(after()[name]["query_count"], before[name]["query_count"])
        self.assertEqual(self.database("mail")["current_client_connections"], "1")
        self.assertGreaterEqual(int(self.database("mail")["current_connections"]), 1)

        def rate():
            c.value("SELECT 1")  # an average of the last seconds: less than one a second is 0
            return {row["database"]: row for row in self.teal.console("SHOW STATS")}["mail"]["avg_query_count"]
        eventually(lambda: rate() != "0", 10, "a rate")
        self.assertIn("mail", [row["database"] for row in self.teal.console("SHOW POOLS")])

    def test_a_new_database_is_found(self):
        self.pair_of("crm").blue.sql("CREATE DATABASE late OWNER app")
        try:
            with self.refused("3D000"):
                self.teal.console("PAUSE latest")
            for name, values in self.teal.sections.items():
                if name == "pair crm":
                    values["databases"] = "people, mail, notes, late"
            self.teal.write_ini()
            self.teal.console("RELOAD")
            eventually(lambda: self.in_database("late").value("SELECT current_database()") == "late", 10, "it to be found")
            self.assertEqual(self.database("late")["pair"], "crm")
        finally:
            self.teal.sections["pair crm"]["databases"] = "people, mail, notes"
            self.teal.write_ini()
            self.teal.console("RELOAD")

    def test_nodes(self):
        rows = self.json("show", "nodes")
        self.assertEqual([(row["pair"], row["side"], row["node"]) for row in rows],
                         [(pair, side, "0") for pair in DATABASES for side in ("blue", "green")])
        for row in rows:
            cluster = self.pair_of(row["pair"]).side(row["side"])
            self.assertEqual((row["host"], row["port"], row["up"], row["stray"]), (cluster.host, str(cluster.port), "yes", "no"))
            self.assertEqual(row["kind"], "writer node" if row["side"] == "blue" else "replica")

    def test_explain_route_is_of_each_pair_or_of_one(self):
        rows = self.teal.console("EXPLAIN ROUTE SELECT 1")
        self.assertEqual([row["pair"] for row in rows], list(DATABASES))
        self.assertEqual(len(self.json("--pair", "crm", "explain", "SELECT 1")), 1)

    def test_settings_have_the_name_of_the_pair(self):
        self.teal.console("SET crm.lag_max = '3s'")
        try:
            values = {row["key"]: row for row in self.teal.console("SHOW CONFIG")}
            self.assertEqual((values["crm.lag_max"]["value"], values["crm.lag_max"]["source"]), ("3s", "SET"))
            self.assertEqual(values["shop.lag_max"]["source"], "file")
        finally:
            self.teal.console("RELOAD")


class Changes(Pairs):
    """What changes something."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for pair in DATABASES:
            cls.teal.steps("PREPARE PAIR " + pair)

    def wait_whole(self, pair):
        """Until every check of the pair passes, so that it can flip (again)."""
        eventually(lambda: not [row for row in self.teal.steps("CHECK PAIR " + pair) if row["result"] == "fail"], 60,
                   "every check of %s to pass" % pair)

    def test_a_command_about_one_pair_must_name_it(self):
        for words in ("CHECK", "PREPARE", "READS green", "WRITES green", "CUTOVER", "CUTOVER DRY RUN", "ROLLBACK", "FINISH", "HOLD",
                      "HOLD 1s", "RELEASE"):
            with self.subTest(words), self.refused("22023") as caught:
                self.teal.console(words)
            self.assertIn("The pairs are shop, crm", caught.exception.hint)
        self.assertEqual(self.teal.ctl("--yes", "finish")[0], 1)

    def test_reads_of_one_pair(self):
        self.teal.reads("green 20% PAIR crm")
        self.teal.console("READS PAIR crm green USER report DATABASE mail")
        self.assertEqual((self.row("crm")["reads"], self.row("crm")["reads_percent"], self.row("crm")["rules"]), ("green", "20.00", "1"))
        self.assertEqual((self.row("shop")["reads"], self.row("shop")["rules"]), ("follow", "0"))
        rows = self.json("--pair", "crm", "reads", "follow")
        self.assertEqual(rows[0]["result"], "ok")
        self.assertEqual(self.row("crm")["reads"], "follow")

    def test_a_hold_of_one_pair(self):
        held, other = self.in_database("mail"), self.in_database("orders")
        for c in (held, other):
            c.value("SELECT 1")
        self.teal.console("HOLD PAIR crm 20s")
        held.send(pgwire.query("INSERT INTO kv VALUES ('held', 'x')"))
        eventually(lambda: self.row("crm")["waiting"] == "1", 5, "the write to wait")
        self.assertEqual(other.query("INSERT INTO kv VALUES ('held', 'x')").tag, "INSERT 0 1")
        self.assertEqual((self.row("shop")["held"], self.row("shop")["waiting"]), ("no", "0"))
        with self.refused("55000"):
            self.teal.console("RELEASE PAIR shop")
        self.json("--pair", "crm", "release")
        self.assertEqual(held.collect()[0].tag, "INSERT 0 1")

    def test_a_pause_of_one_database(self):
        paused, sibling, other = (self.in_database(name) for name in ("mail", "notes", "orders"))
        for c in (paused, sibling, other):
            c.value("SELECT 1")
        self.json("pause", "mail")
        self.assertEqual([row for row in self.teal.console("SHOW SERVERS") if row["database"] == "mail"], [])
        paused.send(pgwire.query("SELECT 7"))
        eventually(lambda: self.row("crm")["waiting"] == "1", 5, "it to wait")
        for c in (sibling, other):
            self.assertEqual(c.value("SELECT 1"), "1")
        self.assertEqual((self.database("mail")["paused"], self.database("mail")["state"]), ("1", "paused"))
        self.assertEqual(self.database("notes")["paused"], "0")
        self.assertIn("tealctl resume mail", self.teal.ctl("status", "--pair", "crm")[1])
        self.assertNotIn("mail", self.teal.ctl("status", "--pair", "shop")[1])
        with self.refused("55000"):
            self.teal.console("PAUSE mail")
        with self.refused("55000"):
            self.teal.console("RESUME notes")
        self.json("resume", "mail")
        self.assertEqual(paused.collect()[0].rows, [["7"]])

    def test_two_databases_are_paused_apart(self):
        holder = self.in_database("stock")
        holder.query("BEGIN")
        waits = Background(self.teal.console, "PAUSE stock 20s")
        eventually(lambda: self.database("stock")["paused"] == "1", 5, "the pause to begin")
        self.teal.console("PAUSE tax")  # is not kept by the other
        self.assertTrue(waits.is_waiting())
        holder.query("COMMIT")
        waits.result()
        self.teal.console("RESUME tax")
        self.assertEqual(self.database("stock")["paused"], "1")
        self.teal.console("RESUME")
        self.assertEqual(self.database("stock")["paused"], "0")

    def test_a_pause_of_one_pair(self):
        here, there = self.in_database("mail"), self.in_database("orders")
        for c in (here, there):
            c.value("SELECT 1")
        self.json("--pair", "crm", "pause")
        self.assertEqual({row["database"] for row in self.teal.console("SHOW SERVERS")} & set(DATABASES["crm"]), set())
        here.send(pgwire.query("SELECT 7"))
        eventually(lambda: self.row("crm")["waiting"] == "1", 5, "it to wait")
        self.assertEqual(there.value("SELECT 1"), "1")
        self.assertIn("tealctl --pair crm resume", self.teal.ctl("status")[1])
        self.assertEqual((self.row("crm")["paused"], self.row("shop")["paused"]), ("yes", "no"))
        for words, code in (("PAUSE PAIR crm", "55000"), ("PAUSE mail PAIR crm", "22023"), ("RESUME PAIR shop", "55000"),
                            ("CUTOVER PAIR crm", "55000")):
            with self.subTest(words), self.refused(code):
                self.teal.console(words)
        self.teal.kill()
        self.teal.start(wait=False)
        eventually(lambda: self.teal.console("SHOW VERSION"), 10, "the console")
        self.assertEqual((self.row("crm")["paused"], self.row("shop")["paused"]), ("yes", "no"))
        self.teal.console("RESUME PAIR crm")
        self.assertEqual(self.in_database("mail").value("SELECT 1"), "1")

    def test_kill_and_reconnect_of_one_pair(self):
        mail, orders = self.in_database("mail"), self.in_database("orders")
        pids = [c.value("SELECT pg_backend_pid()") for c in (mail, orders)]
        self.teal.console("RECONNECT PAIR crm")
        eventually(lambda: mail.value("SELECT pg_backend_pid()") != pids[0], 5, "another server connection")
        self.assertEqual(orders.value("SELECT pg_backend_pid()"), pids[1])
        self.json("--yes", "--pair", "crm", "kill-all")
        with self.assertRaises((pgwire.PgError, pgwire.Closed, OSError)):
            mail.query("SELECT 1")
        self.assertEqual(orders.value("SELECT 1"), "1")
        self.json("--pair", "crm", "resume")
        self.assertEqual(self.in_database("mail").value("SELECT 1"), "1")

    def test_a_pause_without_a_name_is_of_all(self):
        clients = [self.in_database(name) for name in ALL]
        self.teal.console("PAUSE orders")
        self.teal.console("PAUSE")
        self.assertEqual(self.teal.console("SHOW SERVERS"), [])
        for c in clients:
            c.send(pgwire.query("SELECT 5"))
        eventually(lambda: sum(int(self.row(pair)["waiting"]) for pair in DATABASES) == len(ALL), 5, "all to wait")
        with self.refused("55000"):
            self.teal.console("CUTOVER PAIR shop DRY RUN")
        self.teal.console("RESUME")
        for c in clients:
            self.assertEqual(c.collect()[0].rows, [["5"]])

    def test_kill_reconnect_and_disable_of_one_database(self):
        mail, notes = self.in_database("mail"), self.in_database("notes")
        pids = [c.value("SELECT pg_backend_pid()") for c in (mail, notes)]
        self.teal.console("RECONNECT mail")
        self.teal.console("WAIT_CLOSE mail 5s")
        self.assertNotEqual(mail.value("SELECT pg_backend_pid()"), pids[0])
        self.assertEqual(notes.value("SELECT pg_backend_pid()"), pids[1])
        self.teal.console("DISABLE mail")
        self.assertEqual((self.database("mail")["disabled"], self.database("mail")["state"]), ("1", "disabled"))
        with self.refused("55000"):
            self.in_database("mail")
        self.assertEqual(self.in_database("notes").value("SELECT 1"), "1")
        self.teal.console("ENABLE mail")
        self.json("--yes", "kill-all", "mail")
        with self.assertRaises((pgwire.PgError, pgwire.Closed, OSError)):
            mail.query("SELECT 1")
        self.assertEqual(notes.value("SELECT 1"), "1")
        self.teal.console("RESUME mail")
        self.assertEqual(self.in_database("mail").value("SELECT 1"), "1")

    def test_names_that_are_of_no_pair(self):
        for words in ("PAUSE", "RESUME", "KILL", "RECONNECT", "DISABLE", "ENABLE", "WAIT_CLOSE"):
            with self.subTest(words), self.refused("3D000"):
                self.teal.console(words + " nowhere")

    def test_check_and_dry_run_of_one_pair(self):
        self.wait_whole("crm")
        rows = self.json("--pair", "crm", "check")
        self.assertGreater(len(rows), 10)
        steps = self.json("--pair", "crm", "cutover", "--dry-run")
        self.assertIn("hold", [row["step"] for row in steps])
        self.assertEqual(self.row("shop")["phase"], "idle")

    def test_two_pairs_flip_at_the_same_time(self):
        for pair in DATABASES:
            self.wait_whole(pair)
        flips = {pair: Background(self.teal.steps, "CUTOVER PAIR " + pair) for pair in DATABASES}
        for pair, flip in flips.items():
            flip.result(60)
            self.assertEqual(self.row(pair)["writer"], "green")
        for pair, names in DATABASES.items():
            for name in names:
                c = self.in_database(name)
                self.assertEqual(c.value("SELECT current_setting('cluster_name')"), self.pair_of(pair).green.name)
                c.query("INSERT INTO kv VALUES ('on green', 'x')")
        self.teal.stop()
        self.teal.start()  # each has a record of its own
        for pair in DATABASES:
            eventually(lambda: self.row(pair)["writer_known"] == "yes", 10, "the writer")
            self.assertEqual(self.row(pair)["writer"], "green")
            eventually(lambda: self.row(pair)["way_back"] == "open", 60, "the way back of " + pair)
            self.wait_whole(pair)
        self.teal.steps("ROLLBACK PAIR crm")
        self.assertEqual({pair: self.row(pair)["writer"] for pair in DATABASES}, {"shop": "green", "crm": "blue"})
        self.teal.steps("WRITES blue PAIR shop")
        self.assertEqual(self.row("shop")["writer"], "blue")

    def test_a_second_command_of_the_pair_is_refused(self):
        for pair in DATABASES:
            self.wait_whole(pair)
        c = self.in_database("orders")
        c.query("BEGIN")
        c.query("INSERT INTO kv VALUES ('in the way', 'x')")
        flip = Background(self.teal.steps, "CUTOVER PAIR shop DRY RUN DRAIN ABORT")
        eventually(lambda: self.row("shop")["phase"] == "drain", 10, "the drain")
        with self.refused("55006") as caught:
            self.teal.console("CHECK PAIR shop")
        self.assertIn("CUTOVER PAIR shop", str(caught.exception))
        self.assertGreater(len(self.teal.steps("CHECK PAIR crm")), 10)
        running = {row["pair"]: row["running"] for row in self.teal.console("SHOW CUTOVER")}
        self.assertIsNone(running["crm"])
        c.query("COMMIT")
        flip.result(30)

    def test_all_of_it_outlives_a_restart(self):
        for how in (signal.SIGKILL, signal.SIGTERM):
            with self.subTest(how.name):
                self.teal.reads("green 20% PAIR crm")
                self.teal.console("HOLD 30s PAIR shop")
                self.teal.console("PAUSE mail")
                self.teal.console("DISABLE tax")
                self.teal.kill() if how == signal.SIGKILL else self.teal.stop(how)
                self.teal.start(wait=False)
                eventually(lambda: self.teal.console("SHOW VERSION"), 10, "the console")
                self.assertEqual((self.row("crm")["reads"], self.row("shop")["reads"]), ("green", "follow"))
                self.assertIsNotNone(self.row("shop")["hold_left_ms"])
                self.assertIsNone(self.row("crm")["hold_left_ms"])
                self.assertEqual((self.database("mail")["paused"], self.database("notes")["paused"]), ("1", "0"))
                self.assertEqual((self.database("tax")["disabled"], self.database("orders")["disabled"]), ("1", "0"))
                self.teal.console("RESUME mail")
                self.teal.console("RELEASE PAIR shop")

    def test_a_pair_that_cannot_be_reached_stops_no_other(self):
        crm = self.pair_of("crm")
        self.teal.stop()
        crm.blue.stop("immediate")
        try:
            self.teal.start(wait=False)
            eventually(lambda: self.teal.console("SHOW VERSION"), 10, "the console")
            eventually(lambda: self.row("shop")["writer_known"] == "yes", 10, "the pair that can be reached")
            self.assertEqual(self.in_database("orders").query("INSERT INTO kv VALUES ('alone', 'x')").tag, "INSERT 0 1")
            self.assertEqual(self.row("crm")["writer_known"], "no")
        finally:
            crm.blue.start()
        eventually(lambda: self.row("crm")["writer_known"] == "yes", 20, "the other pair")


del Pairs  # has no tests of its own
