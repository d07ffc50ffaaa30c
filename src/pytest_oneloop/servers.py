"""The URLs of servers for tests, as users write them: one for each kind of database."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from pytest_oneloop.keys import led_as

_BETWEEN: Final = re.compile(r"\s+(?=[a-z][\w+]*://)", re.IGNORECASE)
"""What lies between two URLs; a password may have spaces."""

_UNQUOTED: Final = "it is not a valid URL; a / or @ in a password has to be written as %2F or %40."
_KINDS: Final = frozenset({"postgresql", "mysql"})


def split_urls(text: str) -> tuple[str, ...]:
    """Return the URLs in a text, which has white space between them."""
    return tuple(filter(None, _BETWEEN.split(text.strip())))


def kind_of_server(url: str) -> str:
    """Return the dialect whose databases are on a server; empty for a server of another kind."""
    scheme = url.partition("://")[0].partition("+")[0].lower()
    kind = "postgresql" if scheme == "postgres" else led_as(scheme)
    return kind if kind in _KINDS else ""


def problem_of_server(url: str) -> str | None:
    """Say what is wrong with the URL of a server; `None` if nothing is."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return _problem_of_host(url)
    if "@" in parts.netloc.rpartition("@")[0].partition(":")[2]:
        # SQLAlchemy would end the password there, and take what follows for the host.
        return _UNQUOTED
    if not kind_of_server(url):
        return "it is not the URL of a PostgreSQL, MySQL or MariaDB server."
    if not parts.hostname and not any(key == "host" for key, _ in parse_qsl(parts.query)):
        return "it names no host."
    return None


def _problem_of_host(url: str) -> str:
    """Say why a URL's host and port cannot be read.

    The library's own words are left out: they may quote a piece of the password.
    """
    user, _, place = url.partition("://")[2].rpartition("@")
    if set("/?#@") & set(user):
        return _UNQUOTED
    host, _, port = re.split("[/?#]", place)[0].rpartition(":")
    if host.count("[") != host.count("]"):
        return "its host is not valid; an IPv6 address stands in [ and ]."
    if not port.isdecimal():
        return "its port is not a number."
    return "its port is not below 65536."
