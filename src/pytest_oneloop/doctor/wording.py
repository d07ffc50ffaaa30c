"""Words that several findings share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_oneloop.doctor import kinds
from pytest_oneloop.loops.scopes import FIXTURE_SCOPE, TEST_SCOPE

if TYPE_CHECKING:
    from pytest_oneloop.doctor.kinds import Value
    from pytest_oneloop.doctor.suite import Suite

LINES = (("asyncio_mode", "auto"), (TEST_SCOPE, "session"), (FIXTURE_SCOPE, "session"))
"""The three lines of configuration that put everything on one loop."""

ONE_LOOP = (
    "run everything on one loop: "
    + ", ".join(f"{name} = {value}" for name, value in LINES)
    + " in pytest's configuration (oneloop doctor --fix writes them)"
)
"""The advice that most findings give."""

_THINGS = {
    kinds.ENGINE: "engine",
    kinds.SESSIONMAKER: "sessionmaker",
    kinds.SESSION: "session",
    kinds.CONNECTION: "connection",
    kinds.TRANSACTION: "transaction",
    kinds.POOL: "pool",
}


def and_one_loop(suite: Suite) -> str:
    """Return the advice as the last part of a sentence; nothing where it is followed already."""
    return "" if suite.on_one_loop else f", and {ONE_LOOP}"


def thing(value: Value) -> str:
    """Return what an object is, without an article: `engine`, `asyncio.Lock`."""
    return _THINGS.get(value.kind, value.label)


def a_thing(value: Value) -> str:
    """Return what an object is, with its article: `an engine`, `an asyncio.Lock`."""
    name = thing(value)
    return f"{'an' if name[0].lower() in 'aeio' else 'a'} {name}"


def loop_of(*scopes: str) -> str:
    """Return the name of loops of these scopes."""
    if set(scopes) == {"function"}:
        return "loop of each test"
    return "loop of the " + " and of the ".join(sorted(scopes))
