"""A sandboxed connection that can execute, as those of some drivers can."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_oneloop.sandbox.connection import SandboxedConnection

if TYPE_CHECKING:
    from pytest_oneloop.sandbox.cursor import SandboxedCursor


class ExecutingConnection(SandboxedConnection):
    """A sandboxed connection with an `execute` of its own."""

    def execute(self, operation: Any, *args: Any, **kwargs: Any) -> SandboxedCursor:
        """Execute on a new cursor, and return that."""
        cursor = self.cursor()
        cursor.execute(operation, *args, **kwargs)
        return cursor
