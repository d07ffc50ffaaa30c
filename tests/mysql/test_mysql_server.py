"""A MySQL server: its URL, what it says of itself, and what is told when it cannot be used."""

from __future__ import annotations

import socket
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from pytest_oneloop.databases.mysql.server import MySQLAddress, identify, parse_mysql_url
from pytest_oneloop.errors.mysql import (
    MySQLAuthenticationError,
    MySQLUnreachableError,
    MySQLUrlError,
)

if TYPE_CHECKING:
    from tools.mariadb import MariaDB


def test_a_server_says_what_it_is(address: MySQLAddress, mariadb: MariaDB) -> None:
    product, version = identify(address, source="a test")
    assert product == ("MySQL" if mariadb.is_mysql else "MariaDB")
    assert version[0].isdigit()


def test_a_wrong_password_is_told(address: MySQLAddress) -> None:
    with pytest.raises(MySQLAuthenticationError) as raised:
        identify(replace(address, password="wrong"), source="ONELOOP_SERVER")
    assert "wrong" not in str(raised.value).replace("is wrong", "")


def test_nobody_at_the_port_is_told(address: MySQLAddress) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(MySQLUnreachableError):
        identify(replace(address, port=port), source="ONELOOP_SERVER")


def test_another_program_at_the_port_is_told(address: MySQLAddress) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(10)
        port = server.getsockname()[1]

        def hang_up() -> None:
            connection, _ = server.accept()
            connection.sendall(b"220 mail.example ESMTP\r\n" * 20)
            connection.close()

        thread = threading.Thread(target=hang_up)
        thread.start()
        with pytest.raises(MySQLUnreachableError):
            identify(replace(address, port=port), source="ONELOOP_SERVER")
        thread.join(10)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("mysql://me@db:port/", "the port is not a number"),
        ("mysql://db/", "there is no user in it"),
        ("mysql://me@db/?charset=utf8", "the option 'charset' is not understood"),
        ("mysql", "it is not a URL"),
    ],
)
def test_a_url_that_names_no_server_is_told(url: str, reason: str) -> None:
    with pytest.raises(MySQLUrlError) as raised:
        parse_mysql_url(url, source="ONELOOP_SERVER")
    assert raised.value.reason == reason


def test_a_url_is_read() -> None:
    read = parse_mysql_url("mariadb+aiomysql://me:se%40cret@db:3307/any", source="a test")
    assert read == MySQLAddress("db", 3307, "me", "se@cret")
    assert parse_mysql_url("mysql://me@db", source="a test") == MySQLAddress("db", 3306, "me", "")
