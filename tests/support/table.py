# SPDX-License-Identifier: PostgreSQL
"""table.py: plays a row of the protocol table against a server and writes down what was answered.

A row is a list of steps: bytes are sent; a string waits for that letter of an answer ("Z", "G", "R"), "byte" for the
one byte that answers an SSLRequest; a function of the player gives the bytes to send. Afterwards comes the probe, a Sync
and a Query that tell whether the session lives and how its transaction stands, or the end that the row names.

The transcript is a list of words, one a message, of all that a client can rely on: types, severity and SQLSTATE, rows, tags,
transaction state, and at last open or closed. Texts, keys, process ids and table oids may differ between servers, and do.
"""
import socket
import struct

import pgwire

WAYS = ("plain", "tls", "bytes", "segment")
PROBE_WORD = "the end of the row"
PROBE = pgwire.sync() + pgwire.query("ROLLBACK; SELECT '%s'" % PROBE_WORD)
SILENCE = 8  # seconds after which a server that should have answered has not


class Case:
    """name; steps; login: the startup message goes first; end: probe, or eof (half-close), or read (until closed)."""

    def __init__(self, name, steps, login=True, end="probe", user="app", ways=WAYS, **params):
        self.name, self.steps, self.login, self.end = name, list(steps), login, end
        self.user, self.ways, self.params = user, ways, params


class Silent(Exception):
    """The server owes an answer and gives none."""


class Player:
    """One run of one case on one connection."""

    def __init__(self, case, way, host, port, database, tls=None):
        self.case, self.way, self.database = case, way, database
        self.words, self.held = [], b""
        self.logged_in, self.probed, self.closed = False, False, False
        self.statuses = set()
        self.c = pgwire.Connection(host, port, case.user, database, timeout=SILENCE, connect=False,
                                   tls=tls if way == "tls" else None)

    def play(self):
        """The transcript, as a string."""
        try:
            if self.case.login:
                self.send(self.hello())
                self.wait("Z")
            for step in self.case.steps:
                self.step(step)
            self.finish()
        except Silent:
            self.words.append("silent")
        except (pgwire.Closed, OSError):
            self.closed = True
        finally:
            self.c.sock.close()
        if "silent" not in self.words:
            self.words.append("closed" if self.closed or not self.probed else "open")
        return " ".join(self.words)

    def hello(self, **params):
        return pgwire.startup({"user": self.case.user, "database": self.database, **self.case.params, **params})

    def step(self, step):
        if isinstance(step, bytes):
            self.send(step.replace(b"%DATABASE%", self.database.encode()))
        elif callable(step):
            self.release()
            self.send(step(self))
        elif step == "byte":
            self.release()
            self.words.append("byte:" + self.guarded(self.c.raw, 1).decode("latin1"))
        else:
            self.wait(step)

    def finish(self):
        if self.case.end == "probe":
            self.send(PROBE)
        self.release()
        if self.case.end == "eof":
            socket.socket.shutdown(self.c.sock, socket.SHUT_WR)  # an SSLSocket would forget its keys
        while not self.probed:
            self.read()

    # -- sending, in the way asked for

    def send(self, data):
        if self.way == "segment":
            self.held += data
        elif self.way == "bytes":
            self.drip(data)
        else:
            self.put(data)

    def put(self, data):
        try:
            self.c.send(data)
        except (pgwire.Closed, OSError):
            self.closed = True  # what was said before is still there to be read

    def drip(self, data):
        """Byte by byte; of a long message only the two ends, and the middle in odd pieces."""
        at = 0
        while at < len(data) and not self.closed:
            size = 1 if at < 400 or len(data) - at < 100 else min(997, len(data) - at - 99)
            self.put(data[at:at + size])
            at += size

    def release(self):
        held, self.held = self.held, b""
        if held:
            self.put(held)

    # -- reading

    def wait(self, kind):
        """In one segment nothing is waited for."""
        if self.way == "segment":
            return
        while self.read() != kind:
            pass

    def answer(self, kind):
        """The next message must be this one: its body. For rows that answer what the server says."""
        self.release()
        got, body = self.message()
        if got != kind:
            raise pgwire.Closed("the row wants %s, not %s" % (kind, got))
        return body

    def guarded(self, call, *args):
        try:
            return call(*args)
        except TimeoutError:
            raise Silent() from None

    def message(self):
        kind, body = self.guarded(self.c.read)
        word = self.word(kind, body)
        if word:
            self.words.append(word)
        if kind == "R" and body[:4] == b"\0\0\0\0":
            self.logged_in = True
        if kind == "Z" and self.statuses is not None:
            self.statuses = None
        if kind == "D" and PROBE_WORD.encode() in body:
            self.after_probe()
        return kind, body

    def read(self):
        return self.message()[0]

    def after_probe(self):
        """The probe's own answers are no part of the transcript, but that of its ROLLBACK is: T and I differ in it."""
        while self.guarded(self.c.read)[0] != "Z":
            pass
        self.probed = True
        while self.words and self.words[-1][0] in "DT":
            self.words.pop()

    def word(self, kind, body):
        return READERS.get(kind, unknown)(self, body)


def unknown(player, body):
    return "?(%r)" % body[:20]


def names(body):
    """Columns with their types and formats; the table's oid is the server's own matter."""
    (count,), at, found = struct.unpack_from("!h", body), 2, []
    for _ in range(count):
        end = body.index(b"\0", at)
        _, number, kind, _, modifier, form = struct.unpack_from("!IhIhih", body, end + 1)
        found.append("%s/%d/%d/%d" % (body[at:end].decode(), kind, modifier, form))
        at = end + 19
    return ",".join(found)


def values(body):
    return ",".join("NULL" if v is None else shorten(v) for v in pgwire.row_of(body))


def shorten(data):
    text = data.decode("latin1").replace(" ", "_").replace("\n", "\\n")
    return text if len(text) < 60 else "%s..%d" % (text[:20], len(text))


def status(player, body):
    name, value = body.split(b"\0")[:2]
    if player.statuses is None:
        return "S:%s=%s" % (name.decode(), shorten(value))
    player.statuses.add(name.decode())
    return None


def authentication(player, body):
    (code,) = struct.unpack_from("!i", body)
    return "R%d" % code + (":" + body[4:].rstrip(b"\0").decode("latin1").replace("\0", ",") if code == 10 else "")


def complaint(kind):
    def read(player, body):
        fields = pgwire.fields_of(body)
        return "%s:%s/%s" % (kind, fields.get("V", "?"), fields.get("C", "?"))
    return read


def copy_head(kind):
    def read(player, body):
        return "%s:%s" % (kind, body.hex())
    return read


def negotiated(player, body):
    newest, count = struct.unpack_from("!iI", body)
    return "v:%d:%s" % (newest & 0xffff, ",".join(o.decode() for o in body[8:].split(b"\0") if o))


def notification(player, body):
    channel, payload = body[4:].split(b"\0")[:2]
    return "A:%s:%s" % (channel.decode(), payload.decode())


READERS = {
    "R": authentication,
    "K": lambda player, body: "K",
    "S": status,
    "v": negotiated,
    "E": complaint("E"),
    "N": complaint("N"),
    "A": notification,
    "T": lambda player, body: "T:" + names(body),
    "D": lambda player, body: "D:" + values(body),
    "C": lambda player, body: "C:" + body[:-1].decode().replace(" ", "_"),
    "Z": lambda player, body: "Z:" + body.decode("latin1"),
    "t": lambda player, body: "t:" + ",".join(str(o) for o in struct.unpack_from("!%dI" % (len(body) // 4), body, 2)),
    "V": lambda player, body: "V:" + body.hex(),
    "G": copy_head("G"),
    "H": copy_head("H"),
    "W": copy_head("W"),
    "d": lambda player, body: "d:" + shorten(body),
    "c": lambda player, body: "c",
    "I": lambda player, body: "I",
    "s": lambda player, body: "s",
    "n": lambda player, body: "n",
    "1": lambda player, body: "1",
    "2": lambda player, body: "2",
    "3": lambda player, body: "3",
}
