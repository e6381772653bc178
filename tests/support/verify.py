#!/usr/bin/env python3
# SPDX-License-Identifier: PostgreSQL
"""verify.py: the client that remembers, and the judge who compares its memory with the databases.

    verify.py run --host H --port P --out FILE [--clients N] [--seconds S] [--seed N] [--pause MS]
    verify.py check --blue PORT --green PORT --writer blue|green [--flips N] HISTORY...
    verify.py --selftest

run: N clients, each with a connection and an id of its own, do a seeded mixture of inserts (every way in which the
protocol can carry one), reads of their own writes, bank transfers, sums over the bank, inserts with a serial, and
queries with a nonce. Every operation becomes one line of JSON with one of three results: ok (the answer proves the
commit), fail (the answer proves that nothing happened), info (nobody can know). It ends at SIGTERM or end of input.

check: judges histories against the rows of both sides, after the load has ended and replication has drained.
Each row carries the name of the cluster that made it and its transaction id, as defaults that travel as data, and
the key is wide, so that a statement applied twice appears as two rows.

    LOST      an acknowledged insert is not on the writer
    DOUBLE    an insert is there more than once
    GHOST     an insert that had failed is there
    STRANDED  the sides differ: a row was written behind the fence, or replication lost one
    SPLIT     rows of both sides interleave in time: two writers at once
    STALE     a client did not see its own acknowledged write
    TORN      a sum over the bank was wrong
    FOREIGN   an answer belonged to another question
    SEQ       a serial number was given twice, or went back at a flip
    ERROR     a client saw an error (with its SQLSTATE)
    VOID      too little happened for the absence of the others to mean anything
"""
import argparse
import collections
import json
import os
import random
import signal
import ssl
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import pgwire

SCHEMA = """
CREATE SCHEMA verify;
CREATE TABLE verify.op (
    op text NOT NULL, cid bigint NOT NULL, seq bigint NOT NULL,
    side text NOT NULL DEFAULT current_setting('cluster_name'),
    xid8 xid8 NOT NULL DEFAULT pg_current_xact_id(),
    ts timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (op, side, xid8));
CREATE INDEX op_of_client ON verify.op (cid, seq);
CREATE TABLE verify.bank (acct int PRIMARY KEY, bal bigint NOT NULL);
CREATE TABLE verify.serial (
    id bigserial PRIMARY KEY, op text NOT NULL,
    side text NOT NULL DEFAULT current_setting('cluster_name'),
    ts timestamptz NOT NULL DEFAULT clock_timestamp());
CREATE FUNCTION verify.put(what text, who bigint, nth bigint) RETURNS bigint LANGUAGE sql VOLATILE AS
    $$ INSERT INTO verify.op (op, cid, seq) VALUES (what, who, nth) RETURNING seq $$;
GRANT USAGE ON SCHEMA verify TO PUBLIC;
GRANT ALL ON ALL TABLES IN SCHEMA verify TO PUBLIC;
GRANT ALL ON ALL SEQUENCES IN SCHEMA verify TO PUBLIC;
"""
ACCOUNTS, OPENING = 50, 1000
FILL = "INSERT INTO verify.bank SELECT a, %d FROM generate_series(1, %d) a" % (OPENING, ACCOUNTS)
TOTAL = ACCOUNTS * OPENING
INSERT = "INSERT INTO verify.op (op, cid, seq) VALUES ($1, $2, $3)"
# After these nobody knows whether the transaction committed.
UNKNOWN = {"08006", "08007", "40003", "57P01", "57P02", "57P03"}


# ---------------------------------------------------------------- the client

class Client:
    """One client: connection, id, its own sequence of operations, and what it knows to be acknowledged."""

    def __init__(self, args, number, out, stop):
        self.args, self.out, self.stop = args, out, stop
        self.random = random.Random(args.seed * 1000 + number)
        self.number = number
        self.generation = 0
        self.connection = None
        self.new_identity()

    def new_identity(self):
        """After an unknown outcome the client goes on under another id, so that order stays certain."""
        self.generation += 1
        self.cid = (os.getpid() * 1000 + self.number) * 1000 + self.generation
        self.seq = 0
        self.acked = 0

    def connect(self):
        self.connection = pgwire.Connection(self.args.host, self.args.port, self.args.user, self.args.database,
                                            password=self.args.password, timeout=self.args.timeout,
                                            application_name="verify", tls=self.args.tls)
        self.connection.prepare("put", INSERT)
        self.connection.prepare("own", "SELECT coalesce(max(seq), 0) FROM verify.op WHERE cid = $1")

    def drop(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def run(self):
        kinds = [kind for kind, weight in KINDS.items() for _ in range(weight)]
        while not self.stop.is_set():
            self.one(self.random.choice(kinds))
            if self.args.pause:
                time.sleep(self.random.random() * 2 * self.args.pause / 1000)  # the subject: a client that thinks
        self.drop()

    def one(self, kind):
        record = {"f": kind, "c": self.cid, "t0": time.monotonic()}
        sent_before = None
        try:
            if self.connection is None:
                record["f"] = "connect " + kind
                self.connect()
                record["f"] = kind
            sent_before = self.connection.sent
            self.in_doubt = False
            getattr(self, "do_" + kind)(record)
            record["r"] = "ok"
        except pgwire.PgError as e:
            record.update(r="fail", s=e.sqlstate, m=e.message)
            if e.sqlstate in UNKNOWN and self.in_doubt:
                record["r"] = "info"
            self.after_error(e)
        except (pgwire.Closed, OSError) as e:
            doubt = self.in_doubt and sent_before is not None and self.connection.sent > sent_before
            record.update(r="info" if doubt else "fail", s="lost", m=str(e))
            self.drop_hard()
        record["t1"] = time.monotonic()
        if record["r"] == "info":
            self.new_identity()
        self.out(record)

    def after_error(self, error):
        if error.severity == "ERROR" and self.connection is not None:
            try:
                if self.connection.state != "I":
                    self.connection.query("ROLLBACK")
                return
            except (pgwire.PgError, pgwire.Closed, OSError):
                pass
        self.drop_hard()
        time.sleep(0.05)  # the subject: a client that comes back a little later

    def drop_hard(self):
        if self.connection is not None:
            self.connection.sock.close()
            self.connection = None
        time.sleep(0.02)  # the subject: as above

    # -- operations

    def new_ops(self, record, count=1):
        first = self.seq + 1
        self.seq += count
        record["ops"] = ["%d:%d" % (self.cid, s) for s in range(first, self.seq + 1)]
        self.in_doubt = True
        return [(op, self.cid, s) for op, s in zip(record["ops"], range(first, self.seq + 1))]

    def ack(self):
        self.acked = self.seq

    @staticmethod
    def literal(op):
        return "INSERT INTO verify.op (op, cid, seq) VALUES ('%s', %d, %d)" % op

    def do_simple(self, record):
        (op,) = self.new_ops(record)
        self.connection.query(self.literal(op))
        self.ack()

    def do_extended(self, record):
        (op,) = self.new_ops(record)
        self.connection.execute(INSERT, op)
        self.ack()

    def do_prepared(self, record):
        (op,) = self.new_ops(record)
        self.connection.run_prepared("put", op)
        self.ack()

    def do_multi(self, record):
        ops = self.new_ops(record, 2)
        self.connection.query("; ".join(self.literal(op) for op in ops))
        self.ack()

    def do_pipeline(self, record):
        ops = self.new_ops(record, 5)
        self.connection.pipeline([(INSERT, op) for op in ops])
        self.ack()

    def do_copy(self, record):
        ops = self.new_ops(record, 20)
        data = "".join("%s\t%d\t%d\n" % op for op in ops).encode()
        self.connection.copy_in("COPY verify.op (op, cid, seq) FROM STDIN", [data[:100], data[100:]])
        self.ack()

    def do_function(self, record):
        (op,) = self.new_ops(record)
        self.connection.query("SELECT verify.put('%s', %d, %d)" % op)
        self.ack()

    def do_transaction(self, record):
        (op,) = self.new_ops(record)
        self.in_doubt = False
        self.connection.query("BEGIN")
        self.connection.execute(INSERT, op)
        self.in_doubt = True
        self.connection.query("COMMIT")
        self.ack()

    def do_own(self, record):
        record["want"] = self.acked
        if self.random.random() < 0.5:
            record["v"] = int(self.connection.run_prepared("own", (self.cid,)).value())
        else:
            record["v"] = int(self.connection.value("SELECT coalesce(max(seq), 0) FROM verify.op WHERE cid = %d" % self.cid))

    def do_transfer(self, record):
        low, high = sorted(self.random.sample(range(1, ACCOUNTS + 1), 2))
        amount = self.random.randint(-5, 5)
        self.connection.query("BEGIN")
        for acct, change in ((low, amount), (high, -amount)):
            self.connection.execute("UPDATE verify.bank SET bal = bal + $1 WHERE acct = $2", (change, acct))
        self.in_doubt = True
        self.connection.query("COMMIT")

    def do_total(self, record):
        record["v"] = int(self.connection.value("SELECT sum(bal) FROM verify.bank"))

    def do_serial(self, record):
        (op,) = self.new_ops(record)
        record["serial"] = True
        record["v"] = int(self.connection.execute("INSERT INTO verify.serial (op) VALUES ($1) RETURNING id", op[:1]).value())

    def do_nonce(self, record):
        nonce, size = self.random.getrandbits(60), self.random.choice((0, 1, 10, 3000))
        rows = self.connection.execute("SELECT $1::text, n, repeat('x', $2::int) FROM generate_series(1, 3) n",
                                       (nonce, size)).rows
        record["v"] = rows == [[str(nonce), str(n), "x" * size] for n in (1, 2, 3)]

    def do_reconnect(self, record):
        self.connection.close()
        self.connection = None
        self.connect()


KINDS = collections.OrderedDict(simple=3, extended=3, prepared=4, multi=1, pipeline=2, copy=1, function=1, transaction=3,
                                own=8, transfer=4, total=3, serial=2, nonce=4, reconnect=0)


def run(args):
    stop, lock = threading.Event(), threading.Lock()
    out = open(args.out, "w", buffering=1 << 16)

    def write(record):
        line = json.dumps(record, separators=(",", ":")) + "\n"
        with lock:
            out.write(line)

    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if args.reconnect:
        KINDS["reconnect"] = 1
    threads = [threading.Thread(target=Client(args, n, write, stop).run) for n in range(args.clients)]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + args.seconds if args.seconds else None
    while not stop.wait(0.1):
        if deadline and time.monotonic() > deadline:
            stop.set()
    for thread in threads:
        thread.join()
    out.close()


# ---------------------------------------------------------------- the judge

def load(paths):
    records = []
    for path in paths:
        with open(path) as f:
            for line in f:
                if line.endswith("\n"):
                    records.append(json.loads(line))
    return records


def rows_of(cluster, database="app"):
    """What a side holds: the inserts, the serials, the bank's sum."""
    with cluster.connect(database) as c:
        return {
            "op": [tuple(r) for r in c.query("SELECT op, side, xid8::text, extract(epoch FROM ts)::text FROM verify.op").rows],
            "serial": [tuple(r) for r in c.query("SELECT id, op, side, extract(epoch FROM ts)::text FROM verify.serial").rows],
            "bank": int(c.value("SELECT sum(bal) FROM verify.bank")),
        }


def judge(records, writer, other, flips, ops_min=100):
    """All violations as a list of (name, what). other may be None when the second side cannot be asked."""
    found = []
    found += judge_ops(records, writer)
    found += judge_sides(writer, other, flips)
    found += judge_reads(records)
    found += judge_serials(records, writer)
    found += [("ERROR", "%(f)s: %(s)s %(m)s" % r) for r in records if r["r"] != "ok"]
    oks = sum(r["r"] == "ok" for r in records)
    if oks < ops_min:
        found.append(("VOID", "only %d operations succeeded, %d were wanted" % (oks, ops_min)))
    return found


def judge_ops(records, writer):
    here = collections.Counter(row[0] for row in writer["op"])
    here.update(row[1] for row in writer["serial"])
    found = []
    for r in records:
        for op in r.get("ops", ()):
            count = here[op]
            if r["r"] == "ok" and count == 0:
                found.append(("LOST", op))
            if count > 1:
                found.append(("DOUBLE", op))
            if r["r"] == "fail" and count:
                found.append(("GHOST", op))
    return found


def judge_sides(writer, other, flips):
    found = []
    if other is not None:
        for table in ("op", "serial"):
            for row in set(other[table]) ^ set(writer[table]):
                found.append(("STRANDED", "%s %s" % (table, row[0])))
        if other["bank"] != TOTAL:
            found.append(("TORN", "the other side's bank holds %d" % other["bank"]))
    if writer["bank"] != TOTAL:
        found.append(("TORN", "the writer's bank holds %d" % writer["bank"]))
    changes, last = 0, None
    for row in sorted(writer["op"], key=lambda row: float(row[3])):
        changes += last is not None and row[1] != last
        last = row[1]
    if changes > flips:
        found.append(("SPLIT", "the writer changed %d times in %d flips" % (changes, flips)))
    return found


def judge_reads(records):
    found = []
    for r in records:
        if r["r"] != "ok":
            continue
        if r["f"] == "own" and r["v"] < r["want"]:
            found.append(("STALE", "client %d saw %d after %d was acknowledged" % (r["c"], r["v"], r["want"])))
        if r["f"] == "total" and r["v"] != TOTAL:
            found.append(("TORN", "a sum of %d at %.3f" % (r["v"], r["t0"])))
        if r["f"] == "nonce" and not r["v"]:
            found.append(("FOREIGN", "client %d at %.3f" % (r["c"], r["t0"])))
    return found


def judge_serials(records, writer):
    found = []
    given = collections.Counter(r["v"] for r in records if r.get("serial") and r["r"] == "ok")
    found += [("SEQ", "number %d was given %d times" % (n, count)) for n, count in given.items() if count > 1]
    # Within one side a later statement may have an earlier number; across a flip it may not.
    in_time = sorted(writer["serial"], key=lambda row: float(row[3]))
    highest, last = 0, None
    previous_highest = 0
    for number, _, side, _ in in_time:
        if side != last:
            previous_highest, last = highest, side
        highest = max(highest, int(number))
        if int(number) <= previous_highest:
            found.append(("SEQ", "number %s came after %d of the other side" % (number, previous_highest)))
    return found


def summary(found):
    """Violations by name; the names in the order of the table above."""
    names = ["LOST", "DOUBLE", "GHOST", "STRANDED", "SPLIT", "STALE", "TORN", "FOREIGN", "SEQ", "ERROR", "VOID"]
    counts = collections.Counter(name for name, _ in found)
    return [(name, counts[name]) for name in names]


def longest_waits(records, flips, after=0.3):
    """For each (begin, end) in monotonic seconds the longest operation that overlaps it, in seconds."""
    return [max([r["t1"] - r["t0"] for r in records if r["t1"] >= begin and r["t0"] <= end + after] or [0])
            for begin, end in flips]


# ---------------------------------------------------------------- a checker that was never seen failing proves nothing

def clean_case():
    """A small world without any fault: two clients, one flip."""
    records, ops, serials = [], [], []
    for n in range(1, 201):
        side, at = ("blue", n) if n <= 100 else ("green", n)
        op, cid = "%d:%d" % (n % 2, n), n % 2
        records.append({"f": "simple", "c": cid, "t0": at, "t1": at + 0.1, "r": "ok", "ops": [op]})
        records.append({"f": "own", "c": cid, "t0": at, "t1": at + 0.1, "r": "ok", "want": n, "v": n})
        ops.append((op, side, str(n), str(float(at))))
        records.append({"f": "serial", "c": cid, "t0": at, "t1": at, "r": "ok", "serial": True, "v": n, "ops": ["s" + op]})
        serials.append((str(n), "s" + op, side, str(float(at))))
    records.append({"f": "total", "c": 0, "t0": 1, "t1": 1, "r": "ok", "v": TOTAL})
    records.append({"f": "nonce", "c": 0, "t0": 1, "t1": 1, "r": "ok", "v": True})
    side = {"op": ops, "serial": serials, "bank": TOTAL}
    return records, side, {"op": list(ops), "serial": list(serials), "bank": TOTAL}


def plants():
    """name -> what to do to a clean case so that exactly this check must fire."""
    return {
        "LOST": lambda r, w, o: (w["op"].pop(5), o["op"].pop(5)),
        "DOUBLE": lambda r, w, o: [side["op"].append(("1:1", "blue", "9999", "1.5")) for side in (w, o)],
        "GHOST": lambda r, w, o: r[0].update(r="fail", s="57P03", m="planted"),
        "STRANDED": lambda r, w, o: o["op"].append(("7:7", "blue", "8888", "101.5")),
        "SPLIT": lambda r, w, o: [side["op"].append(("7:7", "blue", "8888", "150.5")) for side in (w, o)],
        "STALE": lambda r, w, o: r[1].update(v=0),
        "TORN": lambda r, w, o: r[-2].update(v=TOTAL - 1),
        "FOREIGN": lambda r, w, o: r[-1].update(v=False),
        "SEQ": lambda r, w, o: [side["serial"].append(("3", "x", "green", "180.5")) for side in (w, o)],
        "ERROR": lambda r, w, o: r.append({"f": "own", "c": 1, "t0": 1, "t1": 1, "r": "fail", "s": "25006", "m": "planted"}),
        "VOID": lambda r, w, o: r.__delitem__(slice(0, len(r) - 3)),
    }


def selftest():
    bad = []
    records, writer, other = clean_case()
    if judge(records, writer, other, 1):
        bad.append("a clean case is not clean: %r" % judge(records, writer, other, 1)[:3])
    for name, plant in plants().items():
        records, writer, other = clean_case()
        plant(records, writer, other)
        fired = {n for n, _ in judge(records, writer, other, 1)}
        if name not in fired:
            bad.append("planted %s, found only %s" % (name, sorted(fired)))
    for line in bad:
        print(line)
    print("selftest: %d plants, %d missed" % (len(plants()), len(bad)))
    return 1 if bad else 0


# ---------------------------------------------------------------- command line

class Address:
    def __init__(self, host, port):
        self.host, self.port = host, port

    def connect(self, database):
        return pgwire.Connection(self.host, self.port, "postgres", database)


def check(args):
    sides = {"blue": Address(args.host, args.blue), "green": Address(args.host, args.green)}
    writer = rows_of(sides.pop(args.writer), args.database)
    other = rows_of(sides.popitem()[1], args.database)
    found = judge(load(args.history), writer, other, args.flips)
    for name, count in summary(found):
        print("%-9s %d" % (name, count))
    for name, what in found[:20]:
        print("  %s: %s" % (name, what))
    if any(name == "VOID" for name, _ in found):
        return 2
    return 1 if found else 0


def main():
    if "--selftest" in sys.argv:
        return selftest()
    parser = argparse.ArgumentParser(description="the client that remembers, and its judge")
    verbs = parser.add_subparsers(dest="verb", required=True)
    r = verbs.add_parser("run")
    r.add_argument("--host", default="127.0.0.1")
    r.add_argument("--port", type=int, required=True)
    r.add_argument("--user", default="app")
    r.add_argument("--password")
    r.add_argument("--database", default="app")
    r.add_argument("--ca", help="speak TLS, with this authority")
    r.add_argument("--out", required=True)
    r.add_argument("--clients", type=int, default=4)
    r.add_argument("--seconds", type=float, default=0)
    r.add_argument("--timeout", type=float, default=30)
    r.add_argument("--seed", type=int, default=1)
    r.add_argument("--pause", type=float, default=0, help="mean think time, ms")
    r.add_argument("--reconnect", action="store_true", help="also close and open connections")
    c = verbs.add_parser("check")
    c.add_argument("--host", default="127.0.0.1")
    c.add_argument("--blue", type=int, required=True)
    c.add_argument("--green", type=int, required=True)
    c.add_argument("--writer", choices=("blue", "green"), required=True)
    c.add_argument("--flips", type=int, default=0)
    c.add_argument("--database", default="app")
    c.add_argument("history", nargs="+")
    args = parser.parse_args()
    if args.verb == "run":
        args.tls = ssl.create_default_context(cafile=args.ca) if args.ca else None
        run(args)
        return 0
    return check(args)


if __name__ == "__main__":
    sys.exit(main())
