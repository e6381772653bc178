# SPDX-License-Identifier: PostgreSQL
"""The example of tests/README.md: a client that waits for the only server connection is served in the end."""
from case import Background, PairCase


class Example(PairCase):
    teal_settings = {"workers": 1, "default_pool_size": 1}

    def test_who_waits_is_served(self):
        holder, other = self.connect(), self.connect()
        holder.query("BEGIN")
        answer = Background(other.value, "SELECT 'served'")
        self.wait_session("waiting", other)
        holder.query("COMMIT")
        self.assertEqual(answer.result(5), "served")
