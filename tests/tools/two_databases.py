"""A small project with two databases, each with tables of its own, and one session for both."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tools.projects import Project

if TYPE_CHECKING:
    from pathlib import Path

SHOP: Final = "postgresql+asyncpg://shop:wrong@db.invalid/shop"
STATS: Final = "postgresql+asyncpg://stats:wrong@db.invalid/stats"

_APPLICATION: Final = """
from sqlalchemy import String, select
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

shop = create_async_engine("{shop}")
stats = create_async_engine("{stats}")


class ShopBase(DeclarativeBase):
    pass


class StatsBase(DeclarativeBase):
    pass


class Order(ShopBase):
    __tablename__ = "entry"
    id: Mapped[int] = mapped_column(primary_key=True)
    item: Mapped[str] = mapped_column(String(20), unique=True)


class Event(StatsBase):
    __tablename__ = "entry"
    id: Mapped[int] = mapped_column(primary_key=True)
    what: Mapped[str] = mapped_column(String(20))


new_session = async_sessionmaker(
    binds={{ShopBase: shop, StatsBase: stats}}, expire_on_commit=False
)


async def order(item):
    async with new_session() as session:
        session.add_all([Order(item=item), Event(what=f"sold {{item}}")])
        await session.commit()


async def orders():
    async with new_session() as session:
        return list(await session.scalars(select(Order.item).order_by(Order.id)))


async def events():
    async with new_session() as session:
        return list(await session.scalars(select(Event.what).order_by(Event.id)))
"""

_CONFIGURATION: Final = """
[pytest]
asyncio_mode = auto
oneloop_schema = app:ShopBase
oneloop_databases =
    {name} = app:StatsBase
"""

_HEAD: Final = """
import asyncio

import pytest
from app import Event, Order, events, new_session, order, orders, shop, stats
from sqlalchemy import inspect, select
from sqlalchemy.exc import IntegrityError

STRATEGIES = ["rollback", "rollback", "commit", "clone", "commit", "rollback"]
each = pytest.mark.parametrize(
    "strategy",
    [pytest.param(one, marks=pytest.mark.oneloop(strategy=one)) for one in STRATEGIES],
)
"""

TESTS: Final = """
@each
async def test_both_are_committed(strategy):
    await order("tea")
    assert (await orders(), await events()) == (["tea"], ["sold tea"])


@each
async def test_both_are_rolled_back(strategy):
    await order("tea")
    async with new_session() as session:
        session.add_all([Order(item="salt"), Event(what="sold salt")])
        await session.flush()
        await session.rollback()
    assert (await orders(), await events()) == (["tea"], ["sold tea"])


@each
async def test_a_rollback_in_one_does_not_undo_the_other(strategy):
    await order("tea")
    async with new_session() as one, new_session() as other:
        other.add(Event(what="asked for tea"))
        await other.flush()
        one.add(Order(item="tea"))
        with pytest.raises(IntegrityError):
            await one.commit()
        await one.rollback()
        await other.commit()
    assert (await orders(), await events()) == (["tea"], ["sold tea", "asked for tea"])


@pytest.mark.parametrize("_again", range(2))
async def test_twenty_at_once(_again):
    items = [f"item {number}" for number in range(20)]
    await asyncio.gather(*map(order, items))
    assert sorted(await orders()) == sorted(items)
    assert len(await events()) == 20


async def test_each_has_its_own_table():
    columns = []
    for engine in (shop, stats):
        async with engine.connect() as connection:
            found = await connection.run_sync(lambda sync: inspect(sync).get_columns("entry"))
            columns.append([column["name"] for column in found])
    assert columns == [["id", "item"], ["id", "what"]]
"""
"""What holds for every kind of database."""

COUNT: Final = 21

IDS: Final = """
@each
async def test_ids_begin_at_one_in_both(strategy):
    await order("tea")
    async with new_session() as session:
        assert await session.scalar(select(Order.id)) == 1
        assert await session.scalar(select(Event.id)) == 1
"""
"""Where ids take part in transactions, or are set back."""


def two_databases(
    folder: Path,
    tests: str = TESTS,
    *,
    shop: str = SHOP,
    stats: str = STATS,
    name: str = "stats",
    **environ: str,
) -> Project:
    """Lay the project into a folder.

    Args:
        folder: The folder.
        tests: What follows the imports in its file of tests.
        shop: The URL of the main database.
        stats: The URL of the other.
        name: What `oneloop_databases` calls it.
        **environ: Of its runs.
    """
    project = Project(folder, environ)
    project.write(
        {
            "app.py": _APPLICATION.format(shop=shop, stats=stats),
            "pytest.ini": _CONFIGURATION.format(name=name),
            "test_both.py": f"{_HEAD}\n{tests}",
        }
    )
    return project
