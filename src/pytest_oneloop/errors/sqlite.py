"""What SQLite cannot do in the sandbox, and what may be wrong with its files."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pytest_oneloop.errors import SetupError
from pytest_oneloop.errors.sandbox import SandboxError

if TYPE_CHECKING:
    from pathlib import Path


class ForeignSchemaError(SetupError):
    """The tables of one database are to be made, and their source connects to another kind.

    Attributes:
        wanted: The dialect of the database that is to be made.
        other: The dialect and driver that the source connects with.
        passable: Whether engines of the database may be let through.
    """

    code: ClassVar[str] = "OL160"

    def __init__(self, *, wanted: str, other: str, passable: bool) -> None:
        self.wanted = wanted
        self.other = other
        self.passable = passable
        passing = (
            f"let the other engine through, without isolation, by `oneloop_passthrough = {wanted}` "
            "in pytest's configuration, or "
        )
        super().__init__(
            f"an engine of {wanted} needs its tables, but the schema's source connects with "
            f"{other}, and makes those of another database.",
            why="the application has two databases, and the schema that was found is of one",
            instead=f"{passing if passable else ''}name the schema of this one by "
            "`oneloop_schema`; if each has its own, that of the other by `oneloop_databases`",
        )


class TemplateBusyError(SetupError):
    """Another process builds the same template, and does not end.

    Attributes:
        path: The lock.
        waited: Seconds.
    """

    code: ClassVar[str] = "OL161"

    def __init__(self, path: Path, *, waited: float) -> None:
        self.path = path
        self.waited = waited
        super().__init__(
            f"Another process holds {path} for more than {waited:g} s, while it builds the "
            "template of a SQLite database.",
            why="its migrations take very long, or it hangs",
            instead="look for another run of pytest, and end it; the lock goes with its process",
        )


class NoFolderError(SetupError):
    """There is no place for the files of a run.

    Attributes:
        path: The folder that was tried.
        reason: The system's own words.
    """

    code: ClassVar[str] = "OL162"

    def __init__(self, path: Path, *, reason: str) -> None:
        self.path = path
        self.reason = reason
        super().__init__(
            f"The files of the SQLite database of this run cannot be made at {path}: {reason}.",
            why="the disk is full, or the folder belongs to another user",
            instead="set TMPDIR (for the run) or ONELOOP_CACHE_DIR (for the templates) to a folder "
            "that can be written",
        )


class RolledBackError(SandboxError):
    """A statement has rolled back the whole transaction, as SQLite lets it.

    Attributes:
        test: The node id of the test.
        place: Where the statement's connection was checked out.
        cause: SQLite's own words.
    """

    code: ClassVar[str] = "OL220"

    def __init__(self, *, test: str, place: str, cause: str) -> None:
        self.test = test
        self.place = place
        self.cause = cause
        super().__init__(
            f"in {test}: a statement on the connection checked out at {place} has rolled back the "
            f"transaction that isolates the test, and with it all that the test has written: "
            f"{cause}",
            why="the statement says `OR ROLLBACK`, a trigger says `RAISE(ROLLBACK, ...)`, or a "
            "disk is full",
            instead="nothing, under `auto`: the test is run again on a real database. To go there "
            'at once, mark it: `@pytest.mark.oneloop(strategy="commit")`',
        )


class PragmaError(SandboxError):
    """A PRAGMA would change the one connection of the test, for good, or not at all.

    Attributes:
        test: The node id of the test.
        place: Where it was sent from.
        pragma: Its name.
    """

    code: ClassVar[str] = "OL221"

    def __init__(self, *, test: str, place: str, pragma: str) -> None:
        self.test = test
        self.place = place
        self.pragma = pragma
        super().__init__(
            f"in {test}: {place} sets PRAGMA {pragma}. All connections of the test are one, inside "
            "a transaction; the setting would hold for all of them, outlive the test, or have no "
            "effect.",
            why="the code under test, or an engine that connects late, sets what is a connection's "
            "own in SQLite",
            instead="nothing, under `auto`: the test is run again on a real database. To go there "
            'at once, mark it: `@pytest.mark.oneloop(strategy="commit")`. Settings for every '
            "connection belong into a listener of the engine's event `connect`",
        )


class AttachError(SandboxError):
    """Two connections want different files under one name, and there is one connection.

    Attributes:
        test: The node id of the test.
        place: Where the second one was attached.
        name: The name of the database.
        file: The second file.
    """

    code: ClassVar[str] = "OL222"

    def __init__(self, *, test: str, place: str, name: str, file: str) -> None:
        self.test = test
        self.place = place
        self.name = name
        self.file = file
        super().__init__(
            f"in {test}: {place} attaches {file} as {name}. All connections of the test are one, "
            "and another file is attached to it under that name.",
            why="two engines, each with a listener of `connect` that attaches a file of its own",
            instead="nothing, under `auto`: the test is run again on a real database. To go there "
            'at once, mark it: `@pytest.mark.oneloop(strategy="commit")`',
        )


class BackupError(SandboxError):
    """A backup would wait for the end of the test's transaction, and so for ever.

    Attributes:
        test: The node id of the test.
        place: Where it was asked for.
    """

    code: ClassVar[str] = "OL223"

    def __init__(self, *, test: str, place: str) -> None:
        self.test = test
        self.place = place
        super().__init__(
            f"in {test}: {place} makes a backup of the database by the driver's own connection. It "
            "would wait for the end of the transaction that isolates the test, and so for ever; it "
            "was not begun.",
            why="SQLite copies what is committed, and a test commits nothing",
            instead="nothing, under `auto`: the test is run again on a real database. To go there "
            'at once, mark it: `@pytest.mark.oneloop(strategy="commit")`',
        )
