"""Which strategy a test runs under, and what is remembered of those that needed another."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from pytest_oneloop.errors.strategies import InvalidMarkError
from pytest_oneloop.options import AUTO, STRATEGIES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pytest_oneloop.options import Value

FLAG: Final = "--oneloop-strategy"
_HEADLINE: Final = 120


@dataclass(frozen=True, slots=True)
class Choice:
    """The strategy of one test.

    Attributes:
        strategy: `auto`, `rollback`, `commit` or `clone`.
        reason: Why, for people; empty where it was simply asked for.
        failed: How it has failed under `rollback` just before; empty if it has not.
        first: Nobody hears of its run, if that shows that it needs another strategy.
    """

    strategy: str
    reason: str = ""
    failed: str = ""
    first: bool = False


@dataclass(frozen=True, slots=True)
class Need:
    """What a test has needed, once it ran under `rollback`.

    Attributes:
        strategy: `commit` or `clone`.
        reason: Why, for people; one line.
        fingerprint: Of the test, when that was found out.
    """

    strategy: str
    reason: str
    fingerprint: str

    def to_json(self) -> dict[str, str]:
        """Return what `json.dumps` takes."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: object) -> Need | None:
        """Read back what `to_json` gave; `None` for anything else that a file may hold."""
        if not isinstance(data, dict) or data.get("strategy") not in STRATEGIES:
            return None
        if not all(isinstance(data.get(name), str) for name in ("reason", "fingerprint")):
            return None
        return cls(data["strategy"], data["reason"], data["fingerprint"])


def choose(setting: Value[str], marked: str | None, needed: Need | None) -> Choice:
    """Decide on a test's strategy.

    The flag forces one for a whole run; then comes the test's mark, then the setting. Under `auto`,
    a test that needed something once goes straight there.

    Args:
        setting: The run's.
        marked: What the test's mark says, if it has one.
        needed: What is remembered of the test.
    """
    if setting.source == FLAG and setting.value != AUTO:
        return Choice(setting.value)
    strategy = marked or setting.value
    if strategy == AUTO and needed is not None:
        return Choice(needed.strategy, needed.reason)
    return Choice(strategy)


def strategy_of_mark(args: Sequence[object], kwargs: Mapping[str, Any], *, place: str) -> str:
    """Return what `@pytest.mark.oneloop(strategy=...)` asks for.

    Args:
        args: The mark's positional arguments; there are none.
        kwargs: Its others: `strategy` alone.
        place: The test, for the error.

    Raises:
        InvalidMarkError: The mark says something else.
    """
    strategy = kwargs.get("strategy")
    if args or set(kwargs) != {"strategy"} or strategy not in STRATEGIES:
        given = [*map(repr, args), *(f"{name}={value!r}" for name, value in kwargs.items())]
        raise InvalidMarkError(test=place, given=", ".join(given), strategies=STRATEGIES)
    return str(strategy)


def fingerprint(*sources: str) -> str:
    """Return a digest of the text of a test, and of what it is built on."""
    return hashlib.sha256("\0".join(sources).encode()).hexdigest()[:16]


def headline(text: str) -> str:
    """Return the first line of a failure's text, shortened between words, which shows."""
    line = next((line.strip() for line in text.splitlines() if line.strip()), "no text")
    if len(line) <= _HEADLINE:
        return line
    return (line[:_HEADLINE].rpartition(" ")[0] or line[:_HEADLINE]) + "\N{HORIZONTAL ELLIPSIS}"
