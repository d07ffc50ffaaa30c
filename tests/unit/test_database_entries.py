"""Databases with a template of their own, as the user names them in `oneloop_databases`."""

from __future__ import annotations

import pytest

from pytest_oneloop.errors.addresses import DatabaseEntryError, RepeatedDatabaseError
from pytest_oneloop.named import database_entries, named_schemas
from pytest_oneloop.options import Value

ENTRIES = """
    analytics = shop.stats:Base
    db.example:5432/log=alembic:log/alembic.ini, data/kept.db = none
    empty =
"""


def test_entries_are_on_lines_or_after_commas() -> None:
    entries = database_entries(Value(ENTRIES, "pytest.ini"))
    assert entries == (
        "analytics = shop.stats:Base",
        "db.example:5432/log = alembic:log/alembic.ini",
        "data/kept.db = none",
        "empty = none",
    )
    assert named_schemas(entries)["db.example:5432/log"] == "alembic:log/alembic.ini"


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ("analytics", "it has no =, after which the source of its tables comes."),
        ("= shop.stats:Base", "it has no name before the =."),
        (
            "postgresql://u@db/stats = shop.stats:Base",
            "its name is a URL, of which only the end is wanted, without user and password.",
        ),
        (
            "stats = shop.stats",
            "its source is neither alembic, nor of the form module:attribute, nor none.",
        ),
        (
            "stats = alembic:",
            "its source is neither alembic, nor of the form module:attribute, nor none.",
        ),
    ],
)
def test_an_entry_of_another_form_is_refused(entry: str, problem: str) -> None:
    with pytest.raises(DatabaseEntryError) as caught:
        database_entries(Value(f"fine = none\n{entry}", "ONELOOP_DATABASES"))
    assert caught.value.problem == problem
    assert caught.value.source == "ONELOOP_DATABASES"


@pytest.mark.parametrize(
    "entry",
    [
        "postgresql://u:secret@db/stats = shop:Base",
        "u:se/secret@db/stats = shop:Base",
        "stats = postgresql://u:se@secret@db/stats",
    ],
)
def test_a_password_is_not_shown(entry: str) -> None:
    with pytest.raises(DatabaseEntryError) as caught:
        database_entries(Value(entry, "pytest.ini"))
    assert "secret" not in str(caught.value)
    assert "stats" in caught.value.entry


def test_a_name_given_twice_is_refused() -> None:
    with pytest.raises(RepeatedDatabaseError) as caught:
        database_entries(Value("log = none, stats = a:B, log = c:D", "pytest.ini"))
    assert (caught.value.name, caught.value.schemas) == ("log", ("none", "c:D"))
