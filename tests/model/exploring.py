"""Draws programs and compares each, until one differs or there were enough."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, Phase, assume, given, note, settings
from hypothesis import seed as seeded
from hypothesis.errors import Flaky

from model.comparing import NOT_COMPARED, DifferenceError
from model.program import programs

if TYPE_CHECKING:
    import asyncio

    from model.comparing import Comparison
    from model.program import Program


def explore(
    runner: asyncio.Runner,
    comparison: Comparison,
    number: int,
    *,
    seed: int | None = None,
    shrink: bool = True,
) -> None:
    """Compare so many programs; those that cannot be compared do not count.

    Args:
        runner: The loop of the comparison.
        comparison: Compares one.
        number: How many.
        seed: Of the random numbers; without it the programs are always the same.
        shrink: Look for the smallest program that differs.

    Raises:
        DifferenceError: A program differs. It is raised even where a second run of the program
            does not show it: which session waits first is not always the same.
    """
    found: list[DifferenceError] = []

    @settings(
        max_examples=number,
        derandomize=seed is None,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate, Phase.shrink] if shrink else [Phase.generate],
        report_multiple_bugs=False,
    )
    @given(programs())
    def compare(program: Program) -> None:
        note(program.source())
        try:
            assume(runner.run(comparison.compare(program)) not in NOT_COMPARED)
        except DifferenceError as difference:
            found.append(difference)
            raise

    # A pool writes about each rollback that the sandbox refuses.
    logger = logging.getLogger("sqlalchemy.pool")
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        (compare if seed is None else seeded(seed)(compare))()
    except Flaky as flaky:
        if not found:
            raise
        raise found[-1] from flaky
    finally:
        logger.setLevel(level)
