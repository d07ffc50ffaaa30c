"""Which engines a project may leave alone, by name."""

from __future__ import annotations

import pytest

from pytest_oneloop.errors.sandbox import UnsupportedDialectError
from pytest_oneloop.errors.settings import InvalidSettingError
from pytest_oneloop.errors.sqlite import ForeignSchemaError
from pytest_oneloop.kinds import KINDS
from pytest_oneloop.options import Value
from pytest_oneloop.passthrough import ALWAYS_LED, is_driver_always_led, passthrough_names
from pytest_oneloop.sandbox.drivers import SUPPORTED


@pytest.mark.parametrize(
    "text",
    ["sqlite", "sqlite+pysqlite", "oracle, mssql+pyodbc", "mariadb", f"{ALWAYS_LED}+pg8000", ""],
)
def test_what_sqlalchemy_knows_may_be_named(text: str) -> None:
    names = passthrough_names(Value(text, "pytest.ini"))

    assert list(names) == text.replace(",", "").split()


@pytest.mark.parametrize(
    "name",
    [
        *(ALWAYS_LED, "PostgreSQL", "postgres", "asyncpg", "psycopg"),
        *(driver for driver in SUPPORTED if driver.startswith(ALWAYS_LED)),
    ],
)
def test_engines_that_are_led_elsewhere_may_not_be_named(name: str) -> None:
    with pytest.raises(InvalidSettingError, match="would connect to the real one in its URL"):
        passthrough_names(Value(f"oracle {name}", "pytest.ini"))


@pytest.mark.parametrize(
    ("name", "near"),
    [("sqlit", "sqlite"), ("orcale", "oracle"), ("mysql+aiomsql", "mysql"), ("zzz", "oracle")],
)
def test_what_sqlalchemy_does_not_know_may_not_be_named(name: str, near: str) -> None:
    with pytest.raises(InvalidSettingError) as caught:
        passthrough_names(Value(name, "pytest.ini"))

    assert caught.value.problem == f"SQLAlchemy knows no dialect {name!r}."
    assert f"such as {near}" in str(caught.value)


def test_no_connection_of_an_engine_that_is_always_led_is_taken_for_another() -> None:
    assert is_driver_always_led("sqlalchemy.dialects.postgresql.asyncpg")
    assert is_driver_always_led("psycopg2.extensions")
    assert not is_driver_always_led("sqlite3")
    assert ALWAYS_LED in KINDS


@pytest.mark.parametrize(
    ("dialect", "advised"),
    [
        ("oracle+oracledb", "oracle"),
        ("postgresql+pg8000", "postgresql+pg8000"),
        ("sqlite+pysqlcipher", "sqlite+pysqlcipher"),
    ],
)
def test_what_an_error_advises_may_be_named(dialect: str, advised: str) -> None:
    error = UnsupportedDialectError(dialect=dialect, supported=SUPPORTED)

    assert f"`oneloop_passthrough = {advised}`" in str(error)
    assert passthrough_names(Value(advised, "pytest.ini")) == (advised,)


def test_a_schema_of_another_kind_advises_no_passing_of_what_is_always_led() -> None:
    error = ForeignSchemaError(wanted=ALWAYS_LED, other="sqlite+aiosqlite", passable=False)

    assert str(error).endswith(
        "\n  What to do: name the schema of this one by `oneloop_schema`; "
        "if each has its own, that of the other by `oneloop_databases`"
    )
