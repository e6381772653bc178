# SPDX-License-Identifier: PostgreSQL
"""The protocol through Teal, message by message. Every test also holds against PostgreSQL itself (run.py --direct)."""
import struct

import pgwire
from case import Background, PairCase
from waiting import eventually


class SimpleProtocol(PairCase):
    direct = True

    def setUp(self):
        super().setUp()
        self.c = self.connect()

    def test_one_row(self):
        self.assertEqual(self.c.query("SELECT 1 AS one, 'two' AS two").dicts(), [{"one": "1", "two": "two"}])

    def test_null_and_empty_are_different(self):
        self.assertEqual(self.c.query("SELECT NULL, ''").rows, [[None, ""]])

    def test_many_rows_in_order(self):
        rows = self.c.query("SELECT n FROM generate_series(1, 50000) n").rows
        self.assertEqual([int(r[0]) for r in rows], list(range(1, 50001)))

    def test_wide_row(self):
        sql = "SELECT " + ", ".join("%d AS c%d" % (n, n) for n in range(1600))
        self.assertEqual(self.c.query(sql).rows[0], [str(n) for n in range(1600)])

    def test_empty_query(self):
        self.c.send(pgwire.query(""))
        self.assertEqual(self.kinds_of(self.c.until_ready()), "IZ")

    def test_several_statements_answer_each(self):
        results = self.c.queries("SELECT 1; SELECT 2, 3; SELECT 4 WHERE false")
        self.assertEqual([r.rows for r in results], [[["1"]], [["2", "3"]], []])

    def test_error_in_the_middle_undoes_the_whole_text(self):
        with self.refused("22012"):
            self.c.queries("INSERT INTO kv VALUES ('half', 'x'); SELECT 1/0; INSERT INTO kv VALUES ('half2', 'x')")
        self.assertEqual(self.c.value("SELECT count(*) FROM kv WHERE k LIKE 'half%'"), "0")

    def test_insert_begin_insert_leaves_a_transaction_open(self):
        self.c.queries("INSERT INTO kv VALUES ('ibi', 'x'); BEGIN; INSERT INTO kv VALUES ('ibi2', 'x')")
        self.assertEqual(self.c.state, "T")
        self.c.query("ROLLBACK")
        self.assertEqual(self.c.value("SELECT count(*) FROM kv WHERE k LIKE 'ibi%'"), "0")

    def test_pipelined_queries_answer_in_order_with_an_error_between(self):
        self.c.send(pgwire.query("SELECT 1") + pgwire.query("SELECT x") + pgwire.query("SELECT 3"))
        answers = self.c.until_ready() + self.c.until_ready() + self.c.until_ready()
        self.assertEqual(self.kinds_of(answers), "TDCZEZTDCZ")

    def test_error_has_its_fields(self):
        with self.refused("42P01") as caught:
            self.c.query("SELECT * FROM nowhere")
        fields = caught.exception.fields
        self.assertEqual((fields["S"], fields["V"]), ("ERROR", "ERROR"))
        self.assertIn("P", fields)

    def test_transaction_states(self):
        self.assertEqual(self.c.state, "I")
        self.c.query("BEGIN")
        self.assertEqual(self.c.state, "T")
        with self.refused("42601"):
            self.c.query("oops")
        self.assertEqual(self.c.state, "E")
        with self.refused("25P02"):
            self.c.query("SELECT 1")
        self.assertEqual(self.c.query("COMMIT").tag, "ROLLBACK")
        self.assertEqual(self.c.state, "I")

    def test_savepoints(self):
        self.c.queries("BEGIN; SAVEPOINT s; INSERT INTO kv VALUES ('sp', '1')")
        with self.refused("23505"):
            self.c.query("INSERT INTO kv VALUES ('sp', '1')")
        self.c.queries("ROLLBACK TO s; INSERT INTO kv VALUES ('sp', '2'); COMMIT")
        self.assertEqual(self.c.value("SELECT v FROM kv WHERE k = 'sp'"), "2")

    def test_notice_arrives(self):
        self.c.query("DO $$ BEGIN RAISE NOTICE 'hello %', 'you'; END $$")
        self.assertEqual([n["M"] for n in self.c.notices], ["hello you"])

    def test_thousand_notices(self):
        self.c.query("DO $$ BEGIN FOR i IN 1..1000 LOOP RAISE NOTICE '%', i; END LOOP; END $$")
        self.assertEqual([n["M"] for n in self.c.notices], [str(n) for n in range(1, 1001)])

    def test_parameter_status_at_start_and_on_change(self):
        for name in ("server_version", "client_encoding", "DateStyle", "TimeZone", "integer_datetimes",
                     "standard_conforming_strings"):
            self.assertIn(name, self.c.status)
        self.c.query("SET TimeZone = 'Asia/Tokyo'")
        self.assertEqual(self.c.status["TimeZone"], "Asia/Tokyo")
        self.assertEqual(self.c.value("SHOW TimeZone"), "Asia/Tokyo")

    def test_startup_parameters_hold(self):
        c = self.connect(application_name="me", client_encoding="LATIN1", DateStyle="German")
        self.assertEqual(c.value("SHOW application_name"), "me")
        self.assertEqual(c.value("SHOW client_encoding"), "LATIN1")
        self.assertEqual(c.value("SELECT date '2026-11-20'"), "20.11.2026")
        self.assertEqual(self.c.value("SELECT date '2026-11-20'"), "2026-11-20")

    def test_startup_options_hold(self):
        c = self.connect(options="-c statement_timeout=1234 -c search_path=pg_catalog")
        self.assertEqual(c.value("SHOW statement_timeout"), "1234ms")
        self.assertEqual(c.value("SHOW search_path"), "pg_catalog")
        self.assertEqual(self.c.value("SHOW statement_timeout"), "0")

    def test_unicode(self):
        text = "čeština — 日本語 🐘"
        self.assertEqual(self.c.value("SELECT '%s'" % text), text)

    def test_invalid_utf8_is_refused_by_the_server(self):
        self.c.send(pgwire.query(b"SELECT '\xff\xfe'"))
        self.assertEqual(self.errors_of(self.c.until_ready()), ["22021"])

    def test_one_byte_at_a_time(self):
        for byte in pgwire.query("SELECT 'slow'"):
            self.c.send(bytes([byte]))
        self.assertEqual(self.c.collect()[0].value(), "slow")

    def test_big_query_and_big_row(self):
        size = 50 * 1000 * 1000
        result = self.c.query("SELECT length('%s'), repeat('y', %d)" % ("x" * size, size))
        self.assertEqual(result.rows[0][0], str(size))
        self.assertEqual(len(result.rows[0][1]), size)

    def test_ten_thousand_statements_in_one_text(self):
        results = self.c.queries(";".join("SELECT %d" % n for n in range(10000)))
        self.assertEqual([r.value() for r in results], [str(n) for n in range(10000)])

    def test_cursor_in_a_transaction(self):
        self.c.queries("BEGIN; DECLARE cur CURSOR FOR SELECT n FROM generate_series(1, 10) n")
        self.assertEqual([r[0] for r in self.c.query("FETCH 3 FROM cur").rows], ["1", "2", "3"])
        self.assertEqual([r[0] for r in self.c.query("FETCH 2 FROM cur").rows], ["4", "5"])
        self.c.query("COMMIT")

    def test_function_call_message(self):
        oid = int(self.c.value("SELECT 'int4pl(int4,int4)'::regprocedure::oid"))
        body = struct.pack("!IhhhiiiiH", oid, 1, 1, 2, 4, 40, 4, 2, 1)
        self.c.send(pgwire.message("F", body))
        answers = self.c.until_ready()
        self.assertEqual(self.kinds_of(answers), "VZ")
        self.assertEqual(answers[0][1], struct.pack("!ii", 4, 42))

    def test_function_call_of_nothing(self):
        self.c.send(pgwire.message("F", struct.pack("!IhhH", 99999999, 0, 0, 0)))
        self.assertEqual(self.errors_of(self.c.until_ready()), ["42883"])
        self.assertEqual(self.c.value("SELECT 1"), "1")

    def test_statement_timeout_of_the_session(self):
        self.c.query("SET statement_timeout = 50")
        with self.refused("57014"):
            self.c.query("SELECT pg_sleep(5)")


class ExtendedProtocol(PairCase):
    direct = True

    def setUp(self):
        super().setUp()
        self.c = self.connect()

    def test_parameters_and_types(self):
        row = self.c.execute("SELECT $1::int + 1, $2::text, $3::bool, $4::text", (41, "x", True, None)).rows[0]
        self.assertEqual(row, ["42", "x", "t", None])

    def test_message_order_of_the_answers(self):
        self.c.send(pgwire.parse("SELECT $1::int") + pgwire.describe("S") + pgwire.bind((1,)) + pgwire.describe("P") +
                    pgwire.execute() + pgwire.close("P") + pgwire.sync())
        self.assertEqual(self.kinds_of(self.c.until_ready()), "1tT2TDC3Z")

    def test_no_data_for_a_statement_without_rows(self):
        self.c.send(pgwire.parse("INSERT INTO kv VALUES ($1, 'v')") + pgwire.describe("S") + pgwire.sync())
        self.assertEqual(self.kinds_of(self.c.until_ready()), "1tnZ")

    def test_empty_statement(self):
        self.c.send(pgwire.whole("") + pgwire.sync())
        self.assertEqual(self.kinds_of(self.c.until_ready()), "12nIZ")

    def test_binary_results_and_parameters(self):
        self.c.send(pgwire.parse("SELECT $1::int4 * 2") + pgwire.bind((struct.pack("!i", 21),), formats=(1,), result_formats=(1,)) +
                    pgwire.execute() + pgwire.sync())
        answers = self.c.until_ready()
        self.assertEqual(pgwire.row_of(answers[2][1]), [struct.pack("!i", 42)])

    def test_named_statement_lives_over_syncs(self):
        self.c.prepare("twice", "SELECT $1::int * 2")
        self.assertEqual([self.c.run_prepared("twice", (n,)).value() for n in (1, 2, 3)], ["2", "4", "6"])

    def test_unnamed_statement_lives_over_syncs(self):
        self.c.prepare("", "SELECT $1::int * 3")
        self.assertEqual(self.c.run_prepared("", (2,)).value(), "6")
        self.assertEqual(self.c.run_prepared("", (3,)).value(), "9")

    def test_parse_alone_then_use_in_another_batch_with_others_between(self):
        self.c.prepare("one", "SELECT 1")
        self.c.prepare("two", "SELECT 2")
        self.assertEqual(self.c.run_prepared("one").value(), "1")
        self.assertEqual(self.c.run_prepared("two").value(), "2")

    def test_duplicate_name(self):
        self.c.prepare("dup", "SELECT 1")
        with self.refused("42P05", "ERROR"):
            self.c.prepare("dup", "SELECT 2")
        self.assertEqual(self.c.run_prepared("dup").value(), "1")

    def test_unknown_statement_and_portal(self):
        with self.refused("26000"):
            self.c.run_prepared("nobody")
        self.c.send(pgwire.execute("noportal") + pgwire.sync())
        self.assertEqual(self.errors_of(self.c.until_ready()), ["34000"])
        self.assertEqual(self.c.value("SELECT 1"), "1")

    def test_describe_of_unknown(self):
        self.c.send(pgwire.describe("S", "nobody") + pgwire.sync())
        self.assertEqual(self.errors_of(self.c.until_ready()), ["26000"])

    def test_close_of_unknown_is_fine(self):
        self.c.send(pgwire.close("S", "nobody") + pgwire.close("P", "nobody") + pgwire.sync())
        self.assertEqual(self.kinds_of(self.c.until_ready()), "33Z")

    def test_close_then_parse_again(self):
        self.c.prepare("again", "SELECT 1")
        self.c.send(pgwire.close("S", "again") + pgwire.sync())
        self.c.until_ready()
        with self.refused("26000"):
            self.c.run_prepared("again")
        self.c.prepare("again", "SELECT 2")
        self.assertEqual(self.c.run_prepared("again").value(), "2")

    def test_close_and_parse_in_one_batch(self):
        self.c.prepare("swap", "SELECT 1")
        self.c.send(pgwire.close("S", "swap") + pgwire.parse("SELECT 2", "swap") + pgwire.bind((), "swap") +
                    pgwire.execute() + pgwire.sync())
        answers = self.c.until_ready()
        self.assertEqual(self.kinds_of(answers), "312DCZ")
        self.assertEqual(pgwire.row_of(answers[3][1]), [b"2"])

    def test_failed_parse_leaves_no_name_behind(self):
        with self.refused("42P01"):
            self.c.prepare("bad", "SELECT * FROM nowhere")
        self.c.prepare("bad", "SELECT 5")
        self.assertEqual(self.c.run_prepared("bad").value(), "5")

    def test_parse_skipped_after_an_error_leaves_no_name_behind(self):
        self.c.send(pgwire.parse("oops", "x1") + pgwire.parse("SELECT 1", "x2") + pgwire.sync())
        self.assertEqual(self.kinds_of(self.c.until_ready()), "EZ")
        with self.refused("26000"):
            self.c.run_prepared("x2")

    def test_error_skips_to_sync(self):
        self.c.send(pgwire.whole("SELECT 1/n FROM generate_series(0, 0) n") + pgwire.whole("SELECT 2") + pgwire.sync() +
                    pgwire.whole("SELECT 3") + pgwire.sync())
        self.assertEqual(self.kinds_of(self.c.until_ready()), "12TEZ")
        self.assertEqual(self.kinds_of(self.c.until_ready()), "12TDCZ")

    def test_error_in_a_batch_undoes_the_batch(self):
        self.c.send(pgwire.whole("INSERT INTO kv VALUES ('batch', 'x')") + pgwire.whole("SELECT 1/0") + pgwire.sync())
        self.assertEqual(self.errors_of(self.c.until_ready()), ["22012"])
        self.assertEqual(self.c.value("SELECT count(*) FROM kv WHERE k = 'batch'"), "0")

    def test_pipeline_of_batches(self):
        self.c.send(b"".join(pgwire.whole("SELECT $1::int", (n,)) + pgwire.sync() for n in range(200)))
        values = []
        for _ in range(200):
            answers = self.c.until_ready()
            values.append(pgwire.row_of(answers[3][1])[0])
        self.assertEqual(values, [str(n).encode() for n in range(200)])

    def test_long_pipeline_without_reading(self):
        """20,000 batches are sent before the first answer is read: back-pressure, not memory, and no deadlock."""
        count = 20000
        data = b"".join(pgwire.whole("SELECT $1::int", (n,)) + pgwire.sync() for n in range(count))
        sender = Background(self.c.sock.sendall, data)
        for n in range(count):
            answers = self.c.until_ready()
            self.assertEqual(pgwire.row_of(answers[3][1])[0], str(n).encode())
        sender.result()

    def test_mixed_simple_and_extended_in_one_segment(self):
        self.c.send(pgwire.whole("SELECT 1") + pgwire.sync() + pgwire.query("SELECT 2") + pgwire.whole("SELECT 3") + pgwire.sync())
        kinds = self.kinds_of(self.c.until_ready() + self.c.until_ready() + self.c.until_ready())
        self.assertEqual(kinds, "12TDCZTDCZ12TDCZ")

    def test_query_while_a_batch_has_no_sync_yet(self):
        self.c.send(pgwire.parse("SELECT 1", "open") + pgwire.query("SELECT 2"))
        answers = self.c.until_ready()
        self.assertEqual(self.kinds_of(answers), "1TDCZ")

    def test_portal_with_a_row_limit(self):
        self.c.send(pgwire.query("BEGIN"))
        self.c.until_ready()
        self.c.send(pgwire.parse("SELECT n FROM generate_series(1, 5) n") + pgwire.bind(portal="p") +
                    pgwire.execute("p", 2) + pgwire.sync())
        self.assertEqual(self.kinds_of(self.c.until_ready()), "12DDsZ")
        self.c.send(pgwire.execute("p", 2) + pgwire.execute("p", 2) + pgwire.sync())
        self.assertEqual(self.kinds_of(self.c.until_ready()), "DDsDCZ")
        self.c.query("COMMIT")

    def test_flush_brings_answers_without_ready(self):
        self.c.send(pgwire.parse("SELECT $1::int") + pgwire.describe("S") + pgwire.flush())
        self.assertEqual([self.c.next()[0] for _ in range(3)], ["1", "t", "T"])
        self.c.send(pgwire.bind((7,)) + pgwire.execute() + pgwire.flush())
        self.assertEqual([self.c.next()[0] for _ in range(3)], ["2", "D", "C"])
        self.c.send(pgwire.sync())
        self.assertEqual(self.c.next()[0], "Z")

    def test_begin_and_commit_by_the_extended_protocol(self):
        self.c.send(pgwire.whole("BEGIN") + pgwire.whole("INSERT INTO kv VALUES ('ext', 'x')") + pgwire.sync())
        self.c.until_ready()
        self.assertEqual(self.c.state, "T")
        self.c.execute("COMMIT")
        self.assertEqual(self.c.value("SELECT count(*) FROM kv WHERE k = 'ext'"), "1")

    def test_begin_insert_commit_in_one_batch(self):
        self.c.pipeline([("BEGIN", ()), ("INSERT INTO kv VALUES ('one-batch', 'x')", ()), ("COMMIT", ())])
        self.assertEqual(self.c.state, "I")
        self.assertEqual(self.c.value("SELECT count(*) FROM kv WHERE k = 'one-batch'"), "1")

    def test_big_parameter(self):
        size = 20 * 1000 * 1000
        self.assertEqual(self.c.execute("SELECT length($1::text)", ("z" * size,)).value(), str(size))

    def test_two_thousand_parameters(self):
        sql = "SELECT " + " + ".join("$%d::int" % n for n in range(1, 1001))
        self.assertEqual(self.c.execute(sql, [1] * 1000).value(), "1000")

    def test_lone_sync(self):
        self.c.send(pgwire.sync() * 3)
        self.assertEqual(self.kinds_of(self.c.until_ready() + self.c.until_ready() + self.c.until_ready()), "ZZZ")

    def test_sync_in_a_transaction_keeps_its_state(self):
        self.c.query("BEGIN")
        self.c.send(pgwire.sync())
        self.c.until_ready()
        self.assertEqual(self.c.state, "T")
        self.c.query("ROLLBACK")


class Copy(PairCase):
    direct = True

    def setUp(self):
        super().setUp()
        self.c = self.connect()
        self.c.query("TRUNCATE kv")

    def count(self):
        return self.c.value("SELECT count(*) FROM kv")

    def test_in_and_out(self):
        lines = ["k%d\tv%d\t%d\n" % (n, n, n) for n in range(10000)]
        data = "".join(lines).encode()
        chunks = [data[at:at + 777] for at in range(0, len(data), 777)]
        self.assertEqual(self.c.copy_in("COPY kv FROM STDIN", chunks).tag, "COPY 10000")
        self.assertEqual(self.c.copy_out("COPY (SELECT * FROM kv ORDER BY n) TO STDOUT"), data)

    def test_big_copy_in(self):
        row = ("%%d\t%s\t0\n" % ("v" * 10000))
        chunks = (("".join(row % n for n in range(at, at + 100))).encode() for at in range(0, 3000, 100))
        self.assertEqual(self.c.copy_in("COPY kv FROM STDIN", chunks).tag, "COPY 3000")

    def test_big_copy_out(self):
        data = self.c.copy_out("COPY (SELECT repeat('r', 1000) FROM generate_series(1, 30000)) TO STDOUT")
        self.assertEqual(len(data), 30000 * 1001)

    def test_fail_by_the_client(self):
        self.c.send(pgwire.query("COPY kv FROM STDIN"))
        self.c.expect("G")
        self.c.send(pgwire.copy_data(b"a\tb\t1\n") + pgwire.copy_fail("enough"))
        self.assertEqual(self.errors_of(self.c.until_ready()), ["57014"])
        self.assertEqual(self.count(), "0")

    def test_extended_copy_with_its_sync_ahead(self):
        """As libpq and others send it: Sync behind Execute, which the COPY takes, and another behind CopyDone."""
        self.c.send(pgwire.whole("COPY kv FROM STDIN") + pgwire.sync())
        self.assertEqual(self.kinds_of([self.c.expect("1"), self.c.expect("2"), self.c.expect("n"), self.c.expect("G")]), "12nG")
        self.c.send(pgwire.copy_data(b"a\tb\t1\n") + pgwire.copy_done() + pgwire.sync())
        self.assertEqual(self.kinds_of(self.c.until_ready()), "CZ")
        self.assertEqual(self.count(), "1")

    def test_extended_copy_all_at_once(self):
        self.c.send(pgwire.whole("COPY kv FROM STDIN") + pgwire.copy_data(b"a\tb\t1\n") + pgwire.copy_done() + pgwire.sync())
        self.assertEqual(self.kinds_of(self.c.until_ready()), "12nGCZ")
        self.assertEqual(self.count(), "1")

    def test_bad_data(self):
        with self.refused("22P02"):
            self.c.copy_in("COPY kv FROM STDIN", [b"a\tb\tnot a number\n", b"c\td\t2\n"])
        self.assertEqual(self.count(), "0")
        self.assertEqual(self.c.value("SELECT 1"), "1")

    def test_bad_data_with_much_more_behind_it(self):
        """The server answers with an error while the client is still sending; what comes later is dropped."""
        chunks = [b"a\tb\tbroken\n"] + [b"k\tv\t1\n" * 1000] * 500
        with self.refused("22P02"):
            self.c.copy_in("COPY kv FROM STDIN", chunks)
        self.assertEqual(self.count(), "0")

    def test_refused_statement_drops_pipelined_data(self):
        self.c.send(pgwire.query("COPY nowhere FROM STDIN") + pgwire.copy_data(b"x\n") + pgwire.copy_done())
        self.assertEqual(self.errors_of(self.c.until_ready()), ["42P01"])
        self.assertEqual(self.c.value("SELECT 1"), "1")

    def test_data_outside_copy_is_ignored(self):
        self.c.send(pgwire.copy_data(b"x") + pgwire.copy_done() + pgwire.copy_fail())
        self.assertEqual(self.c.value("SELECT 1"), "1")

    def test_by_the_extended_protocol(self):
        self.c.send(pgwire.parse("COPY kv FROM STDIN") + pgwire.bind() + pgwire.execute() + pgwire.sync())
        self.assertEqual([self.c.next()[0] for _ in range(3)], ["1", "2", "G"])
        self.c.send(pgwire.copy_data(b"x\ty\t1\n") + pgwire.copy_done() + pgwire.sync())
        self.assertEqual(self.kinds_of(self.c.until_ready()), "CZ")
        self.assertEqual(self.count(), "1")

    def test_out_by_the_extended_protocol(self):
        self.c.send(pgwire.whole("COPY (SELECT 1) TO STDOUT") + pgwire.sync())
        self.assertEqual(self.kinds_of(self.c.until_ready()), "12nHdcCZ")

    def test_in_a_transaction(self):
        self.c.query("BEGIN")
        self.c.copy_in("COPY kv FROM STDIN", [b"t\tv\t1\n"])
        self.assertEqual(self.c.state, "T")
        self.c.query("ROLLBACK")
        self.assertEqual(self.count(), "0")

    def test_between_other_statements_of_one_text(self):
        results = self.c.queries("SELECT 1; COPY kv FROM STDIN; SELECT 2", copy_in=[b"m\tv\t1\n"])
        self.assertEqual([r.tag for r in results], ["SELECT 1", "COPY 1", "SELECT 1"])

    def test_query_inside_copy_ends_the_connection(self):
        self.c.send(pgwire.query("COPY kv FROM STDIN"))
        self.c.expect("G")
        self.c.send(pgwire.query("SELECT 1"))
        self.assertIn("08P01", self.errors_of(self.c.drain()))
        self.assert_serving()

    def test_client_gone_in_the_middle(self):
        c = self.connect()
        c.send(pgwire.query("COPY kv FROM STDIN"))
        c.expect("G")
        c.send(pgwire.copy_data(b"gone\tv\t1\n"))
        c.reset()
        copying = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query = 'COPY kv FROM STDIN'"
        eventually(lambda: self.pair.blue.value(copying) == "0", 10, "the COPY to have ended")
        self.assertEqual(self.count(), "0")


class Cancel(PairCase):
    direct = True

    def setUp(self):
        super().setUp()
        self.c = self.connect()

    def test_running_query(self):
        query = Background(self.c.query, "SELECT pg_sleep(30)")
        self.wait_running("pg_sleep(30)")
        self.c.cancel()
        with self.refused("57014", "ERROR"):
            query.result(5)
        self.assertEqual(self.c.value("SELECT 1"), "1")

    def test_running_write_in_a_transaction(self):
        self.c.query("BEGIN")
        query = Background(self.c.query, "INSERT INTO kv SELECT 'c', pg_sleep(30)::text")
        self.wait_running("pg_sleep(30)")
        self.c.cancel()
        with self.refused("57014"):
            query.result(5)
        self.assertEqual(self.c.state, "E")
        self.c.query("ROLLBACK")

    def test_wrong_key_does_nothing(self):
        query = Background(self.c.query, "SELECT pg_sleep(1)")
        self.wait_running("pg_sleep(1)")
        with pgwire.open_socket(self.teal.host, self.teal.port, 5) as sock:
            sock.sendall(pgwire.cancel(self.c.pid, 12345))
            self.assertEqual(sock.recv(10), b"")
        self.assertEqual(query.result(10).tag, "SELECT 1")

    def test_when_idle_does_nothing(self):
        self.c.cancel()
        self.assertEqual(self.c.value("SELECT 1"), "1")

    def test_hits_nobody_else(self):
        other = self.connect()
        running = Background(other.query, "SELECT pg_sleep(1.2)")
        self.wait_running("pg_sleep(1.2)")
        for _ in range(20):
            self.c.query("SELECT 1")
            self.c.cancel()
        self.assertEqual(running.result(10).tag, "SELECT 1")

    def test_copy_out(self):
        self.c.send(pgwire.query("COPY (SELECT repeat('x', 1000), generate_series(1, 100000000)) TO STDOUT"))
        self.c.expect("H")
        self.c.cancel()
        self.assertEqual(self.errors_of(self.c.until_ready()), ["57014"])
        self.assertEqual(self.c.value("SELECT 1"), "1")

    def test_a_hundred_cancels_of_running_queries(self):
        """A late cancel must never hit the query after: each one ends with 57014 or not at all."""
        for n in range(100):
            self.c.send(pgwire.query("SELECT pg_sleep(0.005)"))
            self.c.cancel()
            self.assertIn(self.errors_of(self.c.until_ready()), ([], ["57014"]))
        for n in range(20):
            self.assertEqual(self.c.value("SELECT %d" % n), str(n))
