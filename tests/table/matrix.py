# SPDX-License-Identifier: PostgreSQL
"""Every message in every state of a session: what leads to the state, and what is sent there."""
import struct

from pgwire import (bind, close, copy_data, copy_done, copy_fail, describe, execute, flush, message, parse, query, sync, terminate,
                    whole)
from table import Case

FUNCTION = message("F", struct.pack("!IhhHiiiih", 177, 1, 1, 2, 4, 1, 4, 2, 1))
MESSAGES = {
    "Q": query("SELECT 7"), "P": parse("SELECT 8", "m"), "B": bind((), "here"), "D": describe("S", "here"), "E": execute(),
    "C": close("S", "here"), "H": flush(), "S": sync(), "F": FUNCTION, "d": copy_data(b"a-matrix\tb\t1\n"), "c": copy_done(),
    "f": copy_fail(), "X": terminate(), "p": message("p", b"secret\0"), "A": message("A"), "z": message("z"), "NUL": message("\0"),
    "R": message("R", b"\0\0\0\0"), "FF": b"\xff\0\0\0\4", "rubbish": b"GET / HTTP/1.1\r\n\r\n", "startup": None,
}
COPY = "COPY kv FROM STDIN"
# What leads there, and what ends it in good order when the message did not.
STATES = {
    "before startup": None,
    "authentication": None,
    "idle": ([], b""),
    "transaction": ([query("BEGIN"), "Z"], b""),
    "failed transaction": ([query("BEGIN"), "Z", query("oops"), "Z"], b""),
    "batch": ([parse("SELECT 1") + bind() + flush(), "2"], b""),
    "suspended portal": ([query("BEGIN"), "Z", parse("SELECT generate_series(1, 9)") + bind() + execute("", 2) + flush(), "s"], b""),
    "skipping to Sync": ([parse("oops") + flush(), "E"], b""),
    "COPY in": ([query("BEGIN; " + COPY), "G"], copy_fail()),
    "COPY in by extended": ([query("BEGIN"), "Z", whole(COPY) + flush(), "G"], copy_fail()),
    "walsender": ([query("SELECT 1"), "Z"], b""),
    "COPY out": ([query("COPY (SELECT n FROM generate_series(1, 20) n) TO STDOUT")], b""),
}


FATAL = ("p", "A", "z", "NUL", "R", "FF", "rubbish", "startup")  # what ends a session, whatever its state


def cases():
    for state, way in STATES.items():
        for name, data in MESSAGES.items():
            if data is None:
                data = struct.pack("!ii", 18, 196608) + b"user\0app\0\0"
            title = "matrix/%s: %s" % (state, name)
            if state == "before startup":
                yield Case(title, [data], login=False, end="eof")
            elif state == "authentication":
                yield Case(title, [lambda p: p.hello(), "R", data], login=False, end="eof", user="scram_user")
            elif state == "walsender":
                yield Case(title, [*way[0], data], user="postgres", replication="database")
            else:
                before, after = way
                yield Case(title, [parse("SELECT 9", "here") + sync(), "Z", *before, data + after])
