# SPDX-License-Identifier: PostgreSQL
"""Prepared statements in every order of use: Teal answers what PostgreSQL answers, in the same words and with the same names.

The rows are in tests/table/statements.py. They are played on many server connections, plain, byte by byte and in one segment;
and on two of them, where each batch meets another one than the batch before.
"""
import pgwire
import table
import test_table  # its folder of rows becomes known by it

import statements

NOT_COMPARED = "FLR"  # where in the source of a server the error was made


class Player(table.Player):
    """Errors and notices with all their fields."""

    def word(self, kind, body):
        if kind not in "EN":
            return super().word(kind, body)
        fields = pgwire.fields_of(body)
        return "%s:%s" % (kind, "/".join("%s=%s" % (f, fields[f]) for f in sorted(fields) if f not in NOT_COMPARED))


class Mover:
    """Two sessions that take turns in holding one of two server connections, so that a third finds the other one each time."""

    def __init__(self, teal):
        self.holder, self.next = teal.connect(), teal.connect()
        self.take(self.holder)

    @staticmethod
    def take(session):
        session.query("BEGIN; SELECT txid_current()")

    def move(self):
        """The connection that was free is taken, then the one that was held is free."""
        self.take(self.next)
        self.holder.query("COMMIT")
        self.holder, self.next = self.next, self.holder

    def close(self):
        self.holder.close()
        self.next.close()


class Statements(test_table.TableCase):
    player = Player
    ways = ("plain", "bytes", "segment")

    def setUp(self):
        super().setUp()
        self.told = []

    def both(self, case, way):
        played = super().both(case, way)
        self.told.append(played[-1])
        return played

    def play(self, title, rows):
        self.compare(title, rows, self.ways)
        self.assertEqual([text for text in self.told if "teal_" in text], [])

    def test_what_is_forgotten(self):
        self.play("forgotten", statements.FORGOTTEN)

    def test_the_unnamed(self):
        self.play("unnamed", statements.UNNAMED)

    def test_names_in_errors(self):
        self.play("names", statements.NAMES)


class Moving(Statements):
    """Two server connections, and each batch of the client goes to the one that the batch before did not use."""

    teal_settings = dict(Statements.teal_settings, default_pool_size=2, workers=1)
    threads = 1
    ways = ("plain",)

    def setUp(self):
        super().setUp()
        self.mover = mover = Mover(self.teal)
        self.addCleanup(mover.close)
        here = self.teal.port

        class Moved(Player):
            def wait(self, kind):
                super().wait(kind)
                if kind == "Z" and self.c.port == here and self.words[-1] == "Z:I":
                    mover.move()
        self.player = Moved

    def test_it_moves(self):
        with self.teal.connect() as c:
            pids = []
            for _ in range(4):
                pids.append(c.value("SELECT pg_backend_pid()"))
                self.mover.move()
        self.assertEqual((pids[0], pids[1]), (pids[2], pids[3]))
        self.assertNotEqual(pids[0], pids[1])
