# SPDX-License-Identifier: PostgreSQL
"""pgwire.py: a client of the PostgreSQL protocol that hides nothing.

Two levels. The lower one builds and reads single messages, so that a test can send what no driver would:
half frames, wrong lengths, messages out of order. The upper one (query, execute, copy_in, ...) is a plain
blocking client for everything else. Standard library only.
"""
import base64
import functools
import hashlib
import hmac
import os
import socket
import struct
import time

PROTOCOL_3_0 = 196608
SSL_REQUEST = 80877103
GSS_REQUEST = 80877104
CANCEL_REQUEST = 80877102


class Closed(Exception):
    """The peer closed the connection (or it broke)."""


class PgError(Exception):
    """An ErrorResponse, with its fields by letter."""

    def __init__(self, fields):
        self.fields = fields
        self.sqlstate = fields.get("C", "")
        self.severity = fields.get("V", fields.get("S", ""))
        self.message = fields.get("M", "")
        self.hint = fields.get("H", "")
        super().__init__("%s %s: %s" % (self.severity, self.sqlstate, self.message))


# ---------------------------------------------------------------- building messages

def cstr(text):
    return (text.encode() if isinstance(text, str) else text) + b"\0"


def message(kind, body=b""):
    return kind.encode() + struct.pack("!i", len(body) + 4) + body


def startup(params, version=PROTOCOL_3_0):
    body = b"".join(cstr(k) + cstr(v) for k, v in params.items()) + b"\0"
    return struct.pack("!ii", len(body) + 8, version) + body


def special(code):
    return struct.pack("!ii", 8, code)


def cancel(pid, secret):
    if isinstance(secret, int):
        secret = struct.pack("!i", secret)
    return struct.pack("!iii", 12 + len(secret), CANCEL_REQUEST, pid) + secret


def query(sql):
    return message("Q", cstr(sql))


def parse(sql, name="", oids=()):
    return message("P", cstr(name) + cstr(sql) + struct.pack("!h", len(oids)) +
                   b"".join(struct.pack("!I", oid) for oid in oids))


def encode_value(value):
    if value is None:
        return None
    if isinstance(value, bytes):
        return value
    if isinstance(value, bool):
        return b"t" if value else b"f"
    return str(value).encode()


def bind(params=(), name="", portal="", formats=(), result_formats=()):
    body = cstr(portal) + cstr(name)
    body += struct.pack("!h", len(formats)) + b"".join(struct.pack("!h", f) for f in formats)
    body += struct.pack("!H", len(params))
    for value in map(encode_value, params):
        body += struct.pack("!i", -1) if value is None else struct.pack("!i", len(value)) + value
    body += struct.pack("!h", len(result_formats)) + b"".join(struct.pack("!h", f) for f in result_formats)
    return message("B", body)


def describe(kind="P", name=""):
    return message("D", kind.encode() + cstr(name))


def execute(portal="", limit=0):
    return message("E", cstr(portal) + struct.pack("!i", limit))


def close(kind="S", name=""):
    return message("C", kind.encode() + cstr(name))


def sync():
    return message("S")


def flush():
    return message("H")


def terminate():
    return message("X")


def copy_data(data):
    return message("d", data)


def copy_done():
    return message("c")


def copy_fail(reason="given up"):
    return message("f", cstr(reason))


def whole(sql, params=(), name=""):
    """Parse, Bind, Describe, Execute of one statement, without Sync."""
    return parse(sql, name) + bind(params, name) + describe() + execute()


# ---------------------------------------------------------------- reading messages

def fields_of(body):
    fields = {}
    for part in body.split(b"\0"):
        if part:
            fields[chr(part[0])] = part[1:].decode("utf8", "replace")
    return fields


def columns_of(body):
    (count,), at, names = struct.unpack_from("!h", body), 2, []
    for _ in range(count):
        end = body.index(b"\0", at)
        names.append(body[at:end].decode())
        at = end + 19
    return names


def row_of(body):
    (count,), at, row = struct.unpack_from("!H", body), 2, []
    for _ in range(count):
        (size,) = struct.unpack_from("!i", body, at)
        at += 4
        if size < 0:
            row.append(None)
            continue
        row.append(body[at:at + size])
        at += size
    return row


class Result:
    """What one statement answered: column names, rows (text as str), the command tag."""

    def __init__(self):
        self.columns, self.rows, self.tag, self.copied = None, [], None, []

    def value(self):
        return self.rows[0][0] if self.rows else None

    def dicts(self):
        return [dict(zip(self.columns, row)) for row in self.rows]

    def __repr__(self):
        return "Result(%r, %r, %r)" % (self.tag, self.columns, self.rows[:5])


@functools.lru_cache(64)
def salt_password(password, salt, iterations):
    """Some milliseconds; kept, as any client that logs in again and again would."""
    return hashlib.pbkdf2_hmac("sha256", password.encode(), base64.b64decode(salt), iterations)


class Connection:
    """One connection. Not thread-safe, except cancel()."""

    def __init__(self, host="127.0.0.1", port=5432, user="postgres", database="postgres", password=None,
                 timeout=30, connect=True, version=PROTOCOL_3_0, tls=None, direct=False,
                 source=None, **params):
        self.host, self.port, self.user, self.database = host, port, user, database
        self.password, self.timeout, self.version = password, timeout, version
        self.params = params
        self.status, self.notices, self.notifications = {}, [], []
        self.pid = self.secret = None
        self.state = None
        self.buffer = bytearray()
        self.sent = 0
        self.negotiated = None
        self.tls, self.direct = tls, direct  # an ssl.SSLContext; without asking first
        self.sock = open_socket(host, port, timeout, source)
        self.local = self.sock.getsockname()  # which the peer knows us by, also when we have closed
        if tls is not None:
            self.begin_tls()
        if connect:
            try:
                self.start()
            except BaseException:
                self.sock.close()
                raise

    # -- bytes and messages

    def send(self, data):
        try:
            self.sock.sendall(data)
            self.sent += len(data)
        except (BrokenPipeError, ConnectionResetError) as e:
            raise Closed(str(e)) from None

    def fill(self):
        try:
            data = self.sock.recv(262144)
        except ConnectionResetError as e:
            raise Closed(str(e)) from None
        if not data:
            raise Closed("the peer closed the connection")
        self.buffer += data

    def raw(self, size):
        while len(self.buffer) < size:
            self.fill()
        data = bytes(self.buffer[:size])
        del self.buffer[:size]
        return data

    def read(self):
        """The next message, whatever it is: (letter, body)."""
        while len(self.buffer) < 5:
            self.fill()
        size = struct.unpack_from("!i", self.buffer, 1)[0] + 1
        if size < 5:
            raise Closed("bad length in message %r" % bytes(self.buffer[:5]))
        while len(self.buffer) < size:
            self.fill()
        kind, body = chr(self.buffer[0]), bytes(self.buffer[5:size])
        del self.buffer[:size]
        return kind, body

    def next(self):
        """The next message that answers something: notices, parameters, notifications are put aside."""
        while True:
            kind, body = self.read()
            if kind == "N":
                self.notices.append(fields_of(body))
            elif kind == "S":
                name, value = body.split(b"\0")[:2]
                self.status[name.decode()] = value.decode()
            elif kind == "A":
                pid = struct.unpack_from("!i", body)[0]
                channel, payload = body[4:].split(b"\0")[:2]
                self.notifications.append((pid, channel.decode(), payload.decode()))
            else:
                if kind == "Z":
                    self.state = body.decode()
                return kind, body

    def expect(self, kinds):
        kind, body = self.next()
        if kind not in kinds:
            if kind == "E":
                raise PgError(fields_of(body))
            raise AssertionError("expected one of %r, got %r %r" % (kinds, kind, body[:80]))
        return kind, body

    def until_ready(self):
        """All answers up to ReadyForQuery as a list of (letter, body)."""
        answers = []
        while True:
            answer = self.next()
            answers.append(answer)
            if answer[0] == "Z":
                return answers

    def drain(self):
        """Everything up to the end of the connection, as a list of (letter, body)."""
        answers = []
        try:
            while True:
                answers.append(self.next())
        except Closed:
            return answers

    # -- startup

    def begin_tls(self, server_hostname="localhost"):
        if not self.direct:
            self.sock.sendall(special(SSL_REQUEST))
            answer = self.sock.recv(1)
            if answer != b"S":
                self.sock.close()
                raise Closed("no TLS: %r" % answer)
        try:
            self.sock = self.tls.wrap_socket(self.sock, server_hostname=server_hostname)
        except OSError:
            self.sock.close()
            raise

    def start(self):
        self.send(startup(dict(user=self.user, database=self.database, **self.params), self.version))
        self.authenticate()

    def authenticate(self):
        while True:
            kind, body = self.next()
            if kind == "E":
                raise PgError(fields_of(body))
            if kind == "R":
                self.answer_authentication(body)
            elif kind == "K":
                self.pid, self.secret = struct.unpack_from("!i", body)[0], body[4:]
            elif kind == "v":
                self.negotiated = body
            elif kind == "Z":
                return
            else:
                raise AssertionError("unexpected %r during startup" % kind)

    def answer_authentication(self, body):
        (code,) = struct.unpack_from("!i", body)
        if code == 0:
            return
        if self.password is None:
            raise PgError({"S": "FATAL", "C": "28P01", "M": "the server asks for a password, none given"})
        if code == 3:
            self.send(message("p", cstr(self.password)))
        elif code == 5:
            inner = hashlib.md5(self.password.encode() + self.user.encode()).hexdigest()
            outer = hashlib.md5(inner.encode() + body[4:8]).hexdigest()
            self.send(message("p", cstr("md5" + outer)))
        elif code == 10:
            self.scram(body[4:])
        else:
            raise AssertionError("authentication code %d" % code)

    def scram(self, mechanisms):
        assert b"SCRAM-SHA-256" in mechanisms.split(b"\0"), mechanisms
        nonce = base64.b64encode(os.urandom(18)).decode()
        bare = "n=,r=" + nonce
        first = ("n,," + bare).encode()
        self.send(message("p", cstr("SCRAM-SHA-256") + struct.pack("!i", len(first)) + first))
        server_first = self.expect("R")[1][4:].decode()
        values = dict(item.split("=", 1) for item in server_first.split(","))
        assert values["r"].startswith(nonce)
        salted = salt_password(self.password, values["s"], int(values["i"]))
        without_proof = "c=biws,r=" + values["r"]
        text = ",".join((bare, server_first, without_proof)).encode()
        client_key = hmac.digest(salted, b"Client Key", "sha256")
        signature = hmac.digest(hashlib.sha256(client_key).digest(), text, "sha256")
        proof = base64.b64encode(bytes(a ^ b for a, b in zip(client_key, signature))).decode()
        self.send(message("p", (without_proof + ",p=" + proof).encode()))
        final = self.expect("R")[1][4:].decode()
        server_key = hmac.digest(salted, b"Server Key", "sha256")
        expected = base64.b64encode(hmac.digest(server_key, text, "sha256")).decode()
        assert final == "v=" + expected, "the server does not know the password"

    # -- statements

    def collect(self, copy_in=None):
        """Reads up to ReadyForQuery; the results in order; raises the first error afterwards."""
        results, current, error = [], Result(), None
        while True:
            kind, body = self.next()
            if kind == "T":
                current.columns = columns_of(body)
            elif kind == "D":
                current.rows.append([None if v is None else v.decode("utf8", "replace") for v in row_of(body)])
            elif kind == "d":
                current.copied.append(body)
            elif kind in "Cs":
                current.tag = body[:-1].decode()
                results.append(current)
                current = Result()
            elif kind == "I":
                results.append(current)
                current = Result()
            elif kind == "G":
                for chunk in copy_in or ():
                    self.send(copy_data(chunk))
                self.send(copy_done() if copy_in is not None else copy_fail("no data given"))
            elif kind == "E":
                error = error or PgError(fields_of(body))
                if error.severity in ("FATAL", "PANIC"):
                    raise error
            elif kind == "Z":
                if error:
                    error.results = results
                    raise error
                return results

    def queries(self, sql, copy_in=None):
        """Simple protocol: one Result for each statement of the text."""
        self.send(query(sql))
        return self.collect(copy_in)

    def query(self, sql):
        results = self.queries(sql)
        return results[-1] if results else Result()

    def value(self, sql):
        return self.query(sql).value()

    def execute(self, sql, params=(), name=""):
        """Extended protocol, one statement, one Sync."""
        self.send(whole(sql, params, name) + sync())
        return self.collect()[-1]

    def prepare(self, name, sql):
        self.send(parse(sql, name) + sync())
        self.collect()

    def run_prepared(self, name, params=()):
        self.send(bind(params, name) + describe() + execute() + sync())
        return self.collect()[-1]

    def pipeline(self, statements):
        """[(sql, params)...] in one batch with one Sync."""
        self.send(b"".join(whole(sql, params) for sql, params in statements) + sync())
        return self.collect()

    def copy_in(self, sql, chunks):
        return self.queries(sql, copy_in=chunks)[-1]

    def copy_out(self, sql):
        return b"".join(self.queries(sql)[-1].copied)

    def wait_notification(self, seconds=5):
        deadline = time.monotonic() + seconds
        while not self.notifications:
            self.sock.settimeout(max(0.01, deadline - time.monotonic()))
            try:
                kind, body = self.read()
            except (socket.timeout, TimeoutError):
                return None
            finally:
                self.sock.settimeout(self.timeout)
            if kind == "A":
                pid = struct.unpack_from("!i", body)[0]
                channel, payload = body[4:].split(b"\0")[:2]
                self.notifications.append((pid, channel.decode(), payload.decode()))
        return self.notifications.pop(0)

    def cancel(self):
        """Sends a CancelRequest for this connection over a connection of its own; returns when it is taken."""
        with open_socket(self.host, self.port, self.timeout) as sock:
            sock.sendall(cancel(self.pid, self.secret))
            try:
                sock.recv(1)
            except ConnectionResetError:
                pass

    def close(self):
        try:
            self.sock.sendall(terminate())
        except OSError:
            pass
        self.sock.close()

    def reset(self):
        """Ends the connection with a TCP reset."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def open_socket(host, port, timeout, source=None):
    if host.startswith("/"):
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(timeout)
        try:
            sock.connect("%s/.s.PGSQL.%d" % (host, port))
        except OSError:
            sock.close()
            raise
        return sock
    sock = socket.create_connection((host, port), timeout=timeout, source_address=source and (source, 0))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock
