"""Where a project keeps pytest's configuration, what is set there, and how lines are added.

Which file it is follows pytest's own rule: from the folder upwards, the first folder with a file
that configures pytest; in one folder `pytest.toml`, `.pytest.toml` (both since pytest 9),
`pytest.ini`, `.pytest.ini`, `pyproject.toml`, `tox.ini` and `setup.cfg`, in this order. Where none
does, it is the nearest `pyproject.toml`, and without one a new `pytest.ini`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING

from pytest_oneloop.errors.project import (
    MalformedConfigurationError,
    NotAFolderError,
    UneditableConfigurationError,
)
from pytest_oneloop.project.edits import Edit, Kept, with_newlines_of
from pytest_oneloop.project.formats import IniStyle, TomlStyle

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from pytest_oneloop.project.formats import Style, Value

PYPROJECT = "pyproject.toml"
_IN_PYPROJECT = TomlStyle("tool.pytest.ini_options")
_NATIVE_SINCE = 9
"""The first pytest that reads values as TOML has them."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """The file with pytest's configuration, as it is.

    Attributes:
        path: The file. It exists, unless nothing in the project configures pytest.
        text: Its content; `None` if there is no such file.
        style: How values are written in it.
        values: What is set, by name, as pytest's own reader gives it.
    """

    path: Path
    text: str | None
    style: Style
    values: Mapping[str, object]

    @property
    def root(self) -> Path:
        """The root folder of pytest, from which relative paths in the values count."""
        return self.path.parent

    @property
    def place(self) -> str:
        """The file's name and the table or section: `pyproject.toml [tool.pytest.ini_options]`."""
        return f"{self.path.name} {self.style.section}"

    def get(self, name: str) -> str | None:
        """Return the value of an option as text; several are joined by a space.

        Returns:
            `None` where it is not set; a value that is empty counts as set.
        """
        value = self.values.get(name)
        return None if value is None else _text(value)

    def table(self, name: str) -> dict[str, object]:
        """Return another table of the same file, such as `tool.fastapi`; empty if not there."""
        return self.style.table(_plain(self.text), name)

    def with_values(
        self,
        values: Mapping[str, Value],
        *,
        tables: Mapping[str, Mapping[str, Value]] | None = None,
    ) -> Edit:
        """Return the change that sets options which are not set yet. Writes nothing.

        A value that is set stays as it is, whatever it is; where it differs from what is wanted,
        `Edit.kept` has it.

        Args:
            values: Options of pytest.
            tables: For a `pyproject.toml`: values for other tables, by the table's dotted name.

        Raises:
            UneditableConfigurationError: The file is written in a way that lines cannot be added.
        """
        before = _plain(self.text)
        kept: list[Kept] = []
        added: dict[str, dict[str, Value]] = {}
        wanted = [(name, dict(table)) for name, table in (tables or {}).items()]
        missing: dict[str | None, dict[str, Value]] = {}
        for table, new in [*wanted, (None, dict(values))]:
            held = self.table(table) if table else self.values
            kept += [
                Kept(name, _text(held[name]), _text(value))
                for name, value in new.items()
                if name in held and _text(held[name]) != _text(value)
            ]
            lacking = {name: value for name, value in new.items() if name not in held}
            if lacking:
                added[f"[{table}]" if table else self.style.section] = lacking
                missing[table] = lacking
        after = self._added(before, missing)
        changed = with_newlines_of(self.text or "", after) if added else (self.text or "")
        return Edit(self.path, self.text, changed, added, tuple(kept))

    def _added(self, text: str, missing: Mapping[str | None, Mapping[str, Value]]) -> str:
        """Return the text with values added to tables, after a look at what a reader would find."""
        after = text
        try:
            for table, values in missing.items():
                before = self._values_of(after, table)
                after = self.style.added(after, values, table=table)
                found = self._values_of(after, table)
                if _texts(found) != _texts(before | dict(values)):
                    message = "a reader finds other values"
                    raise ValueError(message)  # noqa: TRY301 - it is told as what a library says is
        except ValueError as error:
            lines = [
                line
                for table, values in missing.items()
                for line in self.style.by_hand(text, values, table=table)
            ]
            raise UneditableConfigurationError(self.path, lines=lines) from error
        return after

    def _values_of(self, text: str, table: str | None) -> dict[str, object]:
        return self.style.table(text, table) if table else (self.style.read(text) or {})


def find(folder: Path) -> Configuration:
    """Find pytest's configuration as pytest does that is run in `folder`. Reads files only.

    Raises:
        NotAFolderError: `folder` is a file, or is not there.
        MalformedConfigurationError: A file that may hold it is not valid, or cannot be read.
    """
    if not folder.is_dir():
        raise NotAFolderError(folder, exists=folder.exists())
    folder = folder.absolute()
    nearest: Path | None = None
    for base in (folder, *folder.parents):
        for name, style in _styles():
            path = base / name
            if not path.is_file():
                continue
            if name == PYPROJECT and nearest is None:
                nearest = path
            text = read_text(path)
            try:
                values = style.read(_plain(text))
            except ValueError as error:
                raise MalformedConfigurationError(path, problem=_one_line(error)) from error
            if values is not None:
                return Configuration(path, text, style, values)
    if nearest:
        return Configuration(nearest, read_text(nearest), _IN_PYPROJECT, {})
    return Configuration(folder / "pytest.ini", None, IniStyle("pytest", own=True), {})


def read_text(path: Path) -> str:
    """Return a configuration file's text, with the newlines that it has.

    Raises:
        MalformedConfigurationError: It cannot be read, or is not UTF-8.
    """
    try:
        return path.read_bytes().decode()
    except UnicodeDecodeError as error:
        problem = f"it is not UTF-8 (byte {error.start})"
        raise MalformedConfigurationError(path, problem=problem) from error
    except OSError as error:
        problem = (error.strerror or str(error)).lower()
        raise MalformedConfigurationError(path, problem=problem) from error


def tool_table(pyproject: Path, name: str) -> dict[str, object]:
    """Return a table of a `pyproject.toml`, such as `tool.fastapi`; empty if it is not there.

    Raises:
        MalformedConfigurationError: The file is not valid TOML, or cannot be read.
    """
    text = read_text(pyproject)
    try:
        return _IN_PYPROJECT.table(_plain(text), name)
    except ValueError as error:
        raise MalformedConfigurationError(pyproject, problem=_one_line(error)) from error


def _styles() -> Iterator[tuple[str, Style]]:
    """Yield the files that pytest looks for in a folder, and how each is read, in pytest's order.

    As in `_pytest/config/findpaths.py` of pytest 9.2; documented under "Configuration file
    formats". The test `test_the_order_is_that_of_pytest` asks pytest itself.
    """
    native = int(re.split(r"\D", version("pytest"))[0]) >= _NATIVE_SINCE
    if native:
        yield "pytest.toml", TomlStyle("pytest", own=True)
        yield ".pytest.toml", TomlStyle("pytest", own=True)
    yield "pytest.ini", IniStyle("pytest", own=True)
    # An empty one counts since pytest 9.
    yield ".pytest.ini", IniStyle("pytest", own=native)
    if native:
        yield PYPROJECT, TomlStyle("tool.pytest")
    yield PYPROJECT, _IN_PYPROJECT
    yield "tox.ini", IniStyle("pytest")
    yield "setup.cfg", IniStyle("tool:pytest")


def _plain(text: str | None) -> str:
    return (text or "").replace("\r\n", "\n")


def _text(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


def _texts(values: Mapping[str, object]) -> dict[str, str]:
    return {name: _text(value) for name, value in values.items()}


def _one_line(error: ValueError) -> str:
    return " ".join(str(error).split()).rstrip(".")
