# SPDX-License-Identifier: PostgreSQL
"""Orders of messages that drivers use and that poolers get wrong. Every test also holds against PostgreSQL itself."""
import socket
import struct

import pgwire
from case import PairCase


class Extended(PairCase):
    direct = True

    def setUp(self):
        super().setUp()
        self.c = self.connect()
        self.c.query("TRUNCATE kv")

    def answers(self, *messages):
        """The kinds of all answers up to ReadyForQuery, and the errors among them."""
        self.c.send(b"".join(messages))
        answers = self.c.until_ready()
        return self.kinds_of(answers), self.errors_of(answers)

    def count(self):
        return self.c.value("SELECT count(*) FROM kv")


class Deallocate(Extended):
    def test_by_the_extended_protocol(self):
        self.c.prepare("s1", "SELECT 1")
        result = self.c.execute("DEALLOCATE s1")
        self.assertEqual(result.tag, "DEALLOCATE")
        with self.refused("26000"):
            self.c.run_prepared("s1")
        self.c.prepare("s1", "SELECT 2")
        self.assertEqual(self.c.run_prepared("s1").value(), "2")

    def test_in_a_pipeline(self):
        """As psycopg 3 does in pipeline mode: statements come and go between others, in one batch."""
        self.c.prepare("_pg3_0", "SELECT 1")
        kinds, errors = self.answers(
            pgwire.bind((), "_pg3_0"), pgwire.execute(), pgwire.whole("DEALLOCATE _pg3_0"),
            pgwire.parse("SELECT 3", "_pg3_0"), pgwire.bind((), "_pg3_0"), pgwire.execute(), pgwire.sync())
        self.assertEqual((kinds, errors), ("2DC12nC12DCZ", []))

    def test_twice(self):
        self.c.prepare("s2", "SELECT 1")
        self.c.execute("DEALLOCATE PREPARE s2")
        with self.refused("26000"):
            self.c.execute("DEALLOCATE PREPARE s2")
        self.assertEqual(self.c.value("SELECT 1"), "1")

    def test_names_are_folded_unless_quoted(self):
        self.c.prepare("lower", "SELECT 1")
        self.c.prepare("Upper", "SELECT 1")
        self.c.query("DEALLOCATE LOWER")
        with self.refused("26000"):
            self.c.query("DEALLOCATE Upper")
        self.c.execute('DEALLOCATE "Upper"')
        for name in ("lower", "Upper"):
            with self.refused("26000"):
                self.c.run_prepared(name)

    def test_after_an_error_in_the_batch_it_did_not_happen(self):
        self.c.prepare("s3", "SELECT 33")
        kinds, errors = self.answers(pgwire.whole("SELECT 1/0"), pgwire.whole("DEALLOCATE s3"), pgwire.sync())
        self.assertEqual(errors, ["22012"])
        self.assertEqual(self.c.run_prepared("s3").value(), "33")

    def test_in_a_failed_transaction_it_does_not_happen(self):
        self.c.prepare("s4", "SELECT 44")
        self.c.query("BEGIN")
        with self.refused("42601"):
            self.c.query("oops")
        with self.refused("25P02"):
            self.c.query("DEALLOCATE s4")
        with self.refused("25P02"):
            self.c.execute("DEALLOCATE s4")
        self.c.query("ROLLBACK")
        self.assertEqual(self.c.run_prepared("s4").value(), "44")
        self.c.query("DEALLOCATE s4")
        with self.refused("26000"):
            self.c.run_prepared("s4")

    def test_prepared_by_one_protocol_and_bound_in_another_batch(self):
        self.c.prepare("s5", "SELECT 5")
        self.c.prepare("d", "DEALLOCATE s5")
        self.assertEqual(self.c.run_prepared("d").tag, "DEALLOCATE")
        with self.refused("26000"):
            self.c.run_prepared("d")
        with self.refused("26000"):
            self.c.run_prepared("s5")

    def test_all(self):
        for words in ("DEALLOCATE ALL", "DISCARD ALL"):
            with self.subTest(words):
                self.c.prepare("a1", "SELECT 1")
                self.c.prepare("a2", "SELECT 2")
                self.assertEqual(self.c.execute(words).tag, words)
                for name in ("a1", "a2"):
                    with self.refused("26000"):
                        self.c.run_prepared(name)
                self.c.prepare("a1", "SELECT 11")
                self.assertEqual(self.c.run_prepared("a1").value(), "11")
                self.c.execute(words)


class LongStatements(Extended):
    size = 3 * 1000 * 1000

    def test_of_each_size(self):
        """Around what fits into a buffer, and around what is read as a whole."""
        for size in (1000, 60000, 65500, 70000, 200000, 1000000, 1048576, 2000000):
            for name in ("", "named"):
                with self.subTest(size=size, name=name), self.teal.connect(timeout=10) as c:
                    c.prepare(name, "SELECT length('%s')" % ("x" * size))
                    self.assertEqual(c.run_prepared(name).value(), str(size))

    def test_unnamed(self):
        self.assertEqual(self.c.execute("SELECT length('%s')" % ("x" * self.size)).value(), str(self.size))

    def test_unnamed_over_batches_and_replaced(self):
        self.c.prepare("", "SELECT length('%s') + $1::int" % ("x" * self.size))
        self.assertEqual([self.c.run_prepared("", (n,)).value() for n in (1, 2)], [str(self.size + 1), str(self.size + 2)])
        self.c.prepare("", "SELECT 7")
        self.assertEqual(self.c.run_prepared("").value(), "7")

    def test_named(self):
        self.c.prepare("long", "SELECT length('%s') + $1::int" % ("x" * self.size))
        self.c.prepare("short", "SELECT 7")
        for n in (1, 2):
            self.assertEqual(self.c.run_prepared("long", (n,)).value(), str(self.size + n))
            self.assertEqual(self.c.run_prepared("short").value(), "7")
        with self.refused("42P05"):
            self.c.prepare("long", "SELECT 1")
        with self.refused("42P05"):
            self.c.prepare("short", "SELECT '%s'" % ("x" * self.size))
        self.c.send(pgwire.close("S", "long") + pgwire.sync())
        self.c.until_ready()
        with self.refused("26000"):
            self.c.run_prepared("long", (1,))

    def test_wrong_or_skipped(self):
        with self.refused("42703"):
            self.c.prepare("bad", "SELECT nothing, '%s'" % ("x" * self.size))
        kinds, errors = self.answers(pgwire.parse("oops"), pgwire.parse("SELECT '%s'" % ("x" * self.size), "bad"), pgwire.sync())
        self.assertEqual(errors, ["42601"])
        with self.refused("26000"):
            self.c.run_prepared("bad")
        self.c.prepare("bad", "SELECT 1")
        self.assertEqual(self.c.run_prepared("bad").value(), "1")


class Functions(Extended):
    def call(self, oid, *args):
        body = struct.pack("!IhhH", oid, 1, 1, len(args))
        body += b"".join(struct.pack("!i", len(a)) + a for a in args) + struct.pack("!h", 1)
        return pgwire.message("F", body)

    def add(self, a, b):
        oid = int(self.c.value("SELECT 'int4pl(int4,int4)'::regprocedure::oid"))
        return self.call(oid, struct.pack("!i", a), struct.pack("!i", b))

    def test_bad_calls(self):
        self.assertEqual(self.answers(self.call(99999999)), ("EZ", ["42883"]))
        self.assertEqual(self.answers(pgwire.message("F", b"")), ("EZ", ["08P01"]))
        self.assertEqual(self.answers(pgwire.message("F", self.add(1, 2)[5:9])), ("EZ", ["08P01"]))
        self.assertEqual(self.c.value("SELECT 1"), "1")

    def test_in_a_failed_transaction(self):
        add = self.add(1, 2)
        self.c.query("BEGIN")
        with self.refused("42601"):
            self.c.query("oops")
        self.assertEqual(self.answers(add), ("EZ", ["25P02"]))
        self.c.query("ROLLBACK")
        self.assertEqual(self.answers(add), ("VZ", []))

    def test_pipelined_among_others(self):
        add = self.add(40, 2)
        self.c.send(pgwire.query("SELECT 1") + add + self.call(99999999) + pgwire.whole("SELECT 2") + pgwire.sync() + add)
        kinds = [self.kinds_of(self.c.until_ready()) for _ in range(5)]
        self.assertEqual(kinds, ["TDCZ", "VZ", "EZ", "12TDCZ", "VZ"])

    def test_within_a_batch(self):
        add = self.add(40, 2)
        self.c.send(pgwire.parse("SELECT 1", "inside") + add)
        self.assertEqual(self.kinds_of(self.c.until_ready()), "1VZ")
        self.c.send(pgwire.parse("oops") + add + pgwire.sync())
        self.assertEqual(self.kinds_of(self.c.until_ready()), "EZ")


class Orders(Extended):
    def test_flush_alone_and_describe_first(self):
        self.c.send(pgwire.flush() + pgwire.parse("SELECT 1", "f") + pgwire.flush())
        self.assertEqual(self.c.next()[0], "1")
        self.c.send(pgwire.describe("S", "f") + pgwire.flush() + pgwire.flush())
        self.assertEqual([self.c.next()[0] for _ in range(2)], ["t", "T"])
        self.c.send(pgwire.bind((), "f") + pgwire.flush())
        self.assertEqual(self.c.next()[0], "2")
        self.c.send(pgwire.execute() + pgwire.flush())
        self.assertEqual([self.c.next()[0] for _ in range(2)], ["D", "C"])
        self.c.send(pgwire.sync())
        self.assertEqual(self.c.next()[0], "Z")

    def test_error_with_flush_then_more_then_sync(self):
        self.c.send(pgwire.parse("oops") + pgwire.flush())
        self.assertEqual(self.c.next()[0], "E")
        self.c.send(pgwire.whole("SELECT 1") + pgwire.flush() + pgwire.sync() + pgwire.whole("SELECT 2") + pgwire.sync())
        self.assertEqual(self.kinds_of(self.c.until_ready()), "Z")
        self.assertEqual(self.kinds_of(self.c.until_ready()), "12TDCZ")

    def test_unknown_names_in_order(self):
        rows = [
            ((pgwire.parse("SELECT 1"), pgwire.bind((), "nobody"), pgwire.execute(), pgwire.sync()), ("1EZ", ["26000"])),
            ((pgwire.describe("P", "noportal"), pgwire.parse("SELECT 1"), pgwire.sync()), ("EZ", ["34000"])),
            ((pgwire.close("P", "x"), pgwire.close("S", "x"), pgwire.execute("x"), pgwire.sync()), ("33EZ", ["34000"])),
        ]
        for messages, wanted in rows:
            with self.subTest(wanted=wanted):
                self.assertEqual(self.answers(*messages), wanted)

    def test_there_is_no_unnamed_statement_after_a_query(self):
        self.c.prepare("", "SELECT 1")
        self.c.query("SELECT 1")
        self.assertEqual(self.answers(pgwire.bind((), ""), pgwire.sync()), ("EZ", ["26000"]))

    def test_query_in_a_skipped_batch_is_skipped(self):
        kinds, errors = self.answers(pgwire.parse("oops"), pgwire.query("INSERT INTO kv VALUES ('no', 'v')"), pgwire.sync())
        self.assertEqual((kinds, errors), ("EZ", ["42601"]))
        self.assertEqual(self.count(), "0")

    def test_commit_and_rollback_in_a_pipeline(self):
        insert = pgwire.whole("INSERT INTO kv VALUES ('a', 'v')")
        self.answers(pgwire.whole("BEGIN"), insert, pgwire.whole("ROLLBACK"), pgwire.whole("BEGIN"), insert,
                     pgwire.whole("COMMIT"), pgwire.sync())
        self.assertEqual(self.count(), "1")

    def test_terminate_behind_each_kind_of_request(self):
        insert = "INSERT INTO kv VALUES ('t%d', 'v')"
        rows = [pgwire.query(insert % 1), pgwire.whole(insert % 2) + pgwire.sync(),
                pgwire.query("BEGIN; " + insert % 3 + "; COMMIT"), pgwire.query("SELECT 1") + pgwire.query(insert % 4)]
        for n, messages in enumerate(rows):
            c = self.connect()
            c.send(messages + pgwire.terminate())
            c.drain()
            self.assertEqual(self.count(), str(n + 1))

    def test_batch_without_sync_then_terminate_leaves_nothing(self):
        c = self.connect()
        c.send(pgwire.whole("INSERT INTO kv VALUES ('t', 'v')") + pgwire.terminate())
        c.drain()
        self.assertEqual(self.count(), "0")


    def test_copy_then_terminate_leaves_nothing(self):
        """In one segment with the COPY, and in the middle of it; the server connection must not wait for data for ever."""
        copy = pgwire.query("COPY kv FROM STDIN")
        for first, then in ((copy + pgwire.terminate(), b""), (copy, pgwire.copy_data(b"a\tb\t1\n") + pgwire.terminate())):
            c = self.connect()
            c.send(first)
            if then:
                c.expect("G")
                c.send(then)
            c.drain()
            self.assertEqual(self.count(), "0")
        self.assertEqual(self.c.value("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'COPY kv%' AND state = 'active'"), "0")


class HalfClosed(Extended):
    """The client closes its end and goes on reading: it has a right to its last answers."""

    def last_words(self, c, *messages):
        c.send(b"".join(messages))
        c.sock.shutdown(socket.SHUT_WR)
        return c.drain()

    def test_query(self):
        answers = self.last_words(self.c, pgwire.query("SELECT 1"), pgwire.query("SELECT 2"))
        self.assertEqual(self.kinds_of(answers), "TDCZTDCZ")

    def test_batch(self):
        answers = self.last_words(self.c, pgwire.whole("SELECT 1"), pgwire.sync())
        self.assertEqual(self.kinds_of(answers), "12TDCZ")

    def test_terminate(self):
        answers = self.last_words(self.c, pgwire.query("SELECT 1"), pgwire.terminate())
        self.assertEqual(self.kinds_of(answers), "TDCZ")

    def test_much_to_read(self):
        answers = self.last_words(self.c, pgwire.query("SELECT repeat('x', 1000) FROM generate_series(1, 20000)"))
        self.assertEqual(self.kinds_of(answers), "T" + "D" * 20000 + "CZ")

    def test_from_the_first_packet_on(self):
        c = self.raw()
        head = pgwire.startup({"user": "app", "database": "app"})
        answers = self.last_words(c, head, pgwire.query("SELECT 1"))
        self.assertEqual(self.kinds_of(answers)[-4:], "TDCZ")

    def test_nothing_asked(self):
        self.assertEqual(self.last_words(self.c), [])


class CopyOrders(Extended):
    def begin(self, *messages):
        self.c.send(b"".join(messages))
        while self.c.next()[0] != "G":
            pass

    def test_sync_and_flush_inside(self):
        self.begin(pgwire.query("COPY kv FROM STDIN"))
        self.c.send(pgwire.copy_data(b"a\tb\t1\n") + pgwire.sync() + pgwire.flush() + pgwire.copy_data(b"c\td\t2\n") +
                    pgwire.sync() + pgwire.copy_done())
        self.assertEqual(self.kinds_of(self.c.until_ready()), "CZ")
        self.assertEqual(self.count(), "2")

    def test_fail_by_the_extended_protocol(self):
        self.begin(pgwire.whole("COPY kv FROM STDIN"), pgwire.flush())
        self.c.send(pgwire.copy_data(b"a\tb\t1\n") + pgwire.copy_fail("no") + pgwire.sync())
        answers = self.c.until_ready()
        self.assertEqual((self.kinds_of(answers), self.errors_of(answers)), ("EZ", ["57014"]))
        self.assertEqual(self.count(), "0")

    def test_error_in_the_data_by_the_extended_protocol(self):
        self.begin(pgwire.whole("COPY kv FROM STDIN"), pgwire.flush())
        self.c.send(pgwire.copy_data(b"a\tb\tnot a number\n") * 3 + pgwire.copy_done() + pgwire.sync())
        answers = self.c.until_ready()
        self.assertEqual((self.kinds_of(answers), self.errors_of(answers)), ("EZ", ["22P02"]))
        self.assertEqual(self.c.value("SELECT 1"), "1")

    def test_out_that_fails_in_the_middle(self):
        self.c.send(pgwire.query("COPY (SELECT 1/(5000-n) FROM generate_series(1, 10000) n) TO STDOUT"))
        answers = self.c.until_ready()
        self.assertEqual(self.errors_of(answers), ["22012"])
        self.assertEqual(answers[0][0], "H")
        self.assertEqual(self.c.value("SELECT 1"), "1")

    def test_query_inside_ends_the_session(self):
        """PostgreSQL: the COPY fails, and the stream of messages is lost."""
        self.begin(pgwire.query("COPY kv FROM STDIN"))
        self.c.send(pgwire.copy_data(b"a\tb\t1\n") + pgwire.query("SELECT 1"))
        errors = self.errors_of(self.c.drain())
        self.assertEqual(errors[0], "08P01")
        with self.connect() as other:
            self.assertEqual(other.value("SELECT count(*) FROM kv"), "0")
