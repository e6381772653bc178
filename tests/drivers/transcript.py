# SPDX-License-Identifier: PostgreSQL
"""transcript.py: what the Python drivers write: a head for each case, and values as they came, with their types.

Whatever differs from run to run by nature (process ids, object ids, times) is not written. An exception that a case
does not expect ends the program, so that a mistake of the case itself is not taken for equality.
"""
import contextlib
import datetime
import os
import sys

HOST = os.environ["PGHOST"]
PORT = int(os.environ["PGPORT"])
USER = os.environ["PGUSER"]
PASSWORD = os.environ["PGPASSWORD"]
DATABASE = os.environ["PGDATABASE"]
SSLMODE = os.environ.get("PGSSLMODE", "disable")
SSLROOT = os.environ.get("PGSSLROOTCERT")

cases = []


def case(function):
    cases.append(function)
    return function


def head(name):
    print("== " + name, flush=True)


def show(what, value=None):
    print("%s: %s" % (what, text(value)), flush=True)


def text(value):
    """A value with its type; long ones by length and ends."""
    if isinstance(value, (list, tuple)) and type(value) in (list, tuple):
        return "[" + ", ".join(text(v) for v in value) + "]"
    if isinstance(value, memoryview):
        value = bytes(value)
    if isinstance(value, datetime.datetime) and value.tzinfo is not None:
        value = value.astimezone(datetime.timezone.utc)
        return "datetime " + value.isoformat()
    plain = repr(value)
    if len(plain) > 400:
        plain = "%s..%s (%d)" % (plain[:20], plain[-20:], len(plain))
    return "%s %s" % (type(value).__name__, plain)


def sqlstate(error):
    for name in ("sqlstate", "pgcode"):
        if getattr(error, name, None):
            return getattr(error, name)
    inner = getattr(error, "orig", None) or error.__cause__
    return sqlstate(inner) if inner is not None else None


@contextlib.contextmanager
def fails(what, *kinds):
    """The block must raise; the error is written."""
    try:
        yield
    except kinds or Exception as e:  # noqa: B014
        first = str(e).strip().split("\n")[0]
        print("%s: %s %s %s" % (what, type(e).__name__, sqlstate(e), first), flush=True)
        return
    raise AssertionError("%s should have failed" % what)


def run(version):
    print("# version " + version)
    only = sys.argv[1:]
    for function in cases:
        if not only or function.__name__ in only:
            head(function.__name__)
            function()
