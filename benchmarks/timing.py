"""A pytest plugin that writes down how long each test took, all of it, as JSON.

BENCHMARK_TIMES names the file; BENCHMARK_PAUSE a pause before each test, in seconds, not counted.
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

    def __init__(self, path: Path, pause: float) -> None:
        self._path = path
        self._pause = pause
        self._seconds: list[float] = []

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self) -> Generator[None, object, object]:
        time.sleep(self._pause)
        start = time.perf_counter()
        result = yield
        self._seconds.append(time.perf_counter() - start)
        return result

    def pytest_sessionfinish(self) -> None:
        self._path.write_text(json.dumps(self._seconds))


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(
        Timing(Path(os.environ["BENCHMARK_TIMES"]), float(os.environ.get("BENCHMARK_PAUSE", "0")))
    )
