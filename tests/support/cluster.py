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

    def __init__(self, work, name, version=None, settings=None, host="127.0.0.1", port=None):
        self.name, self.work = name, work
        self.bin = version_bin(version)
        self.data = os.path.join(work, name)
        self.log = os.path.join(work, name + ".log")
        self.host, self.port = host, port or free_port()
        self.socket_dir = os.path.join(work, "s" if host == "127.0.0.1" else "s" + host.rsplit(".", 1)[1])
        self.settings = dict(SETTINGS, cluster_name="'%s'" % name, port=str(self.port), listen_addresses="'%s'" % host,
                             unix_socket_directories="'%s'" % self.socket_dir, **(settings or {}))
        self.hba = HBA
        self.process = None
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

    def copy_of(self, primary, conninfo=None, slot=None):
        """Becomes a streaming standby of the primary, or of whoever the conninfo leads to."""
        os.makedirs(self.data, mode=0o700)
        owned_by_server(self.data)
        if os.path.exists(self.bin + "/pg_basebackup"):
            run_program(as_server_user([self.bin + "/pg_basebackup", "-D", self.data, "-h", primary.host,
                                        "-p", str(primary.port), "-U", "postgres", "-R", "-X", "stream",
                                        "-c", "fast", "--no-sync"]))
        else:
            self.copy_files_of(primary)
        with open(os.path.join(self.data, "postgresql.auto.conf"), "a") as f:
            f.write("primary_conninfo = '%s'\nprimary_slot_name = '%s'\n" % (conninfo or primary.conninfo(), slot or ""))
        self.configure()
        return self

    def copy_files_of(self, primary):
        """What pg_basebackup does, which the packages of npm leave out. WAL is fetched from the primary, which keeps enough."""
        with primary.connect() as c:
            c.query("SELECT pg_backup_start('%s', true)" % self.name)
            tar = ("cd '%s' && tar -c --exclude=./postmaster.* --exclude=./pg_wal/?* --exclude=./pg_replslot/?* . | tar -xpC '%s'"
                   % (primary.data, self.data))
            run_program(as_server_user(["sh", "-c", tar]))
            label = c.query("SELECT labelfile FROM pg_backup_stop(false)").value()
        for name, text in (("backup_label", label), ("standby.signal", "")):
            path = os.path.join(self.data, name)
            with open(path, "w") as f:
                f.write(text)
            owned_by_server(path)

    def conninfo(self):
        """How a standby reaches this server."""
        return conninfo_of([self])

    def follow(self, conninfo, slot=""):
        """A running standby streams from somebody else."""
        self.sql("ALTER SYSTEM SET primary_conninfo = '%s'" % conninfo)
        self.sql("ALTER SYSTEM SET primary_slot_name = '%s'" % slot)
        self.reload()

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

    def reload(self):
        self.sql("SELECT pg_reload_conf()")

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

    def is_running(self):
        return self.process is not None and self.process.poll() is None

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


def conninfo_of(clusters):
    """For a standby: of these servers the one that accepts writes."""
    hosts, ports = ",".join(c.host for c in clusters), ",".join(str(c.port) for c in clusters)
    return "user=postgres host=%s port=%s%s" % (hosts, ports, "" if len(clusters) == 1 else " target_session_attrs=read-write")


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


class Side:
    """The servers of one side: nodes, in the order of Teal's hosts, of which one is the primary and the rest stream from it.

    A node's name is its cluster_name: blue, blue2, blue3. Each standby has a slot of its name. Failover is in two halves,
    kill_primary and promote, so that a test can look at what lies between. What has lost its place comes back with rejoin
    (a standby again) or come_back (as it was: a second primary). With one_port the nodes differ in their address instead.
    """

    def __init__(self, work, name, standbys=0, version=None, settings=None, one_port=False):
        self.name = name
        self.nodes = [Cluster(work, name, version, settings)]
        for n in range(2, standbys + 2):
            where = {"host": "127.0.0.%d" % n, "port": self.nodes[0].port} if one_port else {}
            self.nodes.append(Cluster(work, "%s%d" % (name, n), version, settings, **where))
        self.primary = self.nodes[0]

    def standbys(self):
        return [node for node in self.nodes if node is not self.primary and node.is_running()]

    def hosts(self):
        """The value of Teal's key hosts."""
        return ", ".join("%s:%d" % (node.host, node.port) for node in self.nodes)

    def node(self, name):
        return next(node for node in self.nodes if node.name == name)

    def start_standbys(self):
        for node in self.nodes:
            if node is not self.primary:
                self.add(node)

    def add(self, node):
        """A standby, from a new copy, which streams when this returns."""
        self.make_slot(node)
        node.copy_of(self.primary, slot=slot_of(node)).start()
        self.wait_streaming(node)

    def make_slot(self, node):
        self.primary.sql("SELECT pg_create_physical_replication_slot('%s', true) WHERE NOT EXISTS "
                         "(SELECT FROM pg_replication_slots WHERE slot_name = '%s')" % ((slot_of(node),) * 2))

    def wait_streaming(self, *nodes):
        for node in nodes or self.standbys():
            eventually(lambda: self.primary.value("SELECT 1 FROM pg_stat_replication WHERE state = 'streaming' AND application_name = '%s'"
                                                  % node.name), 30, "%s to stream from %s" % (node.name, self.primary.name))

    def synchronous(self, on=True):
        """Whether a commit waits for one of the standbys. Only the primary's own file says so: who is promoted waits for nobody."""
        names = ", ".join('"%s"' % node.name for node in self.standbys())
        self.primary.set(synchronous_standby_names="'ANY 1 (%s)'" % names if on and names else "''")
        self.primary.reload()
        if on and names:
            eventually(lambda: self.primary.value("SELECT 1 FROM pg_stat_replication WHERE sync_state = 'quorum'"), 20,
                       "a synchronous standby of " + self.primary.name)

    def kill_primary(self):
        """kill -9; the node that was the primary."""
        dead = self.primary
        dead.stop("kill")
        return dead

    def promote(self, node=None):
        """The new primary, which accepts writes; the other standbys follow it."""
        node = node or self.standbys()[0]
        node.sql("SELECT pg_promote(false)")
        eventually(lambda: not node.in_recovery(), 60, node.name + " to be the primary", every=0.005)
        self.primary = node
        for other in self.standbys():
            if other.in_recovery():
                self.make_slot(other)
                other.follow(node.conninfo(), slot_of(other))
        return node

    def fail_over(self):
        """kill -9 of the primary and promotion of a standby: (old primary, new primary)."""
        return self.kill_primary(), self.promote()

    def rejoin(self, node):
        """The node is a standby from now on, whatever it was."""
        node.stop("immediate")
        shutil.rmtree(node.data)
        node.settings.pop("synchronous_standby_names", None)
        self.add(node)

    def come_back(self, node):
        """The node starts with what it had: a second primary, if it was one."""
        return node.start()

    def stop(self):
        for node in reversed(self.nodes):
            node.stop("immediate")


def slot_of(node):
    return node.name.replace("-", "_")


class Pair:
    """A blue and a green side, each with its databases; green follows by streaming or is ready for logical replication.

    kind is physical or logical. For logical the schema is put on both sides and Teal's prepare does the rest. blue and
    green are the clusters that accept the writes of their side, also after a failover; sides has all their servers.
    A pair with a name has clusters named after it: shop-blue, shop-green.
    """

    def __init__(self, work=None, kind="physical", blue_version=None, green_version=None, settings=None, schema=APP_SCHEMA,
                 databases=("app",), standbys=None, name="", one_port=False):
        self.own_work = work is None
        self.work = work or work_dir()
        self.kind, self.schema, self.databases, self.name = kind, schema, tuple(databases), name
        settings, standbys = dict(settings or {}), standbys or {}
        settings.setdefault("fsync", "off")
        versions = {"blue": blue_version, "green": green_version or blue_version}
        self.sides = {side: Side(self.work, name + "-" + side if name else side, standbys.get(side, 0), versions[side], settings, one_port)
                      for side in ("blue", "green")}

    @property
    def blue(self):
        return self.sides["blue"].primary

    @property
    def green(self):
        return self.sides["green"].primary

    def start(self):
        self.blue.init().start()
        self.create_databases(self.blue)
        self.sides["blue"].start_standbys()
        return self.start_green()

    def start_green(self):
        if self.kind == "physical":
            self.green.copy_of(self.blue, conninfo_of(self.sides["blue"].nodes)).start()
            self.wait_streaming()
        else:
            self.green.init().start()
            self.create_databases(self.green)
        self.sides["green"].start_standbys()
        return self

    def create_databases(self, cluster):
        self.create_roles(cluster)
        for database in self.databases:
            self.create_database(cluster, database)
            cluster.sql(self.schema, database)

    @staticmethod
    def create_roles(cluster):
        for statement in ROLES.strip().split(";\n"):
            if statement.strip() and not statement.startswith("SET"):
                encoding = "md5" if "md5_user" in statement else "scram-sha-256"
                cluster.sql("SET password_encryption = '%s'; %s" % (encoding, statement.rstrip(";")))

    @staticmethod
    def create_database(cluster, database="app"):
        cluster.sql('CREATE DATABASE "%s"' % database)
        cluster.sql('ALTER DATABASE "%s" OWNER TO app' % database)

    def wait_streaming(self):
        eventually(lambda: self.blue.value("SELECT 1 FROM pg_stat_replication WHERE state = 'streaming' AND application_name = '%s'"
                                           % self.green.name), 20, "streaming")
        self.wait_caught_up()

    def wait_caught_up(self):
        """The standby has replayed all that blue holds now."""
        lsn = self.blue.value("SELECT pg_current_wal_flush_lsn()")
        eventually(lambda: self.green.value("SELECT pg_last_wal_replay_lsn() >= '%s'::pg_lsn" % lsn) == "t", 20, "replay")

    def side(self, name):
        """The primary of the side of that name, or of the one that has a node of that name."""
        return self.side_with(name).primary

    def side_with(self, name):
        if name in self.sides:
            return self.sides[name]
        return next(side for side in self.sides.values() if any(node.name == name for node in side.nodes))

    def other(self, name):
        """The primary of the other side."""
        return next(side.primary for side in self.sides.values() if side is not self.side_with(name))

    def stop(self, keep=False):
        for name in ("green", "blue"):
            self.sides[name].stop()
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
