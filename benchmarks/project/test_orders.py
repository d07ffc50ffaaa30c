"""The tests that every contestant runs.

Each stores two rows through the application, which commits, and reads one back. Every third one
also has the application meet an IntegrityError and roll back.
"""

import os

import pytest
from app import Customer, Order
from httpx import AsyncClient
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession


@pytest.mark.parametrize("number", range(int(os.environ["BENCHMARK_TESTS"])))
async def test_an_order(client: AsyncClient, db_session: AsyncSession, number: int) -> None:
    new = {"email": f"customer-{number}@example.com", "amount": number}
    answer = await client.post("/orders", json=new)
    assert answer.status_code == 201
    order = await db_session.get(Order, answer.json()["id"])
    assert order is not None
    assert order.amount == number
    if number % 3 == 0:
        again = await client.post("/orders", json=new)
        assert again.status_code == 409
        same = select(func.count()).where(Customer.email == new["email"])
        assert await db_session.scalar(same) == 1
