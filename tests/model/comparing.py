"""Compares what a program sees on a real database with what it sees in the sandbox."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any, Final

import asyncpg
from sqlalchemy.ext.asyncio import create_async_engine

from model.playing import play
from model.program import RELATED, SCHEMA, SEEDED, SEEDS, TABLES
from pytest_oneloop.sandbox.outer import Constraints
from tools.laboratory import Laboratory, Target
from tools.servers import database_url, fresh_database

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator, Sequence

    from sqlalchemy import Dialect
    from sqlalchemy.ext.asyncio import AsyncEngine

    from model.playing import Outcome
    from model.program import Program
    from pytest_oneloop.databases.address import ServerAddress

SAME: Final = "same"
BLOCKED: Final = "not compared: it waits for a lock for ever"
DEPENDS: Final = "not compared: it depends on the order"

NOT_COMPARED: Final = (BLOCKED, DEPENDS)

_END_LEFT: Final = """
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
WHERE datname = current_database() AND state LIKE 'idle in transaction%'
"""
"""Ends what a cancelled task has lost on the real database, with locks that the next one needs."""

_EMPTY: Final = "".join(f"DELETE FROM {table};" for table in reversed(TABLES))
_SUSPICIOUS: Final = 40
"""How many orders are tried on the real database before a difference is called one."""


class DifferenceError(AssertionError):
    """The sandbox has shown a program what no real database does, and has not said so.

    Attributes:
        program: The program.
        real: What it sees on a real database.
        sandboxed: What it has seen in the sandbox.
    """

    def __init__(self, program: Program, real: Outcome, sandboxed: Outcome) -> None:
        self.program = program
        self.real = real
        self.sandboxed = sandboxed
        notes = {
            task: [
                there if there == here else f"really: {there}; in the sandbox: {here}"
                for there, here in zip(real.seen[task], sandboxed.seen[task], strict=True)
            ]
            for task in range(len(real.seen))
        }
        super().__init__(
            "the sandbox shows what no real database does:\n\n"
            f"{program.source(notes)}\n"
            f"# left, really: {real.left}; in the sandbox: {sandboxed.left}"
        )


class _Plain(Target):
    """The database for real connections.

    Args:
        address: The database.
        patience: Milliseconds that a statement waits for a lock.
    """

    def __init__(self, address: ServerAddress, patience: int) -> None:
        super().__init__(address, Constraints())
        self._patience = patience

    def connect_arguments(self, dialect: Dialect, given: dict[str, Any]) -> dict[str, Any]:
        arguments = super().connect_arguments(dialect, given)
        settings = {"lock_timeout": str(self._patience), "deadlock_timeout": "10"}
        return {**arguments, "server_settings": settings}


class Comparison:
    """A database for real connections, another one for the sandbox, and a program at a time.

    Args:
        real: An empty database.
        sandboxed: Another one.

    Attributes:
        verdicts: How many programs had which.
    """

    def __init__(self, real: ServerAddress, sandboxed: ServerAddress) -> None:
        self.verdicts: Counter[str] = Counter()
        self._laboratory = Laboratory(
            "asyncpg", sandboxed, constraints=Constraints(related=RELATED)
        )
        self._databases = (real, sandboxed)
        # In one task, who waits for a lock waits for itself.
        self._alone, self._several = _Plain(real, 1), _Plain(real, 100)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Comparison]:
        """Make the tables, and lead all engines of the process, while the block lasts."""
        async with AsyncExitStack() as stack:
            self._admins = [await asyncpg.connect(_plain_url(one)) for one in self._databases]
            for admin in self._admins:
                stack.push_async_callback(admin.close)
                await admin.execute(SCHEMA)
                await admin.execute(SEEDS)
            stack.enter_context(self._laboratory.open())
            self._engines = {one: self._engine() for one in (self._alone, self._several)}
            for engine in self._engines.values():
                stack.push_async_callback(engine.dispose)
            self._sandboxed_engine = self._laboratory.async_engine()
            yield self

    async def compare(self, program: Program) -> str:
        """Compare what a program sees.

        Returns:
            The verdict: `same`; a reason not to compare; or what the sandbox has said.

        Raises:
            DifferenceError: The sandbox differs, and has not said anything.
        """
        verdict = await self._compare(program)
        self.verdicts[verdict] += 1
        return verdict

    async def _compare(self, program: Program) -> str:
        real = await self._agreed(program, _orders(program))
        if isinstance(real, str):
            return real
        verdict = SAME
        for order in [program.written, ()] if program.several else [program.written]:
            sandboxed, said = await self._in_the_sandbox(program, order)
            if said and not sandboxed.strange:
                verdict = said
            elif sandboxed != real:
                agreed = await self._agreed(program, _more_orders(program))
                if agreed != real:
                    return DEPENDS
                raise DifferenceError(program, real, sandboxed)
        return verdict

    async def _agreed(self, program: Program, orders: Iterable[Sequence[int]]) -> Outcome | str:
        """Return what a program sees on a real database in each of the orders, or why not."""
        seen = None
        for order in orders:
            outcome = await self._really(program, order)
            assert outcome.strange == []
            if outcome.blocked:
                return BLOCKED
            if seen is not None and outcome != seen:
                return DEPENDS
            seen = outcome
        assert seen is not None
        return seen

    async def _really(self, program: Program, order: Sequence[int]) -> Outcome:
        plain = self._several if program.several else self._alone
        await self._admins[0].execute(_END_LEFT)
        await self._admins[0].execute(_EMPTY + SEEDS)
        with self._laboratory.router.redirected(plain):
            return await play(program, self._engines[plain], order)

    async def _in_the_sandbox(self, program: Program, order: Sequence[int]) -> tuple[Outcome, str]:
        with self._laboratory.test() as sandbox:
            outcome = await play(program, self._sandboxed_engine, order)
        left = [
            await self._admins[1].fetch(f"SELECT * FROM {table} ORDER BY id") for table in TABLES
        ]
        assert [[tuple(row) for row in rows] for rows in left] == list(SEEDED), left
        if sandbox.problems:
            return outcome, sandbox.problems[0].code
        return outcome, sandbox.watch.met[0].reason if sandbox.watch.met else ""

    def _engine(self) -> AsyncEngine:
        return create_async_engine("postgresql+asyncpg://")


def _orders(program: Program) -> Iterator[tuple[int, ...]]:
    """Yield orders of the turns of a program's tasks in which it is run on the real database."""
    yield program.written
    if program.several:
        tasks = sorted(set(program.written))
        for serial in (tasks[::-1], tasks):
            yield tuple(task for task in serial for _ in program.of(task))


def _more_orders(program: Program) -> Iterator[tuple[int, ...]]:
    """Yield orders at random, always the same for a program."""
    chance = random.Random(repr(program))  # noqa: S311 - it keeps no secret
    turns = list(program.written)
    for _ in range(_SUSPICIOUS if program.several else 1):
        chance.shuffle(turns)
        yield tuple(turns)


def _plain_url(address: ServerAddress) -> str:
    return database_url(address, "postgresql")


@contextmanager
def comparing(server: ServerAddress) -> Iterator[tuple[asyncio.Runner, Comparison]]:
    """Have two databases on a server to compare programs in, and the loop to do it on."""
    with (
        fresh_database(server, "model") as real,
        fresh_database(server, "model") as sandboxed,
        asyncio.Runner() as runner,
    ):
        comparison = Comparison(real, sandboxed)
        opened = comparison.open()
        runner.run(opened.__aenter__())
        try:
            yield runner, comparison
        finally:
            runner.run(opened.__aexit__(None, None, None))
