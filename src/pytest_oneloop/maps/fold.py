"""A loop map, folded: as many blocks as a person can look at, whatever the suite's size.

A map with few steps keeps each of them. In a larger one, the tests of a module become one block,
and so do its fixtures of one name; loops of one scope that serve that module alone become one
lane. If the modules are too many as well, the same is done by folder, one level up at a time.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pytest_oneloop.loops.loopmap import Crossing, Lane, LoopMap, Resident, Step

FEW: Final = 60
"""As many steps are shown one by one."""

MANY: Final = 400
"""As many blocks are shown; beyond it, the suite is folded by wider folders."""

_ALONE: Final = "\0"
"""How the group of a step begins that is never folded with other steps."""

RESIDENTS: Final = 4
"""As many kinds of residents are named for each lane; the others are counted."""


@dataclass(frozen=True, slots=True)
class Loop:
    """One lane of the picture: an event loop, or several that are alike.

    Attributes:
        name: For people.
        scope: The scope of its loops.
        lanes: The loops of the map that it stands for; one, where nothing is folded.
    """

    name: str
    scope: str
    lanes: tuple[Lane, ...]


@dataclass(frozen=True, slots=True)
class Block:
    """One step, or several that are shown as one.

    Attributes:
        loop: The place of its lane in `Folded.loops`.
        kind: `fixture` or `test`.
        name: The fixture's name, the test's node id, or the module or folder of several tests.
        home: The node id of the test that its first step is for.
        steps: The steps that it stands for, in the order in which they run.
    """

    loop: int
    kind: str
    name: str
    home: str
    steps: tuple[Step, ...]

    @property
    def started(self) -> float | None:
        """Seconds from the run's beginning to the first of its steps, if that was measured."""
        return self.steps[0].started

    @property
    def seconds(self) -> float | None:
        """How long its steps took together, if that was measured."""
        measured = [step.seconds for step in self.steps if step.seconds is not None]
        return sum(measured) if measured else None


@dataclass(frozen=True, slots=True)
class Guest:
    """What lives on a lane: one resident, or several of one name.

    Attributes:
        loop: The place of its lane in `Folded.loops`.
        block: The place in `Folded.blocks` of the block that made it; `None` if no step did.
        name: For people; empty for residents of several names.
        residents: The residents that it stands for.
    """

    loop: int
    block: int | None
    name: str
    residents: tuple[Resident, ...]


@dataclass(frozen=True, slots=True)
class Arrow:
    """One crossing, or several of one object from one block to another.

    Attributes:
        name: The object.
        source: The place of the block that made it; `None` if no step of the lane did.
        source_loop: The place of the lane that it was made on.
        target: The place of the block that used it; `None` if no step of the lane did.
        target_loop: The place of the lane that it was used on.
        crossings: The crossings that it stands for.
    """

    name: str
    source: int | None
    source_loop: int
    target: int | None
    target_loop: int
    crossings: tuple[Crossing, ...]


@dataclass(frozen=True, slots=True)
class Folded:
    """What is drawn of a map.

    Attributes:
        loops: The lanes, in the order of the map.
        blocks: In the order in which they begin.
        guests: What lives on the lanes.
        arrows: What crosses.
        by: What it is folded by: `test` if each step is there, `module`, or `folder`.
    """

    loops: tuple[Loop, ...]
    blocks: tuple[Block, ...]
    guests: tuple[Guest, ...]
    arrows: tuple[Arrow, ...]
    by: str


def fold(loop_map: LoopMap, *, few: int = FEW, many: int = MANY) -> Folded:
    """Return what is drawn of a map; pure.

    Args:
        loop_map: Its residents and crossings name lanes that it has.
        few: As many steps are kept one by one.
        many: As many blocks are kept, if folding by folder can do it.
    """
    homes = _homes(loop_map.steps)
    if len(loop_map.steps) <= few:
        singly = [str(number) for number in range(len(loop_map.steps))]
        return _Folding(loop_map, homes, singly, by="test").result()
    groups = [
        f"{_ALONE}{step.name}" if _is_wide(step) else module_of(home)
        for step, home in zip(loop_map.steps, homes, strict=True)
    ]
    folded = _Folding(loop_map, homes, groups, by="module").result()
    while len(folded.blocks) > many and (wider := [_folder(group) for group in groups]) != groups:
        groups = wider
        folded = _Folding(loop_map, homes, groups, by="folder").result()
    return folded


def module_of(test: str) -> str:
    """Return the module of a test's node id."""
    return test.partition("::")[0]


def _homes(steps: Sequence[Step]) -> list[str]:
    """Return for each step the test that it is for: itself, or the next one that runs.

    The next one on its own loop, if there is one: of several processes, each has its own tests.
    """
    tests = [step.name for step in steps if step.kind == "test"]
    following = tests[-1] if tests else ""
    on_lane: dict[str, str] = {}
    homes = []
    for step in reversed(steps):
        if step.kind == "test":
            following = on_lane[step.lane] = step.name
        homes.append(on_lane.get(step.lane, following))
    return homes[::-1]


def _is_wide(step: Step) -> bool:
    """Tell whether a step serves more than a module; it is never folded with others."""
    return step.kind == "fixture" and step.scope in {"session", "package"}


def _folder(group: str) -> str:
    if group.startswith(_ALONE):
        return group
    parent = str(PurePosixPath(group).parent)
    return group if parent == group else parent


class _Folding:
    """One attempt at folding.

    Args:
        loop_map: What to fold.
        homes: For each step, the test that it is for.
        groups: For each step, the group that it belongs to.
        by: The kind of the groups.
    """

    def __init__(
        self, loop_map: LoopMap, homes: Sequence[str], groups: Sequence[str], *, by: str
    ) -> None:
        self._map = loop_map
        self._homes = homes
        self._groups = groups
        self._by = by
        self._loops = self._fold_lanes()
        self._loop_of = {
            lane.key: place for place, loop in enumerate(self._loops) for lane in loop.lanes
        }
        self._blocks: list[Block] = []
        self._made: dict[tuple[str, str], int] = {}
        self._fold_steps()

    def result(self) -> Folded:
        return Folded(
            loops=tuple(self._loops),
            blocks=tuple(self._blocks),
            guests=tuple(self._guests()),
            arrows=tuple(self._arrows()),
            by=self._by,
        )

    def _fold_lanes(self) -> list[Loop]:
        """Put the loops together that serve one group alone, and have one scope."""
        served: dict[str, set[str]] = {lane.key: set() for lane in self._map.lanes}
        for step, group in zip(self._map.steps, self._groups, strict=True):
            served[step.lane].add(group)
        together: dict[object, list[Lane]] = {}
        for lane in self._map.lanes:
            groups = served[lane.key]
            alone = any(group.startswith(_ALONE) for group in groups)
            alike = self._by != "test" and len(groups) == 1 and not alone
            together.setdefault((lane.scope, *groups) if alike else lane.key, []).append(lane)
        return [
            Loop(
                name=lanes[0].name
                if len(lanes) == 1
                else f"{len(lanes):,} loops in {_title(next(iter(served[lanes[0].key])))}",
                scope=lanes[0].scope,
                lanes=tuple(lanes),
            )
            for lanes in together.values()
        ]

    def _fold_steps(self) -> None:
        together: dict[tuple[int, str, str, str], list[tuple[Step, str]]] = {}
        for step, home, group in zip(self._map.steps, self._homes, self._groups, strict=True):
            name = "" if step.kind == "test" else step.name
            key = (self._loop_of[step.lane], step.kind, group, name)
            together.setdefault(key, []).append((step, home))
        for (loop, kind, group, _), found in together.items():
            first, home = found[0]
            name = first.name if len(found) == 1 or kind == "fixture" else _title(group)
            for step, _ in found:
                self._made.setdefault((step.lane, step.name), len(self._blocks))
            self._blocks.append(Block(loop, kind, name, home, tuple(step for step, _ in found)))

    def _guests(self) -> Iterable[Guest]:
        together: dict[tuple[int, str], list[Resident]] = {}
        for resident in self._map.residents:
            together.setdefault((self._loop_of[resident.lane], resident.name), []).append(resident)
        kinds: dict[int, list[list[Resident]]] = {}
        for (loop, _), residents in together.items():
            kinds.setdefault(loop, []).append(residents)
        for loop, found in kinds.items():
            named = found if len(found) <= RESIDENTS else found[: RESIDENTS - 1]
            for residents in named:
                yield self._guest(loop, residents[0].name, residents)
            others = [resident for residents in found[len(named) :] for resident in residents]
            if others:
                yield self._guest(loop, "", others)

    def _guest(self, loop: int, name: str, residents: list[Resident]) -> Guest:
        block = self._made.get((residents[0].lane, residents[0].owner))
        return Guest(loop, block, name, tuple(residents))

    def _arrows(self) -> Iterable[Arrow]:
        together: dict[tuple[str, int | None, int, int | None, int], list[Crossing]] = {}
        for crossing in self._map.crossings:
            key = (
                crossing.name,
                self._made.get((crossing.made_on, crossing.made_by)),
                self._loop_of[crossing.made_on],
                self._made.get((crossing.used_on, crossing.used_by)),
                self._loop_of[crossing.used_on],
            )
            together.setdefault(key, []).append(crossing)
        for (name, source, source_loop, target, target_loop), crossings in together.items():
            yield Arrow(name, source, source_loop, target, target_loop, tuple(crossings))


def _title(group: str) -> str:
    return "all folders" if group == "." else group
