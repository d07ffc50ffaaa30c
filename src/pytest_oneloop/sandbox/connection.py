"""What the application's pool holds in place of a driver's connection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeVar

from pytest_oneloop.sandbox import statements
from pytest_oneloop.sandbox.checkouts import Checkout
from pytest_oneloop.sandbox.cursor import NoCursor, SandboxedCursor, StreamingCursor
from pytest_oneloop.sandbox.localsettings import local_settings
from pytest_oneloop.sandbox.noted import Noted

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Awaitable, Callable
    from weakref import ref

    from sqlalchemy.engine import Engine

    from pytest_oneloop.errors.sandbox import SandboxError
    from pytest_oneloop.sandbox.entries import Entry
    from pytest_oneloop.sandbox.homes import Home
    from pytest_oneloop.sandbox.link import Link
    from pytest_oneloop.sandbox.sandbox import Sandbox

T = TypeVar("T")

_PINGS: Final = frozenset({"SELECT 1", ""})
"""What SQLAlchemy's dialects ask an idle connection, to learn whether it is alive."""


class SandboxedConnection(Noted):
    """A DBAPI connection without a socket: it forwards to the real connection of its test.

    It looks to SQLAlchemy's dialect like what the dialect itself would have made of the driver's
    connection; all that it does not know is asked of that. What the application sets on it
    (autocommit, isolation level, read only) is noted here, and never reaches the real one.

    Args:
        link: The real connection, on the running event loop.
        home: Where the link lives.
    """

    oneloop_cursor: ClassVar[type[SandboxedCursor]] = SandboxedCursor
    oneloop_stream: ClassVar[type[StreamingCursor]] = StreamingCursor

    def __init__(self, link: Link, home: Home) -> None:
        super().__init__()
        self.oneloop_link = link
        self.oneloop_home = home
        self.oneloop_engine: ref[Engine] | None = None
        self.oneloop_wanted: dict[str, object] = {}
        self.oneloop_prepared_in: Sandbox | None = None
        self.oneloop_prepared = False
        self.oneloop_used_on: ref[AbstractEventLoop] | None = None
        self._checkout: Checkout | None = None
        self._last: Checkout | None = None
        self._left: Checkout | None = None
        self._users = 0
        self._new = True

    def __getattr__(self, name: str) -> Any:
        return getattr(self.oneloop_link.real, name)

    # -- the pool's part -----------------------------------------------------------------------

    def oneloop_check_out(self, sandbox: Sandbox) -> None:
        """A pool hands it out: belong to the running test. Sends one message."""
        self._new = False
        self._users += 1
        if self._checkout is not None and self._checkout.sandbox is sandbox:
            return
        self._users = 1
        self._left = self._checkout or self._left
        self._checkout = self._last = Checkout(sandbox)
        self._checkout.hold()
        if not self.oneloop_autocommit:
            self._call(self.oneloop_link.check_out, self._checkout)

    def oneloop_check_in(self) -> None:
        """A pool takes it back. Sends nothing."""
        self._users -= 1
        if self._users <= 0:
            self._forget()

    def _forget(self) -> None:
        checkout, self._checkout = self._checkout, None
        if checkout is not None:
            self.oneloop_home.tell(self.oneloop_link.forget, checkout)

    # -- what the application has set ------------------------------------------------------------

    def oneloop_note(self, name: str, value: object) -> None:
        """Note a setting; one of autocommit ends the transaction, as it does in the drivers."""
        if name == "autocommit" and self._checkout is not None:
            self.rollback()
        self.oneloop_noted[name] = value

    # -- DBAPI ---------------------------------------------------------------------------------

    def cursor(self, *args: Any, **kwargs: Any) -> SandboxedCursor:
        """Return a cursor; one of the server, if the arguments ask for it."""
        if self._over:
            # SQLAlchemy would wrap an error of this call; that of the statement it does not.
            return self.oneloop_cursor(self, NoCursor())
        real = self._call(self.oneloop_real_cursor, *args, **kwargs)
        streams = any(args) or any(kwargs.get(k) for k in ("name", "server_side"))
        return (self.oneloop_stream if streams else self.oneloop_cursor)(self, real)

    def oneloop_real_cursor(self, *args: Any, **kwargs: Any) -> Any:
        """Return a cursor of the real connection, where that lives."""
        return self.oneloop_link.real.cursor(*args, **kwargs)

    def commit(self) -> None:
        """Commit the virtual transaction."""
        __tracebackhide__ = True
        checkout = self._active()
        if checkout is not None:
            self._call(self.oneloop_link.commit, checkout)

    def rollback(self) -> None:
        """Roll the virtual transaction back; nothing, if its test has ended."""
        __tracebackhide__ = True
        checkout = self._checkout
        if checkout is not None and not checkout.sandbox.ended and not self.oneloop_link.dead:
            self._call(self.oneloop_link.rollback, checkout)

    def close(self) -> None:
        """End its use. The real connection stays open."""
        self._forget()
        self.oneloop_link.preparations.closed(self)

    def terminate(self) -> None:
        """End its use, after an error or a cancellation. The real connection stays open."""
        self.close()

    def ping(self) -> None:
        """Answer the pool's question whether it is alive: it has no socket that could die."""

    def run_async(self, function: Callable[[Any], Awaitable[T]]) -> T:
        """Run a coroutine of the application on the driver's connection."""
        link = self.oneloop_link
        checkout = self._active()
        if checkout is None:
            prepared: T = self._prepare("", lambda: link.real.run_async(function))
            return prepared
        result: T = self._call(link.run_raw, checkout, lambda: link.real.run_async(function))
        return result

    @property
    def driver_connection(self) -> Any:
        """The driver's own connection, inside the test's transaction."""
        self._use_raw()
        return self.oneloop_home.outward(self.oneloop_link.real.driver_connection)

    def tpc_begin(self, *_: object) -> None:
        """Refuse a transaction in two phases, which would have to be the server's own."""
        __tracebackhide__ = True
        if (checkout := self._active()) is not None:
            raise checkout.sandbox.report(checkout.sandbox.control_refused("tpc_begin"))

    # -- what cursors call -------------------------------------------------------------------------

    def oneloop_send(
        self,
        operation: object,
        send: Callable[[], T],
        parameters: object = None,
        *,
        streams: bool = False,
    ) -> T | None:
        """Run a statement in the virtual transaction, or in the preparation of a connection."""
        __tracebackhide__ = True
        sql = statements.text_of(operation)
        if self._checkout is None and not self._new and sql.strip(";") in _PINGS:
            return None
        checkout = self._active()
        if checkout is not None:
            refusal = self.oneloop_refusal(checkout, sql)
            if refusal is not None:
                raise checkout.sandbox.report(refusal)
            driver = self.oneloop_link.driver
            driver.soiled = driver.soiled or driver.outlives_rollback(sql)
            statement = self.oneloop_read(sql)
            result: T | None = self._call(
                self.oneloop_link.execute,
                checkout,
                statement,
                send,
                sql=self.oneloop_plain(sql),
                autocommit=self.oneloop_autocommit,
                read_only=self.oneloop_read_only,
                isolated=self.oneloop_isolated,
                local=self.oneloop_local(sql, parameters),
            )
            return result
        return self._prepare(sql, send, streams=streams)

    def oneloop_read(self, sql: str) -> statements.Statement:
        """Tell what a statement does."""
        return statements.read(sql)

    def oneloop_refusal(self, checkout: Checkout, sql: str) -> SandboxError | None:
        """Return why a statement cannot be sent; `None` for one that can.

        Args:
            checkout: The present use of the connection.
            sql: The statement.
        """
        statement = self.oneloop_read(sql)
        if isinstance(statement, statements.Control):
            return checkout.sandbox.control_refused(statement.command)
        return None

    def oneloop_plain(self, sql: str) -> str:
        """Return a statement as those read it that watch for limits: in PostgreSQL's notation."""
        return sql

    def oneloop_local(self, sql: str, parameters: object) -> list[str]:
        """Return the settings that a statement sets for its transaction alone."""
        return local_settings(sql, parameters)

    def oneloop_fetch(self, send: Callable[[], T]) -> T:
        """Read on from a cursor of the server."""
        __tracebackhide__ = True
        checkout = self._active()
        if checkout is None:
            return self._call(send)
        result: T = self._call(self.oneloop_link.fetch, checkout, send)
        return result

    def oneloop_opened_cursor(self) -> Entry | None:
        """Return the savepoint that a cursor of the server, opened just now, goes with."""
        checkout = self._checkout
        return None if checkout is None else self.oneloop_link.opened_cursor(checkout)

    def oneloop_close_cursor(self, entry: Entry | None, send: Callable[[], object]) -> None:
        """Close a cursor of the server, which may have gone with its savepoint."""
        if entry is None or self.oneloop_link.dead:
            send()
        else:
            self._call(self.oneloop_link.close_cursor, entry, send)

    @property
    def oneloop_stale(self) -> bool:
        """Whether what listeners have prepared on it was rolled back with an earlier test."""
        if self.oneloop_prepared and not self.oneloop_link.preparations.holds(self):
            return True
        return self.oneloop_prepared_in is not None and self.oneloop_prepared_in.ended

    # -- inside ------------------------------------------------------------------------------------

    def _call(self, function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        __tracebackhide__ = True
        return self.oneloop_home.call(function, *args, **kwargs)

    def _prepare(self, sql: str, send: Callable[[], T], *, streams: bool = False) -> T:
        result: T = self._call(self.oneloop_link.set_up, send, streams=streams)
        if self.oneloop_link.channel.inside:
            self.oneloop_prepared_in = self.oneloop_link.sandbox
        elif statements.changes_session(sql):
            self.oneloop_prepared = True
            self.oneloop_link.preparations.note(self)
        return result

    def _use_raw(self) -> None:
        checkout = self._active()
        if checkout is not None:
            self.oneloop_home.tell(self.oneloop_link.use_raw, checkout)

    @property
    def _over(self) -> bool:
        checkout = self._checkout
        return self.oneloop_link.dead or (checkout is not None and checkout.sandbox.ended)

    def _active(self) -> Checkout | None:
        """Return the present use; `None` while a new connection is prepared.

        Raises:
            EarlierTestError: The test that checked it out has ended.
            ConnectionLostError: The real connection has ended.
        """
        __tracebackhide__ = True
        checkout = self._checkout
        if checkout is None:
            passed = self._left or self._last
            if passed is not None and not self._new:
                raise passed.sandbox.passed(passed)
            return None
        checkout.sandbox.require_open(checkout)
        if self.oneloop_link.dead:
            raise checkout.sandbox.lose(None)
        return checkout
