# SPDX-License-Identifier: PostgreSQL
"""What becomes of prepared statements: rows that PostgreSQL answers, and Teal must answer in the same words.

One line a case, in one of three parts: row(name, steps...), where a step is bytes to send or the letter of an answer to wait for. See
support/table.py; test_statements.py says how they are played.
"""
from pgwire import bind, close, describe, execute, flush, parse, query, sync
from table import Case

FORGOTTEN, UNNAMED, NAMES = [], [], []
S = sync()


def adds_to(part):
    return lambda name, *steps: part.append(Case(name, steps))


def run(sql):
    """One statement by the extended protocol, without a name."""
    return parse(sql) + bind() + execute()


def use(name=""):
    return bind((), name) + execute()


def send(*messages):
    """Each as a batch of its own, which is answered before the next is sent."""
    return [step for message in messages for step in (message + S, "Z")]


def ask(*sqls):
    return [step for sql in sqls for step in (query(sql), "Z")]


OLD, NEW = parse("SELECT 'old'", "n") + S, "SELECT 'new'"
BAD = parse("SELECT 1/0", "b") + bind((), "b") + execute()


def forgotten_rows():
    """DEALLOCATE and DISCARD, then the same name or another, in the same batch or the next."""
    row = adds_to(FORGOTTEN)
    for words in ("DEALLOCATE ALL", "DISCARD ALL", "DEALLOCATE n"):
        for known, before in (("n known", [OLD, "Z"]), ("n unknown", [])):
            for name in ("n", "m"):
                title = "%s, %s, then %s: " % (words, known, name)
                new, after = parse(NEW, name), send(use(name), use("n"))
                row(title + "in the same batch", *before, run(words) + new + use(name) + S, "Z", *after)
                row(title + "in the same batch, used later", *before, run(words) + new + S, "Z", *after)
                row(title + "in the next batch", *before, *send(run(words), new + use(name)), *after)
                row(title + "by a simple query", *before, *ask(words), *send(new + use(name)), *after)
                row(title + "by a statement with a name", *before, *send(parse(words, "d"), use("d") + new), *after)
                row(title + "within a batch, behind another", *before, run("SELECT 1") + run(words) + new + use(name) + S, "Z", *after)
                row(title + "twice in one batch", *before, run(words) + new + run(words) + new + S, "Z", *after)
                row(title + "skipped after an error", *before, *send(BAD + run(words) + new), *after)
                row(title + "with an error behind it", *before, *send(run(words) + BAD + new), *after)
                row(title + "with an error behind both", *before, *send(run(words) + new + BAD), *after)
                row(title + "with a Flush between", *before, run(words) + flush(), "C" if before or words != "DEALLOCATE n" else "E", new + use(name) + S, "Z", *after)
                row(title + "in a query skipped after an error", *before, BAD + query(words) + new + S, "Z", *after)
                row(title + "rolled back", *before, *ask("BEGIN", words, "ROLLBACK"), *send(new + use(name)), *after)
                row(title + "rolled back in one batch", *before, run("BEGIN") + run(words) + run("ROLLBACK") + new + S, "Z", *after)
                row(title + "in a batch within a transaction", *before, *ask("BEGIN"), *send(run(words) + new + use(name)),
                    *ask("ROLLBACK"), *after)
                row(title + "in a failed transaction", *before, *ask("BEGIN", "oops", words), *send(run(words) + new), *ask("ROLLBACK"), *after)
                row(title + "in a text that failed before", *before, *ask("SELECT 1/0; " + words), *send(new), *after)
                if words == "DEALLOCATE n":  # a name is known by its own statement only, not within a text of several
                    continue
                row(title + "by one of several statements", *before, *ask("SELECT 1; " + words), *send(new + use(name)), *after)
                row(title + "by the first of several", *before, *ask(words + "; SELECT 1"), *send(new + use(name)), *after)
                row(title + "in a text that fails", *before, *ask(words + "; SELECT 1/0"), *send(new), *after)
    row("bound before DEALLOCATE ALL", OLD, "Z", bind((), "n", "p") + run("DEALLOCATE ALL") + execute("p") + S, "Z")
    row("closed and forgotten", OLD, "Z", *send(close("S", "n") + run("DEALLOCATE ALL") + parse(NEW, "n"), use("n")))


def unnamed_rows():
    """The statement without a name, and what changes it: only what the server does, not what it skips."""
    row = adds_to(UNNAMED)
    first, second = parse("SELECT 'first'"), parse("SELECT 'second'")
    for name, message in (("Parse", second), ("Parse and use", second + use()), ("Parse of the same", first), ("Close", close()),
                          ("Close and Parse", close() + second), ("Query", query("SELECT 'query'")), ("Parse of nothing", parse("oops")),
                          ("DEALLOCATE ALL", run("DEALLOCATE ALL")), ("DISCARD ALL", run("DISCARD ALL"))):
        row("unnamed: skipped " + name, *send(first, BAD + message, use(), use()))
        row("unnamed: skipped %s, then a batch of another" % name, *send(first, BAD + message, parse("SELECT 5", "x") + use("x"), use()))
        row("unnamed: skipped %s behind a Parse that fails" % name, *send(first, parse("oops", "x") + message, use()))
        row("unnamed: skipped %s behind a Bind that fails" % name, *send(first, bind(("1",)) + message, use()))
        row("unnamed: skipped %s twice" % name, *send(first, BAD + message, BAD + message, use(), second + use()))
        row("unnamed: %s, then an error" % name, *send(first, message + BAD, use()))
        row("unnamed: %s, then an error, then skipped" % name, *send(first, message + BAD + second, use()))
        row("unnamed: %s in a failed transaction" % name, *send(parse("BEGIN", "x"), first, use("x"), parse("oops", "y"), message),
            *send(parse("ROLLBACK", "y"), use("y"), use()))
        row("unnamed: %s before there is one, skipped" % name, *send(BAD + message, use()))
    row("unnamed: a Query that fails", *send(first), *ask("SELECT 1/0"), *send(use()))
    row("unnamed: a Parse that fails", *send(first, parse("oops"), use()))
    row("unnamed: a Parse that fails, then another", *send(first, parse("oops") + second, use()))
    row("unnamed: prepared, used, error, prepared", *send(first + use() + BAD + second, use()))
    row("unnamed: a portal of it outlives it", first + bind((), "", "p") + second + execute("p") + use() + S, "Z")


def name_rows():
    """What fails, and by which name the client is told."""
    row = adds_to(NAMES)
    one, two = parse("SELECT 1", "n"), parse("SELECT 2", "n")
    long = parse("SELECT 3 --" + "x" * 200000, "n")
    for name, again in (("another text", two), ("the same text", one), ("a long text", long), ("a text that fails", parse("oops", "n"))):
        row("names: n again with " + name, *send(one, again, use("n")))
        row("names: n again with %s in the same batch" % name, *send(one + again, use("n")))
        row("names: n again with %s in the same batch, used" % name, *send(one + use("n") + again + use("n"), use("n")))
        row("names: n again with %s behind a Close" % name, *send(one, close("S", "n") + again + use("n"), use("n")))
        row("names: n again with %s behind a skipped Close" % name, *send(one, BAD + close("S", "n") + again, again, use("n")))
    row("names: a long text, then n again", *send(long, one, use("n")))
    for name in ("n", "No Body", "b\u00e4r", "x" * 63):
        row("names: Bind of %r" % name, *send(bind((), name)))
        row("names: Bind of %r behind others" % name, *send(run("SELECT 1") + bind((), name)))
        row("names: Describe of %r" % name, *send(describe("S", name)))
        row("names: Describe of the portal %r" % name, *send(describe("P", name)))
        row("names: Execute of %r" % name, *send(execute(name)))
        row("names: Close of %r" % name, *send(close("S", name) + close("P", name)))
        row("names: DEALLOCATE of %r" % name, *ask('DEALLOCATE "%s"' % name))
        row("names: DEALLOCATE of %r in a batch" % name, *send(run('DEALLOCATE "%s"' % name)))
        row("names: DEALLOCATE of %r among others" % name, *ask('SELECT 1; DEALLOCATE "%s"; SELECT 2' % name))
        row("names: EXECUTE of %r" % name, *ask('EXECUTE "%s"' % name))
        row("names: too many parameters for %r" % name, *send(parse("SELECT 1", name), bind(("1", "2"), name), use(name)))
        row("names: too few parameters for %r" % name, *send(parse("SELECT $1::int", name), bind((), name)))
        row("names: a bad value for %r" % name, *send(parse("SELECT $1::int", name), bind(("x",), name)))
        row("names: a bad format for %r" % name, *send(parse("SELECT $1::int", name), bind(("1",), name, "", (7,))))
        row("names: too many formats for %r" % name, *send(parse("SELECT $1::int", name), bind(("1",), name, "", (0, 0, 0))))
        row("names: too many result formats for %r" % name, *send(parse("SELECT 1", name), bind((), name, "", (), (0, 0, 0)) + execute()))
        row("names: %r cannot be parsed" % name, *send(parse("oops", name), use(name)))
        row("names: %r of a table that is not there" % name, *send(parse("SELECT * FROM nowhere", name), use(name)))
        row("names: %r fails as it runs" % name, *send(parse("SELECT 1/0", name), use(name)))
        row("names: the portal %r twice" % name, *send(one, bind((), "n", name) + bind((), "n", name)))
        row("names: two statements in %r" % name, *send(parse("SELECT 1; SELECT 2", name)))
    row("names: too many parameters without a name", *send(parse("SELECT 1"), bind(("1", "2"))))
    row("names: nothing without a name", *send(bind()))
    row("names: nothing without a name to describe", *send(describe("S")))
    row("names: no portal without a name", *send(execute()))
    row("names: no portal without a name to describe", *send(describe("P")))
    row("names: a table that is dropped", *ask("CREATE TABLE IF NOT EXISTS dropped (n int)"), *send(parse("SELECT * FROM dropped", "n"), use("n")),
        *ask("DROP TABLE dropped"), *send(use("n"), describe("S", "n"), use("n")))
    row("names: a table that is dropped, without a name", *ask("CREATE TABLE IF NOT EXISTS dropped2 (n int)"),
        *send(parse("DROP TABLE dropped2", "d"), parse("SELECT * FROM dropped2"), use("d"), use()))
    row("names: parameters of no known type", *send(parse("SELECT $1", "n", (4294967295,))))
    row("names: a parameter that cannot be told", *send(parse("SELECT $2::int", "n")))


forgotten_rows()
unnamed_rows()
name_rows()
