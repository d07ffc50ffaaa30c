"""LISTEN and NOTIFY."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from fidelity.program import program
from fidelity.seeing import do, rows

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

    from fidelity.program import Seen


async def listen(connection: AsyncConnection) -> list[object]:
    """Return the list that grows by each message on the channel."""
    heard: list[object] = []
    driver: Any = (await connection.get_raw_connection()).driver_connection
    await driver.add_listener("news", lambda *told: heard.append(told[3]))
    await connection.commit()
    return heard


async def until_heard(heard: list[object], count: int) -> None:
    """Wait until so many messages were heard, half a second at most."""
    for _ in range(50):
        if len(heard) >= count:
            return
        await asyncio.sleep(0.01)


@program(
    "a message is heard by another session, after the commit",
    rollback="nothing is heard: nothing is ever committed",
)
async def heard_after_the_commit(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a, engine.connect() as b:
        heard = await listen(a)
        await do(b, "NOTIFY news, 'hello'")
        await asyncio.sleep(0.05)
        before = list(heard)
        await b.commit()
        await until_heard(heard, 1)
        await a.invalidate()
        return {"before": before, "after": heard}


@program("a message that is rolled back is never heard")
async def rolled_back(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a, engine.connect() as b:
        heard = await listen(a)
        await do(b, "SELECT pg_notify('news', 'hello')")
        await b.rollback()
        await asyncio.sleep(0.1)
        await a.invalidate()
        return {"heard": heard}


@program(
    "a message is heard once, however often a transaction sent it",
    rollback="nothing is heard: nothing is ever committed",
)
async def heard_once(engine: AsyncEngine) -> Seen:
    async with engine.connect() as a, engine.connect() as b:
        heard = await listen(a)
        await do(b, "NOTIFY news, 'x'", "NOTIFY news, 'x'", "NOTIFY news, 'y'")
        await b.commit()
        await until_heard(heard, 2)
        await a.invalidate()
        return {"heard": heard}


@program(
    "a session listens from its commit on, and not after UNLISTEN",
)
async def channels(engine: AsyncEngine) -> Seen:
    question = "SELECT pg_listening_channels()"
    async with engine.connect() as a, engine.connect() as b:
        await do(a, "LISTEN news")
        await a.commit()
        within, other = await rows(a, question), await rows(b, question)
        await do(a, "UNLISTEN *")
        await a.commit()
        return {"within": within, "other": other, "after": await rows(a, question)}
