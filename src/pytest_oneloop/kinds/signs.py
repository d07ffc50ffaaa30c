"""Which kind of database an application has, as far as that shows before it connects."""

from __future__ import annotations

import importlib.util
import re
import sys
from typing import TYPE_CHECKING, Final

from pytest_oneloop.keys import led_as
from pytest_oneloop.kinds import KINDS
from pytest_oneloop.schema.scripts import find_alembic
from pytest_oneloop.servers import kind_of_server

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_oneloop.plan import Plan

_DRIVERS: Final = {
    "postgresql": ("asyncpg", "psycopg", "psycopg2"),
    "sqlite": ("aiosqlite",),
    "mysql": ("aiomysql", "asyncmy", "pymysql"),
}
"""The modules of drivers: an engine imports its own when it is made."""

_URL: Final = re.compile(r"^\s*sqlalchemy\.url\s*=\s*(\w+)", re.MULTILINE)


_FILE: Final = re.compile(r"\.(db|sqlite)3?$", re.IGNORECASE)
"""How the names of SQLite's files end."""


def likely_dialect(plan: Plan) -> str:
    """Return the dialect that is meant where no engine has said so yet. Starts nothing.

    A name that is a file's says it. Otherwise it is the one whose drivers are imported, if that is
    one alone, or that of the first server that was named, or the one that `alembic.ini` names, or
    the first of `KINDS` that has a driver installed.
    """
    if _FILE.search(plan.name):
        return "sqlite"
    imported = [
        name for name, drivers in _DRIVERS.items() if any(one in sys.modules for one in drivers)
    ]
    if len(imported) == 1:
        return imported[0]
    if servers := plan.settings.server.value:
        return kind_of_server(servers[0])
    named = led_as(_in_alembic_ini(plan.rootdir))
    if named in KINDS:
        return named
    return next((name for name in KINDS if _installed(name)), KINDS[0])


def _in_alembic_ini(rootdir: Path) -> str:
    """Return the dialect of the URL in `alembic.ini`; an empty text where there is none."""
    ini = (find_alembic(rootdir) or (None,))[0]
    match = _URL.search(ini.read_text(encoding="utf-8", errors="replace")) if ini else None
    return match[1].lower() if match else ""


def _installed(dialect: str) -> bool:
    return any(importlib.util.find_spec(one) for one in _DRIVERS.get(dialect, ()))
