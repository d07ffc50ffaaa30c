"""Two sessions of one request do not wait for one another's end, whoever sends the request.

A middleware that writes while the endpoint's transaction is still open would wait for it as long
as for any other task. In the inner runs that is far longer than a test may take.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tools.projects import notes

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.server

API = """
from typing import Annotated

from fastapi import Depends, FastAPI
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.middleware.base import BaseHTTPMiddleware

from notes import Note, new_session

app = FastAPI()


async def audit(request, call_next):
    response = await call_next(request)
    if request.method == "POST":
        async with new_session() as session:
            session.add(Note(text="audit"))
            await session.commit()
    return response


app.add_middleware(BaseHTTPMiddleware, dispatch=audit)


async def get_db():
    async with new_session() as session:
        yield session
        await session.commit()


Db = Annotated[AsyncSession, Depends(get_db)]


@app.post("/notes", status_code=201)
async def write(text: str, db: Db) -> None:
    db.add(Note(text=text))
    await db.flush()


@app.get("/notes")
async def read(db: Db) -> list[str]:
    return list(await db.scalars(select(Note.text).order_by(Note.text)))
"""

IMPATIENT = """
from pytest_oneloop.sandbox import turns

turns.PATIENCE = 100_000.0
"""

TEST_CLIENT = """
import pytest
from starlette.testclient import TestClient

from api import app


def write_and_read(client):
    for number in range(2):
        assert client.post("/notes", params={"text": f"note {number}"}).status_code == 201
    assert client.get("/notes").json() == ["audit", "audit", "note 0", "note 1"]


def test_one_loop_for_all_requests():
    with TestClient(app) as client:
        write_and_read(client)


def test_a_loop_for_each_request():
    write_and_read(TestClient(app))
"""

HAND_MADE = """
import httpx

from api import app


async def test_it():
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        for number in range(2):
            answer = await client.post("/notes", params={"text": f"note {number}"})
            assert answer.status_code == 201
        answer = await client.get("/notes")
        assert answer.json() == ["audit", "audit", "note 0", "note 1"]
"""


@pytest.mark.parametrize(
    ("tests", "count"), [(TEST_CLIENT, 2), (HAND_MADE, 1)], ids=["TestClient", "AsyncClient"]
)
def test_a_middleware_writes_while_the_endpoints_transaction_is_open(
    tmp_path: Path, tests: str, count: int
) -> None:
    project = notes(tmp_path)
    project.write({"api.py": API, "conftest.py": IMPATIENT, "test_notes.py": tests})

    finished = project.run("-W", "error", "--timeout=40")

    assert finished.counts == {"passed": count}, finished.output
