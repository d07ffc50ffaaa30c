"""Deferred constraints are checked when the application commits, as on a real connection."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tools.laboratory import Laboratory

pytestmark = pytest.mark.needs("deferrable_constraints")

NO_PARENT = "child_parent|FOREIGN KEY constraint"
"""Words of the databases about a row whose parent there is none of."""


def violation_at_commit(engine: Engine) -> None:
    with engine.connect() as connection:
        connection.execute(text("INSERT INTO item (id) VALUES (1)"))
        connection.commit()
        connection.execute(text("INSERT INTO item (id) VALUES (2)"))
        connection.execute(text("INSERT INTO child VALUES (1, 99)"))
        with pytest.raises(IntegrityError, match=NO_PARENT):
            connection.commit()
        # SQLite lets one mend it, and PostgreSQL has rolled back already.
        connection.connection.rollback()
    with engine.connect() as connection:
        assert connection.scalars(text("SELECT id FROM item")).all() == [1]
        assert connection.scalars(text("SELECT id FROM child")).all() == []


def mended_before_commit(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO child VALUES (1, 1)"))
        connection.execute(text("INSERT INTO parent VALUES (1)"))
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO child VALUES (2, 2)"))
        connection.execute(text("INSERT INTO parent VALUES (2)"))
        connection.execute(text("INSERT INTO item (id) VALUES (10)"))


def still_deferred_after_a_failure(engine: Engine) -> None:
    violation_at_commit(engine)
    mended_before_commit(engine)


def deferred_by_the_application(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO child VALUES (1, NULL, 1), (2, NULL, 2)"))
        connection.execute(text("INSERT INTO item (id) VALUES (1)"))
    with engine.begin() as connection:
        connection.execute(text("SET CONSTRAINTS child_place DEFERRED"))
        connection.execute(text("UPDATE child SET place = 2 WHERE id = 1"))
        connection.execute(text("UPDATE child SET place = 1 WHERE id = 2"))
    with engine.connect() as connection:
        connection.execute(text("SET CONSTRAINTS child_place DEFERRED"))
        connection.execute(text("UPDATE child SET place = 2"))
        with pytest.raises(IntegrityError, match="child_place"):
            connection.commit()
    with (
        engine.connect() as connection,
        pytest.raises(IntegrityError, match="child_place"),
    ):
        connection.execute(text("UPDATE child SET place = 1 WHERE place = 2"))


def violation_in_autocommit(engine: Engine) -> None:
    alone = engine.execution_options(isolation_level="AUTOCOMMIT")
    with alone.connect() as connection:
        connection.execute(text("INSERT INTO item (id) VALUES (1)"))
        with pytest.raises(IntegrityError, match=NO_PARENT):
            connection.execute(text("INSERT INTO child VALUES (1, 99)"))
        connection.execute(text("INSERT INTO parent VALUES (1)"))
        connection.execute(text("INSERT INTO child VALUES (1, 1)"))
    with engine.connect() as connection:
        assert connection.scalars(text("SELECT id FROM child")).all() == [1]


BODIES = [
    violation_at_commit,
    mended_before_commit,
    still_deferred_after_a_failure,
    pytest.param(deferred_by_the_application, marks=pytest.mark.needs("set_constraints")),
    violation_in_autocommit,
]


@pytest.mark.parametrize("body", BODIES)
def test_deferred_constraints(deferring_lab: Laboratory, body: Callable[[Engine], None]) -> None:
    deferring_lab.check(body)


@pytest.mark.parametrize("body", BODIES)
def test_without_the_sandbox_they_are_the_same_and_leak(
    bare_lab: Laboratory, body: Callable[[Engine], None]
) -> None:
    bare_lab.check(body)
    assert bare_lab.look("SELECT * FROM item") != []


def test_the_check_waits_for_others_in_the_middle_of_a_transaction(
    deferring_lab: Laboratory,
) -> None:
    """Two transactions share the server's list of what is still to be checked."""

    def body(engine: Engine) -> None:
        with engine.connect() as first, engine.connect() as second:
            first.execute(text("INSERT INTO child VALUES (1, 1)"))
            second.execute(text("INSERT INTO item (id) VALUES (1)"))
            second.commit()
            first.execute(text("INSERT INTO parent VALUES (1)"))
            first.commit()
        with engine.connect() as first, engine.connect() as second:
            first.execute(text("INSERT INTO child VALUES (2, 2)"))
            second.execute(text("INSERT INTO item (id) VALUES (2)"))
            second.commit()
            with pytest.raises(IntegrityError, match=NO_PARENT):
                first.commit()

    engine = deferring_lab.engine()
    with deferring_lab.test(), pytest.raises(Exception, match="OL201"):
        deferring_lab.run(body, engine)


@pytest.mark.needs("set_constraints")
def test_nothing_is_checked_where_nothing_can_be_deferred(lab: Laboratory) -> None:
    """The router is told that the schema has no such constraint; so it sends no check."""

    def body(engine: Engine) -> None:
        with engine.begin() as connection:
            connection.execute(text("INSERT INTO child VALUES (1, 99)"))

    lab.check(body)
