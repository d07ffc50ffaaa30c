"""Server addresses, read and written."""

from __future__ import annotations

import getpass

import pytest

from pytest_oneloop.databases.address import ServerAddress
from pytest_oneloop.databases.urls import connect_url, parse_server_url
from pytest_oneloop.errors.connection import ServerUrlError

ME = getpass.getuser()


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("postgresql://a:b%40c@h:5433/d", ServerAddress("h", 5433, "a", "b@c", "d")),
        ("postgresql+asyncpg://a@h", ServerAddress("h", 5432, "a")),
        ("postgres://h/d", ServerAddress("h", 5432, ME, None, "d")),
        ("postgresql://", ServerAddress("localhost", 5432, ME)),
        (
            "postgresql://a@/d?host=/run/pg&port=5433",
            ServerAddress("/run/pg", 5433, "a", None, "d"),
        ),
        (" postgresql://a@[::1]:1/d\n", ServerAddress("::1", 1, "a", None, "d")),
    ],
)
def test_a_url_is_read(text: str, address: ServerAddress) -> None:
    assert parse_server_url(text, source="ONELOOP_SERVER") == address


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "it is not a URL"),
        ("localhost:5432", "it is not a URL"),
        ("mysql://a:b@h/d", "its scheme is 'mysql', not 'postgresql'"),
        ("postgresql://a:b@h:many/d", "the port is not a number"),
        ("postgresql://a@/d?host=/run&port=x", "the port is not a number"),
        (
            "postgresql://a@h/d?sslmode=require",
            "the option 'sslmode' is not understood (host and port are)",
        ),
        ("postgresql://a@/d?host=h&host=i", "it names more than one host"),
    ],
)
def test_what_is_no_url_is_refused(text: str, reason: str) -> None:
    with pytest.raises(ServerUrlError) as caught:
        parse_server_url(text, source="ONELOOP_SERVER")
    assert (caught.value.source, caught.value.reason) == ("ONELOOP_SERVER", reason)
    assert "a:b@" not in str(caught.value)


@pytest.mark.parametrize("driver", ["asyncpg", "psycopg", "psycopg_async", "psycopg2"])
@pytest.mark.parametrize("host", ["/run/pg", "db.test"])
def test_every_driver_takes_the_url(driver: str, host: str) -> None:
    address = ServerAddress(host, 5433, "ann", "p@ss/word")
    url = connect_url(f"postgresql+{driver}", address, "shop")
    dialect = url.get_dialect()()
    arguments = dialect.create_connect_args(url)[1]
    assert arguments["host"] == host
    assert int(arguments["port"]) == 5433
    assert (arguments["user"], arguments["password"]) == ("ann", "p@ss/word")
    assert arguments.get("dbname", arguments.get("database")) == "shop"
