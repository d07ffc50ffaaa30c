"""Failures that need one loop alone: two tasks on one connection, calls that nobody awaits."""

from __future__ import annotations

import asyncio
import inspect
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pytest_oneloop.loops.advice import Told, loop_told, told
from pytest_oneloop.loops.evidence import is_of_project, place_of
from pytest_oneloop.loops.holders import holders, kind_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import FrameType

    from pytest_oneloop.loops.advice import Around
    from pytest_oneloop.loops.evidence import Spot, Trace
    from pytest_oneloop.loops.loopmap import Place

_REQUESTED = re.compile(r"requested an async fixture '(\w+)'")
_DEPTH: Final = 64
"""How many awaits deep a task is followed."""


def used_by(trace: Trace, around: Around) -> tuple[str, str]:
    """Return on which loop and by whom, as one fact."""
    ran = trace.ran()
    unseen = "no loop" if around.runner == "sync" else "a loop that was not seen"
    loop = loop_told(ran.track) if ran else unseen
    by = told(ran.origin) if ran else f"the test {around.test} ({around.place})"
    at = trace.place(trace.innermost())
    return "Used on", f"{loop}, by {by}" + (f", at {at}" if at else "")


def _name(thing: object, trace: Trace, around: Around) -> str:
    """Return the kind of an object, and the first name that the project has for it."""
    kind = kind_of(thing)
    for holder in holders(thing, around.values, trace.spots):
        return f"the {kind} `{holder.name}`"
    return f"the {kind}"


# -- two tasks on one connection -----------------------------------------------------------------


def busy(_: BaseException, trace: Trace, around: Around) -> Told:
    """Return which connection two tasks use at once."""
    owners = [spot.owner for spot in reversed(trace.below()) if spot.owner is not None]
    session = next((one for one in owners if type(one).__name__ == "AsyncSession"), None)
    shared = session if session is not None else _best_named(owners, trace, around)
    what = "a connection that the error does not show"
    if shared is not None:
        what = _name(shared, trace, around)
    facts = [("What crossed", what), *_made_by(shared, trace, around)]
    facts += [used_by(trace, around), ("At once by", _others(owners, trace, around.rootdir))]
    if session is not None:
        change = (
            "give each task a session of its own: `async with async_sessionmaker(engine)() as "
            "session:` inside the task."
        )
    else:
        change = (
            "give each task a connection of its own, such as `async with pool.acquire() as "
            "connection:` inside the task."
        )
    return Told(tuple(facts), change)


def _best_named(owners: list[object], trace: Trace, around: Around) -> object:
    """Return the innermost object that the project has a name for, or the outermost of all."""
    for owner in owners:
        if any("." not in one.name for one in holders(owner, around.values, trace.spots)):
            return owner
    return owners[-1] if owners else None


def _made_by(thing: object, trace: Trace, around: Around) -> Iterator[tuple[str, str]]:
    """Yield on which loop and by which fixture an object was made, if that was seen."""
    for holder in holders(thing, around.values, trace.spots):
        watch = around.fixtures.get(holder.owner) if holder.kind == "fixture" else None
        if watch is not None:
            loop = loop_told(watch.ran.track) if watch.ran else "no loop"
            yield "Made on", f"{loop}, by {told(watch.origin)}"
        return


def _others(owners: list[object], trace: Trace, rootdir: Path) -> str:
    """Return which other tasks hold the same connection, as far as they are still there."""
    ran = trace.ran()
    loop = ran.track.loop() if ran else None
    if loop is None or loop.is_closed():
        return "another task, which was not seen any more"
    mine = {id(spot.frame) for spot in trace.spots}
    found: dict[Place | None, None] = {}
    for task in asyncio.all_tasks(loop):
        frames = list(_awaiting(task))
        if any(id(frame) in mine for frame in frames):
            continue
        if any(frame.f_locals.get("self") is one for frame in frames for one in owners):
            own = [f for f in frames if is_of_project(Path(f.f_code.co_filename))]
            if own:
                found[place_of(own[-1].f_code.co_filename, own[-1].f_lineno, rootdir)] = None
    if not found:
        return "another task, which was not seen any more"
    return ", ".join(f"a task that waits at {place}" for place in sorted(found, key=str))


def _awaiting(task: asyncio.Task[Any]) -> Iterator[FrameType]:
    """Yield the frames that a suspended task is in, the outermost first."""
    waiting: Any = task.get_coro()
    for _ in range(_DEPTH):
        frame = getattr(waiting, "cr_frame", None) or getattr(waiting, "ag_frame", None)
        if frame is None:
            return
        yield frame
        waiting = getattr(waiting, "cr_await", None) or getattr(waiting, "ag_await", None)


# -- calls that are not awaited ------------------------------------------------------------------


def greenlet(_: BaseException, trace: Trace, around: Around) -> Told:
    """Return what SQLAlchemy was asked for without an await."""
    attribute = next((one for spot in trace.below() if (one := _mapped(spot)) is not None), None)
    used = used_by(trace, around)
    if attribute is None:
        what = "a synchronous call of SQLAlchemy, on an asynchronous driver"
        return Told(
            (("What crossed", what), used),
            "make the call on an AsyncSession or an AsyncConnection, and await it; or run the "
            "synchronous function by `await session.run_sync(function)`.",
        )
    name = str(attribute)
    owner, _dot, key = name.rpartition(".")
    facts = (("What crossed", f"`{name}`, which is loaded when it is read"), used)
    if hasattr(getattr(attribute, "property", None), "mapper"):
        change = f"load it with its {owner}: `select({owner}).options(selectinload({name}))`."
    else:
        change = (
            f'load it again before it is read: `await session.refresh(instance, ["{key}"])`; or '
            "let nothing expire: `async_sessionmaker(engine, expire_on_commit=False)`."
        )
    return Told(facts, change)


def _mapped(spot: Spot) -> object | None:
    """Return the mapped attribute that is being read in a frame, if there is one."""
    read = spot.function == "__get__" and spot.module == "sqlalchemy.orm.attributes"
    return spot.owner if read else None


# -- fixtures that nobody awaits -----------------------------------------------------------------


def unawaited(error: BaseException, trace: Trace, around: Around) -> Told | None:
    """Return which fixture nobody has awaited; `None` if it is none."""
    name = _unawaited_name(error, around.values)
    if name is None:
        return None
    watch = around.fixtures.get(name)
    fixture = told(watch.origin) if watch else f"the fixture `{name}`"
    value = around.values.get(name)
    kind = "an async generator" if inspect.isasyncgen(value) else "a coroutine"
    what = f"{fixture}" if value is None else f"{kind}, the value of {fixture}"
    used = used_by(trace, around)
    if type(error).__name__ == "Failed":
        used = ("Used on", f"no loop yet, by the test {around.test} ({around.place})")
    facts = (("What crossed", what), ("Made on", "no loop: nobody has run it"), used)
    if value is not None and getattr(value, "__name__", name) != name:
        return Told(
            facts,
            f"make `{name}` itself `async def`, with @pytest_asyncio.fixture above it.",
        )
    if around.runner == "anyio":
        return Told(facts, f"let `{name}` ask for the fixture `anyio_backend`.")
    if around.asyncio_mode is None:
        return Told(
            facts,
            "make the test `async def`, and mark it with @pytest.mark.anyio; or install "
            "pytest-asyncio, whose decorator @pytest_asyncio.fixture runs it.",
        )
    if around.runner == "sync":
        return Told(
            facts,
            f"make the test `async def`, and decorate `{name}` with @pytest_asyncio.fixture "
            "instead of @pytest.fixture.",
        )
    return Told(
        facts,
        f"decorate `{name}` with @pytest_asyncio.fixture instead of @pytest.fixture; or, for all "
        f"fixtures, {around.setting('asyncio_mode', 'auto')}.",
    )


def _unawaited_name(error: BaseException, values: Mapping[str, object]) -> str | None:
    """Return the name of the fixture whose value nobody has awaited; `None` if it is none's."""
    requested = _REQUESTED.search(str(error)) if type(error).__name__ == "Failed" else None
    if requested:
        return requested[1]
    unawaited = {
        name: value
        for name, value in values.items()
        if inspect.iscoroutine(value) or inspect.isasyncgen(value)
    }
    used = getattr(error, "obj", None)
    for name, value in unawaited.items():
        if value is used:
            return name
    if isinstance(error, AssertionError):
        return next((name for name, value in unawaited.items() if repr(value) in str(error)), None)
    # A TypeError names the kind alone; one value of the kind must be it.
    kinds = {name: type(value).__name__ for name, value in unawaited.items()}
    alike = [name for name, kind in kinds.items() if kind in str(error)]
    return alike[0] if isinstance(error, TypeError) and len(alike) == 1 else None
