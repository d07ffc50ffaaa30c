"""Notifications, which a server delivers at a commit, and so never to a test in the sandbox."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


class Deaf:
    """Stands for a driver's own connection, and says so when somebody wants to hear by it.

    Args:
        target: The connection.
        names: What of it lets a caller hear notifications.
        refuse: Called before one of them is handed out; may raise.
    """

    __slots__ = ("_names", "_refuse", "_target")

    def __init__(self, target: Any, names: frozenset[str], refuse: Callable[[], None]) -> None:
        self._target = target
        self._names = names
        self._refuse = refuse

    @property  # type: ignore[misc]  # object's has a setter, which nothing here uses
    def __class__(self) -> Any:
        """Pass for the connection: libraries ask `isinstance`."""
        return self._target.__class__

    def __getattr__(self, name: str) -> Any:
        __tracebackhide__ = True
        if name in self._names:
            self._refuse()
        return getattr(self._target, name)
