"""Settings: URLs of servers, and their passwords, which are not shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_oneloop.errors.settings import InvalidSettingError
from pytest_oneloop.settings import Value, without_password
from tools.given_settings import read

if TYPE_CHECKING:
    from pathlib import Path

_OTHER = "it is not the URL of a PostgreSQL, MySQL or MariaDB server."
_UNQUOTED = "it is not a valid URL; a / or @ in a password has to be written as %2F or %40."


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://localhost",
        "postgres://me:secret@db.example:5433/postgres",
        "postgresql+asyncpg://me@[::1]:5432",
        "postgresql://me@tenant:secret@localhost",
        "postgresql:///postgres?host=/run/postgresql",
        "mysql://me:secret@localhost:3306/",
        "mysql+aiomysql://me@db",
        "mariadb://me@db",
    ],
)
def test_urls_of_servers(tmp_path: Path, url: str) -> None:
    read_url = read(tmp_path, environ={"ONELOOP_SERVER": url}).server
    assert read_url == Value((url,), "ONELOOP_SERVER")


def test_each_kind_of_database_has_its_server(tmp_path: Path) -> None:
    one, two = "postgres://me:two words@db:5432/postgres", "mariadb+aiomysql://me:s@other"
    for text in (f"{one} {two}", f" {two}\n  {one} "):
        settings = read(tmp_path, environ={"ONELOOP_SERVER": text})
        assert settings.server_of("postgresql") == Value(one, "ONELOOP_SERVER")
        assert settings.server_of("mysql") == Value(two, "ONELOOP_SERVER")
        assert settings.server_of("sqlite").value is None
        [described] = [row for row in settings.described() if row[0] == "oneloop_server"]
        assert set(described[1].split(", ")) == {
            "postgres://me:***@db:5432/postgres",
            "mariadb+aiomysql://me:***@other",
        }
    assert read(tmp_path).server_of("postgresql") == Value(None, "default")


@pytest.mark.parametrize(
    ("url", "shown", "problem"),
    [
        (
            "oracle://me:secret@localhost",
            "oracle://me:***@localhost",
            _OTHER,
        ),
        (
            "localhost:5432",
            "localhost:5432",
            _OTHER,
        ),
        (
            "mysq://me:secret@localhost",
            "mysq://me:***@localhost",
            _OTHER,
        ),
        (
            "mysql://me:secret@127.0.0.1:abc",
            "mysql://me:***@127.0.0.1:abc",
            "its port is not a number.",
        ),
        ("mysql://me@[::1]:abc/x@y", "mysql://me@[::1]:abc/x@y", _UNQUOTED),
        ("mysql://me@db oracle://me:secret@db", "oracle://me:***@db", _OTHER),
        (
            "mysql://me:secret@db mariadb://me:secret@db",
            "mysql://me:***@db",
            "it names two servers of one kind of database.",
        ),
        ("mysql://[::1]:abc/", "mysql://[::1]:abc/", "its port is not a number."),
        ("mysql://me@db:65536", "mysql://me@db:65536", "its port is not below 65536."),
        (
            "mysql://me@[::1",
            "mysql://me@[::1",
            "its host is not valid; an IPv6 address stands in [ and ].",
        ),
        ("postgresql:///postgres", "postgresql:///postgres", "it names no host."),
        (
            "postgresql://me:secr@t@localhost:5432",
            "postgresql://me:***@localhost:5432",
            _UNQUOTED,
        ),
        (
            "postgresql://me:sec/r@t@localhost:5432",
            "postgresql://me:***@localhost:5432",
            _UNQUOTED,
        ),
    ],
)
def test_a_bad_server_url_is_refused_and_its_password_not_shown(
    tmp_path: Path, url: str, shown: str, problem: str
) -> None:
    with pytest.raises(InvalidSettingError) as caught:
        read(tmp_path, environ={"ONELOOP_SERVER": url})

    assert str(caught.value) == (
        f"OL121: oneloop_server cannot be {shown!r} (set by ONELOOP_SERVER).\n"
        f"  Likely cause: {problem}\n"
        "  What to do: write oneloop_server = postgresql://user:password@host:5432 or "
        "mysql://user:password@host:3306 (for MariaDB too), or both with a space between, for a "
        "user who may create databases; or leave it out to use the embedded PostgreSQL."
    )


@pytest.mark.parametrize(
    ("url", "masked"),
    [
        ("postgresql://me:s@localhost", "postgresql://me:***@localhost"),
        ("postgresql://me:@localhost", "postgresql://me:***@localhost"),
        ("postgresql://:s@localhost", "postgresql://:***@localhost"),
        ("postgresql://me@localhost:1/d?x=1", "postgresql://me@localhost:1/d?x=1"),
        ("postgresql:///d?host=h&password=s&x=1", "postgresql:///d?host=h&password=***&x=1"),
        ("postgresql://h/d?Password=s", "postgresql://h/d?Password=***"),
        ("/not/a/url", "/not/a/url"),
    ],
)
def test_passwords_are_masked(url: str, masked: str) -> None:
    assert without_password(url) == masked
