# SPDX-License-Identifier: PostgreSQL
"""patroni.py: clusters that a real Patroni runs, one member each, with a Raft of their own instead of an etcd."""
import json
import os
import shutil
import signal
import subprocess
import urllib.request

import cluster
from cluster import Cluster, Pair, as_server_user, cache_dir, free_port, owned_by_server, with_parent
from waiting import eventually

# What scripts/install-dependencies --patroni makes: a folder of Python packages for the system's Python.
PACKAGES = os.environ.get("TEAL_PATRONI", os.path.join(cache_dir(), "patroni"))
PYTHON = "/usr/bin/python3"


def is_here():
    return os.path.isdir(os.path.join(PACKAGES, "patroni")) and os.path.exists(PYTHON)


class Member(Cluster):
    """The only member of a Patroni cluster; a standby cluster when it is made as the copy of another."""

    def __init__(self, work, name, version=None, settings=None):
        super().__init__(work, name, version, settings)
        self.api_port, self.raft_port = free_port(), free_port()
        self.primary = None

    def init(self):
        return self.configure()

    def copy_of(self, primary):
        self.primary = primary
        return self.init()

    def configure(self):
        standby = {"standby_cluster": {"host": self.primary.host, "port": self.primary.port}} if self.primary else {}
        # Patroni has a word of its own for some of them, and names the cluster by its scope.
        parameters = {k: v.strip("'") for k, v in self.settings.items()
                      if k not in ("listen_addresses", "port", "cluster_name", "hot_standby_feedback")}
        config = {
            "scope": self.name, "name": self.name,
            "restapi": {"listen": "%s:%d" % (self.host, self.api_port), "connect_address": "%s:%d" % (self.host, self.api_port)},
            "raft": {"data_dir": os.path.join(self.work, self.name + ".raft"), "self_addr": "127.0.0.1:%d" % self.raft_port},
            "bootstrap": {
                "dcs": dict({"ttl": 20, "loop_wait": 1, "retry_timeout": 3,
                             "postgresql": {"parameters": {"wal_level": "logical", "max_connections": 300}}}, **standby),
                "initdb": [{"encoding": "UTF8"}, {"locale": "C"}, "data-checksums"],
            },
            "postgresql": {
                "listen": "%s:%d" % (self.host, self.port), "connect_address": "%s:%d" % (self.host, self.port),
                "data_dir": self.data, "bin_dir": self.bin, "parameters": parameters,
                "authentication": {"superuser": {"username": "postgres"}, "replication": {"username": "postgres"}},
                "basebackup": {"checkpoint": "fast"},
                "pg_hba": self.hba.strip().split("\n"),
            },
        }
        path = os.path.join(self.work, self.name + ".json")
        with open(path, "w") as f:
            json.dump(config, f)  # which is YAML too
        for folder in (config["raft"]["data_dir"], self.socket_dir):
            os.makedirs(folder, exist_ok=True)
            owned_by_server(folder)
        return self

    def start(self, wait=True):
        argv = [PYTHON, "-m", "patroni", os.path.join(self.work, self.name + ".json")]
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(with_parent(as_server_user(argv)), stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/",
                                            env=dict(os.environ, HOME=self.work, PYTHONPATH=PACKAGES), start_new_session=True)
        if wait:
            eventually(self.is_whole, 60, "cluster %s; its log is %s" % (self.name, self.log))
        return self

    def is_whole(self):
        """It leads, the bootstrap with its restarts is over, and the server answers."""
        if self.process.poll() is not None:
            raise RuntimeError("Patroni %s ended at once:\n%s" % (self.name, self.log_tail()))
        if self.status().get("role") != ("standby_leader" if self.primary else "primary") or not self.config():
            return False
        try:
            with self.connect(timeout=5):
                return self.get("/leader" if self.primary is None else "/standby-leader") != {}
        except OSError:
            return False

    def stop(self, mode="fast", wait=True):
        """Patroni stops its server as well."""
        if self.process is None or self.process.poll() is not None:
            self.process = None
            return
        postmaster = self.postmaster()
        os.kill(self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(10)
            if postmaster:
                os.kill(postmaster, signal.SIGQUIT)
        self.process = None

    def postmaster(self):
        try:
            with open(os.path.join(self.data, "postmaster.pid")) as f:
                return int(f.readline())
        except (OSError, ValueError):
            return None

    # -- the API

    def url(self):
        return "http://%s:%d" % (self.host, self.api_port)

    def get(self, path):
        try:
            with urllib.request.urlopen(self.url() + path, timeout=5) as answer:
                return json.load(answer)
        except OSError:
            return {}

    def status(self):
        return self.get("/patroni")

    def config(self):
        return self.get("/config")


class PatroniPair(Pair):
    """Blue and green by Patroni, green as a standby cluster of blue."""

    def __init__(self, **kwargs):
        super().__init__(kind="physical", **kwargs)
        # Patroni enters its configuration's folder.
        work = cluster.work_dir("teal-p-")
        shutil.rmtree(self.work)
        self.work = work
        owned_by_server(work)
        for side in self.sides.values():
            side.primary = Member(work, side.name)
            side.nodes = [side.primary]

    def start(self):
        self.blue.init().start()
        self.create_databases(self.blue)
        self.green.copy_of(self.blue).start()
        self.wait_streaming()
        return self
