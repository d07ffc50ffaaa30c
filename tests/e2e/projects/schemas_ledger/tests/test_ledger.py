import pytest
from fastapi.testclient import TestClient
from sqlalchemy import inspect, select

from ledger.main import app, engine, new_session
from ledger.models import Base, Change

web = TestClient(app)


@pytest.mark.parametrize("_again", range(2))
def test_book(_again):
    assert web.get("/customers").json() == {"the house": 0}
    ada = web.post("/customers/ada").json()
    assert web.post(f"/customers/{ada}/entries?kind=charge&cents=900").json() == 1000
    assert web.post(f"/customers/{ada}/entries?kind=refund&cents=200").json() == 1001
    assert web.get("/customers").json() == {"the house": 0, "ada": 700}


@pytest.mark.parametrize("_again", range(2))
def test_a_customer_in_two_schemas(_again):
    assert web.post("/customers/ada").status_code == 201
    assert web.post("/customers/ada").status_code == 409
    with new_session() as session:
        assert session.scalars(select(Change.change)).all() == ["added ada"]


def test_the_schemas_are_those_of_the_migrations():
    found = inspect(engine)
    assert {"billing", "customers", "history"} <= set(found.get_schema_names())
    for table in Base.metadata.tables.values():
        columns = {column["name"] for column in found.get_columns(table.name, table.schema)}
        assert columns == set(table.columns.keys())


def test_the_engine_s_search_path_and_listener():
    assert web.get("/search-path").json() == ["customers,public", "ledger", 1]
