"""The one line to change, so that two things are on one event loop."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_oneloop.loops.scopes import FIXTURE_SCOPE, TEST_SCOPE
from pytest_oneloop.loops.tracks import WIDTHS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pytest_oneloop.loops.loopmap import Place
    from pytest_oneloop.loops.scopes import NamedScope, RunnerName
    from pytest_oneloop.loops.tracing import Watch
    from pytest_oneloop.loops.tracks import Origin, Ran, Track


@dataclass(frozen=True, slots=True)
class Around:
    """The test that failed, and what is configured.

    Attributes:
        test: Its node id.
        place: Where it is written, if that is known.
        runner: Who runs it.
        rootdir: pytest's root folder.
        values: The values of its fixtures, by name.
        fixtures: The fixtures that were set up in the run, by name, the latest of each.
        ini_name: The name of the configuration file; `pytest.ini` if there is none yet.
        asyncio_mode: pytest-asyncio's mode, or `None` without pytest-asyncio.
        fixture_scope_is_set: The project has set the loop scope of fixtures itself.
    """

    test: str
    place: Place | None
    runner: RunnerName
    rootdir: Path
    values: Mapping[str, object]
    fixtures: Mapping[str, Watch]
    ini_name: str = "pytest.ini"
    asyncio_mode: str | None = None
    fixture_scope_is_set: bool = False

    def setting(self, name: str, value: str) -> str:
        """Return a line of the configuration, as its file wants it, and where to write it."""
        written = f'{name} = "{value}"' if self.ini_name.endswith(".toml") else f"{name} = {value}"
        return f"in {self.ini_name}, write {written}"


@dataclass(frozen=True, slots=True)
class Told:
    """What there is to say.

    Attributes:
        facts: A label and a text each.
        change: The one line to change.
    """

    facts: tuple[tuple[str, str], ...]
    change: str


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a crossing.

    Attributes:
        loop: What to call the loop, with its scope; or why it is not known.
        by: Who made or used the object there; or why that is not known.
        at: The line, where it is another than that of `by`.
        track: The loop, if something of pytest ran on it.
        ran: The fixture or the test, if it is known.
        is_unknown: Nothing at all is known of the loop.
    """

    loop: str
    by: str = ""
    at: Place | None = None
    track: Track | None = None
    ran: Ran | None = None
    is_unknown: bool = False

    def __str__(self) -> str:
        at = f"at {self.at}" if self.at else ""
        return ", ".join(part for part in (self.loop, self.by, at) if part)


def one_loop(thing: str, made: Side, used: Side, around: Around) -> str:
    """Return the line that brings both sides onto one loop.

    Args:
        thing: What to call the object.
        made: Where it was made.
        used: Where it was used.
        around: The test.
    """
    if (
        around.runner == "unittest"
        or made.track is None
        or used.track is None
        or made.track.loop_scope is None
        or used.track.loop_scope is None
    ):
        return _apart(thing, made, used, around)
    steps = [one.ran or one.track.first for one in (used, made) if one.track]
    origins = [ran.origin for ran in steps if ran]
    named = [(origin, scope) for origin in origins if (scope := origin.find_loop_scope())]
    scopes = {scope.scope for _, scope in named}
    fixed = any(scope.knob in {"marker", "decorator"} for _, scope in named)
    wide = max(scopes, key=WIDTHS.index) if fixed and len(scopes) > 1 else "session"
    turns = [_turn(one, scope, wide, around) for one, scope in named if scope.scope != wide]
    if not turns:
        return _apart(thing, made, used, around)
    return "; and ".join(dict.fromkeys(turns)) + "."


def _apart(thing: str, made: Side, used: Side, around: Around) -> str:
    """Return the line for two sides of which no loop scope can make one."""
    if around.runner == "unittest":
        return f"make {thing} in asyncSetUp, for each test of this class has a loop of its own."
    ran = used.ran or (used.track.first if used.track else None)
    scope = ran.origin.find_loop_scope() if ran else None
    if made.is_unknown and ran and scope and scope.scope != "session":
        return f"{_turn(ran.origin, scope, 'session', around)}, so that there is one loop for all."
    if made.is_unknown:
        return f"make {thing} in a fixture of function scope, or in the test."
    if made.track is None:
        return f"make {thing} in an asynchronous fixture, so that it is made on the tests' loop."
    if used.track is None:
        return f"await {thing} in an asynchronous test or fixture, on the loop that made it."
    return (
        f"make {thing} in the test, or in a fixture of function scope: a test has a loop of its "
        "own, unless an asynchronous fixture of a wider scope keeps the loop."
    )


def _turn(origin: Origin, named: NamedScope, wide: str, around: Around) -> str:
    """Return how to bring one step onto a loop of a wider scope."""
    old = f'instead of loop_scope="{named.scope}"'
    if named.knob == "marker":
        return f'write @pytest.mark.asyncio(loop_scope="{wide}") for {told(origin)}, {old}'
    if named.knob == "decorator":
        return f'write @pytest_asyncio.fixture(loop_scope="{wide}", ...) for {told(origin)}, {old}'
    # Where the project has not set that of fixtures, it follows that of tests.
    follows = named.knob == FIXTURE_SCOPE and origin.kind == "fixture"
    if follows and not around.fixture_scope_is_set:
        return around.setting(TEST_SCOPE, wide)
    return around.setting(named.knob, wide)


def told(origin: Origin) -> str:
    """Return what to call a fixture or a test, with its place."""
    place = origin.find_place()
    noun = f"the fixture `{origin.name}`"
    name = noun if origin.kind == "fixture" else f"the test {origin.name}"
    return f"{name} ({place})" if place else name


def loop_told(track: Track) -> str:
    """Return what to call a loop, with its scope."""
    scope = f"loop scope {track.loop_scope.scope}" if track.loop_scope else "no loop scope"
    return f"{track.name} ({scope})"
