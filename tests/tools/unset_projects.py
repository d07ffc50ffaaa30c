"""Small projects that nobody has set up yet, each as people lay theirs out."""

from __future__ import annotations

ENGINE = """
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine

engine = create_async_engine("postgresql+asyncpg://app:secret@db.invalid:5432/production")
new_session = async_sessionmaker(engine, expire_on_commit=False)
"""
BASE = """
from sqlalchemy.orm import DeclarativeBase


class Base(DeclarativeBase):
    pass
"""
NOTE = """
from sqlalchemy.orm import Mapped, mapped_column

from {base} import Base


class Note(Base):
    __tablename__ = "notes"

    id: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str]
"""
ROUTES = """
from fastapi import APIRouter
from sqlalchemy import func, select

from {models} import Note
from {engine} import new_session

router = APIRouter()


@router.post("/notes", status_code=201)
async def write(text: str) -> int:
    async with new_session() as session:
        session.add(Note(text=text))
        await session.commit()
        return await session.scalar(select(func.count(Note.id)))
"""
MAIN = """
from fastapi import FastAPI

from {routes} import router

app = FastAPI()
app.include_router(router)
"""
FACTORY = """
from fastapi import FastAPI

from {routes} import router


def create_app(title: str = "notes") -> FastAPI:
    app = FastAPI(title=title)
    app.include_router(router)
    return app
"""
TEST = """
from sqlalchemy import text


async def test_a_note(client, db_session):
    answer = await client.post("/notes", params={"text": "first"})
    assert answer.json() == 1
    assert await db_session.scalar(text("SELECT count(*) FROM notes")) == 1


async def test_another_note(client, db_session):
    assert await db_session.scalar(text("SELECT count(*) FROM notes")) == 0
    assert (await client.post("/notes", params={"text": "second"})).json() == 1
"""


def _package(folder: str, name: str, main: str) -> dict[str, str]:
    """Return the files of the application as one package, with its parts in modules."""
    parts = {"base": f"{name}.db.base", "models": f"{name}.models", "engine": f"{name}.db.engine"}
    parts["routes"] = f"{name}.routes"
    return {
        f"{folder}{name}/main.py": main.format(**parts),
        f"{folder}{name}/routes.py": ROUTES.format(**parts),
        f"{folder}{name}/models/__init__.py": f"""
from {name}.db.base import Base
from {name}.models.note import Note

__all__ = ["Base", "Note"]
""",
        f"{folder}{name}/models/note.py": NOTE.format(**parts),
        f"{folder}{name}/db/base.py": BASE,
        f"{folder}{name}/db/engine.py": ENGINE,
        "tests/test_notes.py": TEST,
    }


FLAT = {
    **_package("", "notes", MAIN),
    "notes/__init__.py": "",
    "pyproject.toml": '[project]\nname = "notes"\n\n[tool.ruff]\nline-length = 100\n',
}
"""A package beside its tests, a `pyproject.toml` that says nothing of pytest, and no Alembic."""

NATIVE = FLAT | {"pyproject.toml": '[tool.pytest]\ntestpaths = ["tests"]\n\n[tool.ruff]\n'}
"""The same with pytest's configuration as pytest 9 has it."""

SOURCE_FOLDER = {
    **_package("src/", "notes", FACTORY),
    "src/notes/__init__.py": "",
    "setup.cfg": "[metadata]\nname = notes\n\n[tool:pytest]\n# where tests are\ntestpaths=tests\n",
}
"""The `src` layout, a function that makes the application, and a `setup.cfg`."""

NAMESPACE = {
    **_package("", "app", MAIN),
    "tox.ini": "[tox]\nenvlist = py\n\n[pytest]\ntestpaths = tests\n\n[testenv]\ndeps = pytest\n",
}
"""A folder `app` without `__init__.py`, which the project imports from all the same."""

ADMIN = {
    "admin/__init__.py": "",
    "admin/main.py": """
from fastapi import FastAPI

app: FastAPI = FastAPI(title="admin")
""",
}
"""One more application for any of them."""
