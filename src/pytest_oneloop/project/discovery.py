"""All that `oneloop init` wants to know of a project. Reads files, and runs nothing of them."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_oneloop.errors import SetupError
from pytest_oneloop.errors.project import NoProjectError
from pytest_oneloop.project import configuration as configurations
from pytest_oneloop.project.applications import find_applications
from pytest_oneloop.project.obsolete import find_obsolete
from pytest_oneloop.project.requirements import Requirements
from pytest_oneloop.project.sources import TEST_FOLDERS, Place, read_sources, statements
from pytest_oneloop.project.tables import find_tables
from pytest_oneloop.schema.scripts import find_alembic, read_project

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytest_oneloop.project.applications import Application
    from pytest_oneloop.project.configuration import Configuration
    from pytest_oneloop.project.obsolete import Obsolete
    from pytest_oneloop.project.sources import Sources
    from pytest_oneloop.project.tables import Tables

_MARKS = ("pyproject.toml", "setup.py", "setup.cfg", ".git", "alembic.ini")
_URL = re.compile(r"(postgresql|postgres|sqlite|mysql|mariadb)(\+\w+)?(?=://|$)")


@dataclass(frozen=True, slots=True)
class Migrations:
    """An Alembic configuration.

    Attributes:
        config: The file.
        found_by_itself: Whether the plugin finds it without a setting.
        revisions: How many revisions it has.
        problem: Why they cannot be counted; `None` if they can.
    """

    config: Path
    found_by_itself: bool
    revisions: int
    problem: str | None = None

    @property
    def size(self) -> str:
        """How many revisions, in words."""
        return f"{self.revisions} revision{'' if self.revisions == 1 else 's'}"


@dataclass(frozen=True, slots=True)
class Driver:
    """A kind of database URL that the source names: `postgresql+asyncpg`."""

    name: str
    place: Place


@dataclass(frozen=True, slots=True)
class Project:
    """A project as its files show it.

    Attributes:
        folder: The folder whose source was read.
        configuration: Where pytest's configuration is kept.
        sources: The modules.
        applications: The applications that were found.
        migrations: Alembic's configuration; several, or none.
        tables: The objects that hold tables.
        drivers: The kinds of database URLs, each once.
        obsolete: What can be deleted.
        own_application: Where the project has a fixture `oneloop_app` of its own, or `None`.
        entrypoint: What `[tool.fastapi]` names already, or `None`.
        runs_on_anyio: Whether tests are run by anyio's plugin.
        requirements: The packages that it asks for.
    """

    folder: Path
    configuration: Configuration
    sources: Sources
    applications: list[Application]
    migrations: list[Migrations]
    tables: list[Tables]
    drivers: list[Driver]
    obsolete: list[Obsolete]
    own_application: Place | None
    entrypoint: str | None
    runs_on_anyio: bool
    requirements: Requirements

    @property
    def part_of(self) -> Path | None:
        """The folder of the project that this one seems to be a part of, if it does.

        That is so for a package, or a folder of tests, in which nothing configures pytest.
        """
        outer = self.folder
        if self.configuration.text is not None:
            return None
        while (outer / "__init__.py").is_file():
            outer = outer.parent
        if outer.name in TEST_FOLDERS:
            outer = outer.parent
        return outer if outer != self.folder else None


def discover(folder: Path) -> Project:
    """Look at the project that a folder belongs to.

    Costs a read and a parse of each Python file: about a second for 50,000 lines.

    Raises:
        NotAFolderError: `folder` is a file, or is not there.
        NoProjectError: There is nothing of Python in it.
        MalformedConfigurationError: A file of configuration is not valid.
    """
    configuration = configurations.find(folder)
    top = _top(folder.absolute(), configuration.root)
    pythonpath = (configuration.get("pythonpath") or "").split()
    sources = read_sources(top, pythonpath=[configuration.root / one for one in pythonpath])
    if not sources.modules and not sources.unread and configuration.path.parent != top:
        raise NoProjectError(top)
    if not sources.modules and not sources.unread and configuration.text is None:
        raise NoProjectError(top)
    return Project(
        folder=top,
        configuration=configuration,
        sources=sources,
        applications=find_applications(sources),
        migrations=_migrations(configuration.root, sources),
        tables=find_tables(sources),
        drivers=_drivers(sources),
        obsolete=find_obsolete(sources),
        own_application=_own_application(sources),
        entrypoint=_entrypoint(configuration.root),
        runs_on_anyio=_runs_on_anyio(sources),
        requirements=Requirements([configuration.root, top]),
    )


def _top(folder: Path, root: Path) -> Path:
    """Return the nearest folder that looks like a project's, up to pytest's root folder."""
    for base in (folder, *folder.parents):
        if base == root or any((base / mark).exists() for mark in _MARKS):
            return base
    return folder


def _migrations(root: Path, sources: Sources) -> list[Migrations]:
    found = find_alembic(root)
    if found is not None:
        return [_read_migrations(*found, found_by_itself=True)]
    return [_read_migrations(ini, None, found_by_itself=False) for ini in sources.others]


def _read_migrations(ini: Path | None, toml: Path | None, *, found_by_itself: bool) -> Migrations:
    config = next(file for file in (ini, toml) if file is not None)
    try:
        return Migrations(config, found_by_itself, len(read_project(ini, toml).revisions()))
    except SetupError as error:
        return Migrations(config, found_by_itself, 0, problem=error.what)


def _drivers(sources: Sources) -> list[Driver]:
    found: dict[str, Driver] = {}
    for module in sources.modules:
        if module.is_test:
            continue
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                match = _URL.match(node.value)
                if match and (match[2] or "://" in node.value):
                    place = Place(module.path, node.lineno)
                    found.setdefault(match[0], Driver(match[0], place))
    return list(found.values())


def _own_application(sources: Sources) -> Place | None:
    for module in sources.modules:
        for node in statements(module.tree) if module.path.name == "conftest.py" else ():
            if isinstance(node, ast.FunctionDef) and node.name == "oneloop_app":
                return Place(module.path, node.lineno)
    return None


def _entrypoint(root: Path) -> str | None:
    pyproject = root / configurations.PYPROJECT
    if not pyproject.is_file():
        return None
    entrypoint = configurations.tool_table(pyproject, "tool.fastapi").get("entrypoint")
    return str(entrypoint) if entrypoint else None


def _runs_on_anyio(sources: Sources) -> bool:
    words = {word for module in sources.modules if module.is_test for word in _words(module.tree)}
    return ("anyio_backend" in words or "mark.anyio" in words) and "mark.asyncio" not in words


def _words(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            yield node.name
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Attribute):
            yield f"{node.value.attr}.{node.attr}"
