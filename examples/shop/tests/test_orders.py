import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from shop.models import Confirmation, Order, OrderLine
from tests.factories import a_customer, a_product, an_order, buy, count


async def test_an_order_takes_its_stock(client, db_session):
    grace = await a_customer(db_session)
    chess = await a_product(db_session, stock=10)

    response = await buy(client, grace, chess, each=3)

    assert response.status_code == 201
    await db_session.refresh(chess)
    assert chess.stock == 7


async def test_an_order_can_be_read_back(client, db_session):
    grace = await a_customer(db_session)
    chess = await a_product(db_session)
    placed = (await buy(client, grace, chess)).json()

    response = await client.get(f"/orders/{placed['id']}")

    assert response.json() == placed


async def test_more_than_the_stock_is_refused(client, db_session):
    grace = await a_customer(db_session)
    chess = await a_product(db_session, "chess", stock=2)

    response = await buy(client, grace, chess, each=3)

    assert response.status_code == 409
    assert response.json() == {"detail": "Only 2 of 'chess' left."}


async def test_a_refused_order_takes_no_stock_at_all(client, db_session):
    grace = await a_customer(db_session)
    chess = await a_product(db_session, "chess", stock=5)
    go = await a_product(db_session, "go", stock=0)

    response = await buy(client, grace, chess, go)

    assert response.status_code == 409
    await db_session.refresh(chess)
    assert chess.stock == 5
    assert await count(db_session, Order) == 0


async def test_an_unknown_product_is_not_found(client, db_session):
    grace = await a_customer(db_session)

    response = await client.post(
        "/orders",
        json={"customer_id": grace.id, "lines": [{"product_id": 999999, "quantity": 1}]},
    )

    assert response.status_code == 404


async def test_an_unknown_customer_cannot_order(client, db_session):
    chess = await a_product(db_session)

    response = await client.post(
        "/orders",
        json={"customer_id": 999999, "lines": [{"product_id": chess.id, "quantity": 1}]},
    )

    assert response.json() == {"detail": "There is no customer 999999."}


async def test_a_small_order_pays_for_shipping(client, db_session):
    grace = await a_customer(db_session)
    chess = await a_product(db_session, price_cents=2000)

    response = await buy(client, grace, chess)

    assert response.json()["total_cents"] == 2000 + 490


async def test_a_large_order_is_shipped_free(client, db_session):
    grace = await a_customer(db_session)
    chess = await a_product(db_session, price_cents=2500)

    response = await buy(client, grace, chess, each=2)

    assert response.json()["total_cents"] == 5000


async def test_an_order_keeps_the_price_of_its_day(client, db_session):
    grace = await a_customer(db_session)
    chess = await a_product(db_session, price_cents=2000)
    placed = (await buy(client, grace, chess)).json()

    await client.post("/products/prices", json={"category": "games", "percent": 50})

    later = (await client.get(f"/orders/{placed['id']}")).json()
    assert later["total_cents"] == placed["total_cents"]


async def test_a_cancelled_order_gives_its_stock_back(client, db_session):
    grace = await a_customer(db_session)
    chess = await a_product(db_session, stock=10)
    placed = (await buy(client, grace, chess, each=4)).json()

    response = await client.post(f"/orders/{placed['id']}/cancel")

    assert response.json()["status"] == "cancelled"
    await db_session.refresh(chess)
    assert chess.stock == 10


async def test_an_order_is_cancelled_once(client, db_session):
    grace = await a_customer(db_session)
    chess = await a_product(db_session, stock=10)
    placed = (await buy(client, grace, chess)).json()
    await client.post(f"/orders/{placed['id']}/cancel")

    response = await client.post(f"/orders/{placed['id']}/cancel")

    assert response.status_code == 409
    await db_session.refresh(chess)
    assert chess.stock == 10


async def test_the_customer_gets_a_confirmation(client, db_session):
    grace = await a_customer(db_session, "grace@example.org")
    chess = await a_product(db_session)

    placed = (await buy(client, grace, chess)).json()

    confirmation = await db_session.scalar(select(Confirmation))
    assert (confirmation.order_id, confirmation.email) == (placed["id"], "grace@example.org")


async def test_a_refused_order_is_not_confirmed(client, db_session):
    grace = await a_customer(db_session)
    chess = await a_product(db_session, stock=0)

    await buy(client, grace, chess)

    assert await count(db_session, Confirmation) == 0


async def test_two_lines_change_places(client, db_session):
    grace = await a_customer(db_session)
    chess = await a_product(db_session, "chess")
    go = await a_product(db_session, "go")
    order = await an_order(db_session, grace, chess, go)
    first, second = order.lines

    response = await client.put(
        f"/orders/{order.id}/positions",
        json=[{"line_id": first.id, "position": 2}, {"line_id": second.id, "position": 1}],
    )

    assert response.status_code == 200
    assert [line["product_id"] for line in response.json()["lines"]] == [go.id, chess.id]


async def test_two_lines_cannot_share_a_place(client, db_session):
    grace = await a_customer(db_session)
    chess = await a_product(db_session, "chess")
    go = await a_product(db_session, "go")
    order = await an_order(db_session, grace, chess, go)

    response = await client.put(
        f"/orders/{order.id}/positions", json=[{"line_id": order.lines[0].id, "position": 2}]
    )

    assert response.status_code == 409
    assert response.json() == {"detail": "Two lines cannot have the same position."}
    unchanged = (await client.get(f"/orders/{order.id}")).json()
    assert [line["position"] for line in unchanged["lines"]] == [1, 2]


async def test_a_deferred_constraint_speaks_up_at_commit(db_session):
    grace = await a_customer(db_session)
    chess = await a_product(db_session, "chess")
    go = await a_product(db_session, "go")
    order = await an_order(db_session, grace, chess, go)

    order.lines[0].position = 2
    await db_session.flush()  # two lines at place 2: allowed for now
    with pytest.raises(IntegrityError, match="uq_order_lines_order_id_position"):
        await db_session.commit()
    await db_session.rollback()

    positions = select(OrderLine.position).order_by(OrderLine.position)
    assert (await db_session.scalars(positions)).all() == [1, 2]
