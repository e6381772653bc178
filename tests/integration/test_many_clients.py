# SPDX-License-Identifier: PostgreSQL
"""Ten thousand clients, logged in by SCRAM and connected at the same time: none is refused."""
import asyncio
import base64
import hashlib
import hmac
import os
import resource
import struct
import time

import pgwire
from case import PairCase
from teal import Teal

CLIENTS = 10000
SOURCES = ["127.0.0.%d" % n for n in range(2, 34)]  # a source has so many ports, and limits of its own
AT_ONCE = 64  # logins under way: the two cores are shared by the clients, the proxy and two servers


class Keys:
    """What follows from the password and a salt: computed once, as a driver's pool of connections does."""

    def __init__(self, password):
        self.password, self.known = password.encode(), {}

    def of(self, salt, rounds):
        if (salt, rounds) not in self.known:
            salted = hashlib.pbkdf2_hmac("sha256", self.password, base64.b64decode(salt), int(rounds))
            client_key = hmac.digest(salted, b"Client Key", "sha256")
            server_key = hmac.digest(salted, b"Server Key", "sha256")
            self.known[salt, rounds] = client_key, hashlib.sha256(client_key).digest(), server_key
        return self.known[salt, rounds]


class Client:
    def __init__(self, keys):
        self.keys, self.reader, self.writer = keys, None, None

    async def next(self):
        head = await self.reader.readexactly(5)
        body = await self.reader.readexactly(struct.unpack("!i", head[1:])[0] - 4)
        if head[:1] == b"E":
            raise pgwire.PgError(pgwire.fields_of(body))
        return head[:1].decode(), body

    async def authentication(self, code):
        kind, body = await self.next()
        assert kind == "R" and struct.unpack("!i", body[:4])[0] == code, (kind, body)
        return body[4:].decode()

    async def login(self, port, source):
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(source, 0), limit=4096)
        self.writer.write(pgwire.startup({"user": "app", "database": "app"}))
        assert "SCRAM-SHA-256" in (await self.authentication(10)).split("\0")
        bare = "n=,r=" + base64.b64encode(os.urandom(18)).decode()
        first = ("n,," + bare).encode()
        self.writer.write(pgwire.message("p", b"SCRAM-SHA-256\0" + struct.pack("!i", len(first)) + first))
        challenge = await self.authentication(11)
        nonce, salt, rounds = (item.split("=", 1)[1] for item in challenge.split(","))
        client_key, stored_key, server_key = self.keys.of(salt, rounds)
        final = "c=biws,r=" + nonce
        text = ",".join((bare, challenge, final)).encode()
        signature = hmac.digest(stored_key, text, "sha256")
        proof = base64.b64encode(bytes(a ^ b for a, b in zip(client_key, signature)))
        self.writer.write(pgwire.message("p", final.encode() + b",p=" + proof))
        expected = "v=" + base64.b64encode(hmac.digest(server_key, text, "sha256")).decode()
        assert await self.authentication(12) == expected, "the proxy does not know the password"
        while (await self.next())[0] != "Z":
            pass

    async def value(self, sql):
        self.writer.write(pgwire.query(sql))
        value = None
        while True:
            kind, body = await self.next()
            if kind == "D":
                value = pgwire.row_of(body)[0].decode()
            if kind == "Z":
                return value


def rss_kb(pid):
    with open("/proc/%d/status" % pid) as f:
        return int(next(line for line in f if line.startswith("VmRSS")).split()[1])


class ManyClients(PairCase):
    @classmethod
    def make_teal(cls):
        verifier = cls.pair.blue.value("SELECT rolpassword FROM pg_authid WHERE rolname = 'app'")
        return Teal(cls.pair, serves=False, users='"app" "%s"\n' % verifier, auth_type="scram-sha-256", workers=2,
                    max_client_conn=CLIENTS + 100, client_login_timeout="60s")

    @classmethod
    def setUpClass(cls):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        cls.needed = CLIENTS + 500
        if hard != resource.RLIM_INFINITY and hard < cls.needed:
            raise RuntimeError("%d clients need %d descriptors; ulimit -Hn says %d" % (CLIENTS, cls.needed, hard))
        cls.soft = soft
        if soft != resource.RLIM_INFINITY and soft < cls.needed:
            resource.setrlimit(resource.RLIMIT_NOFILE, (cls.needed, hard))
        super().setUpClass()

    def test_ten_thousand_log_in_and_none_is_refused(self):
        asyncio.run(self.all_of_them())

    async def all_of_them(self):
        keys = Keys("app-secret")
        clients = [Client(keys) for _ in range(CLIENTS)]
        before, began, refused = rss_kb(self.teal_pid()), time.monotonic(), []
        todo = iter(range(CLIENTS))

        async def some():
            for n in todo:
                try:
                    await clients[n].login(self.teal.port, SOURCES[n % len(SOURCES)])
                except (pgwire.PgError, OSError, asyncio.IncompleteReadError) as why:
                    refused.append((n, why))

        await asyncio.gather(*(some() for _ in range(AT_ONCE)))
        took, rss = time.monotonic() - began, rss_kb(self.teal_pid())
        print("%d clients logged in by SCRAM: %d refused, %.1f s, RSS of the proxy %d kB before, %d kB after"
              % (CLIENTS, len(refused), took, before, rss), flush=True)
        self.assertEqual(refused, [])
        self.assertEqual(len(self.teal.console("SHOW CLIENTS")), CLIENTS)
        for n in range(0, CLIENTS, 100):  # and they are served
            self.assertEqual(await clients[n].value("SELECT %d" % n), str(n))
        for client in clients:
            client.writer.transport.abort()

    def teal_pid(self):
        return self.teal.process.pid
