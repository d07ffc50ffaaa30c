"""A project on MySQL, whose application names a server that is not there: whole runs of pytest."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from tools.processes import wait_until
from tools.projects import Project

if TYPE_CHECKING:
    from pathlib import Path

    from tools.mariadb import MariaDB

APPLICATION = """
from sqlalchemy import ForeignKey, String
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

engine = create_async_engine("{driver}://me:wrong@database.invalid/shop")
session_factory = async_sessionmaker(engine)


class Base(DeclarativeBase):
    pass


class Customer(Base):
    __tablename__ = "customers"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(50), unique=True)


class Visit(Base):
    __tablename__ = "visits"
    __table_args__ = {{"mysql_engine": "MyISAM"}}
    id: Mapped[int] = mapped_column(primary_key=True)


async def sign_up(name):
    async with session_factory() as session:
        session.add(Customer(name=name))
        await session.commit()
"""

TESTS = """
import pytest
from shop import Customer, Visit, engine, session_factory, sign_up
from sqlalchemy import func, select, text


async def count(entity):
    async with session_factory() as session:
        return await session.scalar(select(func.count()).select_from(entity))


@pytest.mark.parametrize("number", range(2))
async def test_rollback(number, db_session):
    await sign_up("ada")
    assert await count(Customer) == 1
    assert await db_session.scalar(select(Customer.name)) == "ada"


async def test_ddl(db_session):
    await sign_up("ada")
    async with engine.begin() as connection:
        await connection.execute(text("CREATE TABLE report (id int)"))
    assert await count(Customer) == 1


async def test_no_table_is_left():
    async with session_factory() as session:
        tables = set(await session.scalars(text("SHOW TABLES")))
    assert tables == {"customers", "visits"}


async def test_myisam():
    async with session_factory() as session:
        session.add(Visit())
        await session.commit()
    assert await count(Visit) == 1


async def test_myisam_is_empty():
    assert await count(Visit) == 0


@pytest.mark.oneloop(strategy="commit")
@pytest.mark.parametrize("number", range(2))
async def test_commit(number):
    await sign_up("ada")
    async with session_factory() as session:
        assert (await session.scalar(select(Customer))).id == 1


@pytest.mark.oneloop(strategy="clone")
async def test_clone():
    await sign_up("ada")
    async with session_factory() as session:
        assert (await session.scalar(select(Customer))).id == 1


async def test_nothing_is_left():
    assert await count(Customer) == 0
"""

SETTINGS = """
[tool.pytest.ini_options]
asyncio_mode = "auto"
pythonpath = "."
oneloop_schema = "shop:Base"
"""


def project(folder: Path, server: MariaDB, driver: str = "mysql+aiomysql") -> Project:
    made = Project(folder, {"ONELOOP_SERVER": server.url("mysql")})
    made.write(
        {
            "shop.py": APPLICATION.format(driver=driver),
            "test_shop.py": TESTS,
            "pyproject.toml": SETTINGS,
        }
    )
    return made


def left(server: MariaDB) -> set[str]:
    """Return the databases of runs that are still there, templates apart."""
    return {name for name in server.databases() if not name.startswith("oneloop_template_")}


@pytest.mark.parametrize("driver", ["mysql+aiomysql", "mysql+asyncmy", "mariadb+aiomysql"])
def test_every_strategy_leaves_nothing(tmp_path: Path, mariadb: MariaDB, driver: str) -> None:
    if driver.startswith("mariadb") and mariadb.is_mysql:
        pytest.skip("SQLAlchemy lets such a URL have no other server")
    run = project(tmp_path, mariadb, driver).run("-p", "no:randomly")
    assert run.code == 0, run.output
    assert "test_ddl ran under commit: a statement commits by itself" in run.output
    assert "test_myisam ran under commit: a table's engine knows no transactions" in run.output
    assert left(mariadb) == set()


def test_without_the_plugin_s_sandbox_it_reaches_nothing(tmp_path: Path, mariadb: MariaDB) -> None:
    run = project(tmp_path, mariadb).run("-p", "no:oneloop", "-k", "nothing", "-q")
    assert run.code == 1
    assert "database.invalid" in run.output


def test_under_rollback_the_statement_is_named(tmp_path: Path, mariadb: MariaDB) -> None:
    made = project(tmp_path, mariadb)
    run = made.run("-p", "no:randomly", "-k", "ddl or nothing", "--oneloop-strategy=rollback")
    assert run.code == 1
    assert "OL225" in run.output
    assert "CREATE TABLE report (id int)" in run.output
    assert "1 failed, 1 passed" in run.output


def test_workers_have_databases_of_their_own(tmp_path: Path, mariadb: MariaDB) -> None:
    run = project(tmp_path, mariadb).run("-n", "2")
    assert run.code == 0, run.output
    assert left(mariadb) == set()


def test_a_second_run_builds_no_template(tmp_path: Path, mariadb: MariaDB) -> None:
    made = project(tmp_path, mariadb)
    made.run("-k", "nothing")
    run = made.run("-k", "nothing", "-v")
    assert run.code == 0
    assert "template cached: shop:Base" in run.output
    made.change("shop.py", "String(50)", "String(60)")
    assert "template built: shop:Base" in made.run("-k", "nothing", "-v").output


def test_what_a_killed_run_has_left_the_next_one_drops(tmp_path: Path, mariadb: MariaDB) -> None:
    made = project(tmp_path, mariadb)
    made.write(
        {
            "test_waits.py": """
import asyncio, pathlib
from shop import sign_up

async def test_it():
    await sign_up("ada")
    pathlib.Path("started").touch()
    await asyncio.sleep(60)
"""
        }
    )
    with made.started("test_waits.py") as running:
        running.wait_for("started")
        assert len(left(mariadb)) == 1
        running.process.send_signal(signal.SIGKILL)
        running.process.wait(10)
    sessions = "FROM information_schema.processlist WHERE command <> 'Daemon'"
    wait_until(lambda: mariadb.run(f"SELECT count(*) {sessions}") == [(1,)], "its sessions end")
    assert len(left(mariadb)) == 1
    assert made.run("test_shop.py", "-k", "nothing").code == 0
    assert left(mariadb) == set()


VISITORS = """
from sqlalchemy import create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

engine = create_engine("mysql+pymysql://me:wrong@database.invalid/shop", pool_size=16)


class Base(DeclarativeBase):
    pass


class Visitor(Base):
    __tablename__ = "visitors"
    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[int]
"""

THREADS = """
from concurrent.futures import ThreadPoolExecutor

import pytest
from shop import Visitor, engine
from sqlalchemy import func, select
from sqlalchemy.orm import Session


def add(number):
    with Session(engine) as session:
        session.add(Visitor(number=number))
        session.commit()


@pytest.mark.oneloop(strategy="commit")
@pytest.mark.parametrize("number", range(8))
def test_threads(number):
    with ThreadPoolExecutor(16) as threads:
        list(threads.map(add, range(16)))
    with Session(engine) as session:
        assert session.scalar(select(func.count(Visitor.id))) == 16
"""


def test_threads_that_come_together_find_the_database_put_back(
    tmp_path: Path, mariadb: MariaDB
) -> None:
    made = project(tmp_path, mariadb)
    made.write({"shop.py": VISITORS, "test_shop.py": THREADS})
    run = made.run()
    assert run.counts == {"passed": 8}, run.output
