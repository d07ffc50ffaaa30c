"""Settings of one transaction end with it: `SET LOCAL` and `set_config(..., true)`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import Connection, Engine, false, func, select, text, true
from sqlalchemy.exc import DBAPIError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tools.laboratory import Laboratory

pytestmark = pytest.mark.needs("local_settings")


def tenant(connection: Connection) -> str | None:
    return connection.scalar(text("SELECT current_setting('app.tenant', true)")) or None


def set_local(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("SET LOCAL app.tenant = 'acme'"))
        assert tenant(connection) == "acme"
    with engine.begin() as connection:
        assert tenant(connection) is None
        connection.execute(text("SET LOCAL TIME ZONE 'Asia/Tokyo'"))
    with engine.begin() as connection:
        assert connection.scalar(text("SHOW timezone")) != "Asia/Tokyo"


def set_config_with_literals(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("SELECT set_config('app.tenant', :name, true)"), {"name": "acme"})
        assert tenant(connection) == "acme"
    with engine.begin() as connection:
        assert tenant(connection) is None


def set_config_with_parameters(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(select(func.set_config("app.tenant", "o'neill", true())))
        connection.execute(select(func.set_config("app.tenant", "acme", true())))
        assert tenant(connection) == "acme"
    with engine.begin() as connection:
        assert tenant(connection) is None


def one_for_the_session_stays(engine: Engine) -> None:
    with engine.connect() as connection:
        connection.execute(select(func.set_config("app.tenant", "acme", false())))
        connection.commit()
        assert tenant(connection) == "acme"
        connection.execute(text("SET LOCAL app.tenant = 'other'"))
        connection.commit()
        assert tenant(connection) == "acme"
        connection.execute(text("SET app.tenant = ''"))
        connection.commit()


def a_rollback_ends_it(engine: Engine) -> None:
    with engine.connect() as connection:
        connection.execute(text("SET LOCAL app.tenant = 'acme'"))
        connection.rollback()
        assert tenant(connection) is None
        connection.execute(text("SET LOCAL app.tenant = 'acme'"))
        with pytest.raises(DBAPIError):
            connection.execute(text("SELECT 1 / 0"))
        connection.rollback()
        assert tenant(connection) is None
        connection.commit()
        assert tenant(connection) is None


def a_savepoint_keeps_it(engine: Engine) -> None:
    with engine.begin() as connection:
        with connection.begin_nested():
            connection.execute(text("SET LOCAL app.tenant = 'acme'"))
        assert tenant(connection) == "acme"
    with engine.begin() as connection:
        assert tenant(connection) is None


BODIES = [
    set_local,
    set_config_with_literals,
    set_config_with_parameters,
    one_for_the_session_stays,
    a_rollback_ends_it,
    a_savepoint_keeps_it,
]


@pytest.mark.parametrize("body", BODIES)
def test_a_setting_of_a_transaction_ends_with_it(
    lab: Laboratory, body: Callable[[Engine], None]
) -> None:
    lab.check(body)


@pytest.mark.parametrize("body", BODIES)
def test_it_does_so_without_the_sandbox(
    bare_lab: Laboratory, body: Callable[[Engine], None]
) -> None:
    bare_lab.check(body)
