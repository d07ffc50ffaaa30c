"""Who is compared, and what each needs to run."""

from __future__ import annotations

from dataclasses import dataclass

NOWHERE = "postgresql+asyncpg://app:app@127.0.0.1:9/production"
"""Where the application's own engine would go, for those who must not let it."""


@dataclass(frozen=True)
class Contestant:
    """One way to isolate tests.

    Attributes:
        letter: Its short name on the command line.
        name: Its folder below `contestants/`.
        title: Its name in the table and the chart.
        how: What it does, in one line.
        plugin: The pytest plugin that it needs on top of pytest-asyncio, if any.
    """

    letter: str
    name: str
    title: str
    how: str
    plugin: str | None = None

    def environment(self, server: str, database: str) -> dict[str, str]:
        """Return its variables, for the server's URL and that of an empty database on it."""
        asyncpg = database.replace("postgresql://", "postgresql+asyncpg://", 1)
        if self.plugin == "oneloop":
            return {"APP_DATABASE_URL": NOWHERE, "ONELOOP_SERVER": server}
        if self.plugin == "sqla":
            return {"APP_DATABASE_URL": NOWHERE, "PYTEST_SQLA_URL": asyncpg}
        return {"APP_DATABASE_URL": asyncpg}


CONTESTANTS = (
    Contestant(
        "a",
        "oneloop",
        "pytest-oneloop",
        "no fixture written; isolation below the application's own engine",
        "oneloop",
    ),
    Contestant(
        "b",
        "by_hand",
        "set-up 7, by hand",
        "one loop, one pool, an outer transaction per test, a dependency override",
    ),
    Contestant(
        "e",
        "pytest_sqla",
        "pytest-sqla 0.0.2",
        "the same, by a plugin, on a session loop, with its dependency override",
        "sqla",
    ),
    Contestant(
        "c",
        "engine_per_test",
        "set-up 3: engine per test",
        "a loop, an engine and its connections per test; no isolation",
    ),
    Contestant(
        "d",
        "tables_per_test",
        "set-up 5: tables per test",
        "one loop, one pool; 20 tables created before and dropped after each test",
    ),
)
