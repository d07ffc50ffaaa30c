"""Templates: databases built once from a schema, and cloned from then on."""

from __future__ import annotations

import contextlib
import gc
import threading
import warnings
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from pytest_oneloop.databases.postgresql import Admin, administer, quote_name
from pytest_oneloop.databases.sequences import SequenceBaseline, read_sequences
from pytest_oneloop.drivers import NOWHERE
from pytest_oneloop.errors.schema import SchemaChangedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from sqlalchemy import Engine

    from pytest_oneloop.databases.address import ServerAddress


class Schema(Protocol):
    """What a template needs of a schema's source."""

    def describe(self) -> str:
        """Say in few words what it is, for the header."""
        ...

    def fingerprint(self) -> str:
        """Return a digest of everything that it is built from."""
        ...

    def build(self) -> dict[str, str]:
        """Create the schema; return the project's files that took part, with their digests."""
        ...

    def changed(self, inputs: Mapping[str, str]) -> list[str]:
        """Return those files of an earlier `build` that are not as they were."""
        ...


class Reference(NamedTuple):
    """A foreign key, by the names of its tables, without schemas.

    Attributes:
        child: The table that it is of.
        parent: The one that it leads to.
        cascades: A change there may change rows here.
    """

    child: str
    parent: str
    cascades: bool


@dataclass(frozen=True, slots=True)
class TemplateFacts:
    """What is known of a finished template.

    Attributes:
        fingerprint: The digest that it was built under.
        schema: The source, as the header shows it: `alembic 4 revisions`.
        deferrable: The constraints that are INITIALLY DEFERRED, quoted and qualified by schema.
        has_deferrable: Whether any constraint is deferrable at all, initially or not.
        driver: The driver that the source connected with (`postgresql+asyncpg`), if it did.
        inputs: Files of the project that were imported during the build, each with its digest.
        sequences: Its sequences, as a test finds them.
        references: Its foreign keys between tables.
    """

    fingerprint: str
    schema: str
    deferrable: tuple[str, ...] = ()
    has_deferrable: bool = False
    driver: str | None = None
    inputs: dict[str, str] = field(default_factory=dict)
    sequences: SequenceBaseline = field(default_factory=SequenceBaseline)
    references: tuple[Reference, ...] = ()

    @property
    def related(self) -> dict[str, frozenset[str]]:
        """For each table the others whose rows the server looks at when one of its is changed."""
        related = {one.child: {one.parent} for one in self.references}
        for one in self.references:
            related[one.child].add(one.parent)
            related.setdefault(one.parent, set()).update(self._below(one.parent, set()))
        return {table: frozenset(others) for table, others in related.items()}

    def _below(self, table: str, found: set[str]) -> set[str]:
        for one in self.references:
            if one.parent == table and one.child not in found:
                found.add(one.child)
                if one.cascades:
                    self._below(one.child, found)
        return found

    def to_json(self) -> dict[str, object]:
        """Return the facts as what `json.dumps` takes."""
        return asdict(self)

    @classmethod
    def from_json(cls, facts: Mapping[str, Any]) -> TemplateFacts:
        """Read back what `to_json` gave."""
        return cls(
            fingerprint=str(facts["fingerprint"]),
            schema=str(facts["schema"]),
            deferrable=tuple(str(name) for name in facts["deferrable"]),
            has_deferrable=bool(facts["has_deferrable"]),
            driver=facts["driver"],
            inputs={str(path): str(digest) for path, digest in facts["inputs"].items()},
            sequences=SequenceBaseline.from_json(facts["sequences"]),
            references=tuple(Reference(*one) for one in facts["references"]),
        )


def populate(
    address: ServerAddress,
    database: str,
    source: Schema,
    redirect: Callable[[str], contextlib.AbstractContextManager[None]],
    *,
    fingerprint: str,
) -> TemplateFacts:
    """Build the schema in an empty database, and read the facts from it.

    Must be called on a thread without a running event loop. Its caller sets the deadline: how long
    a project's migrations may take is not known here.

    Args:
        address: The server.
        database: The empty database.
        source: What to build.
        redirect: Given the database's name, a context in which every engine of the process
            reaches that database.
        fingerprint: What the template is built under; it only becomes part of the facts.

    Raises:
        SchemaChangedError: The schema's files changed meanwhile.
        SetupError: The schema cannot be built; the source says why.
    """
    before = source.fingerprint()
    with redirect(database), noted_drivers() as drivers:
        inputs = source.build()
    if source.fingerprint() != before:
        raise SchemaChangedError(source.describe())
    constraints, references, sequences = administer(
        address,
        lambda admin: (_deferrable_constraints(admin), _references(admin), read_sequences(admin)),
        database=database,
        task="list its constraints and sequences",
    )
    return TemplateFacts(
        fingerprint=fingerprint,
        schema=source.describe(),
        deferrable=tuple(name for name, initially in constraints if initially),
        has_deferrable=bool(constraints),
        driver=drivers[0] if drivers else None,
        inputs=inputs,
        sequences=sequences,
        references=references,
    )


def _references(admin: Admin) -> tuple[Reference, ...]:
    rows = admin.rows(
        "SELECT DISTINCT o.relname::text, p.relname::text, "
        "NOT (c.confdeltype IN ('a', 'r') AND c.confupdtype IN ('a', 'r')) FROM pg_constraint c "
        "JOIN pg_class o ON o.oid = c.conrelid JOIN pg_class p ON p.oid = c.confrelid "
        "WHERE c.contype = 'f' AND o.oid <> p.oid ORDER BY 1, 2, 3"
    )
    return tuple(Reference(str(one), str(other), bool(cascades)) for one, other, cascades in rows)


def _deferrable_constraints(admin: Admin) -> list[tuple[str, bool]]:
    rows = admin.rows(
        "SELECT DISTINCT n.nspname, c.conname, c.condeferred "
        "FROM pg_constraint c JOIN pg_namespace n ON n.oid = c.connamespace "
        "WHERE c.condeferrable AND n.nspname NOT IN ('pg_catalog', 'information_schema') "
        "ORDER BY 1, 2"
    )
    return [
        (f"{quote_name(str(schema))}.{quote_name(str(name))}", bool(initially))
        for schema, name, initially in rows
    ]


@contextlib.contextmanager
def noted_drivers() -> Iterator[list[str]]:
    """Note the drivers of the project's engines that connect in this thread; empty all pools.

    A connection that an `env.py` leaves in a pool would keep the template from being cloned, and
    belong to a loop that has ended when the application's engine hands it to a test.
    """
    from sqlalchemy import Connection, Engine, event  # noqa: PLC0415 - a run that needs it pays

    thread = threading.get_ident()
    noted: list[str] = []
    engines: set[Engine] = set()

    def note(connection: Connection) -> None:
        if threading.get_ident() == thread:
            url = connection.engine.url
            if NOWHERE not in (url.host, url.database):
                noted.append(url.drivername)
            engines.add(connection.engine)

    event.listen(Engine, "engine_connect", note)
    try:
        yield noted
    finally:
        event.remove(Engine, "engine_connect", note)
        _empty_pools(engines)


def _empty_pools(engines: set[Engine]) -> None:
    asynchronous = [engine for engine in engines if engine.dialect.is_async]
    for engine in engines:
        engine.dispose(close=engine not in asynchronous)
    if asynchronous:
        # Their loop has ended, so nothing can close these connections any more. Collected here,
        # they do not warn in the middle of some test that has no part in it. The server's side of
        # them ends with their sockets.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            gc.collect()
