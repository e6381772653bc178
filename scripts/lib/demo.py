# SPDX-License-Identifier: PostgreSQL
"""demo.py: the operator's story on real clusters under real load, with a verdict. Called by scripts/demo."""
import argparse
import datetime
import glob
import os
import re
import shutil
import signal
import subprocess
import sys
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests", "support"))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import certificates
import cluster
import report
import verify
from teal import Teal, TealEnded

SCALE = 5
PASSWORD = "app-secret"
STEADY = 5.0  # seconds of plain running between the acts
LOADED = 3    # of several databases as many have load
HOLD_MORE = 5.0  # milliseconds by which the hold may be longer than with one database


class Broken(Exception):
    """The story cannot go on."""


class Demo:
    """One telling of the story, with so many databases a side; a quiet one is only for its figures."""

    def __init__(self, args, databases=1, quiet=False):
        self.args, self.quiet = args, quiet
        self.databases = ["app"] + ["app%d" % n for n in range(2, databases + 1)]
        self.loaded = self.databases[:LOADED]
        self.work = cluster.work_dir("teal-demo-")
        self.began = time.monotonic()
        # monotonic + offset = seconds since the epoch, which is what pgbench logs
        self.offset = time.time() - time.monotonic()
        self.number = 0
        self.load = []          # (name, Popen)
        self.flips = []         # (title, begin, end), monotonic
        self.marks = []         # (title, when): everything else worth a line in the report
        self.holds = []         # (title, text)
        self.before = []        # the holds with one database, when there are several
        self.story = []         # all that was printed
        self.problems = []
        self.reverse = []
        self.pair = self.teal = self.pki = None

    # -- telling

    def say(self, text=""):
        self.story.append(text)
        if not self.quiet:
            print(text, flush=True)

    def chapter(self, text):
        self.number += 1
        self.say("\n%d. %s" % (self.number, text))

    # -- the stage

    def set_up(self):
        kind = "logical" if self.args.logical else "physical"
        settings = {"fsync": "on"}
        if self.args.tls:
            self.pki = certificates.Authority(os.path.join(self.work, "pki"))
            settings.update(self.pki.server_settings())
        self.pair = cluster.Pair(self.work, kind, None, self.args.green_version, settings, schema=verify.SCHEMA + ";" + verify.FILL,
                                 databases=self.databases)
        blue, green = self.pair.blue, self.pair.green
        if self.args.tls:
            blue.hba = green.hba = "hostnossl all app all reject\n" + cluster.HBA
        blue.init().start()
        self.pair.create_databases(blue)
        for database in self.loaded:
            self.pgbench_init(blue, database)
        if kind == "logical":
            green.init().start()
            self.pair.create_roles(green)
            for database in self.databases:
                self.pair.create_database(green, database)
                self.copy_schema(database, os.path.join(self.work, "schema.sql"))
        else:
            self.pair.start_green()
        self.say("   blue    127.0.0.1:%d  PostgreSQL %s  the writer" % (blue.port, self.version(blue)))
        self.say("   green   127.0.0.1:%d  PostgreSQL %s  %s" % (
            green.port, self.version(green),
            "same tables, still empty" if kind == "logical" else "streaming standby"))

        if len(self.databases) > 1:
            self.say("   databases: %s have load, %s are idle" % (
                ", ".join(self.loaded), ", ".join(d for d in self.databases if d not in self.loaded) or "none"))

    def copy_schema(self, database, path):
        """As an operator would: the schema by pg_dump; the rows come by replication."""
        self.pair.blue.dump_schema(database, path)
        self.pair.green.psql_file(path, database)

    @staticmethod
    def version(side):
        return side.value("SHOW server_version").split()[0]

    @staticmethod
    def pgbench_init(blue, database):
        cluster.run_program([cluster.client_program("pgbench"), "-i", "-q", "-s", str(SCALE), "-h", blue.host, "-p",
                             str(blue.port), "-U", "app", database])
        # pgbench's history has no key; with a serial it also shows that sequences come along.
        blue.sql("ALTER TABLE pgbench_history ADD COLUMN id bigserial PRIMARY KEY; "
                 "ALTER TABLE pgbench_history OWNER TO app", database)

    def start_teal(self):
        node = {"sslmode": "verify-full", "replication_sslrootcert": self.pki.ca} if self.args.tls else {}
        all_of_them = {"databases": "*"} if len(self.databases) > 1 else {}
        self.teal = Teal(self.pair, blue=node, green=node, pair_settings=all_of_them, auth_type="scram-sha-256", **self.tls_settings())
        with open(os.path.join(self.teal.dir, "users.txt"), "w") as f:
            f.write('"app" "%s"\n' % PASSWORD)
        self.teal.spawn()
        cluster.eventually(self.answers, 15, "teal; its log ends:\n" + self.teal.log_tail(1500))
        self.say("   teal    127.0.0.1:%d  console %s" % (self.teal.port, self.teal.admin_dir))

    def tls_settings(self):
        if not self.args.tls:
            return {}
        cert, key = self.pki.issue("teal", certificates.HOSTS)
        return {"client_tls_sslmode": "require", "client_tls_cert_file": cert, "client_tls_key_file": key,
                "server_tls_sslmode": "verify-full", "server_tls_ca_file": self.pki.ca}

    def connect(self, **kwargs):
        return self.teal.connect(password=PASSWORD, tls=self.pki.context() if self.pki else None, **kwargs)

    def answers(self):
        self.teal.check_alive()
        for database in self.databases:
            with self.connect(database=database, timeout=5) as c:
                c.query("SELECT 1")
        return True

    # -- load

    def start_load(self):
        """The same in all, whether one database has it or several share it; the clients of each are a few more then."""
        parts = len(self.loaded)
        clients, verifiers = -(-8 // parts), 2 if parts == 1 else 1
        for database in self.loaded:
            self.pgbench("read-write", database, ["-b", "tpcb-like", "-c", str(clients), "-R", str(250 // parts)])
            self.pgbench("read-only", database, ["-b", "select-only", "-c", str(clients), "-R", str(1200 // parts)])
            for number in range(1, verifiers + 1):
                self.history(number, database)
        self.say("   pgbench read-write: %d clients, 250 transactions a second, prepared statements" % (clients * parts))
        self.say("   pgbench read-only:  %d clients, 1200 a second" % (clients * parts))
        self.say("   verifying client:   %d clients; every acknowledged insert is remembered, own writes are read back," % (
            4 * verifiers * parts))
        self.say("                       money is moved between accounts whose sum must not change")
        if parts > 1:
            self.say("   each in equal parts in %s" % ", ".join(self.loaded))

    def child(self, name, argv, env=None):
        out = open(os.path.join(self.work, name.replace(" ", "-") + ".out"), "wb")
        process = subprocess.Popen(cluster.with_parent(argv), stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                   cwd=self.work, env=dict(os.environ, **(env or {})), start_new_session=True)
        out.close()
        self.load.append((name, process))

    def pgbench(self, name, database, options):
        self.child("pgbench %s %s" % (name, database),
                   [cluster.client_program("pgbench"), "-n", "-M", "prepared", "-T", "600", "-j", "1", "-l",
                    "--log-prefix", os.path.join(self.work, "pgbench-%s-%s" % (name, database)), "-h", self.teal.host,
                    "-p", str(self.teal.port), "-U", "app", *options, database], dict(self.libpq_tls(), PGPASSWORD=PASSWORD))

    def libpq_tls(self):
        return {"PGSSLMODE": "verify-full", "PGSSLROOTCERT": self.pki.ca} if self.pki else {}

    def history(self, number, database):
        self.child("verify %d %s" % (number, database),
                   [sys.executable, os.path.join(TOP, "tests/support/verify.py"), "run", "--port", str(self.teal.port),
                    "--password", PASSWORD, "--database", database, "--clients", "4", "--seed", str(number), "--pause", "8",
                    "--out", os.path.join(self.work, "history-%s-%d.json" % (database, number))] +
                   (["--ca", self.pki.ca] if self.pki else []))

    def run_on(self, seconds=STEADY):
        """Lets the load run; a dead load or a dead proxy ends the story at once."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.teal.check_alive()
            for name, process in self.load:
                if process.poll() is not None:
                    raise Broken("%s ended early:\n%s" % (name, self.output(name)))
            time.sleep(0.1)

    def output(self, name):
        with open(os.path.join(self.work, name.replace(" ", "-") + ".out"), errors="replace") as f:
            return f.read()[-3000:]

    def stop_load(self):
        for _, process in self.load:
            if process.poll() is None:
                os.kill(process.pid, signal.SIGTERM if "verify" in str(process.args) else signal.SIGINT)
        for name, process in self.load:
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                self.problems.append("%s did not end" % name)

    # -- acts

    def ctl(self, *words, must=True):
        self.say("   $ tealctl " + " ".join(words))
        done = subprocess.Popen(self.teal.ctl_argv(*words), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, text=True, errors="replace")
        lines = []
        for line in done.stdout:
            lines.append(line.rstrip())
            self.say("   " + line.rstrip())
        if done.wait() != 0 and must:
            raise Broken("tealctl %s ended with %d; the log of teal ends:\n%s"
                         % (" ".join(words), done.returncode, self.teal.log_tail(3000)))
        return "\n".join(lines)

    def mark(self, title):
        self.marks.append((title, time.monotonic()))

    def flip(self, command):
        title = "%s %d" % (command, len(self.flips) + 1)
        begin = time.monotonic()
        output = self.ctl(command)
        self.flips.append((title, begin, time.monotonic()))
        held = re.search(r"held(?: for)? ([0-9.]+ ?[a-zµ]+)", output)
        self.holds.append((title, held.group(1) if held else "?"))
        side = "green" if command == "cutover" else "blue"
        for database in self.databases:
            if self.teal_writer(database) != side:
                raise Broken("after the %s writes to %s do not go to %s" % (command, database, side))

    def teal_writer(self, database="app"):
        with self.connect(database=database) as c:
            c.query("BEGIN")
            side = c.value("SELECT current_setting('cluster_name')")
            c.query("ROLLBACK")
            return side

    def reverse_lag(self):
        """How far the old side is behind the new writer, by the slots that feed it, one for each database."""
        writer = self.teal_writer()
        other = "blue" if writer == "green" else "green"
        lags = []
        for database in self.databases:
            try:
                lags.append(int(cluster.eventually(
                    lambda: self.pair.side(writer).value(
                        "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), confirmed_flush_lsn)::bigint FROM pg_replication_slots "
                        "WHERE slot_name LIKE 'teal_to_%s%%' AND database = '%s' AND active" % (other, database)), 10,
                    "the stream of %s back to %s" % (database, other))))
            except AssertionError as e:
                self.problems.append(str(e))
                return
        self.reverse.append((self.flips[-1][0], max(lags)))
        self.say("   %s follows %s, %s behind under load" % (other, writer, kilobytes(max(lags))))

    def play(self):
        self.chapter("Two clusters and Teal")
        self.set_up()
        self.start_teal()
        self.chapter("Load through Teal")
        self.start_load()
        self.run_on(4)
        self.chapter("Prepare: replication, and the way back")
        self.ctl("status")
        self.ctl("prepare")
        self.wait_follower()
        self.ctl("check", must=False)
        self.ctl("status")
        self.chapter("Reads: 10 % to green, then all")
        self.mark("reads green 10 %")
        self.ctl("reads", "green", "10%")
        self.run_on(4)
        self.mark("reads green")
        self.ctl("reads", "green")
        self.run_on()
        acts = [("cutover", "Cutover: writes move from blue to green"),
                ("rollback", "Rollback: writes move back, with all that green has taken"),
                ("cutover", "Cutover again")]
        if self.args.databases > 1:  # for the comparison
            acts += [("rollback", "Back once more"), ("cutover", "And over")]
        for command, text in acts:
            self.chapter(text)
            self.flip(command)
            self.run_on()
            self.reverse_lag()
        self.ctl("status")

    def wait_follower(self):
        """A logical green copies its rows first; a cutover would refuse until then."""
        if self.args.logical:
            for database in self.databases:
                cluster.eventually(lambda: self.pair.green.value(
                    "SELECT count(*) > 0 AND bool_and(srsubstate = 'r') FROM pg_subscription_rel", database) == "t",
                    60, "the first copy of the tables of " + database)

    # -- the verdict

    def judge(self):
        writer = self.teal_writer()
        other = "blue" if writer == "green" else "green"
        drained = self.drain(writer, other)
        records, found = [], []
        for database in self.databases:
            of_it = verify.load(glob.glob(os.path.join(self.work, "history-%s-*.json" % database)))
            found += [(name, "%s: %s" % (database, what)) for name, what in self.judge_database(database, of_it, writer, other)]
            records += of_it
        found += self.pgbench_errors()
        waits = self.waits(records)
        self.compare_holds()
        self.show_verdict(found, records, waits, drained)
        return found, records, waits

    def judge_database(self, database, records, writer, other):
        """An idle one as well: it has a row that was written last, and all others must be on both sides."""
        sides = [verify.rows_of(self.pair.side(name), database) for name in (writer, other)]
        if database not in self.loaded:
            return verify.judge_sides(*sides, flips=len(self.flips))
        return verify.judge(records, *sides, flips=len(self.flips), ops_min=500 // len(self.loaded)) + self.compare_tables(
            database, writer, other)

    def drain(self, writer, other):
        """A last row in each database through Teal must arrive on the other side: what came before it has, too."""
        began = time.monotonic()
        for database in self.databases:
            with self.connect(database=database) as c:
                c.query("INSERT INTO verify.op (op, cid, seq) VALUES ('last', 0, 0)")
        arrived = "SELECT 1 FROM verify.op WHERE op = 'last'"
        for database in self.databases:
            try:
                cluster.eventually(lambda: self.pair.side(other).value(arrived, database), 30,
                                   "the last row of %s on %s" % (database, other))
            except AssertionError as e:
                self.problems.append(str(e))
        return time.monotonic() - began

    def compare_holds(self):
        """The hold must hardly grow with the databases. Other work of the machine only adds, so the shortest are compared."""
        if not self.before:
            return
        here, alone = (min(milliseconds(text) for _, text in holds) for holds in (self.holds, self.before))
        self.more = here - alone
        if self.more >= HOLD_MORE:
            self.problems.append("the hold is %.1f ms longer than with one database" % self.more)

    def pgbench_errors(self):
        """pgbench ends a client at its first error and says so."""
        bad = re.compile(r"error|fatal|abort|lost|failed: [1-9]|failed transactions: [1-9]", re.I)
        found = []
        for name, _ in self.load:
            if name.startswith("pgbench"):
                found += [("ERROR", "%s: %s" % (name, line)) for line in self.output(name).splitlines() if bad.search(line)]
        return found

    def compare_tables(self, database, writer, other):
        found = []
        for table in ("pgbench_accounts", "pgbench_branches", "pgbench_tellers", "pgbench_history"):
            sql = "SELECT count(*) || ' rows, hash ' || sum(hashtextextended(t::text, 0)) FROM %s t" % table
            here, there = (self.pair.side(name).value(sql, database) for name in (writer, other))
            if here != there:
                found.append(("STRANDED", "%s: %s on %s, %s on %s" % (table, here, writer, there, other)))
        sums = self.pair.side(writer).value(
            "SELECT (SELECT sum(delta) FROM pgbench_history) = (SELECT sum(abalance) FROM pgbench_accounts) "
            "AND (SELECT sum(bbalance) FROM pgbench_branches) = (SELECT sum(tbalance) FROM pgbench_tellers)", database)
        if sums != "t":
            found.append(("TORN", "the sums of the pgbench tables differ"))
        return found

    def waits(self, records):
        flips = [(begin, end) for _, begin, end in self.flips]
        best = verify.longest_waits(records, flips)
        self.samples = report.pgbench_samples(self.work, self.offset)
        for at, (begin, end) in enumerate(flips):
            for name in self.samples:
                for done, latency in self.samples[name]:
                    if done >= begin and done - latency <= end + 0.3:
                        best[at] = max(best[at], latency)
        return best

    def show_verdict(self, found, records, waits, drained):
        counts = dict(verify.summary(found))
        inserted = sum(len(r.get("ops", ())) for r in records if r["r"] == "ok")
        rows = [
            ("client errors", counts["ERROR"]), ("acknowledged writes lost", counts["LOST"]),
            ("applied twice", counts["DOUBLE"]), ("failed but applied", counts["GHOST"]),
            ("stale own reads", counts["STALE"]), ("wrong sums", counts["TORN"]),
            ("answers to the wrong client", counts["FOREIGN"]), ("sequence numbers given twice", counts["SEQ"]),
            ("rows that differ between the sides", counts["STRANDED"]), ("two writers at once", counts["SPLIT"]),
        ]
        self.chapter("Verdict")
        total = sum(len(samples) for samples in self.samples.values())
        self.say("   %d pgbench transactions, %d verified operations, %d acknowledged inserts" % (
            total, len(records), inserted))
        for name, count in rows:
            self.say("   %-36s %d" % (name, count))
        for (title, hold), wait in zip(self.holds, waits):
            self.say("   %-36s held %s, longest wait of a client %.0f ms" % (title, hold, wait * 1000))
        if self.before:
            self.say("   %-36s %s; with one database %s; the shortest %+.1f ms" % (
                "hold with %d databases" % len(self.databases), *(", ".join(text for _, text in holds) for holds in (self.holds, self.before)),
                self.more))
        for title, lag in self.reverse:
            self.say("   %-36s %s" % ("reverse lag after " + title, kilobytes(lag)))
        self.say("   %-36s %.0f ms" % ("reverse stream drained at the end in", drained * 1000))
        for name, what in found[:10]:
            self.say("   %s: %s" % (name, what))
        for problem in self.problems:
            self.say("   PROBLEM: " + problem)
        self.rows = rows

    def write_report(self, found, records, waits):
        if self.quiet:
            return
        path = os.path.abspath(self.args.report)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        kind = "logical" if self.args.logical else "physical"
        with open(path, "w") as f:
            f.write(report.render(
                title="Teal demo: %s, PostgreSQL %s to %s" % (kind, self.version(self.pair.blue), self.version(self.pair.green)),
                when=datetime.datetime.now().isoformat(" ", "seconds"), samples=self.samples, records=records,
                flips=self.flips, marks=self.marks, holds=self.holds, waits=waits, verdict=self.rows, reverse=self.reverse,
                good=not found and not self.problems, story="\n".join(self.story)))
        self.say("   report: " + path)

    def run(self):
        try:
            if len(self.databases) > 1:
                self.measure_one()
            self.play()
            self.stop_load()
            found, records, waits = self.judge()
            good = not found and not self.problems
            self.say("\n   %s (%.0f s)" % ("every promise was kept" if good else "PROMISES WERE BROKEN",
                                          time.monotonic() - self.began))
            self.write_report(found, records, waits)
            return 0 if good else 1
        except (Broken, AssertionError, RuntimeError, TealEnded) as e:
            self.say("\n   BROKEN: %s" % e)
            return 1
        except KeyboardInterrupt:
            self.say("\n   interrupted; cleaning up")
            return 130
        finally:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            self.clean_up()

    def measure_one(self):
        """The same load in one database, which says what several add to the hold."""
        self.say("\n   First the same with one database, for the comparison ...")
        alone = Demo(self.args, quiet=True)
        status = alone.run()
        listen_to_signals()  # which it ignored at its end; the load would inherit that
        if status == 130:
            raise KeyboardInterrupt
        if status != 0:
            raise Broken("the run with one database:\n" + "\n".join(alone.story))
        self.before = alone.holds
        self.say("   held %s" % ", ".join(text for _, text in self.before))

    def clean_up(self):
        for _, process in self.load:
            if process.poll() is None:
                process.kill()
                process.wait()
        if self.teal is not None and self.teal.is_running():
            try:
                self.teal.stop()
            except AssertionError as e:
                self.say("   " + str(e))
        if self.pair is not None:
            self.pair.stop()
        if self.args.keep:
            self.say("   kept: " + self.work)
            return
        shutil.rmtree(self.work, ignore_errors=True)


def kilobytes(count):
    return "%d B" % count if count < 2048 else "%.0f kB" % (count / 1024)


def milliseconds(text):
    """Of a time as tealctl tells it; what cannot be read is not small."""
    found = re.match(r"([0-9.]+) ?([a-zµ]+)", text)
    return float(found.group(1)) * {"us": 0.001, "µs": 0.001, "ms": 1, "s": 1000}.get(found.group(2), 1000) if found else float("inf")


def listen_to_signals():
    signal.signal(signal.SIGTERM, interrupted)
    signal.signal(signal.SIGINT, interrupted)


def interrupted(*_):
    raise KeyboardInterrupt


def main():
    parser = argparse.ArgumentParser(prog="demo")
    parser.add_argument("--logical", action="store_true")
    parser.add_argument("--green-version")
    parser.add_argument("--tls", action="store_true")
    parser.add_argument("--databases", type=int, default=1)
    parser.add_argument("--report", default=os.path.join(TOP, "build", "demo-report.html"))
    parser.add_argument("--keep", action="store_true")
    args = parser.parse_args()
    system_major = re.search(r"(\d+)", os.path.basename(os.path.dirname(cluster.system_bin())))
    if args.green_version and (system_major is None or args.green_version != system_major.group(1)):
        args.logical = True  # another major version cannot stream
    listen_to_signals()
    return Demo(args, args.databases).run()


if __name__ == "__main__":
    sys.exit(main())
