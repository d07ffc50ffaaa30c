"""A queue of jobs, in the database, for any number of workers."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from shop.database import SessionMaker
from shop.models import Job

ATTEMPTS = 3
"""How often a job may fail. After that it stays in the queue, for people to look at."""

Handler = Callable[..., Awaitable[None]]
logger = logging.getLogger(__name__)


async def add_job(session: AsyncSession, kind: str, **arguments: Any) -> Job:
    """Queue a job. Workers see it when the session commits, with all else that it commits."""
    job = Job(kind=kind, arguments=arguments)
    session.add(job)
    await session.flush()
    await session.refresh(job)
    return job


async def work_off_one(handlers: Mapping[str, Handler]) -> bool:
    """Do the oldest job on which nobody else is at work; tell whether there was one.

    The job is locked for as long as that takes, and its own writes, and its end, are committed
    together. If the worker dies, the job is there as before.
    """
    async with SessionMaker.begin() as session:
        job = await session.scalar(
            select(Job)
            .where(Job.attempts < ATTEMPTS)
            .order_by(Job.id)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        if job is None:
            return False
        try:
            async with session.begin_nested():
                await handlers[job.kind](session, **job.arguments)
        except Exception as error:
            logger.exception("job %s (%s) has failed", job.id, job.kind)
            job.attempts += 1
            job.error = repr(error)
        else:
            await session.delete(job)
    return True
