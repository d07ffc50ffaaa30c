import asyncio

import pytest
from litestar.testing import AsyncTestClient, TestClient

from library.app import AuthorService, alchemy, app
from library.models import Author, Book

AGATHA = {"name": "Agatha Christie"}


@pytest.mark.parametrize("_again", range(2))
async def test_create_and_list(client, _again):
    assert (await client.get("/authors")).json()["total"] == 0
    created = await client.post("/authors", json=AGATHA)
    assert created.status_code == 201
    listed = (await client.get("/authors")).json()
    assert listed["items"] == [created.json()]


@pytest.mark.parametrize("_again", range(2))
async def test_a_name_that_is_taken(client, _again):
    assert (await client.post("/authors", json=AGATHA)).status_code == 201
    assert (await client.post("/authors", json=AGATHA)).status_code == 409
    assert (await client.get("/authors")).json()["total"] == 1


async def test_many_in_one_transaction(client):
    names = [{"name": f"Author {number}"} for number in range(3)]
    assert (await client.post("/authors/many", json=names)).json() == 3
    assert (await client.post("/authors/many", json=[AGATHA, names[0]])).status_code == 409
    listed = await client.get("/authors", params={"orderBy": "name", "sortOrder": "asc"})
    assert [author["name"] for author in listed.json()["items"]] == [
        "Author 0",
        "Author 1",
        "Author 2",
    ]


async def test_rename_and_remove(client):
    author = (await client.post("/authors", json=AGATHA)).json()
    path = f"/authors/{author['id']}"
    assert (await client.patch(path, json={"name": "A. C."})).json()["name"] == "A. C."
    assert (await client.delete(path)).status_code == 204
    assert (await client.get(path)).status_code == 404


@pytest.mark.parametrize("_again", range(2))
async def test_twenty_at_once(client, _again):
    answers = await asyncio.gather(
        *(client.post("/authors", json={"name": f"Author {number}"}) for number in range(20))
    )
    assert {answer.status_code for answer in answers} == {201}
    assert (await client.get("/authors")).json()["total"] == 20


@pytest.mark.parametrize("_again", range(2))
async def test_the_configuration_s_own_session(_again):
    async with alchemy.get_session() as session:
        session.add(Author(name="Mary", books=[Book(title="Frankenstein")]))
        await session.commit()
    async with alchemy.get_session() as session:
        [author] = await AuthorService(session).get_many()
        assert [book.title for book in author.books] == ["Frankenstein"]


@pytest.mark.parametrize("_again", range(2))
async def test_the_framework_s_client(_again):
    async with AsyncTestClient(app) as web:
        assert (await web.post("/authors", json=AGATHA)).status_code == 201
        assert (await web.get("/authors")).json()["total"] == 1


@pytest.mark.parametrize("_again", range(2))
def test_the_framework_s_client_without_await(_again):
    with TestClient(app) as web:
        assert web.post("/authors", json=AGATHA).status_code == 201
        assert web.get("/authors").json()["total"] == 1
