# SPDX-License-Identifier: PostgreSQL
"""Estates that are described wrongly: --check-config tells each mistake, with its place."""
import os
import shutil
import subprocess
import unittest

import teal
from cluster import work_dir


class Described(unittest.TestCase):
    """teal --check-config, without any server."""

    @classmethod
    def setUpClass(cls):
        cls.work = work_dir()
        with open(os.path.join(cls.work, "users.txt"), "w") as f:
            f.write('"app" "app-secret"\n')
        cls.addClassCleanup(shutil.rmtree, cls.work)

    def check(self, text):
        path = os.path.join(self.work, "check.ini")
        with open(path, "w") as f:
            f.write("[teal]\nauth_file = %s/users.txt\nstate_file = %s/state\n%s\n" % (self.work, self.work, text))
        done = subprocess.run([os.path.join(teal.BUILD, "teal"), "--check-config", path], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=20)
        return done.returncode, done.stdout

    def assert_refused(self, text, *words):
        status, out = self.check(text)
        self.assertEqual(status, 1, out)
        self.assertNotIn("unknown key", out)
        for word in words:
            self.assertIn(word, out)

    def assert_accepted(self, text):
        status, out = self.check(text)
        self.assertEqual(status, 0, out)

    def test_an_estate_as_it_should_be(self):
        self.assert_accepted("[pair shop]\ndatabases = a, b\n[blue shop]\nhosts = b1:5432, b2:5432\n[green shop]\nhosts = g1, g2\n"
                             "[pair crm]\ndatabases = c\n[blue crm]\nhost = c1\n[green crm]\nhost = c2\n")

    def test_both_sides_are_one_server(self):
        self.assert_refused("[pair]\n[blue]\nhost = db1\n[green]\nhost = db1\n", "[blue]", "[green]", "db1")
        self.assert_refused("[pair]\n[blue]\nhosts = db1:5432, db2:5432\n[green]\nhosts = db3:5432, db2:5432\n", "[blue]", "[green]", "db2")
        self.assert_refused("[pair]\n[blue]\nhosts = db1:5432\n[green]\nhost = DB1\nport = 5432\n", "[blue]", "[green]")

    def test_a_server_is_named_twice_in_a_side(self):
        self.assert_refused("[pair]\n[blue]\nhosts = db1:5432, db2:5432, db1:5432\n[green]\nhost = g\n", "[blue]", "db1")

    def test_two_pairs_have_a_database_of_one_server(self):
        """Each would be the other's second writer."""
        sides = "[blue %s]\nhost = b\n[green %s]\nhost = %s\n"
        self.assert_refused("[pair x]\n" + sides % ("x", "x", "g1") + "[pair y]\n" + sides % ("y", "y", "g2"), "[blue x]", "[blue y]")

    def test_a_side_without_a_server(self):
        self.assert_refused("[pair]\n[blue]\nport = 5432\n[green]\nhost = g\n", "[blue]")
        self.assert_refused("[pair]\n[blue]\nhosts = ,\n[green]\nhost = g\n", "hosts", ":6:")

    def test_a_pair_that_lacks_a_section(self):
        self.assert_refused("[pair shop]\ndatabases = a\n[blue shop]\nhost = b\n", "[green shop]")
        self.assert_refused("[pair shop]\ndatabases = a\n[blue shop]\nhost = b\n[green shop]\nhost = g\n[blue crm]\nhost = c\n", "crm")

    def test_hosts_that_cannot_be_read(self):
        for hosts in ("db1:0", "db1:65536", "db1:port", "[::1:5432", "db1:5432 weight=0", "db1:5432 weight=many", "db1:5432 wait=1",
                      ", ".join("db%d" % n for n in range(1, 12))):
            with self.subTest(hosts):
                self.assert_refused("[pair]\n[blue]\nhosts = %s\n[green]\nhost = g\n" % hosts, "hosts", ":6:")

    def test_a_database_of_a_pair_that_is_not_there(self):
        self.assert_refused("[pair shop]\n[blue shop]\nhost = b\n[green shop]\nhost = g\n[databases]\na = pair=shopp\n", "shopp")

    def test_a_database_that_two_pairs_may_have(self):
        self.assert_refused("[pair x]\ndatabases = a, b\n[blue x]\nhost = b1\n[green x]\nhost = g1\n"
                            "[pair y]\ndatabases = b, c\n[blue y]\nhost = b2\n[green y]\nhost = g2\n", '"b"')
