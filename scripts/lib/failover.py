# SPDX-License-Identifier: PostgreSQL
"""failover.py: what a failover within a side costs clients, by each way to the servers. Called by scripts/failover."""
import argparse
import collections
import json
import os
import platform
import signal
import statistics
import subprocess
import sys
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests", "support"))
import cluster
from relay import Relay
from teal import BUILD, Teal
from waiting import eventually

SCHEMA = """
CREATE SCHEMA failover;
CREATE TABLE failover.op (id text NOT NULL, node text NOT NULL DEFAULT current_setting('cluster_name'),
    ts timestamptz NOT NULL DEFAULT clock_timestamp());
CREATE INDEX ON failover.op (id);
GRANT USAGE ON SCHEMA failover TO PUBLIC;
GRANT ALL ON ALL TABLES IN SCHEMA failover TO PUBLIC;
"""
POOL = 20
RECOVERY = 90.0  # seconds after which a population that has not come back is given up
WRITES = ("insert", "transaction")
WAYS = {
    "direct": "libpq, both hosts, target_session_attrs=read-write",
    "pgbouncer-hosts": "PgBouncer with both hosts in its list",
    "pgbouncer-moved": "PgBouncer with an address that follows the primary, as a service or a floating address does",
    "teal": "Teal with both hosts in its list",
}

Record = collections.namedtuple("Record", "begin end client number kind outcome sqlstate message")


class Population:
    """Clients that go one way, in a process of their own, and what they have told so far."""

    def __init__(self, name, conninfo, args, work, program):
        self.name, self.path = name, os.path.join(work, "clients-" + name)
        self.clients, self.records, self.last_ok = args.clients, [], {}
        out = open(self.path, "wb")
        argv = [program, conninfo, name, str(args.clients), str(args.retry_ms), str(args.pause_ms), "1" if name == "teal" else "0"]
        self.process = subprocess.Popen(cluster.with_parent(argv), stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, cwd="/",
                                        start_new_session=True, env=dict(os.environ, PGSSLMODE="disable", PGGSSENCMODE="disable"))
        out.close()
        self.file, self.rest = open(self.path), ""

    def read(self):
        """Takes what was told since the last time."""
        lines = (self.rest + self.file.read()).split("\n")
        self.rest = lines.pop()
        for line in lines:
            part = line.split("\t")
            if len(part) != 8:
                raise RuntimeError("a client of %s says: %s" % (self.name, line))
            record = Record(float(part[0]), float(part[1]), int(part[2]), int(part[3]), *part[4:])
            self.records.append(record)
            if record.outcome == "ok" and record.kind in WRITES:
                self.last_ok[record.client] = record.end
        return self

    def all_since(self, when):
        """Whether every client has had a write acknowledged since then."""
        self.read()
        return len(self.last_ok) == self.clients and min(self.last_ok.values()) > when

    def stop(self):
        if self.process.poll() is None:
            os.kill(self.process.pid, signal.SIGTERM)
            try:
                self.process.wait(25)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.read()


class Failover:
    def __init__(self, args):
        self.args = args
        self.populations, self.children, self.rounds = [], [], []
        self.pair = self.proxy = self.relay = None
        self.missing = {}  # way -> why it is not there

    # -- the stage

    def start(self):
        self.pair = cluster.Pair(kind="logical", blue_version=self.args.version, schema=SCHEMA, standbys={"blue": 1}, one_port=True)
        self.work, self.side = self.pair.work, self.pair.sides["blue"]
        self.pair.start()
        self.side.synchronous()
        program = os.path.join(self.work, "client")
        include = subprocess.run(["pkg-config", "--cflags", "--libs", "libpq"], check=True, stdout=subprocess.PIPE, text=True).stdout.split()
        subprocess.run(["cc", "-D_GNU_SOURCE", "-O2", "-o", program, os.path.join(TOP, "tests/support/failover_client.c"), *include,
                        "-lpthread"], check=True)
        for name in self.args.ways:
            conninfo = getattr(self, "start_" + name.replace("-", "_"))()
            if conninfo is not None:
                self.populations.append(Population(name, "user=app dbname=app password=app-secret " + conninfo, self.args, self.work, program))

    def start_direct(self):
        nodes = self.side.nodes
        return "host=%s port=%d target_session_attrs=read-write connect_timeout=5" % (",".join(n.host for n in nodes), nodes[0].port)

    def start_pgbouncer_hosts(self):
        return self.start_pgbouncer("pgbouncer-hosts", ",".join(n.host for n in self.side.nodes), self.side.primary.port)

    def start_pgbouncer_moved(self):
        primary = self.side.primary
        self.relay = Relay(primary.port, primary.host)
        return self.start_pgbouncer("pgbouncer-moved", self.relay.host, self.relay.port)

    def start_pgbouncer(self, name, host, port):
        """As packaged: server_login_retry and all other times are its defaults."""
        listen, ini, users = cluster.free_port(), os.path.join(self.work, name + ".ini"), os.path.join(self.work, name + ".users")
        with open(users, "w") as f:
            f.write('"app" "app-secret"\n')
        with open(ini, "w") as f:
            f.write("[databases]\napp = host=%s port=%d dbname=app\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = %d\n"
                    "unix_socket_dir =\nauth_type = trust\nauth_file = %s\npool_mode = transaction\ndefault_pool_size = %d\n"
                    % (host, port, listen, users, POOL))
        with open(os.path.join(self.work, name + ".log"), "wb") as log:
            self.children.append(subprocess.Popen(cluster.with_parent(cluster.as_server_user(["/usr/sbin/pgbouncer", ini])), cwd="/",
                                                  stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True))
        eventually(lambda: cluster.pgwire.Connection("127.0.0.1", listen, "app", "app", timeout=5).value("SELECT 1"), 15, name)
        return "host=127.0.0.1 port=%d" % listen

    def start_teal(self):
        self.proxy = Teal(self.pair, default_pool_size=POOL)
        done = subprocess.run([os.path.join(BUILD, "teal"), "--check-config", self.proxy.ini], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode != 0:
            self.missing["teal"] = done.stdout.strip().splitlines()[0]
            self.proxy = None
            return None
        self.proxy.start()
        return "host=%s port=%d" % (self.proxy.host, self.proxy.port)

    def stop(self):
        for population in self.populations:
            population.stop()
        for child in self.children:
            child.kill()
            child.wait()
        if self.relay is not None:
            self.relay.close()
        if self.proxy is not None and self.proxy.is_running():
            self.proxy.stop()
        if self.pair is not None:
            self.pair.stop(keep=self.args.keep)
            if self.args.keep:
                say("kept: " + self.work)

    # -- one failover

    def wait_for_all(self, since, seconds):
        """The populations that do not write again within so many seconds."""
        deadline, late = time.monotonic() + seconds, list(self.populations)
        while late and time.monotonic() < deadline:
            late = [p for p in late if not p.all_since(since)]
            time.sleep(0.02)
            if self.proxy is not None:
                self.proxy.check_alive()
        return [p.name for p in late]

    def fail_over(self, number):
        late = self.wait_for_all(time.monotonic() + self.args.calm, self.args.calm + RECOVERY)
        if late:
            raise RuntimeError("no load before failover %d: %s" % (number, ", ".join(late)))
        killed = time.monotonic()
        dead = self.side.kill_primary()
        time.sleep(self.args.detect)
        begun = time.monotonic()
        new = self.side.promote()
        promoted = time.monotonic()
        if self.relay is not None:
            self.relay.target = (new.host, new.port)
        late = self.wait_for_all(promoted, RECOVERY)
        self.rounds.append((killed, begun, promoted, late))
        self.side.rejoin(dead)
        self.side.synchronous()
        say("  %2d. %s to %s, promoted after %.2f s; outage %s%s" % (
            number, dead.name, new.name, promoted - killed,
            ", ".join("%s %.2f s" % (p.name, statistics.median(self.outages(p, self.rounds[-1]))) for p in self.populations),
            "; NOT BACK: " + ", ".join(late) if late else ""))

    @staticmethod
    def attempts(population, client, since):
        """Of the client, in their order: those that ended later."""
        return [r for r in population.records if r.client == client and r.end > since]

    def first_write(self, population, client, one_round):
        """The first that the new primary took. The promotion begins long after the last one of the old."""
        _, begun, _, _ = one_round
        writes = [r.end for r in self.attempts(population, client, begun) if r.outcome == "ok" and r.kind in WRITES]
        return min(writes, default=begun + RECOVERY)

    def outages(self, population, one_round):
        """For each client the time from the beginning of what first failed or stalled, to its first write behind that."""
        killed, begun, _, _ = one_round
        found = []
        for client in range(population.clients):
            hit = [r.begin for r in self.attempts(population, client, killed) if r.outcome not in ("ok", "stale") or r.end > begun]
            end = self.first_write(population, client, one_round)
            found.append(end - max(killed, min(hit, default=killed)))
        return found

    def after_promotion(self, population, one_round):
        return [self.first_write(population, client, one_round) - one_round[2] for client in range(population.clients)]

    def play(self):
        say("%d clients each way; between kill -9 and promotion %.1f s; a client tries again after %d ms"
            % (self.args.clients, self.args.detect, self.args.retry_ms))
        for number in range(1, self.args.times + 1):
            self.fail_over(number)
        self.wait_for_all(time.monotonic(), RECOVERY)
        for population in self.populations:
            population.stop()

    # -- the judge

    def judge(self, population, rows):
        """Violations by name: what of the acknowledged is not there, what is there twice, what is there though it did not run."""
        found, last = collections.Counter(), {}
        for r in population.records:
            if r.outcome == "stale":
                found["stale"] += 1
            if r.kind in WRITES:
                # an id is tried again only after not-run, so its last outcome is what the client knows
                last["%s:%d:%d" % (population.name, r.client, r.number)] = r.outcome
        for op, outcome in last.items():
            if outcome == "ok" and rows[op] == 0:
                found["lost"] += 1
            if outcome == "not-run" and rows[op] > 0:
                found["ghost"] += 1
            if rows[op] > 1:
                found["doubled"] += 1
        found["acknowledged"] = sum(outcome == "ok" for outcome in last.values())
        return found

    def show(self):
        rows = collections.Counter({op: int(n) for op, n in self.pair.blue.sql("SELECT id, count(*) FROM failover.op GROUP BY id", "app")})
        version = subprocess.run(["/usr/sbin/pgbouncer", "--version"], stdout=subprocess.PIPE, text=True).stdout.split("\n")[0]
        say("\n%s; %s; PostgreSQL %s; %d cores; %d failovers, %d clients each way, seconds"
            % (platform.platform(), version, self.pair.blue.value("SHOW server_version"), os.cpu_count(), len(self.rounds), self.args.clients))
        for population in self.populations:
            say("  %-16s %s" % (population.name, WAYS[population.name]))
        self.show_outages()
        verdicts = self.show_rows(rows)
        self.show_errors()
        return verdicts + self.show_claims()

    def medians(self, population):
        return [statistics.median(self.outages(population, r)) for r in self.rounds]

    def show_outages(self):
        say("\n%-16s %9s %9s %9s %9s %18s" % ("outage", "median", "shortest", "longest", "worst", "behind promotion"))
        for p in self.populations:
            medians = self.medians(p)
            behind = statistics.median(statistics.median(self.after_promotion(p, r)) for r in self.rounds)
            say("%-16s %9.3f %9.3f %9.3f %9.3f %18.3f" % (p.name, statistics.median(medians), min(medians), max(medians),
                                                         max(max(self.outages(p, r)) for r in self.rounds), behind))
        say("  (from what first failed or stalled to the first write; median, shortest, longest: of the rounds' medians over the clients;\n"
            "  worst: of one client; behind promotion: from when the new primary accepts writes to a client's first write)")

    def show_rows(self, rows):
        say("\n%-16s %12s %8s %8s %8s %8s %14s %10s" % ("", "acknowledged", "lost", "doubled", "ghost", "stale", "failed: known", "unknown"))
        verdicts = []
        for p in self.populations:
            found = self.judge(p, rows)
            known = sum(r.outcome == "not-run" and r.kind != "connect" for r in p.records)
            unknown = sum(r.outcome == "unknown" for r in p.records)
            say("%-16s %12d %8d %8d %8d %8d %14d %10d" % (p.name, found["acknowledged"], found["lost"], found["doubled"], found["ghost"],
                                                        found["stale"], known, unknown))
            bad = [name for name in ("lost", "doubled", "ghost", "stale") if found[name]]
            late = sum(p.name in r[3] for r in self.rounds)
            if p.name == "teal":
                verdicts.append(("no acknowledged write is lost, none is doubled, none is there that did not run, no stale read", not bad))
                verdicts.append(("every client writes again after each failover", late == 0))
                verdicts.append(("there was enough load to tell", found["acknowledged"] > 20 * self.args.clients * len(self.rounds)))
            elif bad:
                say("    %s is not Teal, but the judge found: %s" % (p.name, ", ".join(bad)))
        return verdicts

    def show_errors(self):
        say("\n%-16s %-9s %-8s %7s  %s" % ("failed attempts", "outcome", "SQLSTATE", "count", "for instance"))
        for p in self.populations:
            counts, sample = collections.Counter(), {}
            for r in p.records:
                if r.outcome in ("not-run", "unknown"):
                    key = ("connect" if r.kind == "connect" else r.outcome, r.sqlstate)
                    counts[key] += 1
                    sample.setdefault(key, r.message)
            for key, count in counts.most_common():
                say("%-16s %-9s %-8s %7d  %s" % (p.name, *key, count, sample[key][:110]))

    def show_claims(self):
        """Each round is a pair of measurements of the same failover, so the rounds are compared one by one."""
        by_name = {p.name: p for p in self.populations}
        if "teal" not in by_name:
            return []
        verdicts = []
        own = self.medians(by_name["teal"])
        say()
        for p in self.populations:
            if p.name != "teal":
                ratios = [a / b for a, b in zip(own, self.medians(p))]
                shorter = sum(ratio < 1 for ratio in ratios)
                say("Teal's outage against %s: %.2f of it in the median, shorter in %d of %d" % (
                    p.name, statistics.median(ratios), shorter, len(ratios)))
                verdicts.append(("Teal's outage is shorter than that of " + p.name, statistics.median(ratios) < 1))
        return verdicts

    def write_json(self):
        with open(self.args.json, "w") as f:
            json.dump({"rounds": self.rounds, "outages": {p.name: [self.outages(p, r) for r in self.rounds] for p in self.populations}}, f, indent=1)


def say(text=""):
    print(text, flush=True)


def interrupted(*_):
    raise KeyboardInterrupt


def ways(text):
    names = text.split(",")
    for name in names:
        if name not in WAYS:
            raise argparse.ArgumentTypeError("%s is none of %s" % (name, ", ".join(WAYS)))
    return names


def main():
    parser = argparse.ArgumentParser(prog="failover")
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--detect", type=float, default=0.5)
    parser.add_argument("--calm", type=float, default=1.0)
    parser.add_argument("--retry-ms", type=int, default=100)
    parser.add_argument("--pause-ms", type=int, default=40)
    parser.add_argument("--only", dest="ways", type=ways, default=list(WAYS))
    parser.add_argument("--version")
    parser.add_argument("--json")
    parser.add_argument("--keep", action="store_true")
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, interrupted)
    signal.signal(signal.SIGINT, interrupted)
    run = Failover(args)
    try:
        run.start()
        run.play()
        verdicts = run.show()
        if args.json:
            run.write_json()
    except KeyboardInterrupt:
        say("interrupted")
        return 130
    finally:
        run.stop()
    say()
    for claim, good in verdicts:
        say("%s  %s" % ("PASS" if good else "FAIL", claim))
    for name, why in run.missing.items():
        say("SKIP  %s: %s" % (name, why))
    return 0 if all(good for _, good in verdicts) else 1


if __name__ == "__main__":
    sys.exit(main())
