"""Errors of the sandbox that the application swallows are reported all the same.

Where the strategy is left open, the test is run on a real database instead, and has none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tools import projects

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.server

ENDPOINT = """

@app.post("/swallow")
async def swallow() -> str:
    try:
        async with new_session() as session:
            await session.execute(text("COMMIT"))
    except Exception:
        return "all is well"
    return "nothing was raised"
"""
TESTS = """
import pytest


async def test_answer(client):
    assert (await client.post("/swallow")).json() == "all is well"


async def test_fails_as_well(client):
    assert (await client.post("/swallow")).json() == "something else"


async def test_the_next_one(client):
    assert (await client.post("/notes", params={"text": "hello"})).json() == 1
"""


@pytest.mark.parametrize("options", [(), ("-n", "1")], ids=["alone", "xdist"])
def test_error_behind_an_answer_of_200(
    options: tuple[str, ...], tmp_path: Path, cache: Path
) -> None:
    project = projects.notes(tmp_path, ONELOOP_CACHE_DIR=str(cache))
    project.change("api.py", "from sqlalchemy import func", "from sqlalchemy import text, func")
    project.change("api.py", "app = FastAPI()\n", "app = FastAPI()\n" + ENDPOINT)
    project.write({"test_notes.py": TESTS})

    run = project.run("--oneloop-strategy=rollback", *options)

    shown = [line for line in run.output.splitlines() if line.startswith("OL204: ")]
    # The first test passes, and then has an error; the second fails of its own, and has it too.
    assert [line.split(": ")[1] for line in shown] == [
        "in test_notes.py::test_answer",
        "in test_notes.py::test_fails_as_well",
    ], run.output
    for line in shown:
        assert "api.py:" in line.partition("sends the text 'COMMIT'")[0].split(": ")[2]
    caught = "  Shown only now: the application, or SQLAlchemy, has caught this error.\n"
    assert run.output.count(caught) == 2
    assert run.counts == {"passed": 2, "failed": 1, "error": 2}
