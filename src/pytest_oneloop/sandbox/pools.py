"""The pools of the application's engines, which keep connections from one test to another."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Final

from pytest_oneloop.sandbox import greenlets

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

    from sqlalchemy.engine import Engine
    from sqlalchemy.pool import Pool


Label = tuple[str, ...]
"""What tells an engine's pools apart: a strategy, and names of databases of a test's own."""

_MARK: Final = "oneloop_pools"
"""The name in an engine's `__dict__` under which it has those that it does not use at present."""


class Pools:
    """Gives each engine a pool for the sandbox, one for real commits, and one for each clone.

    So no kind of test has to open anew what another kind has put away. Keeps no engine alive.

    Args:
        label: Which pools the engines have at first.
    """

    def __init__(self, label: Label) -> None:
        self._label = label
        self._engines: weakref.WeakSet[Engine] = weakref.WeakSet()
        self._loops: weakref.WeakKeyDictionary[Pool, weakref.ref[AbstractEventLoop]] = (
            weakref.WeakKeyDictionary()
        )

    def note(self, engine: Engine) -> None:
        """Know an engine that has connected, and on which event loop."""
        self._engines.add(engine)
        if (loop := greenlets.running_loop()) is not None:
            self._loops[engine.pool] = weakref.ref(loop)

    def swap(self, label: Label) -> None:
        """Let each engine have its pool of a label, if it is of use: see `renew`."""
        before, self._label = self._label, label
        swapped: list[Pool] = []
        for engine in list(self._engines) if label != before else ():
            if any(engine.pool is pool for pool in swapped):
                continue  # it shares the pool of another one, of which it was made
            kept = _put_away(engine)
            kept[before], other = engine.pool, kept.pop(label, None)
            if other is None:
                engine.dispose(close=False)
            else:
                engine.pool = other
            swapped.append(engine.pool)
        self.renew()

    def renew(self) -> None:
        """Replace pools whose event loop has closed: their queue may be bound to it.

        A connection tells that at its checkout, too; but in the earlier releases of SQLAlchemy 2.0,
        tasks wait in the queue before one is handed out.
        """
        for engine in list(self._engines):
            if (known := self._loops.get(engine.pool)) is not None:
                loop = known()
                if loop is None or loop.is_closed():
                    engine.dispose(close=False)

    def forget(self, database: str) -> None:
        """Drop the pools for a database to which no connection is left."""
        for kept in map(_put_away, list(self._engines)):
            for label in [label for label in kept if database in label]:
                del kept[label]

    def complete(self) -> None:
        """Replace pools to which a connection was not given back: it would be missing for ever."""
        for engine in list(self._engines):
            if getattr(engine.pool, "checkedout", int)() > 0:
                engine.dispose(close=False)

    def replace(self) -> None:
        """Let no engine have a connection that it has had."""
        for engine in list(self._engines):
            engine.dispose(close=False)


def _put_away(engine: Engine) -> dict[Label, Pool]:
    """Return the pools that an engine does not use at present.

    The engine has them itself: a pool refers to its engine, so whoever else had one would keep both
    for ever.
    """
    kept: dict[Label, Pool] = vars(engine).setdefault(_MARK, {})
    return kept
