"""The cursors of a sandboxed connection: the real ones, with their statements led our way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_oneloop.sandbox.connection import SandboxedConnection
    from pytest_oneloop.sandbox.entries import Entry

_SENDING = frozenset(
    {"callproc", "copy", "copy_expert", "copy_from", "copy_to", "executemany", "stream"}
)
"""The other methods of a cursor that send something; all count as writing."""


class SandboxedCursor:
    """A cursor whose rows, once executed, are all in the client."""

    oneloop_connection: SandboxedConnection
    oneloop_real: Any
    oneloop_streams: ClassVar[bool] = False

    __slots__ = ("oneloop_connection", "oneloop_real")

    def __init__(self, connection: SandboxedConnection, cursor: Any) -> None:
        object.__setattr__(self, "oneloop_connection", connection)
        object.__setattr__(self, "oneloop_real", cursor)

    def __setattr__(self, name: str, value: object) -> None:
        # A dialect leaves notes on its cursors.
        setattr(self.oneloop_real, name, value)

    def execute(self, operation: Any, *args: Any, **kwargs: Any) -> Any:
        """Execute a statement in the virtual transaction."""
        __tracebackhide__ = True
        operation = self.oneloop_connection.oneloop_answered(operation)
        return self.oneloop_connection.oneloop_send(
            operation,
            lambda: self.oneloop_run(operation, *args, **kwargs),
            args[0] if args else None,
            streams=self.oneloop_streams,
        )

    def oneloop_run(self, operation: Any, *args: Any, **kwargs: Any) -> Any:
        """Execute on the real cursor, when nobody else uses its connection."""
        return self.oneloop_real.execute(operation, *args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.oneloop_real, name)
        if name not in _SENDING:
            return found

        def send(*args: Any, **kwargs: Any) -> Any:
            operation = args[0] if name == "executemany" else None
            return self.oneloop_connection.oneloop_send(operation, lambda: found(*args, **kwargs))

        return send

    @property
    def description(self) -> Any:
        """The columns of the result, as DBAPI has them."""
        return self.oneloop_real.description

    @property
    def rowcount(self) -> int:
        """The number of rows, as DBAPI has it."""
        count: int = self.oneloop_real.rowcount
        return count

    @property
    def arraysize(self) -> int:
        """The number of rows that `fetchmany` returns without an argument."""
        size: int = self.oneloop_real.arraysize
        return size

    def fetchone(self) -> Any:
        """Return the next row, or `None`."""
        return self.oneloop_real.fetchone()

    def fetchmany(self, *args: Any, **kwargs: Any) -> Any:
        """Return the next rows."""
        return self.oneloop_real.fetchmany(*args, **kwargs)

    def fetchall(self) -> Any:
        """Return the rows that are left."""
        return self.oneloop_real.fetchall()

    def close(self) -> None:
        """Close the cursor."""
        self.oneloop_real.close()

    def __iter__(self) -> Iterator[Any]:
        return iter(self.oneloop_real)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class StreamingCursor(SandboxedCursor):
    """A cursor on the server: reading on from it is one more message."""

    oneloop_entry: Entry | None
    oneloop_streams: ClassVar[bool] = True

    __slots__ = ("oneloop_entry",)

    def __init__(self, connection: SandboxedConnection, cursor: Any) -> None:
        super().__init__(connection, cursor)
        object.__setattr__(self, "oneloop_entry", None)

    def execute(self, operation: Any, *args: Any, **kwargs: Any) -> Any:
        """Open the cursor by a statement in the virtual transaction."""
        __tracebackhide__ = True
        result = super().execute(operation, *args, **kwargs)
        object.__setattr__(self, "oneloop_entry", self.oneloop_connection.oneloop_opened_cursor())
        return result

    def fetchone(self) -> Any:
        """Return the next row, or `None`."""
        return self.oneloop_connection.oneloop_fetch(self.oneloop_real.fetchone)

    def fetchmany(self, *args: Any, **kwargs: Any) -> Any:
        """Return the next rows."""
        return self.oneloop_connection.oneloop_fetch(
            lambda: self.oneloop_real.fetchmany(*args, **kwargs)
        )

    def fetchall(self) -> Any:
        """Return the rows that are left."""
        return self.oneloop_connection.oneloop_fetch(self.oneloop_real.fetchall)

    def close(self) -> None:
        """Close the cursor, on the server too."""
        self.oneloop_connection.oneloop_close_cursor(self.oneloop_entry, self.oneloop_real.close)

    def __iter__(self) -> Iterator[Any]:
        while (row := self.fetchone()) is not None:
            yield row


class NoCursor:
    """Takes the place of a real cursor when there can be none."""

    description = None
    rowcount = -1
    arraysize = 1

    def execute(self, *_: object) -> None:
        """Do nothing; what would be executed is refused before."""

    def close(self) -> None:
        """Do nothing."""
