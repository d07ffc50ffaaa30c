"""The header: the exact line for what is known, and where each setting came from."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_oneloop.forecast import Forecast
from pytest_oneloop.report.header import (
    HeaderFacts,
    database_line,
    header_line,
    settings_lines,
)
from pytest_oneloop.settings import Places, read_settings

WHOLE = HeaderFacts(
    server="PostgreSQL 18.4 embedded",
    schema="alembic 4 revisions",
    template="cached",
    strategy="rollback",
    loop_scope="session",
    loop_set_by="oneloop",
)


def test_the_whole_line() -> None:
    assert header_line(WHOLE) == (
        "oneloop: PostgreSQL 18.4 embedded · schema alembic 4 revisions (template cached) · "
        "strategy rollback · loop session (set by oneloop)"
    )


@pytest.mark.parametrize("encoding", ["ascii", "US-ASCII", "no-such-encoding"])
def test_a_terminal_without_a_middle_dot(encoding: str) -> None:
    assert header_line(WHOLE, encoding=encoding) == (
        "oneloop: PostgreSQL 18.4 embedded | schema alembic 4 revisions (template cached) | "
        "strategy rollback | loop session (set by oneloop)"
    )


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "UTF-8"])
def test_a_terminal_with_one(encoding: str) -> None:
    assert header_line(WHOLE, encoding=encoding) == header_line(WHOLE)


@pytest.mark.parametrize(
    ("facts", "line"),
    [
        (
            HeaderFacts(server=None, schema=None, strategy="rollback"),
            "oneloop: no schema · strategy rollback",
        ),
        (
            HeaderFacts(server=None, schema="alembic 1 revision", strategy="rollback"),
            "oneloop: schema alembic 1 revision · strategy rollback",
        ),
        (
            HeaderFacts(
                server="PostgreSQL 17.2 at db:5432",
                schema="shop.models:metadata",
                template="built in 1.2 s",
                strategy="rollback",
                loop_scope="function",
            ),
            (
                "oneloop: PostgreSQL 17.2 at db:5432 · schema shop.models:metadata "
                "(template built in 1.2 s) · strategy rollback · loop function"
            ),
        ),
    ],
)
def test_what_is_not_known_is_left_out(facts: HeaderFacts, line: str) -> None:
    assert header_line(facts) == line


def test_each_setting_has_a_line() -> None:
    settings = read_settings(
        Places(
            flag={"oneloop_app": "shop.main:app"}.get,
            environ={"ONELOOP_SERVER": "postgresql://me:secret@localhost"},
            ini={"oneloop_cache_dir": "/var/kept"}.get,
            rootdir=Path("/nowhere"),
            ini_name="pytest.ini",
        )
    )

    assert settings_lines(settings) == [
        "  oneloop_app                shop.main:app                  (--oneloop-app)",
        "  oneloop_server             postgresql://me:***@localhost  (ONELOOP_SERVER)",
        "  oneloop_schema             not set                        (default)",
        "  oneloop_databases          none                           (default)",
        "  oneloop_strategy           auto                           (default)",
        "  oneloop_passthrough        none                           (default)",
        "  oneloop_alias              none                           (default)",
        "  oneloop_cache_dir          /var/kept                      (pytest.ini)",
        "  oneloop_postgres_bin       not set                        (default)",
        "  oneloop_restart_sequences  true                           (default)",
        "  oneloop_explain            true                           (default)",
    ]


def test_a_database_with_a_name_has_a_line() -> None:
    known = Forecast("PostgreSQL 18.6 embedded", "alembic 2 revisions", "cached")
    assert database_line("stats", known) == (
        "oneloop: stats on PostgreSQL 18.6 embedded \u00b7 schema alembic 2 revisions "
        "(template cached)"
    )
    assert database_line("log.db", Forecast("SQLite 3.50 file", None, None), encoding="ascii") == (
        "oneloop: log.db on SQLite 3.50 file | no schema"
    )
