"""What tests ask for of several databases: the handle, rows of wider scopes, two phases."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_oneloop.errors.addresses import UnknownDatabaseError
from tools.two_databases import SHOP, STATS, two_databases

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.server

HANDLE = """
import psycopg
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine


@each
async def test_an_engine_by_the_url_of_one_leads_to_it(strategy, oneloop):
    named = oneloop.named("stats")
    assert (named.database, named.url) != (oneloop.database, oneloop.url)
    await order("tea")
    for url, found in ((oneloop.url, "tea"), (named.url, "sold tea")):
        engine = create_async_engine(url)
        async with engine.connect() as connection:
            assert (await connection.execute(text("SELECT * FROM entry"))).all() == [(1, found)]
        await engine.dispose()


async def test_another_program_sees_what_was_committed(oneloop):
    await order("tea")
    with psycopg.connect(oneloop.named("stats").plain_url) as connection:
        assert connection.execute("SELECT what FROM entry").fetchall() == [("sold tea",)]
    assert oneloop.strategy == "clone"


def test_a_name_that_is_not_there(oneloop):
    oneloop.named("stat")
"""


def test_the_handle_knows_both(tmp_path: Path, cache: Path) -> None:
    project = two_databases(tmp_path, HANDLE, ONELOOP_CACHE_DIR=str(cache))

    done = project.run()

    assert done.counts == {"passed": 7, "failed": 1}, done.output
    assert done.output.count(str(UnknownDatabaseError(name="stat", known=["stats"]))) == 1


SCOPED = """
import pytest_asyncio


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def tea():
    await order("tea")
    yield


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def asked(tea):
    async with new_session() as session:
        session.add(Event(what="asked"))
        await session.commit()
    yield


@pytest_asyncio.fixture(scope="class", loop_scope="session")
async def salt(asked):
    async with new_session() as session:
        session.add(Order(item="salt"))
        await session.commit()
    yield


@each
async def test_rows_of_both(strategy, asked):
    assert (await orders(), await events()) == (["tea"], ["sold tea", "asked"])
    await order("bread")


class TestMore:
    @each
    async def test_rows_of_one_above(self, strategy, salt):
        assert (await orders(), await events()) == (["tea", "salt"], ["sold tea", "asked"])
        await order("bread")


@each
async def test_they_are_gone_with_their_scope(strategy, asked):
    assert (await orders(), await events()) == (["tea"], ["sold tea", "asked"])


async def test_they_stay_for_the_next_test(asked):
    assert (await orders(), await events()) == (["tea"], ["sold tea", "asked"])
"""


def test_rows_of_wider_scopes_in_both(tmp_path: Path, cache: Path) -> None:
    project = two_databases(tmp_path, SCOPED, ONELOOP_CACHE_DIR=str(cache))

    done = project.run("-W", "error")

    assert done.counts == {"passed": 19}, done.output
    assert "ran under" not in done.output


SYNCHRONOUS = """
from sqlalchemy import create_engine, func
from sqlalchemy.orm import Session

engines = {{
    Order: create_engine("{shop}"),
    Event: create_engine("{stats}"),
}}


def write(row):
    with Session(binds=engines) as session:
        session.add(row)
        session.commit()


def read():
    with Session(binds=engines) as session:
        return tuple(
            session.scalars(select(one).order_by(kind.id)).all()
            for kind, one in ((Order, Order.item), (Event, Event.what))
        )
""".format(shop=SHOP.replace("asyncpg", "psycopg2"), stats=STATS.replace("asyncpg", "psycopg2"))

LATE = """
@pytest.fixture(scope="module")
def an_order():
    write(Order(item="of the module"))
    yield


@pytest.fixture(scope="module")
def an_event():
    write(Event(what="of the module"))
    yield


def test_the_test_has_written_to_one(request):
    write(Order(item="of the test"))
    request.getfixturevalue("an_event")
    request.getfixturevalue("an_order")
    assert read() == (["of the test", "of the module"], ["of the module"])


def test_what_it_wrote_is_gone_and_what_was_in_time_has_stayed():
    assert read() == ([], ["of the module"])


def test_what_came_late_is_made_again(an_order, an_event):
    assert read() == (["of the module"], ["of the module"])
"""


def test_a_fixture_that_is_asked_for_late_keeps_nothing_of_the_test(
    tmp_path: Path, cache: Path
) -> None:
    project = two_databases(tmp_path, SYNCHRONOUS + LATE, ONELOOP_CACHE_DIR=str(cache))

    done = project.run("-W", "error", "--oneloop-strategy", "rollback")

    assert done.counts == {"passed": 3}, done.output


TWO_PHASES = """
@pytest.mark.parametrize("_again", range(2))
@pytest.mark.parametrize("end", ["commit", "rollback"])
def test_in_two_phases(_again, end):
    with Session(binds=engines, twophase=True) as session:
        session.add_all([Order(item="tea"), Event(what="sold tea")])
        session.flush()
        session.prepare()
        getattr(session, end)()
    with Session(binds=engines) as session:
        found = [session.scalar(select(func.count(one.id))) for one in (Order, Event)]
    assert found == ([1, 1] if end == "commit" else [0, 0])
"""


def test_two_phases_need_real_databases(tmp_path: Path, cache: Path) -> None:
    project = two_databases(tmp_path, SYNCHRONOUS + TWO_PHASES, ONELOOP_CACHE_DIR=str(cache))

    done = project.run("-v")

    assert done.counts == {"passed": 4}, done.output
    assert done.output.count("ran under commit: transactions are ended by SQL text") == 4
