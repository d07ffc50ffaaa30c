"""Small projects that have one of the doctor's findings, and the same after the mending."""

from __future__ import annotations

from dataclasses import dataclass, field

from tools.doctor_files import (
    API,
    BASE,
    CALLS,
    COMMITS,
    DATABASE,
    DIRECT,
    ENGINE,
    EVENT_LOOP,
    LASTING,
    LASTING_ENGINE,
    LOOPS_OF_TESTS,
    MARKED,
    ONE_LOOP,
    OVERRIDE,
    OWN_SESSION,
    ROLLED_BACK,
    STRICT,
    SYNC_CALLS,
    TABLES,
    TESTS,
)


@dataclass(frozen=True)
class Pair:
    """A project with one finding, and its twin without.

    Attributes:
        code: The finding's.
        name: What is wrong, for the name of the test.
        sick: The files.
        mended: The files that differ after the mending.
    """

    code: str
    name: str
    sick: dict[str, str]
    mended: dict[str, str] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return f"{self.code}-{self.name}"


PAIRS = [
    Pair(
        "OL401",
        "engine-of-a-wider-loop",
        {
            "pytest.ini": LOOPS_OF_TESTS,
            "conftest.py": LASTING_ENGINE.replace("pytest.fixture(", "pytest_asyncio.fixture(")
            .replace('scope="session"', 'scope="session", loop_scope="session"')
            .replace("import pytest\n", "import pytest\nimport pytest_asyncio\n"),
            "test_it.py": TESTS,
        },
        {"pytest.ini": ONE_LOOP},
    ),
    Pair(
        "OL401",
        "lock-of-a-fixture",
        {
            "pytest.ini": LOOPS_OF_TESTS,
            "conftest.py": "import asyncio\n\nimport pytest\n\n\n"
            '@pytest.fixture(scope="session")\ndef lock():\n    return asyncio.Lock()\n',
            "test_it.py": "async def test_one(lock): ...\n\n\nasync def test_two(lock): ...\n",
        },
        {"pytest.ini": ONE_LOOP},
    ),
    Pair(
        "OL402",
        "engine-of-a-module",
        {"pytest.ini": LOOPS_OF_TESTS, "database.py": DATABASE, "test_it.py": DIRECT},
        {"pytest.ini": ONE_LOOP},
    ),
    Pair(
        "OL403",
        "engine-per-test",
        {
            "pytest.ini": ONE_LOOP,
            "conftest.py": ENGINE.format(arguments="", options=""),
            "test_it.py": TESTS,
        },
        {"conftest.py": LASTING_ENGINE},
    ),
    Pair(
        "OL403",
        "connections-thrown-away",
        {
            "pytest.ini": LOOPS_OF_TESTS,
            "database.py": DATABASE,
            "conftest.py": "import pytest\n\nfrom database import engine, new_session\n\n\n"
            "@pytest.fixture\nasync def session():\n    async with new_session() as session:\n"
            "        yield session\n    await engine.dispose()\n",
            "test_it.py": TESTS,
        },
        {
            "pytest.ini": ONE_LOOP,
            "conftest.py": "import pytest\n\nfrom database import engine, new_session\n\n\n"
            "@pytest.fixture\nasync def session():\n    async with new_session() as session:\n"
            "        yield session\n",
        },
    ),
    Pair(
        "OL404",
        "never-rolled-back",
        {"pytest.ini": ONE_LOOP, "conftest.py": LASTING_ENGINE, "test_it.py": COMMITS},
        {"conftest.py": ROLLED_BACK},
    ),
    Pair(
        "OL405",
        "tables-per-test",
        {
            "pytest.ini": ONE_LOOP,
            "base.py": BASE,
            "conftest.py": "from base import Base\n"
            + LASTING_ENGINE
            + TABLES.format(arguments="(autouse=True)"),
            "test_it.py": TESTS,
        },
        {
            "conftest.py": "from base import Base\n"
            + LASTING_ENGINE
            + TABLES.format(arguments='(scope="session", autouse=True)')
        },
    ),
    Pair(
        "OL406",
        "null-pool",
        {
            "pytest.ini": LOOPS_OF_TESTS.replace("= function", "= session"),
            "conftest.py": "from sqlalchemy import NullPool\n"
            + ENGINE.format(arguments=LASTING, options=", poolclass=NullPool")
            .replace("@pytest.fixture\nasync", '@pytest.fixture(loop_scope="session")\nasync')
            .replace("import pytest\n", "import pytest_asyncio as pytest\n"),
            "test_it.py": "import pytest\n\n\n"
            "pytestmark = pytest.mark.asyncio(loop_scope='session')\n" + TESTS,
        },
        {"pytest.ini": ONE_LOOP, "conftest.py": LASTING_ENGINE},
    ),
    Pair(
        "OL407",
        "repeated-loop-scopes",
        {
            "pytest.ini": STRICT,
            "test_it.py": MARKED.format(before="", scope='(loop_scope="session")'),
        },
        {"pytest.ini": ONE_LOOP, "test_it.py": MARKED.format(before="", scope="")},
    ),
    Pair(
        "OL408",
        "event-loop-fixture",
        {
            "pytest.ini": ONE_LOOP,
            "conftest.py": EVENT_LOOP,
            "test_it.py": "async def test_one(): ...\n",
        },
        {"conftest.py": ""},
    ),
    Pair(
        "OL409",
        "test-client",
        {
            "pytest.ini": ONE_LOOP,
            "database.py": DATABASE,
            "api.py": API,
            "conftest.py": OVERRIDE.partition("@pytest.fixture\nasync def client")[0],
            "test_it.py": SYNC_CALLS,
        },
        {"conftest.py": OVERRIDE, "test_it.py": CALLS},
    ),
    Pair(
        "OL410",
        "sessions-outside",
        {
            "pytest.ini": ONE_LOOP,
            "database.py": DATABASE,
            "api.py": API + OWN_SESSION,
            "conftest.py": OVERRIDE.replace("        new_session.configure(bind=None)\n", ""),
            "test_it.py": CALLS,
        },
        {"conftest.py": OVERRIDE.replace("bind=None", "bind=connection")},
    ),
    Pair(
        "OL411",
        "no-marker",
        {"pytest.ini": STRICT, "test_it.py": "async def test_one(): ...\n"},
        {"pytest.ini": ONE_LOOP},
    ),
    Pair(
        "OL412",
        "nobody-awaits",
        {
            "pytest.ini": STRICT,
            "conftest.py": LASTING_ENGINE,
            "test_it.py": f"import pytest\npytestmark = pytest.mark.asyncio\n{TESTS}",
        },
        {"pytest.ini": ONE_LOOP},
    ),
]
"""At least one pair for each finding."""
