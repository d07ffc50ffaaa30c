"""What was measured in one run of one set-up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

# What the trap says of itself. A failed test often raises more than one error, one because of
# another; the one with these words is the cause, the others are what came of it.
_TELLING = (
    "attached to a different loop",
    "another operation is in progress",
    "bound to a different event loop",
    "Event loop is closed",
)


@dataclass(frozen=True, slots=True)
class Raised:
    """One error of a failed test.

    Attributes:
        text: Its words.
        is_assertion: Whether it is the test's own `assert`.
    """

    text: str
    is_assertion: bool


@dataclass(frozen=True, slots=True)
class Measurement:
    """What one set-up did.

    Attributes:
        number: The set-up's.
        plugin: Whether the plugin was on.
        passed: Tests that passed from set-up to teardown.
        failed: The other tests.
        error: The words of the error that made tests fail, unless it was their own `assert`.
        assertion: What the first `assert` that failed said, if one did.
        seconds: From the start of pytest's process to its end.
        connections: Opened to the database of the tests.
        ddl_statements: Sent to the database of the tests.
        leaked_rows: The most rows that a test found, of those that earlier tests had written.
        other_connections: Opened to other databases of the server, to make that of the tests.
        other_ddl_statements: Sent there.
    """

    number: int
    plugin: bool
    passed: int
    failed: int
    error: str | None
    assertion: str | None
    seconds: float
    connections: int
    ddl_statements: int
    leaked_rows: int
    other_connections: int
    other_ddl_statements: int

    def as_json(self) -> dict[str, object]:
        """Return what `oneloop demo --json` tells of it."""
        return {
            "number": self.number,
            "plugin": self.plugin,
            "passed": self.passed,
            "failed": self.failed,
            "error": self.error,
            "seconds": round(self.seconds, 3),
            "connections": self.connections,
            "ddl_statements": self.ddl_statements,
            "leaked_rows": self.leaked_rows,
        }

    @property
    def words(self) -> str:
        """What a failed test said, short enough for a table; empty if none failed."""
        return shortened(self.error or self.assertion or "")


def telling(raised: Sequence[Raised]) -> str | None:
    """Choose the words of the error that made tests fail.

    Args:
        raised: Every error, in the order of the tests; for one failure the innermost one first.

    Returns:
        The text; `None` if only `assert` statements failed.
    """
    texts = [error.text for error in raised if not error.is_assertion]
    for text in texts:
        if any(words in text for words in _TELLING):
            return text
    return texts[0] if texts else None


def shortened(text: str) -> str:
    """Return the first line, with each object in `<…>` by its first two words.

    asyncio tells of a task's whole life inside of its `<…>`, over several hundred characters.
    """
    short: list[str] = []
    depth = words = 0
    for letter in text.strip().partition("\n")[0]:
        if letter == "<":
            depth += 1
            if depth == 1:
                words = 0
        if depth == 0:
            short.append(letter)
        elif depth == 1 and letter != ">":
            words += letter == " "
            if words < 2:  # noqa: PLR2004 - of `<Task pending name=…>` the name is left out
                short.append(letter)
        if letter == ">" and depth:
            depth -= 1
            if depth == 0:
                short.append(">")
    whole = "".join(short)
    # "Task <…> got Future <…> attached to …": which task it was helps nobody.
    start = whole.find("got Future")
    return whole if start < 0 else whole[start:]
