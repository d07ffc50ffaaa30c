"""A test that ends its transaction by the driver's own connection harms itself alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tools.projects import notes

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_oneloop.databases.address import ServerAddress

TESTS = """
import pytest
from notes import Note, engine, new_session
from sqlalchemy import func, select


async def count():
    async with new_session() as session:
        return await session.scalar(select(func.count(Note.id)))


async def test_one_that_commits_past_us():
    async with engine.connect() as connection:
        raw = (await connection.get_raw_connection()).driver_connection
        await raw.execute("INSERT INTO notes (text) VALUES ('for good')")
        await raw.execute("COMMIT")


@pytest.mark.parametrize("number", range(2))
async def test_another(number):
    assert await count() == 0
    async with new_session() as session:
        session.add(Note(text="mine"))
        await session.commit()
    assert await count() == 1
"""


@pytest.mark.parametrize("server", ["embedded", "tcp"])
def test_the_tests_after_it_have_a_fresh_database(
    tmp_path: Path, tcp_server: ServerAddress, server: str
) -> None:
    project = notes(tmp_path)
    project.write({"test_notes.py": TESTS})
    at = tcp_server
    url = f"postgresql://{at.user}:{at.password}@{at.host}:{at.port}".replace(" ", "%20")

    given = {"ONELOOP_SERVER": url if server == "tcp" else ""}
    finished = project.run("-W", "error", "--oneloop-strategy=rollback", **given)

    assert finished.counts == {"passed": 3, "error": 1}, finished.output
    assert "OL204" in finished.output
    assert project.run("-W", "error", **given).counts == {"passed": 3}
