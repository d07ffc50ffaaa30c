"""What is said of an application that has several databases (OL23x)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from pytest_oneloop.errors import OneloopError, OneloopWarning, SetupError

if TYPE_CHECKING:
    from collections.abc import Sequence


_SHOWN: Final = 5
"""How many addresses a text names."""


class SharedDatabaseWarning(OneloopWarning):
    """Engines point to several databases, and were all led to one. Shown after the run.

    Attributes:
        addresses: Where they point, `host/name`, or `./name` for a file; two at least.
        unmet: The names in `oneloop_databases` to which no engine has pointed.
        built: The one of them that the source of the schema has connected to; `None` if that is
            not known, as with a template of an earlier run.
    """

    code: ClassVar[str] = "OL230"

    def __init__(
        self, *, addresses: Sequence[str], unmet: Sequence[str] = (), built: str | None = None
    ) -> None:
        self.addresses = tuple(addresses)
        self.unmet = tuple(unmet)
        self.built = built
        first = built or self.addresses[0]
        others = [one for one in self.addresses if one != first]
        lacking = [one.removeprefix("./") for one in (others if built else self.addresses)]
        entries = ", or ".join(f"{one} = package.module:Base" for one in lacking[:_SHOWN])
        main = (
            f"{built}, which the schema was built from,"
            if built
            else "the one that oneloop_schema makes the tables of (which one that is, is not known "
            "here)"
        )
        pairs = " ".join(f"{other}={first}" for other in others[:_SHOWN])
        more = len(self.addresses) - _SHOWN
        listed = ", ".join(self.addresses[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
        misspelt = f", or oneloop_databases misspells one: {', '.join(unmet)} was not met"
        super().__init__(
            f"engines point to {len(self.addresses)} databases, and share one test database: "
            f"{listed}.",
            why="the application has several databases, or one that has several addresses: a read "
            f"replica, or a URL for tests{misspelt if unmet else ''}.",
            instead=f"if they are one database, write oneloop_alias = {pairs}; if not, give each "
            f"but {main} a template of its own: oneloop_databases = {entries} (or whatever makes "
            "its tables).",
        )


class DatabaseEntryError(SetupError):
    """An entry of `oneloop_databases` is not of the form `NAME = SOURCE`.

    Attributes:
        entry: The entry, without any password.
        source: Where it was set, such as `pytest.ini`.
        problem: What is wrong with it; one clause.
    """

    code: ClassVar[str] = "OL231"

    def __init__(self, *, entry: str, source: str, problem: str) -> None:
        self.entry = entry
        self.source = source
        self.problem = problem
        super().__init__(
            f"oneloop_databases cannot have the entry {entry!r} (set by {source}).",
            why=problem,
            instead="write one database on each line, named as the application's URL ends: "
            "analytics = shop.stats:Base, or db.example:5432/analytics = "
            "alembic:stats/alembic.ini, or stats.db = none for an empty one.",
        )


class RepeatedDatabaseError(SetupError):
    """A name is in `oneloop_databases` twice.

    Attributes:
        name: The name.
        source: Where it was set.
        schemas: What its tables would come from, by the one entry and the other.
    """

    code: ClassVar[str] = "OL232"

    def __init__(self, *, name: str, source: str, schemas: Sequence[str]) -> None:
        self.name = name
        self.source = source
        self.schemas = tuple(schemas)
        super().__init__(
            f"oneloop_databases names {name} more than once (set by {source}): "
            f"{', '.join(schemas)}.",
            why="two databases on different servers have the same name, or a line was copied.",
            instead=f"leave one of the entries out, or tell them apart by their hosts: "
            f"one.example/{name} = ..., other.example/{name} = ....",
        )


class OtherDatabaseError(SetupError):
    """The tables of one database are to be made, and their source connects to another one.

    Attributes:
        wanted: The name of the database that is to be made; empty for the main one.
        other: The name of the other; empty for the main one.
        address: Where the engine that connects points.
    """

    code: ClassVar[str] = "OL233"

    def __init__(self, *, wanted: str, other: str, address: str) -> None:
        self.wanted = wanted
        self.other = other
        self.address = address
        super().__init__(
            f"while the tables of {_words(wanted)} are made, an engine connects to {address}, "
            f"which is {_words(other)}.",
            why="the source of its schema uses an engine of the other database, makes the tables "
            "of both, or has another URL in alembic.ini.",
            instead=f"let each source connect to its own database alone: {_urls(wanted, other)}.",
        )


class UnknownDatabaseError(OneloopError):
    """A test asks for a database that the configuration does not name.

    Attributes:
        name: What it asks for.
        known: The names that there are.
    """

    code: ClassVar[str] = "OL234"

    def __init__(self, *, name: str, known: Sequence[str]) -> None:
        self.name = name
        self.known = tuple(known)
        there = f"it names {', '.join(known)}" if known else "it names none"
        super().__init__(
            f"oneloop.named({name!r}) asks for a database that oneloop_databases does not name.",
            why=f"the name is misspelt, or its entry is missing: {there}.",
            instead="ask by the name as it is written there; the main database is oneloop.url.",
        )


def _words(name: str) -> str:
    return f"the database {name}" if name else "the main database"


def _urls(wanted: str, other: str) -> str:
    if wanted:
        return f"its URL has to end with /{wanted}"
    return f"its URL must not end with /{other}"
