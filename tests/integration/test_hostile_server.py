# SPDX-License-Identifier: PostgreSQL
"""A server that misbehaves costs the connection it misbehaves on: never the process, never another client."""
import itertools
import struct

import pgwire
from hostile import OK, READY, HostileCase, claim, error
from waiting import eventually

ROW = pgwire.message("D", b"\0\1\0\0\0\1x")
LOST = ("08006", "08P01", "57P01", "57P03", "closed")
MEGABYTES_MAX = 120

LOGINS = {
    "garbage": b"\x80\x01garbage of no kind at all",
    "HTTP": b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "R that claims 2 GB": claim("R", 2**31 - 1),
    "length 3": claim("R", 3),
    "length -1": claim("R", -1),
    "authentication code 99": pgwire.message("R", struct.pack("!i", 99)),
    "authentication without a code": pgwire.message("R", b"\0\0"),
    "GSS is wanted": pgwire.message("R", struct.pack("!i", 7)),
    "short BackendKeyData": OK + pgwire.message("K", b"\0\0"),
    "short ParameterStatus": OK + pgwire.message("S", b"no end"),
    "ready without the login": READY,
    "rows": OK + ROW,
    "a close": b"",
    "half a message": b"R\0\0",
    "unknown type": OK + pgwire.message("?", b"what"),
    "error without fields": pgwire.message("E", b"\0"),
    "error of nothing": pgwire.message("E", b""),
    "error that does not end": pgwire.message("E", b"SFATAL"),
    "error without SQLSTATE": error(S="FATAL", M="no code"),
    "error with SQLSTATE twice": error(S="FATAL", C="57P03") + error(C="57P03"),
    "starting up": error(S="FATAL", V="FATAL", C="57P03", M="starting up"),
    "too many clients": error(S="FATAL", V="FATAL", C="53300", M="too many"),
    "SASL without mechanisms": pgwire.message("R", struct.pack("!i", 10)),
    "SASL with unknown mechanisms": pgwire.message("R", struct.pack("!i", 10) + b"NONE\0\0"),
    "SASL end before its begin": pgwire.message("R", struct.pack("!i", 12) + b"v=AAAA"),
    "SASL first without begin": pgwire.message("R", struct.pack("!i", 11) + b"r=x,s=AAAA,i=1"),
}


# An authentication that Teal does not know is not tried again.
UNSUPPORTED = ("authentication code 99", "GSS is wanted", "SASL without mechanisms", "SASL with unknown mechanisms")


def instead(what, of="C"):
    """A hook that says this in place of the first such message."""
    return lambda kind, frame: [what] if kind == of else [frame]


def behind(what, of="Z"):
    """In one piece."""
    return lambda kind, frame: [frame + what] if kind == of else [frame]


def later(what, of="Z"):
    """When the connection may serve somebody else already."""
    return lambda kind, frame: [frame, what] if kind == of else [frame]


def ahead(what, of="D"):
    return lambda kind, frame: [what, frame] if kind == of else [frame]


# What a query then ends with: "ok" when the answer itself is whole.
REPLIES = {
    "unknown type": (instead(pgwire.message("?", b"x")), LOST),
    "length 3": (instead(claim("C", 3)), LOST),
    "length -1": (instead(claim("C", -1)), LOST),
    "length 2 GB": (instead(claim("C", 2**31 - 1)), LOST),
    "authentication in the middle": (instead(OK), LOST),
    "key in the middle": (instead(pgwire.message("K", b"\0" * 8)), LOST),
    "Z of no state": (instead(pgwire.message("Z", b"X"), "Z"), LOST),
    "Z of two bytes": (instead(pgwire.message("Z", b"II"), "Z"), LOST),
    "Z of nothing": (instead(pgwire.message("Z"), "Z"), LOST),
    "Z twice": (behind(READY), ("ok",)),
    "rows after Z": (behind(ROW), ("ok",)),
    "an error after Z": (behind(error(S="ERROR", V="ERROR", C="22012", M="late")), ("ok",)),
    "CopyInResponse unasked": (instead(pgwire.message("G", b"\0\0\0")), LOST),
    "CopyOutResponse after Z": (behind(pgwire.message("H", b"\0\0\0")), ("ok",)),
    "CopyBothResponse unasked": (instead(pgwire.message("W", b"\0\0\0")), LOST),
    "a thousand notices": (ahead(pgwire.message("N", b"SNOTICE\0C00000\0Mx\0\0") * 1000), ("ok",)),
    "notification when idle": (behind(pgwire.message("A", b"\0\0\0\1ch\0x\0")), ("ok",)),
    "notice when idle": (behind(pgwire.message("N", b"SNOTICE\0C00000\0Mx\0\0")), ("ok",)),
    "parameter when idle": (behind(pgwire.message("S", b"application_name\0x\0")), ("ok",)),
    "error of no fields": (instead(pgwire.message("E", b"\0")), None),
    "error that does not end": (instead(pgwire.message("E", b"SERROR")), None),
    "field of length -2": (instead(pgwire.message("D", struct.pack("!hi", 1, -2)), "D"), None),
}


class Hostility(HostileCase):
    teal_settings = {"auth_type": "trust", "default_pool_size": 2, "query_wait_timeout": "1s", "server_login_retry": "50ms"}

    def setUp(self):
        super().setUp()
        self.bystander = self.connect(user="other")
        self.bystander.query("BEGIN")

    def tearDown(self):
        self.server.behave()
        self.assertEqual(self.bystander.value("SELECT 'whole'"), "whole")
        super().tearDown()

    def outcome(self, sql="SELECT 'whole'"):
        """ok with the right answer; wrong; an SQLSTATE; closed."""
        try:
            with self.teal.connect(timeout=15) as c:
                return "ok" if c.value(sql) == "whole" else "wrong"
        except pgwire.PgError as e:
            return e.sqlstate
        except pgwire.Closed:
            return "closed"

    def recovers(self):
        self.server.behave()
        eventually(lambda: self.outcome() == "ok", 10, "the pool to recover")
        self.assertEqual(self.bystander.value("SELECT 'whole'"), "whole")
        with open("/proc/%d/status" % self.teal.process.pid) as f:
            kilobytes = int(next(line for line in f if line.startswith("VmRSS")).split()[1])
        self.assertLess(kilobytes, MEGABYTES_MAX * 1024)

    def test_logins(self):
        self.setting(query_wait_timeout="250ms")  # most cases take that long: the proxy tries the login again
        for name, said in LOGINS.items():
            with self.subTest(name):
                self.fresh()
                self.server.login = said
                self.assertIn(self.outcome(), ("0A000",) if name in UNSUPPORTED else LOST + ("53300",))
                self.recovers()

    def test_silence_at_the_login(self):
        self.fresh()
        self.server.login, self.server.stay = b"", True
        self.assertIn(self.outcome(), LOST)
        self.recovers()

    def test_logins_refused(self):
        for code in ("28P01", "28000", "3D000"):
            with self.subTest(code):
                self.fresh()
                self.server.login = error(S="FATAL", V="FATAL", C=code, M="no")
                self.assertIn(self.outcome(), (code,))
                self.recovers()

    def test_replies(self):
        for name, (hook, wanted) in REPLIES.items():
            with self.subTest(name):
                self.fresh()
                self.assertEqual(self.outcome(), "ok")
                self.server.hook = hook
                got = self.outcome()
                if wanted is not None:
                    self.assertIn(got, wanted)
                self.server.behave()
                for _ in range(4):
                    self.assertEqual(self.outcome(), "ok", "whoever comes next gets an answer of their own")
                self.recovers()

    def test_what_comes_late_is_never_the_answer_to_the_next(self):
        """At most the next client loses its connection, when it was given this one before that was dropped."""
        for name, what in (("Z", READY), ("rows", ROW), ("rows and Z", ROW * 3 + READY)):
            with self.subTest(name):
                self.fresh()
                self.assertEqual(self.outcome(), "ok")
                self.server.hook = later(what)
                for _ in range(20):
                    self.assertIn(self.outcome(), ("ok",) + LOST)
                self.recovers()

    def test_closed_in_the_middle_of_a_result(self):
        for sql in ("SELECT 'whole'", "INSERT INTO kv VALUES ('hostile-' || clock_timestamp(), 'x') RETURNING 'whole'"):
            with self.subTest(sql):
                self.fresh()

                def hook(kind, frame):
                    if kind == "D":
                        raise OSError("gone")
                    return [frame]
                self.assertEqual(self.outcome(), "ok")
                self.server.hook = hook
                self.assertIn(self.outcome(sql), ("08006", "57P01", "closed"))
                self.recovers()

    def test_notices_without_end(self):
        """They go on to the client as it reads, wait in the server while it does not, and end with it."""
        self.fresh()
        self.assertEqual(self.outcome(), "ok")
        block = pgwire.message("N", b"SNOTICE\0C00000\0M" + b"x" * 1000 + b"\0\0") * 1000

        def endless(kind, frame):
            return itertools.repeat(block) if kind == "D" else [frame]
        self.server.hook = endless
        c = self.teal.connect(timeout=10)
        c.send(pgwire.query("SELECT 'whole'"))
        self.assertEqual(c.read()[0], "T")
        for _ in range(20000):
            self.assertEqual(c.read()[0], "N")
        self.assertEqual(self.bystander.value("SELECT 'whole'"), "whole")
        c.reset()
        eventually(lambda: not [r for r in self.teal.console("SHOW CLIENTS") if r["user"] == "app"], 10, "the client to be gone")
        self.recovers()

    def test_a_field_that_claims_a_gigabyte(self):
        """Memory is taken as bytes arrive, and the client that waits for them may go."""
        self.fresh()
        self.assertEqual(self.outcome(), "ok")
        self.server.hook = instead(claim("D", 2**30 + 6, struct.pack("!hi", 1, 2**30 - 4)), "D")
        c = self.teal.connect(timeout=10)
        c.send(pgwire.query("SELECT 'whole'"))
        self.assertEqual(c.raw(1), b"T")
        c.reset()
        self.recovers()
        self.fresh()  # the session waits for the rest of that message until its server connection ends
