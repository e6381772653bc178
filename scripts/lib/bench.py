# SPDX-License-Identifier: PostgreSQL
"""bench.py: direct, PgBouncer, HAProxy and Teal side by side. Called by scripts/bench, whose head says what it does."""
import argparse
import json
import os
import platform
import re
import signal
import statistics
import subprocess
import sys
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests", "support"))
import cluster
import pgwire
import teal

POOL = 32
SCALE = 10
ANCHOR = "pgbouncer"


def say(text=""):
    print(text, flush=True)


def program(name):
    for folder in os.environ["PATH"].split(":") + ["/usr/sbin", "/usr/local/sbin"]:
        path = os.path.join(folder, name)
        if os.access(path, os.X_OK):
            return path
    raise SystemExit("bench: %s is not installed" % name)


def cpu_ns(pid):
    """CPU time of all threads of a process so far, from the scheduler: exact to the nanosecond."""
    total = 0
    for task in os.listdir("/proc/%d/task" % pid):
        try:
            with open("/proc/%d/task/%s/schedstat" % (pid, task)) as f:
                total += int(f.read().split()[0])
        except OSError:
            pass
    return total


class Target:
    """Where pgbench connects to, and whose CPU counts; pid None: there is no proxy."""

    def __init__(self, name, port, process=None, pid=None, note=""):
        self.name, self.port, self.process, self.note = name, port, process, note
        self.pid = pid or (process.pid if process else None)

    def cpu(self):
        return cpu_ns(self.pid) if self.pid else 0


def spawn(argv, work, name):
    with open(os.path.join(work, name + ".log"), "wb") as log:
        return subprocess.Popen(cluster.with_parent(argv), stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/",
                                start_new_session=True)


def pgbouncer_version(path):
    out = subprocess.run([path, "--version"], stdout=subprocess.PIPE, text=True).stdout
    found = re.search(r"(\d+)\.(\d+)", out)
    return int(found.group(1)), int(found.group(2))


def start_pgbouncer(pair, name, mode, pool):
    path, port = program("pgbouncer"), cluster.free_port()
    ini, users = os.path.join(pair.work, name + ".ini"), os.path.join(pair.work, name + ".users")
    with open(users, "w") as f:
        f.write('"app" "app-secret"\n')
    with open(ini, "w") as f:
        f.write("[databases]\napp = host=%s port=%d dbname=app\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = %d\n"
                "unix_socket_dir =\nauth_type = trust\nauth_file = %s\npool_mode = %s\ndefault_pool_size = %d\n"
                "max_client_conn = 1000\nlisten_backlog = 4096\n" % (pair.blue.host, pair.blue.port, port, users, mode, pool))
        if pgbouncer_version(path) >= (1, 21):
            f.write("max_prepared_statements = 200\n")
    os.chmod(users, 0o644)
    return Target("pgbouncer", port, spawn(cluster.as_server_user([path, ini]), pair.work, name))


def start_haproxy(pair):
    port, config = cluster.free_port(), os.path.join(pair.work, "haproxy.cfg")
    with open(config, "w") as f:
        f.write("global\n  maxconn 2000\n  nbthread 1\ndefaults\n  mode tcp\n  timeout connect 5s\n  timeout client 1h\n"
                "  timeout server 1h\nlisten pg\n  bind 127.0.0.1:%d backlog 4096\n  server blue %s:%d\n"
                % (port, pair.blue.host, pair.blue.port))
    return Target("haproxy", port, spawn([program("haproxy"), "-db", "-f", config], pair.work, "haproxy"))


def start_teal(pair, workers):
    proxy = teal.Teal(pair, workers=workers, default_pool_size=POOL, max_client_conn=1000, log_level="warn").start()
    return Target("teal", proxy.port, pid=proxy.process.pid), proxy


class Bench:
    def __init__(self, args):
        self.args = args
        self.env = dict(os.environ, PGPASSWORD="app-secret", PGSSLMODE="disable")
        self.rows = []  # one dict a measurement

    # -- what is measured

    def pgbench(self, target, options, seconds):
        argv = [cluster.client_program("pgbench"), "-n", "-h", "127.0.0.1", "-p", str(target.port), "-U", "app", "-T", str(seconds),
                *options, "app"]
        before = target.cpu()
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              env=self.env, cwd="/")
        used = target.cpu() - before
        if done.returncode != 0:
            return {"error": done.stdout.strip().splitlines()[-1]}
        count = int(re.search(r"actually processed: (\d+)", done.stdout).group(1))
        return {"rate": count / seconds, "latency": float(re.search(r"latency average = ([\d.]+)", done.stdout).group(1)),
                "cpu": used / 1000 / max(count, 1) if target.pid else None}

    def copy(self, target, megabytes):
        sql = "COPY (SELECT repeat('x', 999) FROM generate_series(1, %d)) TO STDOUT" % (megabytes * 1000)
        argv = [cluster.client_program("psql"), "-XqAt", "-h", "127.0.0.1", "-p", str(target.port), "-U", "app", "-c", sql, "app"]
        before, began = target.cpu(), time.monotonic()
        with open("/dev/null", "wb") as null:
            done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=null, stderr=subprocess.PIPE, text=True, env=self.env)
        took = time.monotonic() - began
        if done.returncode != 0:
            return {"error": done.stderr.strip()}
        return {"rate": megabytes / took, "latency": took * 1000,
                "cpu": (target.cpu() - before) / 1000 / megabytes if target.pid else None}

    def scenarios(self):
        """(name, unit of the rate, unit of the CPU, function of a target)."""
        seconds = self.args.seconds
        for mode in ("simple", "extended", "prepared"):
            for clients in (1, 32, 200):
                options = ["-b", "select-only", "-M", mode, "-c", str(clients), "-j", str(min(2, clients))]
                yield ("select-only %s, %d clients" % (mode, clients), "tx/s", "us/tx",
                       lambda t, o=options: self.pgbench(t, o, seconds))
        megabytes = 100 if self.args.quick else 1000
        yield "copy out, %d MB" % megabytes, "MB/s", "us/MB", lambda t: self.copy(t, megabytes)
        churn = ["-b", "select-only", "-C", "-c", "8", "-j", "2"]
        yield "connection churn, 8 clients", "conn/s", "us/conn", lambda t: self.pgbench(t, churn, seconds)

    def target_for(self, target, scenario):
        """PgBouncer before 1.21 cannot carry prepared statements over transactions: it gets session pooling there."""
        if target.name == ANCHOR and "prepared" in scenario and self.session_pooling is not None:
            return self.session_pooling
        return target

    # -- running

    def start(self):
        self.pair = cluster.Pair(settings={"max_connections": "500", "shared_buffers": "256MB"}, schema="SELECT 1")
        self.targets, self.session_pooling, self.proxy = [], None, None
        self.pair.start()
        blue = self.pair.blue
        cluster.run_program([cluster.client_program("pgbench"), "-i", "-q", "-s", str(SCALE), "-h", blue.host, "-p", str(blue.port),
                             "-U", "app", "app"])
        self.targets.append(Target("direct", blue.port))
        self.targets.append(start_pgbouncer(self.pair, "pgbouncer", "transaction", POOL))
        if pgbouncer_version(program("pgbouncer")) < (1, 21):
            self.session_pooling = start_pgbouncer(self.pair, "pgbouncer-session", "session", 250)
        self.targets.append(start_haproxy(self.pair))
        target, self.proxy = start_teal(self.pair, self.args.workers)
        self.targets.append(target)
        for target in self.targets + [self.session_pooling]:
            if target is not None:
                self.wait_serving(target)

    @staticmethod
    def wait_serving(target):
        def serving():
            with pgwire.Connection("127.0.0.1", target.port, "app", "app", timeout=5) as c:
                return c.value("SELECT 1") == "1"
        cluster.eventually(serving, 15, target.name)

    def stop(self):
        for target in self.targets + [self.session_pooling]:
            if target is not None and target.process is not None:
                os.kill(target.process.pid, signal.SIGKILL)
                target.process.wait()
        if self.proxy is not None:
            self.proxy.stop()
        self.pair.stop()

    def measure(self):
        for number in range(self.args.rounds):
            for name, unit, cpu_unit, run in self.scenarios():
                if self.args.only and not re.search(self.args.only, name):
                    continue
                # The order turns with the round, so that nobody is always first after a pause.
                turn = number % len(self.targets)
                for target in self.targets[turn:] + self.targets[:turn]:
                    result = run(self.target_for(target, name))
                    self.rows.append(dict(result, scenario=name, target=target.name, round=number, unit=unit, cpu_unit=cpu_unit))
                    say("  round %d  %-34s %-10s %s" % (number + 1, name, target.name, self.brief(result, unit, cpu_unit)))

    @staticmethod
    def brief(result, unit, cpu_unit):
        if "error" in result:
            return "ERROR " + result["error"]
        cpu = "%8.2f %s" % (result["cpu"], cpu_unit) if result["cpu"] is not None else ""
        return "%10.0f %-6s %9.3f ms  %s" % (result["rate"], unit, result["latency"], cpu)

    # -- showing

    def median(self, scenario, target, what):
        values = [r[what] for r in self.rows if r["scenario"] == scenario and r["target"] == target and r.get(what) is not None]
        return statistics.median(values) if values else None

    def show(self):
        version = subprocess.run([program("pgbouncer"), "--version"], stdout=subprocess.PIPE, text=True).stdout.split("\n")[0]
        say("\n%s; %s; PostgreSQL %s; %d cores; pool %d; %d round(s) of %g s, medians" % (
            platform.platform(), version, self.pair.blue.value("SHOW server_version"), os.cpu_count(), POOL, self.args.rounds,
            self.args.seconds))
        if self.session_pooling is not None:
            say("PgBouncer: transaction pooling; session pooling for prepared statements, which this version cannot pool otherwise")
        say("\n%-34s %-10s %12s %12s %14s %11s %11s" % ("scenario", "", "rate", "latency ms", "proxy CPU", "rate ratio", "CPU ratio"))
        ratios = []
        for scenario in dict.fromkeys(r["scenario"] for r in self.rows):
            for target in (t.name for t in self.targets):
                self.show_row(scenario, target, ratios)
        if ratios:
            say("\nTeal's CPU per transaction, select-only, against PgBouncer: median %.2f, worst %.2f" %
                (statistics.median(ratios), max(ratios)))
        if self.args.json:
            with open(self.args.json, "w") as f:
                json.dump(self.rows, f, indent=1)

    def show_row(self, scenario, target, ratios):
        first = next(r for r in self.rows if r["scenario"] == scenario)
        rate, latency, cpu = (self.median(scenario, target, what) for what in ("rate", "latency", "cpu"))
        anchor_rate, anchor_cpu = (self.median(scenario, ANCHOR, what) for what in ("rate", "cpu"))
        if rate is None:
            say("%-34s %-10s failed" % (scenario, target))
            return
        ratio = cpu / anchor_cpu if cpu is not None and anchor_cpu else None
        if target == "teal" and ratio is not None and scenario.startswith("select"):
            ratios.append(ratio)
        say("%-34s %-10s %7.0f %-6s %9.3f %7s %-7s %9s %11s" % (
            scenario, target, rate, first["unit"], latency, "" if cpu is None else "%.2f" % cpu,
            "" if cpu is None else first["cpu_unit"], "%.2f" % (rate / anchor_rate) if anchor_rate else "",
            "%.2f" % ratio if ratio is not None else ""))


def interrupted(*_):
    raise KeyboardInterrupt


def main():
    parser = argparse.ArgumentParser(prog="bench")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--only")
    parser.add_argument("--json")
    args = parser.parse_args()
    args.rounds = args.rounds or (1 if args.quick else 3)
    args.seconds = int(args.seconds or (2 if args.quick else 5))
    signal.signal(signal.SIGTERM, interrupted)
    signal.signal(signal.SIGINT, interrupted)
    bench = Bench(args)
    try:
        bench.start()
        bench.measure()
        bench.show()
    except KeyboardInterrupt:
        say("interrupted")
        return 130
    finally:
        bench.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
