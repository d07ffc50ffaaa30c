"""Transactions that give what they would give one after another, however many run at once."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from shop.database import engine
from shop.errors import BusyError

ATTEMPTS = 10
"""How often a transaction is tried."""
PAUSE = 0.005
"""How long it waits after the first attempt, in seconds; twice as long after each further one."""
CONFLICTS = {"40001", "40P01"}
"""What PostgreSQL says when one of several has to try again: serialization failure, deadlock."""

Result = TypeVar("Result")

SerializableSession = async_sessionmaker(
    engine.execution_options(isolation_level="SERIALIZABLE"), expire_on_commit=False
)
logger = logging.getLogger(__name__)


async def run_serializable(work: Callable[[AsyncSession], Awaitable[Result]]) -> Result:
    """Do some work in a SERIALIZABLE transaction, again if another one was in its way.

    The work must do nothing that cannot be undone, since it may be done several times.
    """
    for attempt in range(ATTEMPTS):
        try:
            async with SerializableSession.begin() as session:
                return await work(session)
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) not in CONFLICTS:
                raise
            logger.info(
                "another transaction was in the way, attempt %s: %s", attempt + 1, error.orig
            )
        # Not all at the same moment again.
        await asyncio.sleep(PAUSE * 2**attempt * random.uniform(0.5, 1))  # noqa: S311 - no secret
    raise BusyError("Too many are at work on this. Please try again.")
