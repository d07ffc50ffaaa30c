"""What one transaction on one connection cannot show as a real database would.

Pure: statements go in, limits come out. Nothing is refused here; a strategy that finds out what a
test needs runs it again on a real database. So a limit that is noted in vain costs a test some
milliseconds, and one that is missed may be a difference that nobody sees.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from pytest_oneloop.errors.mysql import (
    ImplicitCommitError,
    TransactionRolledBackError,
    UnsafeTableError,
)
from pytest_oneloop.errors.sandbox import (
    ConnectionLostError,
    InterleavedTransactionsError,
    SplitTransactionError,
    TransactionControlError,
    TurnTimeoutError,
    UnheardError,
)
from pytest_oneloop.errors.sqlite import AttachError, BackupError, PragmaError, RolledBackError
from pytest_oneloop.sandbox import statements

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_oneloop.errors.sandbox import SandboxError


@dataclass(frozen=True, slots=True)
class Limit:
    """Something that a test did, and would see done differently on a real database.

    Attributes:
        reason: What it did, for people; a few words.
        strategy: The strategy that shows it as it is: `commit` or `clone`.
    """

    reason: str
    strategy: str = "commit"


_UNHEARD: Final = "LISTEN and NOTIFY need commits"
_SIGNS: Final = {
    _UNHEARD: (
        r"^\s*(?:UN)?LISTEN\b",
        r"^\s*NOTIFY\b",
        r"\bpg_notify\b",
        r"\bpg_listening_channels\b",
    ),
    "advisory locks need connections of their own": (r"\bpg_(?:try_)?advisory_\w+",),
    "a large object's descriptor ends with its transaction": (
        r"\b(?:lo_open|loread|lowrite|lo_lseek\w*|lo_tell\w*)\b",
    ),
    "lock_timeout and the like need real locks and transactions": (
        r"\b(?:lock|deadlock|transaction|idle_in_transaction_session|idle_session)_timeout\b",
    ),
    "a statement asks for the server's sessions": (
        r"\bpg_(?:terminate|cancel)_backend\b",
        r"\bpg_(?:backend_pid|stat_activity|locks|blocking_pids)\b",
    ),
    "a statement asks for ids of transactions": (
        r"\btxid_\w+",
        r"\bpg_(?:current_xact_id\w*|xact_status|visible_in_snapshot)\b",
        r"\bpg_(?:current|export)_snapshot\b",
        r"\b(?:xmin|xmax)\b",
    ),
    "currval and lastval belong to one connection": (r"\b(?:currval|lastval)\b",),
    "temporary tables belong to one connection": (
        r"\b(?:CREATE|INTO)\s+(?:(?:LOCAL|GLOBAL)\s+)?TEMP(?:ORARY)?\b",
        r"\bpg_temp\b|^\s*CREATE\b[^(]*\btemp(?:orary)?\"?\s*\.",
    ),
    "SET TRANSACTION and the like need a real transaction": (
        r"\bSET\s+(?:SESSION\s+CHARACTERISTICS|TRANSACTION)\b",
        r"\btransaction_(?:isolation|read_only|deferrable)\b",
    ),
    "ATTACH, DETACH and VACUUM work outside of transactions": (r"^\s*(?:ATTACH|DETACH|VACUUM)\b",),
    "a cursor (DECLARE) ends with its transaction": (r"^\s*DECLARE\b",),
    "what PREPARE makes outlives its transaction": (
        r"^\s*PREPARE\b",
        r"\b(?:COMMIT|ROLLBACK)\s+PREPARED\b",
    ),
}
"""What shows in a statement's text that no sandbox can do, by what there is to say of it."""

_AT_ONCE: Final = tuple(
    (re.compile("|".join(signs), re.IGNORECASE), Limit(reason)) for reason, signs in _SIGNS.items()
)
_REFUSED: Final = {
    "25001": Limit("a statement refuses to run in a transaction block", "clone"),
    "2D000": Limit("a procedure ends transactions"),
    "55P04": Limit("a new value of an enum has to be committed before its use", "clone"),
}
"""What the server says, by its SQLSTATE, where a transaction of one's own is missing."""

_ERRORS: Final[Mapping[type[SandboxError], Limit]] = {
    InterleavedTransactionsError: Limit("a transaction is rolled back while a later one is open"),
    SplitTransactionError: Limit("two drivers, or two event loops, on one database"),
    TransactionControlError: Limit("transactions are ended by SQL text, or in two phases"),
    ConnectionLostError: Limit("a connection ends within the test"),
    TurnTimeoutError: Limit("one statement waits too long for another to end"),
    UnheardError: Limit(_UNHEARD),
    AttachError: Limit("each connection has its own files attached"),
    BackupError: Limit("a backup copies what is committed"),
    PragmaError: Limit("settings belong to one connection"),
    RolledBackError: Limit("a statement rolls its whole transaction back"),
    ImplicitCommitError: Limit("a statement commits by itself"),
    TransactionRolledBackError: Limit("a deadlock ends the test's transaction"),
    UnsafeTableError: Limit("a table's engine knows no transactions"),
}
"""What the sandbox refuses, and a real database does not."""

_PART: Final = r'(?:"[^"]+"|[\w$]+)'
_NAME: Final = (
    r"(?:ONLY\s+)?(?:IF\s+(?:NOT\s+)?EXISTS\s+)?"
    rf"(?P<name>{_PART}(?:\s*\.\s*{_PART})*)"
)
_CHANGED: Final = re.compile(
    r"\b(?:INSERT\s+INTO|UPDATE|DELETE\s+FROM|MERGE\s+INTO|COPY|TRUNCATE(?:\s+TABLE)?"
    r"|LOCK(?:\s+TABLE)?|(?:CREATE|ALTER|DROP)\s+(?:UNLOGGED\s+)?TABLE"
    r"|REFRESH\s+MATERIALIZED\s+VIEW(?:\s+CONCURRENTLY)?)\s+" + _NAME,
    re.IGNORECASE,
)
_NO_CHANGE: Final = re.compile(
    r"\b(?:FOR\s+(?:NO\s+KEY\s+)?|DO\s+|ON\s+)(?:UPDATE|DELETE)\b", re.IGNORECASE
)
"""Words that are no statements of their own, and so no table follows."""

_LOCKS_ROWS: Final = re.compile(
    r"\bFOR\s+(?:NO\s+KEY\s+UPDATE|UPDATE|KEY\s+SHARE|SHARE)\b", re.IGNORECASE
)
_INNER: Final = re.compile(
    r"^\s*(?:SAVEPOINT|RELEASE|ROLLBACK\s+TO|SET\s+LOCAL|LOCK)\b", re.IGNORECASE
)
"""What PostgreSQL refuses, or leaves without effect, outside a transaction block."""

_SOURCE: Final = re.compile(r"\b(?:FROM|JOIN)\s+" + _NAME, re.IGNORECASE)
_NAMING: Final = re.compile(r"'(?P<name>[A-Za-z_][\w$]*)'")
"""A literal that may be the name of a table: `to_regclass('orders')`."""

_WORD: Final = re.compile(r'"(?P<quoted>[^"]+)"|(?P<plain>[A-Za-z_][\w$]*)')


@dataclass(frozen=True, slots=True)
class _Reading:
    """What a statement's text says.

    Attributes:
        limits: What no sandbox can show.
        changed: The tables that it changes, or whose rows it locks.
        words: All names in it, those in literals included.
        inner: It needs a transaction around it.
        session: It changes settings of the connection.
    """

    limits: tuple[Limit, ...]
    changed: frozenset[str]
    words: frozenset[str]
    inner: bool
    session: bool


@lru_cache(maxsize=4096)
def _read(sql: str) -> _Reading:
    text = statements.without_literals(sql)
    changed = {_last(match["name"]) for match in _CHANGED.finditer(_NO_CHANGE.sub("", text))}
    if _LOCKS_ROWS.search(text):
        changed |= {_last(match["name"]) for match in _SOURCE.finditer(text)}
    words = {match["quoted"] or match["plain"].lower() for match in _WORD.finditer(text)}
    words |= {match["name"].lower() for match in _NAMING.finditer(sql)}
    return _Reading(
        tuple(limit for pattern, limit in _AT_ONCE if pattern.search(text)),
        frozenset(changed),
        frozenset(words),
        _INNER.match(text) is not None,
        statements.changes_session(sql),
    )


def changed_tables(sql: str) -> frozenset[str]:
    """Return the tables that a statement changes, or whose rows it locks; names without schema."""
    return _read(sql).changed


def _last(name: str) -> str:
    """Return a table's own name, without its schema."""
    last = name.rpartition(".")[2].strip()
    return last[1:-1] if last.startswith('"') else last.lower()


@dataclass(slots=True)
class Watch:
    """Watches one test's statements for what it would see differently on a real database.

    Attributes:
        met: The limits that the test has met.
    """

    met: list[Limit] = field(default_factory=list)
    _changed: dict[object, set[str]] = field(default_factory=dict)
    _isolated: set[object] = field(default_factory=set)
    _local: set[object] = field(default_factory=set)
    _parts: dict[str, Watch] = field(default_factory=dict)

    def of(self, key: str) -> Watch:
        """Return what watches one database: two of them are not in each other's way.

        Args:
            key: Which one.
        """
        return self._parts.setdefault(key, Watch(self.met))

    def statement(  # noqa: PLR0913 - what is known of it
        self,
        owner: object,
        sql: str,
        *,
        alone: bool,
        writes: bool,
        local: bool,
        isolated: bool,
        related: Mapping[str, frozenset[str]],
    ) -> None:
        """A connection sends a statement.

        Args:
            owner: The connection, from its checkout to its checkin.
            sql: The statement.
            alone: It is a transaction of its own.
            writes: It may change something.
            local: It sets something for its transaction alone.
            isolated: Its transaction is REPEATABLE READ or SERIALIZABLE.
            related: For each table, the others at whose rows the server looks when one of its is
                changed.
        """
        reading = _read(sql)
        for limit in reading.limits:
            self.meet(limit)
        if reading.session:
            self.meet(Limit("settings belong to one connection"))
        looked_at = reading.words.union(*(related.get(name, ()) for name in reading.changed))
        self._beside_others(owner, looked_at, writes=writes)
        if alone:
            if reading.inner:
                self.meet(Limit("a statement needs a transaction, and AUTOCOMMIT gives it none"))
            return
        if reading.changed:
            self._changed.setdefault(owner, set()).update(reading.changed)
        if isolated:
            self._isolated.add(owner)
        if local:
            self._local.add(owner)

    def _beside_others(self, owner: object, words: frozenset[str], *, writes: bool) -> None:
        for other, changed in self._changed.items():
            if other is not owner and (met := changed & words):
                self.meet(
                    Limit(f"two open transactions use the same table: {', '.join(sorted(met))}")
                )
        if writes and self._isolated - {owner}:
            self.meet(Limit("others write beside a REPEATABLE READ or SERIALIZABLE transaction"))
        if self._local - {owner}:
            self.meet(Limit("SET LOCAL on one connection, and then a statement on another"))

    def ended(self, owner: object) -> None:
        """A connection's transaction has ended."""
        self._changed.pop(owner, None)
        self._isolated.discard(owner)
        self._local.discard(owner)

    def refused(self, sqlstate: object) -> None:
        """The server has refused a statement."""
        if isinstance(sqlstate, str) and sqlstate in _REFUSED:
            self.meet(_REFUSED[sqlstate])

    def failed(self, error: SandboxError) -> None:
        """The sandbox has refused something."""
        limit = _ERRORS.get(type(error))
        if limit is not None:
            self.meet(limit)

    def meet(self, limit: Limit) -> None:
        """Note a limit, once."""
        if limit not in self.met:
            self.met.append(limit)


def sqlstate_of(error: BaseException) -> object:
    """Return the server's code of a driver's error, however it calls it; `None` for others."""
    return getattr(error, "sqlstate", None) or getattr(error, "pgcode", None)
