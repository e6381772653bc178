# SPDX-License-Identifier: PostgreSQL
"""Every message in every state, as PostgreSQL answers it; then whoever comes next is served, and nothing is left behind.

The states that PostgreSQL does not have, waiting for a server connection and leaving, have their outcomes here.
"""
import pgwire
import test_table  # its folder of rows becomes known by it
from cluster import wait_until

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
                c.send(pgwire.query("COPY (SELECT n FROM generate_series(1, 1000000) n) TO STDOUT"))
                c.expect("H")
                c.send(matrix.MESSAGES[name])
                # A client that has not read what came before may miss the word of why.
                self.assertIn(self.errors_of(c.drain()), (["08P01"], []))
        self.assert_back_to_base(self.teal)

    def assert_back_to_base(self, teal):
        """No client is left, and no server connection is anything but idle."""
        def at_base():
            servers = [r for r in teal.console("SHOW SERVERS") if r["state"] not in ("idle", "used", "tested")]
            return not servers and not teal.console("SHOW CLIENTS")
        wait_until(at_base, 10, "the pools to be back to base")


class Waiting(test_table.TableCase):
    """The only server connection is busy: what comes meanwhile waits, or is refused, and the wait can be left."""

    teal_settings = dict(test_table.TableCase.teal_settings, default_pool_size=1)

    def test_every_message_while_waiting(self):
        for name, data in matrix.MESSAGES.items():
            if data is None:
                continue
            with self.subTest(name):
                holder, c = self.teal.connect(), self.teal.connect(timeout=10)
                holder.query("BEGIN; SELECT txid_current()")
                c.send(pgwire.query("SELECT 'waited'") + data)
                holder.query("COMMIT")
                try:
                    self.assertEqual(c.collect()[0].value(), "waited")
                except (pgwire.PgError, pgwire.Closed) as e:
                    self.assertEqual(getattr(e, "sqlstate", "08P01"), "08P01")
                c.close()
                holder.close()
                self.assert_serving()
