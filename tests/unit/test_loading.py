"""The application by its name: what is accepted, and what each mistake says."""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from fastapi import FastAPI
from starlette.endpoints import HTTPEndpoint

from pytest_oneloop.application import check_application
from pytest_oneloop.errors.application import (
    ApplicationAttributeError,
    ApplicationFactoryError,
    ApplicationNotConfiguredError,
    NotAnApplicationError,
)
from tools.bazaar import load

if TYPE_CHECKING:
    from pathlib import Path


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
