"""What the doctor costs on a large suite, beside pytest's own collection of it."""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tools.command_line import ONELOOP

if TYPE_CHECKING:
    from pathlib import Path

MODULES, TESTS = 100, 50
"""5,000 tests, which is what the promise is made for."""

SHARE = 1.5
"""How many times as long as pytest's own collection the doctor may take."""

DATABASE = """
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine

engine = create_async_engine("postgresql+asyncpg://app@db.invalid/app")
new_session = async_sessionmaker(engine)
"""

CONFTEST = """
import pytest

from database import new_session


@pytest.fixture
async def session():
    async with new_session() as session:
        yield session
"""

TEST = """

async def test_{number}(session) -> None:
    session.add(User(email="ada@example.com"))
    await session.flush()
    assert await session.scalar(select(User.email)) == "ada@example.com"
"""


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    """A suite in which there is something to find."""
    (tmp_path / "pytest.ini").write_text(
        "[pytest]\nasyncio_mode = auto\nasyncio_default_fixture_loop_scope = function\n"
    )
    (tmp_path / "database.py").write_text(DATABASE)
    (tmp_path / "conftest.py").write_text(CONFTEST)
    tests = "".join(TEST.format(number=number) for number in range(TESTS))
    for number in range(MODULES):
        (tmp_path / f"test_{number}.py").write_text(f"from sqlalchemy import select\n{tests}")
    return tmp_path


def seconds(folder: Path, *command: str, found: str) -> float:
    """Run a command; return the processor time that it took, which other programs cannot add to."""
    environ = {name: value for name, value in os.environ.items() if name != "CI"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    finished = subprocess.run(
        command, cwd=folder, env=environ, check=False, capture_output=True, text=True, timeout=100
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert found in finished.stdout, finished.stdout + finished.stderr
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


@pytest.mark.timeout(300)
def test_five_thousand_tests(suite: Path) -> None:
    def collected() -> float:
        command = (sys.executable, "-m", "pytest", "--collect-only", "-q")
        return seconds(suite, *command, found=f"{MODULES * TESTS} tests collected")

    def examined() -> float:
        return seconds(suite, str(ONELOOP), "doctor", found="5000 tests read: 1 error, 0 warnings.")

    collected()  # so that neither of them has to compile the modules
    shares = []
    for attempt in (1, 2):
        rounds = [(collected(), examined()) for _ in range(2)]
        shares.append(statistics.median(two / one for one, two in rounds))
        print(f"attempt {attempt}: {shares[-1]:.2f} times")  # noqa: T201 - a figure, with -rP
        if shares[-1] < SHARE:
            return
    pytest.fail(f"the doctor takes {shares} times as long as pytest's own collection")
