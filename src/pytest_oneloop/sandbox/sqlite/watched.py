"""What code does by the methods of the drivers' own connections, and no rollback undoes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pytest_oneloop.errors.sqlite import BackupError
from pytest_oneloop.sandbox.checkouts import origin
from pytest_oneloop.sandbox.executing import ExecutingConnection

if TYPE_CHECKING:
    from pytest_oneloop.sandbox.sqlite.driver import OnSqlite

_LASTING: Final = frozenset(
    {
        "create_aggregate",
        "create_collation",
        "create_function",
        "create_window_function",
        "deserialize",
        "enable_load_extension",
        "load_extension",
        "row_factory",
        "set_authorizer",
        "set_progress_handler",
        "set_trace_callback",
        "setconfig",
        "setlimit",
        "text_factory",
        # By these, code has gone behind aiosqlite, and may have done any of it.
        "_conn",
        "_connection",
        "_execute",
    }
)
"""The names of sqlite3's connection, and of aiosqlite's, that set something until its end."""


class WatchedConnection(ExecutingConnection):
    """A sandboxed connection that notes what is set on the driver's own by its methods.

    What listeners of `connect` set prepares it, and stays. What a test sets goes with the
    connection, which no other test gets.
    """

    def __getattr__(self, name: str) -> Any:
        self.oneloop_reach(name)
        return super().__getattr__(name)

    def oneloop_reach(self, name: str) -> None:
        """Note that code uses something of the driver's connection; in a test it may outlive it."""
        if self._checkout is not None and name in _LASTING:
            self._speaker.soiled = True

    def oneloop_refuse_backup(self) -> None:
        """Do nothing, outside of a test.

        Raises:
            BackupError: SQLite would wait for the end of the test's transaction.
        """
        __tracebackhide__ = True
        if self._checkout is not None:
            sandbox = self._checkout.sandbox
            raise sandbox.report(BackupError(test=sandbox.test, place=str(origin())))

    @property
    def _speaker(self) -> OnSqlite:
        speaker: Any = self.oneloop_link.driver
        found: OnSqlite = speaker
        return found

    def create_function(self, name: str, narg: int, func: Any, **options: Any) -> None:
        """Make a function, once: SQLite refuses to change one while a statement runs."""
        known = self._speaker.functions.get((name, narg))
        if known is not None and _same(known, func):
            return
        self.oneloop_reach("create_function")
        self._call(self.oneloop_link.real.create_function, name, narg, func, **options)
        self._speaker.functions[name, narg] = func

    @property
    def text_factory(self) -> Any:
        """What makes Python's objects of texts."""
        return self.oneloop_link.real.text_factory

    @text_factory.setter
    def text_factory(self, factory: Any) -> None:
        self.oneloop_reach("text_factory")
        self.oneloop_link.real.text_factory = factory

    def backup(self, *args: Any, **kwargs: Any) -> None:
        """Refuse, in a test, what would wait for the end of the test's transaction."""
        __tracebackhide__ = True
        self.oneloop_refuse_backup()
        self.oneloop_link.real.backup(*args, **kwargs)


def _same(one: Any, other: Any) -> bool:
    """Whether two functions do the same: the dialect makes its own anew for each engine."""
    if one is other:
        return True
    code = getattr(one, "__code__", None)
    closures = (getattr(one, "__closure__", None), getattr(other, "__closure__", None))
    return (
        code is not None and code is getattr(other, "__code__", None) and closures == (None, None)
    )
