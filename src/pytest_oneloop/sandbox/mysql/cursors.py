"""The cursors of MySQL whose rows the driver would leave to the server."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, ClassVar, Final

from pytest_oneloop.sandbox.cursor import SandboxedCursor

if TYPE_CHECKING:
    from pytest_oneloop.sandbox.connection import SandboxedConnection

_UNBUFFERED: Final = re.compile(r"^SS|_ss_cursor$")
"""The names of the drivers' unbuffered cursors, and of SQLAlchemy's for them."""


class ReadCursor(SandboxedCursor):
    """A cursor that was asked for as one that keeps its rows on the server, and has them here.

    An unbuffered cursor of MySQL keeps its connection busy until the last row was read, and this
    connection is shared. Whoever asks what kind of cursor it is gets the answer that is expected.

    Args:
        connection: Whose cursor it is.
        cursor: The real one.
        wanted: The driver's class that was asked for; `None` if SQLAlchemy's adapter was.
    """

    server_side: ClassVar[bool] = True
    """As SQLAlchemy's adapters of the asynchronous drivers say it."""

    oneloop_wanted: type[Any] | None

    __slots__ = ("oneloop_wanted",)

    def __init__(
        self, connection: SandboxedConnection, cursor: Any, wanted: type[Any] | None
    ) -> None:
        super().__init__(connection, cursor)
        object.__setattr__(self, "oneloop_wanted", wanted)

    @property  # type: ignore[misc]  # object's has a setter, which nothing here uses
    def __class__(self) -> Any:
        """Pass for the driver's cursor: applications ask `isinstance`."""
        return self.oneloop_wanted or type(self)

    def fetchall_unbuffered(self) -> Any:
        """Return the rows one after the other, as PyMySQL's `SSCursor` does."""
        return iter(self)


def without_unbuffered(
    args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[list[Any], dict[str, Any], bool]:
    """Take out of the arguments of `cursor` what asks for an unbuffered one.

    Returns:
        The other arguments, and whether there was such a one.
    """
    kept = [one for one in args if not is_unbuffered(one)]
    named = {name: value for name, value in kwargs.items() if name != "server_side"}
    return kept, named, len(kept) < len(args) or bool(kwargs.get("server_side"))


def is_unbuffered(cursor: Any) -> bool:
    """Tell whether a class is that of an unbuffered cursor."""
    return _UNBUFFERED.search(getattr(cursor, "__name__", "")) is not None
