# SPDX-License-Identifier: PostgreSQL
"""A session cut at any byte is the same session: on the client's side, and between Teal and the server.

The sessions are rows of the protocol table that a client would send whole. Short ones are cut at every byte, of longer ones
every byte of the login's end and of what follows is taken in turn by a seed.
"""
import concurrent.futures
import contextlib
import os
import random
import socket
import sys
import threading
import time

import pgwire
from case import PairCase
from cluster import TOP, free_port
from table import PROBE, Player
from teal import Teal

sys.path.insert(0, os.path.join(TOP, "tests", "table"))
import rows  # noqa: E402

WANTED = ("order/PBDE", "order/PBED", "order/BPDE", "order/named PBDE", "order/named PDBE", "order/named EPBD", "order/two PP", "order/two PC",
          "order/two SC", "order/unnamed PBESE", "order/unnamed PDHBDHEHS", "order/unnamed PBEPBES", "order/unnamed SSS",
          "extended/types", "extended/binary", "extended/null", "extended/empty", "extended/syntax error", "extended/error at execute",
          "extended/duplicate name", "extended/close and parse again", "extended/bind to unknown", "extended/skipped parse leaves no name",
          "extended/parse, Query without Sync", "portal/limit 2", "portal/two at a time", "portal/over a Sync in a transaction",
          "batch/begin insert commit", "batch/error undoes", "simple/one row", "simple/empty", "simple/several", "simple/syntax error",
          "simple/error in the middle", "simple/begin and error", "simple/notice", "simple/set", "simple/set and reset", "simple/prepare",
          "simple/cursor", "simple/hundred rows", "simple/pipeline with an error", "simple/transaction by messages",
          "simple/mixed with extended", "function/int4pl", "function/unknown", "function/two", "copy/in", "copy/in fails by the client",
          "copy/in of bad data", "copy/in by extended", "copy/out", "copy/out, binary", "copy/out by extended", "copy/data outside",
          "body/Q with a NUL inside", "body/B parameter -2", "type/b'z'", "length/Q of 3", "terminate/behind a query")
CUTS = 70        # at most, of one session
THREADS = 4
OPEN = 5         # connections of a thread that wait for their second half at one time: all have room in the pool of 20,
                 # for a session that is pinned keeps its backend until its client has read all and goes
SEED = 20261127


def sessions():
    by_name = {row.name: row for row in rows.ROWS}
    return [by_name[name] for name in WANTED]


def places(size, dice):
    return sorted(range(1, size) if size <= CUTS else dice.sample(range(1, size), CUTS))


class Halves(Player):
    """Plays a row as two segments."""

    def __init__(self, case, at, *where):
        super().__init__(case, "segment", *where)
        self.at, self.rest = at, b""

    def whole(self):
        data = self.hello() + b"".join(step for step in self.case.steps if isinstance(step, bytes))
        return data + (PROBE if self.case.end == "probe" else b"")

    def first(self):
        data = self.whole()
        self.put(data[:self.at])
        self.rest = data[self.at:]

    def second(self):
        self.put(self.rest)

    def answers(self):
        try:
            while not self.probed:
                self.read()
        except (pgwire.Closed, OSError):
            self.closed = True
        finally:
            self.c.sock.close()
        return " ".join(self.words) + (" open" if self.probed else " closed")


class Split(PairCase):
    teal_settings = {"auth_type": "trust", "max_client_conn": 4000}

    def halves(self, case, at):
        return Halves(case, at, self.teal.host, self.teal.port, "app")

    def played(self, case, at):
        one = self.halves(case, at)
        one.first()
        one.second()
        return one.answers()

    def test_cut_by_the_client(self):
        self.assertGreaterEqual(len(sessions()), 50)
        with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
            counts = list(pool.map(self.cut_everywhere, sessions()))
        print("split: %d sessions, %d cuts by the client" % (len(counts), sum(counts)), flush=True)

    def cut_everywhere(self, case):
        wanted, dice = self.played(case, 0), random.Random(SEED)
        cuts = places(len(self.halves_size(case)), dice)
        for begin in range(0, len(cuts), OPEN):
            batch = [self.halves(case, at) for at in cuts[begin:begin + OPEN]]
            for one in batch:
                one.first()
            for one in batch:  # all, for some may hold the server connection that another waits for
                one.second()
            for one in batch:
                said = one.answers()
                self.assertEqual(said, wanted, "%s cut at %d" % (case.name, one.at))
        return len(cuts)

    def halves_size(self, case):
        one = self.halves(case, 0)
        one.c.sock.close()
        return one.whole()


class Scissors:
    """Between Teal and the server: after k more bytes of one client's server connection there is a pause."""

    def __init__(self, target):
        self.target, self.port = target, free_port()
        self.left, self.cuts, self.lock = None, 0, threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", self.port), backlog=64)
        threading.Thread(target=self.accept_loop, daemon=True).start()

    def accept_loop(self):
        with contextlib.suppress(OSError):
            while True:
                client = self.listener.accept()[0]
                server = socket.create_connection(("127.0.0.1", self.target))
                for sock in (client, server):
                    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                first = client.recv(65536)
                if first == pgwire.special(pgwire.SSL_REQUEST):
                    client.sendall(b"N")
                    first = client.recv(65536)
                server.sendall(first)
                cutting = b"user\0app\0" in first
                threading.Thread(target=self.pump, args=(client, server, False), daemon=True).start()
                threading.Thread(target=self.pump, args=(server, client, cutting), daemon=True).start()

    def pump(self, source, sink, cutting):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if cutting:
                    data = self.cut(data, sink)
                sink.sendall(data)
        for sock in (source, sink):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()

    def cut(self, data, sink):
        with self.lock:
            left = self.left
            if left is None:
                return data
            if left >= len(data):
                self.left -= len(data)
                return data
            self.left = None
            self.cuts += 1
        if left > 0:
            sink.sendall(data[:left])
        time.sleep(0.002)  # the subject: what was sent must be read by itself
        return data[left:]

    def arm(self, at):
        with self.lock:
            self.left = at

    def close(self):
        self.listener.close()


class Server(Split):
    """The server's replies are cut; the connections of the monitor are not."""

    test_cut_by_the_client = None

    @classmethod
    def make_teal(cls):
        cls.scissors = Scissors(cls.pair.blue.port)
        return Teal(cls.pair, blue={"port": cls.scissors.port, "replication_port": cls.pair.blue.port},
                    **dict(cls.teal_settings, default_pool_size=1))

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        cls.scissors.close()

    def test_cut_by_the_server(self):
        dice, count = random.Random(SEED), 0
        for case in sessions():
            wanted = self.played(case, 0)
            for at in places(min(max(len(wanted), 40), 160), dice)[::3]:
                self.scissors.arm(at)
                self.assertEqual(self.played(case, 0), wanted, "%s, replies cut at %d" % (case.name, at))
                count += 1
        print("split: %d sessions, %d cuts by the server" % (len(sessions()), self.scissors.cuts), flush=True)
        self.assertGreater(self.scissors.cuts, count // 2)
