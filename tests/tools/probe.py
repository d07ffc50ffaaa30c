"""A plugin for inner runs: compares the database with its template after each test.

What differs is appended to a file `differences`, and how many connections the run has opened is
written to `connections` when it has ended.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_oneloop.choices import CHOICE
from pytest_oneloop.plugin import RUN
from tools.difference import Picture, picture

if TYPE_CHECKING:
    from collections.abc import Generator

    from pytest_oneloop.run import TestRun


class Probe:
    """Knows what the template holds."""

    def __init__(self) -> None:
        self._template: Picture | None = None

    def look(self, run: TestRun, test: str, *, real: bool) -> None:
        """Compare, if there is a database yet. Ids of the sandbox start over with the next test."""
        if not run.started:
            return
        [database] = run.started
        there: Any = run.destination()  # put back by now: until then, it waits
        if self._template is None:
            self._template = picture(there.address, database.template, schema=False)
        now = picture(there.address, there.database, schema=False)
        found = [
            line for line in now.differs_from(self._template) if real or not line.startswith("S ")
        ]
        with Path("differences").open("a") as file:
            file.writelines(f"{test}: {line}\n" for line in found)


PROBE: pytest.StashKey[Probe] = pytest.StashKey()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[PROBE] = Probe()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    result = yield
    config = item.config
    real = item.stash[CHOICE].strategy != "rollback"
    config.stash[PROBE].look(config.stash[RUN], item.nodeid, real=real)
    return result


def pytest_sessionfinish(session: pytest.Session) -> None:
    Path("connections").write_text(str(session.config.stash[RUN].router.connections))
