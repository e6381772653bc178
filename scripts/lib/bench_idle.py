# SPDX-License-Identifier: PostgreSQL
"""bench_idle.py: what databases cost that nobody uses. Called by scripts/bench-idle, whose head says what it does."""
import argparse
import json
import os
import re
import signal
import sys
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests", "support"))
import cluster
from teal import Teal, TealEnded

MEMORY_MAX, CPU_MAX = 20.0, 1.0  # MB, percent of a core
SETTLED = 3.0  # seconds after the last database was found


def say(text=""):
    print(text, flush=True)


def memory_mb(pid):
    """What the process has of its own: shared libraries count in parts."""
    with open("/proc/%d/smaps_rollup" % pid) as f:
        text = f.read()
    return tuple(int(re.search(r"^%s: +(\d+) kB" % name, text, re.M).group(1)) / 1024 for name in ("Rss", "Pss"))


def cpu_seconds(pid):
    with open("/proc/%d/stat" % pid) as f:
        part = f.read().rsplit(")", 1)[1].split()
    return (int(part[11]) + int(part[12])) / os.sysconf("SC_CLK_TCK")


class BenchIdle:
    def __init__(self, args):
        self.args = args
        names = ["app"] + ["app%d" % n for n in range(2, args.databases + 1)]
        self.pair = cluster.Pair(kind="logical" if args.logical else "physical", databases=names, schema="SELECT 1")

    def connections(self):
        sql = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'teal%'"
        return {side: int(self.pair.side(side).value(sql)) for side in ("blue", "green")}

    def measure(self, name, databases):
        """One Teal from its start to its end: its figures."""
        proxy = Teal(self.pair, name="teal-%d" % len(databases), workers=2, log_level="warn",
                     pair_settings={"databases": "*" if len(databases) > 1 else databases[0]})
        try:
            proxy.start()
            cluster.eventually(lambda: self.found(proxy, databases), 120, "%d databases to be found" % len(databases))
            time.sleep(SETTLED)
            before, began = cpu_seconds(proxy.process.pid), time.monotonic()
            time.sleep(self.args.seconds)
            proxy.check_alive()
            share = (cpu_seconds(proxy.process.pid) - before) / (time.monotonic() - began) * 100
            rss, pss = memory_mb(proxy.process.pid)
            result = {"databases": len(databases), "rss_mb": rss, "pss_mb": pss, "cpu_percent": share, "connections": self.connections()}
            with proxy.connect(databases[-1]) as c:
                c.query("SELECT 1")
        finally:
            if proxy.is_running():
                proxy.stop()
        say("%-14s %9.1f %9.1f %9.2f %12d %12d" % (name, rss, pss, share, *result["connections"].values()))
        return result

    @staticmethod
    def found(proxy, databases):
        names = {row["name"] for row in proxy.console("SHOW DATABASES")}
        return names.issuperset(databases)

    def run(self):
        begin = time.monotonic()
        self.pair.start()
        say("two clusters of %d databases, made in %.0f s; CPU over %g s\n" % (
            len(self.pair.databases), time.monotonic() - begin, self.args.seconds))
        say("%-14s %9s %9s %9s %12s %12s" % ("", "RSS MB", "PSS MB", "CPU %", "conn. blue", "conn. green"))
        one = self.measure("1 database", self.pair.databases[:1])
        many = self.measure("%d databases" % len(self.pair.databases), self.pair.databases)
        memory, cpu = many["rss_mb"] - one["rss_mb"], many["cpu_percent"] - one["cpu_percent"]
        say("%-14s %9.1f %9s %9.2f" % ("the others", memory, "", cpu))
        if self.args.json:
            with open(self.args.json, "w") as f:
                json.dump([one, many], f, indent=1)
        verdicts = [("the others cost less than %g MB" % MEMORY_MAX, memory < MEMORY_MAX),
                    ("the others cost less than %g %% of a core" % CPU_MAX, cpu < CPU_MAX)]
        say()
        for claim, good in verdicts:
            say("%s  %s" % ("PASS" if good else "FAIL", claim))
        return 0 if all(good for _, good in verdicts) else 1


def interrupted(*_):
    raise KeyboardInterrupt


def main():
    parser = argparse.ArgumentParser(prog="bench-idle")
    parser.add_argument("--databases", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--logical", action="store_true")
    parser.add_argument("--json")
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, interrupted)
    signal.signal(signal.SIGINT, interrupted)
    bench = BenchIdle(args)
    try:
        return bench.run()
    except TealEnded as e:
        say("BROKEN: %s" % e)
        return 1
    except KeyboardInterrupt:
        say("interrupted")
        return 130
    finally:
        bench.pair.stop()


if __name__ == "__main__":
    sys.exit(main())
