# SPDX-License-Identifier: PostgreSQL
"""Ten thousand clients, each logged in with its password, all there at the same time."""
import concurrent.futures
import resource
import time

from case import PairCase

CLIENTS = 10000
SOURCES = 20   # addresses of this host that they come from, as from many machines
AT_ONCE = 40   # logins under way; far more would only wait for each other on two cores


class ManyClients(PairCase):
    teal_settings = {"workers": 2, "auth_type": "scram-sha-256", "max_client_conn": CLIENTS + 10}

    @classmethod
    def setUpClass(cls):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if hard < CLIENTS + 500:
            raise AssertionError("%d open files are too few for %d clients; raise the hard limit (ulimit -Hn)" % (hard, CLIENTS))
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        super().setUpClass()

    def resident_kilobytes(self):
        with open("/proc/%d/status" % self.teal.process.pid) as f:
            return int(next(line for line in f if line.startswith("VmRSS")).split()[1])

    def test_all_are_let_in_and_served(self):
        connect = self.teal.connect
        before, began = self.resident_kilobytes(), time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            clients = list(pool.map(lambda n: connect(user="scram_user", password="scram-secret", timeout=60,
                                                      source="127.0.0.%d" % (2 + n % SOURCES)), range(CLIENTS)))
        took, after = time.monotonic() - began, self.resident_kilobytes()
        try:
            shown = [r for r in self.teal.console("SHOW LISTS") if r["list"] == "used_clients"]
            self.assertGreaterEqual(int(shown[0]["items"]), CLIENTS)
            for client in clients[::97]:
                self.assertEqual(client.value("SELECT session_user"), "scram_user")
        finally:
            for client in clients:
                client.sock.close()
        print("many clients: %d logged in by SCRAM in %.1f s, none refused, %.2f kB each" % (
            len(clients), took, (after - before) / CLIENTS), flush=True)
