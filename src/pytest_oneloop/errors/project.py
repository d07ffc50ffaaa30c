"""What can stop `oneloop init` from setting a project up (OL50x)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pytest_oneloop.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


class NoProjectError(UsageError):
    """The folder holds nothing of Python.

    Args:
        folder: Where a project was looked for.
    """

    code: ClassVar[str] = "OL501"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        super().__init__(
            f"{folder} holds no Python project: there is no pyproject.toml, no configuration of "
            "pytest, and no Python file.",
            why="the command was run in another folder than that of the project.",
            instead="run it in the project's folder, or name that folder.",
        )


class NotAFolderError(UsageError):
    """What was named as the project's folder is a file, or is not there.

    Args:
        path: What was named.
    """

    code: ClassVar[str] = "OL502"

    def __init__(self, path: Path, *, exists: bool) -> None:
        self.path = path
        self.exists = exists
        super().__init__(
            f"{path} is {'a file' if exists else 'not there'}, and a project's folder is wanted.",
            why="the path is misspelt, or names a file of the project.",
            instead="name the folder that holds the project's pyproject.toml.",
        )


class MalformedConfigurationError(UsageError):
    """A file that may hold pytest's configuration cannot be read.

    Args:
        path: The file.
        problem: What is wrong with it, in one line.
    """

    code: ClassVar[str] = "OL503"

    def __init__(self, path: Path, *, problem: str) -> None:
        self.path = path
        self.problem = problem
        super().__init__(
            f"{path} cannot be read: {problem}.",
            why="the file is not valid, or this user may not read it.",
            instead="correct it, and run the command again.",
        )


class NotWritableError(UsageError):
    """A file may not be changed.

    Args:
        path: The file.
        problem: What the system said.
    """

    code: ClassVar[str] = "OL504"

    def __init__(self, path: Path, *, problem: str) -> None:
        self.path = path
        self.problem = problem
        super().__init__(
            f"{path} cannot be written: {problem}.",
            why="the file, or its folder, belongs to another user or is read-only.",
            instead="allow it, or write the lines yourself; nothing has been changed.",
        )


class UneditableConfigurationError(UsageError):
    """Lines cannot be added to a file that is written in an unusual way.

    Args:
        path: The file.
        lines: What was to be added.
    """

    code: ClassVar[str] = "OL505"

    def __init__(self, path: Path, *, lines: Sequence[str]) -> None:
        self.path = path
        self.lines = tuple(lines)
        super().__init__(
            f"{path} is written in a way in which no line can be added safely.",
            why="the table is an inline table, or is put together from several places.",
            instead=f"write yourself: {'; '.join(lines)}",
        )


class SeveralCandidatesError(UsageError):
    """There are several applications, or several places of the tables, and one is wanted.

    Args:
        what: `applications` or `schemas`.
        found: Each candidate with its place: `shop.main:app (shop/main.py:7)`.
        flag: The flag that names one.
    """

    code: ClassVar[str] = "OL506"

    def __init__(self, what: str, *, found: Sequence[tuple[str, str]], flag: str) -> None:
        self.what = what
        self.found = tuple(found)
        self.flag = flag
        listed = ", ".join(f"{name} ({place})" for name, place in found)
        super().__init__(
            f"{len(found)} {what} were found: {listed}.",
            why="the project has several, and no file says which one the tests are for.",
            instead=f"name one: {flag} {found[0][0]}",
        )


class UnknownTargetError(UsageError):
    """What `--app` or `--schema` names is not there.

    Args:
        flag: The flag.
        value: What it was given.
        problem: What is wrong, as a clause.
    """

    code: ClassVar[str] = "OL507"

    def __init__(self, flag: str, value: str, *, problem: str) -> None:
        self.flag = flag
        self.value = value
        self.problem = problem
        super().__init__(
            f"{flag} cannot be {value!r}: {problem}.",
            why="the name is misspelt, or is not of the form module:name.",
            instead=f"write the module's dotted name, a colon and the name in it: {flag} "
            f"{'shop.main:app' if flag == '--app' else 'shop.models:Base'}",
        )
