"""A role that is no superuser: foreign keys are checked, triggers go off, rights may be missing."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import psycopg
import pytest

from pytest_oneloop.databases.restoration import Restoration
from pytest_oneloop.errors.strategies import SessionsRemainError
from tools.difference import picture
from tools.restorations import Restored, clone_of, template_of
from tools.servers import conninfo

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_oneloop.databases.address import ServerAddress

pytestmark = pytest.mark.server

NAME = "oneloop_restored_by_weak"
NEVER = """CREATE FUNCTION never() RETURNS trigger LANGUAGE plpgsql AS
  $$ BEGIN RAISE 'a ledger is for ever'; END $$"""
AGAIN = """CREATE FUNCTION again() RETURNS trigger LANGUAGE plpgsql AS
  $$ BEGIN INSERT INTO echo VALUES (1); RETURN NULL; END $$"""


@pytest.fixture(scope="module")
def weak(tcp_server: ServerAddress) -> Iterator[ServerAddress]:
    """The server, for a role that may create databases and no more."""
    with psycopg.connect(conninfo(tcp_server), autocommit=True) as connection:
        connection.execute("CREATE ROLE weak LOGIN CREATEDB PASSWORD 'weak'")
        yield replace(tcp_server, user="weak", password="weak")
        connection.execute("DROP ROLE weak")


@pytest.fixture(scope="module")
def modest(weak: ServerAddress) -> Iterator[Restored]:
    """A clone that the weak role owns, with all in it."""
    with template_of(weak) as template:
        before = picture(template, template.database)
        with (
            clone_of(template, NAME) as clone,
            Restored(clone, template.database, before, clone) as restored,
        ):
            yield restored


@pytest.fixture(autouse=True)
def _clean(modest: Restored) -> Iterator[None]:
    """Replace the database after a test that changed its schema."""
    yield
    if modest.restoration.restore().fresh:
        modest.renew()
    assert modest.difference() == []


@pytest.mark.parametrize(
    "statements",
    [
        ["INSERT INTO line (id) VALUES (1)", "INSERT INTO line (id, parent) VALUES (2, 1)"],
        ["INSERT INTO customer (country, role, name) VALUES ('DE', 1, 'a')"],
        ["UPDATE role SET name = 'x' WHERE id = 1"],
        ["UPDATE role SET parent = NULL", "DELETE FROM role WHERE id < 3"],
        [
            "INSERT INTO role (id, name) OVERRIDING SYSTEM VALUE VALUES (50, 'x')",
            "INSERT INTO customer (role, name) VALUES (50, 'a')",
        ],
        ["SELECT lo_from_bytea(0, 'abc')", "SELECT nextval('pages'), nextval('wheel')"],
        ["TRUNCATE customer CASCADE", "DELETE FROM note"],
    ],
    ids=lambda statements: statements[0],
)
def test_it_is_put_back_by_a_weak_role(modest: Restored, statements: list[str]) -> None:
    modest.undone(*statements)


def test_a_trigger_that_refuses(modest: Restored) -> None:
    modest.commit(
        NEVER,
        "CREATE TABLE ledger (id int)",
        "CREATE TRIGGER kept BEFORE DELETE ON ledger FOR EACH ROW EXECUTE FUNCTION never()",
    )
    with later(modest) as restoration:
        assert restoration.restore().fresh == ()
        modest.commit("INSERT INTO ledger VALUES (1)")
        assert restoration.restore().fresh == ("a ledger is for ever",)


def test_triggers_that_go_on_writing(modest: Restored) -> None:
    modest.commit(
        "CREATE TABLE echo (id int)",
        AGAIN,
        "CREATE TRIGGER heard AFTER DELETE ON echo FOR EACH ROW EXECUTE FUNCTION again()",
    )
    with later(modest) as restoration:
        modest.commit("INSERT INTO echo VALUES (1)")
        reason = "triggers go on writing to public.echo when rows are put back"
        assert restoration.restore().fresh == (reason,)


def test_rows_that_the_role_may_not_see(modest: Restored) -> None:
    modest.commit(
        "CREATE TABLE secret (id int)",
        "ALTER TABLE secret ENABLE ROW LEVEL SECURITY",
        "ALTER TABLE secret FORCE ROW LEVEL SECURITY",
    )
    with later(modest) as restoration:
        reason = "the role may not read public.secret, which may have changed"
        assert restoration.restore().fresh == (reason,)


def test_a_sequence_of_somebody_else(modest: Restored, tcp_server: ServerAddress) -> None:
    with psycopg.connect(conninfo(replace(tcp_server, database=NAME)), autocommit=True) as strong:
        strong.execute("CREATE SEQUENCE theirs")
        strong.execute("GRANT USAGE, SELECT ON SEQUENCE theirs TO weak")
        with later(modest) as restoration:
            assert restoration.restore().fresh == ()
            modest.commit("SELECT nextval('theirs')")
            reason = "public.theirs was advanced, and the role may not set it"
            assert restoration.restore().fresh == (reason,)
        strong.execute("DROP SEQUENCE theirs")


def test_a_session_of_a_stronger_role(modest: Restored, tcp_server: ServerAddress) -> None:
    with psycopg.connect(conninfo(replace(tcp_server, database=NAME))) as strong:
        strong.execute("LOCK TABLE note")
        with pytest.raises(SessionsRemainError) as caught:
            modest.restoration.restore()
        pid = strong.info.backend_pid
    assert "permission denied" in caught.value.reason
    said = f"session {pid} (state not shown), holds AccessExclusive on note, last statement: "
    assert caught.value.sessions == (f"{said}<insufficient privilege>",)


class later:  # noqa: N801 - reads as a word
    """A baseline taken now, after a schema was changed by hand."""

    def __init__(self, restored: Restored) -> None:
        self._restoration = Restoration(restored.address, restored.address.database)

    def __enter__(self) -> Restoration:
        self._restoration.prepare()
        return self._restoration

    def __exit__(self, *_: object) -> None:
        self._restoration.close()
