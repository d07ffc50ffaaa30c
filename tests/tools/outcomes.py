"""What became of each test of an inner project, written to a file that the outer test reads."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pytest

_NAMED = re.compile(r"\bOL\d{3}\b")


class Outcomes:
    """Notes, by the reports that count, what each parametrised test has seen or raised.

    Args:
        variable: The environment variable that names the file.
    """

    def __init__(self, variable: str) -> None:
        self._file = Path(os.environ[variable])
        self._found: dict[str, dict[str, Any]] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note a report, under the test's parameters."""
        outcome = self._found.setdefault(report.nodeid.partition("[")[2].rstrip("]"), {})
        outcome.update(report.user_properties)
        if report.failed:
            code = _NAMED.search(report.longreprtext)
            outcome.setdefault("raised", code[0] if code else report.longreprtext)

    def pytest_sessionfinish(self) -> None:
        """Write the file."""
        self._file.write_text(json.dumps(self._found), encoding="utf-8")
