"""What putting a database back costs, in messages to the server; with each driver."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from tools.counting_proxy import CountingProxy
from tools.restorations import Restored

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_oneloop.databases.address import ServerAddress
    from tools.difference import Picture

pytestmark = pytest.mark.server

DRIVERS = ("asyncpg", "psycopg", "psycopg2")


@pytest.fixture(params=DRIVERS)
def driver(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The only driver that can be imported by who chooses one."""
    for name in DRIVERS:
        __import__(name)
        if name != request.param:
            monkeypatch.setitem(sys.modules, name, None)
    return str(request.param)


@pytest.fixture
def proxy(clone: ServerAddress) -> Iterator[CountingProxy]:
    with CountingProxy(clone) as proxy:
        yield proxy


def test_messages(
    driver: str,
    proxy: CountingProxy,
    template: ServerAddress,
    clone: ServerAddress,
    template_picture: Picture,
) -> None:
    write = "INSERT INTO customer (name) VALUES ('a')", "INSERT INTO scratch VALUES (1)"
    change = "UPDATE country SET name = 'x' || code", "DELETE FROM note"
    # What asyncpg has not sent before, it sends in two messages.
    twice = driver == "asyncpg"
    with Restored(proxy.address, template.database, template_picture, clone) as restored:
        restored.restoration.restore()
        assert messages(proxy, restored) == 2
        assert messages(proxy, restored, *write) == 2
        assert messages(proxy, restored, *change) == 3 + twice
        assert messages(proxy, restored) == 2 + twice
        assert messages(proxy, restored, *write) == 2
        assert proxy.since().connections == 1


@pytest.mark.usefixtures("driver")
def test_all_kinds_of_things_with_each_driver(restored: Restored) -> None:
    restored.undone(
        """UPDATE role SET extra = '{"a": "%s {} $1 :x"}' """,
        """INSERT INTO "Odd { }"."or""der, % s" (customer) SELECT 1 WHERE false""",
        "DELETE FROM note",
        "SELECT nextval('pages'), nextval('invoice')",
        "SELECT lo_create(0)",
        "TRUNCATE country CASCADE",
    )
    restored.commit("CREATE TABLE extra (n int)")
    assert restored.restoration.restore().fresh == ("new: table extra",)
    restored.renew()
    restored.undone("UPDATE role SET extra = '1'")


def messages(proxy: CountingProxy, restored: Restored, *statements: str) -> int:
    """Commit something, put the database back, and count the messages of that."""
    restored.commit(*statements)
    mark = proxy.mark()
    assert restored.restoration.restore().fresh == ()
    count = proxy.since(mark).messages
    assert restored.difference(schema=False) == []
    return count
