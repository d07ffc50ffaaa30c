"""An object that was made on one event loop and used on another: which, by whom, and where."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pytest_oneloop.loops.advice import Side, loop_told, one_loop, told
from pytest_oneloop.loops.evidence import loop_of, place_of
from pytest_oneloop.loops.families import Family
from pytest_oneloop.loops.foreign import foreign
from pytest_oneloop.loops.holders import Holder, attributes, holders, kind_of

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterator

    from pytest_oneloop.loops.advice import Around
    from pytest_oneloop.loops.evidence import Trace
    from pytest_oneloop.loops.record import LoopRecord
    from pytest_oneloop.loops.tracks import Ran, Track

_SET_UP = "that test, in its set-up or teardown"
_NAMED: Final = 2
"""Steps that are named, where any of several may have made an object."""

_TEST_CLIENTS = ("starlette.testclient", "fastapi.testclient")


@dataclass(frozen=True, slots=True)
class Crossed:
    """What crossed.

    Attributes:
        family: The kind of failure, known better now.
        what: The object, for people.
        thing: Its short name.
        made: The side on which it was made.
        used: The side on which it was used.
        change: The one line to change.
    """

    family: Family
    what: str
    thing: str
    made: Side
    used: Side
    change: str


def crossed(family: Family, trace: Trace, record: LoopRecord, around: Around) -> Crossed:
    """Return what crossed, as far as the frames and the record show it."""
    used = _used(trace, around)
    bound = foreign(trace, used.track.loop() if used.track else None)
    made_on = record.track_of(bound[1]) if bound else None
    named = _named(bound[0], trace, around, made_on) if bound else None
    whole = _outermost(trace)
    made = _made(bound[1] if bound else None, made_on, named, around)
    thing = f"`{named[1].name}`" if named else f"the {_short(bound[0])}" if bound else "the object"
    inside_test_client = used.track is None and trace.passes(*_TEST_CLIENTS) is not None
    if inside_test_client and _caller(trace) is not None:
        return Crossed(
            Family.TEST_CLIENT,
            _what(bound, named, whole, around),
            thing,
            made,
            used,
            "in this test, use the `client` fixture: `await client.get(...)` runs the application "
            "on the test's own loop.",
        )
    return Crossed(
        family,
        _what(bound, named, whole, around),
        thing,
        made,
        used,
        one_loop(thing, made, used, around),
    )


def is_of_another_loop(trace: Trace) -> bool:
    """Return whether what the project called a method of is bound to a loop it did not run on."""
    ran = trace.ran()
    if ran is None:
        return False
    loops = [loop for spot in trace.below() if (loop := loop_of(spot.owner)) is not None]
    return bool(loops) and all(loop is not ran.track.loop() for loop in loops)


# -- the side that used it -----------------------------------------------------------------------


def _used(trace: Trace, around: Around) -> Side:
    at = trace.place(trace.innermost())
    ran = trace.ran()
    by = f"by {_user(trace, around)}"
    if trace.passes(*_TEST_CLIENTS):
        return Side("a loop of TestClient, on a thread of its own", by, at, ran=ran)
    if ran is not None:
        return Side(loop_told(ran.track), f"by {_told_on(ran)}", at, ran.track, ran)
    if around.runner == "unittest":
        return Side(f"the loop of {around.test} (no loop scope)", f"by {_SET_UP}", at)
    if trace.passes("asyncio.runners"):
        return Side("a loop that asyncio.run made", by, at)
    return Side("a loop that was not seen", by, at)


def _user(trace: Trace, around: Around) -> str:
    """Return the fixture or the test that the failure came through, whatever the loop."""
    ran = trace.ran()
    if ran is not None:
        return told(ran.origin)
    for spot in trace.inside()[:1]:
        # One that is not asynchronous is known by its name and its file.
        watch = around.fixtures.get(spot.function)
        place = watch.origin.find_place() if watch else None
        at = trace.place(spot)
        if watch and place and at and place.path == at.path:
            return told(watch.origin)
    return f"the test {around.test} ({around.place})"


def _told_on(ran: Ran) -> str:
    """Return what to call a step whose loop was named just now."""
    own = ran.origin.kind == "test" and ran.track.scope == "function"
    return f"that test ({ran.origin.find_place()})" if own else told(ran.origin)


def _caller(trace: Trace) -> object:
    """Return the asynchronous fixture or test that runs on a loop, if the failure came through."""
    ran = trace.ran()
    return ran.track if ran else None


# -- the side that made it -----------------------------------------------------------------------


def _made(
    loop: asyncio.AbstractEventLoop | None,
    track: Track | None,
    named: tuple[object, Holder] | None,
    around: Around,
) -> Side:
    if loop is None:
        return Side("a loop that the error does not show", is_unknown=True)
    if track is None:
        return _made_apart(loop, named, around)
    holder = named[1] if named else None
    if holder and holder.kind == "fixture":
        watch = around.fixtures.get(holder.owner)
        if watch is not None and watch.ran is not None and watch.ran.track is track:
            return Side(loop_told(track), f"by {told(watch.origin)}", track=track, ran=watch.ran)
    if holder and holder.kind == "fixture" and holder.owner in around.fixtures:
        giver = told(around.fixtures[holder.owner].origin)
        by = f"at its first use there; {giver}, which gives it, is on no loop itself"
    else:
        by = _one_of(track, holder)
    return Side(loop_told(track), by, track=track)


def _made_apart(
    loop: asyncio.AbstractEventLoop, named: tuple[object, Holder] | None, around: Around
) -> Side:
    """Return the side of a loop that no asynchronous fixture or test ran on."""
    state = "is closed" if loop.is_closed() else "is open"
    owners = [name for name, value in around.values.items() if value is loop]
    if owners and owners[0] in around.fixtures:
        return Side(f"the loop that {told(around.fixtures[owners[0]].origin)} gives; it {state}")
    loop_text = f"a loop on which no asynchronous fixture or test ran; it {state}"
    holder = named[1] if named else None
    if holder is None or holder.kind != "fixture" or holder.owner not in around.fixtures:
        return Side(loop_text)
    giver = told(around.fixtures[holder.owner].origin)
    return Side(loop_text, f"and {giver}, which is not asynchronous, gives the object")


def _one_of(track: Track, holder: Holder | None) -> str:
    """Return who may have made an object, as nobody has seen it: what ran on the loop."""
    steps = list(track.steps())
    own = [ran for ran in steps if holder and holder.owner.endswith(f"/{_path(ran)}")]
    count = len(own) or track.count
    among = "on it of that file" if own and track.count > count else "on it"
    if count == 1:
        return f"by {_told_on((own or steps)[0])}, which alone ran {among}"
    names = [told(ran.origin) for ran in (own or steps)[:_NAMED]]
    if count > _NAMED:
        kinds = {ran.origin.kind for ran in own[_NAMED:]}
        noun = "tests" if kinds == {"test"} else "tests and fixtures"
        names.append(f"{count - _NAMED} more {noun}")
    return f"by one of those that ran {among}: {', '.join(names)}"


def _path(ran: Ran) -> str:
    return ran.test.partition("::")[0]


# -- the object ----------------------------------------------------------------------------------


def _named(
    bound: object, trace: Trace, around: Around, made_on: Track | None
) -> tuple[object, Holder] | None:
    """Return the object that has a name in the project, and holds what is bound; with the name.

    A fixture that ran on the other loop has not made it, and is passed over.
    """
    found = [
        (thing, holder)
        for thing in _candidates(bound, trace)
        for holder in holders(thing, around.values, trace.spots)
        if holder.kind != "fixture" or _may_have_made(holder, around, made_on)
    ]
    # The nearest is listed first, but a whole name tells more than the way to a part.
    return min(found, key=lambda one: (one[1].kind == "variable", "." in one[1].name), default=None)


def _candidates(bound: object, trace: Trace) -> Iterator[object]:
    """Yield what is bound, then the owners of the methods on the way to it, the innermost first."""
    yield bound
    loop = loop_of(bound)
    below = {id(spot.frame) for spot in trace.below()}
    for spot in reversed(trace.inside()):
        if spot.owner is None or spot.owner is bound:
            continue
        # A library that calls the project, as a web framework does, does not hold what that uses.
        if not spot.is_of_project and id(spot.frame) not in below:
            continue
        yield spot.owner
        # Public; an engine stays behind when it has handed out a connection of its pool. A session
        # knows the one that the project has a name for. Many have none: None has no names.
        if type(spot.owner).__module__.startswith("sqlalchemy."):
            yield from (getattr(spot.owner, name, None) for name in ("engine", "bind"))
        # A connection of a pool may be on the way, and the pool nowhere but in it.
        held = (one for _, one in attributes(spot.owner) if loop_of(one) is loop)
        yield from (one for one in held if one is not loop)


def _outermost(trace: Trace) -> object:
    """Return what the project called a method of, when the failure came about in it."""
    return next((spot.owner for spot in reversed(trace.below()) if spot.owner is not None), None)


def _may_have_made(holder: Holder, around: Around, made_on: Track | None) -> bool:
    watch = around.fixtures.get(holder.owner)
    return watch is None or watch.ran is None or watch.ran.track is made_on


def _what(
    bound: tuple[object, object] | None,
    named: tuple[object, Holder] | None,
    outermost: object,
    around: Around,
) -> str:
    if bound is None:
        return "an object that the error does not show"
    thing = bound[0]
    if named is not None and named[0] is not thing and _is_inner(thing):
        thing = named[0]
    if named is None and outermost is not None and _is_inner(thing):
        thing = outermost
    if named is None and (outermost is None or outermost is thing):
        return _article(kind_of(thing))
    if named is None:
        return f"{_article(kind_of(thing))} of {_article(kind_of(outermost))}"
    whole, holder = named
    text = f"the {kind_of(whole)} `{holder.name}`"
    if whole is not thing:
        text = f"{_article(kind_of(thing))} of {text}"
    if holder.kind == "module":
        file = place_of(holder.owner, 0, around.rootdir).path
        return f"{text}, a module-level name in {Path(file).as_posix()}"
    if holder.kind == "variable":
        return f"{text}, a variable in {holder.owner}()"
    return text


def _is_inner(thing: object) -> bool:
    """Tell whether it is a part of something that nobody but its library knows: a transport."""
    return type(thing).__name__.startswith("_")


def _short(thing: object) -> str:
    return type(thing).__name__


def _article(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeiouAEIOU' else 'a'} {noun}"
