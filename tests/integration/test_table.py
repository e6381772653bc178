# SPDX-License-Identifier: PostgreSQL
"""The protocol table: every row against PostgreSQL and through Teal, plain, over TLS, byte by byte, in one segment.

The rows are in tests/table/rows.py. Teal's transcript equals PostgreSQL's, or the deviation is in tests/table/deviations.py
with its reason; anything else fails.
"""
import collections
import concurrent.futures
import fnmatch
import os
import re
import sys

from cluster import APP_SCHEMA, TOP
from table import WAYS, Player
from teal import Teal
from test_tls import TlsCase

sys.path.insert(0, os.path.join(TOP, "tests", "table"))
import deviations  # noqa: E402
import rows  # noqa: E402

DIRECT_DATABASE = "app_direct"


def is_reviewed(name, way, theirs, ours):
    """Whether some of the deviations, applied to PostgreSQL's transcript, give Teal's."""
    made = {theirs}
    for pattern, wanted, said, _ in deviations.DEVIATIONS:
        if fnmatch.fnmatchcase("%s (%s)" % (name, way), pattern):
            made |= {re.sub(wanted, said, text) for text in made}
    return ours in made


class TableCase(TlsCase):
    """One server; a proxy for each method by which clients log in."""

    teal_settings = {"auth_type": "trust", "default_pool_size": 20, "max_client_conn": 2000}
    player = Player
    threads = 12

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        blue = cls.pair.blue
        blue.sql("CREATE DATABASE %s OWNER app" % DIRECT_DATABASE)
        blue.sql(APP_SCHEMA, DIRECT_DATABASE)
        cls.teals = {"app": cls.teal, "postgres": cls.teal}
        for user, auth_type in (("scram_user", "scram-sha-256"), ("md5_user", "md5")):
            cls.teals[user] = Teal(cls.pair, name=user, serves=False, **dict(cls.teal_settings, auth_type=auth_type)).start()

    @classmethod
    def tearDownClass(cls):
        try:
            for user in ("scram_user", "md5_user"):
                cls.teals[user].stop()
        finally:
            super().tearDownClass()

    def both(self, case, way):
        blue, teal = self.pair.blue, self.teals[case.user]
        theirs = self.player(case, way, blue.host, blue.port, DIRECT_DATABASE, self.tls).play()
        ours = self.player(case, way, teal.host, teal.port, "app", self.tls).play()
        return case, way, theirs, ours

    def all(self, cases, ways=WAYS):
        """One case in all its ways is one job, so that its own writes do not meet."""
        self.tls = self.context()
        with concurrent.futures.ThreadPoolExecutor(self.threads) as pool:
            jobs = [pool.submit(lambda c: [self.both(c, way) for way in c.ways if way in ways], case) for case in cases]
            for job in jobs:
                yield from job.result()

    def compare(self, title, cases, ways=WAYS):
        """Plays them all, prints the closing line, and fails when anything is different."""
        counts, different = collections.Counter(), []
        for case, way, theirs, ours in self.all(cases, ways):
            if ours == theirs:
                counts["equal"] += 1
            elif is_reviewed(case.name, way, theirs, ours):
                counts["reviewed"] += 1
            else:
                different.append("%s (%s)\n  PostgreSQL: %s\n  Teal:       %s" % (case.name, way, theirs[:600], ours[:600]))
        print("%s: %d equal, %d reviewed, %d different (%d rows)"
              % (title, counts["equal"], counts["reviewed"], len(different), len(cases)), flush=True)
        self.assertEqual(different, [], "\n" + "\n".join(different))


class Table(TableCase):
    def test_every_row(self):
        self.assertGreaterEqual(len(rows.ROWS), 300)
        self.compare("table", rows.ROWS)
        self.assert_serving()
