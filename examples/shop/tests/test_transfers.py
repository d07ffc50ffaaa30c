"""Goods that move between warehouses in SERIALIZABLE transactions."""

import asyncio
from functools import partial

import pytest

from shop.errors import BusyError, ConflictError
from shop.models import Holding
from shop.retries import ATTEMPTS, run_serializable
from shop.schemas import TransferIn
from shop.services.transfers import free_room, move_goods
from tests.factories import a_product, a_warehouse, holdings

SECONDS = 10
"""How long two transfers that wait for each other may take. It is a matter of milliseconds."""


async def test_a_transfer_moves_goods(client, db_session):
    chess = await a_product(db_session)
    north = await a_warehouse(db_session, "north", {chess: 7})
    south = await a_warehouse(db_session, "south", {chess: 1})

    response = await move(client, chess, north, south, 3)

    assert response.json() == {"product_id": chess.id, "quantity": 4}
    assert await holdings(client, north) == {chess.id: 4}
    assert await holdings(client, south) == {chess.id: 4}


async def test_no_more_is_moved_than_there_is(client, db_session):
    chess = await a_product(db_session)
    north = await a_warehouse(db_session, "north", {chess: 2})
    south = await a_warehouse(db_session, "south")

    response = await move(client, chess, north, south, 3)

    assert response.status_code == 409
    assert response.json() == {"detail": f"Only 2 pieces are stored in warehouse {north.id}."}


async def test_no_more_is_moved_than_has_room(client, db_session):
    chess = await a_product(db_session)
    north = await a_warehouse(db_session, "north", {chess: 9})
    south = await a_warehouse(db_session, "south", {chess: 3}, capacity=5)

    response = await move(client, chess, north, south, 3)

    assert response.status_code == 409
    assert response.json() == {"detail": f"Only 2 pieces more have room in warehouse {south.id}."}
    assert await holdings(client, north) == {chess.id: 9}


async def test_an_unknown_warehouse_is_not_found(client, db_session):
    chess = await a_product(db_session)
    north = await a_warehouse(db_session, "north", {chess: 9})

    response = await client.post(
        "/transfers",
        json={"product_id": chess.id, "source_id": north.id, "target_id": 999999, "quantity": 1},
    )

    assert response.status_code == 404


async def test_many_transfers_at_once_never_overfill_a_warehouse(client, db_session):
    games = [await a_product(db_session, f"game-{number}") for number in range(6)]
    north = await a_warehouse(db_session, "north", dict.fromkeys(games, 3))
    south = await a_warehouse(db_session, "south", capacity=10)

    responses = await asyncio.gather(*(move(client, game, north, south, 3) for game in games))

    assert sorted(response.status_code for response in responses) == [200] * 3 + [409] * 3
    assert sum((await holdings(client, south)).values()) == 9
    assert sum((await holdings(client, north)).values()) == 9


async def test_of_two_that_compete_for_the_last_room_one_has_to_try_again(client, db_session):
    chess = await a_product(db_session, "chess")
    go = await a_product(db_session, "go")
    north = await a_warehouse(db_session, "north", {chess: 3, go: 3})
    south = await a_warehouse(db_session, "south", capacity=5)
    both_have_seen_room = asyncio.Barrier(2)
    seen = []

    async def move_once_both_have_seen_room(session, data):
        seen.append(await free_room(session, south.id))
        if len(seen) <= 2:
            await both_have_seen_room.wait()
        return await move_goods(session, data)

    async with asyncio.timeout(SECONDS):
        results = await asyncio.gather(
            *(
                run_serializable(
                    partial(move_once_both_have_seen_room, data=a_transfer(game, north, south, 3))
                )
                for game in (chess, go)
            ),
            return_exceptions=True,
        )

    # Both saw room for five. The one that failed tried again, and saw that two are left.
    assert seen == [5, 5, 2]
    assert {type(result) for result in results} == {Holding, ConflictError}
    assert list((await holdings(client, south)).values()) == [3]


async def test_one_that_fails_each_time_gives_up(db_session, monkeypatch):
    monkeypatch.setattr("shop.retries.PAUSE", 0)
    chess = await a_product(db_session)
    north = await a_warehouse(db_session, "north", {chess: 0})
    attempts = 0

    async def count_up_beside_another(session):
        nonlocal attempts
        attempts += 1
        held = await session.get(Holding, (north.id, chess.id))
        # Somebody else is quicker, each time.
        mine = await db_session.get(Holding, (north.id, chess.id))
        mine.quantity += 10
        await db_session.commit()
        held.quantity += 1

    with pytest.raises(BusyError):
        await run_serializable(count_up_beside_another)

    assert attempts == ATTEMPTS


def a_transfer(product, source, target, quantity):
    return TransferIn(
        product_id=product.id, source_id=source.id, target_id=target.id, quantity=quantity
    )


async def move(client, product, source, target, quantity):
    return await client.post(
        "/transfers", json=a_transfer(product, source, target, quantity).model_dump()
    )
