"""What is to be added to a project's configuration, and what remains for a person to do."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pytest_oneloop.errors.project import SeveralCandidatesError, UnknownTargetError
from pytest_oneloop.project.importing import is_importable, missing_pythonpath
from pytest_oneloop.project.requirements import installed

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_oneloop.project.applications import Application
    from pytest_oneloop.project.discovery import Migrations, Project
    from pytest_oneloop.project.edits import Edit
    from pytest_oneloop.project.formats import Value
    from pytest_oneloop.project.sources import Place
    from pytest_oneloop.project.tables import Tables

_TARGET_PARTS = 2


@dataclass
class Proposal:
    """What `oneloop init` would do.

    Attributes:
        edit: The change of the configuration.
        application: What the tests will call, and where it comes from.
        schema: What the tables will come from.
        kept: What is set already and stays, one sentence each.
        by_hand: What a person has to do, one sentence each.
        packages: Packages that the project does not ask for yet.
    """

    edit: Edit
    application: str
    schema: str
    kept: list[str] = field(default_factory=list)
    by_hand: list[str] = field(default_factory=list)
    packages: list[str] = field(default_factory=list)


def propose(project: Project, *, app: str | None = None, schema: str | None = None) -> Proposal:
    """Decide what to add.

    Args:
        project: The project.
        app: The application, where the user names one.
        schema: What holds the tables, where the user names it.

    Raises:
        SeveralCandidatesError: There are several, and the user has not named one.
        UnknownTargetError: What the user named is not there.
        UneditableConfigurationError: Lines cannot be added to the file.
    """
    return _Planner(project).plan(app, schema)


class _Planner:
    """Collects the lines and the remarks."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._values: dict[str, Value] = {}
        self._tables: dict[str, dict[str, Value]] = {}
        self._folders: list[str] = []
        self._kept: list[str] = []
        self._by_hand: list[str] = []

    def plan(self, app: str | None, schema: str | None) -> Proposal:
        application = self._application(app)
        tables = self._schema(schema)
        self._drivers()
        self._asyncio_mode()
        self._pythonpath()
        edit = self._project.configuration.with_values(self._values, tables=self._tables)
        return Proposal(
            edit, application, tables, self._kept, self._by_hand, self._missing_packages()
        )

    def _application(self, named: str | None) -> str:
        project = self._project
        held = project.configuration.get("oneloop_app")
        if project.own_application:
            return f"the fixture oneloop_app ({self.shown(project.own_application)})"
        if held or project.entrypoint:
            source = project.configuration.place if held else "pyproject.toml [tool.fastapi]"
            target = held or project.entrypoint or ""
            if named and named != target:
                self._kept.append(f"The application is {target} ({source}), and stays so.")
            return f"{target} ({source})"
        usable = [one for one in project.applications if not one.wants]
        if named is None and not usable:
            return self._no_application()
        chosen = self._chosen_application(named, usable)
        target = named or chosen.target  # type: ignore[union-attr]
        in_pyproject = project.configuration.path.name == "pyproject.toml"
        if chosen and chosen.kind == "FastAPI" and not chosen.is_factory and in_pyproject:
            self._tables["tool.fastapi"] = {"entrypoint": target}
        else:
            self._values["oneloop_app"] = target
        if chosen is None:
            return target
        self._needs(chosen.target, chosen.folder)
        return f"{target} ({self.shown(chosen.place)})"

    def _chosen_application(
        self, named: str | None, usable: list[Application]
    ) -> Application | None:
        if named is not None:
            self._check("--app", named)
            return next((one for one in self._project.applications if one.target == named), None)
        if len(usable) > 1:
            # The first one is what the error proposes.
            usable.sort(key=lambda one: one.is_aside(self._project.folder))
            found = [(one.target, self.shown(one.place)) for one in usable]
            raise SeveralCandidatesError("applications", found=found, flag="--app")
        return usable[0]

    def _no_application(self) -> str:
        for one in self._project.applications:
            self._by_hand.append(
                f"{one.target} ({self.shown(one.place)}) cannot be called without "
                f"{', '.join(one.wants)}: write a fixture oneloop_app in conftest.py that "
                "returns the application."
            )
        if not self._project.applications:
            self._by_hand.append(
                "If the tests call an application, name it, for the fixture client: "
                f"{self._project.configuration.style.line('oneloop_app', 'module:app')}."
            )
        return "none found in the source"

    def _schema(self, named: str | None) -> str:
        project = self._project
        held = project.configuration.get("oneloop_schema")
        if held:
            if named and named != held:
                self._kept.append(f"oneloop_schema is {held}, and stays so.")
            return f"{held} ({project.configuration.place})"
        if named is not None:
            return self._named_schema(named)
        if len(project.migrations) > 1:
            found = [
                (f"alembic:{self._from_root(one.config)}", one.size) for one in project.migrations
            ]
            raise SeveralCandidatesError("schemas", found=found, flag="--schema")
        for migrations in project.migrations:
            if migrations.problem:
                self._by_hand.append(migrations.problem)
            if migrations.revisions or not project.tables:
                return self._schema_of_migrations(migrations)
        return self._schema_of_tables()

    def _schema_of_migrations(self, migrations: Migrations) -> str:
        if not migrations.found_by_itself:
            self._values["oneloop_schema"] = f"alembic:{self._from_root(migrations.config)}"
        return f"Alembic, {migrations.size} ({self.relative(migrations.config)})"

    def _named_schema(self, named: str) -> str:
        kind, _, file = named.partition(":")
        if kind == "alembic":
            if file and not (self._project.configuration.root / file).is_file():
                raise UnknownTargetError("--schema", named, problem="there is no such file")
        else:
            self._check("--schema", named)
            for one in self._project.tables:
                if one.target == named:
                    self._needs(one.target, one.folder)
        self._values["oneloop_schema"] = named
        return named

    def _schema_of_tables(self) -> str:
        tables = self._project.tables
        if not tables:
            self._by_hand.append(
                "If the tests need tables, name what makes them: "
                f"{self._project.configuration.style.line('oneloop_schema', 'module:Base')} "
                "(a MetaData, a declarative base, or a function)."
            )
            return "none found in the source: the database will be empty"
        if len(tables) > 1:
            found = [(one.target, self.shown(one.place)) for one in tables]
            raise SeveralCandidatesError("schemas", found=found, flag="--schema")
        [one] = tables
        if one.missing:
            self._by_hand.append(self._of_missing(one))
            return f"not known: {one.target} does not know all tables"
        self._values["oneloop_schema"] = one.target
        self._needs(one.target, one.folder)
        return f"{one.target} ({self.shown(one.place)})"

    def _of_missing(self, one: Tables) -> str:
        module, _, name = one.target.partition(":")
        line = self._project.configuration.style.line("oneloop_schema", f"module:{name}")
        return (
            f"Importing {module} does not import {', '.join(one.missing)}, where tables are. Name "
            f"a module that imports {name} and all of them: {line}."
        )

    def _drivers(self) -> None:
        """Speak of databases of other kinds, which the plugin does not isolate."""
        passed = (self._project.configuration.get("oneloop_passthrough") or "").replace(",", " ")
        for one in self._project.drivers:
            dialect = one.name.partition("+")[0]
            isolated = dialect.startswith("postgres") or dialect == "sqlite"
            if not isolated and dialect not in passed.split():
                line = self._project.configuration.style.line("oneloop_passthrough", [dialect])
                self._by_hand.append(
                    f"{one.name} ({self.shown(one.place)}) is not isolated. Where tests use such "
                    f"an engine, {line} leaves it alone, without isolation."
                )

    def _asyncio_mode(self) -> None:
        project = self._project
        held = project.configuration.get("asyncio_mode")
        if held is not None:
            if held != "auto":
                self._kept.append(
                    f"asyncio_mode is {held}, and stays so: mark each test with "
                    "@pytest.mark.asyncio, or write auto."
                )
        elif project.runs_on_anyio:
            self._kept.append(
                "The tests are run by anyio's plugin, so asyncio_mode is not set; client and "
                "db_session work there too."
            )
        elif project.requirements.have("pytest-asyncio"):
            self._values["asyncio_mode"] = "auto"
        else:
            self._by_hand.append(
                "Install pytest-asyncio, which runs tests that are async def, and run this "
                "command again: it adds asyncio_mode then."
            )

    def _pythonpath(self) -> None:
        if not self._folders:
            return
        held = self._project.configuration.get("pythonpath")
        if held is None:
            self._values["pythonpath"] = self._folders
            return
        self._kept.append(
            f"pythonpath is {held}, and stays so: add {' '.join(self._folders)} to it, unless the "
            "project is installed where the tests run."
        )

    def _missing_packages(self) -> list[str]:
        requirements = self._project.requirements
        packages: list[str] = []
        if not requirements.name("pytest-oneloop"):
            packages.append('"pytest-oneloop[postgres]"')
        if not requirements.have("pytest-asyncio") and not self._project.runs_on_anyio:
            packages.append("pytest-asyncio")
        if not any(requirements.have(name) for name in ("httpx", "httpx2")):
            packages.append("httpx")
        return packages

    def _needs(self, target: str, folder: Path) -> None:
        missing = missing_pythonpath(self._project, target, folder)
        if missing and missing not in self._folders:
            self._folders.append(missing)

    def _check(self, flag: str, named: str) -> None:
        """Look whether what the user named is in the source; what is installed is believed."""
        parts = named.removesuffix("()").split(":")
        if len(parts) != _TARGET_PARTS or not all(
            piece.isidentifier() for part in parts for piece in part.split(".")
        ):
            raise UnknownTargetError(flag, named, problem="it is not of the form module:name")
        module = self._project.sources.by_name.get(parts[0])
        if module is None:
            top = parts[0].partition(".")[0]
            if (installed(top) is None and self._is_own(top)) or not is_importable(top):
                raise UnknownTargetError(flag, named, problem=f"there is no module {parts[0]}")
            return
        names = module.defined | set(module.imported)
        if parts[1].partition(".")[0] not in names and not any(one[0] == "*" for one in names):
            problem = f"{self.relative(module.path)} has no {parts[1]}"
            raise UnknownTargetError(flag, named, problem=problem)
        self._needs(named, module.folder)

    def _is_own(self, top: str) -> bool:
        return any(name.partition(".")[0] == top for name in self._project.sources.by_name)

    def _from_root(self, path: Path) -> str:
        return os.path.relpath(path, self._project.configuration.root)

    def shown(self, place: Place) -> str:
        return f"{self.relative(place.path)}:{place.line}"

    def relative(self, path: Path) -> str:
        folder = self._project.folder
        return str(path.relative_to(folder)) if path.is_relative_to(folder) else str(path)
