from concurrent.futures import ThreadPoolExecutor

import pytest
from fastapi.testclient import TestClient
from sqlmodel import Session, select

from heroes.database import engine
from heroes.main import app
from heroes.models import Hero, Team

DEADPOND = {"name": "Deadpond", "secret_name": "Dive Wilson"}


@pytest.fixture
def web():
    with TestClient(app) as web:
        yield web


@pytest.mark.parametrize("_again", range(2))
def test_create_a_hero(web, _again):
    assert web.get("/heroes/").json() == []
    created = web.post("/heroes/", json=DEADPOND)
    assert created.status_code == 201
    assert created.json() == {"id": 1, "name": "Deadpond", "age": None, "team_id": None}
    with Session(engine) as session:
        assert session.exec(select(Hero.secret_name)).all() == ["Dive Wilson"]


def test_a_hero_that_is_not_valid(web):
    assert web.post("/heroes/", json={"name": "Nobody"}).status_code == 422
    assert web.get("/heroes/1").status_code == 404


@pytest.mark.parametrize("_again", range(2))
def test_a_plain_session(_again):
    with Session(engine) as session:
        session.add(Team(name="Preventers", heroes=[Hero(**DEADPOND)]))
        session.commit()
    with Session(engine) as session:
        team = session.exec(select(Team)).one()
        assert [hero.name for hero in team.heroes] == ["Deadpond"]


def test_update_and_delete(web):
    hero = web.post("/heroes/", json=DEADPOND).json()
    assert web.patch(f"/heroes/{hero['id']}", json={"age": 30}).json()["age"] == 30
    assert web.delete(f"/heroes/{hero['id']}").status_code == 204
    assert web.get(f"/heroes/{hero['id']}").status_code == 404


@pytest.mark.parametrize("_again", range(2))
def test_a_name_that_is_taken(web, _again):
    assert web.post("/teams/", json={"name": "Z-Force"}).status_code == 201
    assert web.post("/teams/", json={"name": "Z-Force"}).status_code == 409
    assert web.post("/teams/", json={"name": "Preventers"}).status_code == 201


def test_a_background_task(web):
    team = web.post("/teams/", json={"name": "Z-Force"}).json()
    hero = web.post("/heroes/", json=DEADPOND | {"team_id": team["id"]}).json()
    assert hero["team_id"] == team["id"]
    assert web.delete(f"/teams/{team['id']}").status_code == 202
    assert web.get(f"/heroes/{hero['id']}").json()["team_id"] is None


@pytest.mark.parametrize("_again", range(2))
def test_twenty_requests_at_once(web, _again):
    def create(number):
        return web.post("/heroes/", json={"name": f"Hero {number}", "secret_name": "?"})

    with ThreadPoolExecutor(20) as threads:
        answers = list(threads.map(create, range(20)))
    assert {answer.status_code for answer in answers} == {201}
    names = {hero["name"] for hero in web.get("/heroes/").json()}
    assert names == {f"Hero {number}" for number in range(20)}
