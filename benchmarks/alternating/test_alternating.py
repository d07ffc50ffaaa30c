"""The same test under each strategy in turn."""

import os

import pytest
from app import order, session_factory

STRATEGIES = ("rollback", "commit", "clone")


def numbered() -> list[object]:
    return [
        pytest.param(number, marks=pytest.mark.oneloop(strategy=STRATEGIES[number % 3]))
        for number in range(int(os.environ["BENCHMARK_TESTS"]))
    ]


@pytest.mark.parametrize("number", numbered())
async def test_an_order(number: int) -> None:
    async with session_factory() as session:
        assert await order(session, f"{number}@example.com") == 1
