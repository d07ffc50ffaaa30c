"""What the doctor makes of the many ways to write an engine down."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_oneloop.doctor.reading import Reading
from pytest_oneloop.doctor.sources import Sources
from pytest_oneloop.doctor.suite import Suite
from pytest_oneloop.loops.loopmap import Place

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_oneloop.doctor.kinds import Value

ASYNC = (
    "from sqlalchemy.ext.asyncio import *\nfrom sqlalchemy.ext.asyncio import create_async_engine"
)
URL = '"postgresql+asyncpg://app@db.invalid/app"'

ENGINES = {
    "plain": f"{ASYNC}\nit = create_async_engine({URL})",
    "by-its-module": f"import sqlalchemy.ext.asyncio as sa\nit = sa.create_async_engine({URL})",
    "by-its-whole-name": "import sqlalchemy.ext.asyncio\n"
    f"it = sqlalchemy.ext.asyncio.create_async_engine({URL})",
    "annotated": f"{ASYNC}\nit: object = create_async_engine({URL})",
    "under-a-condition": f"{ASYNC}\nif True:\n    it = create_async_engine({URL})",
    "by-a-helper": f"{ASYNC}\ndef make():\n    return create_async_engine({URL})\nit = make()",
    "in-an-object": f"{ASYNC}\nclass Database:\n    def __init__(self, url):\n"
    f"        self.engine = create_async_engine(url)\nit = Database({URL})",
    "set-later": f"{ASYNC}\nit = None\ndef start():\n    global it\n"
    f"    it = create_async_engine({URL})",
    "from-another-module": "from .other import engine as it",
}
OTHER = f"{ASYNC}\nengine = create_async_engine({URL})"

NOT_HELD = {
    "synchronous": f"from sqlalchemy import create_engine\nit = create_engine({URL})",
    "client-in-memory": "from httpx import ASGITransport, AsyncClient\n"
    "it = AsyncClient(transport=ASGITransport(None))",
    "of-the-same-name": "def create_async_engine(url):\n    return url\n"
    f"it = create_async_engine({URL})",
    "a-number": "it = 1",
    "itself": "it = it",
    "in-a-circle": "def one():\n    return two()\ndef two():\n    return one()\nit = one()",
    "not-there": "from no_such_module import it",
}

OTHERS = {
    "sessionmaker": f"{ASYNC}\nfrom .other import engine\nit = async_sessionmaker(bind=engine)",
    "session": f"{ASYNC}\nfrom .other import engine\nit = AsyncSession(engine)",
    "pool": f"import asyncpg\nit = asyncpg.create_pool({URL})",
    "client": 'import redis.asyncio as redis\nit = redis.from_url("redis://db.invalid")',
    "primitive": "import asyncio\nit = asyncio.Lock()",
}


def reading(folder: Path, code: str) -> Reading:
    """Return a reading of a package with the module `app`, and `other` beside it."""
    files = {"shop": folder / "shop" / "__init__.py", "shop.app": folder / "shop" / "app.py"}
    (folder / "shop").mkdir()
    files["shop"].write_text("")
    files["shop.app"].write_text(code)
    (folder / "shop" / "other.py").write_text(OTHER)
    suite = Suite(
        root=folder,
        configuration=None,
        mode="auto",
        fixture_loop_scope=None,
        test_loop_scope="function",
        chosen=False,
        fixtures=(),
        groups=(),
        modules=files,
        search=(folder,),
    )
    return Reading(Sources(suite))


def it(folder: Path, code: str) -> Value | None:
    read = reading(folder, code)
    module = read.sources.find("shop.app")
    assert module is not None
    return read.values.of_global(module, "it")


@pytest.mark.parametrize("name", ENGINES)
def test_an_engine(name: str, tmp_path: Path) -> None:
    value = it(tmp_path, ENGINES[name])

    assert value is not None
    assert (value.kind, value.bound, value.pooled, value.memory) == ("engine", True, True, False)


@pytest.mark.parametrize("name", NOT_HELD)
def test_no_loop_holds_it(name: str, tmp_path: Path) -> None:
    value = it(tmp_path, NOT_HELD[name])

    assert value is None or not value.bound


@pytest.mark.parametrize("kind", OTHERS)
def test_others_that_a_loop_holds(kind: str, tmp_path: Path) -> None:
    value = it(
        tmp_path, OTHERS[kind].replace("import *", "import AsyncSession, async_sessionmaker")
    )

    assert value is not None
    assert (value.kind, value.bound) == (kind, True)
    if kind in {"sessionmaker", "session"}:
        assert value.chain()[-1].place == Place("shop/other.py", 3)


@pytest.mark.parametrize(
    ("options", "pooled"), [("poolclass=NullPool", False), ("pool_size=3", True)]
)
def test_an_engine_without_a_pool(options: str, *, pooled: bool, tmp_path: Path) -> None:
    value = it(tmp_path, f"{ASYNC}\nit = create_async_engine({URL}, {options})")

    assert value is not None
    assert value.pooled is pooled


def test_a_database_in_memory(tmp_path: Path) -> None:
    value = it(tmp_path, f'{ASYNC}\nit = create_async_engine("sqlite+aiosqlite:///:memory:")')

    assert value is not None
    assert value.memory


@pytest.mark.parametrize("code", ["def it(:\n", "it = '\x00'"])
def test_a_file_that_is_not_valid_is_read_as_empty(code: str, tmp_path: Path) -> None:
    assert it(tmp_path, code) is None


def test_what_a_function_does(tmp_path: Path) -> None:
    read = reading(
        tmp_path,
        f"""{ASYNC}
from functools import cache
from alembic import command
from sqlalchemy import text
from .other import engine

async def clean():
    await connection.execute(text("TRUNCATE users"))

@cache
def lasting():
    return create_async_engine({URL})

async def fixture(monkeypatch, config):
    await clean()
    command.downgrade(config, "base")
    lasting()
    monkeypatch.setattr("shop.other.engine", None)
    await engine.dispose()
""",
    )
    module = read.sources.find("shop.app")
    assert module is not None
    function = next(one for one in module.functions.values() if one.name == "fixture")

    facts = read.facts(function, module)

    assert [place.line for place in facts.cleans] == [9]
    assert [place.line for place in facts.drops] == [17]
    assert [(use.name, use.place.line, use.ends) for use in facts.uses] == [
        ("lasting", 18, False),
        ("engine", 20, True),
    ]
    assert facts.patches == ["engine"]
    assert facts.makes == []
