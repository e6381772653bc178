# SPDX-License-Identifier: PostgreSQL
"""waiting.py: how a test waits: for a fact, with a deadline; never for some time in the hope that it is enough.

These are the only loops of the tests that sleep, and scripts/check-form refuses another time.sleep. Where a sleep is
itself what a test is about (a slow network, a client that thinks), its line says so: "# the subject: why".
"""
import time

import pgwire


def eventually(fact, within=10, what="it", every=0.02):
    """Calls the fact until it answers something true, which is returned; an exception of a server counts as not yet.

    After so many seconds the test fails, and tells the last exception.
    """
    deadline, last = time.monotonic() + within, None
    while True:
        try:
            answer = fact()
            if answer:
                return answer
            last = None
        except (pgwire.PgError, pgwire.Closed, OSError) as e:
            last = e
        if time.monotonic() > deadline:
            raise AssertionError("waited %g s in vain for %s%s" % (within, what, " (%s)" % last if last else ""))
        time.sleep(every)


def throughout(seconds, every=0.02):
    """For what must hold all the time: `for _ in throughout(3): assert ...`; goes round once more when it is over."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        yield
        time.sleep(every)
    yield
