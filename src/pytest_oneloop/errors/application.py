"""What can go wrong between the `client` fixture and the application (OL3xx)."""

from __future__ import annotations

from typing import ClassVar, Final

from pytest_oneloop.errors import OneloopError


class ApplicationNotConfiguredError(OneloopError):
    """The `client` fixture is used, and nothing says which application it is for."""

    code: ClassVar[str] = "OL301"

    def __init__(self) -> None:
        super().__init__(
            "the client fixture is used, and no application is configured.",
            why="oneloop_app is not set, and pyproject.toml has no [tool.fastapi] entrypoint.",
            instead="do one of the following (shop.main:app stands for your application):\n"
            '    - in pyproject.toml: [tool.fastapi] with entrypoint = "shop.main:app"\n'
            "    - in pytest's configuration: oneloop_app = shop.main:app "
            "(or --oneloop-app, or ONELOOP_APP)\n"
            "    - in conftest.py: a fixture named oneloop_app that returns the application",
        )


EXTRAS: Final = {"asyncpg": "postgres", "aiosqlite": "sqlite", "aiomysql": "mysql"}
"""The drivers that an extra of the plugin installs, with that extra."""


class ApplicationImportError(OneloopError):
    """The module that holds the application cannot be imported.

    Args:
        setting: The application as it was written, such as `shop.main:app`.
        source: Where it was written.
        module: The module that was imported.
        error: The original error: its type and text, without a place.
        place: `file:line` of the original error, or `None`.
        near: Modules that are there and have a similar name.
        pythonpath: The folder, relative to the root folder, in which the module lies although
            Python does not look there; or `None`.
        absent: A module beside it that is not installed, and that it needs; or `None`.
    """

    code: ClassVar[str] = "OL302"

    def __init__(  # noqa: PLR0913  (each is a fact of its own)
        self,
        *,
        setting: str,
        source: str,
        module: str,
        error: str,
        place: str | None,
        near: tuple[str, ...],
        pythonpath: str | None,
        absent: str | None = None,
    ) -> None:
        self.setting = setting
        self.source = source
        self.module = module
        self.error = error
        self.place = place
        self.near = near
        self.pythonpath = pythonpath
        self.absent = absent
        where = f"\n    at {place}" if place else ""
        super().__init__(
            f"the application {setting!r} (set by {source}) cannot be imported.\n"
            f"    {error}{where}",
            why=self._cause(),
            instead=self._remedy(),
        )

    def _cause(self) -> str:
        if self.pythonpath is not None:
            return f"{self.module} lies in a folder where Python does not look for modules."
        if self.near:
            return f"the name is misspelt; there is {', '.join(self.near)}."
        if self.absent in EXTRAS:
            return f"the driver {self.absent} is not installed in this environment."
        if self.place:
            return "the module, or one that it imports, fails while it is imported."
        return "there is no module of that name where Python looks for modules."

    def _remedy(self) -> str:
        if self.pythonpath is not None:
            return (
                f'write pythonpath = ["{self.pythonpath}"] under [tool.pytest.ini_options] in '
                f"pyproject.toml (pythonpath = {self.pythonpath} in pytest.ini), or install the "
                "project."
            )
        if self.absent in EXTRAS:
            return f'pip install "pytest-oneloop[{EXTRAS[self.absent]}]"'
        if self.place and not self.near:
            return f'correct it until python -c "import {self.module}" works.'
        return "correct the name, or install the project that holds it."


class ApplicationAttributeError(OneloopError):
    """The application's module was imported, and has nothing of the name.

    Args:
        setting: The application as it was written.
        source: Where it was written.
        owner: What has no such attribute, such as `shop.main`.
        name: The attribute.
        near: Names that it has and that are similar.
    """

    code: ClassVar[str] = "OL306"

    def __init__(
        self, *, setting: str, source: str, owner: str, name: str, near: tuple[str, ...]
    ) -> None:
        self.setting = setting
        self.source = source
        self.owner = owner
        self.name = name
        self.near = near
        super().__init__(
            f"the application {setting!r} (set by {source}) is not there: {owner} has no {name!r}.",
            why=f"the name is misspelt; there is {', '.join(near)}."
            if near
            else "the application has another name, or is made by a function.",
            instead="correct the name, or write module:function() for a function that makes the "
            "application.",
        )


class ApplicationFactoryError(OneloopError):
    """The function that makes the application failed.

    Args:
        setting: The application as it was written, with its `()`.
        source: Where it was written.
        error: The original error: its type and text.
        place: `file:line` of the original error, or `None`.
    """

    code: ClassVar[str] = "OL307"

    def __init__(self, *, setting: str, source: str, error: str, place: str | None) -> None:
        self.setting = setting
        self.source = source
        self.error = error
        self.place = place
        where = f"\n    at {place}" if place else ""
        super().__init__(
            f"the call {setting!r} (set by {source}) that makes the application failed.\n"
            f"    {error}{where}",
            why="the function needs an argument, or something that is not there in tests.",
            instead="let it work without arguments, or write a fixture named oneloop_app that "
            "returns the application.",
        )


class NotAnApplicationError(OneloopError):
    """What was named is there, and is not an ASGI application.

    Args:
        setting: The application as it was written.
        source: Where it was written.
        found: What is there, such as `a function without arguments`.
        factory: Whether it looks like a function that makes the application.
    """

    code: ClassVar[str] = "OL303"

    def __init__(self, *, setting: str, source: str, found: str, factory: bool) -> None:
        self.setting = setting
        self.source = source
        self.found = found
        self.factory = factory
        super().__init__(
            f"{setting!r} (set by {source}) is not an ASGI application: it is {found}.",
            why="it is a function that makes the application."
            if factory
            else "another object was meant; an ASGI application is called with three arguments "
            "(scope, receive, send).",
            instead=f"write {setting}() to have it called."
            if factory
            else "name the object that is given to the server, such as the FastAPI() instance.",
        )


class HttpClientMissingError(OneloopError):
    """Neither httpx nor httpx2 is installed."""

    code: ClassVar[str] = "OL304"

    def __init__(self) -> None:
        super().__init__(
            "the client fixture is used, and neither httpx nor httpx2 is installed.",
            why="the client is httpx's, which this plugin does not install by itself.",
            instead="pip install httpx",
        )


class ClientWithoutLoopError(OneloopError):
    """A synchronous test asks for the asynchronous client.

    Attributes:
        test: The node id of the test.
    """

    code: ClassVar[str] = "OL312"

    def __init__(self, *, test: str) -> None:
        self.test = test
        super().__init__(
            f"{test} is not run on an event loop, and asks for the fixture `client`, whose "
            "requests have to be awaited.",
            why="the test is `def`, or `async def` that no plugin runs, or a method of a "
            "`unittest.TestCase`",
            instead="write `async def` (with pytest-asyncio's `asyncio_mode = auto`, or the mark "
            "`asyncio` or `anyio`); in `unittest.IsolatedAsyncioTestCase` use "
            "`async with oneloop.client() as client:`; in a synchronous test use Starlette's "
            "`TestClient(app)`",
        )
