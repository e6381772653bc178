# SPDX-License-Identifier: PostgreSQL
"""relay.py: a TCP relay that misbehaves on demand, between any two parties of a test.

It can delay, split into single bytes, throttle to a stop, cut with FIN or RST (also after so many bytes), refuse
new connections, or swallow everything without a word, which is what a broken network path does.
"""
import select
import socket
import struct
import threading
import time

from cluster import free_port


class Relay:
    def __init__(self, target_port, target_host="127.0.0.1"):
        self.target = (target_host, target_port)
        self.port = free_port()
        self.host = "127.0.0.1"
        self.delay = 0.0        # seconds before each chunk goes on
        self.split = 0          # bytes a send at most; 0 means as they come
        self.frozen = False     # nothing is read any more: the peers meet back-pressure
        self.blackhole = False  # everything is read and dropped
        self.refusing = False   # new connections are reset
        self.cut_after = None   # bytes towards the target after which each connection is reset
        self.connections = []
        self.running = True
        self.lock = threading.Lock()
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind((self.host, self.port))
        self.listener.listen(128)
        threading.Thread(target=self.accept_loop, daemon=True).start()

    def accept_loop(self):
        while self.running:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            if self.refusing:
                reset(client)
                continue
            try:
                server = socket.create_connection(self.target, timeout=10)
            except OSError:
                reset(client)
                continue
            for sock in (client, server):
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self.lock:
                self.connections.append((client, server))
            threading.Thread(target=self.pump, args=(client, server, True), daemon=True).start()
            threading.Thread(target=self.pump, args=(server, client, False), daemon=True).start()

    def pump(self, source, sink, towards_target):
        passed = 0
        try:
            while self.running:
                if self.frozen:
                    time.sleep(0.01)  # the subject: a path on which nothing moves
                    continue
                if not select.select([source], [], [], 0.05)[0]:
                    continue
                data = source.recv(65536)
                if not data:
                    sink.shutdown(socket.SHUT_WR)
                    return
                if self.blackhole:
                    continue
                if self.delay:
                    time.sleep(self.delay)  # the subject: a slow path
                if towards_target and self.cut_after is not None and passed + len(data) > self.cut_after:
                    sink.sendall(data[:self.cut_after - passed])
                    reset(source)
                    reset(sink)
                    return
                passed += len(data)
                self.pass_on(sink, data)
        except (OSError, ValueError):
            for sock in (source, sink):
                try:
                    sock.close()
                except OSError:
                    pass

    def pass_on(self, sink, data):
        size = self.split or len(data)
        for at in range(0, len(data), size):
            sink.sendall(data[at:at + size])

    def cut(self, with_reset=True):
        """Ends every connection that passes now."""
        with self.lock:
            pairs, self.connections = self.connections, []
        for pair in pairs:
            for sock in pair:
                if with_reset:
                    reset(sock)
                else:
                    sock.close()

    def close(self):
        self.running = False
        self.listener.close()
        self.cut(with_reset=False)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def reset(sock):
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.close()
    except OSError:
        pass
