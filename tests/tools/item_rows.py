"""Rows of the table `item`, and what is asserted of every body that writes some with an engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import Column, Engine, Integer, MetaData, String, Table, select
from sqlalchemy.exc import DBAPIError

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection
    from sqlalchemy.orm import Session

    from tools.laboratory import Laboratory

ITEM = Table("item", MetaData(), Column("id", Integer, primary_key=True), Column("name", String))


def add(connection: Connection | Session, *numbers: int) -> None:
    for number in numbers:
        connection.execute(ITEM.insert().values(id=number, name=f"item {number}"))


def ids(connection: Connection | Session) -> list[int]:
    return list(connection.scalars(select(ITEM.c.id).order_by(ITEM.c.id)))


def stored(engine: Engine) -> list[int]:
    with engine.connect() as connection:
        return ids(connection)


def serve_many_tests(lab: Laboratory, body: Callable[[Engine], None]) -> None:
    """Run a body in three tests with one engine, none of which leaves a problem."""
    engine = lab.engine()
    for number in range(3):
        with lab.test(f"test_{number}") as sandbox:
            lab.run(body, engine)
        assert sandbox.problems == []


def leak(bare_lab: Laboratory, body: Callable[[Engine], None]) -> None:
    """Run a body without the sandbox: what it leaves makes it fail the second time."""
    bare_lab.check(body)
    assert bare_lab.look("SELECT * FROM item") != []
    with pytest.raises((AssertionError, DBAPIError)):
        bare_lab.check(body)
