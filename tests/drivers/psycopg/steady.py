# SPDX-License-Identifier: PostgreSQL
"""steady.py: one connection, one transaction after the other, each counted by the database as well."""
import os
import time

import psycopg

done = errors = 0
end = time.monotonic() + float(os.environ["STEADY_SECONDS"])
with psycopg.connect(autocommit=True, prepare_threshold=1) as c:
    c.execute("INSERT INTO steady VALUES ('psycopg', 0)")
    while time.monotonic() < end:
        try:
            with c.transaction():
                c.execute("UPDATE steady SET n = n + 1 WHERE id = %s", ["psycopg"])
                c.execute("SELECT n FROM steady WHERE id = %s", ["psycopg"]).fetchone()
            done += 1
        except psycopg.Error as e:
            errors += 1
            print(e, flush=True)
            break
print("%d transactions, %d errors" % (done, errors))
