"""A pytest plugin that writes down how long each test took, all of it, as JSON.

BENCHMARK_TIMES names the file. A mark `paused(seconds)` stands for a pause before the test, which
is not counted.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator


class Timing:
    """Times each test from before its first hook until after its last."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seconds: list[float] = []

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        if (paused := item.get_closest_marker("paused")) is not None:
            time.sleep(*paused.args)
        start = time.perf_counter()
        result = yield
        self._seconds.append(time.perf_counter() - start)
        return result

    def pytest_sessionfinish(self) -> None:
        self._path.write_text(json.dumps(self._seconds))


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "paused(seconds): wait before the test, uncounted")
    config.pluginmanager.register(Timing(Path(os.environ["BENCHMARK_TIMES"])))
