# SPDX-License-Identifier: PostgreSQL
"""cluster.py: real PostgreSQL clusters in a folder of their own, for the tests, the demo and the benchmark.

PostgreSQL refuses to run as root, so root's servers run as the user postgres; anybody else's run as themselves.
Every cluster listens on 127.0.0.1 and on a Unix socket in the work folder, at a port found free below 32768
(an ephemeral client port could otherwise take a listener's place).
"""
import contextlib
import fcntl
import glob
import os
import pwd
import random
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

import pgwire
from waiting import eventually

ROOT = os.getuid() == 0
SERVER_USER = "postgres"
TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

SETTINGS = {
    "listen_addresses": "'127.0.0.1'",
    "max_connections": "300",
    "shared_buffers": "64MB",
    "wal_level": "logical",
    "max_wal_senders": "20",
    "max_replication_slots": "20",
    "max_worker_processes": "24",
    "max_logical_replication_workers": "12",
    "max_sync_workers_per_subscription": "2",
    "wal_retrieve_retry_interval": "'200ms'",
    "wal_receiver_status_interval": "'1s'",
    "wal_keep_size": "'512MB'",
    "max_wal_size": "'2GB'",
    "checkpoint_timeout": "'30min'",
    "hot_standby_feedback": "on",
    "log_line_prefix": "'%m [%p] %q%u@%d/%a '",
    "log_min_messages": "warning",
    "jit": "off",
}

# scram and md5 users for the authentication tests; everybody else is let in, everything is loopback.
HBA = """local all all trust
host all scram_user 127.0.0.1/32 scram-sha-256
host all md5_user 127.0.0.1/32 md5
host all all 127.0.0.1/32 trust
host replication all 127.0.0.1/32 trust
"""


def system_bin():
    """The newest PostgreSQL that the distribution installed."""
    if os.environ.get("TEAL_PG_BIN"):
        return os.environ["TEAL_PG_BIN"]
    found = [d for d in glob.glob("/usr/lib/postgresql/*/bin") if os.path.exists(d + "/postgres")]
    if not found:
        raise RuntimeError("no PostgreSQL server found; run scripts/install-dependencies")
    return max(found, key=lambda d: int(re.search(r"postgresql/(\d+)", d).group(1)))


def cache_dir():
    if ROOT:
        return "/var/cache/teal"
    return os.path.join(os.environ.get("XDG_CACHE_HOME", os.path.expanduser("~/.cache")), "teal")


def version_bin(version):
    """The programs of a major version: the distribution's own, or those which install-dependencies fetched."""
    if version is None:
        return system_bin()
    debian = "/usr/lib/postgresql/%s/bin" % version
    if os.path.exists(debian + "/postgres"):
        return debian
    fetched = "%s/postgres-%s/bin" % (cache_dir(), version)
    if os.path.exists(fetched + "/postgres"):
        return fetched
    raise RuntimeError("PostgreSQL %s is not here; run scripts/install-dependencies --green-version %s"
                       % (version, version))


def has_version(version):
    try:
        return bool(version_bin(version))
    except RuntimeError:
        return False


def client_program(name):
    return os.path.join(system_bin(), name)


CLAIMS = os.path.join(tempfile.gettempdir(), "teal-ports-%d" % os.getuid())


def free_port():
    """A port below 32768 that nobody listens on and that no other test process was given lately."""
    os.makedirs(CLAIMS, mode=0o700, exist_ok=True)
    for _ in range(2000):
        port = random.randint(20000, 32000)
        claim = os.path.join(CLAIMS, str(port))
        if is_fresh(claim) or is_listening(port):
            continue
        try:
            os.close(os.open(claim, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        except FileExistsError:
            continue
        return port
    raise RuntimeError("no free port found")


def is_fresh(claim):
    """Claims are forgotten after ten minutes; by then whoever made one listens, or is gone."""
    try:
        if time.time() - os.stat(claim).st_mtime < 600:
            return True
        os.unlink(claim)
    except FileNotFoundError:
        pass
    return False


def is_listening(port):
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind(("127.0.0.1", port))
            return False
        except OSError:
            return True


def as_server_user(argv):
    """The command line that runs argv as the servers' user."""
    if not ROOT:
        return list(argv)
    return ["setpriv", "--reuid=" + SERVER_USER, "--regid=" + SERVER_USER, "--clear-groups", *argv]


def with_parent(argv):
    """A long-lived child ends when the harness is killed; the kernel watches the thread that forked, hence the check."""
    if threading.current_thread() is not threading.main_thread() or not shutil.which("setpriv"):
        return list(argv)
    if argv[0] == "setpriv":
        return ["setpriv", "--pdeathsig", "INT", *argv[1:]]
    return ["setpriv", "--pdeathsig", "INT", *argv]


def owned_by_server(path):
    if ROOT:
        entry = pwd.getpwnam(SERVER_USER)
        os.chown(path, entry.pw_uid, entry.pw_gid)


def work_dir(prefix="teal-"):
    """A temporary folder that the servers may enter. Short, for Unix socket paths end at 107 bytes."""
    path = tempfile.mkdtemp(prefix=prefix, dir=os.environ.get("TEAL_TMP", "/tmp"))
    os.chmod(path, 0o755)
    return path


def run_program(argv, **kwargs):
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          cwd="/", text=True, errors="replace", **kwargs)
    if done.returncode != 0:
        raise RuntimeError("%s failed (%d):\n%s" % (" ".join(argv), done.returncode, done.stdout[-4000:]))
    return done.stdout


class Cluster:
    """One PostgreSQL server: name (also its cluster_name), data folder, port."""

    def __init__(self, work, name, version=None, settings=None):
        self.name, self.work = name, work
        self.bin = version_bin(version)
        self.data = os.path.join(work, name)
        self.log = os.path.join(work, name + ".log")
        self.port = free_port()
        self.socket_dir = os.path.join(work, "s")
        self.settings = dict(SETTINGS, cluster_name="'%s'" % name, port=str(self.port),
                             unix_socket_directories="'%s'" % self.socket_dir, **(settings or {}))
        self.hba = HBA
        self.process = None
        self.host = "127.0.0.1"
        os.makedirs(self.socket_dir, exist_ok=True)
        owned_by_server(self.socket_dir)

    def major(self):
        with open(os.path.join(self.data, "PG_VERSION")) as f:
            return int(f.read().split(".")[0])

    # -- making

    def init(self):
        templates = os.environ.get("TEAL_TEMPLATES")
        if templates:
            run_program(["cp", "-a", self.template(templates), self.data])
        else:
            self.initdb(self.data)
        self.configure()
        return self

    def initdb(self, data):
        os.makedirs(data, mode=0o700)
        owned_by_server(data)
        run_program(as_server_user([self.bin + "/initdb", "-D", data, "-U", "postgres", "-A", "trust",
                                    "-E", "UTF8", "--locale=C", "--data-checksums", "--no-sync"]))

    def template(self, folder):
        """What initdb made for this version and this name in the run; each name has a system identifier of its own."""
        path = os.path.join(folder, "%s-%s" % (self.bin.strip("/").replace("/", "-"), self.name))
        with open(path + ".lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not os.path.exists(path):
                self.initdb(path + ".new")
                os.rename(path + ".new", path)
        return path

    def copy_of(self, primary):
        """Becomes a streaming standby of the primary."""
        if primary.major() > int(re.search(r"postgresql/(\d+)", system_bin()).group(1)):
            return self.copy_by_hand(primary)
        os.makedirs(self.data, mode=0o700)
        owned_by_server(self.data)
        run_program(as_server_user([client_program("pg_basebackup"), "-D", self.data, "-h", primary.host,
                                    "-p", str(primary.port), "-U", "postgres", "-R", "-X", "stream",
                                    "-c", "fast", "--no-sync"]))
        self.configure()
        return self

    def copy_by_hand(self, primary):
        """What pg_basebackup does, of which the fetched versions have none; from 15 on, as the backup functions have new names."""
        with primary.connect() as c:
            c.query("SELECT pg_backup_start('copy', true)")
            run_program(["cp", "-a", primary.data, self.data])
            label = c.query("SELECT labelfile FROM pg_backup_stop(false)").rows[0][0]
        for name in ("postmaster.pid", "postmaster.opts"):
            os.unlink(os.path.join(self.data, name))
        for name, text in (("backup_label", label), ("standby.signal", ""), ("postgresql.auto.conf",
                           "primary_conninfo = 'user=postgres host=%s port=%s'\n" % (primary.host, primary.port))):
            path = os.path.join(self.data, name)
            with open(path, "w") as f:
                f.write(text)
            owned_by_server(path)
        self.configure()
        return self

    def configure(self):
        """Settings go into postgresql.conf; postgresql.auto.conf stays with ALTER SYSTEM, which Teal uses."""
        path = os.path.join(self.data, "postgresql.conf")
        with open(path) as f:
            own = f.read().split("# -- harness --")[0]
        with open(path, "w") as f:
            f.write(own + "# -- harness --\n" + "".join("%s = %s\n" % kv for kv in self.settings.items()))
        with open(os.path.join(self.data, "pg_hba.conf"), "w") as f:
            f.write(self.hba)

    def set(self, **settings):
        self.settings.update(settings)
        self.configure()

    # -- running

    def start(self, wait=True):
        log = open(self.log, "ab")
        argv = [os.path.join(self.bin, "postgres"), "-D", self.data]
        self.process = subprocess.Popen(with_parent(as_server_user(argv)), stdin=subprocess.DEVNULL, stdout=log,
                                        stderr=log, cwd="/", start_new_session=True,
                                        env=dict(os.environ, HOME=self.data))  # not root's, where libpq would look for keys
        log.close()
        if wait:
            self.wait_ready()
        return self

    def wait_ready(self, seconds=30):
        def ready():
            if self.process.poll() is not None:
                raise RuntimeError("cluster %s ended at once:\n%s" % (self.name, self.log_tail()))
            with self.connect(timeout=5):
                return True
        eventually(ready, seconds, "cluster " + self.name)

    def stop(self, mode="fast", wait=True):
        """fast and immediate as in pg_ctl; kill leaves nobody time to say good-bye."""
        if self.process is None or self.process.poll() is not None:
            self.process = None
            return
        if mode == "kill":
            self.kill_all()
        else:
            os.kill(self.process.pid, {"fast": signal.SIGINT, "immediate": signal.SIGQUIT}[mode])
        if not wait:
            return
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.kill_all()
            self.process.wait(10)
        self.process = None

    def kill_all(self):
        """The postmaster first, then its children by their own ids; they would end by themselves, a little later."""
        children = children_of(self.process.pid)
        for pid in [self.process.pid, *children]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def restart(self, mode="fast"):
        self.stop(mode)
        return self.start()

    def freeze(self):
        """Every process stops, as when a machine hangs: connections stay open and nothing answers."""
        for pid in [self.process.pid, *children_of(self.process.pid)]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)

    def thaw(self):
        for pid in [*children_of(self.process.pid), self.process.pid]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    def log_tail(self, size=4000):
        try:
            with open(self.log, errors="replace") as f:
                return f.read()[-size:]
        except OSError:
            return ""

    # -- talking

    def connect(self, database="postgres", user="postgres", **kwargs):
        return pgwire.Connection(self.host, self.port, user, database, **kwargs)

    def sql(self, text, database="postgres", user="postgres"):
        """Runs the text as the superuser, whatever fence stands; the last statement's rows."""
        with self.connect(database, user, options="-c default_transaction_read_only=off") as c:
            result = c.query(text)
            return result.rows

    def value(self, text, database="postgres"):
        rows = self.sql(text, database)
        return rows[0][0] if rows else None

    def in_recovery(self):
        return self.value("SELECT pg_is_in_recovery()") == "t"

    def read_only(self):
        with self.connect() as c:
            return c.value("SHOW default_transaction_read_only") == "on"

    def psql_file(self, path, database):
        run_program([client_program("psql"), "-XqAt", "-v", "ON_ERROR_STOP=1", "-h", self.host, "-p", str(self.port),
                     "-U", "postgres", "-d", database, "-f", path])

    def dump_schema(self, database, path):
        run_program([client_program("pg_dump"), "-s", "-h", self.host, "-p", str(self.port), "-U", "postgres",
                     "-d", database, "-f", path])


def children_of(pid):
    found = []
    for entry in glob.glob("/proc/%d/task/*/children" % pid):
        with contextlib.suppress(OSError):
            with open(entry) as f:
                found += [int(p) for p in f.read().split()]
    return found


APP_SCHEMA = """
CREATE TABLE kv (k text PRIMARY KEY, v text NOT NULL, n bigint NOT NULL DEFAULT 0);
CREATE TABLE item (id bigserial PRIMARY KEY, label text NOT NULL, side text NOT NULL DEFAULT current_setting('cluster_name'));
CREATE SEQUENCE lone START 100 INCREMENT 5;
-- A write that no classifier can see from outside: a plain-looking view over a volatile function.
CREATE FUNCTION sneak(what text) RETURNS bigint LANGUAGE sql VOLATILE AS
    $$ INSERT INTO item (label) VALUES (what) RETURNING id $$;
CREATE VIEW hidden_write AS SELECT sneak('from a view') AS id;
GRANT ALL ON ALL TABLES IN SCHEMA public TO PUBLIC;
GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO PUBLIC;
"""

ROLES = """
CREATE ROLE app LOGIN PASSWORD 'app-secret';
CREATE ROLE other LOGIN PASSWORD 'other-secret';
SET password_encryption = 'scram-sha-256';
CREATE ROLE scram_user LOGIN PASSWORD 'scram-secret';
SET password_encryption = 'md5';
CREATE ROLE md5_user LOGIN PASSWORD 'md5-secret';
"""


class Pair:
    """A blue and a green cluster with the database app; green follows by streaming or is ready for logical replication.

    kind is physical or logical. For logical the schema is put on both sides and Teal's prepare does the rest.
    """

    def __init__(self, work=None, kind="physical", blue_version=None, green_version=None, settings=None, schema=APP_SCHEMA):
        self.own_work = work is None
        self.work = work or work_dir()
        self.kind = kind
        self.schema = schema
        settings = dict(settings or {})
        settings.setdefault("fsync", "off")
        self.blue = Cluster(self.work, "blue", blue_version, settings)
        self.green = Cluster(self.work, "green", green_version or blue_version, settings)

    def start(self):
        self.blue.init().start()
        self.create_database(self.blue)
        self.blue.sql(self.schema, "app")
        return self.start_green()

    def start_green(self):
        if self.kind == "physical":
            self.green.copy_of(self.blue).start()
            self.wait_streaming()
            return self
        self.green.init().start()
        self.create_database(self.green)
        self.green.sql(self.schema, "app")
        return self

    @staticmethod
    def create_database(cluster):
        for statement in ROLES.strip().split(";\n"):
            if statement.strip() and not statement.startswith("SET"):
                encoding = "md5" if "md5_user" in statement else "scram-sha-256"
                cluster.sql("SET password_encryption = '%s'; %s" % (encoding, statement.rstrip(";")))
        cluster.sql("CREATE DATABASE app")
        cluster.sql("ALTER DATABASE app OWNER TO app")

    def wait_streaming(self):
        eventually(lambda: self.blue.value("SELECT 1 FROM pg_stat_replication WHERE state = 'streaming'"), 20, "streaming")
        self.wait_caught_up()

    def wait_caught_up(self):
        """The standby has replayed all that blue holds now."""
        lsn = self.blue.value("SELECT pg_current_wal_flush_lsn()")
        eventually(lambda: self.green.value("SELECT pg_last_wal_replay_lsn() >= '%s'::pg_lsn" % lsn) == "t", 20, "replay")

    def side(self, name):
        return {"blue": self.blue, "green": self.green}[name]

    def stop(self, keep=False):
        for cluster in (self.green, self.blue):
            cluster.stop("immediate")
        if self.own_work and not keep and not os.environ.get("TEAL_KEEP"):
            shutil.rmtree(self.work, ignore_errors=True)

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.stop()
            raise

    def __exit__(self, *_):
        self.stop()
