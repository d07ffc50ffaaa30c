"""What the plugin did, in one line at the end of a verbose run."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from functools import reduce
from typing import TYPE_CHECKING, Any

from pytest_oneloop.errors.addresses import SharedDatabaseWarning
from pytest_oneloop.report.header import separator

if TYPE_CHECKING:
    from collections.abc import Iterable

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
        addresses: Where engines point that were led to one database, by its dialect.
        unmet: The names in `oneloop_databases` to which no engine has pointed.
        sources: Where the source of the main schema has connected, by its dialect.
    """

    server: str
    template: str
    seconds: float
    tests: int
    real: int
    statements: int
    connections: int
    addresses: dict[str, list[str]] = field(default_factory=dict)
    unmet: list[str] = field(default_factory=list)
    sources: dict[str, list[str]] = field(default_factory=dict)

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
            _united(self.addresses, other.addresses),
            [name for name in self.unmet if name in other.unmet],
            _united(self.sources, other.sources),
        )


def account(run: TestRun) -> Account | None:
    """Return what the run has done; `None` if no test has needed a database."""
    databases = run.started
    if not databases:
        return None
    return Account(
        server=" and ".join(_once(map(_server, databases))),
        template=", ".join(_once(map(_template, databases))),
        seconds=sum(database.seconds for database in databases),
        tests=run.tests,
        real=run.real_tests,
        statements=run.statements,
        connections=run.router.connections,
        addresses=run.addresses.found,
        unmet=run.addresses.unmet,
        sources=run.addresses.sources,
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
    whole = _whole(accounts)
    databases = f", {len(accounts)} worker databases" if len(accounts) > 1 else ""
    work = f"{_count(whole.statements, 'statement')} on {_count(whole.connections, 'connection')}"
    unmet = f"no engine has connected to {', '.join(whole.unmet)}" if whole.unmet else ""
    parts = (
        f"{whole.server}, up in {whole.seconds:.2f} s",
        whole.template + databases,
        f"{_count(whole.tests, 'test')} isolated: {work}, {_undone(whole)}",
        unmet,
    )
    return separator(encoding).join(filter(None, parts))


def shared_databases(accounts: list[Account]) -> list[SharedDatabaseWarning]:
    """Return what is to be said of databases that were led to one: a warning for each dialect."""
    whole = _whole(accounts) if accounts else None
    return [
        SharedDatabaseWarning(
            addresses=addresses,
            unmet=whole.unmet,
            built=_only(whole.sources.get(dialect, []), addresses),
        )
        for dialect, addresses in (whole.addresses.items() if whole else ())
        if whole and len(addresses) > 1
    ]


def _only(sources: list[str], addresses: list[str]) -> str | None:
    """Return the one address that the schema was built from, if there is one among these."""
    return sources[0] if len(sources) == 1 and sources[0] in addresses else None


def _united(one: dict[str, list[str]], other: dict[str, list[str]]) -> dict[str, list[str]]:
    """Return what either has, by its dialect, each once."""
    return {name: _once(one.get(name, []) + other.get(name, [])) for name in one | other}


def _whole(accounts: list[Account]) -> Account:
    return reduce(Account.joined, accounts)


def _once(words: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(words))


def _undone(whole: Account) -> str:
    if not whole.real:
        return "all rolled back"
    return f"{whole.real} by real commits, the others rolled back"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
