"""The shop's scenarios as methods of an IsolatedAsyncioTestCase: each has a loop of its own."""

import asyncio
import unittest

import pytest
from sqlalchemy import select

from shop.models import AuditEntry, Category, Confirmation, Customer, Product
from tests.factories import a_customer, a_product, buy, count


class TestShop(unittest.IsolatedAsyncioTestCase):
    @pytest.fixture(autouse=True)
    def _fixtures(self, oneloop, db_session):
        self.oneloop = oneloop
        self.db_session = db_session

    async def asyncSetUp(self):
        self.client = await self.enterAsyncContext(self.oneloop.client())

    async def test_a_commit_is_seen_in_the_test_1(self):
        await self.register_ada()

    async def test_a_commit_is_seen_in_the_test_2(self):
        await self.register_ada()

    async def register_ada(self):
        self.assertEqual(await count(self.db_session, Customer), 0)
        ada = {"email": "ada@example.org", "name": "Ada"}
        self.assertEqual((await self.client.post("/customers", json=ada)).status_code, 201)
        self.assertEqual((await self.client.post("/customers", json=ada)).status_code, 409)
        self.assertEqual(await count(self.db_session, Customer), 1)

    async def test_middleware_and_background_task_1(self):
        await self.order_chess()

    async def test_middleware_and_background_task_2(self):
        await self.order_chess()

    async def order_chess(self):
        self.assertEqual(await count(self.db_session, AuditEntry), 0)
        customer, chess = await a_customer(self.db_session), await a_product(self.db_session)
        self.assertEqual((await buy(self.client, customer, chess)).status_code, 201)
        self.assertEqual(await count(self.db_session, AuditEntry), 1)
        self.assertEqual(await count(self.db_session, Confirmation), 1)

    async def test_twenty_requests_at_once(self):
        responses = await asyncio.gather(
            *(
                self.client.post("/customers", json={"email": f"{n}@example.org", "name": "N"})
                for n in range(20)
            )
        )
        self.assertEqual({response.status_code for response in responses}, {201})
        self.assertEqual(await count(self.db_session, Customer), 20)

    async def test_copy(self):
        book = {"category": "books", "sku": "b", "name": "B", "price_cents": 9, "stock": 1}
        response = await self.client.post("/products/import", json=[book])
        self.assertEqual(response.json(), {"rows": 1})
        self.assertEqual(await self.db_session.scalar(select(Product.stock).filter_by(sku="b")), 1)

    async def test_the_seed_rows_are_there(self):
        self.assertEqual(await count(self.db_session, Category), 3)
