# SPDX-License-Identifier: PostgreSQL
"""middle.py: stands between the proxy and a server and may change what the server says.

Only the connections of one user are changed, so that the proxy's own (as postgres) stay as they are. A hook is called
for each message of the server after the login: hook(kind, frame) -> a list of byte strings, sent one by one with a
pause between them, so that the proxy receives each by itself.
"""
import contextlib
import socket
import struct
import threading
import time

import pgwire
from cluster import free_port
from waiting import eventually


def as_it_is(kind, frame):
    return [frame]


class Middle:
    def __init__(self, port, user="app", pause=0.05):
        self.target, self.user, self.pause = port, user, pause
        self.hook = as_it_is
        self.speaking = 0  # threads in the middle of a message
        self.lock = threading.Lock()
        self.port = free_port()
        self.listener = socket.create_server(("127.0.0.1", self.port), backlog=64)
        threading.Thread(target=self.accept_loop, daemon=True).start()

    def accept_loop(self):
        with contextlib.suppress(OSError):
            while True:
                client = self.listener.accept()[0]
                threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        server = socket.create_connection(("127.0.0.1", self.target))
        for sock in (client, server):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with contextlib.suppress(OSError):
            first = client.recv(65536)
            if first == pgwire.special(pgwire.SSL_REQUEST):
                client.sendall(b"N")
                first = client.recv(65536)
            server.sendall(first)
            threading.Thread(target=self.pump, args=(client, server), daemon=True).start()
            if b"user\0" + self.user.encode() + b"\0" in first:
                self.change(server, client)
        self.pump(server, client)

    @staticmethod
    def pump(source, sink):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
        for sock in (source, sink):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()

    def change(self, server, client):
        buffer, logged_in = b"", False
        while data := server.recv(65536):
            buffer += data
            while len(buffer) >= 5 and len(buffer) > (size := struct.unpack_from("!i", buffer, 1)[0]):
                frame, buffer = buffer[:size + 1], buffer[size + 1:]
                kind = chr(frame[0])
                parts = self.hook(kind, frame) if logged_in else [frame]
                logged_in = logged_in or kind == "Z"
                self.say(client, parts)

    def say(self, client, parts):
        with self.lock:
            self.speaking += 1
        try:
            for i, part in enumerate(parts):
                if i > 0:
                    time.sleep(self.pause)  # the subject: each part arrives by itself
                client.sendall(part)
        finally:
            with self.lock:
                self.speaking -= 1

    def wait_said(self):
        """Until the last part of what was begun is sent."""
        eventually(lambda: self.speaking == 0, 10, "the rest of a message to be sent")

    def close(self):
        self.listener.close()
