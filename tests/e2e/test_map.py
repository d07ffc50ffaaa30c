"""`pytest --oneloop-map`: the picture of a real run."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

import pytest

from tools.projects import Project, lean

if TYPE_CHECKING:
    from pathlib import Path

CROSSING = {
    "pytest.ini": """
[pytest]
asyncio_mode = auto
asyncio_default_test_loop_scope = function
asyncio_default_fixture_loop_scope = session
""",
    "conftest.py": """
import asyncio

import pytest


@pytest.fixture(scope="session")
async def queue():
    queue = asyncio.Queue()
    with pytest.raises(TimeoutError):  # a queue is bound by the first one that waits for it
        await asyncio.wait_for(queue.get(), 0.001)
    return queue
""",
    "test_queue.py": """
async def test_get(queue):
    await queue.get()


async def test_of_its_own():
    pass
""",
}
"""A queue that is made on the session's loop, and waited for on a test's."""

VANISHING = {
    "pytest.ini": "[pytest]\n",
    "test_it.py": """
import os


def test_it():
    os.rmdir("out")
    assert "FAIL" not in os.environ
""",
}
"""A test that takes the page's folder away."""

AUTO = "[pytest]\nasyncio_mode = auto\n"

PASSING = {"pytest.ini": "[pytest]\n", "test_it.py": "def test_it():\n    pass\n"}

PROBLEMS = {
    "test_notes.py": (
        "OL531: --oneloop-map cannot write to {page}: a page's name ends in .html. "
        "Name a page: pytest --oneloop-map map.html."
    ),
    "nowhere/map.html": (
        "OL532: --oneloop-map cannot write {page}: there is no folder {page.parent}. "
        "Name a file in a folder that is there, and that you may write to."
    ),
    "folder.html": (
        "OL532: --oneloop-map cannot write {page}: it is a folder. "
        "Name a file in a folder that is there, and that you may write to."
    ),
    "/proc/map.html": (
        "OL532: --oneloop-map cannot write {page}: no such file or directory. "
        "Name a file in a folder that is there, and that you may write to."
    ),
}


def named(page: Path, kind: str) -> list[str]:
    """Return the names of one kind of thing in the large picture, in their order."""
    large = page.read_text(encoding="utf-8").partition('<svg class="large"')[2]
    large = large.partition("</svg>")[0]
    pattern = rf'<a class="item {kind}.*?<text class="name"[^>]*>(.*?)</text>'
    return [html.unescape(name) for name in re.findall(pattern, large, re.DOTALL)]


def written(folder: Path, files: dict[str, str]) -> Project:
    project = Project(folder)
    project.write(files)
    return project


@pytest.mark.server
def test_it_shows_the_loop_with_what_ran_and_lives_on_it(tmp_path: Path, cache: Path) -> None:
    project = lean(tmp_path, ONELOOP_CACHE_DIR=str(cache))
    project.write({"test_api.py": "async def test_nothing(client):\n    pass\n"})

    run = project.run("--oneloop-map", "map.html")

    page = tmp_path / "map.html"
    assert run.counts == {"passed": 3}, run.output
    assert f"\noneloop: the loop map is in {page}\n" in run.output
    assert named(page, "head") == ["session loop"]
    assert named(page, "chip fixture") == ["client"]
    assert named(page, "chip test") == [
        "test_api.py::test_nothing",
        "test_notes.py::test_it",
        "test_notes.py::test_it_again",
    ]
    assert named(page, "badge") == ["connection (postgresql+asyncpg)"]
    assert named(page, "arrow") == []
    assert "Times are of one run." in page.read_text()
    assert [path.name for path in tmp_path.glob(".map*")] == []


def test_it_shows_the_loops_of_all_workers(tmp_path: Path) -> None:
    tests = "".join(f"async def test_{number}():\n    pass\n\n\n" for number in range(8))
    project = written(tmp_path, {**CROSSING, "test_queue.py": tests, "pytest.ini": AUTO})

    run = project.run("-n", "2", "--oneloop-map", "map.html")

    page = tmp_path / "map.html"
    assert run.counts == {"passed": 8}, run.output
    assert sorted(named(page, "head")) == ["gw0: session loop", "gw1: session loop"]
    assert len(named(page, "chip test")) == 8


MIXED = {
    "pytest.ini": AUTO,
    "test_mixed.py": """
import pytest


@pytest.fixture
async def broken():
    raise OSError


@pytest.fixture
def broken_too():
    raise OSError


def test_plain():
    assert not "fails"


async def test_on_a_loop():
    pass


async def test_stopped(broken):
    pass


def test_stopped_too(broken_too):
    pass


@pytest.mark.skip
def test_left_out():
    pass
""",
}


@pytest.mark.parametrize("workers", ["0", "2"])
def test_it_shows_tests_that_ran_on_no_loop_and_what_failed(tmp_path: Path, workers: str) -> None:
    project = written(tmp_path, MIXED)

    run = project.run("-n", workers, "--oneloop-map", "map.html")

    page = tmp_path / "map.html"
    assert run.counts == {"failed": 1, "passed": 1, "error": 2, "skipped": 1}, run.output
    heads = named(page, "head")
    assert heads.count("no event loop") == 1
    tests = ["test_on_a_loop", "test_plain", "test_stopped", "test_stopped_too"]
    assert sorted(named(page, "chip test")) == tests
    assert sorted(named(page, "chip fixture")) == ["broken", "broken_too"]
    loops = len(heads) - 1
    assert (
        f"1 test ran on {loops} event loop{'s' * (loops > 1)}, 1 on none; the set-up of 2 tests "
        "failed. Nothing crosses from one loop to another."
    ) in page.read_text()
    narrow = page.read_text().partition('<ol class="rails"')[2].partition("</ol>")[0]
    failed = re.findall(r'class="item chip (test|fixture) failed"', narrow)
    assert sorted(failed) == ["fixture"] * 2 + ["test"] * 3


@pytest.mark.parametrize("explain", ["true", "false"])
def test_it_shows_what_crossed(tmp_path: Path, explain: str) -> None:
    project = written(tmp_path, CROSSING)

    run = project.run("--oneloop-map", "map.html", "--oneloop-explain", explain)

    page = tmp_path / "map.html"
    assert run.counts == {"failed": 1, "passed": 1}, run.output
    assert run.code == 1
    assert ("oneloop: what crossed" in run.output) == (explain == "true")
    assert named(page, "head") == [
        "session loop",
        "loop of test_get",
        "loop of test_of_its_own",
    ]
    assert named(page, "arrow") == ["queue of the session loop"]
    assert named(page, "badge") == ["queue"]
    assert "1 object crosses from the loop that made it, to 1 other loop." in page.read_text()


def test_without_it_nothing_is_written(tmp_path: Path) -> None:
    project = written(tmp_path, CROSSING)

    run = project.run()

    assert "loop map" not in run.output
    assert list(tmp_path.glob("*.html")) == []


@pytest.mark.parametrize(
    ("name", "workers"), [*((name, "0") for name in PROBLEMS), ("folder.html", "2")]
)
def test_a_page_that_cannot_be(tmp_path: Path, name: str, workers: str) -> None:
    project = written(tmp_path, VANISHING)
    project.write({"test_notes.py": "kept"})
    (tmp_path / "folder.html").mkdir()

    run = project.run("-n", workers, "--oneloop-map", name)

    line = PROBLEMS[name].format(page=tmp_path / name)
    assert run.code == 4
    assert run.output.strip() == f"ERROR: {line}"
    assert (tmp_path / "test_notes.py").read_text() == "kept"
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize(("fail", "code"), [("", 4), ("1", 1)])
def test_a_page_that_cannot_be_any_more(tmp_path: Path, fail: str, code: int) -> None:
    project = written(tmp_path, VANISHING)
    (tmp_path / "out").mkdir()

    run = project.run("--oneloop-map", "out/map.html", FAIL=fail)

    assert run.code == code
    assert (
        f"\nOL532: --oneloop-map cannot write {tmp_path}/out/map.html: no such file or directory. "
        "Name a file in a folder that is there, and that you may write to.\n"
    ) in run.output
    assert "the loop map is in" not in run.output


def test_a_page_of_an_earlier_run(tmp_path: Path) -> None:
    project = written(tmp_path / "project", PASSING)
    outside = tmp_path / "map.html"
    outside.write_text("old")
    (project.folder / "map.html").write_text("old")

    inside = project.run("--oneloop-map", "map.html")
    apart = project.run("--oneloop-map", str(outside))
    joined = project.run(f"--oneloop-map={outside}")

    assert inside.counts == {"passed": 1}, inside.output
    assert (project.folder / "map.html").read_text().endswith("</html>\n")
    assert apart.code == 4
    assert apart.output.strip() == (
        f"ERROR: OL533: pytest takes the folder of {outside} for the project's, so it may miss the "
        f"project's configuration. Join the two: pytest --oneloop-map={outside}."
    )
    assert joined.counts == {"passed": 1}, joined.output
    assert outside.read_text().endswith("</html>\n")
