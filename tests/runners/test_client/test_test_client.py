"""The shop's scenarios through Starlette's TestClient, which runs loops in another thread."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from starlette.testclient import TestClient

from shop.main import app

ADA = {"email": "ada@example.org", "name": "Ada"}
BOOK = {"category": "books", "sku": "book", "name": "Book", "price_cents": 900, "stock": 3}


@pytest.fixture
def started():
    """One loop for all requests of a test, the lifespan run."""
    with TestClient(app) as client:
        yield client


@pytest.fixture
def bare():
    """A loop for each request, no lifespan."""
    return TestClient(app)


@pytest.fixture(params=["started", "bare"])
def web(request):
    return request.getfixturevalue(request.param)


def register_ada(web):
    assert web.get("/customers").json() == []
    assert web.post("/customers", json=ADA).status_code == 201
    assert web.post("/customers", json=ADA).status_code == 409
    assert [customer["name"] for customer in web.get("/customers").json()] == ["Ada"]
    assert [entry["status"] for entry in web.get("/audit-log").json()] == [201, 409]


def test_a_commit_is_seen_by_the_next_request_1(web):
    register_ada(web)


def test_a_commit_is_seen_by_the_next_request_2(web):
    register_ada(web)


def import_and_reprice(web):
    assert web.post("/products/import", json=[BOOK]).json() == {"rows": 1}
    assert web.post("/products/import", json=[BOOK]).status_code == 409
    assert web.post("/products/prices", json={"category": "books", "percent": 10}).json() == {
        "rows": 1
    }
    [book] = web.get("/products", params={"category": "books"}).json()
    assert book["price_cents"] == 990
    return book


def test_copy_and_the_engine_1(web):
    import_and_reprice(web)


def test_copy_and_the_engine_2(web):
    import_and_reprice(web)


def test_an_order_with_the_settings_of_the_lifespan(started):
    customer = started.post("/customers", json=ADA).json()
    book = import_and_reprice(started)
    lines = [{"product_id": book["id"], "quantity": 2}]
    placed = started.post("/orders", json={"customer_id": customer["id"], "lines": lines})
    assert placed.json()["shipping_cents"] == 490
    lines[0]["quantity"] = 2
    refused = started.post("/orders", json={"customer_id": customer["id"], "lines": lines})
    assert refused.status_code == 409


def test_requests_from_several_threads(started):
    def register(number):
        return started.post("/customers", json={"email": f"{number}@example.org", "name": "N"})

    with ThreadPoolExecutor(8) as threads:
        responses = list(threads.map(register, range(20)))
    assert {response.status_code for response in responses} == {201}
    assert len(started.get("/customers").json()) == 20
