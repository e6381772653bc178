# SPDX-License-Identifier: PostgreSQL
"""drive.py: Alembic up and down, with an index made concurrently, and migrators at the same time behind a lock."""
import os
import subprocess
import sys

import alembic
import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from transcript import DATABASE, HOST, PASSWORD, PORT, SSLMODE, SSLROOT, USER, case, run, show

URL = sa.URL.create("postgresql+psycopg", USER, PASSWORD, HOST, PORT, DATABASE)
ENGINE = sa.create_engine(URL, connect_args=dict({"sslmode": SSLMODE}, **({"sslrootcert": SSLROOT} if SSLROOT else {})))


def migrate(verb, revision):
    config = Config()
    config.set_main_option("script_location", os.path.dirname(os.path.abspath(__file__)))
    config.set_main_option("path_separator", "os")
    with ENGINE.connect() as c:
        config.attributes["connection"] = c
        verb(config, revision)


def state():
    with ENGINE.connect() as c:
        inspector = sa.inspect(c)
        tables = sorted(inspector.get_table_names(schema="drv"))
        show("tables", tables)
        show("version", c.execute(sa.text("SELECT * FROM alembic_version")).scalar())
        if "first" in tables:
            show("columns", [x["name"] for x in inspector.get_columns("first", schema="drv")])
            show("indexes", [x["name"] for x in inspector.get_indexes("first", schema="drv")])
            show("rows", c.execute(sa.text("SELECT count(*) FROM first")).scalar())


@case
def up_and_down():
    for verb, revision in ((command.upgrade, "a1"), (command.upgrade, "head"), (command.downgrade, "-1"), (command.downgrade, "base")):
        migrate(verb, revision)
        state()


@case
def several_at_the_same_time():
    """Each is a process, as alembic is not made for threads; the lock of env.py lets one at a time through."""
    argv = [sys.executable, os.path.abspath(__file__), "upgrade"]
    children = [subprocess.Popen(argv, stdin=subprocess.DEVNULL) for _ in range(4)]
    show("ended with", [c.wait(60) for c in children])
    state()


if __name__ == "__main__":
    if sys.argv[1:] == ["upgrade"]:
        migrate(command.upgrade, "head")
    else:
        run(alembic.__version__)
    ENGINE.dispose()
