"""What belongs to one connection of SQLite, or stands outside of transactions, in a test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import OperationalError

if TYPE_CHECKING:
    from tools.sqlite_laboratory import SqliteLaboratory

OUTSIDE = "ATTACH, DETACH and VACUUM work outside of transactions"
TEMPORARY = "temporary tables belong to one connection"


def run(lab: SqliteLaboratory, first: list[str], second: list[str]) -> set[str]:
    """Run statements on two connections in two tests, and return the limits that were met."""

    def body(engine: Engine) -> None:
        with engine.connect() as one, engine.connect() as other:
            for connection, commands in ((one, first), (other, second)):
                for command in commands:
                    connection.execute(text(command))
                    connection.commit()

    engine = lab.engine()
    met = set()
    for number in range(2):
        with lab.test(f"test_{number}") as sandbox:
            try:
                lab.run(body, engine)
            finally:
                met = {limit.reason for limit in sandbox.watch.met}
        assert sandbox.problems == []
    return met


def test_vacuum_fails_in_sqlites_words(lab: SqliteLaboratory) -> None:
    with pytest.raises(OperationalError, match="cannot VACUUM from within a transaction"):
        run(lab, ["VACUUM"], [])


def test_detach_fails_once_the_file_was_used(lab: SqliteLaboratory) -> None:
    attach = ["ATTACH 'archive.db' AS archive"]
    assert run(lab, [*attach, "DETACH archive"], []) == {OUTSIDE}
    with pytest.raises(OperationalError, match="database archive is locked"):
        run(lab, [*attach, "CREATE TABLE archive.a (i int)", "DETACH archive"], [])


@pytest.mark.parametrize(
    ("make", "use", "limit"),
    [
        ("ATTACH 'archive.db' AS archive", "CREATE TABLE archive.a (i int)", OUTSIDE),
        ("CREATE TEMP TABLE a (i int)", "INSERT INTO a VALUES (1)", TEMPORARY),
        ("CREATE TABLE temp.a (i int)", "INSERT INTO a VALUES (1)", TEMPORARY),
        ('CREATE TABLE "temp"."a" (i int)', "INSERT INTO a VALUES (1)", TEMPORARY),
    ],
)
def test_all_connections_of_a_test_have_it(
    lab: SqliteLaboratory, make: str, use: str, limit: str
) -> None:
    assert run(lab, [make], [use]) == {limit}
    with pytest.raises(OperationalError, match=r"already (in use|exists)"):
        run(lab, [make], [make])
