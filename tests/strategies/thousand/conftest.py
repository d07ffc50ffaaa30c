"""Before each test: the database that it has got does not differ from the template in anything."""

from __future__ import annotations

import asyncio
import os
import secrets
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from psycopg import sql
from sqlalchemy import text

from library import engine
from pytest_oneloop.plugin import RUN
from tools.difference import Picture, picture
from tools.servers import administer

if TYPE_CHECKING:
    from pytest_oneloop.run import TestRun

PICTURE: pytest.StashKey[Picture] = pytest.StashKey()


def picture_of_template(run: TestRun) -> Picture:
    """Take a picture of the template, by a clone that nobody has touched."""
    worker = run.backends.of("postgresql").database()
    there = replace(worker.destination.address, database="postgres")
    name = f"probe_{secrets.token_hex(8)}"
    clone, drop = sql.SQL("CREATE DATABASE {} TEMPLATE {}"), sql.SQL("DROP DATABASE {}")
    administer(there, clone.format(sql.Identifier(name), sql.Identifier(worker.template)))
    try:
        return picture(there, name)
    finally:
        administer(there, drop.format(sql.Identifier(name)))


async def differences(config: pytest.Config) -> list[str]:
    """Compare the database of the running test, or of what runs outside of tests."""
    run = config.stash[RUN]
    if PICTURE not in config.stash:
        config.stash[PICTURE] = picture_of_template(run)
    async with engine.connect() as connection:
        await connection.execute(text("SELECT 1"))  # all of it is put back by the first message
    there = run.backends.destination("postgresql")
    return picture(there.address, there.database).differs_from(config.stash[PICTURE])


@pytest.fixture(autouse=True)
async def probed(request: pytest.FixtureRequest) -> None:
    assert await differences(request.config) == []


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Compare once more after the last test; note the outcome, and how many tests there were."""
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    if worker is None and session.config.getoption("dist", default="no") != "no":
        return  # it has no tests of its own
    found = asyncio.run(differences(session.config))
    Path(session.config.rootpath, f"last-{worker}").write_text("\n".join(found), encoding="utf-8")
