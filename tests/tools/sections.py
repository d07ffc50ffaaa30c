"""A plugin for inner runs: writes down the sections that reports have, also those of workers."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

LOG = "SECTIONS_LOG"
"""The environment variable that names the file."""


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Add a line to the file for each report of a failure, which a worker has handed over."""
    if report.failed and "PYTEST_XDIST_WORKER" not in os.environ:
        told = [text for title, text in report.sections if title == "oneloop: what crossed"]
        with Path(os.environ[LOG]).open("a", encoding="utf-8") as log:
            log.write(json.dumps([report.nodeid, told]) + "\n")
