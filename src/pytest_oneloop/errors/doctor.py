"""What `oneloop doctor` cannot do (OL52x)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pytest_oneloop.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path


class NoSuiteError(UsageError):
    """There are no tests to read.

    Args:
        path: Where they were looked for.
    """

    code: ClassVar[str] = "OL521"

    def __init__(self, *, path: Path) -> None:
        self.path = path
        super().__init__(
            f"There is no pytest project in {path}: pytest collects no test there.",
            why="the path is another folder than that of the tests, or none has been written yet.",
            instead="name the folder of the project: oneloop doctor PATH.",
        )


class NoSuchPathError(UsageError):
    """The path does not exist.

    Args:
        path: What was named.
    """

    code: ClassVar[str] = "OL522"

    def __init__(self, *, path: Path) -> None:
        self.path = path
        super().__init__(
            f"There is no file or folder {path}.",
            why="the name is misspelt, or it is relative to another folder.",
            instead="name a project, a folder of tests, or a file of tests.",
        )


class SuiteNotImportedError(UsageError):
    """A file of the suite cannot be imported, so that pytest cannot collect it.

    Args:
        path: The file, as pytest names it.
        reason: The last line of what Python said.
        more: How many other files cannot be imported either.
    """

    code: ClassVar[str] = "OL523"

    def __init__(self, *, path: str, reason: str, more: int = 0) -> None:
        self.path = path
        self.reason = reason
        self.more = more
        files = "1 more file" if more == 1 else f"{more:,} more files"
        others = f" ({files} cannot be, either)" if more else ""
        super().__init__(
            f"{path} cannot be imported: {reason.rstrip('.')}{others}.",
            why="a package is not installed here, a variable of the environment is not set, or the "
            "file has a mistake.",
            instead="make `pytest --collect-only` pass first.",
        )


class CollectionFailedError(UsageError):
    """pytest refuses to collect, and not because of a file of tests.

    Args:
        reason: What it said.
    """

    code: ClassVar[str] = "OL524"

    def __init__(self, *, reason: str) -> None:
        self.reason = reason
        super().__init__(
            f"pytest cannot collect the suite: {reason.rstrip('.')}.",
            why="an option in pytest's configuration that does not exist here, such as that of a "
            "plugin which is not installed.",
            instead="make `pytest --collect-only` pass first.",
        )


class CollectionTimeoutError(UsageError):
    """Collecting did not come to an end.

    Args:
        seconds: How long it was waited for.
    """

    code: ClassVar[str] = "OL525"

    def __init__(self, *, seconds: float) -> None:
        self.seconds = seconds
        super().__init__(
            f"pytest did not finish collecting within {seconds:g} s, and was ended.",
            why="a module of the tests or the application waits for something when it is imported.",
            instead="make `pytest --collect-only` pass first.",
        )


class AllDeselectedError(UsageError):
    """pytest leaves out every test that it collects.

    Args:
        path: Where they are.
        tests: How many there are.
        selection: The options of pytest by which it does, if it does by any.
    """

    code: ClassVar[str] = "OL528"

    def __init__(self, *, path: Path, tests: int, selection: str) -> None:
        self.path = path
        self.tests = tests
        self.selection = selection
        number = "the one test" if tests == 1 else f"all {tests:,} tests"
        by = f", by {selection}" if selection else ""
        super().__init__(
            f"pytest deselects {number} in {path}{by}.",
            why="an option in pytest's configuration or in PYTEST_ADDOPTS, such as -k or -m, or a "
            "conftest or plugin that leaves tests out.",
            instead="take out what deselects them, and call the doctor again.",
        )


class PageNotWrittenError(UsageError):
    """The page of the loop map cannot be written.

    Args:
        path: The file.
        problem: What the system said.
    """

    code: ClassVar[str] = "OL527"

    def __init__(self, *, path: Path, problem: str) -> None:
        self.path = path
        self.problem = problem
        super().__init__(
            f"The loop map cannot be written to {path}: {problem}.",
            why="it is a folder, its folder does not exist, or this user may not write there.",
            instead="name another file; nothing has been written.",
        )


class MapNameError(UsageError):
    """What was named for the page of the loop map is not the name of a page.

    Args:
        path: What was named.
    """

    code: ClassVar[str] = "OL526"

    def __init__(self, *, path: Path) -> None:
        self.path = path
        super().__init__(
            f"The loop map cannot be written to {path}: a page's name ends in .html.",
            why="the project was named after --map, which takes the word that follows it.",
            instead="write the project first: oneloop doctor PATH --map map.html.",
        )
