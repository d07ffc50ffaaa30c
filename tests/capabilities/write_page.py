"""Write the page of capabilities: `PYTHONPATH=tests python -m capabilities.write_page`."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from capabilities.page import FOUND, PAGE, render
from capabilities.runs import Runs
from tools.mariadb import running_mariadb
from tools.servers import running_server


def main() -> None:
    """Run all probes, and write what they have found."""
    with (
        running_server() as postgresql,
        running_mariadb() as mysql,
        tempfile.TemporaryDirectory() as folder,
    ):
        found = Runs(postgresql, mysql, Path(folder)).found()
    FOUND.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    PAGE.write_text(render(found), encoding="utf-8")


if __name__ == "__main__":
    main()
