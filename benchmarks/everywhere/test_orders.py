"""The same test again and again: it stores an order through the application, which commits."""

import os

import pytest
from app import Customer, order, session_factory
from sqlalchemy import select

FIRST = int(os.environ["BENCHMARK_FIRST"])


@pytest.mark.parametrize("number", range(int(os.environ["BENCHMARK_TESTS"])))
async def test_an_order(number: int) -> None:
    email = f"{FIRST + number}@example.com"
    async with session_factory() as session:
        await order(session, email)
        found = await session.scalars(select(Customer.email).where(Customer.email == email))
        assert found.all() == [email]
