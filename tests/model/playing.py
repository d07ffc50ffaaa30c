"""Runs a program on an engine, in a given order, and notes all that it can see."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from model.program import TABLES
from pytest_oneloop.errors.sandbox import SandboxError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSessionTransaction

    from model.program import Program, Step

_DEADLINE: Final = 30.0
"""Seconds that a program may take; nothing in it takes a hundredth of that."""

_FUSE: Final = 0.003
"""Seconds after which a statement that sleeps is cancelled."""

_PARKED: Final = 0.005
"""Seconds after which a task that has not done its step is taken to wait for another one."""


UNKNOWN: Final = "an error that no database and no sandbox raises:"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a program has seen.

    Attributes:
        seen: For each task, what each of its steps has given.
        left: What is in the tables at the end.
    """

    seen: tuple[tuple[str, ...], ...]
    left: tuple[str, ...]

    @property
    def strange(self) -> list[str]:
        """What no program may see."""
        return [seen for steps in self.seen for seen in steps if seen.startswith(UNKNOWN)]

    @property
    def blocked(self) -> bool:
        """Whether a lock was waited for that nobody would have let go."""
        return any(state in steps for steps in self.seen for state in ("55P03", "40P01"))


@dataclass(slots=True)
class _Actor:
    """One task: it does its next step when it is told to.

    Attributes:
        steps: What it does.
        sessions: Its sessions, by their numbers.
        seen: What its steps have given.
        told: How many steps it may still do.
        rests: Its last step is done.
        savepoints: Those that its sessions have open.
    """

    steps: list[Step]
    sessions: dict[int, AsyncSession]
    seen: list[str] = field(default_factory=list)
    told: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))
    rests: asyncio.Event = field(default_factory=asyncio.Event)
    savepoints: dict[int, list[AsyncSessionTransaction]] = field(default_factory=dict)

    async def play(self) -> None:
        for step in self.steps:
            await self.told.acquire()
            self.rests.clear()
            self.seen.append(await _seen(self._do(step)))
            self.rests.set()
        await self.told.acquire()
        for session in self.sessions.values():
            self.seen.append(await _seen(_close(session)))
        self.rests.set()

    async def turn(self) -> None:
        """Let it do one step, or wait for others."""
        self.rests.clear()
        self.told.release()
        try:
            async with asyncio.timeout(_PARKED):
                await self.rests.wait()
        except TimeoutError:
            return

    async def _do(self, step: Step) -> str:
        session = self.sessions[step.session]
        if step.sql is not None:
            if step.action == "cancel":
                # Whatever is wrong shows now; the statement itself can only be cancelled.
                await session.execute(text("SELECT 1"))
                async with asyncio.timeout(_FUSE):
                    await session.execute(text(step.sql))
            result: Any = await session.execute(text(step.sql))
            return str(result.all()) if result.returns_rows else f"{result.rowcount} rows"
        savepoints = self.savepoints.setdefault(step.session, [])
        match step.action:
            case "begin":
                await session.connection()
            case "savepoint":
                savepoints.append(await session.begin_nested())
            case "release" | "undo" if not savepoints:
                return "nothing"
            case "release":
                await savepoints.pop().commit()
            case "undo":
                await savepoints.pop().rollback()
            case _:
                savepoints.clear()
                await getattr(session, step.action)()
        return "done"


async def play(program: Program, engine: AsyncEngine, order: Sequence[int]) -> Outcome:
    """Run a program.

    Args:
        program: The program.
        engine: What its sessions are of.
        order: Whose turn it is, step by step. A task that waits for another one is passed over,
            and goes on by itself when it can. Nothing: all of them run as they like.
    """
    actors = [
        _Actor(
            program.of(task),
            {n: AsyncSession(engine) for n, of in enumerate(program.tasks) if of == task},
        )
        for task in sorted(set(program.tasks))
    ]
    async with asyncio.timeout(_DEADLINE), asyncio.TaskGroup() as group:
        for actor in actors:
            group.create_task(actor.play())
        for task in order:
            await actors[task].turn()
        for actor in actors:
            for _ in range(len(actor.steps) + 1):
                actor.told.release()
    async with AsyncSession(engine) as session:
        left = [await _seen(_read(session, table)) for table in TABLES]
    return Outcome(tuple(tuple(actor.seen) for actor in actors), tuple(left))


async def _close(session: AsyncSession) -> str:
    await session.close()
    return "closed"


async def _read(session: AsyncSession, table: str) -> str:
    rows = await session.execute(text(f"SELECT * FROM {table} ORDER BY id"))
    return str(rows.all())


async def _seen(doing: Any) -> str:
    """Return what a step gives, or its error's code."""
    try:
        seen: str = await doing
    except TimeoutError:
        return "cancelled"
    except SandboxError as error:
        return error.code
    except DBAPIError as error:
        return str(getattr(error.orig, "sqlstate", None) or type(error.orig).__name__)
    except SQLAlchemyError as error:
        return type(error).__name__
    except Exception as error:  # noqa: BLE001 - the plugin's own, which is a difference
        return f"{UNKNOWN} {error!r}"
    return seen
