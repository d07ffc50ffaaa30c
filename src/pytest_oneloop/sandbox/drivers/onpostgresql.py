"""What PostgreSQL's drivers have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from pytest_oneloop.sandbox import statements

if TYPE_CHECKING:
    from pytest_oneloop.sandbox.drivers import Driver, Ended


class OnPostgresql:
    """How to speak to a connection of PostgreSQL, whatever its driver.

    Args:
        real: The connection, as SQLAlchemy's dialect made it.
    """

    unwanted: ClassVar[frozenset[str]] = frozenset()
    unlock: ClassVar[str] = "SELECT pg_advisory_unlock_all()"
    # What drivers have prepared by the protocol stays.
    forget: ClassVar[str] = (
        "DO $$ DECLARE one text; BEGIN"
        " FOR one IN SELECT name FROM pg_prepared_statements WHERE from_sql"
        " LOOP EXECUTE format('DEALLOCATE %I', one); END LOOP; END $$"
    )
    # Settings stay: listeners may have made them.
    clean: ClassVar[str] = (
        "SELECT pg_advisory_unlock_all(); CLOSE ALL; UNLISTEN *; DISCARD TEMP; DISCARD SEQUENCES"
    )
    close_cursors: ClassVar[str] = "CLOSE ALL"
    reset: ClassVar[str] = "RESET SESSION AUTHORIZATION; RESET ROLE; RESET ALL"
    poison: ClassVar[str] = "DO $$ BEGIN RAISE EXCEPTION 'oneloop'; END $$"
    defer: ClassVar[str] = "SET CONSTRAINTS {} DEFERRED"
    ends_by_itself: ClassVar[bool] = False
    farewells: ClassVar[frozenset[int]] = frozenset()

    def __init__(self, real: Any) -> None:
        self._real = real
        self.soiled = False

    def script(self, sql: str) -> None:
        """Send a simple query, which may hold several commands."""
        raise NotImplementedError

    def end_other(self, other: Driver) -> None:
        """End another connection of the same role. One message."""
        self.script(f"SELECT pg_terminate_backend({other.backend()}, 5000)")

    def check_deferred(self) -> None:
        """Check deferred constraints, in a way whose error the application would see."""
        cursor = self._real.cursor()
        try:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        finally:
            cursor.close()

    @staticmethod
    def direct(arguments: dict[str, Any]) -> dict[str, Any]:
        """Return the same: a test's own connection is as the application wants it."""
        return arguments

    @staticmethod
    def changes_session(sql: str) -> bool:
        """Tell whether a statement changes settings of the session, or prepares another."""
        return statements.changes_session(sql) or statements.prepares(sql)

    @staticmethod
    def outlives_rollback(sql: str) -> bool:
        """Tell whether a statement prepares another: settings go with the transaction."""
        # DEALLOCATE ALL would take along what the driver, and listeners, have prepared.
        return statements.prepares(sql)

    def ended(self, *, test: str, place: str, error: BaseException | None) -> Ended:
        """Never called: a transaction that has failed is still one."""
        raise NotImplementedError
