# SPDX-License-Identifier: PostgreSQL
"""teal.py: the proxy as a process: its configuration, start, console, log and crash."""
import contextlib
import os
import signal
import subprocess

import pgwire
from cluster import TOP, free_port, with_parent
from waiting import eventually

BUILD = os.environ.get("TEAL_BUILD", os.path.join(TOP, "build", "release"))

USERS = """
"app" "app-secret"
"other" "other-secret"
"postgres" "postgres-secret"
"scram_user" "scram-secret"
"md5_user" "md5-secret"
"stranger" "stranger-secret"
"""


class TealEnded(Exception):
    """The process is gone though it should run."""


def pair_sections(pair, pair_settings=None, blue=None, green=None):
    """The sections of a pair. A side of one server has host and port, one of several has hosts."""
    suffix = " " + pair.name if pair.name else ""
    own = {"database": pair.databases[0]}
    if not pair.name:
        own["name"] = "app"
    if len(pair.databases) > 1:
        own["databases"] = ", ".join(pair.databases)
    sections = {"pair" + suffix: dict(own, **(pair_settings or {}))}
    for name, values in (("blue", blue), ("green", green)):
        side = pair.sides[name]
        where = {"hosts": side.hosts()} if len(side.nodes) > 1 else {"host": side.primary.host, "port": side.primary.port}
        sections[name + suffix] = dict(where, **{"user": "postgres", **(values or {})})
    return sections


class Teal:
    """One proxy in front of a Pair. Settings go into [teal], pair= into [pair], blue= and green= into theirs.

    Of several pairs, each with a name, the first is given as pair and the others as more; pair_settings are for each.
    """

    def __init__(self, pair, name="teal", env=None, blue=None, green=None, pair_settings=None, users=USERS, serves=True,
                 more=(), **settings):
        self.dir = os.path.join(pair.work, name)
        os.makedirs(self.dir, mode=0o755, exist_ok=True)
        self.port, self.admin_port = free_port(), 5432
        self.admin_dir = os.path.join(self.dir, "admin")
        self.client_dir = os.path.join(self.dir, "clients")
        self.state_dir = os.path.join(self.dir, "state")
        for path in (self.admin_dir, self.client_dir, self.state_dir):
            os.makedirs(path, exist_ok=True)
        self.log = os.path.join(self.dir, "teal.log")
        self.ini = os.path.join(self.dir, "teal.ini")
        self.host = "127.0.0.1"
        self.env = dict(env or {})
        self.serves = serves  # False when no client can be served at the start
        self.pair, self.pairs = pair, (pair, *more)
        self.process = None
        self.sections = {
            "teal": dict({
                "listen_addr": self.host, "listen_port": self.port, "unix_socket_dir": self.client_dir,
                "admin_socket_dir": self.admin_dir, "admin_socket_port": self.admin_port,
                "state_file": os.path.join(self.state_dir, "state"), "workers": 2, "auth_type": "trust",
                "auth_failure_delay": "0", "auth_failures_max": 0,  # the tests guess a lot
                "auth_file": os.path.join(self.dir, "users.txt"), "default_pool_size": 20,
            }, **settings),
        }
        for each in (pair, *more):
            self.sections.update(pair_sections(each, pair_settings, blue, green))
        with open(os.path.join(self.dir, "users.txt"), "w") as f:
            f.write(users)
        os.chmod(os.path.join(self.dir, "users.txt"), 0o600)
        self.write_ini()

    def write_ini(self):
        with open(self.ini, "w") as f:
            for section, values in self.sections.items():
                f.write("[%s]\n" % section)
                f.writelines("%s = %s\n" % kv for kv in values.items())
                f.write("\n")

    def set(self, section="teal", **settings):
        self.sections[section].update(settings)
        self.write_ini()

    # -- running

    def spawn(self, env=None):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(with_parent([os.path.join(BUILD, "teal"), self.ini]),
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/",
                                            env=dict(os.environ, **self.env, **(env or {})), start_new_session=True)
        return self

    def start(self, env=None, wait=True):
        self.spawn(env)
        if wait:
            self.wait_ready()
        return self

    def wait_ready(self, seconds=15):
        """The console answers and clients are served: a route is known."""
        def ready():
            self.check_alive()
            self.console("SHOW VERSION")
            if not self.serves:
                return True
            for each in self.pairs:
                with self.connect_unix(each.databases[0], password="app-secret", timeout=5) as c:
                    c.query("SELECT 1")
            return True
        eventually(ready, seconds, "teal to serve; its log ends:\n" + self.log_tail(1500))

    def check_alive(self):
        if self.process is not None and self.process.poll() is not None:
            raise TealEnded("teal ended with %s; its log ends:\n%s" % (self.process.returncode, self.log_tail()))

    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def kill(self):
        """kill -9, as a crash would."""
        if self.is_running():
            os.kill(self.process.pid, signal.SIGKILL)
        return self.wait_end()

    def wait_end(self, seconds=15):
        """Waits for the end; the exit status (negative: the signal)."""
        if self.process is None:
            return None
        status = self.process.wait(seconds)
        self.process = None
        return status

    def stop(self, how=signal.SIGINT, seconds=10):
        """An orderly stop; the exit status. A process that does not end is killed and that is an error."""
        if self.process is None:
            return None
        if self.is_running():
            os.kill(self.process.pid, how)
        try:
            return self.wait_end(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError("teal did not end within %d s" % seconds) from None

    def log_tail(self, size=6000):
        try:
            with open(self.log, errors="replace") as f:
                return f.read()[-size:]
        except OSError:
            return ""

    @contextlib.contextmanager
    def logs(self, words, within=10):
        """The block makes the proxy log this; returns when it has."""
        before = os.path.getsize(self.log)
        yield

        def logged():
            with open(self.log, errors="replace") as f:
                f.seek(before)
                return words in f.read()
        eventually(logged, within, "the log to say: " + words)

    # -- talking

    def connect(self, database="app", user="app", password=None, **kwargs):
        return pgwire.Connection(self.host, self.port, user, database, password=password, **kwargs)

    def connect_unix(self, database="app", user="app", **kwargs):
        return pgwire.Connection(self.client_dir, self.port, user, database, **kwargs)

    def admin(self, timeout=60):
        return pgwire.Connection(self.admin_dir, self.admin_port, "postgres", "teal", timeout=timeout)

    def console(self, sql, timeout=60):
        """One console statement: a list of rows, each a dict by column name."""
        with self.admin(timeout) as c:
            result = c.query(sql)
            return result.dicts() if result.columns else []

    def state_of(self, connection):
        """The session of this TCP client in SHOW CLIENTS: login, idle, active, waiting; gone when it has none."""
        port = str(connection.local[1])
        return next((row["state"] for row in self.console("SHOW CLIENTS") if row["port"] == port), "gone")

    def settle(self):
        """Each worker has answered: what had arrived when this was called is processed."""
        self.console("SHOW CLIENTS")

    def wait_server_gone(self, pid):
        """Until the proxy knows that this server connection has ended."""
        eventually(lambda: pid not in [row["remote_pid"] for row in self.console("SHOW SERVERS")], 10, "backend %s to be gone" % pid)

    def reads(self, words, seconds=10):
        """READS ...; refused as long as the lag of the side is unknown, which it is right after the start."""
        eventually(lambda: self.console("READS " + words) is not None, seconds, "READS %s to be accepted" % words)

    def ctl(self, *words, timeout=90):
        """tealctl WORDS: (exit status, standard output and error)."""
        done = subprocess.run(self.ctl_argv(*words), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=timeout)
        return done.returncode, done.stdout

    def ctl_argv(self, *words):
        return [os.path.join(BUILD, "tealctl"), "-h", self.admin_dir, "-p", str(self.admin_port), *words]

    def writer(self, database="app"):
        """Which cluster answers a write through Teal."""
        with self.connect(database) as c:
            c.query("BEGIN")
            side = c.value("SELECT current_setting('cluster_name')")
            c.query("ROLLBACK")
            return side

    def steps(self, sql, timeout=60):
        """A console command that reports step by step: the rows, also those before an error (raised afterwards)."""
        with self.admin(timeout) as c:
            c.send(pgwire.query(sql))
            columns, rows, error = None, [], None
            while True:
                kind, body = c.next()
                if kind == "T":
                    columns = pgwire.columns_of(body)
                elif kind == "D":
                    values = [None if v is None else v.decode() for v in pgwire.row_of(body)]
                    rows.append(dict(zip(columns, values)))
                elif kind == "E":
                    error = pgwire.PgError(pgwire.fields_of(body))
                    error.steps = rows
                elif kind == "Z":
                    break
            if error:
                raise error
            return rows

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, *_):
        if self.is_running():
            try:
                self.stop()
            except AssertionError:
                if kind is None:
                    raise
