"""Runs of all programs in a process of their own, by the plugin or without it."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import create_engine

from fidelity.schema import create
from fidelity.verdicts import Outcome
from tools.projects import Project
from tools.servers import database_url, fresh_database

if TYPE_CHECKING:
    from pytest_oneloop.databases.address import ServerAddress

HERE = Path(__file__).parent
CHECKED = "-checked"
"""What follows a program's name where its test has also compared what it saw with the truth."""


@dataclass
class Runs:
    """All programs, on a plain database and in the strategies.

    Args:
        server: The server on which all of them run.
        folder: An empty one.
    """

    server: ServerAddress
    folder: Path
    _found: dict[str, dict[str, Outcome]] = field(default_factory=dict)

    def plain(self) -> dict[str, Outcome]:
        """Return the outcomes on databases that the plugin has nothing to do with."""
        if "plain" not in self._found:
            with fresh_database(self.server, "fidelity_template") as address:
                engine = create_engine(database_url(address, "postgresql+psycopg"))
                with engine.begin() as connection:
                    create(connection)
                engine.dispose()
                self._found["plain"] = self._run(
                    "plain", "-p", "no:oneloop", FIDELITY_PLAIN=database_url(address)
                )
        return self._found["plain"]

    def strategy(self, name: str) -> dict[str, Outcome]:
        """Return the outcomes in a strategy; under `auto` also those of tests that check."""
        if name not in self._found:
            truth = {}
            if name == "auto":
                file = self.folder / "truth.json"
                seen = {program: outcome.seen for program, outcome in self.plain().items()}
                file.write_text(json.dumps(seen), encoding="utf-8")
                truth["FIDELITY_TRUTH"] = str(file)
            server = replace(self.server, database="postgres")
            self._found[name] = self._run(
                name,
                f"--oneloop-strategy={name}",
                ONELOOP_SERVER=database_url(server, "postgresql"),
                **truth,
            )
        return self._found[name]

    def _run(self, name: str, *options: str, **environment: str) -> dict[str, Outcome]:
        folder = self.folder / name
        shutil.copytree(HERE / "project", folder, ignore=shutil.ignore_patterns("__pycache__"))
        file = folder / "outcomes.json"
        finished = Project(folder).run(
            *("-q", "--tb=short", *options),
            FIDELITY_OUTCOMES=str(file),
            PYTHONPATH=str(HERE.parent),
            **environment,
        )
        assert file.exists(), finished.output
        found = json.loads(file.read_text())
        return {program: Outcome(**outcome) for program, outcome in found.items()}
