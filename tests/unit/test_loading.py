"""The application by its name: what is accepted, and what each mistake says."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from fastapi import FastAPI
from starlette.endpoints import HTTPEndpoint

from pytest_oneloop.application import check_application, load_application
from pytest_oneloop.errors.application import (
    EXTRAS,
    ApplicationAttributeError,
    ApplicationFactoryError,
    ApplicationImportError,
    ApplicationNotConfiguredError,
    NotAnApplicationError,
)
from pytest_oneloop.options import Value

if TYPE_CHECKING:
    from collections.abc import Iterator

MAIN = """\
from types import SimpleNamespace
from fastapi import FastAPI

application = FastAPI()
inner = SimpleNamespace(api=application)
number = 3

def create_application():
    return application

def create_nothing():
    pass

def create_from(settings):
    return application

def create_badly():
    return application.no_such_thing

async def create_later():
    return application
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A project whose package Python can import, forgotten again after the test."""
    package = tmp_path / "bazaar"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "main.py").write_text(MAIN)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    for name in [one for one in sys.modules if one.partition(".")[0] == "bazaar"]:
        del sys.modules[name]


def load(project: Path, setting: str | None) -> object:
    return load_application(Value(setting, "ONELOOP_APP"), rootdir=project)


@pytest.mark.parametrize(
    "setting",
    ["bazaar.main:application", "bazaar.main:inner.api", "bazaar.main:create_application()"],
)
def test_an_application_is_found(project: Path, setting: str) -> None:
    assert isinstance(load(project, setting), FastAPI)


def test_the_search_path_is_left_alone(project: Path) -> None:
    before = list(sys.path)

    load(project, "bazaar.main:application")

    assert sys.path == before


def test_no_application_is_configured(project: Path) -> None:
    with pytest.raises(ApplicationNotConfiguredError) as caught:
        load(project, None)

    assert str(caught.value) == (
        "OL301: the client fixture is used, and no application is configured.\n"
        "  Likely cause: oneloop_app is not set, and pyproject.toml has no [tool.fastapi] "
        "entrypoint.\n"
        "  What to do: do one of the following (shop.main:app stands for your application):\n"
        '    - in pyproject.toml: [tool.fastapi] with entrypoint = "shop.main:app"\n'
        "    - in pytest's configuration: oneloop_app = shop.main:app "
        "(or --oneloop-app, or ONELOOP_APP)\n"
        "    - in conftest.py: a fixture named oneloop_app that returns the application"
    )


@pytest.mark.parametrize(
    ("folder", "shown"), [(".", "."), ("src", "src")], ids=["root folder", "src"]
)
def test_a_module_that_lies_beside_the_search_path(tmp_path: Path, folder: str, shown: str) -> None:
    (tmp_path / folder).mkdir(exist_ok=True)
    (tmp_path / folder / "stall.py").write_text(MAIN)

    with pytest.raises(ApplicationImportError) as caught:
        load(tmp_path, "stall:application")

    assert caught.value.pythonpath == shown
    assert str(caught.value) == (
        "OL302: the application 'stall:application' (set by ONELOOP_APP) cannot be imported.\n"
        "    ModuleNotFoundError: No module named 'stall'\n"
        "  Likely cause: stall lies in a folder where Python does not look for modules.\n"
        f'  What to do: write pythonpath = ["{shown}"] under [tool.pytest.ini_options] in '
        f"pyproject.toml (pythonpath = {shown} in pytest.ini), or install the project."
    )


@pytest.mark.parametrize(
    ("setting", "missing", "near"),
    [
        ("bazaar.mian:application", "bazaar.mian", "bazaar.main"),
        ("bazar.main:application", "bazar", "bazaar"),
    ],
)
def test_a_module_whose_name_is_misspelt(
    project: Path, setting: str, missing: str, near: str
) -> None:
    with pytest.raises(ApplicationImportError) as caught:
        load(project, setting)

    assert caught.value.near == (near,)
    assert str(caught.value) == (
        f"OL302: the application {setting!r} (set by ONELOOP_APP) cannot be imported.\n"
        f"    ModuleNotFoundError: No module named {missing!r}\n"
        f"  Likely cause: the name is misspelt; there is {near}.\n"
        "  What to do: correct the name, or install the project that holds it."
    )


def test_a_module_that_is_nowhere(project: Path) -> None:
    with pytest.raises(ApplicationImportError) as caught:
        load(project, "qqqzzz:application")

    assert str(caught.value) == (
        "OL302: the application 'qqqzzz:application' (set by ONELOOP_APP) cannot be imported.\n"
        "    ModuleNotFoundError: No module named 'qqqzzz'\n"
        "  Likely cause: there is no module of that name where Python looks for modules.\n"
        "  What to do: correct the name, or install the project that holds it."
    )


@pytest.mark.parametrize(
    ("text", "error", "line"),
    [
        ("import os\nimport qqqzzz\n", "ModuleNotFoundError: No module named 'qqqzzz'", 2),
        ("\n\nraise ValueError('no DATABASE_URL')\n", "ValueError: no DATABASE_URL", 3),
        ("import sys\nsys.exit(2)\n", "SystemExit: 2", 2),
        ("from json import loads\nloads('{')\n", None, 2),
        ("def broken(:\n", None, 1),
    ],
)
def test_a_module_that_fails_shows_where(
    project: Path, text: str, error: str | None, line: int
) -> None:
    broken = project / "bazaar" / "broken.py"
    broken.write_text(text)

    with pytest.raises(ApplicationImportError) as caught:
        load(project, "bazaar.broken:application")

    cause = caught.value.__cause__
    error = error or f"{type(cause).__name__}: {cause}"
    assert str(caught.value) == (
        "OL302: the application 'bazaar.broken:application' (set by ONELOOP_APP) cannot be "
        "imported.\n"
        f"    {error}\n"
        f"    at {broken}:{line}\n"
        "  Likely cause: the module, or one that it imports, fails while it is imported.\n"
        '  What to do: correct it until python -c "import bazaar.broken" works.'
    )


@pytest.mark.parametrize(("driver", "extra"), EXTRAS.items())
def test_a_driver_that_is_not_installed(
    project: Path, driver: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = project / "bazaar" / "broken.py"
    broken.write_text(f"import {driver}\n")
    monkeypatch.setitem(sys.modules, driver, None)

    with pytest.raises(ApplicationImportError) as caught:
        load(project, "bazaar.broken:application")

    assert caught.value.absent == driver
    assert str(caught.value) == (
        "OL302: the application 'bazaar.broken:application' (set by ONELOOP_APP) cannot be "
        "imported.\n"
        f"    ModuleNotFoundError: {caught.value.__cause__}\n"
        f"    at {broken}:1\n"
        f"  Likely cause: the driver {driver} is not installed in this environment.\n"
        f'  What to do: pip install "pytest-oneloop[{extra}]"'
    )


def test_the_extras_of_drivers_are_those_of_the_project() -> None:
    text = (Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8")
    extras = tomllib.loads(text)["project"]["optional-dependencies"]

    assert [
        driver
        for driver, extra in EXTRAS.items()
        if not any(requirement.startswith(f"{driver}>=") for requirement in extras[extra])
    ] == []


def test_a_name_that_the_module_has_not(project: Path) -> None:
    with pytest.raises(ApplicationAttributeError) as caught:
        load(project, "bazaar.main:aplication")

    assert caught.value.near == ("application", "create_application")
    assert str(caught.value) == (
        "OL306: the application 'bazaar.main:aplication' (set by ONELOOP_APP) is not there: "
        "bazaar.main has no 'aplication'.\n"
        "  Likely cause: the name is misspelt; there is application, create_application.\n"
        "  What to do: correct the name, or write module:function() for a function that makes "
        "the application."
    )


def test_a_name_that_is_like_no_other(project: Path) -> None:
    with pytest.raises(ApplicationAttributeError) as caught:
        load(project, "bazaar.main:inner.qqqzzz")

    assert str(caught.value) == (
        "OL306: the application 'bazaar.main:inner.qqqzzz' (set by ONELOOP_APP) is not there: "
        "bazaar.main.inner has no 'qqqzzz'.\n"
        "  Likely cause: the application has another name, or is made by a function.\n"
        "  What to do: correct the name, or write module:function() for a function that makes "
        "the application."
    )


@pytest.mark.parametrize(
    ("name", "line"), [("create_badly", 18), ("create_from", None)], ids=["fails", "wants more"]
)
def test_a_factory_that_fails(project: Path, name: str, line: int | None) -> None:
    with pytest.raises(ApplicationFactoryError) as caught:
        load(project, f"bazaar.main:{name}()")

    cause = caught.value.__cause__
    place = f"\n    at {project / 'bazaar' / 'main.py'}:{line}" if line else ""
    assert isinstance(cause, AttributeError | TypeError)
    assert str(caught.value) == (
        f"OL307: the call 'bazaar.main:{name}()' (set by ONELOOP_APP) that makes the application "
        "failed.\n"
        f"    {type(cause).__name__}: {cause}{place}\n"
        "  Likely cause: the function needs an argument, or something that is not there in "
        "tests.\n"
        "  What to do: let it work without arguments, or write a fixture named oneloop_app that "
        "returns the application."
    )


def test_a_factory_that_was_not_called(project: Path) -> None:
    with pytest.raises(NotAnApplicationError) as caught:
        load(project, "bazaar.main:create_application")

    assert str(caught.value) == (
        "OL303: 'bazaar.main:create_application' (set by ONELOOP_APP) is not an ASGI application: "
        "it is the function create_application().\n"
        "  Likely cause: it is a function that makes the application.\n"
        "  What to do: write bazaar.main:create_application() to have it called."
    )


@pytest.mark.parametrize(
    ("setting", "found"),
    [
        ("bazaar.main:number", "an object of the class builtins.int"),
        ("bazaar.main:number()", "an object of the class builtins.int, which cannot be called"),
        ("bazaar.main:create_nothing()", "None"),
        ("bazaar.main:create_from", "the function create_from(settings)"),
        ("bazaar.main:create_later()", "an object of the class builtins.coroutine"),
        ("bazaar:main", "the module bazaar.main"),
        ("bazaar.main:FastAPI", "the class FastAPI"),
    ],
)
def test_what_is_there_is_no_application(project: Path, setting: str, found: str) -> None:
    __import__("bazaar.main")

    with pytest.raises(NotAnApplicationError) as caught:
        load(project, setting)

    assert not caught.value.factory
    assert str(caught.value) == (
        f"OL303: {setting!r} (set by ONELOOP_APP) is not an ASGI application: it is {found}.\n"
        "  Likely cause: another object was meant; an ASGI application is called with three "
        "arguments (scope, receive, send).\n"
        "  What to do: name the object that is given to the server, such as the FastAPI() "
        "instance."
    )


async def plain(scope: Any, receive: Any, send: Any) -> None:
    """Stand for an application that is a function."""


def wrapping(scope: Any, receive: Any, send: Any) -> Any:
    return plain(scope, receive, send)


class Caller:
    async def __call__(self, scope: Any, receive: Any, send: Any) -> None: ...

    async def handle(self, scope: Any, receive: Any, send: Any, more: int = 0) -> None: ...


def outer(*arguments: Any, **named: Any) -> Any: ...


@pytest.mark.parametrize(
    "found",
    [
        plain,
        Caller(),
        Caller().handle,
        partial(Caller().handle, more=1),
        HTTPEndpoint,
        wrapping,
        FastAPI(),
    ],
)
def test_what_is_an_application(found: object) -> None:
    assert check_application(found, name="x", source="y") is found


def wsgi(environ: Any, start_response: Any) -> Any: ...


@pytest.mark.parametrize("found", [Caller, wsgi, outer, SimpleNamespace(), print, "main:app"])
def test_what_is_none(found: object) -> None:
    with pytest.raises(NotAnApplicationError):
        check_application(found, name="x", source="y")


def test_importing_it_loads_neither_fastapi_nor_httpx_nor_sqlalchemy() -> None:
    code = (
        "import sys, pytest_oneloop.application, pytest_oneloop.settings, "
        "pytest_oneloop.loops.scopes, pytest_oneloop.report.header\n"
        "print(sorted({name.partition('.')[0] for name in sys.modules} & "
        "{'fastapi', 'starlette', 'httpx', 'httpx2', 'sqlalchemy', 'alembic', 'pytest', "
        "'platformdirs', 'anyio'}))"
    )

    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )

    assert result.stdout == "[]\n"
