"""What ran on which event loop: the record that explains a failure, and draws the map of a run.

A loop is known by what runs on it: each asynchronous fixture and test notes itself, from within, as
it begins (`tracing.py`). The record holds loops weakly. It forgets a loop's steps with the loop,
unless it keeps all for a map; of a loop that lives long it keeps the wide fixtures, and the steps
that came first and last.
"""

from __future__ import annotations

import time
import weakref
from typing import TYPE_CHECKING, Any, Final

from pytest_oneloop.loops.loopmap import NO_LOOP, Crossing, Lane, LoopMap, Resident, Step
from pytest_oneloop.loops.tracks import WIDTHS, Origin, Ran, Track

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Iterable, Mapping

_ALL: Final = 100_000
"""Steps that are kept for a map: some 40 MB, of a suite that nobody could look at."""


class LoopRecord:
    """The loops of one process, and what ran on them.

    A step costs about a microsecond. The state is used by one thread at a time: tests and fixtures
    of one process run one after the other.

    Args:
        keep_all: Keep every step, and loops that are gone: for a map of the run.
        worker: The xdist worker's name, which begins the keys of its loops.
    """

    def __init__(self, *, keep_all: bool = False, worker: str = "") -> None:
        self._keep_all = keep_all
        self._prefix = f"{worker}-" if worker else ""
        self._began = time.perf_counter()
        self._tracks: dict[int, Track] = {}
        self._gone: list[Track] = []
        self._kept = 0
        self._made = 0
        self._crossings: dict[Crossing, None] = {}

    def clock(self) -> float:
        """Return the seconds since the run began, as steps of a map count them."""
        return time.perf_counter() - self._began

    # -- writing -------------------------------------------------------------------------------

    def begin(self, origin: Origin, test: str, loop: AbstractEventLoop) -> Ran:
        """Note that a step begins on a loop. To be called from within, once.

        Args:
            origin: The fixture or the test.
            test: The node id of the test that runs, or that asked for the fixture.
            loop: The loop that runs.
        """
        track = self._tracks.get(id(loop))
        if track is None or track.loop() is not loop:
            track = self._new_track(origin, test, loop)
        scope = origin.scope
        ran = Ran(origin, test, scope, time.perf_counter(), track)
        track.count += 1
        if track.first is None:
            track.first = ran
        if scope not in track.scopes:
            track.scopes.add(scope)
        if self._keep_all and self._kept < _ALL:
            self._kept += 1
            track.all.append(ran)
        elif scope == "function":
            track.last.append(ran)
        else:
            track.wide.append(ran)
        return ran

    def _new_track(self, origin: Origin, test: str, loop: AbstractEventLoop) -> Track:
        number = id(loop)
        self._made += 1
        track = Track(
            f"{self._prefix}{self._made}",
            weakref.ref(loop, lambda gone: self._forget(number, gone)),
            origin.find_loop_scope(),
            test,
            {origin.scope},
        )
        if number in self._tracks:
            self._drop(number)
        self._tracks[number] = track
        return track

    def _forget(self, number: int, loop: weakref.ref[AbstractEventLoop]) -> None:
        track = self._tracks.get(number)
        # Another loop may have the number already.
        if track is not None and track.loop is loop:
            self._drop(number)

    def _drop(self, number: int) -> None:
        track = self._tracks.pop(number)
        if self._keep_all:
            self._gone.append(track)

    def cross(self, crossing: Crossing) -> None:
        """Note that something crossed, as a failure has shown; kept for a map alone."""
        if self._keep_all:
            self._crossings[crossing] = None

    # -- reading -------------------------------------------------------------------------------

    def track_of(self, loop: object) -> Track | None:
        """Return what is known of a loop; `None` if no fixture or test ran on it."""
        track = self._tracks.get(id(loop))
        return track if track is not None and track.loop() is loop else None

    def tracks(self) -> list[Track]:
        """Return the loops that are known, in the order in which they were first seen."""
        known = [*self._gone, *self._tracks.values()]
        return sorted(known, key=lambda track: track.first.started if track.first else 0.0)

    def to_map(self, title: str) -> LoopMap:
        """Return the run as a map, with times; complete only where all was kept.

        Args:
            title: The map's.
        """
        tracks = sorted(self.tracks(), key=lambda track: -WIDTHS.index(track.scope))
        ran = sorted(
            ((one, track) for track in tracks for one in track.steps()),
            key=lambda pair: pair[0].started,
        )
        crossings = tuple(self._crossings)
        known = {track.key for track in tracks}
        elsewhere = {
            key: Lane(key, "a loop that no test ran on", "other")
            for crossing in crossings
            for key in (crossing.made_on, crossing.used_on)
            if key not in known
        }
        return LoopMap(
            title=title,
            measured=True,
            lanes=(
                *(Lane(one.key, one.name.removeprefix("the "), one.scope) for one in tracks),
                *elsewhere.values(),
            ),
            steps=tuple(self._step(one, track) for one, track in ran),
            residents=tuple(
                Resident(one.name, one.made_on, one.made_by, one.place) for one in crossings
            ),
            crossings=crossings,
        )

    def _step(self, ran: Ran, track: Track) -> Step:
        return Step(
            kind=ran.origin.kind,
            name=ran.origin.name,
            scope=ran.scope,
            lane=track.key,
            place=ran.origin.find_place(),
            started=ran.started - self._began,
            seconds=ran.seconds,
        )


def to_json(record: LoopRecord) -> dict[str, Any]:
    """Return the record as text can carry it, from an xdist worker to its controller."""
    return record.to_map("").to_json()


def merged(title: str, records: Iterable[Mapping[str, Any]]) -> LoopMap:
    """Return one map of the records of several processes.

    Times stay those of each process, from its own beginning.

    Args:
        title: The map's.
        records: What `to_json` gave, of records with a worker's name each.
    """
    maps = [LoopMap.from_json(data) for data in records]
    # What runs on no loop is in one lane, whatever the process.
    lanes = {lane.key: lane for one in maps for lane in one.lanes}.values()
    widths = (NO_LOOP, "other", *WIDTHS)
    return LoopMap(
        title=title,
        measured=True,
        lanes=tuple(sorted(lanes, key=lambda lane: -widths.index(lane.scope))),
        steps=tuple(
            sorted(
                (step for one in maps for step in one.steps), key=lambda step: step.started or 0.0
            )
        ),
        residents=tuple(resident for one in maps for resident in one.residents),
        crossings=tuple(crossing for one in maps for crossing in one.crossings),
    )
