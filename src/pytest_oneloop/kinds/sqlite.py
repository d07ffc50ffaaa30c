"""SQLite: a file for each worker, a copy of the template."""

from __future__ import annotations

import importlib.util
import shutil
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pytest_oneloop.drivers import ATTACHED, TEMPLATE
from pytest_oneloop.forecast import Forecast, describe
from pytest_oneloop.kinds.copies import CopyingIsolation
from pytest_oneloop.plan import BUILD_SECONDS, WorkerDatabase, find_seed
from pytest_oneloop.sandbox.ids import Restart
from pytest_oneloop.sandbox.outer import Constraints

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy.engine import Dialect

    from pytest_oneloop.databases.sqlite.templates import Template, TemplateCache
    from pytest_oneloop.kinds import Kind
    from pytest_oneloop.kinds.copies import Restoration
    from pytest_oneloop.plan import Plan
    from pytest_oneloop.sandbox.link import Link
    from pytest_oneloop.schema import SchemaSource

_ADDRESS: Final = frozenset({"database", "uri", "check_same_thread"})
"""What of a driver's `connect` says which file is meant, and who may use the connection."""


@dataclass(frozen=True, slots=True)
class File:
    """One file, as the router's target.

    Attributes:
        path: Where it is.
        constraints: Whether its schema has deferred foreign keys.
        ids: Nothing: SQLite's ids take part in transactions, and lie in the file.
        key: Which one of the run's it is.
    """

    path: Path
    constraints: Constraints = field(default_factory=Constraints)
    ids: Restart = field(default_factory=Restart)
    key: str = "sqlite"

    @property
    def dialect(self) -> str:
        """The name of SQLAlchemy's dialect."""
        return "sqlite"

    @property
    def database(self) -> str:
        """Its name: the path."""
        return str(self.path)

    def url(self, drivername: str) -> str:
        """Return the URL by which a driver opens it."""
        return f"{drivername}:///{self.path}"

    def connect_arguments(self, dialect: Dialect, given: dict[str, Any]) -> dict[str, Any]:
        """Return what leads here; the application's other arguments are kept."""
        del dialect
        kept = {name: value for name, value in given.items() if name not in _ADDRESS}
        # The plugin closes connections from wherever it is called.
        return kept | {"database": str(self.path), "check_same_thread": False}


@dataclass(frozen=True, slots=True)
class NewFile(File):
    """A file in which the schema is built, by real connections."""

    def connect_arguments(self, dialect: Dialect, given: dict[str, Any]) -> dict[str, Any]:
        """Return what leads here; files that are attached are copies."""
        from pytest_oneloop.sandbox.sqlite.driver import OnSqlite  # noqa: PLC0415 - if needed

        return OnSqlite.direct(File.connect_arguments(self, dialect, given))


class FileCopier:
    """What is done with files."""

    def restoration(self, worker: WorkerDatabase[File]) -> Restoration:
        """Return what puts the worker's file back."""
        from pytest_oneloop.databases.sqlite.restoration import (  # noqa: PLC0415 - if needed
            FileRestoration,
        )

        return FileRestoration(worker.destination.path, Path(worker.template))

    def end(self, _worker: WorkerDatabase[File], left: list[Link]) -> None:
        """Let go of connections that are still in the transaction of an earlier test."""
        for link in left:
            link.driver.abandon()

    def copy(self, worker: WorkerDatabase[File], number: int) -> File:
        """Return a copy of the template (0.2 ms)."""
        from pytest_oneloop.databases.sqlite.restoration import replace  # noqa: PLC0415

        own = worker.destination
        path = own.path.with_name(f"clone-{number}.db")
        replace(path, Path(worker.template))
        return File(path, own.constraints, key=own.key)

    def remove(self, clone: File) -> None:
        """Remove a copy."""
        from pytest_oneloop.databases.sqlite.folders import remove_database  # noqa: PLC0415

        remove_database(clone.path)


class SQLite:
    """The kind of SQLite's databases."""

    dialect = "sqlite"

    @contextmanager
    def provide(self, plan: Plan) -> Iterator[WorkerDatabase[File]]:
        """Make the worker's file, until the context ends. Some 5 ms, with a template at hand."""
        import sqlite3  # noqa: PLC0415 - on first need

        from pytest_oneloop.databases.sqlite.folders import run_folder  # noqa: PLC0415
        from pytest_oneloop.databases.sqlite.restoration import replace  # noqa: PLC0415
        from pytest_oneloop.databases.sqlite.templates import TemplateCache  # noqa: PLC0415
        from pytest_oneloop.databases.templates import TemplateFacts  # noqa: PLC0415

        started = time.monotonic()
        with run_folder(plan.run_id, plan.worker) as (folder, in_memory):
            source = plan.schema(self.dialect)
            facts, built, template = None, False, folder / "empty.db"
            if source is None:
                template.touch()
            else:
                kept = plan.settings.cache_dir
                cache = TemplateCache(kept.value, source=kept.source)
                found, built = _template(plan, cache, source, folder)
                facts, template = TemplateFacts.from_json(found.facts), found.path
            for attached in template.parent.glob(f"{TEMPLATE}{ATTACHED}*.db"):
                shutil.copy(attached, folder)
            path = folder / "test.db"
            replace(path, template)
            yield WorkerDatabase(
                destination=File(
                    path,
                    Constraints(facts is not None and facts.has_deferrable),
                    key=plan.key(self.dialect),
                ),
                product="SQLite",
                version=sqlite3.sqlite_version,
                server="",
                in_memory=in_memory,
                schema=facts.schema if facts else "",
                built=built,
                driver=facts.driver if facts else None,
                seconds=time.monotonic() - started,
                template=str(template),
                renew=partial(replace, path, template),
            )

    def isolation(
        self, database: Callable[[], WorkerDatabase[File]], give_up: Callable[[], list[Link]]
    ) -> CopyingIsolation[File]:
        """Return what puts it back."""
        return CopyingIsolation(database, give_up, FileCopier())

    def asynchronous_drivername(self, preferred: str | None) -> str:
        """Choose the driver for engines that fixtures make: the one there is, if it is there."""
        del preferred
        return "sqlite+aiosqlite" if importlib.util.find_spec("aiosqlite") else "sqlite"

    def forecast(self, plan: Plan) -> Forecast:
        """Say what a run will use."""
        import sqlite3  # noqa: PLC0415 - on first need

        from pytest_oneloop.databases.sqlite.templates import TemplateCache  # noqa: PLC0415

        version = sqlite3.sqlite_version
        source, schema = describe(plan, self.dialect)
        template = None
        if source is not None and source.name.startswith("alembic"):
            cache = TemplateCache(plan.settings.cache_dir.value)
            _, found = find_seed(cache, source, _server(version), plan.rootdir)
            template = "cached" if found else "not built yet"
        return Forecast(f"SQLite {version} file", schema, template)


def _template(
    plan: Plan, cache: TemplateCache, source: SchemaSource, folder: Path
) -> tuple[Template, bool]:
    """Return the template of the schema, and whether it was built just now."""
    import sqlite3  # noqa: PLC0415 - on first need

    from pytest_oneloop.databases.sqlite.templates import populate  # noqa: PLC0415

    fingerprint, found = find_seed(cache, source, _server(sqlite3.sqlite_version), plan.rootdir)
    if found is not None:
        return found, False

    def fill() -> tuple[Path, dict[str, object]]:
        path = folder / "building.db"
        redirect = partial(plan.redirect, NewFile(path, key=plan.key("sqlite")))
        facts = populate(path, source, redirect, fingerprint=fingerprint)
        return path, facts.to_json()

    return cache.build(fingerprint, fill, timeout=BUILD_SECONDS), True


def _server(version: str) -> str:
    return f"sqlite {version}"


KIND: Final[Kind] = SQLite()
