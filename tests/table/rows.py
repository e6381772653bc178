# SPDX-License-Identifier: PostgreSQL
"""The rows of the protocol table: a name and what is sent. See support/table.py for what a step may be."""
import base64
import hashlib
import hmac
import itertools
import os
import struct

from pgwire import (GSS_REQUEST, PROTOCOL_3_0, SSL_REQUEST, bind, cancel, close, copy_data, copy_done, copy_fail, cstr, describe,
                    execute, flush, message, parse, query, special, sync, terminate, whole)
from table import Case

ROWS = []


def row(name, *steps, **how):
    ROWS.append(Case(name, steps, **how))


def packet(body, version=PROTOCOL_3_0):
    return struct.pack("!ii", len(body) + 8, version) + body


def hello(**params):
    return lambda player: player.hello(**params)


USER = b"user\0app\0database\0%DATABASE%\0"
# Rows whose bytes are no startup message at all have no probe: nothing would answer it.
RAW = {"login": False, "end": "read"}
CLEAR = dict(RAW, ways=("plain", "bytes", "segment"))


def startup_rows():
    for size in (0, 4, 7, -1, -2**31, 2**31 - 1, 10009, 12000):
        row("startup/length %d" % size, struct.pack("!ii", size, PROTOCOL_3_0) + b"\0" * 20, login=False, end="eof")
    for name, body in (("no parameters", b""), ("no last NUL", b"user\0app\0"), ("two NULs first", b"\0\0"),
                       ("key without value", b"user\0app\0database\0\0"), ("bytes after the end", b"user\0app\0\0more"),
                       ("value without NUL", b"user\0app")):
        row("startup/" + name, packet(body), **RAW)
    row("startup/http", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", **CLEAR)
    row("startup/noise", bytes(range(128, 255)), **CLEAR)
    row("startup/query first", query("SELECT 1"), **CLEAR)
    row("startup/password first", message("p", b"secret\0"), **CLEAR)
    for version in (4 << 16, 5 << 16 | 1, 80877199):
        row("startup/version %d" % version, packet(b"user\0app\0\0", version), **RAW)
    for version in (0, 1 << 16, 2 << 16):
        row("startup/version %d" % version, packet(b"user\0app\0\0", version), **RAW)
    for minor in (1, 2, 3, 9999):
        row("startup/version 3.%d" % minor, lambda p, m=minor: packet(p.hello()[8:], PROTOCOL_3_0 + m), "Z", login=False)
    row("startup/protocol option", hello(**{"_pq_.hello": "1"}), "Z", login=False)
    row("startup/two protocol options", hello(**{"_pq_.a": "1", "_pq_.b": ""}), "Z", login=False)
    row("startup/no user", packet(b"database\0app\0\0"), **RAW)
    row("startup/empty user", packet(b"user\0\0database\0app\0\0"), **RAW)
    row("startup/long user", hello(user="x" * 200), **RAW)
    row("startup/unknown user", hello(user="nobody"), **RAW)
    row("startup/user twice", lambda p: packet(b"user\0nobody\0user\0app\0database\0%s\0\0" % p.database.encode()), "Z", login=False)
    row("startup/no database", packet(b"user\0app\0\0"), "Z", login=False)
    row("startup/unknown database", hello(database="nowhere"), **RAW)
    for size in (63, 64, 65, 900, 9900):
        row("startup/database of %d bytes" % size, hello(database="d" * size), **RAW)
    row("startup/unknown parameter", hello(no_such_thing="1"), **RAW)
    row("startup/bad encoding", hello(client_encoding="NOT-ONE"), **RAW)
    row("startup/bad value", hello(DateStyle="neither this"), **RAW)
    row("startup/replication maybe", hello(replication="maybe"), **RAW)
    row("startup/replication off", hello(replication="false"), "Z", login=False)
    for name, params in (("application_name", {"application_name": "me"}), ("search_path", {"search_path": "pg_catalog"}),
                         ("DateStyle", {"DateStyle": "German, DMY"}), ("TimeZone", {"TimeZone": "Asia/Tokyo"}),
                         ("client_encoding", {"client_encoding": "LATIN1"}), ("options", {"options": "-c statement_timeout=77"}),
                         ("options long", {"options": "--statement-timeout=77"}),
                         ("options two", {"options": "-c statement_timeout=77 -c lock_timeout=5"})):
        show = {"options": "statement_timeout", "options long": "statement_timeout", "options two": "lock_timeout"}.get(name, name)
        row("startup/sets " + name, hello(**params), "Z", query("SHOW " + show), "Z", login=False)
    row("startup/options unknown", hello(options="-c no_such_thing=1"), **RAW)
    row("startup/options rubbish", hello(options="rubbish"), **RAW)
    row("startup/and a query", lambda p: p.hello() + query("SELECT 1"), "Z", "Z", login=False)
    row("startup/twice", lambda p: p.hello() + p.hello(), **RAW)
    row("startup/half then EOF", lambda p: p.hello()[:11], login=False, end="eof")
    row("startup/nothing then EOF", login=False, end="eof")
    gss, ssl = special(GSS_REQUEST), special(SSL_REQUEST)
    row("startup/gss", gss, "byte", hello(), "Z", login=False, ways=("plain",))
    row("startup/gss twice", gss, "byte", gss, login=False, end="eof", ways=("plain",))
    row("startup/ssl then silence", ssl, "byte", login=False, end="eof", ways=("plain", "bytes"))
    row("startup/gss then ssl", gss, "byte", ssl, "byte", login=False, end="eof", ways=("plain",))
    row("startup/ssl inside tls", ssl, **dict(RAW, ways=("tls",)))
    row("startup/gss inside tls", gss, **dict(RAW, ways=("tls",)))
    for size in (1, 8, 40):
        row("startup/ssl and %d bytes glued" % size, ssl + packet(USER + b"\0")[:size], login=False, end="eof", ways=("plain",))
    for name, data in (("unknown", cancel(1, 1)), ("short", struct.pack("!iii", 12, 80877102, 1)), ("long", cancel(1, b"k" * 300)),
                       ("empty", struct.pack("!ii", 8, 80877102))):
        row("cancel/" + name, data, **RAW)


def first_answer(name, first, inner=None):
    size = len(first) if inner is None else inner
    return message("p", cstr(name) + struct.pack("!i", size) + first)


def authentication_rows():
    auth = {"login": False, "end": "read", "user": "scram_user"}

    def say(name, *steps, **how):
        row("auth/" + name, hello(), "R", *steps, **dict(auth, **how))
    for name, data in (("query", query("SELECT 1")), ("sync", sync()), ("parse", parse("SELECT 1")), ("unknown type", message("z"))):
        say(name + " for the answer", data)
    say("terminate for the answer", terminate(), ways=("plain", "tls", "bytes"))
    good = b"n,,n=,r=abcdefghijkl"
    for name in ("", "PLAIN", "SCRAM-SHA-1", "SCRAM-SHA-256-PLUS", "scram-sha-256"):
        say("mechanism %r" % name, first_answer(name, good))
    for size in (-2, 0x7fffffff, 100000, 3, -2**31):
        say("inner length %d" % size, first_answer("SCRAM-SHA-256", good, size))
    say("inner length -1", first_answer("SCRAM-SHA-256", b"", -1), end="eof")
    say("empty", message("p", b""))
    say("without NUL", message("p", b"no end"))
    say("only a name", message("p", cstr("SCRAM-SHA-256")))
    for size in (0, 3, -1, 2**31 - 1, 70000):
        say("length %d" % size, b"p" + struct.pack("!i", size), end="eof")
    for name, first in (("no nonce", b"n,,n=,x=1"), ("no header", b"n=,r=abc"), ("binding tls-unique", b"p=tls-unique,,n=,r=abc"),
                        ("authzid", b"n,a=other,n=,r=abc"), ("extension", b"n,,m=x,n=,r=abc"), ("flag x", b"x,,n=,r=abc"),
                        ("only flag", b"n"), ("no second comma", b"n,"), ("unprintable nonce", b"n,,n=,r=a\x01b"),
                        ("no text", b"")):
        say("first: " + name, first_answer("SCRAM-SHA-256", first))
    for name, last in (("other nonce", b"c=biws,r=other,p=AAAA"), ("no proof", b"c=biws,r=abcdefghijkl"), ("no text", b""),
                       ("bad binding", b"c=eSws,r=x,p=AAAA"), ("not base64", b"c=!!!,r=x,p=????"), ("unknown", b"x=1")):
        say("final: " + name, first_answer("SCRAM-SHA-256", good), "R", message("p", last))
    for name, change in (("wrong proof", lambda n: b"c=biws,r=" + n + b",p=" + b"A" * 43 + b"="),
                         ("short proof", lambda n: b"c=biws,r=" + n + b",p=AAAA"),
                         ("no proof at all", lambda n: b"c=biws,r=" + n),
                         ("longer nonce", lambda n: b"c=biws,r=" + n + b"x,p=" + b"A" * 43 + b"="),
                         ("after the proof", lambda n: b"c=biws,r=" + n + b",p=" + b"A" * 43 + b"=,x=1")):
        def final(player, change=change):
            player.answer("R")
            nonce = player.answer("R")[4:].split(b",")[0][2:]
            return message("p", change(nonce))
        row("auth/final: " + name, hello(), first_answer("SCRAM-SHA-256", good), final, **auth)


def md5(player):
    """The right answer to what the server asks."""
    salt = player.answer("R")[4:8]
    inner = hashlib.md5(b"md5-secretmd5_user").hexdigest().encode()
    return message("p", cstr("md5" + hashlib.md5(inner + salt).hexdigest()))


def md5_rows():
    ends = {"login": False, "end": "read", "user": "md5_user"}
    row("md5/right", hello(), md5, "Z", **dict(ends, end="probe"))
    row("md5/right, and a query behind", hello(), lambda p: md5(p) + query("SELECT 1"), "Z", "Z", **dict(ends, end="probe"))
    row("md5/second answer after the login", hello(), md5, "Z", message("p", b"md5\0"), **ends)
    for name, data in (("wrong", message("p", cstr("md5" + "0" * 32))), ("no md5", message("p", cstr("md5-secret"))),
                       ("of 4 KB", message("p", cstr("x" * 4000))),
                       ("empty text", message("p", b"\0")), ("empty", message("p", b"")), ("without NUL", message("p", b"md5")),
                       ("two NULs", message("p", b"md5\0x\0")), ("a SCRAM answer", first_answer("SCRAM-SHA-256", b"n,,n=,r=abcdefgh")),
                       ("a query", query("SELECT 1")), ("sync", sync()), ("unknown type", message("z"))):
        row("md5/" + name, hello(), "R", data, **ends)
    row("md5/terminate", hello(), "R", terminate(), **dict(ends, ways=("plain", "tls", "bytes")))
    for size in (0, 3, -1, 2**31 - 1, 70000):
        row("md5/length %d" % size, hello(), "R", b"p" + struct.pack("!i", size), **dict(ends, end="eof"))
    row("md5/EOF", hello(), "R", **dict(ends, end="eof"))


def scram(password):
    """The whole exchange as a client that knows the password (or another one) has it."""
    def steps():
        state = {}

        def first(player):
            state["bare"] = b"n=,r=" + base64.b64encode(os.urandom(18))
            return first_answer("SCRAM-SHA-256", b"n,," + state["bare"])

        def final(player):
            player.answer("R")
            said = player.answer("R")[4:]
            values = dict(v.split(b"=", 1) for v in said.split(b","))
            salted = hashlib.pbkdf2_hmac("sha256", password, base64.b64decode(values[b"s"]), int(values[b"i"]))
            bare = b"c=biws,r=" + values[b"r"]
            key = hmac.digest(salted, b"Client Key", "sha256")
            signature = hmac.digest(hashlib.sha256(key).digest(), b",".join((state["bare"], said, bare)), "sha256")
            return message("p", bare + b",p=" + base64.b64encode(bytes(a ^ b for a, b in zip(key, signature))))
        return first, final
    return steps()


def scram_rows():
    ends = {"login": False, "user": "scram_user"}
    row("auth/right", hello(), *scram(b"scram-secret"), "Z", ways=("plain", "tls", "bytes"), **ends)
    row("auth/right, and a query behind", hello(), *scram(b"scram-secret"), query("SELECT 1"), "Z", "Z", ways=("plain", "tls", "bytes"), **ends)
    row("auth/wrong password", hello(), *scram(b"other-secret"), end="read", ways=("plain", "tls", "bytes"), **ends)
    row("auth/empty password", hello(), *scram(b""), end="read", ways=("plain", "tls", "bytes"), **ends)
    row("auth/second answer after the login", hello(), *scram(b"scram-secret"), "Z", message("p", b"x\0"), end="read",
        ways=("plain", "tls", "bytes"), **ends)


def length_rows():
    for kind in "QPBDECHSFdcfX":
        for size in (0, 3, -1):
            row("length/%s of %d" % (kind, size), kind.encode() + struct.pack("!i", size), end="read")
    for size in (1, 2, 2**31 - 1, 2**30 + 9, -2**31):
        row("length/Q of %d" % size, b"Q" + struct.pack("!i", size), end="read")
    for kind in "SHEDCcfX":
        row("length/%s of 12000" % kind, message(kind, b"\0" * 12000), end="read")
    for kind in "SHcX":
        row("length/%s and a byte" % kind, message(kind, b"x"))
    for kind in (b"p", b"A", b"z", b"\0", b"R", b"v", b"\xff", b"N", b"T", b"Z", b"1", b"\x16"):
        row("type/%r" % kind, kind + struct.pack("!i", 4), end="read")
    bad_flush = message("H", b"x")
    row("bad flush/in a batch", parse("SELECT 1") + bad_flush + bind() + execute() + sync() + whole("SELECT 2") + sync())
    row("bad flush/behind an error", parse("oops") + bad_flush + sync() + query("SELECT 2"))
    row("bad flush/in a transaction", query("BEGIN") + bad_flush + sync() + query("SELECT 2") + query("ROLLBACK"))
    row("bad flush/in a copy", query("BEGIN; COPY kv FROM STDIN"), "G", bad_flush + copy_done() + query("ROLLBACK"))
    row("bad flush/twice", bad_flush + bad_flush + sync() + bad_flush + query("SELECT 1") + sync() + query("SELECT 2"))
    for name, bad in (("type", message("z")), ("length", b"Q\0\0\0\3"), ("long Sync", message("S", b"\0" * 12000)), ("password", message("p", b"x\0"))):
        row("behind a query/bad " + name, query("SELECT 1") + bad, end="read")
        row("behind a batch/bad " + name, whole("SELECT 1") + sync() + bad, end="read")
        row("behind three queries/bad " + name, query("SELECT 1") + query("oops") + query("SELECT pg_sleep(0.02)") + bad, end="read")
        row("in a transaction/bad " + name, query("BEGIN") + query("SELECT 1") + bad, end="read")
        row("behind a copy out/bad " + name, query("COPY (SELECT n FROM generate_series(1, 2000) n) TO STDOUT") + bad, end="read")
    row("behind a query/bad type then EOF", query("SELECT 1") + message("z"), end="eof")
    row("length/half a query then EOF", query("SELECT 1")[:7], end="eof")
    row("length/a type then EOF", b"Q", end="eof")


def body_rows():
    row("body/Q without NUL", message("Q", b"SELECT 1"))
    row("body/Q empty body", message("Q", b""))
    row("body/Q with a NUL inside", message("Q", b"SELECT 1\0; SELECT 2\0"))
    row("body/Q invalid UTF-8", query(b"SELECT '\xff\xfe'"))
    for name, body in (("name without end", b"name"), ("query without end", b"\0SELECT 1"), ("no count", b"\0SELECT 1\0"),
                       ("count without oids", b"\0SELECT 1\0\0\2"), ("negative count", b"\0SELECT 1\0\xff\xff"),
                       ("bytes behind", b"\0SELECT 1\0\0\0x"), ("nothing", b"")):
        row("body/P " + name, message("P", body) + sync())
    for name, body in (("nothing", b""), ("portal only", b"\0"), ("no formats", b"\0\0"), ("format 7", b"\0\0\0\1\0\7\0\0\0\0"),
                       ("parameter -2", b"\0\0" + struct.pack("!hHi", 0, 1, -2) + b"\0\0"),
                       ("parameter huge", b"\0\0" + struct.pack("!hHi", 0, 1, 0x7fffffff)),
                       ("65535 parameters", b"\0\0" + struct.pack("!hH", 0, 65535)),
                       ("too many parameters", b"\0\0" + struct.pack("!hHiih", 0, 2, -1, -1, 0)),
                       ("too few parameters", b"\0\0" + struct.pack("!hHh", 0, 0, 0)),
                       ("too many formats", b"\0\0" + struct.pack("!hhhHih", 2, 0, 0, 1, -1, 0)),
                       ("too many result formats", b"\0\0" + struct.pack("!hHihhh", 0, 1, -1, 2, 0, 0)),
                       ("bytes behind", b"\0\0" + struct.pack("!hHih", 0, 1, -1, 0) + b"x")):
        row("body/B " + name, parse("SELECT $1::text") + message("B", body) + execute() + sync())
    for kind in "DC":
        for name, body in (("unknown kind", b"X\0"), ("nothing", b""), ("no name", b"S"), ("name without end", b"Sabc"),
                           ("bytes behind", b"S\0x")):
            row("body/%s %s" % (kind, name), message(kind, body) + sync())
    for name, body in (("nothing", b""), ("no limit", b"\0"), ("short limit", b"\0\0\0"), ("bytes behind", b"\0\0\0\0\0x")):
        row("body/E " + name, whole("SELECT 1") + message("E", body) + sync())
    row("body/E negative limit", parse("SELECT 1") + bind() + execute("", -5) + sync())
    row("body/f without NUL", query("COPY kv FROM STDIN"), "G", message("f", b"why"))
    row("body/f empty", query("COPY kv FROM STDIN"), "G", message("f", b""))


PIECES = {"P": parse("SELECT 1"), "B": bind(), "D": describe(), "E": execute(), "C": close("P"), "H": flush(), "S": sync()}
NAMED = {"P": parse("SELECT $1::int", "s1"), "B": bind((5,), "s1", "p1"), "D": describe("S", "s1"), "E": execute("p1"),
         "C": close("S", "s1"), "H": flush(), "S": sync()}


def order_rows():
    """Every order of the four, named and not; every two and chosen threes of the seven; what is unknown is an error."""
    for order in itertools.permutations("PBDE"):
        row("order/%s" % "".join(order), b"".join(PIECES[k] for k in order))
        row("order/named %s" % "".join(order), b"".join(NAMED[k] for k in order))
    for order in itertools.product("PBDECHS", repeat=2):
        row("order/two %s" % "".join(order), b"".join(NAMED[k] for k in order))
    for order in itertools.permutations("BECS", 3):
        row("order/after P %s" % "".join(order), NAMED["P"] + b"".join(NAMED[k] for k in order))
    for order in ("PBEES", "PBESE", "PSBSES", "PHBHEHS", "PBDECCS", "PBEPBES", "PPBES", "PBBES", "PDHBDHEHS", "PBCES", "SSS", "HHH"):
        row("order/unnamed " + order, b"".join(PIECES[k] for k in order))


def extended_rows():
    row("extended/types", parse("SELECT $1::int, $2, $3::bool", oids=(0, 25)) + describe("S") + sync())
    row("extended/binary", parse("SELECT $1::int4 * 2") + bind((b"\0\0\0\5",), formats=(1,), result_formats=(1,)) + describe() + execute() + sync())
    row("extended/null", whole("SELECT $1::text", (None,)) + sync())
    row("extended/empty", whole("") + sync())
    row("extended/two commands", parse("SELECT 1; SELECT 2") + sync())
    row("extended/syntax error", parse("oops") + bind() + execute() + sync())
    row("extended/unknown table", parse("SELECT * FROM nowhere") + sync())
    row("extended/bad parameter", whole("SELECT $1::int", ("x",)) + sync())
    row("extended/unknown type oid", parse("SELECT $1", oids=(99999999,)) + sync())
    row("extended/error at execute", whole("SELECT 1/n FROM generate_series(0, 0) n") + whole("SELECT 2") + sync() + whole("SELECT 3") + sync())
    row("extended/error at parse, then more", parse("oops") + whole("SELECT 1") + close() + flush() + sync() + whole("SELECT 2") + sync())
    row("extended/error, Query without Sync", parse("oops") + query("SELECT 1") + sync())
    row("extended/parse, Query without Sync", parse("SELECT 1", "w") + query("SELECT 2"))
    row("extended/bind, Query without Sync", parse("SELECT 1") + bind() + query("SELECT 2") + execute() + sync())
    row("extended/duplicate name", parse("SELECT 1", "d") + sync() + parse("SELECT 2", "d") + sync())
    row("extended/duplicate in one batch", parse("SELECT 1", "d") + parse("SELECT 2", "d") + sync())
    row("extended/duplicate portal", query("BEGIN") + parse("SELECT 1") + bind(portal="p") + bind(portal="p") + sync())
    row("extended/close and parse again", parse("SELECT 1", "d") + close("S", "d") + parse("SELECT 2", "d") + bind((), "d") + execute() + sync())
    row("extended/close of unknown", close("S", "n") + close("P", "n") + sync())
    row("extended/describe of unknown statement", describe("S", "n") + sync())
    row("extended/describe of unknown portal", describe("P", "n") + sync())
    row("extended/bind to unknown", bind((), "n") + sync())
    row("extended/execute of unknown", execute("n") + sync())
    row("extended/failed parse frees the name", parse("oops", "f") + sync() + parse("SELECT 1", "f") + bind((), "f") + execute() + sync())
    row("extended/skipped parse leaves no name", parse("oops", "f") + parse("SELECT 1", "g") + sync() + bind((), "g") + sync())
    row("extended/skipped close keeps the name", parse("SELECT 1", "k") + sync() + parse("oops") + close("S", "k") + sync() +
        bind((), "k") + execute() + sync())
    row("extended/long name", parse("SELECT 1", "n" * 300) + bind((), "n" * 300) + execute() + sync())
    row("extended/name is case sensitive", parse("SELECT 1", "Name") + bind((), "name") + sync())
    for limit in (0, 1, 2, 5, 6, -1):
        row("portal/limit %d" % limit, query("BEGIN") + parse("SELECT n FROM generate_series(1, 5) n") + bind(portal="p") +
            execute("p", limit) + execute("p", limit) + sync())
    row("portal/suspended twice to the end", query("BEGIN") + parse("SELECT n FROM generate_series(1, 5) n") + bind(portal="p") +
        b"".join(execute("p", 2) for _ in range(4)) + sync())
    row("portal/over a Sync in a transaction", query("BEGIN") + parse("SELECT n FROM generate_series(1, 3) n") + bind(portal="p") +
        execute("p", 2) + sync() + execute("p", 2) + sync() + query("COMMIT"))
    row("portal/over a Sync without one", parse("SELECT n FROM generate_series(1, 3) n") + bind(portal="p") + execute("p", 2) +
        sync() + execute("p", 2) + sync())
    row("portal/unnamed over a Sync", parse("SELECT n FROM generate_series(1, 3) n") + bind() + execute("", 2) + sync() +
        execute("", 2) + sync())
    row("portal/FETCH by its name", query("BEGIN") + parse("SELECT n FROM generate_series(1, 3) n") + bind(portal="p") + sync() +
        query("FETCH 2 FROM p") + query("COMMIT"))
    row("portal/close then execute", query("BEGIN") + parse("SELECT 1") + bind(portal="p") + close("P", "p") + execute("p") + sync())
    row("portal/two at a time", query("BEGIN") + parse("SELECT n FROM generate_series(1, 3) n") + bind(portal="a") + bind(portal="b") +
        execute("a", 1) + execute("b", 2) + execute("a", 1) + sync())
    row("portal/write with a limit", query("BEGIN") + parse("INSERT INTO kv VALUES ('limit', 'x'), ('limit2', 'x') RETURNING k") +
        bind() + execute("", 1) + execute("", 1) + sync())
    row("flush/describe first", parse("SELECT $1::int") + describe("S") + flush(), "T", bind((7,)) + execute() + flush(), "C", sync())
    row("flush/after an error", parse("oops") + flush(), "E", flush() + sync())
    row("flush/alone", flush())
    row("flush/each", parse("SELECT 1") + flush(), "1", bind() + flush(), "2", execute() + flush(), "C", sync())
    row("sync/alone", sync() * 3)
    row("sync/in a transaction", query("BEGIN") + sync())
    row("sync/in a failed transaction", query("BEGIN") + query("oops") + sync())
    row("batch/begin insert commit", whole("BEGIN") + whole("INSERT INTO kv VALUES ('b', 'x') ON CONFLICT DO NOTHING") +
        whole("DELETE FROM kv WHERE k = 'b'") + whole("COMMIT") + sync())
    row("batch/begin only", whole("BEGIN") + sync() + whole("SELECT 1") + sync())
    row("batch/error undoes", whole("INSERT INTO kv VALUES ('undone', 'x')") + whole("SELECT 1/0") + sync() +
        query("SELECT count(*) FROM kv WHERE k = 'undone'"))
    row("batch/error in a transaction", query("BEGIN") + whole("SELECT 1/0") + sync() + whole("SELECT 1") + sync() + whole("ROLLBACK") + sync())
    row("batch/fifty", b"".join(whole("SELECT $1::int", (n,)) + sync() for n in range(50)))
    row("batch/fifty, one Sync", b"".join(whole("SELECT $1::int", (n,)) for n in range(50)) + sync())
    row("batch/without Sync then EOF", whole("INSERT INTO kv VALUES ('no-sync', 'x')"), end="eof", ways=("plain",))


def simple_rows():
    texts = {
        "one row": "SELECT 1 AS one, 'two' AS two, NULL AS three", "empty": "", "only a semicolon": ";", "only a comment": "-- x",
        "spaces": "   ", "several": "SELECT 1; SELECT 2, 3; SELECT 4 WHERE false", "trailing semicolons": "SELECT 1;;; ;",
        "syntax error": "oops", "unknown table": "SELECT * FROM nowhere", "division": "SELECT 1/0",
        "error in the middle": "SELECT 1; SELECT 1/0; SELECT 2", "error at the end": "SELECT 1; oops",
        "no columns": "SELECT", "begin": "BEGIN", "begin twice": "BEGIN; BEGIN", "commit without": "COMMIT",
        "rollback without": "ROLLBACK", "begin and error": "BEGIN; SELECT 1/0", "begin and commit": "BEGIN; SELECT 1; COMMIT",
        "implicit and begin": "SELECT 1; BEGIN; SELECT 2", "commit and chain": "BEGIN; COMMIT AND CHAIN",
        "savepoint": "BEGIN; SAVEPOINT s; ROLLBACK TO s; RELEASE s; COMMIT", "savepoint without": "SAVEPOINT s",
        "notice": "DO $$ BEGIN RAISE NOTICE 'x'; END $$", "warning": "DO $$ BEGIN RAISE WARNING 'x'; END $$",
        "notice of each kind": "DO $$ BEGIN RAISE INFO 'a'; RAISE NOTICE 'b'; RAISE WARNING 'c' USING ERRCODE = '01004'; END $$",
        "many notices": "DO $$ BEGIN FOR i IN 1..100 LOOP RAISE NOTICE '%', i; END LOOP; END $$",
        "own sqlstate": "DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = 'XX123'; END $$",
        "set": "SET DateStyle = German", "set and reset": "SET TimeZone = 'Asia/Tokyo'; RESET TimeZone",
        "set local": "BEGIN; SET LOCAL TimeZone = 'Asia/Tokyo'; COMMIT", "set unknown": "SET no_such_thing = 1",
        "set application_name": "SET application_name = 'table'", "set of two": "SET TimeZone = 'Asia/Tokyo'; SET DateStyle = German",
        "set undone": "BEGIN; SET TimeZone = 'Asia/Tokyo'; ROLLBACK", "discard": "DISCARD ALL", "discard in a text": "SELECT 1; DISCARD ALL",
        "show": "SHOW server_encoding", "show unknown": "SHOW no_such_thing", "explain": "EXPLAIN (COSTS off) SELECT 1",
        "values": "VALUES (1, 'a'), (2, 'b')", "with": "WITH x AS (SELECT 1 AS n) SELECT * FROM x", "do": "DO $$ BEGIN END $$",
        "insert": "BEGIN; INSERT INTO kv VALUES ('one', 'x') RETURNING *; ROLLBACK",
        "update": "UPDATE kv SET v = 'y' WHERE k = 'not there'", "delete": "DELETE FROM kv WHERE k = 'not there'",
        "create": "BEGIN; CREATE TABLE t (n int); ROLLBACK", "vacuum in a text": "SELECT 1; VACUUM kv",
        "prepare": "PREPARE q AS SELECT 1; EXECUTE q; DEALLOCATE q", "execute unknown": "EXECUTE nothing",
        "deallocate unknown": "DEALLOCATE nothing", "deallocate all": "DEALLOCATE ALL",
        "cursor": "BEGIN; DECLARE c CURSOR FOR SELECT 1; FETCH ALL FROM c; CLOSE c; COMMIT", "cursor without": "DECLARE c CURSOR FOR SELECT 1",
        "read only": "BEGIN READ ONLY; INSERT INTO kv VALUES ('ro', 'x')", "temp": "CREATE TEMP TABLE tt (n int); DROP TABLE tt",
        "lock": "BEGIN; LOCK TABLE kv IN ACCESS SHARE MODE; COMMIT", "set role": "SET ROLE app; RESET ROLE",
        "unicode": "SELECT 'čeština 日本語'", "big row": "SELECT repeat('r', 100000)", "wide": "SELECT " + ", ".join("%d" % n for n in range(500)),
        "hundred rows": "SELECT n FROM generate_series(1, 100) n", "statement timeout": "SET statement_timeout = 20; SELECT pg_sleep(5)",
        "two phase off": "BEGIN; PREPARE TRANSACTION 'x'", "unended quote": "SELECT 'abc", "dollar quote": "SELECT $a$ ; $a$",
        "unended comment": "SELECT 1 /* x", "long": "SELECT length('%s')" % ("x" * 100000),
        "five hundred statements": ";".join("SELECT %d" % n for n in range(500)),
    }
    for name, text in texts.items():
        row("simple/" + name, query(text))
    row("simple/pipeline with an error", query("SELECT 1") + query("oops") + query("SELECT 3"))
    row("simple/in a failed transaction", query("BEGIN") + query("oops") + query("SELECT 1") + query("COMMIT"))
    row("simple/transaction by messages", query("BEGIN") + query("SELECT 1") + query("COMMIT"))
    row("simple/listen and notify", query("LISTEN ch_listen") + query("NOTIFY ch_listen, 'x'") + query("UNLISTEN *"))
    row("simple/mixed with extended", query("SELECT 1") + whole("SELECT 2") + sync() + query("SELECT 3"))
    row("simple/kill of itself", query("SELECT pg_terminate_backend(pg_backend_pid())"), end="read")
    row("simple/cancel of itself", query("SELECT pg_cancel_backend(pg_backend_pid()), pg_sleep(1)"))
    row("terminate/alone", terminate(), end="read")
    row("terminate/behind a query", query("SELECT 1") + terminate(), end="read")
    row("terminate/behind a batch", whole("SELECT 1") + sync() + terminate(), end="read")
    row("terminate/in a transaction", query("BEGIN") + terminate(), end="read")
    row("terminate/behind three", query("SELECT 1") + query("oops") + query("SELECT 3") + terminate(), end="read")
    row("terminate/behind notices", query("DO $$ BEGIN RAISE NOTICE 'x'; PERFORM pg_sleep(0.05); RAISE NOTICE 'y'; END $$") + terminate(),
        end="read")
    row("terminate/twice", terminate() + terminate(), end="read")
    row("terminate/EOF when idle", end="eof")
    row("password/after login", message("p", b"secret\0"), end="read")


def function_rows():
    def call(oid, *arguments, **how):
        body = struct.pack("!IhhH", oid, 1, how.get("form", 1), len(arguments))
        body += b"".join(struct.pack("!i", -1) if a is None else struct.pack("!i", len(a)) + a for a in arguments)
        return message("F", body + struct.pack("!h", how.get("result", 1)))
    four = struct.pack("!i", 4)
    row("function/int4pl", call(177, four, four))
    row("function/text results", call(177, b"4", b"5", form=0, result=0))
    row("function/null argument", call(177, four, None))
    row("function/unknown", call(99999999))
    row("function/wrong count", call(177, four))
    row("function/short argument", call(177, b"\0", four))
    row("function/error within", call(154, four, struct.pack("!i", 0)))
    row("function/in a failed transaction", query("BEGIN") + query("oops") + call(177, four, four))
    row("function/in a transaction", query("BEGIN") + call(177, four, four) + query("COMMIT"))
    row("function/nothing", message("F", b""))
    row("function/short", message("F", b"\0\0"))
    row("function/after an error of a batch", parse("oops") + call(177, four, four) + sync())
    row("function/two", call(177, four, four) + call(99999999) + call(177, four, four))


def copy_rows():
    begin, data = query("BEGIN; COPY kv FROM STDIN"), copy_data(b"a-copy\tb\t1\n")
    plain, rollback = query("COPY kv FROM STDIN"), query("ROLLBACK")
    row("copy/in", begin, "G", data + copy_done() + rollback)
    row("copy/in without data", plain, "G", copy_done())
    row("copy/in fails by the client", plain, "G", data + copy_fail())
    row("copy/in of bad data", plain, "G", copy_data(b"a\tb\tbad\n") + copy_done())
    row("copy/in of bad data and more", plain, "G", copy_data(b"a\tb\tbad\n") + data * 20 + copy_done())
    row("copy/in of too few columns", plain, "G", copy_data(b"a\n") + copy_done())
    row("copy/in, end mark", begin, "G", data + copy_data(b"\\.\n") + copy_done() + rollback)
    row("copy/in in pieces", begin, "G", copy_data(b"a-co") + copy_data(b"") + copy_data(b"py\tb\t1") + copy_data(b"\n") + copy_done() + rollback)
    row("copy/in with Sync and Flush", begin, "G", data + sync() + flush() + data[:0] + copy_done() + rollback)
    row("copy/in with a Query inside", plain, "G", query("SELECT 1"), end="read")
    row("copy/in with a Parse inside", plain, "G", parse("SELECT 1"), end="read")
    row("copy/in with a Terminate inside", plain, "G", data + terminate(), end="read")
    row("copy/in then EOF", plain, "G", data, end="eof")
    row("copy/in with an unknown type inside", plain, "G", message("z"), end="read")
    row("copy/in, unknown table", query("COPY nowhere FROM STDIN") + data + copy_done())
    row("copy/in, csv", query("BEGIN; COPY kv FROM STDIN CSV HEADER"), "G", copy_data(b"k,v,n\na-csv,b,1\n") + copy_done() + rollback)
    row("copy/in, binary rubbish", query("COPY kv FROM STDIN BINARY"), "G", copy_data(b"rubbish") + copy_done())
    row("copy/in between others", query("BEGIN; SELECT 1; COPY kv FROM STDIN; SELECT 2"), "G", data + copy_done() + rollback)
    row("copy/in twice in a text", query("BEGIN; COPY kv FROM STDIN; COPY kv FROM STDIN"), "G", data + copy_done(), "G",
        copy_data(b"a-copy2\tb\t1\n") + copy_done() + rollback)
    row("copy/in fails in the middle of a text", query("SELECT 1; COPY kv FROM STDIN; SELECT 2"), "G", copy_fail())
    row("copy/in by extended", query("BEGIN") + whole("COPY kv FROM STDIN"), "G", data + copy_done() + sync() + rollback)
    row("copy/in by extended, Sync ahead", query("BEGIN") + whole("COPY kv FROM STDIN") + sync(), "G", data + copy_done() + sync() + rollback)
    row("copy/in by extended fails", whole("COPY kv FROM STDIN"), "G", data + copy_fail() + whole("SELECT 1") + sync())
    row("copy/in by extended, bad data", whole("COPY kv FROM STDIN"), "G", copy_data(b"bad\n") + copy_done() + sync())
    row("copy/in by extended, more behind", query("BEGIN") + whole("COPY kv FROM STDIN"), "G", data + copy_done() + whole("SELECT 1") + sync() + rollback)
    row("copy/out", query("COPY (SELECT n, 'x' FROM generate_series(1, 3) n) TO STDOUT"))
    row("copy/out of nothing", query("COPY (SELECT 1 WHERE false) TO STDOUT"))
    row("copy/out, binary", query("COPY (SELECT 1::int) TO STDOUT BINARY"))
    row("copy/out, csv", query("COPY (SELECT 1 AS n, 'a,b' AS t) TO STDOUT CSV HEADER"))
    row("copy/out with an error in the middle", query("COPY (SELECT 1/(3 - n) FROM generate_series(1, 5) n) TO STDOUT"))
    row("copy/out by extended", whole("COPY (SELECT 1) TO STDOUT") + sync())
    row("copy/out by extended, more behind", whole("COPY (SELECT 1) TO STDOUT") + whole("SELECT 2") + sync())
    row("copy/out between others", query("SELECT 1; COPY (SELECT 2) TO STDOUT; SELECT 3"))
    row("copy/out and a query", query("COPY (SELECT 1) TO STDOUT") + query("SELECT 2"))
    row("copy/out to a file", query("COPY (SELECT 1) TO '/nowhere/x'"))
    row("copy/data outside", data + copy_done() + copy_fail())
    row("copy/data outside, in a batch", parse("SELECT 1") + data + copy_done() + bind() + execute() + sync())
    row("copy/data outside, in a transaction", query("BEGIN") + data + query("COMMIT"))


for fill in (startup_rows, authentication_rows, scram_rows, md5_rows, length_rows, body_rows, order_rows, extended_rows, simple_rows, function_rows, copy_rows):
    fill()
assert len({r.name for r in ROWS}) == len(ROWS), "two rows have one name"
