"""Puts a database back as the template has it, after a test that committed for real."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from pytest_oneloop.databases import catalogs, contents, sequences
from pytest_oneloop.databases.baseline import (
    be_replica,
    impossible,
    read_baseline,
    read_latest,
)
from pytest_oneloop.databases.postgresql import sqlstate_of
from pytest_oneloop.databases.sessions import BUSY, clear_way, is_alone
from pytest_oneloop.databases.standing import StandingConnection, is_lost

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from pytest_oneloop.databases.address import ServerAddress
    from pytest_oneloop.databases.baseline import Baseline
    from pytest_oneloop.databases.postgresql import Admin
    from pytest_oneloop.databases.sessions import Session

T = TypeVar("T")

_DEADLINE = 30.0
# Deleted rows stay in a table's file until it is vacuumed, and are passed over by every reader.
_VACUUM_BYTES = 1024 * 1024
# Triggers that write when rows are put back may set off others.
_PASSES = 4


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was found after a test, and what came of it.

    Attributes:
        fresh: Why the database could not be put back, so that another clone of the template has to
            take its place; empty if it is as the template has it.
        written: The tables that were written to.
        ended: The sessions that were in the way, as they were, and are no more.
        prepared: The prepared transactions (two-phase commit) that were rolled back.
    """

    fresh: tuple[str, ...] = ()
    written: tuple[str, ...] = ()
    ended: tuple[Session, ...] = ()
    prepared: tuple[str, ...] = ()


class Restoration:
    """One worker's database, and what it has to look like between tests.

    It keeps one connection to the database open. All of it may be called from any thread; it
    waits, with a deadline of 30 s for each call.

    Args:
        address: The server.
        database: A clone of the template.
    """

    def __init__(self, address: ServerAddress, database: str) -> None:
        self._database = database
        self._connection = StandingConnection(address, database, seconds=_DEADLINE)
        self._baseline: Baseline | None = None
        self._since = ""
        self._counts: list[int] = []
        self._spoilt: tuple[str, ...] = ()
        self._asks = False
        self._task = f"put the database {database} back as its template has it"
        self._under_way: Callable[[], Outcome] | None = None

    @property
    def baseline(self) -> Baseline | None:
        """What the database looks like, once that is known."""
        return self._baseline

    def prepare(self, restart: str = "") -> None:
        """Note what the database looks like, while it is as the template has it.

        Costs some 50 ms with 50 tables at the first call, and nothing later.

        Args:
            restart: The statement that sets sequences back, if tests may have advanced some.

        Raises:
            ServerTimeoutError: The server did not answer in time.
        """
        if self._baseline is None:
            self._run(lambda admin: self._prepare(admin, restart))

    def adopt(self, baseline: Baseline, since: str) -> None:
        """Take what is known of another clone of the same template, in place of `prepare`.

        Args:
            baseline: That of the other clone.
            since: The latest transaction (`read_latest`) after this one was made, and before it
                was used.
        """
        self._baseline = baseline
        self._counts = list(baseline.counts)
        self._since = since

    def is_alone(self, *, spare: Collection[int]) -> bool:
        """Whether nobody uses the database, nor may do so later. Waits at most 50 ms for it.

        Args:
            spare: Sessions that may stay, if they are idle, by their process numbers.
        """
        return self._run(lambda admin: is_alone(admin, spare))

    def start(self, *, spare: Collection[int] = ()) -> Outcome:
        """End the sessions that are in a transaction, or hold locks; then put the database back.

        The caller waits for the first alone, which costs a message. The second follows at once,
        while the caller goes on; `finish` waits for it. It costs a message, 1.3 ms with 50 tables;
        one more where rows of the template were changed; some 10 ms where the catalogs were, even
        if nothing came of it (TRUNCATE, a temporary table).

        Args:
            spare: Sessions that are left alone, by their process numbers.

        Returns:
            What was in the way.

        Raises:
            SessionsRemainError: Sessions that are in the way could not be ended.
            ServerTimeoutError: The server did not answer in time.
        """
        if self._baseline is None:
            raise RuntimeError("prepare() has to come before the test that is to be undone")
        return Outcome() if self._spoilt else self._connected(partial(self._start, spare))

    def finish(self) -> Outcome:
        """Wait until the database is as the template has it; say why that cannot be, if so.

        Raises:
            ServerTimeoutError: The server did not answer in time.
        """
        if self._spoilt:
            return Outcome(self._spoilt)
        wait, self._under_way = self._under_way, None
        if wait is None:
            raise RuntimeError("start() has to come first")
        try:
            outcome = wait()
        except Exception as error:
            if not is_lost(error):
                raise
            self._connection.close()
            outcome = self._run(self._restore)
        self._spoilt = outcome.fresh
        return outcome

    def restore(self, *, spare: Collection[int] = ()) -> Outcome:
        """Put the database back: `start` and `finish` at once."""
        cleared = self.start(spare=spare)
        return replace(self.finish(), ended=cleared.ended, prepared=cleared.prepared)

    def replaced(self) -> None:
        """Take note that the database has been replaced by another clone of the template.

        Before it is dropped, `close` must have been called. Costs a connection, and some 10 ms.
        """
        self.close()
        self._spoilt = ()
        if self._baseline is not None:
            baseline = self._baseline
            self._run(lambda admin: self._renew(admin, baseline))

    def close(self) -> None:
        """End the connection; the next use opens another one."""
        self._connection.close()

    # -- on the connection's thread ------------------------------------------------------------

    def _start(self, spare: Collection[int]) -> Outcome:
        """Hand over two jobs, so that the second begins as soon as the first has ended."""
        way: list[Outcome] = []

        def clear(admin: Admin) -> Outcome:
            ended, prepared = clear_way(admin, self._database, spare)
            way.append(Outcome(ended=ended, prepared=prepared))
            return way[0]

        def restore(admin: Admin) -> Outcome:
            return self._restore(admin) if way else Outcome(("sessions are in the way",))

        cleared = self._connection.start(clear, task=self._task)
        self._under_way = self._connection.start(restore, task=self._task)
        return cleared()

    def _run(self, work: Callable[[Admin], T]) -> T:
        return self._connected(lambda: self._connection.run(work, task=self._task))

    def _connected(self, attempt: Callable[[], T]) -> T:
        if self._connection.is_open:
            try:
                return attempt()
            except Exception as error:
                if not is_lost(error):
                    raise
            # The test ended every session that it found, this one as well.
            self._connection.close()
        try:
            self._connection.run(self._open, task=self._task)
            return attempt()
        except Exception:
            self._connection.close()
            raise

    def _open(self, admin: Admin) -> None:
        be_replica(admin)
        admin.execute(f"PREPARE oneloop_busy AS {BUSY}")
        self._asks = False

    def _ask(self, admin: Admin, baseline: Baseline) -> None:
        """Prepare the questions. Not before nobody holds locks: it would wait for them."""
        if not self._asks:
            baseline.prepare(admin)
            self._asks = True

    def _prepare(self, admin: Admin, restart: str) -> None:
        if restart:
            admin.rows(restart)
        baseline = read_baseline(admin)
        self._renew(admin, baseline)
        self._baseline = replace(baseline, counts=tuple(self._counts))

    def _renew(self, admin: Admin, baseline: Baseline) -> None:
        """From now on, what there is is not new."""
        self._ask(admin, baseline)
        self._since = read_latest(admin)
        [(counts,)] = admin.rows(f"EXECUTE oneloop_counts('{self._since}')")
        self._counts = list(counts)  # type: ignore[call-overload]

    def _restore(self, admin: Admin) -> Outcome:
        baseline = self._baseline
        assert baseline is not None  # noqa: S101 - asked for by `clear`
        if baseline.unseen:
            reason = f"the role may not read {', '.join(baseline.unseen)}, which may have changed"
            return Outcome((reason,))
        written: dict[str, None] = {}
        for _ in range(_PASSES):
            try:
                self._ask(admin, baseline)
                reasons, found = self._pass(admin, baseline)
            except Exception as error:
                if sqlstate_of(error) is None or is_lost(error):
                    raise
                # The schema has changed, rights are missing, a trigger refuses: the server says.
                said = str(error).splitlines()[0]
                reasons, found = self._changes(admin, baseline) or (said,), ()
            written.update(dict.fromkeys(found))
            if reasons or not found or (baseline.replica and not baseline.contents.watched):
                return Outcome(reasons, tuple(written))
        reasons = (f"triggers go on writing to {', '.join(found)} when rows are put back",)
        return Outcome(reasons, tuple(written))

    def _pass(self, admin: Admin, baseline: Baseline) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Put everything back once; return what makes that impossible, and what was written."""
        [row] = admin.rows(f"EXECUTE oneloop_restore('{self._since}')")
        total, places, largest, advanced, objects = (_value(one) for one in row)
        tables = [baseline.contents.tables[place] for place in places]
        names = tuple(table.name for table in tables)
        changed = total != sum(self._counts)
        reasons = self._changes(admin, baseline) if changed else ()
        stuck = [baseline.sequences.sequences[place] for place in advanced]
        reasons = reasons or impossible(tables, stuck, objects)
        if reasons:
            return reasons, names
        if rewritten := [table for table in tables if not table.emptied]:
            [(since,)] = admin.rows(contents.rewriting_sql(rewritten))
            self._since = str(since)
        cached = [one for one in stuck if one.cached]
        for sql in [sql for one in cached for sql in sequences.restart_cached(one)]:
            admin.execute(sql)
        if changed or cached:
            self._renew(admin, baseline)
        if largest is not None and largest > _VACUUM_BYTES:
            for table in tables:
                admin.execute(f"VACUUM (SKIP_LOCKED) {table.name}")
        return (), names

    def _changes(self, admin: Admin, baseline: Baseline) -> tuple[str, ...]:
        [(counts,)] = admin.rows(f"EXECUTE oneloop_counts('{self._since}')")
        both = zip(_value(counts), self._counts, strict=True)
        places = [place for place, (now, before) in enumerate(both) if now != before]
        return catalogs.changes(admin, baseline.schema, places, self._since)


def _value(value: object) -> Any:
    return value
