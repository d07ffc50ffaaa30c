"""Brings up the database of one worker: server, template, clone."""

from __future__ import annotations

import re
import time
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Generic, Protocol, TypeVar

from pytest_oneloop.databases.urls import connect_url, parse_server_url
from pytest_oneloop.sandbox.ids import Restart
from pytest_oneloop.sandbox.link import Constraints

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sqlalchemy.engine import Dialect

    from pytest_oneloop.databases.address import ServerAddress
    from pytest_oneloop.databases.sequences import SequenceBaseline
    from pytest_oneloop.databases.templates import TemplateFacts
    from pytest_oneloop.schema import SchemaSource
    from pytest_oneloop.settings import Settings

D = TypeVar("D")

TEMPLATE: Final = "oneloop_template"
"""The template's name on an embedded server, whose folder is of one fingerprint alone."""

BUILD_SECONDS: Final = 900.0
"""How long another process may take to build a template before this one gives up."""

# What a driver's `connect` takes to find a server and be let in; the test server's replaces it.
_ADDRESS: Final = re.compile(
    r"host(addr)?|port|user|pass(word|file)|database|dbname|dsn|service(file)?|ssl\w*|direct_tls"
    r"|target_session_attrs|channel_binding|gss\w*|krbsrvname|require_auth|load_balance_hosts"
)


@dataclass(frozen=True, slots=True)
class Destination:
    """One database of the test server, as the router's target.

    Attributes:
        address: The server.
        database: The database's name.
        constraints: The deferrable constraints of its schema.
        ids: What lets its sequences start over.
    """

    address: ServerAddress
    database: str
    constraints: Constraints = field(default_factory=Constraints)
    ids: Restart = field(default_factory=Restart)

    @property
    def dialect(self) -> str:
        """The name of SQLAlchemy's dialect."""
        return "postgresql"

    def url(self, drivername: str) -> str:
        """Return the URL by which a driver reaches it, with the password if it has one."""
        url = connect_url(drivername, self.address, self.database)
        # SQLAlchemy leaves spaces as they are, for which libpq refuses a URL.
        return url.render_as_string(hide_password=False).replace(" ", "%20")

    def connect_arguments(self, dialect: Dialect, given: dict[str, Any]) -> dict[str, Any]:
        """Return what leads here; the application's other arguments are kept."""
        url = connect_url(f"{dialect.name}+{dialect.driver}", self.address, self.database)
        _, leading = dialect.create_connect_args(url)
        kept = {name: value for name, value in given.items() if not _ADDRESS.fullmatch(name)}
        return kept | dict(leading)


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
        run_id: Stands for the run; all workers of it have the same.
        worker: `main`, or xdist's name of the worker.
        redirect: Given a destination, a context in which every engine of the process goes there.
    """

    settings: Settings
    rootdir: Path
    run_id: str
    worker: str
    redirect: Callable[[Any], AbstractContextManager[None]]

    def schema(self, dialect: str = "postgresql") -> SchemaSource | None:
        """Find what the database of a dialect is built from."""
        from pytest_oneloop.schema import find_schema  # noqa: PLC0415 - only a run with a database

        found = self.settings.schema
        return find_schema(found.value, source=found.source, rootdir=self.rootdir, dialect=dialect)


@contextmanager
def worker_database(plan: Plan) -> Iterator[WorkerDatabase[Destination]]:
    """Provide the worker's database, until the context ends.

    Costs some 0.2 s with an embedded server and a template at hand, and what the migrations take
    without. Must be entered on a thread that runs no event loop.

    Raises:
        SetupError: There can be none; the error says why.
    """
    started = time.monotonic()
    with ExitStack() as stack:
        provide = _on_given_server if plan.settings.server.value else _on_embedded_server
        destination, facts, about = provide(plan, stack)
        yield WorkerDatabase(
            destination=destination,
            product="PostgreSQL",
            schema=facts.schema if facts else "",
            driver=facts.driver if facts else None,
            seconds=time.monotonic() - started,
            **about,
        )


def _on_given_server(
    plan: Plan, stack: ExitStack
) -> tuple[Destination, TemplateFacts | None, dict[str, Any]]:
    from pytest_oneloop.databases import stored, workers  # noqa: PLC0415
    from pytest_oneloop.databases.serverinfo import identify  # noqa: PLC0415
    from pytest_oneloop.schema.fingerprint import template_fingerprint  # noqa: PLC0415

    server = plan.settings.server
    address = parse_server_url(str(server.value), source=server.source)
    version = identify(address, source=server.source).version
    stack.enter_context(workers.live_run(address, plan.run_id))
    workers.sweep(address)
    source = plan.schema()
    template, facts, built = "template1", None, False
    if source is not None:
        template, facts, built = stored.ensure_template(
            address,
            source,
            fingerprint=template_fingerprint(source.fingerprint(), server=version),
            redirect=lambda database: plan.redirect(Destination(address, database)),
            timeout=BUILD_SECONDS,
        )
    name = workers.worker_name(plan.run_id, plan.worker)
    stack.callback(workers.drop_worker, address, name)
    workers.create_worker(address, template, name)
    about = {
        "version": version,
        "server": str(address),
        "in_memory": False,
        "built": built,
        "template": template,
        "renew": partial(workers.create_worker, address, template, name),
    }
    return _destination(plan, address, name, facts), facts, about


def _on_embedded_server(
    plan: Plan, stack: ExitStack
) -> tuple[Destination, TemplateFacts | None, dict[str, Any]]:
    from pytest_oneloop.databases import workers  # noqa: PLC0415
    from pytest_oneloop.databases.binaries import find_binaries  # noqa: PLC0415
    from pytest_oneloop.databases.embedded import start_server  # noqa: PLC0415
    from pytest_oneloop.databases.seeds import SeedCache  # noqa: PLC0415
    from pytest_oneloop.databases.templates import TemplateFacts  # noqa: PLC0415

    binaries = find_binaries(plan.settings.postgres_bin.value)
    cache = SeedCache(
        plan.settings.cache_dir.value, binaries, source=plan.settings.cache_dir.source
    )
    source = plan.schema()
    template, facts, built = "template1", None, False
    if source is None:
        folder = cache.base()
    else:
        fingerprint, seed = find_seed(plan, cache, source, binaries.version)
        if seed is None:
            built = True
            seed = cache.build(
                fingerprint, _filling(plan, source, fingerprint), timeout=BUILD_SECONDS
            )
        template, facts, folder = TEMPLATE, TemplateFacts.from_json(seed.facts), seed.path
    server = stack.enter_context(start_server(binaries, folder, run_id=plan.run_id))
    name = workers.worker_name(plan.run_id, plan.worker)
    workers.create_worker(server.address, template, name)
    about = {
        "version": server.version,
        "server": "embedded",
        "in_memory": server.in_memory,
        "built": built,
        "template": template,
        "renew": partial(workers.create_worker, server.address, template, name),
    }
    return _destination(plan, server.address, name, facts), facts, about


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
    plan: Plan, cache: Cache[S_co], source: SchemaSource, version: str
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
        now = [
            (name, (digest_of(plan.rootdir / name) or "absent").encode()) for name in sorted(inputs)
        ]
        extra = {**extra, f"inputs {len(extra)}": digest_of_parts(*now)}


def _filling(
    plan: Plan, source: SchemaSource, fingerprint: str
) -> Callable[[ServerAddress], dict[str, object]]:
    """Return what fills a fresh server with the template."""
    from pytest_oneloop.databases.postgresql import administer  # noqa: PLC0415
    from pytest_oneloop.databases.templates import populate  # noqa: PLC0415

    def fill(address: ServerAddress) -> dict[str, object]:
        administer(address, lambda admin: admin.execute(f"CREATE DATABASE {TEMPLATE}"))
        facts = populate(
            address,
            TEMPLATE,
            source,
            lambda database: plan.redirect(Destination(address, database)),
            fingerprint=fingerprint,
        )
        return facts.to_json()

    return fill


def _destination(
    plan: Plan, address: ServerAddress, database: str, facts: TemplateFacts | None
) -> Destination:
    if facts is None:
        return Destination(address, database)
    ids = _restart(facts.sequences) if plan.settings.restart_sequences.value else Restart()
    constraints = Constraints(facts.has_deferrable, facts.deferrable, facts.related)
    return Destination(address, database, constraints, ids)


def _restart(sequences: SequenceBaseline) -> Restart:
    from pytest_oneloop.databases.sequences import (  # noqa: PLC0415
        noting_sql,
        restart_noted_sql,
        restart_sql,
    )

    return Restart(restart_sql(sequences), noting_sql(sequences), restart_noted_sql(sequences))
