#!/usr/bin/env python3
# SPDX-License-Identifier: PostgreSQL
"""run.py [--only NAME,..] [--steady-only] [--no-write] [--tls]: real drivers, directly and through Teal.

Each folder here is a driver: `install` puts it into a cache outside the tree, `drive` runs its cases and prints a
transcript of what it saw. The runner takes one transcript from PostgreSQL itself and one through Teal, whose pool of
five connections works by transaction, and any line that differs fails the row. `steady`, where there is one, is a loop
of transactions over which a cutover and the way back pass: the application must not see an error.

Prints a line for each driver and the counts, and writes the table of README.md between its two marks.
"""
import argparse
import difflib
import hashlib
import os
import re
import signal
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "support"))
import cluster  # noqa: E402
import pgwire  # noqa: E402
import teal as proxy  # noqa: E402

ORDER = ["psql", "psycopg", "psycopg2", "asyncpg", "sqlalchemy", "django", "alembic", "node-postgres", "postgresjs",
         "prisma", "pgx", "libpq-go", "golang-migrate", "pgjdbc", "flyway", "tokio-postgres", "sqlx"]
PLAIN_ONLY = ["tokio-postgres"]  # its TLS is a crate of its own, which is not built here
README = os.path.join(HERE, "README.md")
BEGIN, END = "<!-- matrix -->", "<!-- end -->"
INSTALL_SECONDS, DRIVE_SECONDS, STEADY_SECONDS = 900, 180, 12
USER, PASSWORD = "scram_user", "scram-secret"


def cache_dir():
    return os.path.join(cluster.cache_dir(), "drivers")


def folder(name):
    return os.path.join(HERE, name)


def known_difference(name):
    """What is known to differ, and how to live with it, where a driver's folder has such a note."""
    path = os.path.join(folder(name), "notes")
    if not os.path.exists(path):
        return ""
    with open(path) as f:
        return f.read().strip()


class Row:
    """What the matrix says of one driver."""

    def __init__(self, name):
        self.name, self.version, self.direct, self.through = name, "", "", ""
        self.cases, self.notes, self.steady = 0, known_difference(name), ""

    def failed(self):
        return "failed" in (self.direct, self.through, self.steady)

    def fail(self, where, text):
        setattr(self, where, "failed")
        print("FAIL %s %s\n%s" % (self.name, where, "\n".join("    " + line for line in text.splitlines()[-60:])), flush=True)

    def cells(self):
        steady = "; a cutover and the way back in a steady loop: %s" % self.steady if self.steady else ""
        notes = (self.notes + steady).removeprefix("; ")
        return [self.name, self.version, self.direct or "-", self.through or "-", str(self.cases), notes]


# ---------------------------------------------------------------- installing

def fingerprint(name):
    """Of all that the driver's folder holds and of what the folders share; a change installs anew."""
    digest = hashlib.sha256()
    paths = [os.path.join(HERE, f) for f in ("lib.sh",)]
    for top, _, files in os.walk(folder(name)):
        paths += [os.path.join(top, f) for f in files if not f.endswith(".pyc")]
    for path in sorted(paths):
        with open(path, "rb") as f:
            digest.update(path[len(HERE):].encode() + b"\0" + f.read())
    return digest.hexdigest()


def install(row):
    """True when the driver is there. Its script runs again only when the folder has changed."""
    stamp = os.path.join(cache_dir(), row.name + ".stamp")
    wanted = fingerprint(row.name)
    if os.path.exists(stamp):
        with open(stamp) as f:
            if f.read() == wanted:
                return True
    status, out = execute(["bash", os.path.join(folder(row.name), "install")], INSTALL_SECONDS, base_env())
    if status != 0:
        row.notes = "could not be installed"
        row.fail("direct", out)
        return False
    with open(stamp, "w") as f:
        f.write(wanted)
    return True


def base_env():
    return dict(os.environ, DRIVER_CACHE=cache_dir())


def execute(argv, seconds, env, cwd=HERE):
    """(status, output) of a program that is ended with its children when it takes too long."""
    with subprocess.Popen(argv, env=env, cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, start_new_session=True) as child:
        try:
            out, _ = child.communicate(timeout=seconds)
            status = child.returncode
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            out, _ = child.communicate()
            status = "longer than %d s" % seconds
    return status, out.decode(errors="replace")


# ---------------------------------------------------------------- one driver

class Bench:
    """A pair of clusters and what is needed to point a driver at one of them, or at a Teal in front."""

    def __init__(self, pair, tls):
        self.pair, self.tls = pair, tls
        self.proxies = 0

    def fresh_schema(self):
        """Every run starts with an empty schema of its own, first in the user's search path."""
        self.pair.blue.sql("DROP SCHEMA IF EXISTS drv CASCADE; CREATE SCHEMA drv AUTHORIZATION %s" % USER, "app")

    def proxy(self):
        self.proxies += 1
        settings = dict(workers=2, default_pool_size=5, auth_type="scram-sha-256")
        settings.update(self.tls.settings() if self.tls else {})
        return proxy.Teal(self.pair, name="teal%d" % self.proxies, **settings)

    def env(self, port, through):
        env = dict(base_env(), PGHOST="127.0.0.1", PGPORT=str(port), PGUSER=USER, PGPASSWORD=PASSWORD, PGDATABASE="app",
                   PGSSLMODE="disable", PGGSSENCMODE="disable", PYTHONDONTWRITEBYTECODE="1", PYTHONPATH=HERE, TZ="UTC")
        for name in ("PGOPTIONS", "PGAPPNAME", "PGSERVICE", "PGPASSFILE"):
            env.pop(name, None)
        if through and self.tls:
            env.update(PGSSLMODE="verify-full", PGSSLROOTCERT=self.tls.root)
        return env

    def transcript(self, row, port, through):
        """(status, text); the port is no part of the comparison, though some errors name it."""
        self.fresh_schema()
        status, out = execute(["bash", os.path.join(folder(row.name), "drive")], DRIVE_SECONDS, self.env(port, through))
        return status, re.sub(r"\b%d\b" % port, "#", out)

    def compare(self, row):
        status, direct = self.transcript(row, self.pair.blue.port, False)
        row.version = (re.findall(r"^# version (.*)$", direct, re.M) or [""])[0]
        row.cases = len(re.findall(r"^== ", direct, re.M))
        if status != 0 or row.cases == 0:
            row.fail("direct", "status %s\n%s" % (status, direct))
            return
        row.direct = "ok"
        with self.proxy() as t:
            status, through = self.transcript(row, t.port, True)
            log = t.log_tail(1500)
        changes = list(difflib.unified_diff(direct.splitlines(), through.splitlines(), "direct", "through", lineterm="", n=1))
        if status != 0 or changes:
            row.fail("through", "status %s\n%s\n%s\nteal: %s" % (status, "\n".join(changes[:40]), through[-800:], log))
            return
        row.through = "equal"


# ---------------------------------------------------------------- a cutover under a steady loop

def steady(bench, rows):
    """All loops at once over one cutover and the way back; each prints "N transactions, N errors" at its end."""
    rows = [r for r in rows if os.path.exists(os.path.join(folder(r.name), "steady")) and not r.failed()]
    if not rows:
        return
    bench.fresh_schema()
    bench.pair.blue.sql("CREATE TABLE drv.steady (id text PRIMARY KEY, n bigint NOT NULL); "
                        "ALTER TABLE drv.steady OWNER TO %s" % USER, "app")
    bench.pair.wait_caught_up()
    with bench.proxy() as t:
        t.steps("PREPARE")
        env = dict(bench.env(t.port, True), STEADY_SECONDS=str(STEADY_SECONDS))
        loops = [(r, subprocess.Popen(["bash", os.path.join(folder(r.name), "steady")], env=env, cwd=HERE,
                                      stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                      start_new_session=True)) for r in rows]
        try:
            cluster.eventually(lambda: bench.pair.blue.value("SELECT count(*) FROM drv.steady", "app") == str(len(rows)), 30,
                               "every loop to write")
            said = [flip(t, "CUTOVER")]
            said.append("" if writer(bench) == "green" else "green does not write")
            said.append(back(t))
            for row, loop in loops:
                judge(bench, row, loop.communicate(timeout=60)[0].decode(errors="replace"), said, t)
        finally:
            for _, loop in loops:
                if loop.poll() is None:
                    os.killpg(loop.pid, signal.SIGKILL)


def writer(bench):
    """Which side takes writes; the other refuses them by itself."""
    blue, green = (c.read_only() or c.in_recovery() for c in (bench.pair.blue, bench.pair.green))
    return {(False, True): "blue", (True, False): "green"}.get((blue, green))


def flip(t, command):
    bad = [s for s in t.steps(command) if s["result"] == "fail"]
    return "%s: %s" % (command, bad) if bad else ""


def back(t):
    """The way back opens a moment after the cutover; until then it is refused."""
    said = [""]

    def attempt():
        try:
            said[0] = flip(t, "ROLLBACK")
            return True
        except pgwire.PgError as e:
            said[0] = str(e)
            return False
    try:
        cluster.eventually(attempt, 10, "the way back", every=0.3)
    except AssertionError:
        pass
    return said[0]


def judge(bench, row, out, said, t):
    found = re.search(r"^(\d+) transactions, (\d+) errors$", out, re.M)
    stored = bench.pair.blue.value("SELECT n FROM drv.steady WHERE id = '%s'" % row.name, "app")
    if not any(said) and found and found.group(2) == "0" and found.group(1) == stored and writer(bench) == "blue":
        row.steady = "no error, none lost"
        return
    row.fail("steady", "%s\nstored %s; steps: %s\n%s" % (out[-3000:], stored, said, t.log_tail(1500)))


# ---------------------------------------------------------------- TLS towards Teal

class Tls:
    """An authority of our own and a certificate for localhost by it; the drivers verify it in full."""

    def __init__(self, work):
        self.root, self.cert, self.key = (os.path.join(work, f) for f in ("root.crt", "server.crt", "server.key"))
        root_key, request, names = (os.path.join(work, f) for f in ("root.key", "server.csr", "server.ext"))
        with open(names, "w") as f:
            f.write("subjectAltName = DNS:localhost, IP:127.0.0.1\nbasicConstraints = CA:FALSE\n")
        new = ["openssl", "req", "-newkey", "rsa:2048", "-nodes"]
        cluster.run_program(new + ["-x509", "-days", "2", "-keyout", root_key, "-out", self.root, "-subj", "/CN=drivers"])
        cluster.run_program(new + ["-keyout", self.key, "-out", request, "-subj", "/CN=localhost"])
        cluster.run_program(["openssl", "x509", "-req", "-days", "2", "-in", request, "-CA", self.root, "-CAkey", root_key,
                             "-CAcreateserial", "-extfile", names, "-out", self.cert])

    def settings(self):
        return {"client_tls_sslmode": "require", "client_tls_cert_file": self.cert, "client_tls_key_file": self.key}


# ---------------------------------------------------------------- the matrix

def write_matrix(rows):
    with open(README) as f:
        text = f.read()
    before, rest = text.split(BEGIN, 1)
    after = rest.split(END, 1)[1]
    lines = ["| driver | version | direct | through Teal | cases | notes |", "|---|---|---|---|---|---|"]
    lines += ["| " + " | ".join(r.cells()) + " |" for r in rows]
    with open(README, "w") as f:
        f.write(before + BEGIN + "\n" + "\n".join(lines) + "\n" + END + after)


def chosen(only):
    known = [n for n in ORDER if os.path.exists(os.path.join(folder(n), "install"))]
    if not only:
        return known
    wanted = only.split(",")
    unknown = set(wanted) - set(known)
    if unknown:
        sys.exit("run.py: no such driver: %s; there are: %s" % (" ".join(sorted(unknown)), " ".join(known)))
    return [n for n in known if n in wanted]


def run_all(bench, rows, steady_only):
    for row in rows:
        began = time.monotonic()
        if not install(row):
            continue
        if not steady_only:
            bench.compare(row)
            print("%s %s %s, %d cases, direct %s, through %s, %.0f s" % (
                "FAIL" if row.failed() else "ok", row.name, row.version, row.cases, row.direct or "-", row.through or "-",
                time.monotonic() - began), flush=True)
    steady(bench, rows)
    for row in rows:
        if row.steady:
            print("%s %s over a cutover and back: %s" % ("FAIL" if row.steady == "failed" else "ok", row.name, row.steady),
                  flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only")
    parser.add_argument("--steady-only", action="store_true")
    parser.add_argument("--no-write", action="store_true")
    parser.add_argument("--tls", action="store_true")
    args = parser.parse_args()
    os.makedirs(cache_dir(), exist_ok=True)
    rows = [Row(n) for n in chosen(args.only) if not (args.tls and n in PLAIN_ONLY)]
    with cluster.Pair() as pair:
        pair.blue.sql("GRANT CREATE ON DATABASE app TO %s; ALTER ROLE %s IN DATABASE app SET search_path = drv, public"
                      % (USER, USER), "app")
        run_all(Bench(pair, Tls(pair.work) if args.tls else None), rows, args.steady_only)
    failed = sum(r.failed() for r in rows)
    if not args.only and not args.steady_only and not args.no_write and not args.tls:
        write_matrix(rows)
    print("%d passed, %d failed" % (len(rows) - failed, failed))
    return 1 if failed or not rows else 0


if __name__ == "__main__":
    sys.exit(main())
