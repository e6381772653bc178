# SPDX-License-Identifier: PostgreSQL
"""hostile.py: a server that misbehaves, for the connections of one user; all others meet the real server behind it.

login: what it says in place of the login's answers (or a function of the socket), then it closes (or waits, with stay). The
hook of Middle changes what comes after a login.
"""
import contextlib
import socket
import struct

import pgwire
from middle import Middle

READY = pgwire.message("Z", b"I")
OK = pgwire.message("R", b"\0\0\0\0")


def claim(kind, size, body=b""):
    """A message that claims to be so long."""
    return kind.encode() + struct.pack("!i", size) + body


def error(**fields):
    return pgwire.message("E", b"".join(k.encode() + pgwire.cstr(v) for k, v in fields.items()) + b"\0")


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
