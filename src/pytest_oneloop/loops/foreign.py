"""Which object of a failure is bound to another event loop than the one that runs."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from pytest_oneloop.loops.evidence import bound_objects, loop_of
from pytest_oneloop.loops.holders import attributes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_oneloop.loops.evidence import Spot, Trace

Bound = tuple[object, asyncio.AbstractEventLoop]
"""An object, and the loop that it is bound to."""


def foreign(trace: Trace, running: asyncio.AbstractEventLoop | None) -> Bound | None:
    """Return what is bound to another loop than the one in use, and nearest to the error.

    Args:
        trace: The frames.
        running: The loop in use, if it is known.
    """

    def is_foreign(loop: asyncio.AbstractEventLoop) -> bool:
        known = running is None and not loop.is_closed() and loop.is_running()
        return loop is not running and not known

    innermost = trace.innermost()
    if innermost is not None and not trace.below():
        awaited = _awaited(innermost, str(trace.error))
        found = next((one for one in awaited if is_foreign(one[1])), None)
        if found is not None:
            return found
    spots = [*trace.below(), innermost] if innermost else trace.below()
    alone: Bound | None = None
    for thing, loop in bound_objects(spots):
        if not is_foreign(loop):
            continue
        # That a loop is closed says the loop itself; better is who holds it.
        if thing is not loop:
            return thing, loop
        alone = alone or (thing, loop)
    return alone


def _awaited(spot: Spot, said: str) -> Iterator[Bound]:
    """Yield the futures that a line of the project may await, those first that the error names.

    A future that is awaited itself has no frame: the task that got it raises. The line has it in a
    variable, or as an attribute of one; the object that has it may be bound to no loop, or to
    another one.
    """
    values = list(spot.names.values())
    held = [*values, *(one for value in values for _, one in attributes(value))]
    # Not by isinstance, which believes what a mock says of its class.
    futures = [one for one in held if issubclass(type(one), asyncio.Future)]
    for one in sorted(futures, key=lambda future: repr(future) not in said):
        loop = loop_of(one)
        if loop is not None:
            yield one, loop
