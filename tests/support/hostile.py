# SPDX-License-Identifier: PostgreSQL
"""hostile.py: a server that misbehaves, for the connections of one user; all others meet the real server behind it.

login: what it says in place of the login's answers (or a function of the socket), then it closes (or waits, with stay). The
hook of Middle changes what comes after a login.
"""
import contextlib
import socket
import struct

import pgwire
from case import PairCase
from middle import Middle
from teal import Teal
from waiting import eventually

READY = pgwire.message("Z", b"I")
OK = pgwire.message("R", b"\0\0\0\0")


def claim(kind, size, body=b""):
    """A message that claims to be so long."""
    return kind.encode() + struct.pack("!i", size) + body


def error(**fields):
    return pgwire.message("E", b"".join(k.encode() + pgwire.cstr(v) for k, v in fields.items()) + b"\0")


class HostileCase(PairCase):
    """Blue stands behind a Hostile for the user app; the monitor goes to blue itself."""

    @classmethod
    def make_teal(cls):
        cls.server = Hostile(cls.pair.blue.port)
        return Teal(cls.pair, blue={"port": cls.server.port, "replication_port": cls.pair.blue.port}, **cls.teal_settings)

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        cls.server.close()

    def pool_is_empty(self):
        """Ends the server connections of the user; to be called again and again, for one may be logging in just now."""
        self.pair.blue.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'app'")
        return not [r for r in self.teal.console("SHOW SERVERS") if r["user"] == "app"]

    def fresh(self):
        """The next query of the user meets a new server connection."""
        eventually(self.pool_is_empty, 20, "the pool to be empty")


class Hostile(Middle):
    def __init__(self, port, user="app"):
        self.login, self.stay = None, False
        super().__init__(port, user, pause=0.01)

    def change(self, server, client):
        if self.login is None:
            try:
                super().change(server, client)
            finally:
                server.shutdown(socket.SHUT_RDWR)  # what the hook's own end leaves must not flow on
            return
        with contextlib.suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)
            if callable(self.login):
                self.login(client)
            else:
                client.sendall(self.login)
            while self.stay and client.recv(65536):
                pass

    def behave(self):
        self.login, self.stay, self.hook = None, False, lambda kind, frame: [frame]
