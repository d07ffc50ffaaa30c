"""What the doctor does not say, since it would not happen; and one change by which it would."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_oneloop.doctor.case import Case
from pytest_oneloop.doctor.collecting import collect
from pytest_oneloop.doctor.mapping import loop_map
from pytest_oneloop.doctor.rules import examine
from tools.doctor_files import DATABASE, DIRECT, ENGINE, LASTING_ENGINE, ONE_LOOP, STRICT, TESTS

if TYPE_CHECKING:
    from tools.projects import Project

API = """
from fastapi import BackgroundTasks, FastAPI

from database import new_session

app = FastAPI()


class Item:
    id: int


async def later():
    async with new_session() as session:
        await session.commit()


@app.post("/")
async def add(tasks: BackgroundTasks):
    tasks.add_task(later)


@app.get("/")
async def read():
    async with new_session() as session:
        return session.is_active
"""
ON_SESSION = 'import pytest\npytestmark = pytest.mark.asyncio(loop_scope="session")\n'
CLIENT = """
import pytest_asyncio
from httpx import ASGITransport, AsyncClient
from api import app

@pytest_asyncio.fixture
async def client():
    async with AsyncClient(transport=ASGITransport(app), base_url="http://test") as client:
        yield client
"""
CALLS = """
async def test_one(client):
    await client.get("/")

async def test_two(client):
    await client.get("/")
"""
WARMED = CLIENT.replace("        yield", '        await client.get("/")\n        yield')
OF_EACH_TEST = ENGINE.replace("pytest.fixture", "pytest_asyncio.fixture").replace(
    "import pytest\n", "import pytest_asyncio\n"
)
CODE = {"database.py": DATABASE, "api.py": API}


@pytest.mark.parametrize(
    ("files", "change", "code"),
    [
        pytest.param(
            {
                "pytest.ini": STRICT,
                "conftest.py": "from sqlalchemy.pool import NullPool\n"
                + OF_EACH_TEST.format(arguments="", options=", poolclass=NullPool"),
                "test_it.py": ON_SESSION + TESTS,
            },
            {"conftest.py": OF_EACH_TEST.format(arguments="", options="")},
            "OL401",
            id="a-session-that-holds-no-connection",
        ),
        pytest.param(
            CODE | {"pytest.ini": STRICT, "conftest.py": CLIENT, "test_it.py": ON_SESSION + CALLS},
            {"conftest.py": WARMED},
            "OL402",
            id="a-client-that-only-tests-use",
        ),
        pytest.param(
            CODE | {"pytest.ini": ONE_LOOP, "conftest.py": CLIENT, "test_it.py": CALLS},
            {"test_it.py": CALLS.replace("client.get", "client.post")},
            "OL404",
            id="requests-that-only-read",
        ),
        pytest.param(
            CODE
            | {
                "pytest.ini": ONE_LOOP,
                "conftest.py": LASTING_ENGINE,
                "test_it.py": f"from api import Item\n{TESTS}",
            },
            {"test_it.py": f"from api import Item, later\n{TESTS}"},
            "OL404",
            id="an-application-that-is-not-called",
        ),
        pytest.param(
            CODE | {"pytest.ini": ONE_LOOP, "test_it.py": DIRECT},
            {"test_it.py": DIRECT.replace("new_session()", "new_session.begin()")},
            "OL404",
            id="tests-that-only-read",
        ),
    ],
)
def test_what_would_not_happen_is_not_said(
    project: Project, files: dict[str, str], change: dict[str, str], code: str
) -> None:
    project.write(files)
    case = Case(collect(project.folder))
    assert code not in {one.code for one in examine(case)}
    assert loop_map(case).crossings == ()

    project.write(change)
    assert code in {one.code for one in examine(Case(collect(project.folder)))}
