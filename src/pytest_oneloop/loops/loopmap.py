"""The loop map: which fixtures and tests run on which event loop, and what crosses.

Plain data, made from a collected suite or from the record of a run, drawn elsewhere.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

NO_LOOP: Final = "none"
"""The key and the scope of the lane of all that runs on no event loop."""


@dataclass(frozen=True, slots=True)
class Place:
    """A line of a file.

    Attributes:
        path: The file, relative to pytest's root folder where it lies in it.
        line: Its line, from 1.
    """

    path: str
    line: int

    def __str__(self) -> str:
        return f"{self.path}:{self.line}"


@dataclass(frozen=True, slots=True)
class Lane:
    """One event loop; or the place of what runs on none, whose scope is `NO_LOOP`.

    Attributes:
        key: What steps, residents and crossings name it by; unique in the map.
        name: For people: `session loop`, `loop of tests/test_users.py`.
        scope: How long it lives: `session`, `package`, `module`, `class`, `function`; `other` for
            a loop that no runner of tests made, such as one of `asyncio.run`; `none` for no loop.
    """

    key: str
    name: str
    scope: str

    @property
    def is_loop(self) -> bool:
        """Whether it is an event loop at all."""
        return self.scope != NO_LOOP


@dataclass(frozen=True, slots=True)
class Step:
    """One fixture or one test, on the lane that it runs on.

    Attributes:
        kind: `fixture` or `test`.
        name: The fixture's name, or the test's node id.
        scope: The fixture's scope; `function` for a test.
        lane: The key of its lane.
        place: Where it is written, if that is known.
        started: Seconds since the run began; `None` in a map of a suite that was not run.
        seconds: How long it took; `None` likewise.
        outcome: `failed`, `set-up failed` for a test that did not run for that; empty otherwise.
    """

    kind: str
    name: str
    scope: str
    lane: str
    place: Place | None = None
    started: float | None = None
    seconds: float | None = None
    outcome: str = ""


@dataclass(frozen=True, slots=True)
class Resident:
    """Something that is bound to a loop: a pool, a connection, a lock.

    Attributes:
        name: For people: `pool of engine`, `Lock`.
        lane: The key of the lane that it lives on.
        owner: The name of the step that made it.
        place: Where it is made, if that is known.
    """

    name: str
    lane: str
    owner: str
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class Crossing:
    """An object that is made on one loop and used on another.

    Attributes:
        name: For people: `engine`, `Lock`.
        made_on: The key of the lane that it was made on.
        made_by: The name of the step that made it.
        used_on: The key of the lane that it was used on.
        used_by: The name of the step that used it.
        place: The line to look at, if it is known.
    """

    name: str
    made_on: str
    made_by: str
    used_on: str
    used_by: str
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class LoopMap:
    """The whole picture.

    Attributes:
        title: What it is of: the project's folder.
        measured: It is of a real run, with times.
        lanes: The loops, longest-lived first.
        steps: In the order in which they run.
        residents: What lives on the loops.
        crossings: What crosses, once for each object and pair of steps.
        with_plugin: It is of a suite that was not run, as it would run with this plugin.
    """

    title: str
    measured: bool
    lanes: tuple[Lane, ...]
    steps: tuple[Step, ...]
    residents: tuple[Resident, ...] = ()
    crossings: tuple[Crossing, ...] = ()
    with_plugin: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return what `json.dumps` takes."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> LoopMap:
        """Read back what `to_json` gave."""
        return cls(
            title=data["title"],
            measured=data["measured"],
            lanes=tuple(Lane(**lane) for lane in data["lanes"]),
            steps=tuple(Step(**_placed(step)) for step in data["steps"]),
            residents=tuple(Resident(**_placed(one)) for one in data["residents"]),
            crossings=tuple(Crossing(**_placed(one)) for one in data["crossings"]),
            with_plugin=data["with_plugin"],
        )


def _placed(data: Mapping[str, Any]) -> dict[str, Any]:
    place = data["place"]
    return {**data, "place": None if place is None else Place(**place)}
