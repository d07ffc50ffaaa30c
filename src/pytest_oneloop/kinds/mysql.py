"""MySQL and MariaDB: a server that is named, and on it a database for each worker."""

from __future__ import annotations

import re
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from pytest_oneloop.drivers import mysql_drivername
from pytest_oneloop.errors.mysql import NoMySQLServerError
from pytest_oneloop.forecast import Forecast, describe, named_servers
from pytest_oneloop.kinds.copies import CopyingIsolation
from pytest_oneloop.plan import BUILD_SECONDS, WorkerDatabase
from pytest_oneloop.sandbox.ids import Restart
from pytest_oneloop.sandbox.outer import Constraints

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy.engine import Dialect

    from pytest_oneloop.databases.mysql.server import MySQLAddress
    from pytest_oneloop.databases.templates import TemplateFacts
    from pytest_oneloop.isolation import Put
    from pytest_oneloop.kinds import Kind
    from pytest_oneloop.kinds.copies import Restoration
    from pytest_oneloop.plan import Plan
    from pytest_oneloop.sandbox.link import Link

_ADDRESS: Final = re.compile(
    r"host|port|user|username|pass(wd|word)|db|database|unix_socket|read_default_\w+|ssl\w*"
    r"|autocommit"
)
"""What of a driver's `connect` finds a server and is let in, or is about transactions."""


@dataclass(frozen=True, slots=True)
class MySQLDatabase:
    """One database of the test server, as the router's target.

    Attributes:
        address: The server.
        database: The database's name.
        constraints: Its tables that no rollback puts back.
        ids: Nothing: only a statement that commits could set ids back.
        key: Which one of the run's it is.
    """

    address: MySQLAddress
    database: str
    constraints: Constraints = field(default_factory=Constraints)
    ids: Restart = field(default_factory=Restart)
    key: str = "mysql"

    @property
    def dialect(self) -> str:
        """The name of SQLAlchemy's dialect."""
        return "mysql"

    def url(self, drivername: str) -> str:
        """Return the URL by which a driver reaches it, with the password if it has one."""
        url = self.address.url(drivername, self.database)
        return url.render_as_string(hide_password=False)

    def connect_arguments(self, dialect: Dialect, given: dict[str, Any]) -> dict[str, Any]:
        """Return what leads here; the application's other arguments are kept."""
        url = self.address.url(f"{dialect.name}+{dialect.driver}", self.database)
        _, leading = dialect.create_connect_args(url)
        kept = {name: value for name, value in given.items() if not _ADDRESS.fullmatch(name)}
        return kept | dict(leading)


class MySQLCopier:
    """What is done with databases of a server."""

    def __init__(self) -> None:
        from pytest_oneloop.databases.mysql.branches import Branches  # noqa: PLC0415

        self._branches = Branches()

    def restoration(self, worker: WorkerDatabase[MySQLDatabase]) -> Restoration:
        """Return what puts the worker's database back."""
        from pytest_oneloop.databases.mysql import restoration  # noqa: PLC0415

        own = worker.destination
        template = worker.template or None
        return restoration.Restoration(own.address, own.database, template, self._branches)

    def end(self, worker: WorkerDatabase[MySQLDatabase], left: list[Link]) -> None:
        """End connections that still hold locks of an earlier test."""
        from pytest_oneloop.databases.mysql import server, workers  # noqa: PLC0415

        with server.connected(worker.destination.address) as session:
            for link in left:
                workers.kill(session, link.driver.backend())

    def copy(self, worker: WorkerDatabase[MySQLDatabase], number: int) -> MySQLDatabase:
        """Return a copy of the template, made statement by statement."""
        from pytest_oneloop.databases.mysql import workers  # noqa: PLC0415

        own = worker.destination
        name = f"{own.database}_clone{number}"
        workers.create(own.address, worker.template or None, name)
        self._branches.listen()
        return MySQLDatabase(own.address, name, own.constraints, key=own.key)

    def remove(self, clone: MySQLDatabase) -> Put | None:
        """Drop a copy, and roll back what a test has prepared."""
        from pytest_oneloop.databases.mysql import restoration, server, workers  # noqa: PLC0415

        with server.connected(clone.address) as session:
            workers.kill_all(session, clone.database)
            self._branches.close()
            prepared = self._branches.end(session)
            workers.drop(session, clone.database)
        return restoration.Outcome(prepared=tuple(prepared)) if prepared else None


class MySQL:
    """The kind of MySQL's and MariaDB's databases."""

    dialect = "mysql"

    @contextmanager
    def provide(self, plan: Plan) -> Iterator[WorkerDatabase[MySQLDatabase]]:
        """Make the worker's database, until the context ends.

        Raises:
            SetupError: There can be none; the error says why.
        """
        from pytest_oneloop.databases.mysql import server, templates, workers  # noqa: PLC0415
        from pytest_oneloop.schema.fingerprint import template_fingerprint  # noqa: PLC0415

        started = time.monotonic()
        named = plan.settings.server_of(self.dialect)
        if named.value is None:
            raise NoMySQLServerError(dialect=self.dialect)
        address = server.parse_mysql_url(named.value, source=named.source)
        product, version = server.identify(address, source=named.source)
        name = workers.worker_name(plan.run_id, plan.worker)
        held = workers.named_lock(address, name, seconds=10.0, task="let the run begin")
        with held as session:
            workers.sweep(session)
            template, facts, built = "", None, False
            source, key = plan.schema(self.dialect), plan.key(self.dialect)
            if source is not None:
                template, facts, built = templates.ensure_template(
                    address,
                    source,
                    # Views and routines of a template are defined by the user who has built it.
                    fingerprint=template_fingerprint(
                        source.fingerprint(),
                        server=f"{product} {version}",
                        extra={"user": address.user},
                    ),
                    redirect=lambda database: plan.redirect(
                        MySQLDatabase(address, database, key=key)
                    ),
                    timeout=BUILD_SECONDS,
                )
            renew = partial(workers.create, address, template or None, name)
            renew()
            try:
                unsafe = templates.unsafe_tables(address, name)
                yield WorkerDatabase(
                    destination=MySQLDatabase(address, name, Constraints(unsafe=unsafe), key=key),
                    product=product,
                    version=version,
                    server=str(address),
                    in_memory=False,
                    built=built,
                    seconds=time.monotonic() - started,
                    template=template,
                    renew=renew,
                    **_about(facts),
                )
            finally:
                workers.drop(session, name)

    def isolation(
        self,
        database: Callable[[], WorkerDatabase[MySQLDatabase]],
        give_up: Callable[[], list[Link]],
    ) -> CopyingIsolation[MySQLDatabase]:
        """Return what puts it back."""
        return CopyingIsolation(database, give_up, MySQLCopier())

    def asynchronous_drivername(self, preferred: str | None) -> str:
        """Choose the driver for engines that fixtures make: the application's own, if it shows."""
        return mysql_drivername(asynchronous=True, preferred=preferred)

    def forecast(self, plan: Plan) -> Forecast:
        """Say what a run will use."""
        _, schema = describe(plan, self.dialect)
        if plan.settings.server_of(self.dialect).value is None:
            return Forecast(f"no server ({NoMySQLServerError.code})", schema, None)
        return Forecast(named_servers(plan), schema, None)


def _about(facts: TemplateFacts | None) -> dict[str, Any]:
    return {
        "schema": facts.schema if facts else "",
        "driver": facts.driver if facts else None,
    }


KIND: Final[Kind] = MySQL()
