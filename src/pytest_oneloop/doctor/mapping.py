"""The loop map of a suite that was not run: as its tests would run, one after the other."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pytest_oneloop.doctor import kinds
from pytest_oneloop.doctor.case import Case
from pytest_oneloop.doctor.pluggedsuite import with_plugin
from pytest_oneloop.doctor.rules.globalengines import name_of, shared, uses_of
from pytest_oneloop.doctor.rules.handing import foreign
from pytest_oneloop.doctor.suite import SCOPES
from pytest_oneloop.doctor.wording import thing
from pytest_oneloop.loops.loopmap import NO_LOOP, Crossing, Lane, LoopMap, Resident, Step

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_oneloop.doctor.kinds import Value
    from pytest_oneloop.doctor.reading import Use
    from pytest_oneloop.doctor.suite import Fixture, Group, Test
    from pytest_oneloop.loops.loopmap import Place


def loop_map(case: Case) -> LoopMap:
    """Return the map of a suite: who would run on which loop, and what would cross.

    A suite that asks for the plugin's own fixtures needs the plugin: it is drawn as it runs then.
    """
    if case.suite.relies_on_plugin:
        return _Drawing(Case(with_plugin(case.suite)), with_plugin=True).draw()
    return _Drawing(case, with_plugin=False).draw()


@dataclass
class _Home:
    """Where an object is when it is first used."""

    lane: str
    step: str


@dataclass
class _Drawing:
    case: Case
    with_plugin: bool
    lanes: dict[str, Lane] = field(default_factory=dict)
    steps: dict[tuple[str, str], Step] = field(default_factory=dict)
    residents: dict[tuple[str, str], Resident] = field(default_factory=dict)
    crossings: dict[tuple[str, str, str, str], Crossing] = field(default_factory=dict)
    homes: dict[Place, _Home] = field(default_factory=dict)

    def draw(self) -> LoopMap:
        case = self.case
        crossing = [
            one for one in shared(case) if len(one.loops) > 1 and not self._is_led(one.value)
        ]
        several = {one.value.place: name_of(case, one) for one in crossing}
        order = [(test, group) for group in case.suite.groups for test in group.tests]
        files = {
            path: number for number, path in enumerate(dict.fromkeys(g.path for _, g in order))
        }
        order.sort(key=lambda one: (files[one[1].path], one[0].place.line))
        used = {id(group): list(uses_of(case, group)) for group in case.suite.groups}
        for test, group in order:
            for fixture in case.in_order(group):
                scope = case.loop_scope(fixture, group)
                if scope is not None:
                    self._fixture(fixture, scope, group, test)
            lane = self._lane(group.loop_scope if group.on_loop else NO_LOOP, group, test)
            self._step("test", test.id, "function", lane, test.place)
            if group.on_loop:
                self._handed(None, test.id, group.loop_scope, group, test)
            self._shared(used[id(group)], group, test, several)
        lanes = sorted(self.lanes.values(), key=_longest_first)
        return LoopMap(
            title=case.suite.root.name,
            measured=False,
            lanes=tuple(lanes),
            steps=tuple(self.steps.values()),
            residents=tuple(self.residents.values()),
            crossings=tuple(self.crossings.values()),
            with_plugin=self.with_plugin,
        )

    def _fixture(self, fixture: Fixture, scope: str, group: Group, test: Test) -> None:
        lane = self._lane(scope, group, test)
        self._step("fixture", fixture.name, fixture.scope, lane, fixture.place)
        value = self.case.given(fixture, group.closure)
        if value is not None and self._is_led(value):
            value = None  # no loop holds it
        if value is not None and value.bound and value.kind in {kinds.ENGINE, kinds.POOL}:
            name = f"pool of {fixture.name}"
            self._resident(name, lane, fixture.name, value)
        elif value is not None and value.kind == kinds.CONNECTION and value.bound:
            self._resident(f"connection of {fixture.name}", lane, fixture.name, value)
        elif value is not None and value.kind in {kinds.CLIENT, kinds.PRIMITIVE}:
            self._resident(f"{thing(value)} of {fixture.name}", lane, fixture.name, value)
        self._handed(fixture, fixture.name, scope, group, test)

    def _handed(
        self, user: Fixture | None, step: str, scope: str, group: Group, test: Test
    ) -> None:
        """Draw what a user gets from fixtures on other loops."""
        here = self._lane(scope, group, test)
        for fixture, value in foreign(self.case, group, user, scope):
            if self._is_led(value):
                continue
            made_on = self.case.loop_scope(fixture, group)
            if made_on is not None:
                home = _Home(self._lane(made_on, group, test), fixture.name)
            else:
                home = self.homes.setdefault(value.place, _Home(here, step))
            self._cross(fixture.name, home, here, step, fixture.place)

    def _shared(
        self,
        used: Iterable[tuple[str, list[Use], str, set[str]]],
        group: Group,
        test: Test,
        several: dict[Place, str],
    ) -> None:
        """Draw what lives as long as the process: it is at home where it is first used."""
        for user, uses, scope, _ in used:
            fixture = group.closure.named(user)
            there = fixture is not None and self.case.loop_scope(fixture, group) == scope
            step = user if there else test.id
            here = self._lane(scope, group, test)
            for use in uses:
                value = use.value.chain()[-1]
                if value.place not in several:
                    continue
                name = several[value.place]
                if value.place not in self.homes:
                    self.homes[value.place] = _Home(here, step)
                    self._resident(f"pool of {name}", here, step, value)
                self._cross(name, self.homes[value.place], here, step, value.place)

    def _is_led(self, value: Value) -> bool:
        """Tell whether the plugin puts a connection of its own below it, which no loop holds."""
        return self.with_plugin and all(one.kind in kinds.ORM for one in value.chain())

    def _cross(self, name: str, home: _Home, here: str, step: str, place: Place) -> None:
        if home.lane != here:
            self.crossings.setdefault(
                (name, home.lane, here, step),
                Crossing(name, home.lane, home.step, here, step, place),
            )

    def _resident(self, name: str, lane: str, owner: str, value: Value) -> None:
        self.residents.setdefault((name, lane), Resident(name, lane, owner, value.place))

    def _step(self, kind: str, name: str, scope: str, lane: str, place: Place) -> None:
        self.steps.setdefault((name, lane), Step(kind, name, scope, lane, place))

    def _lane(self, scope: str, group: Group, test: Test) -> str:
        """Return the key of the loop of a scope that a test is in."""
        folder = group.path.rpartition("/")[0] or "."
        of = {
            "function": test.id,
            "class": f"{group.path}::{group.owner}",
            "module": group.path,
            "package": folder,
        }.get(scope, "")
        key = f"{scope} {of}".strip()
        if key not in self.lanes:
            name = f"loop of {of}" if of else f"{scope} loop"
            self.lanes[key] = Lane(key, "no event loop" if scope == NO_LOOP else name, scope)
        return key


def _longest_first(lane: Lane) -> int:
    return -SCOPES.index(lane.scope) if lane.scope in SCOPES else 1
