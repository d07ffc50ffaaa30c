"""Failures that event loops cause are explained: real suites that fail so, and the whole text.

Each file of the projects in `tests/failures` fails in one way, and the section that its report gets
lies beside it; where there is none, no event loop is to blame.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Protocol

import pytest

from tools.failures import FAILURES, expected, run_failures
from tools.servers import database_url

if TYPE_CHECKING:
    from pytest_oneloop.databases.address import ServerAddress
    from tools.failures import Failures

pytestmark = pytest.mark.server

TITLE = "oneloop: what crossed"
PROJECTS = ("function_loops", "markers", "strict", "anyio_runner", "isolated_cases")
FILES = [
    (project, file.name) for project in PROJECTS for file in (FAILURES / project).glob("test_*.py")
]
FAILING = {
    ("function_loops", "test_own_error.py"): 4,
    ("function_loops", "test_own_loop.py"): 3,
    ("function_loops", "test_timeout.py"): 2,
    ("strict", "test_other_coroutine.py"): 1,
    ("anyio_runner", "test_task_group.py"): 0,
}
"""Files in which not just one test fails, with how many of them do."""


class Runs(Protocol):
    """Runs a project, each way once."""

    def __call__(self, project: str, *options: str) -> Failures: ...


@pytest.fixture(scope="module")
def run(tcp_server: ServerAddress, tmp_path_factory: pytest.TempPathFactory) -> Runs:
    """Run projects, each way once."""
    done: dict[str, Failures] = {}

    def find(project: str, *options: str) -> Failures:
        name = " ".join([project, *options])
        if name not in done:
            done[name] = run_failures(
                project, tmp_path_factory.mktemp("failures") / project, *options, **real(tcp_server)
            )
        return done[name]

    return find


def real(server: ServerAddress) -> dict[str, str]:
    """Return what the projects find in their environment, to reach a database of their own."""
    return {
        "REAL_DATABASE": database_url(server, "postgresql+unled"),
        "REAL_DSN": database_url(server, "postgresql").replace(" ", "%20"),
    }


@pytest.mark.parametrize(("project", "file"), FILES, ids=lambda part: part.removesuffix(".py"))
def test_the_section_says_what_crossed(project: str, file: str, run: Runs) -> None:
    failures = run(project)

    assert "\n\n".join(failures.of(file)) == expected(project, file), failures.finished.output
    failed = [name for name in failures.sections if name.startswith(f"{file}::")]
    assert len(failed) == FAILING.get((project, file), 1)


def test_every_kind_of_failure_is_among_them(run: Runs) -> None:
    told = [text for project in PROJECTS for name in [run(project)] for text in _all(name)]

    assert {text.partition(":")[0] for text in told} == {f"OL42{digit}" for digit in range(1, 10)}


def test_the_sections_are_in_the_output(run: Runs) -> None:
    output = run("function_loops").finished.output

    assert output.count(TITLE) == len(_all(run("function_loops")))
    assert expected("function_loops", "test_lock.py") in output


def test_the_switch_turns_them_off(run: Runs) -> None:
    on, off = run("markers"), run("markers", "-o", "oneloop_explain=false")

    assert off.finished.counts == on.finished.counts
    assert _all(on) != []
    assert _all(off) == []


def test_the_message_names_the_line_of_the_test_itself(run: Runs) -> None:
    output = run("function_loops").finished.output

    places = re.findall(r"^E .* got Future .* attached to a different loop", output, re.MULTILINE)

    told = "".join(places)
    assert "coro=<test_select() running at " in told
    assert "test_pool.py:16>" in told
    assert "tracing.py" not in output


def test_the_line_to_change_mends_them(run: Runs) -> None:
    files = [
        f"test_{name}.py"
        for name in ("closed", "closed_engine", "engine", "httpx", "lock", "redis")
    ]
    line = "What to do: in pytest.ini, write asyncio_default_test_loop_scope = session."

    mended = run("function_loops", "-o", "asyncio_default_test_loop_scope=session", *files)

    assert all(expected("function_loops", file).endswith(line) for file in files)
    assert mended.finished.counts == {"passed": 9}, mended.finished.output


def test_workers_hand_them_over(run: Runs) -> None:
    alone, spread = run("strict"), run("strict", "-n", "2")

    assert spread.finished.counts == alone.finished.counts
    assert spread.sections == alone.sections


def _all(failures: Failures) -> list[str]:
    return [text for told in failures.sections.values() for text in told]
