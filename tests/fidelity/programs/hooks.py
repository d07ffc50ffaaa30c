"""Hooks of SQLAlchemy around a commit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncSession

from fidelity.program import program
from fidelity.seeing import do, error_of, value

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from fidelity.program import Seen

JOBS = "SELECT count(*) FROM job"


@program("an after_commit hook is called after the commit, once for each")
async def after_commit(engine: AsyncEngine) -> Seen:
    order = []
    async with AsyncSession(engine) as session:
        hooks = ("after_begin", "before_commit", "after_commit", "after_rollback")
        for hook in hooks:
            event.listen(session.sync_session, hook, lambda *_, hook=hook: order.append(hook))
        await do(session, "INSERT INTO job VALUES (4)")
        await session.commit()
        await do(session, "INSERT INTO job VALUES (5)")
        await session.rollback()
        refused = await error_of(do(session, "INSERT INTO job VALUES (4)"))
        await session.rollback()
    return {"order": order, "refused": refused}


@program("an after_commit hook finds with another connection what was committed")
async def seen_by_the_hook(engine: AsyncEngine) -> Seen:
    seen = []

    def look(*_: object) -> None:
        with engine.sync_engine.connect() as connection:
            seen.append(connection.scalar(text(JOBS)))

    async with AsyncSession(engine) as session:
        event.listen(session.sync_session, "after_commit", look)
        await do(session, "INSERT INTO job VALUES (4)")
        await session.commit()
    return {"seen": seen}


@program(
    "a before_commit hook does not find with another connection what is not committed",
    rollback="a session sees what others have not committed yet",
)
async def not_seen_before(engine: AsyncEngine) -> Seen:
    seen = []

    def look(*_: object) -> None:
        with engine.sync_engine.connect() as connection:
            seen.append(connection.scalar(text(JOBS)))

    async with AsyncSession(engine) as session:
        event.listen(session.sync_session, "before_commit", look)
        await do(session, "INSERT INTO job VALUES (4)")
        await session.commit()
    return {"seen": seen}


@program("an after_commit hook is not called when the commit fails")
async def failed_commit(engine: AsyncEngine) -> Seen:
    called = []
    async with AsyncSession(engine) as session:
        event.listen(session.sync_session, "after_commit", lambda _: called.append("commit"))
        event.listen(session.sync_session, "after_rollback", lambda _: called.append("rollback"))
        await do(session, "INSERT INTO child VALUES (1, 99)")
        commit = await error_of(session.commit())
        await session.rollback()
        return {
            "called": called,
            "commit": commit,
            "left": await value(session, "SELECT count(*) FROM child"),
        }


@program("an engine's hooks are called for begin, commit and rollback")
async def hooks_of_the_engine(engine: AsyncEngine) -> Seen:
    order = []
    for hook in ("begin", "commit", "rollback", "savepoint", "release_savepoint"):
        event.listen(engine.sync_engine, hook, lambda *_, hook=hook: order.append(hook))
    async with engine.begin() as a:
        await do(a, "INSERT INTO job VALUES (4)")
        async with a.begin_nested():
            await do(a, "INSERT INTO job VALUES (5)")
    async with engine.connect() as b:
        await value(b, JOBS)
    return {"order": order}
