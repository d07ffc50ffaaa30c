"""The tests of SQLAlchemy's suite that the plugin does not pass, and why."""

from __future__ import annotations

from typing import Final

_TEMPORARY: Final = (
    "The temporary table is made with the other tables of the class, past the plugin, and is there"
    " on that connection alone."
)
_ON_MYSQL: Final = dict.fromkeys(
    (
        "ComponentReflectionTest::test_get_temp_table_columns",
        "ComponentReflectionTest::test_get_temp_table_indexes",
        "ComponentReflectionTest::test_get_temp_table_unique_constraints",
        "ComponentReflectionTest::test_reflect_table_temp_table",
        "HasTableTest::test_has_table_temp_table",
    ),
    _TEMPORARY,
)

KNOWN: dict[str, dict[str, str]] = {
    "postgresql+asyncpg": {},
    "postgresql+psycopg": {},
    "sqlite+aiosqlite": {},
    "mysql+aiomysql": _ON_MYSQL,
    "mysql+asyncmy": _ON_MYSQL,
    "mariadb+aiomysql": _ON_MYSQL,
}
"""By database, then by test; at most ten of each."""
