"""Templates that are built on a server, and the plugin's databases there."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from pytest_oneloop.databases.postgresql import administer
from pytest_oneloop.databases.stored import ensure_template

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_oneloop.databases.address import ServerAddress
    from pytest_oneloop.databases.templates import TemplateFacts
    from pytest_oneloop.schema import SchemaSource
    from tools.schema_projects import Redirect

FINGERPRINT = "f" * 64


def databases(server: ServerAddress) -> set[str]:
    """Return the plugin's databases; the server is shared with other tests."""
    rows = administer(
        server,
        lambda admin: admin.rows("SELECT datname FROM pg_database WHERE datname LIKE 'oneloop%'"),
    )
    return {str(name) for (name,) in rows}


def run(server: ServerAddress, sql: str) -> None:
    administer(server, lambda admin: admin.execute(sql))


def ensure(
    server: ServerAddress, source: SchemaSource, redirect: Redirect, fingerprint: str = FINGERPRINT
) -> tuple[str, TemplateFacts, bool]:
    return ensure_template(server, source, fingerprint=fingerprint, redirect=redirect, timeout=20)


def eventually(condition: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)
