# SPDX-License-Identifier: PostgreSQL
"""Every message in every state, as PostgreSQL answers it; then the next client is served, and nothing is left behind.

The states that PostgreSQL does not have, waiting for a server connection and leaving, have their outcomes here.
"""
import pgwire
import test_table  # its folder of rows becomes known by it
from waiting import eventually

import matrix


class Matrix(test_table.TableCase):
    def test_every_message_in_every_state(self):
        self.compare("matrix", list(matrix.cases()), ("plain",))
        self.assert_back_to_base(self.teal)
        self.assert_serving()

    def test_what_ends_a_session_ends_it_within_copy_out(self):
        for name in matrix.FATAL[:6]:
            with self.subTest(name):
                c = self.connect(timeout=10)
                c.send(pgwire.query("COPY (SELECT n FROM generate_series(1, 100000) n) TO STDOUT"))
                c.expect("H")
                c.send(matrix.MESSAGES[name])
                answers = c.drain()
                self.assertEqual(self.errors_of(answers), ["08P01"])
                self.assertEqual(len([kind for kind, _ in answers if kind == "d"]), 100000)
        self.assert_back_to_base(self.teal)

    def assert_back_to_base(self, teal):
        """No client is left, and no server connection is anything but idle."""
        def at_base():
            servers = [r for r in teal.console("SHOW SERVERS") if r["state"] not in ("idle", "used", "tested")]
            return not servers and not teal.console("SHOW CLIENTS")
        eventually(at_base, 10, "the pools to be back to base")


class Waiting(test_table.TableCase):
    """The only server connection is busy, or writes are held: messages that come meanwhile wait behind the one that waits."""

    teal_settings = dict(test_table.TableCase.teal_settings, default_pool_size=1)

    messages = [data for data in matrix.MESSAGES.values() if data is not None]

    def test_every_message_while_waiting(self):
        for data in self.messages:
            with self.subTest(data):
                holder, c = self.teal.connect(), self.teal.connect(timeout=10)
                holder.query("BEGIN; SELECT txid_current()")
                c.send(pgwire.query("SELECT 'waited'") + data)
                holder.query("COMMIT")
                self.assertEqual(c.collect()[0].value(), "waited")
                c.close()
                holder.close()
                self.assert_serving()

    def test_every_message_while_writes_are_held(self):
        for data in self.messages:
            with self.subTest(data):
                c = self.teal.connect(timeout=10)
                self.teal.steps("HOLD 10s")
                c.send(pgwire.query("INSERT INTO kv VALUES ('held', 'x') ON CONFLICT (k) DO UPDATE SET v = 'x' "
                                    "RETURNING 'waited'") + data)
                self.assertEqual(self.teal.connect().value("SELECT 1"), "1")  # reads go on
                self.teal.steps("RELEASE")
                self.assertEqual(c.collect()[0].value(), "waited")
                c.close()
                self.assert_serving()

    def test_who_leaves_while_waiting_leaves_nothing(self):
        for how in (pgwire.Connection.reset, pgwire.Connection.close):
            # The first login at a worker needs the server connection too, so all log in before it is held.
            holder, clients = self.teal.connect(), [self.teal.connect(timeout=10) for _ in self.messages]
            holder.query("BEGIN; SELECT txid_current()")
            for c, data in zip(clients, self.messages):
                c.send(pgwire.query("SELECT 'waited'") + data)
                how(c)
            holder.query("COMMIT")
            holder.close()
            self.assert_serving()
