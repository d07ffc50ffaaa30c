"""What is said of the databases is true: each capability is there, or is not, without the plugin.

A test that needs one is left out where it is lacking; so a wrong word here would hide tests.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from tools.combinations import CAPABILITIES, COMBINATIONS

if TYPE_CHECKING:
    from collections.abc import Callable

    from tools.laboratory import Laboratory

INSERT = "INSERT INTO item (id) VALUES (1)"


def takes(*statements: str) -> Callable[[Laboratory, Engine], bool]:
    """Return what tells whether the database takes these statements, in one transaction."""

    def probe(lab: Laboratory, engine: Engine) -> bool:
        try:
            with engine.connect() as connection:
                for statement in statements:
                    connection.execute(text(statement.format(asleep=lab.asleep(0.01))))
        except (DBAPIError, NotImplementedError):
            return False
        return True

    return probe


def failing_transactions(_lab: Laboratory, engine: Engine) -> bool:
    with engine.connect() as connection:
        connection.execute(text(INSERT))
        with pytest.raises(DBAPIError):
            connection.execute(text(INSERT))
        try:
            connection.execute(text("SELECT 1"))
        except DBAPIError:
            return True
        return False


def transactional_ddl(lab: Laboratory, engine: Engine) -> bool:
    with engine.connect() as connection:
        connection.execute(text("CREATE TABLE passing (id int)"))
        connection.rollback()
    stays = takes("SELECT * FROM passing")(lab, engine)
    if stays:
        lab.change("DROP TABLE passing")
    return not stays


def deferrable_constraints(_lab: Laboratory, engine: Engine) -> bool:
    with engine.connect() as connection:
        try:
            connection.execute(text("INSERT INTO child VALUES (1, 99)"))
        except DBAPIError:
            return False
        with pytest.raises(DBAPIError):
            connection.commit()
        connection.connection.rollback()
        return True


def isolation_levels(_lab: Laboratory, engine: Engine) -> bool:
    with engine.connect() as connection:
        known = set(connection.dialect.get_isolation_level_values(connection.connection))
    return {"READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"} <= known


def division_by_zero(lab: Laboratory, engine: Engine) -> bool:
    return not takes("SELECT 1 / 0")(lab, engine)


def several_streams(_lab: Laboratory, engine: Engine) -> bool:
    with engine.begin() as connection:
        for number in range(9):
            connection.execute(text(f"INSERT INTO item (id) VALUES ({number})"))
    query = text("SELECT id FROM item ORDER BY id")
    try:
        with engine.connect() as connection:
            streams = [
                connection.execute(query, execution_options={"yield_per": 2}) for _ in range(2)
            ]
            return [len(stream.all()) for stream in streams] == [9, 9]
    except Exception:  # noqa: BLE001 - drivers tell it in ways of their own, a UserWarning too
        return False


def read_only_transactions(_lab: Laboratory, engine: Engine) -> bool:
    with engine.connect() as connection:
        connection.execution_options(postgresql_readonly=True)
        try:
            connection.execute(text(INSERT))
        except DBAPIError:
            return True
        return False


PROBES: dict[str, Callable[[Laboratory, Engine], bool]] = {
    "failing_transactions": failing_transactions,
    "failing_statements": lambda lab, engine: not failing_transactions(lab, engine),
    "transactional_ddl": transactional_ddl,
    "altered_columns": takes("ALTER TABLE item ALTER COLUMN name TYPE int USING 5"),
    "deferrable_constraints": deferrable_constraints,
    "set_constraints": takes("SET CONSTRAINTS ALL IMMEDIATE"),
    "isolation_levels": isolation_levels,
    "shown_levels": takes("SHOW TRANSACTION ISOLATION LEVEL"),
    "read_only_transactions": read_only_transactions,
    "row_locks": takes("SELECT * FROM item FOR UPDATE"),
    "several_streams": several_streams,
    "division_by_zero": lambda lab, engine: not takes("SELECT 1 / 0")(lab, engine),
    "sleeping": takes("SELECT 1 FROM {asleep}"),
    "local_settings": takes("SET LOCAL app.tenant = 'acme'"),
    "search_path": takes("SET search_path TO public"),
    "extension_types": takes("SELECT 'a'::citext"),
    "session_statements": takes("PREPARE one AS SELECT 1"),
    "session_locks": lambda lab, engine: (
        takes("SELECT pg_advisory_lock(1), pg_advisory_unlock(1)")(lab, engine)
        or takes("SELECT GET_LOCK('one', 0), RELEASE_LOCK('one')")(lab, engine)
    ),
    "returning": takes("INSERT INTO item (id) VALUES (1) RETURNING id"),
}
OF_DRIVERS = {
    *("tasks", "threads", "freed_connections", "cancelled_statements", "copy", "adapted_cursors"),
    # How they are tested, or what the sandbox makes of them.
    *("server", "ended_sessions", "counted_messages", "control_by_text", "control_by_driver"),
}
"""What no statement tells: how connections are used, and what can be done to them from outside."""


def test_each_is_asked_for() -> None:
    assert PROBES.keys() | OF_DRIVERS == CAPABILITIES.keys()
    assert not PROBES.keys() & OF_DRIVERS


def test_a_database_has_what_is_said_of_it(bare_lab: Laboratory) -> None:
    found = set()
    for capability, probe in PROBES.items():
        if bare_lab.check(lambda engine, probe=probe: probe(bare_lab, engine)):
            found.add(capability)
        bare_lab.clear()

    assert found == COMBINATIONS[bare_lab.name].can & PROBES.keys() - bare_lab.lacks
