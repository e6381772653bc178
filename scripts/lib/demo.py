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
from teal import Teal

SCALE = 5
PASSWORD = "app-secret"
STEADY = 5.0  # seconds of plain running between the acts


class Broken(Exception):
    """The story cannot go on."""


class Demo:
    def __init__(self, args):
        self.args = args
        self.work = cluster.work_dir("teal-demo-")
        self.began = time.monotonic()
        # monotonic + offset = seconds since the epoch, which is what pgbench logs
        self.offset = time.time() - time.monotonic()
        self.number = 0
        self.load = []          # (name, Popen)
        self.flips = []         # (title, begin, end), monotonic
        self.marks = []         # (title, when): everything else worth a line in the report
        self.holds = []         # (title, text)
        self.story = []         # all that was printed
        self.problems = []
        self.reverse = []
        self.pair = self.teal = self.pki = None

    # -- telling

    def say(self, text=""):
        self.story.append(text)
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
        self.pair = cluster.Pair(self.work, kind, None, self.args.green_version, settings, schema=verify.SCHEMA)
        blue, green = self.pair.blue, self.pair.green
        if self.args.tls:
            blue.hba = green.hba = "hostnossl all app all reject\n" + cluster.HBA
        blue.init().start()
        self.pair.create_roles(blue)
        self.pair.create_database(blue)
        self.pgbench_init(blue)
        blue.sql(verify.SCHEMA + ";" + verify.FILL, "app")
        if kind == "logical":
            green.init().start()
            self.pair.create_roles(green)
            self.pair.create_database(green)
            self.copy_schema(os.path.join(self.work, "schema.sql"))
        else:
            self.pair.start_green()
        self.say("   blue    127.0.0.1:%d  PostgreSQL %s  the writer" % (blue.port, self.version(blue)))
        self.say("   green   127.0.0.1:%d  PostgreSQL %s  %s" % (
            green.port, self.version(green),
            "same tables, still empty" if kind == "logical" else "streaming standby"))

    def copy_schema(self, path):
        """As an operator would: the schema by pg_dump; the rows come by replication."""
        self.pair.blue.dump_schema("app", path)
        self.pair.green.psql_file(path, "app")

    @staticmethod
    def version(side):
        return side.value("SHOW server_version").split()[0]

    def pgbench_init(self, blue):
        cluster.run_program([cluster.client_program("pgbench"), "-i", "-q", "-s", str(SCALE), "-h", blue.host, "-p",
                             str(blue.port), "-U", "app", "app"])
        # pgbench's history has no key; with a serial it also shows that sequences come along.
        blue.sql("ALTER TABLE pgbench_history ADD COLUMN id bigserial PRIMARY KEY; "
                 "ALTER TABLE pgbench_history OWNER TO app", "app")

    def start_teal(self):
        node = {"sslmode": "verify-full", "replication_sslrootcert": self.pki.ca} if self.args.tls else {}
        self.teal = Teal(self.pair, blue=node, green=node, auth_type="scram-sha-256", **self.tls_settings())
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
        with self.connect(timeout=5) as c:
            return c.value("SELECT 1") == "1"

    # -- load

    def start_load(self):
        self.pgbench("read-write", ["-b", "tpcb-like", "-c", "8", "-R", "250"])
        self.pgbench("read-only", ["-b", "select-only", "-c", "8", "-R", "1200"])
        for number in (1, 2):
            self.history(number)
        self.say("   pgbench read-write: 8 clients, 250 transactions a second, prepared statements")
        self.say("   pgbench read-only:  8 clients, 1200 a second")
        self.say("   verifying client:   8 clients; every acknowledged insert is remembered, own writes are read back,")
        self.say("                       money is moved between accounts whose sum must not change")

    def child(self, name, argv, env=None):
        out = open(os.path.join(self.work, name.replace(" ", "-") + ".out"), "wb")
        process = subprocess.Popen(cluster.with_parent(argv), stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                   cwd=self.work, env=dict(os.environ, **(env or {})), start_new_session=True)
        out.close()
        self.load.append((name, process))

    def pgbench(self, name, options):
        self.child("pgbench " + name,
                   [cluster.client_program("pgbench"), "-n", "-M", "prepared", "-T", "600", "-j", "1", "-l",
                    "--log-prefix", os.path.join(self.work, "pgbench-" + name), "-h", self.teal.host,
                    "-p", str(self.teal.port), "-U", "app", *options, "app"], dict(self.libpq_tls(), PGPASSWORD=PASSWORD))

    def libpq_tls(self):
        return {"PGSSLMODE": "verify-full", "PGSSLROOTCERT": self.pki.ca} if self.pki else {}

    def history(self, number):
        self.child("verify %d" % number,
                   [sys.executable, os.path.join(TOP, "tests/support/verify.py"), "run", "--port", str(self.teal.port),
                    "--password", PASSWORD, "--clients", "4", "--seed", str(number), "--pause", "8",
                    "--out", os.path.join(self.work, "history-%d.json" % number)] +
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
        if self.teal_writer() != side:
            raise Broken("after the %s writes do not go to %s" % (command, side))

    def teal_writer(self):
        with self.connect() as c:
            c.query("BEGIN")
            side = c.value("SELECT current_setting('cluster_name')")
            c.query("ROLLBACK")
            return side

    def reverse_lag(self):
        """How far the old side is behind the new writer, by the slot that feeds it."""
        writer = self.teal_writer()
        other = "blue" if writer == "green" else "green"
        try:
            lag = cluster.eventually(
                lambda: self.pair.side(writer).value(
                    "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), confirmed_flush_lsn)::bigint FROM pg_replication_slots "
                    "WHERE slot_name = 'teal_to_%s' AND active" % other), 10, "the stream back to " + other)
        except AssertionError as e:
            self.problems.append(str(e))
            return
        self.reverse.append((self.flips[-1][0], int(lag)))
        self.say("   %s follows %s, %s behind under load" % (other, writer, kilobytes(int(lag))))

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
        for command, text in (("cutover", "Cutover: writes move from blue to green"),
                              ("rollback", "Rollback: writes move back, with all that green has taken"),
                              ("cutover", "Cutover again")):
            self.chapter(text)
            self.flip(command)
            self.run_on()
            self.reverse_lag()
        self.ctl("status")

    def wait_follower(self):
        """A logical green copies its rows first; a cutover would refuse until then."""
        if self.args.logical:
            cluster.eventually(lambda: self.pair.green.value(
                "SELECT count(*) > 0 AND bool_and(srsubstate = 'r') FROM pg_subscription_rel", "app") == "t",
                60, "the first copy of the tables")

    # -- the verdict

    def judge(self):
        writer = self.teal_writer()
        other = "blue" if writer == "green" else "green"
        drained = self.drain(writer, other)
        records = verify.load(glob.glob(os.path.join(self.work, "history-*.json")))
        sides = [verify.rows_of(self.pair.side(name)) for name in (writer, other)]
        found = verify.judge(records, *sides, flips=len(self.flips), ops_min=500)
        found += self.pgbench_errors()
        found += self.compare_tables(writer, other)
        waits = self.waits(records)
        self.show_verdict(found, records, waits, drained)
        return found, records, waits

    def drain(self, writer, other):
        """A last row through Teal must arrive on the other side: what came before it has, too."""
        began = time.monotonic()
        with self.connect() as c:
            c.query("INSERT INTO verify.op (op, cid, seq) VALUES ('last', 0, 0)")
        arrived = "SELECT 1 FROM verify.op WHERE op = 'last'"
        try:
            cluster.eventually(lambda: self.pair.side(other).value(arrived, "app"), 30, "the last row on " + other)
        except AssertionError as e:
            self.problems.append(str(e))
        return time.monotonic() - began

    def pgbench_errors(self):
        """pgbench ends a client at its first error and says so."""
        bad = re.compile(r"error|fatal|abort|lost|failed: [1-9]|failed transactions: [1-9]", re.I)
        found = []
        for name, _ in self.load:
            if name.startswith("pgbench"):
                found += [("ERROR", "%s: %s" % (name, line)) for line in self.output(name).splitlines() if bad.search(line)]
        return found

    def compare_tables(self, writer, other):
        found = []
        for table in ("pgbench_accounts", "pgbench_branches", "pgbench_tellers", "pgbench_history"):
            sql = "SELECT count(*) || ' rows, hash ' || sum(hashtextextended(t::text, 0)) FROM %s t" % table
            here, there = (self.pair.side(name).value(sql, "app") for name in (writer, other))
            if here != there:
                found.append(("STRANDED", "%s: %s on %s, %s on %s" % (table, here, writer, there, other)))
        sums = self.pair.side(writer).value(
            "SELECT (SELECT sum(delta) FROM pgbench_history) = (SELECT sum(abalance) FROM pgbench_accounts) "
            "AND (SELECT sum(bbalance) FROM pgbench_branches) = (SELECT sum(tbalance) FROM pgbench_tellers)", "app")
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
        for title, lag in self.reverse:
            self.say("   %-36s %s" % ("reverse lag after " + title, kilobytes(lag)))
        self.say("   %-36s %.0f ms" % ("reverse stream drained at the end in", drained * 1000))
        for name, what in found[:10]:
            self.say("   %s: %s" % (name, what))
        for problem in self.problems:
            self.say("   PROBLEM: " + problem)
        self.rows = rows

    def write_report(self, found, records, waits):
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
            self.play()
            self.stop_load()
            found, records, waits = self.judge()
            good = not found and not self.problems
            self.say("\n   %s (%.0f s)" % ("every promise was kept" if good else "PROMISES WERE BROKEN",
                                          time.monotonic() - self.began))
            self.write_report(found, records, waits)
            return 0 if good else 1
        except (Broken, AssertionError, RuntimeError) as e:
            self.say("\n   BROKEN: %s" % e)
            return 1
        except KeyboardInterrupt:
            self.say("\n   interrupted; cleaning up")
            return 130
        finally:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            self.clean_up()

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


def interrupted(*_):
    raise KeyboardInterrupt


def main():
    parser = argparse.ArgumentParser(prog="demo")
    parser.add_argument("--logical", action="store_true")
    parser.add_argument("--green-version")
    parser.add_argument("--tls", action="store_true")
    parser.add_argument("--report", default=os.path.join(TOP, "build", "demo-report.html"))
    parser.add_argument("--keep", action="store_true")
    args = parser.parse_args()
    system_major = re.search(r"(\d+)", os.path.basename(os.path.dirname(cluster.system_bin())))
    if args.green_version and (system_major is None or args.green_version != system_major.group(1)):
        args.logical = True  # another major version cannot stream
    signal.signal(signal.SIGTERM, interrupted)
    signal.signal(signal.SIGINT, interrupted)
    return Demo(args).run()


if __name__ == "__main__":
    sys.exit(main())
