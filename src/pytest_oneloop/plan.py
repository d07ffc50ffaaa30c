"""What is known before a database is made, and what is known of it afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Generic, Protocol, TypeVar

from pytest_oneloop.keys import key_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from pytest_oneloop.schema import SchemaSource
    from pytest_oneloop.settings import Settings

D = TypeVar("D")

BUILD_SECONDS: Final = 900.0
"""How long another process may take to build a template before this one gives up."""


@dataclass(frozen=True, slots=True)
class WorkerDatabase(Generic[D]):
    """The database that a worker's tests run in.

    Attributes:
        destination: How to get there.
        product: Such as `PostgreSQL`.
        version: The server's, `18.6`.
        server: `embedded`, or the address of a server that lives on; empty without a server.
        in_memory: Whether its files lie in memory, as far as that is known.
        schema: What it was built from, `alembic 4 revisions`; empty for nothing.
        built: Whether this process built the template.
        driver: The driver that the schema's source connected with, if any.
        seconds: How long all of it took.
        template: What it is a clone of.
        renew: Replaces the database by another clone of the template; on a thread without a loop.
    """

    destination: D
    product: str
    version: str
    server: str
    in_memory: bool
    schema: str
    built: bool
    driver: str | None
    seconds: float
    template: str
    renew: Callable[[], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """What is known before anything is started.

    Attributes:
        settings: The user's.
        rootdir: pytest's.
        run_id: Stands for the run, and for one of its databases; all workers of it have the same.
        worker: `main`, or xdist's name of the worker.
        redirect: Given a destination, a context in which every engine of the process goes there.
        name: The database's, as `oneloop_databases` has it; empty for the main one.
    """

    settings: Settings
    rootdir: Path
    run_id: str
    worker: str
    redirect: Callable[[Any], AbstractContextManager[None]]
    name: str = ""

    def key(self, dialect: str) -> str:
        """Return the database's key, if it is one of that dialect."""
        return key_of(dialect, self.name)

    def schema(self, dialect: str = "postgresql") -> SchemaSource | None:
        """Find what the database of a dialect is built from."""
        from pytest_oneloop.schema import find_schema  # noqa: PLC0415 - only a run with a database

        found = self.settings.schema_of(self.name)
        return find_schema(found.value, source=found.source, rootdir=self.rootdir, dialect=dialect)


class Stored(Protocol):
    """What is kept of a schema between runs."""

    @property
    def facts(self) -> dict[str, Any]:
        """What was noted when it was built."""


S_co = TypeVar("S_co", bound=Stored, covariant=True)


class Cache(Protocol[S_co]):
    """Where it is kept."""

    def find(self, fingerprint: str) -> S_co | None:
        """Return what is kept under a fingerprint."""


def find_seed(
    cache: Cache[S_co], source: SchemaSource, version: str, rootdir: Path
) -> tuple[str, S_co | None]:
    """Return the fingerprint of what is to be had now, and the seed of it, if there is one.

    A seed knows which files of the project took part in its making. If one has changed since, what
    they are now becomes part of the fingerprint; the seed stays, for the branch that it is of.
    """
    from pytest_oneloop.databases.templates import TemplateFacts  # noqa: PLC0415
    from pytest_oneloop.schema.fingerprint import (  # noqa: PLC0415
        digest_of_parts,
        template_fingerprint,
    )
    from pytest_oneloop.schema.inputs import digest_of  # noqa: PLC0415

    extra: dict[str, str] = {}
    while True:
        fingerprint = template_fingerprint(source.fingerprint(), server=version, extra=extra)
        seed = cache.find(fingerprint)
        if seed is None:
            return fingerprint, None
        inputs = TemplateFacts.from_json(seed.facts).inputs
        if not source.changed(inputs):
            return fingerprint, seed
        now = [(name, (digest_of(rootdir / name) or "absent").encode()) for name in sorted(inputs)]
        extra = {**extra, f"inputs {len(extra)}": digest_of_parts(*now)}
