"""Event loops that are started inside one that runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_oneloop.loops.advice import Told, loop_told, told

if TYPE_CHECKING:
    from pytest_oneloop.loops.advice import Around
    from pytest_oneloop.loops.evidence import Trace


def nested_run(_: BaseException, trace: Trace, around: Around) -> Told:
    """Return what was to start a loop, and where."""
    spot = trace.innermost()
    at = trace.place(spot)
    ran = trace.ran()
    by = told(ran.origin) if ran else f"the test {around.test} ({around.place})"
    loop = loop_told(ran.track) if ran else "a loop that was not seen"
    start = _started_by(trace)
    alembic = trace.passes("alembic.command")
    facts = [
        ("What crossed", f"{start}, which starts a loop of its own" + (f", at {at}" if at else "")),
        ("Made on", f"{loop} runs already, by {by}"),
        ("Used on", "the same thread, which can run one loop at a time"),
    ]
    if alembic is not None and spot is not None:
        command = next((one for one in trace.spots if one.module == "alembic.command"), alembic)
        outer = [one for one in trace.spots if one.is_of_project and one is not spot]
        where = trace.place(outer[-1]) if outer else None
        change = (
            f"run the migrations on a thread: `await asyncio.to_thread(command.{command.function}, "
            f"config, ...)`" + (f", at {where}" if where else "") + "; or leave them to "
            "oneloop_schema = alembic, and delete the call."
        )
        return Told(tuple(facts), change)
    return Told(tuple(facts), f"await the coroutine itself, instead of giving it to {start}.")


def _started_by(trace: Trace) -> str:
    """Return what the project has called to start a loop, as it is called."""
    called = next(reversed(trace.below_cause()), None)
    if called is None:
        return "asyncio.run()"
    package = called.module.partition(".")[0]
    if called.module == "asyncio.runners" and called.owner is not None:
        name = "close" if called.function == "__exit__" else called.function
        return f"asyncio.Runner.{name}()"
    if called.owner is not None:
        return f"loop.{called.function}()"
    return f"{package}.{called.function}()"
