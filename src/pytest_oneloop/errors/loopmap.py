"""What `pytest --oneloop-map` cannot do (OL53x)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pytest_oneloop.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path


class PageNameError(UsageError):
    """What was named for the page of the loop map is not the name of a page.

    Args:
        path: What was named.
    """

    code: ClassVar[str] = "OL531"

    def __init__(self, *, path: Path) -> None:
        self.path = path
        super().__init__(
            f"--oneloop-map cannot write to {path}: a page's name ends in .html.",
            why="the tests were named after --oneloop-map, which takes the word that follows it.",
            instead="name a page: pytest --oneloop-map map.html.",
        )


class PageNotWritableError(UsageError):
    """The page of the loop map cannot be written where it was asked for.

    Args:
        path: The page.
        problem: What is in the way; a part of a sentence.
    """

    code: ClassVar[str] = "OL532"

    def __init__(self, *, path: Path, problem: str) -> None:
        self.path = path
        self.problem = problem
        super().__init__(
            f"--oneloop-map cannot write {path}: {problem}.",
            why="the folder is another than was meant, or belongs to another user.",
            instead="name a file in a folder that is there, and that you may write to.",
        )


class PageTakenForProjectError(UsageError):
    """pytest has looked for the project's configuration where the page is.

    It decides where to look before plugins have declared their options, by all arguments that are
    files and do not begin with a dash.

    Args:
        path: The page, which is there from an earlier run.
    """

    code: ClassVar[str] = "OL533"

    def __init__(self, *, path: Path) -> None:
        self.path = path
        super().__init__(
            f"pytest takes the folder of {path} for the project's, so it may miss the project's "
            "configuration.",
            why="the page is there from an earlier run, outside this folder, and is named in an "
            "argument of its own, which pytest reads before it knows the option.",
            instead=f"join the two: pytest --oneloop-map={path}.",
        )
