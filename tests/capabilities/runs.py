"""Runs of all probes, in processes of their own: without the plugin, and in each strategy."""

from __future__ import annotations

import json
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import create_engine

from capabilities.probes import PROBES
from capabilities.schema import create
from pytest_oneloop.options import STRATEGIES
from tools import mariadb, servers
from tools.combinations import COMBINATIONS, having
from tools.projects import Project

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_oneloop.databases.address import ServerAddress
    from tools.mariadb import MariaDB

HERE = Path(__file__).parent
AT_ONCE = 2
"""How many runs go on at the same time."""
SECONDS = 200.0

SAME = "the same"
DIFFERENT = "different"

Found = dict[str, dict[str, str]]
"""By the probe and the strategy: `SAME`, `DIFFERENT`, or the code of an error of the plugin."""


@dataclass(frozen=True)
class Runs:
    """All probes on all databases.

    Args:
        postgresql: A server.
        mysql: A server; `None` if it is not asked for.
        folder: An empty one.
    """

    postgresql: ServerAddress
    mysql: MariaDB | None
    folder: Path

    def found(
        self, drivers: Iterable[str] = COMBINATIONS, strategies: Iterable[str] = STRATEGIES
    ) -> dict[str, Found]:
        """Return what became of the probes, by the driver. A probe that it lacks is left out."""
        strategies = tuple(strategies)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            given = list(drivers)
            found = pool.map(lambda one: self._of(one, strategies), given)
            return dict(zip(given, found, strict=True))

    def _of(self, driver: str, strategies: tuple[str, ...]) -> Found:
        truth = self._truth(driver)
        found: Found = {name: {} for name in truth}
        for strategy in strategies:
            told = self._run(driver, strategy, self._nowhere(driver), json.dumps(truth))
            for name in truth:
                tests = [told[f"{name}-{time}"] for time in range(_AGAIN[name])]
                raised = next((one["raised"] for one in tests if "raised" in one), "")
                named = raised.startswith("OL") and len(raised) == len("OL000")
                found[name][strategy] = raised if named else DIFFERENT if raised else SAME
        return found

    def _truth(self, driver: str) -> dict[str, Any]:
        """Return what each probe is to see: what the plugin promises, or else a plain database."""
        database = COMBINATIONS[driver].database
        if database == "sqlite":
            file = self.folder / f"{driver}.db"
            return self._plain(driver, f"/{file}")
        if database == "mysql":
            assert self.mysql is not None
            with mariadb.fresh_database(self.mysql, "plain") as server:
                return self._plain(driver, server.url("x").removeprefix("x://"))
        with servers.fresh_database(self.postgresql, "plain") as address:
            return self._plain(driver, servers.database_url(address, "x").removeprefix("x://"))

    def _plain(self, driver: str, place: str) -> dict[str, Any]:
        synchronous = {"postgresql": "psycopg", "sqlite": "pysqlite", "mysql": "pymysql"}
        database = COMBINATIONS[driver].database
        engine = create_engine(f"{database}+{synchronous[database]}://{place}")
        with engine.begin() as connection:
            create(connection)
        engine.dispose()
        told = self._run(driver, "", place, "")
        truth = {}
        for one in PROBES:
            outcome = told.get(f"{one.name}-0", {})
            if one.promise is not None:
                truth[one.name] = one.promise
            elif "raised" not in outcome and outcome["seen"] is not None:
                truth[one.name] = outcome["seen"]
        return truth

    def _nowhere(self, driver: str) -> str:
        return "/nowhere.db" if COMBINATIONS[driver].database == "sqlite" else "me:no@nobody/none"

    def _run(self, driver: str, strategy: str, place: str, truth: str) -> dict[str, Any]:
        folder = self.folder / f"run{next(_NUMBERS)}"
        shutil.copytree(HERE / "project", folder, ignore=shutil.ignore_patterns("__pycache__"))
        file = folder / "outcomes.json"
        database = COMBINATIONS[driver].database
        environment = {
            "PROBE_URL": f"{database}+{driver.partition(' ')[0]}://{place}",
            "PROBE_ASYNC": "yes" if driver in having("tasks") else "",
            "PROBE_PLAIN": "" if strategy else "yes",
            "PROBE_TRUTH": truth,
            "PROBE_OUTCOMES": str(file),
            "PYTHONPATH": os.pathsep.join(
                filter(None, (str(HERE.parent), os.environ.get("PYTHONPATH")))
            ),
            "ONELOOP_CACHE_DIR": str(self.folder / "cache"),
        }
        if database == "mysql":
            assert self.mysql is not None
            environment["ONELOOP_SERVER"] = replace(self.mysql, database="").url("mysql")
        elif database == "postgresql":
            address = replace(self.postgresql, database="postgres")
            environment["ONELOOP_SERVER"] = servers.database_url(address, "postgresql")
        options = [f"--oneloop-strategy={strategy}"] if strategy else ["-p", "no:oneloop"]
        with Project(folder).started("-q", "--tb=short", *options, **environment) as running:
            finished = running.finish(SECONDS)
        assert file.exists(), finished.output
        told: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        return told


_AGAIN = {one.name: one.again for one in PROBES}
_NUMBERS = count()
