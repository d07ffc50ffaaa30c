"""Failures on a database that has no tables, because nothing says where they come from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pytest_oneloop.keys import name_of

if TYPE_CHECKING:
    import pytest

    from pytest_oneloop.run import TestRun

_POSTGRESQL: Final = "42P01"
_MYSQL: Final = 1146
_SQLITE: Final = "no such table"

TEXT: Final = (
    "The test database is empty: no alembic.ini was found, and oneloop_schema is not set.\n"
    "Say where its tables come from, such as oneloop_schema = shop.models:Base in pytest's "
    "configuration."
)


def tell_of_empty_database(
    run: TestRun, errors: list[BaseException], report: pytest.TestReport
) -> None:
    """Add a section to the report of a failure that misses a table, where there can be none.

    Args:
        run: The run.
        errors: All errors that belong to the failure.
        report: pytest's report of it.
    """
    sourceless = run.settings.schema.value is None
    started = [one.started for one in run.backends.all if one.started and not name_of(one.key)]
    empty = sourceless and any(not one.schema for one in started)
    if empty and any(map(_misses_table, errors)):
        report.sections.append(("oneloop", TEXT))


def _misses_table(error: BaseException) -> bool:
    state = getattr(error, "sqlstate", None) or getattr(error, "pgcode", None)
    return (
        state == _POSTGRESQL
        or error.args[:1] == (_MYSQL,)
        or (type(error).__module__ == "sqlite3" and str(error).startswith(_SQLITE))
    )
