"""Puts a worker's database back as its template has it, after a test that has committed.

Three messages ask what is there: the names of all, the text of each table, which has the next id in
it, and a digest of its rows. That costs some 5 ms with 10 empty tables, and 10 ms with 50; a digest
reads all rows of a table. What differs in rows, ids or sequences is written back; what differs
otherwise, or has triggers, takes a fresh copy.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from pytest_oneloop.databases.mysql.branches import Branches
from pytest_oneloop.databases.mysql.inventory import definitions, inventory
from pytest_oneloop.databases.mysql.rows import digests, tables
from pytest_oneloop.databases.mysql.sequences import set_to, standings
from pytest_oneloop.databases.mysql.server import connect, number_of, quoted
from pytest_oneloop.databases.mysql.workers import kill

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_oneloop.databases.mysql.inventory import Inventory, Thing
    from pytest_oneloop.databases.mysql.rows import Table
    from pytest_oneloop.databases.mysql.sequences import Standing
    from pytest_oneloop.databases.mysql.server import MySQLAddress, Session

_ID: Final = re.compile(r" AUTO_INCREMENT=(\d+)")
_LOCKED: Final = frozenset({1205, 1213})
_NO_RIGHT: Final = 1227


@dataclass(frozen=True, slots=True)
class Ended:
    """A session that was ended.

    Attributes:
        pid: Its number on the server.
        user: Whose it was.
    """

    pid: int
    user: str

    def __str__(self) -> str:
        return f"session {self.pid} of {self.user}, in the middle of a transaction"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was in the way.

    Attributes:
        ended: The sessions that were ended.
        prepared: The names of prepared branches of XA transactions that were rolled back.
    """

    ended: tuple[Ended, ...] = ()
    prepared: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Picture:
    """A database as it is at one moment.

    Attributes:
        names: What is in it.
        texts: The definition of each thing in it, without next ids.
        ids: The next id of each table that has one beyond the first.
    """

    names: Inventory
    texts: dict[Thing, str]
    ids: dict[str, int]


class Restoration:
    """One worker's database.

    Args:
        address: The server.
        database: Its name.
        template: What it is a copy of; `None` for nothing.
        branches: Those that tests prepare.
    """

    def __init__(
        self,
        address: MySQLAddress,
        database: str,
        template: str | None,
        branches: Branches | None = None,
    ) -> None:
        self._branches = branches or Branches()
        self._address = address
        self._database = database
        self._template = template
        self._session: Session | None = None
        self._before: _Picture | None = None
        self._standings: dict[str, Standing] = {}
        self._tables: dict[str, Table] = {}
        self._digests: dict[str, object] = {}

    def prepare(self) -> None:
        """Note how it is, before the first test that commits; and set back what never rolls back.

        Tests in the sandbox have advanced ids and sequences, which nothing there can set back.
        """
        self._branches.listen()
        session = self._open()
        if self._before is None:
            before = self._picture(session)
            self._tables = tables(session, self._database, before.names)
            self._digests = digests(session, self._tables)
            asked = self._template or self._database
            self._standings = standings(session, asked, before.names.sequences)
            self._before = replace(before, ids=self._ids(session, before.names.tables, asked))
        self._set_ids_back(session, self._ids(session, self._before.names.tables))
        self._set_sequences_back(session)

    def clear(self) -> Outcome:
        """End what holds locks: sessions in the middle of a transaction, and prepared branches.

        One message. A user without the right PROCESS is not told of sessions; then their locks are
        waited for.
        """
        session = self._open()
        ended = self._end_sessions(session)
        self._branches.close()
        return Outcome(ended, tuple(self._branches.end(session)))

    def restore(self) -> bool:
        """Put it back; whether that could be done. If not, a fresh copy is needed."""
        before, session = self._before, self._open()
        if before is None:
            return False
        try:
            now = self._picture(session)
            if (now.names, now.texts) != (before.names, before.texts):
                return False
            found = digests(session, self._tables)
            names = [name for name, digest in self._digests.items() if found[name] != digest]
            if {table for _, table in before.names.triggers} & set(names):
                return False  # they would fire
            changed = [self._tables[name] for name in names]
            session.results([text for table in changed for text in table.emptying()])
            if self._template is not None:
                session.results([table.filling(self._template) for table in changed])
            self._set_sequences_back(session)
            self._set_ids_back(session, now.ids)
        except Exception as error:
            if number_of(error) in _LOCKED:
                return False
            raise
        return True

    def close(self) -> None:
        """Close the connection; the next use opens another one."""
        self._branches.close()
        if self._session is not None:
            self._session.close()
        self._session = None

    def _open(self) -> Session:
        if self._session is None:
            self._session = connect(self._address, self._database)
        return self._session

    def _end_sessions(self, session: Session) -> tuple[Ended, ...]:
        try:
            rows = session.rows(
                "SELECT p.id, p.user FROM information_schema.innodb_trx t"
                " JOIN information_schema.processlist p ON p.id = t.trx_mysql_thread_id"
                " WHERE p.db = %s AND p.id <> connection_id()",
                self._database,
            )
        except Exception as error:
            if number_of(error) == _NO_RIGHT:
                return ()
            raise
        for number, _ in rows:
            kill(session, int(number))
        return tuple(Ended(int(number), str(user)) for number, user in rows)

    def _set_ids_back(self, session: Session, now: dict[str, int]) -> None:
        """Set the next ids back that are not the template's. Some 1.4 ms for each of them."""
        before = self._before.ids if self._before is not None else {}
        session.results(
            [
                f"ALTER TABLE {quoted(name)} AUTO_INCREMENT = {number}"
                for name, number in before.items()
                if now.get(name) != number
            ]
        )

    def _set_sequences_back(self, session: Session) -> None:
        """Let the sequences stand as the template's. Some 1.4 ms for each that does not."""
        now = standings(session, self._database, list(self._standings))
        set_to(session, {one: at for one, at in self._standings.items() if now[one] != at})

    def _ids(
        self, session: Session, names: Sequence[str], database: str | None = None
    ) -> dict[str, int]:
        """Return the next id of each table. One message."""
        there = quoted(database or self._database)
        shown = session.results([f"SHOW CREATE TABLE {there}.{quoted(name)}" for name in names])
        return {name: _id(str(rows[0][1])) for name, rows in zip(names, shown, strict=True)}

    def _picture(self, session: Session) -> _Picture:
        names = inventory(session, self._database)
        texts = definitions(session, self._database, names)
        ids = {name: _id(texts["TABLE", name]) for name in names.tables}
        return _Picture(names, {thing: _ID.sub("", text) for thing, text in texts.items()}, ids)


def _id(text: str) -> int:
    """Return the next id that the text of a table says; 1 where it says none."""
    found = _ID.search(text)
    return int(found[1]) if found else 1
