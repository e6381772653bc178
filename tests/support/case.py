# SPDX-License-Identifier: PostgreSQL
"""case.py: what the integration tests share: a pair of clusters and a proxy for a whole class, and words for claims.

With TEAL_DIRECT=1 (tests/run.py --direct) the classes that allow it talk to blue itself: PostgreSQL is the reference
that the same tests hold Teal to.
"""
import contextlib
import os
import threading
import unittest

import pgwire
from cluster import Pair
from teal import Teal
from waiting import eventually

DIRECT = bool(os.environ.get("TEAL_DIRECT"))


class Direct:
    """Stands where the proxy would: connections go to blue."""

    def __init__(self, pair):
        self.cluster = pair.blue
        self.host, self.port = pair.blue.host, pair.blue.port

    def connect(self, database="app", user="app", **kwargs):
        return self.cluster.connect(database, user, **kwargs)

    def connect_unix(self, database="app", user="app", **kwargs):
        return pgwire.Connection(self.cluster.socket_dir, self.port, user, database, **kwargs)

    def start(self):
        return self

    def stop(self):
        pass

    def check_alive(self):
        pass

    def log_tail(self, size=0):
        return self.cluster.log_tail()


class PairCase(unittest.TestCase):
    """A class with its own pair and its own proxy. Subclasses set the attributes."""

    kind = "physical"
    versions = (None, None)
    schema = None
    databases = ("app",)  # of each side; the schema is put into each
    standbys = {}  # of a side, beside its primary: {"blue": 1}
    pairs = {}  # several: by name what differs from the attributes of this class, {"shop": {"databases": ("a", "b")}, ...}
    settings = {}
    teal_settings = {}
    pair_settings = {}
    direct = False  # may also run against PostgreSQL itself

    @classmethod
    def setUpClass(cls):
        if DIRECT and not cls.direct:
            raise unittest.SkipTest("needs the proxy")
        cls.pair = cls.make_pair()
        cls.more = [cls.make_pair(name, work=cls.pair.work) for name in list(cls.pairs)[1:]]
        try:
            for pair in (cls.pair, *cls.more):
                pair.start()
            cls.teal = cls.make_teal().start()
        except BaseException:
            cls.stop_pairs()
            raise

    @classmethod
    def make_pair(cls, name=None, **options):
        """The pair of that name, by default the first, or the only one, which has none."""
        name = next(iter(cls.pairs), "") if name is None else name
        options = dict({"kind": cls.kind, "blue_version": cls.versions[0], "green_version": cls.versions[1], "settings": cls.settings,
                        "databases": cls.databases, "standbys": cls.standbys, "name": name}, **options)
        if cls.schema:
            options["schema"] = cls.schema
        return Pair(**dict(options, **cls.pairs.get(name, {})))

    @classmethod
    def stop_pairs(cls):
        for pair in (*cls.more, cls.pair):
            pair.stop()

    @classmethod
    def pair_of(cls, name):
        return next(pair for pair in (cls.pair, *cls.more) if pair.name == name)

    @classmethod
    def make_teal(cls):
        if DIRECT:
            return Direct(cls.pair)
        return Teal(cls.pair, pair_settings=cls.pair_settings, more=cls.more, **cls.teal_settings)

    @classmethod
    def tearDownClass(cls):
        try:
            status = cls.teal.stop()
            if status not in (0, None):
                raise AssertionError("teal ended with %s; its log ends:\n%s" % (status, cls.teal.log_tail()))
        finally:
            cls.stop_pairs()

    def setUp(self):
        self.stack = contextlib.ExitStack()
        self.addCleanup(self.stack.close)

    def tearDown(self):
        self.teal.check_alive()

    def connect(self, **kwargs):
        connection = self.teal.connect(**kwargs)
        self.stack.callback(connection.close)
        return connection

    def raw(self, **kwargs):
        """A socket to the proxy on which nothing was said yet."""
        return self.connect(connect=False, **kwargs)

    def wait_session(self, state, *connections):
        """Until the proxy has these clients in that state: idle, active, waiting (for a backend, or held), gone."""
        for connection in connections:
            eventually(lambda: self.teal.state_of(connection) == state, 10, "a session to be " + state)

    def wait_running(self, text, count=1, state="active"):
        """Until so many backends of blue run a statement that holds the text."""
        sql = ("SELECT count(*) FROM pg_stat_activity WHERE state = '%s' AND position('%s' IN query) > 0 AND pid <> pg_backend_pid()"
               % (state, text.replace("'", "''")))
        eventually(lambda: int(self.pair.blue.value(sql)) >= count, 10, "%d times %s" % (count, text))

    def wait_stalled(self, count=1):
        """Until so many backends of blue cannot send, because nobody reads their answers."""
        sql = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'ClientWrite'"
        eventually(lambda: int(self.pair.blue.value(sql)) >= count, 10, "%d backends that cannot send" % count)

    def setting(self, **values):
        """Settings of the proxy for this test alone."""
        for key, value in values.items():
            self.teal.console("SET %s = '%s'" % (key, value))
        self.addCleanup(self.teal.console, "RELOAD")

    @contextlib.contextmanager
    def refused(self, sqlstate, severity=None):
        """The block must end with this SQLSTATE."""
        with self.assertRaises(pgwire.PgError) as caught:
            yield caught
        self.assertEqual(caught.exception.sqlstate, sqlstate, str(caught.exception))
        if severity:
            self.assertEqual(caught.exception.severity, severity)

    def errors_of(self, answers):
        return [pgwire.fields_of(body)["C"] for kind, body in answers if kind == "E"]

    def kinds_of(self, answers):
        return "".join(kind for kind, _ in answers)

    def assert_serving(self):
        with self.teal.connect() as c:
            self.assertEqual(c.value("SELECT 1"), "1")


class Background(threading.Thread):
    """A call in a thread of its own; result() waits, and raises what the call raised."""

    def __init__(self, function, *args, **kwargs):
        super().__init__(daemon=True)
        self.call = (function, args, kwargs)
        self.value = self.error = None
        self.start()

    def run(self):
        function, args, kwargs = self.call
        try:
            self.value = function(*args, **kwargs)
        except BaseException as e:  # handed to whoever asks for the result
            self.error = e

    def result(self, seconds=30):
        self.join(seconds)
        if self.is_alive():
            raise AssertionError("the call did not return within %g s" % seconds)
        if self.error is not None:
            raise self.error
        return self.value

    def is_waiting(self):
        return self.is_alive()
