from shop.models import AuditEntry
from tests.factories import count

ADA = {"email": "ada@example.org", "name": "Ada"}


async def test_the_shop_starts_with_its_settings(client):
    response = await client.get("/settings")

    assert response.json() == {"shipping_cents": 490, "free_shipping_from_cents": 5000}


async def test_a_setting_can_be_changed(client):
    await client.put("/settings/shipping_cents", json={"value": 590})

    assert (await client.get("/settings")).json()["shipping_cents"] == 590


async def test_an_unknown_setting_is_not_found(client):
    response = await client.put("/settings/colour", json={"value": 1})

    assert response.status_code == 404


async def test_a_change_is_logged(client):
    await client.post("/customers", json=ADA)

    assert (await client.get("/audit-log")).json() == [
        {"method": "POST", "path": "/customers", "status": 201}
    ]


async def test_a_refused_change_is_logged_too(client):
    await client.post("/customers", json=ADA)
    await client.post("/customers", json=ADA)

    log = (await client.get("/audit-log")).json()
    assert [entry["status"] for entry in log] == [201, 409]


async def test_reading_is_not_logged(client, db_session):
    await client.get("/customers")

    assert await count(db_session, AuditEntry) == 0
