"""Write the page of limits: `PYTHONPATH=tests python -m fidelity.write_limits`."""

from __future__ import annotations

import tempfile
from pathlib import Path

from fidelity.page import PAGE, render
from fidelity.runs import Runs
from tools.servers import running_server


def main() -> None:
    """Run all programs, and write what became of them."""
    with (
        running_server() as server,
        tempfile.TemporaryDirectory() as folder,
        Runs(server, Path(folder)).going_on() as runs,
    ):
        PAGE.write_text(render(runs), encoding="utf-8")


if __name__ == "__main__":
    main()
