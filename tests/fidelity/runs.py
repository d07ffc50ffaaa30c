"""Runs of all programs in a process of their own, by the plugin or without it."""

from __future__ import annotations

import json
import shutil
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import create_engine

from fidelity.schema import create
from fidelity.verdicts import Outcome
from pytest_oneloop.options import STRATEGIES
from tools.projects import Project
from tools.servers import database_url, fresh_database

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_oneloop.databases.address import ServerAddress

HERE = Path(__file__).parent
SECONDS = 200.0
"""How long one run may take; on a machine of its own it takes ten."""
AT_ONCE = 2
"""How many runs go on at the same time: much of each is waiting for the server."""


class RunFailedError(Exception):
    """A run has not told what became of the programs; every test that asks gets one of its own."""


Outcomes = dict[str, Outcome]
"""What became of each program, by its name."""


@dataclass(frozen=True)
class Runs:
    """All programs, on a plain database and in the strategies.

    Args:
        server: The server on which all of them run.
        folder: An empty one.
    """

    server: ServerAddress
    folder: Path
    _runs: dict[str, Future[Outcomes]] = field(default_factory=dict)

    def plain(self) -> Outcomes:
        """Return the outcomes on databases that the plugin has nothing to do with."""
        return self._result("plain")

    def strategy(self, name: str) -> Outcomes:
        """Return the outcomes in a strategy."""
        return self._result(name)

    def checked(self) -> Outcomes:
        """Return the outcomes under `auto` of tests that expect what a plain database gives.

        Only of those programs that had another outcome where nothing was expected.
        """
        return self._result("checked")

    def _result(self, name: str) -> Outcomes:
        error = self._runs[name].exception()
        if error is not None:
            # The last lines say most; hundreds of tests show them.
            text = f"{name}: {error!r}"[-1000:]
            raise RunFailedError(text) from None
        return self._runs[name].result()

    @contextmanager
    def going_on(self) -> Iterator[Runs]:
        """Make all runs in the background while the block lasts."""
        with ThreadPoolExecutor(AT_ONCE) as pool:
            self._runs["plain"] = pool.submit(self._run_plain)
            for name in STRATEGIES:
                self._runs[name] = pool.submit(self._run_strategy, name)
            if "auto" in STRATEGIES:
                self._runs["checked"] = pool.submit(self._run_checked)
            try:
                yield self
            finally:
                pool.shutdown(cancel_futures=True)

    def _run_plain(self) -> Outcomes:
        with fresh_database(self.server, "fidelity_template") as address:
            engine = create_engine(database_url(address, "postgresql+psycopg"))
            with engine.begin() as connection:
                create(connection)
            engine.dispose()
            return self._run("plain", "-p", "no:oneloop", FIDELITY_PLAIN=database_url(address))

    def _run_strategy(self, strategy: str, **environment: str) -> Outcomes:
        return self._run(
            "checked" if environment else strategy,
            f"--oneloop-strategy={strategy}",
            ONELOOP_SERVER=database_url(replace(self.server, database="postgres"), "postgresql"),
            **environment,
        )

    def _run_checked(self) -> Outcomes:
        plain, found = self.plain(), self.strategy("auto")
        truth = {name: plain[name].seen for name in plain if found[name] != plain[name]}
        file = self.folder / "truth.json"
        file.write_text(json.dumps(truth), encoding="utf-8")
        return self._run_strategy("auto", FIDELITY_TRUTH=str(file)) if truth else {}

    def _run(self, name: str, *options: str, **environment: str) -> Outcomes:
        folder = self.folder / name
        shutil.copytree(HERE / "project", folder, ignore=shutil.ignore_patterns("__pycache__"))
        file = folder / "outcomes.json"
        with Project(folder).started(
            *("-q", "--tb=short", *options),
            FIDELITY_OUTCOMES=str(file),
            PYTHONPATH=str(HERE.parent),
            **environment,
        ) as running:
            finished = running.finish(SECONDS)
        assert file.exists(), finished.output
        found = json.loads(file.read_text())
        return {program: Outcome(**outcome) for program, outcome in found.items()}
