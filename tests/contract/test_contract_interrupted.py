"""A statement that the client gave up, but the server has done."""

from __future__ import annotations

from asyncio import CancelledError
from typing import TYPE_CHECKING

import pytest

from pytest_oneloop.sandbox.channel import Channel
from pytest_oneloop.sandbox.checkouts import Checkout
from pytest_oneloop.sandbox.drivers import driver_for
from pytest_oneloop.sandbox.entries import Effect
from pytest_oneloop.sandbox.outer import Constraints, OuterTransaction
from pytest_oneloop.sandbox.sandbox import Sandbox

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from tools.laboratory import Laboratory


class UnreadableAnswerError(Exception):
    """As of a client that cannot decode a row that the server has returned."""


def interrupt(engine: Engine, error: type[BaseException]) -> None:
    """Break off an INSERT in the moment after it was done; roll back its transaction alone."""
    kind = driver_for(engine.dialect.name, engine.dialect.driver)
    raw = engine.raw_connection()
    channel = Channel(raw.dbapi_connection, kind(raw.dbapi_connection))
    outer = OuterTransaction(channel, Constraints(), ["BEGIN"])
    around, inside = Checkout(Sandbox("test_it")), Checkout(Sandbox("test_it"))

    def insert(number: int) -> None:
        cursor = channel.real.cursor()
        try:
            cursor.execute(f"INSERT INTO item (id) VALUES ({number})")
        finally:
            cursor.close()

    def insert_and_break_off() -> None:
        insert(2)
        raise error

    try:
        outer.run(around, Effect.WRITE, lambda: insert(1))
        with pytest.raises(error):
            outer.run(inside, Effect.WRITE, insert_and_break_off)
        outer.undo(inside)
        outer.run(around, Effect.WRITE, lambda: insert(2))
        with pytest.raises(engine.dialect.loaded_dbapi.Error):
            outer.run(around, Effect.WRITE, lambda: insert(1))
    finally:
        channel.leave_transaction()
        raw.close()
        engine.dispose()


@pytest.mark.parametrize("error", [CancelledError, UnreadableAnswerError])
def test_what_was_done_before_the_client_broke_off_is_rolled_back(
    bare_lab: Laboratory, error: type[BaseException]
) -> None:
    bare_lab.run(interrupt, bare_lab.engine(isolation_level="AUTOCOMMIT"), error)
