"""The whole text of every error of the sandbox."""

from __future__ import annotations

import inspect

import pytest

from pytest_oneloop.errors import OneloopError
from pytest_oneloop.errors import sandbox as module
from pytest_oneloop.errors.sandbox import (
    ConnectionLostError,
    EarlierTestError,
    InterleavedTransactionsError,
    OutdatedDriverError,
    SandboxError,
    SplitTransactionError,
    TransactionControlError,
    TurnTimeoutError,
    UnheardError,
    UnroutedEngineError,
    UnsupportedDialectError,
)

TEXTS: list[tuple[SandboxError, str]] = [
    (
        InterleavedTransactionsError(test="t.py::test_a", place="app.py:3", others=()),
        (
            "OL201: in t.py::test_a: the transaction begun at app.py:3 is to be rolled back, but "
            "another transaction has committed since. On the test's one connection a "
            "rollback would "
            "undo both.\n"
            "  Likely cause: two sessions write at the same time, and one that wrote first "
            "rolls back "
            "last\n"
            "  What to do: commit, or roll back, the one session before the other writes: "
            "`await session.commit()`; or let both use one session"
        ),
    ),
    (
        InterleavedTransactionsError(
            test="t.py::test_a", place="app.py:3", others=("a.py:1", "b.py:2")
        ),
        (
            "OL201: in t.py::test_a: the transaction begun at app.py:3 is to be rolled back, but "
            "another transaction, begun at a.py:1 and at b.py:2, has written since. On the "
            "test's one "
            "connection a rollback would undo both.\n"
            "  Likely cause: two sessions write at the same time, and one that wrote first "
            "rolls back "
            "last\n"
            "  What to do: commit, or roll back, the one session before the other writes: "
            "`await session.commit()`; or let both use one session"
        ),
    ),
    (
        EarlierTestError(test="t.py::test_b", earlier="t.py::test_a", place="app.py:3"),
        (
            "OL202: in t.py::test_b: a connection is used that was checked out at app.py:3 by "
            "t.py::test_a, which has ended; its transaction is rolled back.\n"
            "  Likely cause: a session or a background task outlived its test\n"
            "  What to do: close the session in the test that opened it "
            "(`async with session_factory() as session: ...`), and await or cancel its tasks"
        ),
    ),
    (
        SplitTransactionError(
            test="t.py::test_a", first="postgresql+asyncpg on the loop 0x1", second="x+y"
        ),
        (
            "OL203: in t.py::test_a: postgresql+asyncpg on the loop 0x1 has written, and now x+y "
            "sends a statement. These are two connections, and neither sees what the other has not "
            "committed.\n"
            "  Likely cause: the test uses two drivers on one database, or a synchronous and an "
            "asynchronous engine, or two event loops at once (such as TestClient inside an "
            "`async def` test, or a fixture on another loop)\n"
            "  What to do: use one driver (override the fixture `oneloop_database_url`), and the "
            "fixture `client` in place of TestClient, on one loop scope"
        ),
    ),
    (
        TransactionControlError(test="t.py::test_a", command="COMMIT", place="app.py:3"),
        (
            "OL204: in t.py::test_a: app.py:3 sends 'COMMIT', which would begin or end the "
            "transaction that isolates the test.\n"
            "  Likely cause: a transaction is controlled by SQL text or in two phases, not by the "
            "session or connection\n"
            "  What to do: call `session.commit()`, `session.rollback()` or "
            "`connection.begin()`; for "
            "statements outside a transaction use "
            '`execution_options(isolation_level="AUTOCOMMIT")`'
        ),
    ),
    (
        UnroutedEngineError(driver="psycopg.Connection"),
        (
            "OL205: an engine opened a connection of its own (psycopg.Connection), which no longer "
            "leads to the test database. It was closed before a statement was sent.\n"
            "  Likely cause: the engine was made with `creator=`, `async_creator=` or `pool=`\n"
            "  What to do: make the engine from a URL: `create_async_engine(url)`; "
            "listeners of the "
            "event `do_connect` may still change its arguments"
        ),
    ),
    (
        UnsupportedDialectError(dialect="sqlite+pysqlite", supported=("a+b", "c+d")),
        (
            "OL206: an engine of sqlite+pysqlite wants a connection; tests can be isolated on a+b, "
            "c+d.\n"
            "  Likely cause: the application has a second database, or its URL names "
            "another driver\n"
            "  What to do: let it through, without isolation, by `oneloop_passthrough = sqlite` in "
            "pytest's configuration, or use one of the drivers named"
        ),
    ),
    (
        OutdatedDriverError(driver="asyncpg", release="0.30.0", needed="0.31"),
        (
            "OL213: an engine wants a connection by asyncpg 0.30.0, which is too old for tests "
            "that share one connection.\n"
            "  Likely cause: asyncpg was installed before, or is pinned; the plugin's own extra "
            "would have brought 0.31 or newer\n"
            '  What to do: pip install "asyncpg>=0.31"'
        ),
    ),
    (
        ConnectionLostError(test="t.py::test_a", cause="it is closed"),
        (
            "OL207: in t.py::test_a: the connection to the test database ended, and with it "
            "what the "
            "test has written: it is closed\n"
            "  Likely cause: a statement was cancelled (`asyncio.timeout`) and the driver closed "
            "its connection, as aiomysql and asyncmy do; or the server was stopped, a "
            "statement ended the connection (`pg_terminate_backend`, `KILL`), the event loop was "
            "closed within the test, or the test ended and left the statement running\n"
            "  What to do: let the test not end its connection, nor its loop, and await its tasks; "
            "one that is to cancel statements there has connections of its own by "
            '@pytest.mark.oneloop(strategy="commit")'
        ),
    ),
    (
        TurnTimeoutError(test="t.py::test_a", seconds=60.0, place="app.py:3"),
        (
            "OL208: in t.py::test_a: a statement on the connection checked out at app.py:3 waited "
            "60 s for another statement of the test to end.\n"
            "  Likely cause: a statement blocks on the server (`pg_sleep`, a lock held by another "
            "program)\n"
            "  What to do: end or shorten the statement that runs; the test's connection "
            "can run one "
            "at a time"
        ),
    ),
    (
        UnheardError(test="t.py::test_a"),
        (
            "OL210: in t.py::test_a: a connection is about to listen for notifications, and none "
            "would ever come: the server delivers them at a commit, and this run of the test "
            "commits nothing.\n"
            "  Likely cause: the code under test uses LISTEN\n"
            "  What to do: nothing, under `auto`: the test is run again on a real database. To go "
            'there at once, mark it: `@pytest.mark.oneloop(strategy="commit")`'
        ),
    ),
]


@pytest.mark.parametrize(("error", "expected"), TEXTS, ids=lambda value: type(value).__name__)
def test_the_text_says_what_why_and_what_to_do(error: SandboxError, expected: str) -> None:
    assert str(error) == expected


def test_every_class_has_a_text_here_and_a_code_of_its_own() -> None:
    classes = {
        kind
        for _, kind in inspect.getmembers(module, inspect.isclass)
        if issubclass(kind, SandboxError) and kind is not SandboxError
    }
    assert {type(error) for error, _ in TEXTS} == classes
    assert len({kind.code for kind in classes}) == len(classes)
    assert all(issubclass(kind, OneloopError) for kind in classes)


def test_the_facts_stay_as_attributes() -> None:
    error = SplitTransactionError(test="t", first="a", second="b")
    assert (error.test, error.first, error.second) == ("t", "a", "b")
