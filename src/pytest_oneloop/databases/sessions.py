"""Who is connected to a database, what they hold, and who waits for whom."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pytest_oneloop.databases.postgresql import Admin, administer, quote_literal, sqlstate_of
from pytest_oneloop.errors.strategies import SessionsRemainError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from pytest_oneloop.databases.address import ServerAddress

_POLL_SECONDS = 0.005
# A session that is about to end its work, such as a rollback that nobody waits for, may do so.
_PATIENCE_SECONDS = 0.05
_SHORT_POLL_SECONDS = 0.002
_INSUFFICIENT_PRIVILEGE = "42501"

# Whoever is in a transaction holds at least the lock of the transaction itself, so the locks tell
# who is in the way. (What a session does is hidden from other roles; its locks are not.) Locks of
# transactions belong to no database; only where there are some is it asked who is connected.
BUSY = (
    "SELECT (SELECT count(DISTINCT l.pid) FROM pg_lock_status() l WHERE l.pid <> pg_backend_pid() "
    "AND (l.database = d.oid OR l.database IS NULL) AND EXISTS "
    "(SELECT FROM pg_stat_get_activity(l.pid) a WHERE a.datid = d.oid AND a.leader_pid IS NULL "
    "AND a.usesysid IS NOT NULL)) "
    "+ (SELECT count(*) FROM pg_prepared_xact() p WHERE p.dbid = d.oid) "
    "FROM pg_database d WHERE d.datname = current_database()"
)
"""How many sessions and prepared transactions are in the way of work on this database."""

# Logical replication slots are of one database, too, and so may whoever reads from one be.
_STRANGERS = (
    "SELECT (SELECT count(*) FROM pg_stat_get_activity(NULL) a WHERE a.pid <> pg_backend_pid() "
    "AND a.datid = d.oid AND a.leader_pid IS NULL AND a.usesysid IS NOT NULL "
    "AND (a.pid <> ALL ({}::int4[]) OR EXISTS (SELECT FROM pg_locks l WHERE l.pid = a.pid))) "
    "+ (SELECT count(*) FROM pg_prepared_xact() p WHERE p.dbid = d.oid) "
    "+ (SELECT count(*) FROM pg_get_replication_slots() s WHERE s.datoid = d.oid) "
    "FROM pg_database d WHERE d.datname = current_database()"
)

_SESSIONS = """
SELECT a.pid, coalesce(a.state, ''), coalesce(a.query, ''), coalesce(a.application_name, ''),
  coalesce(l.locks, '{{}}'), pg_blocking_pids(a.pid)
FROM pg_stat_activity a LEFT JOIN LATERAL (
  SELECT array_agg(DISTINCT replace(l.mode, 'Lock', '') || ' on ' || coalesce(
    CASE WHEN l.relation IS NOT NULL AND a.datname = current_database()
      THEN l.relation::regclass::text END,
    CASE l.locktype WHEN 'virtualxid' THEN 'its transaction'
      WHEN 'transactionid' THEN 'its transaction' ELSE l.locktype END)) AS locks
  FROM pg_locks l WHERE l.pid = a.pid AND l.granted) l ON true
WHERE a.datname = {} AND a.pid <> pg_backend_pid() AND a.leader_pid IS NULL
  AND a.usesysid IS NOT NULL ORDER BY a.pid
"""


@dataclass(frozen=True, slots=True)
class Session:
    """One connection to a database, as the server sees it.

    Attributes:
        pid: The number of its process on the server.
        state: `idle`, `active`, `idle in transaction`, and so on; empty if it is not shown.
        query: Its last statement.
        application_name: What it calls itself.
        locks: What it holds, in words: `RowExclusive on orders`.
        blocked_by: The sessions that it waits for; 0 stands for a prepared transaction.
        blocks: The sessions that wait for it.
    """

    pid: int
    state: str
    query: str
    application_name: str = ""
    locks: tuple[str, ...] = ()
    blocked_by: tuple[int, ...] = ()
    blocks: tuple[int, ...] = ()

    @property
    def busy(self) -> bool:
        """Whether it is in a transaction, or holds a lock without one."""
        return bool(self.locks)

    def __str__(self) -> str:
        words = [f"session {self.pid} ({self.state or 'state not shown'})"]
        # Who does something at all holds the lock of its transaction; that says nothing.
        if held := [lock for lock in self.locks if not lock.endswith("its transaction")]:
            # Outside of a transaction a session holds nothing but advisory locks.
            kept = " until pg_advisory_unlock" if self.state == "idle" else ""
            words.append(f"holds {', '.join(held)}{kept}")
        if self.blocked_by:
            words.append(f"waits for {', '.join(map(str, self.blocked_by))}")
        if self.blocks:
            words.append(f"is waited for by {', '.join(map(str, self.blocks))}")
        if self.query:
            words.append(f"last statement: {' '.join(self.query.split())[:200].rstrip('; ')}")
        return ", ".join(words)


def sessions(address: ServerAddress, database: str) -> list[Session]:
    """List who is connected to a database, but for this connection (3 ms, most of it to connect).

    It connects to that same database, so that locked tables have names.
    """
    return administer(
        address,
        lambda admin: read_sessions(admin, database),
        database=database,
        task=f"list the sessions of {database}",
    )


def read_sessions(admin: Admin, database: str) -> list[Session]:
    """List who is connected to a database, by an open connection; its own is left out."""
    rows = admin.rows(_SESSIONS, database)
    found = [
        Session(
            int(str(pid)),
            str(state),
            str(query),
            str(name),
            locks=_texts(locks),
            blocked_by=tuple(map(int, _texts(blocked_by))),
        )
        for pid, state, query, name, locks, blocked_by in rows
    ]
    return [
        replace(one, blocks=tuple(other.pid for other in found if one.pid in other.blocked_by))
        for one in found
    ]


def end(
    address: ServerAddress, database: str, pids: Iterable[int], *, seconds: float = 10.0
) -> None:
    """End sessions of a database, and wait until they are gone (1 ms each, and a connection).

    Args:
        address: The server.
        database: The database; sessions of others are left alone.
        pids: Which sessions. One that has gone meanwhile is fine.
        seconds: How long to wait for them.

    Raises:
        SessionsRemainError: They did not end, or this role may not end them.
    """
    wanted = frozenset(pids)
    administer(
        address,
        lambda admin: end_sessions(admin, database, wanted, seconds=seconds),
        database=database,
        task=f"end sessions of {database}",
    )


def end_sessions(
    admin: Admin, database: str, pids: Collection[int], *, seconds: float = 10.0
) -> None:
    """End sessions of a database, by an open connection. See `end`."""
    if not pids:
        return
    numbers = ",".join(map(str, sorted(pids)))
    theirs = f"datname = {quote_literal(database)} AND pid IN ({numbers})"
    query = f"FROM pg_stat_activity WHERE {theirs}"
    reason = "they go on"
    try:
        admin.rows(f"SELECT pg_terminate_backend(pid) {query}")
        deadline = time.monotonic() + seconds
        while admin.rows(f"SELECT pid {query}"):
            if time.monotonic() > deadline:
                break
            time.sleep(_POLL_SECONDS)
        else:
            return
    except Exception as error:
        if sqlstate_of(error) != _INSUFFICIENT_PRIVILEGE:
            raise
        reason = str(error).splitlines()[0]
    left = [one for one in read_sessions(admin, database) if one.pid in pids]
    raise SessionsRemainError(
        database, sessions=list(map(str, left)), seconds=seconds, reason=reason
    )


def end_prepared(admin: Admin, database: str) -> list[str]:
    """Roll back the transactions that were prepared and never ended; return their names."""
    rows = admin.rows("SELECT gid FROM pg_prepared_xacts WHERE database = {}", database)
    for (gid,) in rows:
        admin.execute(f"ROLLBACK PREPARED {quote_literal(str(gid))}")
    return [str(gid) for (gid,) in rows]


def end_all_prepared(address: ServerAddress, database: str) -> list[str]:
    """Roll the prepared transactions of a database back (3 ms, most of it to connect)."""
    return administer(
        address,
        lambda admin: end_prepared(admin, database),
        database=database,
        task=f"end the prepared transactions of {database}",
    )


def clear_way(
    admin: Admin, database: str, spare: Collection[int]
) -> tuple[tuple[Session, ...], tuple[str, ...]]:
    """End the sessions that are in the way, and the prepared transactions. Costs a message.

    Args:
        admin: Connected to the database, with `BUSY` prepared as `oneloop_busy`.
        database: Its name.
        spare: Sessions that are left alone.

    Returns:
        What was ended: the sessions, as they were, and the names of the transactions.

    Raises:
        SessionsRemainError: Some could not be ended.
    """
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while admin.rows("EXECUTE oneloop_busy") != [(0,)]:
        found = read_sessions(admin, database)
        busy = [one for one in found if one.busy and one.pid not in spare]
        waits = any(one.state != "active" for one in busy) or time.monotonic() > deadline
        if busy and not waits:
            time.sleep(_SHORT_POLL_SECONDS)
            continue
        end_sessions(admin, database, {one.pid for one in busy})
        return tuple(busy), tuple(end_prepared(admin, database))
    return (), ()


def is_alone(admin: Admin, spare: Collection[int]) -> bool:
    """Whether nobody else uses the database of `admin`. Waits at most 50 ms for it.

    Args:
        admin: Connected to the database.
        spare: Sessions that may stay, if they are idle.
    """
    known = "{" + ",".join(map(str, sorted(spare))) + "}"
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while admin.rows(_STRANGERS, known) != [(0,)]:
        if time.monotonic() > deadline:
            return False
        time.sleep(_SHORT_POLL_SECONDS)
    return True


def _texts(array: object) -> tuple[str, ...]:
    return tuple(str(one) for one in array) if isinstance(array, list) else ()
