# SPDX-License-Identifier: PostgreSQL
"""drive.py: SQLAlchemy over psycopg 3 and, asynchronously, over asyncpg."""
import asyncio
import concurrent.futures
import enum
import os

import sqlalchemy as sa
from sqlalchemy import orm
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, insert

from transcript import DATABASE, HOST, PASSWORD, PORT, SSLMODE, SSLROOT, USER, case, fails, run, show

URL = sa.URL.create("postgresql+psycopg", USER, PASSWORD, HOST, PORT, DATABASE)
SSL = dict({"sslmode": SSLMODE}, **({"sslrootcert": SSLROOT} if SSLROOT else {}))


class Base(orm.DeclarativeBase):
    pass


class Mood(enum.Enum):
    sad = 1
    happy = 2


class Author(Base):
    __tablename__ = "author"
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    name: orm.Mapped[str] = orm.mapped_column(unique=True)
    mood: orm.Mapped[Mood]
    extra: orm.Mapped[dict] = orm.mapped_column(JSONB)
    tags: orm.Mapped[list] = orm.mapped_column(ARRAY(sa.Text))
    books: orm.Mapped[list["Book"]] = orm.relationship(back_populates="author", cascade="all, delete-orphan")


class Book(Base):
    __tablename__ = "book"
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    title: orm.Mapped[str]
    author_id: orm.Mapped[int] = orm.mapped_column(sa.ForeignKey("author.id"))
    author: orm.Mapped[Author] = orm.relationship(back_populates="books")


def engine(**more):
    return sa.create_engine(URL, connect_args=SSL, **more)


def author(n):
    return Author(name="ä%d" % n, mood=Mood.happy, extra={"n": [n, None]}, tags=["x", 'y"z'],
                  books=[Book(title="t%d" % i) for i in range(3)])


@case
def schema_and_mapping():
    e = engine()
    Base.metadata.create_all(e)
    show("tables", sorted(sa.inspect(e).get_table_names(schema="drv")))
    show("columns", [(c["name"], str(c["type"]), c["nullable"]) for c in sa.inspect(e).get_columns("author", schema="drv")])
    with orm.Session(e) as s:
        s.add_all([author(n) for n in range(40)])
        s.commit()
        one = s.scalars(sa.select(Author).options(orm.selectinload(Author.books)).where(Author.name == "ä7")).one()
        show("one", [one.mood.name, one.extra, one.tags, [b.title for b in one.books]])
        show("joined", s.execute(sa.select(Author.name, sa.func.count()).join(Book).group_by(Author.name).order_by(Author.name).limit(3)).all()[0][1])
        s.delete(one)
        s.commit()
        show("left", s.scalar(sa.select(sa.func.count()).select_from(Book)))
    e.dispose()


@case
def transactions():
    e = engine()
    with orm.Session(e) as s:
        with fails("unique", sa.exc.IntegrityError):
            with s.begin_nested():
                s.add(author(1))
                s.flush()
        s.add(author(100))
        s.rollback()
        show("upsert", s.execute(insert(Author).values(name="ä1", mood=Mood.sad, extra={}, tags=[])
                                 .on_conflict_do_update(index_elements=["name"], set_={"mood": Mood.sad}).returning(Author.mood)).scalar().name)
        s.commit()
        with fails("division"):
            s.execute(sa.text("SELECT 1/:n"), {"n": 0})
        s.rollback()
        with fails("syntax"):
            s.execute(sa.text("SELEC 1"))
    with e.connect().execution_options(isolation_level="SERIALIZABLE") as c:
        show("level", c.scalar(sa.text("SHOW transaction_isolation")))
    with e.connect().execution_options(isolation_level="AUTOCOMMIT") as c:
        show("autocommit", c.scalar(sa.text("SELECT 1")))
    with e.connect() as c:
        show("streamed", sum(r[0] for r in c.execution_options(stream_results=True, max_row_buffer=50)
                             .execute(sa.text("SELECT generate_series(1, 1000)"))))
    e.dispose()


@case
def pool_of_20():
    e = engine(pool_size=20, pool_pre_ping=True)

    def work(n):
        with orm.Session(e) as s:
            s.add(author(1000 + n))
            s.commit()
            return s.scalar(sa.select(Author.extra).where(Author.name == "ä%d" % (1000 + n)))["n"][0]
    with concurrent.futures.ThreadPoolExecutor(20) as threads:
        show("sum", sum(threads.map(work, range(100))))
    e.dispose()


@case
def asynchronous():
    async def main():
        ssl = {} if not SSLROOT else {"ssl": SSLMODE}
        e = create_async_engine(URL.set(drivername="postgresql+asyncpg"), connect_args=ssl, pool_size=4, max_overflow=0)  # see notes
        make = async_sessionmaker(e, expire_on_commit=False)

        async def work(n):
            async with make() as s:
                s.add(author(2000 + n))
                await s.commit()
                return (await s.scalar(sa.select(Author.extra).where(Author.name == "ä%d" % (2000 + n))))["n"][0]
        show("sum", sum(await asyncio.gather(*(work(n) for n in range(60)))))
        await e.dispose()
    asyncio.run(main())


if __name__ == "__main__":
    os.environ.pop("PGOPTIONS", None)
    run(sa.__version__)
