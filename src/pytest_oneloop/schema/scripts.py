"""An Alembic project as it lies on disk, read without importing Alembic or the project."""

from __future__ import annotations

import configparser
import importlib.util
import os
import re
import tomllib
from dataclasses import dataclass
from importlib.machinery import PathFinder
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_oneloop.errors.schema import MigrationEnvironmentError, NoRevisionsError

if TYPE_CHECKING:
    from collections.abc import Iterator

_REVISION = re.compile(rb"""^revision\s*(?::[^=\n]+)?=\s*["']([^"']+)["']""", re.MULTILINE)
# Alembic's own names for what stands between two paths.
_SEPARATORS = {"space": " ", "newline": "\n", "os": os.pathsep, ":": ":", ";": ";"}


@dataclass(frozen=True, slots=True)
class AlembicProject:
    """Where an Alembic project keeps its parts.

    Attributes:
        ini: Its `alembic.ini`, if it has one.
        toml: Its `pyproject.toml`, if that has a table `[tool.alembic]`.
        folder: The script location: the folder of `env.py`.
        versions: The folders of the revisions.
        sys_path: What `prepend_sys_path` names, as absolute folders.
        prepended: The same, as it is written.
        recursive: Whether revisions lie in folders below `versions` as well.
    """

    ini: Path | None
    toml: Path | None
    folder: Path
    versions: tuple[Path, ...]
    sys_path: tuple[str, ...]
    prepended: tuple[str, ...]
    recursive: bool

    @property
    def config(self) -> Path:
        """The file that a person would open to configure it."""
        return _config_of(self.ini, self.toml)

    @property
    def env(self) -> Path:
        """The script that runs the migrations."""
        return self.folder / "env.py"

    def revisions(self) -> dict[Path, str]:
        """Return each revision's file and id, by reading the files. Costs some 30 µs a file."""
        found: dict[Path, str] = {}
        for folder in self.versions:
            pattern = "**/*.py" if self.recursive else "*.py"
            for file in sorted(folder.glob(pattern)):
                match = _REVISION.search(file.read_bytes())
                if match:
                    found[file.resolve()] = match[1].decode()
        return found

    def files(self) -> Iterator[tuple[str, Path]]:
        """Yield every file that a migration may read, each with a name that no path is part of.

        These are the files of any kind below the script location and the folders of revisions, and
        the configuration. Caches and hidden files are not among them.
        """
        if self.ini:
            yield "config", self.ini
        for number, folder in enumerate(dict.fromkeys((self.folder, *self.versions))):
            for file in sorted(folder.rglob("*")):
                parts = file.relative_to(folder).parts
                if "__pycache__" in parts or any(part.startswith(".") for part in parts):
                    continue
                if file.is_file():
                    yield f"{number}/{'/'.join(parts)}", file


def find_alembic(rootdir: Path) -> tuple[Path | None, Path | None] | None:
    """Look for Alembic's configuration from `rootdir` upwards, to where the project ends.

    A project ends at the first folder with a `.git` or a `pyproject.toml`; that one is looked at.

    Returns:
        `alembic.ini` and the `pyproject.toml` with a table `[tool.alembic]`, either of which may
        be `None`; `None` alone if neither is found.
    """
    for folder in (rootdir, *rootdir.parents):
        ini = folder / "alembic.ini"
        toml = alembic_toml(folder)
        if ini.is_file() or toml:
            return (ini if ini.is_file() else None), toml
        if (folder / ".git").exists() or (folder / "pyproject.toml").is_file():
            return None
    return None


def alembic_toml(folder: Path) -> Path | None:
    """Return the folder's `pyproject.toml` if it has a table `[tool.alembic]`."""
    file = folder / "pyproject.toml"
    return file if file.is_file() and alembic_table(file) else None


def alembic_table(toml: Path) -> dict[str, Any]:
    """Return the table `[tool.alembic]`; empty if there is none, or the file is not TOML."""
    try:
        table = tomllib.loads(toml.read_text(encoding="utf-8")).get("tool", {}).get("alembic", {})
    except tomllib.TOMLDecodeError:
        # pytest reads the same file, and has the better message for it.
        return {}
    return table if isinstance(table, dict) else {}


def read_project(ini: Path | None, toml: Path | None) -> AlembicProject:
    """Read where an Alembic project keeps its parts.

    Relative paths are taken from the folder of the configuration, so that pytest may run from
    anywhere; if nothing is there, from the current folder, as Alembic itself does.

    Raises:
        NoRevisionsError: It names no script location, or one that does not exist.
        MigrationEnvironmentError: The file cannot be read.
    """
    config = _config_of(ini, toml)
    here = config.absolute().parent
    options = _options(ini, toml)
    location = options.get("script_location")
    if not location:
        raise NoRevisionsError(config, reason="it has no script_location")
    prepended = _paths(options, "prepend_sys_path", r", *|(?: +)|:")
    sys_path = [os.path.normpath(here / path) for path in prepended]
    folder = _place(str(location), here, sys_path)
    if folder is None or not folder.is_dir():
        raise NoRevisionsError(config, reason=f"its script_location {location} does not exist")
    locations = _paths(options, "version_locations", r", *|(?: +)")
    versions = [_place(text, here, sys_path) for text in locations]
    return AlembicProject(
        ini=ini,
        toml=toml,
        folder=folder,
        versions=tuple(one for one in versions if one) or (folder / "versions",),
        sys_path=tuple(sys_path),
        prepended=tuple(prepended),
        recursive=str(options.get("recursive_version_locations", "")).lower() == "true",
    )


def _config_of(ini: Path | None, toml: Path | None) -> Path:
    config = ini or toml
    if config is None:
        raise ValueError("an Alembic project has an alembic.ini or a pyproject.toml")
    return config


def _options(ini: Path | None, toml: Path | None) -> dict[str, Any]:
    """Return Alembic's options; those of `alembic.ini` win, as in Alembic."""
    options: dict[str, Any] = {}
    if toml:
        here = toml.absolute().parent.as_posix()
        for key, value in alembic_table(toml).items():
            options[key] = _filled_in(value, here)
    if ini:
        parser = configparser.ConfigParser({"here": ini.absolute().parent.as_posix()})
        try:
            parser.read(ini, encoding="utf-8")
            if parser.has_section("alembic"):
                options.update(parser.items("alembic"))
        except (configparser.Error, UnicodeDecodeError) as error:
            raise MigrationEnvironmentError(ini, line=None, error=error) from error
    return options


def _filled_in(value: object, here: str) -> object:
    if isinstance(value, str):
        return value.replace("%(here)s", here)
    if isinstance(value, list):
        return [_filled_in(one, here) for one in value]
    return value


def _paths(options: dict[str, Any], name: str, old_separators: str) -> list[str]:
    """Split one option into paths, the way that Alembic does."""
    value = options.get(name)
    if not value:
        return []
    if isinstance(value, list):
        return [str(one) for one in value]
    kind = options.get("path_separator")
    if kind is None and name == "version_locations":
        kind = options.get("version_path_separator")
    separator = _SEPARATORS.get(str(kind))
    parts = str(value).split(separator) if separator else re.split(old_separators, str(value))
    return [part.strip() for part in parts if part.strip()]


def _place(text: str, here: Path, sys_path: list[str]) -> Path | None:
    """Return the folder that Alembic means by a path, or by `package:folder`."""
    if os.path.isabs(text):  # noqa: PTH117 - a Windows drive's colon is no package
        return Path(text)
    if ":" not in text:
        beside = here / text
        return beside if beside.exists() else Path(text).absolute()
    package, *rest = text.split(":")
    return _package_folder(package, sys_path, *rest)


def _package_folder(package: str, sys_path: list[str], *rest: str) -> Path | None:
    """Find a package's folder without importing anything of it."""
    top, *inner = package.split(".")
    spec = PathFinder.find_spec(top, sys_path) or importlib.util.find_spec(top)
    if spec is None:
        return None
    for location in spec.submodule_search_locations or ():
        folder = Path(location, *inner, *rest)
        if folder.is_dir():
            return folder
    return None
