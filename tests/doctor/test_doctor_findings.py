"""Each finding, in a small project that has it and in its mended twin, which has none."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_oneloop.doctor.case import Case
from pytest_oneloop.doctor.collecting import collect
from pytest_oneloop.doctor.rules import examine
from tools.command_line import oneloop
from tools.doctor_projects import PAIRS, Pair

if TYPE_CHECKING:
    from tools.projects import Project

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "doctor.md"

# What the second project with the same code shows; the first one of each is in the reference.
OTHERS = {
    "OL401-lock-of-a-fixture": """\
error OL401 conftest.py:6
    the fixture lock makes an asyncio.Lock once for several loops, and tests use
    it on the loop of each test (2 tests): “is bound to a different event loop”,
    as soon as something waits for it.
    fix: run everything on one loop: asyncio_mode = auto,
    asyncio_default_test_loop_scope = session,
    asyncio_default_fixture_loop_scope = session in pytest's configuration
    (oneloop doctor --fix writes them).
    with oneloop: fails still.
""",
    "OL403-connections-thrown-away": """\
warning OL403 conftest.py:6
    the fixture session throws the connections of engine away after each of 2
    tests, so that each one opens its own: no pooling, and load on the server.
    fix: dispose of engine once, at the end of the run, and run everything on
    one loop: asyncio_mode = auto, asyncio_default_test_loop_scope = session,
    asyncio_default_fixture_loop_scope = session in pytest's configuration
    (oneloop doctor --fix writes them).
    with oneloop: fixed.
""",
}


def sections() -> dict[str, str]:
    """Return the examples in the reference, by their codes."""
    text = PAGE.read_text(encoding="utf-8")
    found = re.findall(
        r"^## (OL\d{3}): [^\n]*\n\n```text\n(.*?)```", text, re.MULTILINE | re.DOTALL
    )
    return dict(found)


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.id)
def test_the_whole_text(pair: Pair, project: Project) -> None:
    project.write(pair.sick)

    finished = oneloop(project.folder, "doctor")

    expected = OTHERS.get(pair.id, sections()[pair.code])
    errors = expected.startswith("error")
    tests = sum(text.count("def test_") for text in pair.sick.values())
    assert finished.stdout == (
        f"{expected}\n{tests} {'test' if tests == 1 else 'tests'} read: "
        f"{'1 error, 0 warnings' if errors else '0 errors, 1 warning'}.\n"
    )
    assert (finished.stderr, finished.returncode) == ("", 1)


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.id)
def test_the_mended_twin_is_clean(pair: Pair, project: Project) -> None:
    project.write(pair.sick | pair.mended)

    suite = collect(project.folder)

    assert suite.tests == sum(
        text.count("def test_") for text in (pair.sick | pair.mended).values()
    )
    assert examine(Case(suite)) == []


def test_the_reference_has_each_finding_in_order() -> None:
    assert list(sections()) == sorted({pair.code for pair in PAIRS})
    assert list(sections()) == [f"OL{number}" for number in range(401, 413)]
