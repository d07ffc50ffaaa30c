"""What the sandbox cannot do as a real database would, and says so."""

from __future__ import annotations

from pytest_oneloop.errors import OneloopError, OneloopWarning


class SandboxError(OneloopError):
    """Base of the errors of the sandbox: a test asked for what one transaction cannot give."""


class InterleavedTransactionsError(SandboxError):
    """A transaction is to be rolled back whose savepoint holds the work of another.

    Attributes:
        test: The node id of the test.
        place: Where the transaction began, as `file:line`.
        others: Where the other open transactions began; empty if all of them have committed.
    """

    code = "OL201"

    def __init__(self, *, test: str, place: str, others: tuple[str, ...]) -> None:
        self.test = test
        self.place = place
        self.others = others
        also = (
            f"another transaction, begun at {' and at '.join(others)}, has written since"
            if others
            else "another transaction has committed since"
        )
        super().__init__(
            f"in {test}: the transaction begun at {place} is to be rolled back, but {also}. "
            "On the test's one connection a rollback would undo both.",
            why="two sessions write at the same time, and one that wrote first rolls back last",
            instead="commit, or roll back, the one session before the other writes: "
            "`await session.commit()`; or let both use one session",
        )


class EarlierTestError(SandboxError):
    """A connection that an earlier test left open is used.

    Attributes:
        test: The node id of the test that runs now.
        earlier: The node id of the test that checked the connection out.
        place: Where it was checked out.
    """

    code = "OL202"

    def __init__(self, *, test: str, earlier: str, place: str) -> None:
        self.test = test
        self.earlier = earlier
        self.place = place
        super().__init__(
            f"in {test}: a connection is used that was checked out at {place} by {earlier}, "
            "which has ended; its transaction is rolled back.",
            why="a session or a background task outlived its test",
            instead="close the session in the test that opened it "
            "(`async with session_factory() as session: ...`), and await or cancel its tasks",
        )


class SplitTransactionError(SandboxError):
    """One test writes on one real connection and goes on on another, which cannot see it.

    Attributes:
        test: The node id of the test.
        first: The driver and the event loop that wrote.
        second: The driver and the event loop that came later.
    """

    code = "OL203"

    def __init__(self, *, test: str, first: str, second: str) -> None:
        self.test = test
        self.first = first
        self.second = second
        super().__init__(
            f"in {test}: {first} has written, and now {second} sends a statement. "
            "These are two connections, and neither sees what the other has not committed.",
            why="the test uses two drivers on one database, or a synchronous and an asynchronous "
            "engine, or two event loops at once "
            "(such as TestClient inside an `async def` test, or a fixture on another loop)",
            instead="use one driver (override the fixture `oneloop_database_url`), and the "
            "fixture `client` in place of TestClient, on one loop scope",
        )


class TransactionControlError(SandboxError):
    """The text of a statement ends, or begins, a transaction.

    Attributes:
        test: The node id of the test.
        command: The command, such as `COMMIT`.
        place: Where it was sent from.
    """

    code = "OL204"

    def __init__(self, *, test: str, command: str, place: str) -> None:
        self.test = test
        self.command = command
        self.place = place
        super().__init__(
            f"in {test}: {place} sends {command!r}, which would begin or end the transaction "
            "that isolates the test.",
            why="a transaction is controlled by SQL text or in two phases, not by the session or "
            "connection",
            instead="call `session.commit()`, `session.rollback()` or `connection.begin()`; for "
            "statements outside a transaction use "
            '`execution_options(isolation_level="AUTOCOMMIT")`',
        )


class UnroutedEngineError(SandboxError):
    """An engine makes its connections by itself, so they cannot be led to the test database.

    Attributes:
        driver: The module of the connection that it made.
    """

    code = "OL205"

    def __init__(self, *, driver: str) -> None:
        self.driver = driver
        super().__init__(
            f"an engine opened a connection of its own ({driver}), which no longer leads to the "
            "test database. It was closed before a statement was sent.",
            why="the engine was made with `creator=`, `async_creator=` or `pool=`",
            instead="make the engine from a URL: `create_async_engine(url)`; listeners of the "
            "event `do_connect` may still change its arguments",
        )


class UnsupportedDialectError(SandboxError):
    """An engine of a database that the plugin does not know wants a connection.

    Attributes:
        dialect: Such as `oracle+oracledb`.
        supported: The ones that are known.
    """

    code = "OL206"

    def __init__(self, *, dialect: str, supported: tuple[str, ...]) -> None:
        self.dialect = dialect
        self.supported = supported
        name = dialect.partition("+")[0]
        if any(one.startswith(f"{name}+") for one in supported):
            # Only this driver: the others' engines are to be isolated as before.
            name = dialect
        super().__init__(
            f"an engine of {dialect} wants a connection; tests can be isolated on "
            f"{', '.join(supported)}.",
            why="the application has a second database, or its URL names another driver",
            instead=f"let it through, without isolation, by `oneloop_passthrough = {name}` in "
            "pytest's configuration, or use one of the drivers named",
        )


class OutdatedDriverError(SandboxError):
    """An engine wants a connection by a release of its driver that cannot share one.

    Attributes:
        driver: Such as `asyncpg`.
        release: The one that is installed.
        needed: The oldest that will do.
    """

    code = "OL213"

    def __init__(self, *, driver: str, release: str, needed: str) -> None:
        self.driver = driver
        self.release = release
        self.needed = needed
        super().__init__(
            f"an engine wants a connection by {driver} {release}, which is too old for tests that "
            "share one connection.",
            why=f"{driver} was installed before, or is pinned; the plugin's own extra would have "
            f"brought {needed} or newer",
            instead=f'pip install "{driver}>={needed}"',
        )


class ConnectionLostError(SandboxError):
    """The real connection ended in the middle of a test.

    Attributes:
        test: The node id of the test.
        cause: The driver's own words.
    """

    code = "OL207"

    def __init__(self, *, test: str, cause: str) -> None:
        self.test = test
        self.cause = cause
        super().__init__(
            f"in {test}: the connection to the test database ended, and with it what the test "
            f"has written: {cause}",
            why="a statement was cancelled (`asyncio.timeout`) and the driver closed its "
            "connection, as aiomysql and asyncmy do; or the server was stopped, a statement "
            "ended the connection (`pg_terminate_backend`, `KILL`), the event loop was closed "
            "within the test, or the test ended and left the statement running",
            instead="let the test not end its connection, nor its loop, and await its tasks; one "
            "that is to cancel statements there has connections of its own by "
            '@pytest.mark.oneloop(strategy="commit")',
        )


class TurnTimeoutError(SandboxError):
    """A statement of one task has not ended for so long that others give up.

    Attributes:
        test: The node id of the test.
        seconds: How long was waited.
        place: Where the connection of the statement that waited was checked out.
    """

    code = "OL208"

    def __init__(self, *, test: str, seconds: float, place: str) -> None:
        self.test = test
        self.seconds = seconds
        self.place = place
        super().__init__(
            f"in {test}: a statement on the connection checked out at {place} waited "
            f"{seconds:g} s for another statement of the test to end.",
            why="a statement blocks on the server (`pg_sleep`, a lock held by another program)",
            instead="end or shorten the statement that runs; the test's connection can run one "
            "at a time",
        )


class UnheardError(SandboxError):
    """Somebody wants to hear notifications, and none would come.

    Attributes:
        test: The node id of the test.
    """

    code = "OL210"

    def __init__(self, *, test: str) -> None:
        self.test = test
        super().__init__(
            f"in {test}: a connection is about to listen for notifications, and none would ever "
            "come: the server delivers them at a commit, and this run of the test commits nothing.",
            why="the code under test uses LISTEN",
            instead="nothing, under `auto`: the test is run again on a real database. To go there "
            'at once, mark it: `@pytest.mark.oneloop(strategy="commit")`',
        )


class ScopedRowsWarning(OneloopWarning):
    """A fixture that lives longer than one test has written, and left its transaction open.

    Attributes:
        fixture: The fixture's name.
        scope: Its scope.
        test: The node id of the test that it was set up for.
    """

    code = "OL209"

    def __init__(self, *, fixture: str, scope: str, test: str) -> None:
        self.fixture = fixture
        self.scope = scope
        self.test = test
        super().__init__(
            f"the fixture {fixture!r} (scope {scope}) has written to the database while it was set "
            f"up for {test}, and has not ended its transaction. What it wrote goes with that test, "
            "and the fixture is set up anew for the next one.",
            why="it yields a session that has flushed, but not committed",
            instead="commit before the `yield`, so that the rows stay for the whole scope: "
            "`await session.commit()`",
        )
