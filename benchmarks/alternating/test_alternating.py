"""The same test under each strategy: in turns, as many of each as BENCHMARK_TURN says."""

import os

import pytest
from app import order, session_factory

STRATEGIES = ("rollback", "commit", "clone")
TURN = int(os.environ["BENCHMARK_TURN"])
MARKS = {strategy: [pytest.mark.oneloop(strategy=strategy)] for strategy in STRATEGIES}
MARKS["clone"].append(pytest.mark.paused(0.08))  # in which a clone becomes ready


@pytest.mark.parametrize(
    "number",
    [
        pytest.param(number, marks=MARKS[STRATEGIES[number // TURN % len(STRATEGIES)]])
        for number in range(int(os.environ["BENCHMARK_TESTS"]))
    ],
)
async def test_an_order(number: int) -> None:
    async with session_factory() as session:
        assert await order(session, f"{number}@example.com") == 1
