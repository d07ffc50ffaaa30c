"""Task groups and timeouts of anyio that are entered in one task, and left in another."""

from __future__ import annotations

import linecache
import re
from typing import TYPE_CHECKING, Final

from pytest_oneloop.loops.advice import Told, loop_told, told
from pytest_oneloop.loops.singletask import used_by

if TYPE_CHECKING:
    from pytest_oneloop.loops.advice import Around
    from pytest_oneloop.loops.evidence import Spot, Trace

_TIMEOUTS: Final = ("fail_after", "move_on_after")
"""What makes a cancel scope, and is known to people by its own name."""

_WRITTEN: Final = re.compile(rf"((?:\w+\.)*(?:{'|'.join(_TIMEOUTS)}))\(")


def cancel_scope(_: BaseException, trace: Trace, around: Around) -> Told:
    """Return what was entered in one task and left in another."""
    ran = trace.ran()
    spot = trace.innermost()
    at = trace.place(spot)
    facts: list[tuple[str, str]] = [
        ("What crossed", _kind(trace, spot) + (f", entered and left at {at}" if at else ""))
    ]
    if ran is None or ran.origin.kind != "fixture":
        facts.append(used_by(trace, around))
        return Told(tuple(facts), "enter and leave it in one task, by one `async with`.")
    name = ran.origin.name
    loop = loop_told(ran.track)
    facts.append(("Made on", f"{loop}, by the set-up of {told(ran.origin)}, in a task of its own"))
    facts.append(("Used on", f"the same loop, by the teardown of `{name}`, in another task"))
    return Told(
        tuple(facts),
        f"enter it in the test, not in `{name}`; or let anyio run tests and fixtures, which "
        "keeps a fixture in one task: mark the test with @pytest.mark.anyio, and run pytest with "
        "-p no:asyncio.",
    )


def _kind(trace: Trace, spot: Spot | None) -> str:
    """Return what was entered, as the project calls it."""
    written = _WRITTEN.search(linecache.getline(str(spot.file), spot.line)) if spot else None
    if written:
        return f"`{written[1]}(...)`"
    below = list(reversed(trace.below()))
    named = next((one.function for one in below if one.function in _TIMEOUTS), None)
    if named:
        return f"`anyio.{named}(...)`"
    kinds = [type(one.owner) for one in below if one.owner is not None]
    own = next((kind for kind in kinds if kind.__module__.split(".")[0] == "anyio"), None)
    return "a cancel scope of anyio" if own is None else _an(f"anyio.{own.__name__}")


def _an(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"
