# SPDX-License-Identifier: PostgreSQL
"""env.py: what alembic runs; the connection is the one that drive.py made. Migrators exclude each other by a lock."""
import time

import sqlalchemy as sa
from alembic import context

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=None, transaction_per_migration=True)
# Asked for again and again: who waits within pg_advisory_lock holds a snapshot, for which CREATE INDEX CONCURRENTLY waits.
while not connection.execute(sa.text("SELECT pg_try_advisory_lock(4711)")).scalar():
    connection.rollback()
    time.sleep(0.05)  # the subject: a migrator that asks again
connection.commit()
try:
    with context.begin_transaction():
        context.run_migrations()
finally:
    connection.rollback()
    connection.execute(sa.text("SELECT pg_advisory_unlock(4711)"))
    connection.commit()
