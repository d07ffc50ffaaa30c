"""Errors of `oneloop demo`."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pytest_oneloop.errors import OneloopError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


class MissingExtraError(UsageError):
    """The demonstration needs packages that are not installed.

    Args:
        missing: The names of the distributions.

    Attributes:
        missing: As given.
    """

    code: ClassVar[str] = "OL511"

    def __init__(self, missing: Sequence[str]) -> None:
        self.missing = tuple(missing)
        super().__init__(
            f"The demonstration needs what is not installed here: {', '.join(self.missing)}.",
            why="The plugin was installed without the extra that the demonstration needs.",
            instead='install it: pip install "pytest-oneloop[demo]".',
        )


class UnwritablePlaceError(UsageError):
    """A file or a folder that the demonstration was to write cannot be written.

    Args:
        path: The place, as it was given.
        problem: What is in the way; a part of a sentence.

    Attributes:
        path: As given.
        problem: As given.
    """

    code: ClassVar[str] = "OL512"

    def __init__(self, path: Path, problem: str) -> None:
        self.path = path
        self.problem = problem
        super().__init__(
            f"Nothing was written to {path}: {problem}.",
            why="The path is not the one that was meant, or it belongs to somebody else.",
            instead="name another place, in a folder that you may write to.",
        )


class SetUpRunError(OneloopError):
    """The tests of a set-up could not be run, so nothing was measured.

    Args:
        number: The set-up's.
        plugin: Whether the plugin was on.
        reason: What went wrong; a part of a sentence.
        output: The last lines that pytest wrote.

    Attributes:
        number: As given.
        plugin: As given.
        reason: As given.
        output: As given, as a tuple of lines.
    """

    code: ClassVar[str] = "OL513"

    def __init__(
        self, number: int, *, plugin: bool, reason: str, output: Sequence[str] = ()
    ) -> None:
        self.number = number
        self.plugin = plugin
        self.reason = reason
        self.output = tuple(output)
        said = "".join(f"\n    | {line}" for line in self.output)
        super().__init__(
            f"Set-up {number} could not be run {'with' if plugin else 'without'} the plugin:"
            f" {reason}.{said}",
            why="The last lines of pytest's output say it, if there are any; otherwise this machine"
            " is too busy, or one of the packages is broken.",
            instead="Run oneloop demo again in a fresh virtual environment:"
            ' pip install "pytest-oneloop[demo]".',
        )
