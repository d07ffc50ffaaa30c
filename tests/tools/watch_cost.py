"""A plugin for inner runs: what watching the loops costs, beside what the whole run costs.

Both are processor time of one process, one right after the other.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pytest_oneloop.loops.tracing import Watch, traced

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

    from pytest_oneloop.report.diagnosis import Explainer

LOG = "WATCH_COST_LOG"
"""The environment variable that names the file for the result."""

_CALLS: Final = 5000
_ROUNDS: Final = 5


class Costs:
    """The costs of one run."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._fixtures: list[pytest.FixtureDef[Any]] = []
        self._tests: list[pytest.Item] = []
        self._began = 0.0

    def pytest_collection_finish(self) -> None:
        """Begin to count: what comes now is the tests."""
        self._began = time.process_time()

    def pytest_fixture_setup(self, fixturedef: pytest.FixtureDef[Any]) -> None:
        """Note a fixture that is set up."""
        self._fixtures.append(fixturedef)

    def pytest_runtest_call(self, item: pytest.Item) -> None:
        """Note a test that runs."""
        self._tests.append(item)

    def pytest_sessionfinish(self) -> None:
        """Measure, and write down both."""
        whole = time.process_time() - self._began
        from pytest_oneloop.plugin import EXPLAINER  # noqa: PLC0415 - it is loaded by now

        explainer = self._config.stash[EXPLAINER]
        assert explainer is not None
        test, fixture = self._tests[0], self._fixtures[-1]
        watching = len(self._tests) * _seconds(lambda: _put_back(explainer.watch_test(test)))
        watching += len(self._fixtures) * _seconds(
            lambda: _put_back(explainer.watch_fixture(fixture, test.nodeid))
        )
        steps = explainer.record.tracks()[0].count
        watching += steps * asyncio.run(_step(explainer))
        found = {"whole": whole, "watching": watching, "tests": len(self._tests), "steps": steps}
        Path(os.environ[LOG]).write_text(json.dumps(found), encoding="utf-8")


def pytest_configure(config: pytest.Config) -> None:
    """Measure this run."""
    config.pluginmanager.register(Costs(config))


def _put_back(replaced: tuple[object, str, object] | None) -> None:
    if replaced is not None:
        setattr(*replaced)


def _seconds(work: Callable[[], None]) -> float:
    """Return what one call takes, in the quickest of several rounds."""
    took = []
    for _ in range(_ROUNDS):
        began = time.process_time()
        for _ in range(_CALLS):
            work()
        took.append((time.process_time() - began) / _CALLS)
    return min(took)


async def _step(explainer: Explainer) -> float:
    """Return what it adds to a coroutine function that it is traced."""

    async def plain() -> None: ...

    [first, *_] = explainer.record.tracks()
    assert first.first is not None
    watch = Watch(explainer.record, first.first.origin)
    watched = traced(plain, watch)
    assert watched is not None
    took: dict[bool, list[float]] = {True: [], False: []}
    for _ in range(_ROUNDS):
        for is_traced, function in ((True, watched), (False, plain)):
            began = time.process_time()
            for _ in range(_CALLS):
                watch.expect(watch.origin, watch.test)
                await function()
            took[is_traced].append((time.process_time() - began) / _CALLS)
    return min(took[True]) - min(took[False])
