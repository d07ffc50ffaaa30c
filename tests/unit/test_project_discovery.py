"""What is read off a project's source: applications, tables, modules' names, what can go."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_oneloop.project.applications import find_applications
from pytest_oneloop.project.discovery import discover
from pytest_oneloop.project.sources import read_sources
from pytest_oneloop.project.tables import find_tables
from tools.projects import Project

if TYPE_CHECKING:
    from pathlib import Path

APP = "from fastapi import FastAPI\napp = FastAPI()\n"
ORM = "from sqlalchemy.orm import DeclarativeBase\n"
BASE = f"{ORM}class Base(DeclarativeBase):\n    metadata_of = 1\n"
USER = "class User(Base):\n    __tablename__ = 'users'\n"


def targets(folder: Path, files: dict[str, str]) -> list[str]:
    Project(folder).write(files)
    return [
        one.target + "".join(f" wants {name}" for name in one.wants)
        for one in find_applications(read_sources(folder))
    ]


def tables(folder: Path, files: dict[str, str]) -> list[str]:
    Project(folder).write(files)
    return [
        one.target + "".join(f" lacks {name}" for name in one.missing)
        for one in find_tables(read_sources(folder))
    ]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (APP, ["main:app"]),
        ("import fastapi\nweb: fastapi.FastAPI = fastapi.FastAPI(title='x')", ["main:web"]),
        ("from fastapi.applications import FastAPI as F\nif True:\n  a = F()", ["main:a"]),
        ("from starlette.applications import Starlette\na = Starlette()", ["main:a"]),
        ("from fastapi import FastAPI\nclass Api(FastAPI): pass\na = Api()", ["main:a"]),
        (
            "from fastapi import FastAPI\ndef make(debug=False):\n  a = FastAPI()\n  return a",
            ["main:make()"],
        ),
        (
            "from fastapi import FastAPI\ndef make(url) -> FastAPI:\n  return FastAPI()",
            ["main:make() wants url"],
        ),
        (f"{APP}def get():\n  return FastAPI()", ["main:app"]),
        (f"{APP}api = FastAPI()\napp.mount('/api', api)", ["main:app"]),
        (f"{APP}other = FastAPI()", ["main:app", "main:other"]),
        ("if __name__ == '__main__':\n  from fastapi import FastAPI\n  a = FastAPI()", []),
        ("class FastAPI: pass\napp = FastAPI()", []),
        ("from fastapi import FastAPI\ndef check(app: FastAPI) -> bool:\n  return True", []),
    ],
)
def test_applications(tmp_path: Path, text: str, found: list[str]) -> None:
    assert targets(tmp_path, {"main.py": text}) == found


def test_a_factory_that_is_called_elsewhere_is_its_application(tmp_path: Path) -> None:
    factory = "from fastapi import FastAPI\ndef make() -> FastAPI:\n    return FastAPI()\n"
    files = {
        "shop/__init__.py": "",
        "shop/factory.py": factory,
        "shop/asgi.py": "from .factory import make\napp = make()\n",
    }
    assert targets(tmp_path, files) == ["shop.asgi:app"]


@pytest.mark.parametrize(
    "name", ["tests/app.py", ".hidden/app.py", "conftest.py", "venv/app.py", "test_app.py"]
)
def test_applications_of_tests_and_tools_do_not_count(tmp_path: Path, name: str) -> None:
    assert targets(tmp_path, {name: APP}) == []
    assert targets(tmp_path, {"elsewhere/app.py": APP}) == ["app:app"]


def test_a_virtual_environment_is_known_by_its_mark(tmp_path: Path) -> None:
    assert targets(tmp_path, {"tools/pyvenv.cfg": "", "tools/app.py": APP}) == []


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({"src/shop/__init__.py": "", "src/shop/main.py": APP}, "shop.main:app"),
        ({"app/main.py": APP, "app/db.py": "", "app/x.py": "from app.db import y"}, "app.main:app"),
        ({"app/main.py": APP, "app/db.py": "", "app/x.py": "from db import y"}, "main:app"),
        ({"app/main.py": APP, "tests/test_x.py": "from app.main import app"}, "app.main:app"),
        ({"src/main.py": APP, "tests/test_x.py": "from src.main import app"}, "src.main:app"),
        ({"shop/__init__.py": APP}, "shop:app"),
    ],
)
def test_a_module_has_the_name_that_the_project_uses(
    tmp_path: Path, files: dict[str, str], found: str
) -> None:
    assert targets(tmp_path, files) == [found]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (BASE + USER, ["models:Base"]),
        (
            (
                "from sqlalchemy.ext.asyncio import AsyncAttrs\n"
                f"{ORM}class Model(AsyncAttrs, DeclarativeBase):\n    pass\n"
                "class Mixin(Model):\n    __abstract__ = True\n"
                "class User(Mixin):\n    __tablename__ = 'users'\n"
            ),
            ["models:Model"],
        ),
        (
            (
                "from sqlalchemy import MetaData, Table\nmetadata = MetaData()\n"
                "users = Table('users', metadata)\n"
            ),
            ["models:metadata"],
        ),
        (
            (
                "from sqlalchemy import MetaData\nfrom sqlalchemy.orm import declarative_base\n"
                f"meta = MetaData()\nBase = declarative_base(metadata=meta)\n{USER}"
            ),
            ["models:Base"],
        ),
        (
            (
                f"from sqlalchemy import MetaData\n{ORM}meta = MetaData()\n"
                f"class Base(DeclarativeBase):\n    metadata = meta\n{USER}"
            ),
            ["models:Base"],
        ),
        (
            "from sqlmodel import SQLModel\nclass User(SQLModel, table=True):\n    id: int\n",
            ["models:SQLModel"],
        ),
        (
            f"{BASE}{USER}class Other(DeclarativeBase):\n    pass\n",
            ["models:Base"],
        ),
        (
            (
                f"{BASE}{USER}class Other(DeclarativeBase):\n    pass\n"
                "class Log(Other):\n    __tablename__ = 'logs'\n"
            ),
            ["models:Base", "models:Other"],
        ),
        ("Base = object\nclass User(Base):\n    __tablename__ = 'users'\n", []),
    ],
)
def test_what_holds_tables(tmp_path: Path, text: str, found: list[str]) -> None:
    assert tables(tmp_path, {"models.py": text}) == found


@pytest.mark.parametrize(
    ("init", "found"),
    [
        ("from ..base import Base\nfrom . import user, order\n", "shop.models:Base"),
        (
            (
                "from shop.base import Base as B\nfrom shop.models.user import *\n"
                "import shop.models.order\n"
            ),
            "shop.models:B",
        ),
        (
            "from .user import User\n",
            "shop.base:Base lacks shop.models.order lacks shop.models.user",
        ),
        ("", "shop.base:Base lacks shop.models.order lacks shop.models.user"),
        (
            (
                "from typing import TYPE_CHECKING\nfrom ..base import Base\nfrom . import user\n"
                "if TYPE_CHECKING:\n    from . import order\n"
            ),
            "shop.base:Base lacks shop.models.order lacks shop.models.user",
        ),
    ],
)
def test_the_module_that_is_named_imports_all_tables(tmp_path: Path, init: str, found: str) -> None:
    files = {
        "shop/__init__.py": "",
        "shop/base.py": BASE,
        "shop/models/__init__.py": init,
        "shop/models/user.py": f"from ..base import Base\n{USER}",
        "shop/models/order.py": (
            "import shop.base as b\nclass O(b.Base):\n    __tablename__ = 'orders'\n"
        ),
    }
    assert tables(tmp_path, files) == [found]


def test_a_package_that_imports_all_tables_does_so_for_each_of_its_modules(tmp_path: Path) -> None:
    files = {
        "shop/__init__.py": "from . import user\n",
        "shop/base.py": BASE,
        "shop/user.py": f"from .base import Base\n{USER}",
    }
    assert tables(tmp_path, files) == ["shop.base:Base"]


def test_a_file_that_is_not_python_is_named(tmp_path: Path) -> None:
    Project(tmp_path).write({"main.py": APP, "old.py": "x = 1\nprint 'x'\n", "pytest.ini": ""})
    project = discover(tmp_path)
    assert [(one.path.name, one.line) for one in project.sources.unread] == [("old.py", 2)]
    assert [one.target for one in project.applications] == ["main:app"]


def test_the_kinds_of_urls(tmp_path: Path) -> None:
    settings = 'URL = "postgresql+psycopg://a:secret@h/d"\nOTHER = f"sqlite+aiosqlite://{URL}"\n'
    Project(tmp_path).write({"settings.py": settings, "tests/test_x.py": '"mysql://x"'})
    found = discover(tmp_path).drivers
    assert [one.name for one in found] == ["postgresql+psycopg", "sqlite+aiosqlite"]


def test_the_project_of_a_folder_inside_it(tmp_path: Path) -> None:
    Project(tmp_path).write({"shop/main.py": APP, "pytest.ini": "", "tests/test_x.py": ""})
    assert discover(tmp_path / "tests").folder == tmp_path
    assert [one.target for one in discover(tmp_path / "tests").applications] == ["main:app"]


@pytest.mark.parametrize("name", ["tests", "shop", "shop/inner"])
def test_a_folder_inside_of_the_project(tmp_path: Path, name: str) -> None:
    files = {"tests/test_a.py": "", "shop/__init__.py": "", "shop/inner/__init__.py": ""}
    Project(tmp_path).write(files)
    assert discover(tmp_path / name).part_of == tmp_path
    assert discover(tmp_path).part_of is None
    (tmp_path / name / "pytest.ini").touch()
    assert discover(tmp_path / name).part_of is None
