"""What the plugin did, in one line at the end of a verbose run."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from pytest_oneloop.errors.addresses import SharedDatabaseWarning
from pytest_oneloop.report.header import separator

if TYPE_CHECKING:
    from pytest_oneloop.plan import WorkerDatabase
    from pytest_oneloop.run import TestRun


@dataclass(frozen=True, slots=True)
class Account:
    """What one process of a run has done.

    Attributes:
        server: Such as `PostgreSQL 18.6 embedded in memory`.
        template: Such as `template cached: alembic 4 revisions`.
        seconds: How long the database took to come up.
        tests: The tests that sent something.
        real: Those of them that committed for real.
        statements: What they sent.
        connections: The real connections that were opened for them.
        addresses: Where engines point, whatever they were led to.
    """

    server: str
    template: str
    seconds: float
    tests: int
    real: int
    statements: int
    connections: int
    addresses: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Return what another process can read."""
        return asdict(self)

    def joined(self, other: Account) -> Account:
        """Return the account of two processes together."""
        return Account(
            self.server,
            min(self.template, other.template),
            max(self.seconds, other.seconds),
            self.tests + other.tests,
            self.real + other.real,
            self.statements + other.statements,
            self.connections + other.connections,
            list(dict.fromkeys(self.addresses + other.addresses)),
        )


def account(run: TestRun) -> Account | None:
    """Return what the run has done; `None` if no test has needed a database."""
    databases = run.started
    if not databases:
        return None
    return Account(
        server=" and ".join(map(_server, databases)),
        template=", ".join(dict.fromkeys(map(_template, databases))),
        seconds=sum(database.seconds for database in databases),
        tests=run.tests,
        real=run.real_tests,
        statements=run.statements,
        connections=run.router.connections,
        addresses=run.addresses.found,
    )


def _server(database: WorkerDatabase[Any]) -> str:
    where = "in memory" if database.in_memory else "on disk"
    if database.server not in {"", "embedded"}:
        where = f"at {database.server}"
    elif database.server:
        where = f"embedded {where}"
    return f"{database.product} {database.version} {where}"


def _template(database: WorkerDatabase[Any]) -> str:
    template = "built" if database.built else "cached"
    return f"template {template}: {database.schema}" if database.schema else "no schema"


def summary_line(accounts: list[Account], *, encoding: str = "utf-8") -> str | None:
    """Return the line; `None` if no process has needed a database."""
    if not accounts:
        return None
    whole = accounts[0]
    for other in accounts[1:]:
        whole = whole.joined(other)
    databases = f", {len(accounts)} worker databases" if len(accounts) > 1 else ""
    work = f"{_count(whole.statements, 'statement')} on {_count(whole.connections, 'connection')}"
    return separator(encoding).join(
        (
            f"{whole.server}, up in {whole.seconds:.2f} s",
            whole.template + databases,
            f"{_count(whole.tests, 'test')} isolated: {work}, {_undone(whole)}",
        )
    )


def shared_database(accounts: list[Account]) -> SharedDatabaseWarning | None:
    """Return what is to be said of several databases that were one; `None` for nothing."""
    addresses = list(dict.fromkeys(one for account in accounts for one in account.addresses))
    return SharedDatabaseWarning(addresses=addresses) if len(addresses) > 1 else None


def _undone(whole: Account) -> str:
    if not whole.real:
        return "all rolled back"
    return f"{whole.real} by real commits, the others rolled back"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
