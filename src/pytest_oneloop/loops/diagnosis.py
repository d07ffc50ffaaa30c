"""What a failure that event loops cause has to say for itself.

From the error, its frames, and the record of what ran where. Only what was seen is told; what was
not seen is called so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pytest_oneloop.loops import singletask
from pytest_oneloop.loops.advice import Around, Side, Told
from pytest_oneloop.loops.cancelscopes import cancel_scope
from pytest_oneloop.loops.crossings import crossed, is_of_another_loop
from pytest_oneloop.loops.evidence import Trace
from pytest_oneloop.loops.families import CROSSINGS, Family, family_of, leading_to
from pytest_oneloop.loops.nestedruns import nested_run

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_oneloop.loops.record import LoopRecord

__all__ = ["Around", "Diagnosis", "Side", "diagnose"]

TITLES = {
    Family.DIFFERENT_LOOP: "an object of one event loop is awaited on another.",
    Family.BOUND_LOOP: "an object that is bound to one event loop is used on another.",
    Family.CLOSED_LOOP: "an object is used whose event loop is closed.",
    Family.BUSY: "two tasks use one connection at once.",
    Family.GREENLET: "SQLAlchemy was made to wait for the database by a call that is not awaited.",
    Family.CANCEL_SCOPE: "a task group or a timeout is entered in one task, and left in another.",
    Family.TEST_CLIENT: "TestClient runs the application on another event loop than the test's.",
    Family.NESTED_RUN: "an event loop is started inside one that runs.",
    Family.UNAWAITED: "nobody has awaited an asynchronous fixture.",
}
"""What each kind of failure is, in one sentence."""


_TELL: Final[dict[Family, Callable[[BaseException, Trace, Around], Told | None]]] = {
    Family.BUSY: singletask.busy,
    Family.GREENLET: singletask.greenlet,
    Family.CANCEL_SCOPE: cancel_scope,
    Family.NESTED_RUN: nested_run,
    Family.UNAWAITED: singletask.unawaited,
}
"""What tells each of the kinds that need one loop alone."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """An explained failure.

    Attributes:
        family: Its kind.
        facts: What was seen: a label and a text each.
        change: The one line to change.
        thing: The name of what crossed, for a map.
        made: Where it was made, for a map.
        used: Where it was used, for a map.
    """

    family: Family
    facts: tuple[tuple[str, str], ...]
    change: str
    thing: str = ""
    made: Side | None = None
    used: Side | None = None

    def __str__(self) -> str:
        lines = [f"{self.family.value}: {TITLES[self.family]}"]
        lines += [f"  {label}: {text}" for label, text in self.facts]
        return "\n".join([*lines, f"  What to do: {self.change}"])


def diagnose(error: BaseException, record: LoopRecord, around: Around) -> Diagnosis | None:
    """Return what there is to say about a failure; `None` if no event loop is to blame.

    Args:
        error: What the test or the fixture raised.
        record: What ran on which loop.
        around: The test, and what is configured.
    """
    known = [
        (family, path[-1], Trace(path, around.rootdir))
        for path in leading_to(error)
        if (family := family_of(path[-1], Trace(path[-1:], around.rootdir)))
    ]
    # A runner that cannot run fails once more as it is closed: the first time says why.
    if known and known[0][0] is Family.NESTED_RUN:
        known.insert(0, [one for one in known if one[0] is Family.NESTED_RUN][-1])
    # What another loop has left in the middle of something is busy too: a crossing says why.
    known.sort(key=lambda one: one[0] is Family.BUSY)
    seen = [(_seen(family, trace), one, trace) for family, one, trace in known]
    for family, one, trace in sorted(seen, key=lambda one: one[0] is Family.BUSY):
        found = _facts(family, one, trace, record, around)
        if found is not None:
            return found
    return None


def _seen(family: Family, trace: Trace) -> Family:
    """Return the kind of a failure by its frames, too."""
    crossed_first = family is Family.BUSY and is_of_another_loop(trace)
    return Family.DIFFERENT_LOOP if crossed_first else family


def _facts(
    family: Family, error: BaseException, trace: Trace, record: LoopRecord, around: Around
) -> Diagnosis | None:
    if family in CROSSINGS:
        crossing = crossed(family, trace, record, around)
        return Diagnosis(
            family=crossing.family,
            facts=(
                ("What crossed", crossing.what),
                ("Made on", str(crossing.made)),
                ("Used on", str(crossing.used)),
            ),
            change=crossing.change,
            thing=crossing.thing,
            made=crossing.made,
            used=crossing.used,
        )
    told = _TELL[family](error, trace, around)
    return None if told is None else Diagnosis(family, told.facts, told.change)
