import asyncio

import pytest
from starlette.testclient import TestClient

from notes.app import create_app


@pytest.mark.parametrize("_again", range(2))
async def test_write_and_read(client, _again):
    assert (await client.get("/notes")).json() == []
    answer = await client.post("/notes", json={"title": "one", "tags": ["a", "b"]})
    assert answer.status_code == 201
    assert (await client.get("/notes")).json() == ["one"]
    assert (await client.get("/visits")).json() == 4


@pytest.mark.parametrize("_again", range(2))
async def test_a_conflict_undoes_its_own_request_alone(client, _again):
    assert (await client.post("/notes", json={"title": "one"})).status_code == 201
    twice = {"title": "two", "tags": ["a", "a"]}
    assert (await client.post("/notes", json=twice)).status_code == 409
    assert (await client.get("/notes")).json() == ["one"]


async def test_a_background_task(client):
    await client.post("/notes", json={"title": "one"})
    assert (await client.delete("/notes")).status_code == 202
    assert (await client.get("/notes")).json() == []


@pytest.mark.parametrize("_again", range(2))
async def test_twenty_at_once(client, _again):
    answers = await asyncio.gather(
        *(client.post("/notes", json={"title": f"note {n}", "tags": ["x"]}) for n in range(20))
    )
    assert {answer.status_code for answer in answers} == {201}
    assert len((await client.get("/notes")).json()) == 20


@pytest.mark.parametrize("_again", range(2))
def test_a_websocket(_again):
    with TestClient(create_app()) as web, web.websocket_connect("/feed") as socket:
        socket.send_text("first")
        first = socket.receive_json()
        socket.send_text("second")
        assert socket.receive_json() == first + 1
        assert web.get("/notes").json() == ["first", "second"]
