"""Which kind of database an application has, as far as that shows before it connects."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from pytest_oneloop.kinds import KINDS

if TYPE_CHECKING:
    from pytest_oneloop.provision import Plan

_DRIVERS: Final = {
    "postgresql": ("asyncpg", "psycopg", "psycopg2"),
    "sqlite": ("aiosqlite",),
    "mysql": ("aiomysql", "asyncmy", "pymysql"),
}
"""The modules of drivers: an engine imports its own when it is made."""


def main_dialect(plan: Plan) -> str:
    """Return the dialect that is meant where no engine has said so yet. Starts nothing.

    A server that was named says it. Otherwise it is the one whose drivers are imported; the first
    of `KINDS` where that tells nothing, or too much.
    """
    if plan.settings.server.value:
        scheme = str(plan.settings.server.value).partition("://")[0].partition("+")[0]
        return scheme if scheme in KINDS else KINDS[0]
    imported = [
        name for name, drivers in _DRIVERS.items() if any(one in sys.modules for one in drivers)
    ]
    return imported[0] if len(imported) == 1 else KINDS[0]
