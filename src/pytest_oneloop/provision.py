"""Brings up the PostgreSQL database of one worker: server, template, clone."""

from __future__ import annotations

import re
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from pytest_oneloop.databases.urls import connect_url, parse_server_url
from pytest_oneloop.plan import BUILD_SECONDS, WorkerDatabase, find_seed
from pytest_oneloop.sandbox.ids import Restart
from pytest_oneloop.sandbox.outer import Constraints

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy.engine import Dialect

    from pytest_oneloop.databases.address import ServerAddress
    from pytest_oneloop.databases.sequences import SequenceBaseline
    from pytest_oneloop.databases.templates import TemplateFacts
    from pytest_oneloop.plan import Plan
    from pytest_oneloop.schema import SchemaSource

DIALECT: Final = "postgresql"

TEMPLATE: Final = "oneloop_template"
"""The template's name on an embedded server, whose folder is of one fingerprint alone."""

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
        key: Which one of the run's it is.
    """

    address: ServerAddress
    database: str
    constraints: Constraints = field(default_factory=Constraints)
    ids: Restart = field(default_factory=Restart)
    key: str = DIALECT

    @property
    def dialect(self) -> str:
        """The name of SQLAlchemy's dialect."""
        return DIALECT

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
        server = plan.settings.server_of("postgresql")
        destination, facts, about = (
            _on_embedded_server(plan, stack)
            if server.value is None
            else _on_given_server(plan, stack, server.value, server.source)
        )
        yield WorkerDatabase(
            destination=destination,
            product="PostgreSQL",
            schema=facts.schema if facts else "",
            driver=facts.driver if facts else None,
            seconds=time.monotonic() - started,
            **about,
        )


def _on_given_server(
    plan: Plan, stack: ExitStack, url: str, named_by: str
) -> tuple[Destination, TemplateFacts | None, dict[str, Any]]:
    from pytest_oneloop.databases import stored, workers  # noqa: PLC0415
    from pytest_oneloop.databases.serverinfo import identify  # noqa: PLC0415
    from pytest_oneloop.schema.fingerprint import template_fingerprint  # noqa: PLC0415

    address = parse_server_url(url, source=named_by)
    version = identify(address, source=named_by).version
    stack.enter_context(workers.live_run(address, plan.run_id))
    workers.sweep(address)
    source = plan.schema()
    template, facts, built = "template1", None, False
    if source is not None:
        template, facts, built = stored.ensure_template(
            address,
            source,
            # What is in a template belongs to the role that has built it.
            fingerprint=template_fingerprint(
                source.fingerprint(), server=version, extra={"role": address.user}
            ),
            redirect=lambda database: plan.redirect(_bare(plan, address, database)),
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
        fingerprint, seed = find_seed(cache, source, binaries.version, plan.rootdir)
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
            lambda database: plan.redirect(_bare(plan, address, database)),
            fingerprint=fingerprint,
        )
        return facts.to_json()

    return fill


def _destination(
    plan: Plan, address: ServerAddress, database: str, facts: TemplateFacts | None
) -> Destination:
    if facts is None:
        return _bare(plan, address, database)
    ids = _restart(facts.sequences) if plan.settings.restart_sequences.value else Restart()
    constraints = Constraints(facts.has_deferrable, facts.deferrable, facts.related)
    return Destination(address, database, constraints, ids, plan.key(DIALECT))


def _bare(plan: Plan, address: ServerAddress, database: str) -> Destination:
    """Return a database of whose schema nothing is known."""
    return Destination(address, database, key=plan.key(DIALECT))


def _restart(sequences: SequenceBaseline) -> Restart:
    from pytest_oneloop.databases.sequences import (  # noqa: PLC0415
        noting_sql,
        restart_noted_sql,
        restart_sql,
    )

    return Restart(restart_sql(sequences), noting_sql(sequences), restart_noted_sql(sequences))
