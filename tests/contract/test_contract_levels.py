"""An application that asks for its isolation level hears of the one that it has set."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import Engine, text

if TYPE_CHECKING:
    from tools.laboratory import Laboratory

pytestmark = pytest.mark.needs("isolation_levels")

LEVELS = ("READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE")


def of_a_connection(engine: Engine) -> None:
    for level in LEVELS:
        with engine.connect() as connection:
            connection.execution_options(isolation_level=level)
            assert connection.get_isolation_level() == level
            connection.rollback()
        with engine.connect() as connection:
            assert connection.get_isolation_level() == connection.default_isolation_level


def shown(engine: Engine) -> None:
    for level in LEVELS:
        with engine.connect() as connection:
            connection.execution_options(isolation_level=level)
            assert connection.scalar(text("show transaction_isolation;")) == level.lower()
        with engine.connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT")
            told = connection.scalar(text("SHOW TRANSACTION ISOLATION LEVEL"))
            assert told == "read committed"


def of_an_engine(engine: Engine) -> None:
    for _ in range(2):
        with engine.connect() as connection:
            assert connection.get_isolation_level() == "SERIALIZABLE"
            assert connection.scalar(text("SELECT 1")) == 1


BODIES = [of_a_connection, pytest.param(shown, marks=pytest.mark.needs("shown_levels"))]


@pytest.mark.parametrize("body", BODIES)
def test_a_level_that_was_set_is_told(lab: Laboratory, body: object) -> None:
    assert callable(body)
    lab.check(body)


@pytest.mark.parametrize("body", BODIES)
def test_it_is_without_the_sandbox(bare_lab: Laboratory, body: object) -> None:
    assert callable(body)
    bare_lab.check(body)


def test_a_level_of_an_engine_is_told(lab: Laboratory) -> None:
    lab.check(of_an_engine, isolation_level="SERIALIZABLE")


def test_so_it_is_without_the_sandbox(bare_lab: Laboratory) -> None:
    bare_lab.check(of_an_engine, isolation_level="SERIALIZABLE")
