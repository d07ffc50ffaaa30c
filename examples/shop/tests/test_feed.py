"""The feed of orders, over a websocket: what is committed is told, and nothing else."""

from contextlib import asynccontextmanager

import pytest
from fastapi import status
from httpx import AsyncClient
from httpx_ws import WebSocketDisconnect, aconnect_ws
from httpx_ws.transport import ASGIWebSocketTransport
from sqlalchemy import text

from shop.main import app
from shop.models import Order
from tests.factories import a_customer, a_product, buy

SECONDS = 10
"""How long a test waits for a message. It comes within milliseconds."""

END_LISTENERS = text("""
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND query LIKE 'LISTEN %'
""")


@asynccontextmanager
async def watching():
    """Watch orders as a browser does. The application was started by the fixture `client`."""
    async with (
        AsyncClient(transport=ASGIWebSocketTransport(app), base_url="http://shop") as browser,
        aconnect_ws("/orders/feed", browser) as feed,
    ):
        yield feed


async def test_a_new_order_is_told(client, db_session):
    grace = await a_customer(db_session)
    chess = await a_product(db_session)

    async with watching() as feed:
        placed = (await buy(client, grace, chess)).json()

        assert await feed.receive_json(SECONDS) == {"id": placed["id"], "status": "placed"}


async def test_a_cancelled_order_is_told(client, db_session):
    grace = await a_customer(db_session)
    chess = await a_product(db_session)
    placed = (await buy(client, grace, chess)).json()

    async with watching() as feed:
        await client.post(f"/orders/{placed['id']}/cancel")

        assert await feed.receive_json(SECONDS) == {"id": placed["id"], "status": "cancelled"}


async def test_everybody_who_watches_is_told(client, db_session):
    grace = await a_customer(db_session)
    chess = await a_product(db_session)

    async with watching() as one, watching() as other:
        placed = (await buy(client, grace, chess)).json()

        for feed in (one, other):
            assert (await feed.receive_json(SECONDS))["id"] == placed["id"]


async def test_one_who_leaves_takes_nothing_from_the_others(client, db_session):
    grace = await a_customer(db_session)
    chess = await a_product(db_session)

    async with watching() as stays:
        async with watching():
            pass
        placed = (await buy(client, grace, chess)).json()

        assert (await stays.receive_json(SECONDS))["id"] == placed["id"]


async def test_an_order_is_told_when_it_is_committed_and_not_before(client, db_session):
    grace = await a_customer(db_session)
    chess = await a_product(db_session)

    async with watching() as feed:
        early = Order(customer_id=grace.id, status="early")
        db_session.add(early)
        await db_session.flush()
        placed = (await buy(client, grace, chess)).json()
        await db_session.commit()
        told = [await feed.receive_json(SECONDS) for _ in range(2)]

    assert [change["id"] for change in told] == [placed["id"], early.id]


async def test_a_refused_order_is_never_told(client, db_session):
    grace = await a_customer(db_session)
    chess = await a_product(db_session, stock=3)

    async with watching() as feed:
        assert (await buy(client, grace, chess, each=4)).status_code == 409
        placed = (await buy(client, grace, chess, each=3)).json()

        assert await feed.receive_json(SECONDS) == {"id": placed["id"], "status": "placed"}


async def test_who_watches_is_sent_away_when_the_database_is_lost(client, db_session):
    async with watching() as feed:
        await db_session.execute(END_LISTENERS)

        with pytest.raises(WebSocketDisconnect) as sent_away:
            await feed.receive_json(SECONDS)
    assert sent_away.value.code == status.WS_1013_TRY_AGAIN_LATER

    async with watching() as feed:
        placed = (
            await buy(client, await a_customer(db_session), await a_product(db_session))
        ).json()

        assert (await feed.receive_json(SECONDS))["id"] == placed["id"]
