"""Applications that cannot be tested: one clear error, and the tests that need none go on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_oneloop.sandbox.drivers import SUPPORTED
from tools.projects import Project, notes

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.server

SET = "(set by pyproject.toml [tool.fastapi])"
NOT_APPLICATION = (
    "  Likely cause: another object was meant; an ASGI application is called with three arguments "
    "(scope, receive, send).\n"
    "  What to do: name the object that is given to the server, such as the FastAPI() instance.\n"
)
LIFESPAN = """
from contextlib import asynccontextmanager


@asynccontextmanager
async def lifespan(app):
    raise RuntimeError("no cache server")
    yield


app = FastAPI(lifespan=lifespan)
"""


@pytest.fixture
def project(tmp_path: Path, cache: Path) -> Project:
    """A project with three tests of its application, and one that needs none."""
    project = notes(tmp_path, ONELOOP_CACHE_DIR=str(cache))
    project.write({"test_sums.py": "def test_sums():\n    assert 1 + 1 == 2\n"})
    return project


@pytest.mark.parametrize(
    ("entrypoint", "text"),
    [
        (
            "shop.main:app",
            (
                f"OL302: the application 'shop.main:app' {SET} cannot be imported.\n"
                "    ModuleNotFoundError: No module named 'shop'\n"
                "  Likely cause: there is no module of that name where Python looks for modules.\n"
                "  What to do: correct the name, or install the project that holds it.\n"
            ),
        ),
        (
            "broken:app",
            (
                f"OL302: the application 'broken:app' {SET} cannot be imported.\n"
                "    ZeroDivisionError: division by zero\n"
                "    at {folder}/broken.py:1\n"
                "  Likely cause: the module, or one that it imports, fails while it is imported.\n"
                '  What to do: correct it until python -c "import broken" works.\n'
            ),
        ),
        (
            "api:application",
            (
                f"OL306: the application 'api:application' {SET} is not there: api has no "
                "'application'.\n"
                "  Likely cause: the application has another name, or is made by a function.\n"
                "  What to do: correct the name, or write module:function() for a function that "
                "makes the application.\n"
            ),
        ),
        (
            "notes:engine",
            (
                f"OL303: 'notes:engine' {SET} is not an ASGI application: it is an object of the "
                f"class sqlalchemy.ext.asyncio.engine.AsyncEngine.\n{NOT_APPLICATION}"
            ),
        ),
    ],
)
def test_bad_entrypoint(entrypoint: str, text: str, project: Project) -> None:
    project.write({"broken.py": "1 / 0\n"})
    project.change("pyproject.toml", "api:app", entrypoint)

    run = project.run()

    run.explains(text.format(folder=project.folder))
    # The two other tests, in the list of errors and in the summary.
    assert run.output.count(f"{text[:5]}: the same as above\n") == 4, run.output
    assert run.code == 1
    assert run.counts == {"error": 3, "passed": 1}


def test_entrypoint_without_a_name_in_the_module(project: Project) -> None:
    project.change("pyproject.toml", "api:app", "api")

    run = project.run()

    run.explains(
        "ERROR: OL121: oneloop_app cannot be 'api' (set by pyproject.toml [tool.fastapi]).\n"
        "  Likely cause: it is not of the form module:attribute.\n"
        "  What to do: write the module's dotted name, a colon, and the name in it: "
        "oneloop_app = shop.main:app, or shop.main:create_app() for a function to call.\n"
    )
    assert run.code == 4


def test_not_configured(project: Project) -> None:
    project.change("pyproject.toml", 'entrypoint = "api:app"', "")

    run = project.run()

    run.explains(
        "OL301: the client fixture is used, and no application is configured.\n"
        "  Likely cause: oneloop_app is not set, and pyproject.toml has no [tool.fastapi] "
        "entrypoint.\n"
        "  What to do: do one of the following (shop.main:app stands for your application):\n"
        '    - in pyproject.toml: [tool.fastapi] with entrypoint = "shop.main:app"\n'
        "    - in pytest's configuration: oneloop_app = shop.main:app "
        "(or --oneloop-app, or ONELOOP_APP)\n"
        "    - in conftest.py: a fixture named oneloop_app that returns the application\n"
    )
    assert run.counts == {"error": 3, "passed": 1}


def test_fixture_returns_no_application(project: Project) -> None:
    project.write(
        {"conftest.py": "import pytest\n\n@pytest.fixture\ndef oneloop_app():\n    return 3\n"}
    )

    run = project.run()

    run.explains(
        "OL303: 'oneloop_app' (set by a fixture, or an argument of oneloop.client) is not an ASGI "
        f"application: it is an object of the class builtins.int.\n{NOT_APPLICATION}"
    )
    assert run.counts == {"error": 3, "passed": 1}


def test_startup_fails(project: Project) -> None:
    project.change("api.py", "app = FastAPI()\n", LIFESPAN)

    run = project.run()

    run.explains(
        "OL305: the application's startup failed: RuntimeError: no cache server\n"
        "  Likely cause: its lifespan handler raised an error before its yield.\n"
        "  What to do: look at the error above, which is the application's own; it would fail in "
        "the same way under a server.\n"
    )
    assert run.counts == {"error": 3, "passed": 1}


def test_client_in_a_synchronous_test(project: Project) -> None:
    project.write({"test_notes.py": "def test_write(client):\n    client.post('/notes')\n"})

    run = project.run()

    run.explains(
        "OL312: test_notes.py::test_write is not run on an event loop, and asks for the fixture "
        "`client`, whose requests have to be awaited.\n"
        "  Likely cause: the test is `def`, or `async def` that no plugin runs, or a method of a "
        "`unittest.TestCase`\n"
        "  What to do: write `async def` (with pytest-asyncio's `asyncio_mode = auto`, or the "
        "mark `asyncio` or `anyio`); in `unittest.IsolatedAsyncioTestCase` use "
        "`async with oneloop.client() as client:`; in a synchronous test use Starlette's "
        "`TestClient(app)`\n"
    )
    assert run.counts == {"error": 1, "passed": 1}


def test_engine_of_another_database(project: Project) -> None:
    project.write(
        {
            "test_notes.py": "from sqlalchemy import create_engine\n\n"
            "def test_second_database():\n"
            "    create_engine('oracle+oracledb://u:p@127.0.0.1:1/none').connect()\n"
        }
    )

    run = project.run()

    shown = run.output.replace("\nE   ", "\n")
    assert (
        "\ntest_notes.py:4: in test_second_database\n"
        "    create_engine('oracle+oracledb://u:p@127.0.0.1:1/none').connect()\n"
        "pytest_oneloop.errors.sandbox.UnsupportedDialectError: OL206: an engine of "
        f"oracle+oracledb wants a connection; tests can be isolated on {', '.join(SUPPORTED)}.\n"
        "  Likely cause: the application has a second database, or its URL names another driver\n"
        "  What to do: let it through, without isolation, by `oneloop_passthrough = oracle` in "
        "pytest's configuration, or use one of the drivers named\n"
    ) in shown
    assert "sqlalchemy/" not in run.output
    assert "pytest_oneloop/" not in run.output
    assert run.counts == {"failed": 1, "passed": 1}

    advised = project.run("-o", "oneloop_passthrough=oracle")

    # Nobody listens there: the driver itself says so.
    assert "OL206" not in advised.output
    assert "Connection refused" in advised.output, advised.output


def test_an_applications_own_error_shows_nothing_of_the_plugin(project: Project) -> None:
    project.change(
        "api.py", "    async with new_session()", "    1 / 0\n    async with new_session()"
    )

    run = project.run("-k", "0")

    assert "ZeroDivisionError: division by zero" in run.output
    assert "pytest_oneloop/" not in run.output, run.output
