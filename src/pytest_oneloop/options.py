"""The options that the user can set, and the places where a value is looked for.

The first place that has a value wins: the command line flag, the environment variable, pytest's
configuration file (`-o` included). An empty text counts as not set, wherever it stands, so that
`ONELOOP_SERVER=` in a shell or a CI file switches nothing on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Literal, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

T_co = TypeVar("T_co", covariant=True)

AUTO = "auto"
"""The strategy that finds out for each test which of the others it needs."""

STRATEGIES = (AUTO, "rollback", "commit", "clone")
"""The strategies that exist; the first is the default."""


@dataclass(frozen=True, slots=True)
class Value(Generic[T_co]):
    """A setting's value, and the place that it came from.

    Attributes:
        value: The value, checked.
        source: Such as `--oneloop-app`, `ONELOOP_APP`, `pytest.ini`, `-o oneloop_app`, `default`.
    """

    value: T_co
    source: str


@dataclass(frozen=True, slots=True)
class Option:
    """One setting, as the user writes it.

    Attributes:
        name: Its name in pytest's configuration file; flag and variable follow from it.
        metavar: What stands for the value in `pytest --help`.
        help: One sentence for `pytest --help`.
        ini_type: The type to register with `parser.addini`; register it with `default=None`.
    """

    name: str
    metavar: str
    help: str
    ini_type: Literal["string", "args", "linelist"] = "string"

    @property
    def flag(self) -> str:
        """The command line flag; its `dest` is `name`, and its default has to be `None`."""
        return "--" + self.name.replace("_", "-")

    @property
    def variable(self) -> str:
        """The environment variable."""
        return self.name.upper()


OPTIONS = (
    Option(
        "oneloop_app",
        "MODULE:APP",
        "the ASGI application for the client fixture, such as shop.main:app or "
        "shop.main:create_app() (default: [tool.fastapi] entrypoint in pyproject.toml)",
    ),
    Option(
        "oneloop_server",
        "URL",
        "a server to make test databases on, such as postgresql://postgres@localhost:5432 "
        "(default: an embedded PostgreSQL) or mysql://root@localhost:3306 (no default), "
        "or both",
    ),
    Option(
        "oneloop_schema",
        "SOURCE",
        "where the tables come from: alembic, alembic:path/to/alembic.ini, "
        "package.module:metadata, "
        "package.module:function, or none (default: alembic, where an alembic.ini is found)",
    ),
    Option(
        "oneloop_databases",
        "NAME=SOURCE",
        "databases with tables of their own, such as analytics = shop.stats:Base, each on a line "
        "(or after a comma), named as the application's URL ends; sources as for oneloop_schema",
        "linelist",
    ),
    Option(
        "oneloop_strategy",
        "NAME",
        f"how tests are kept apart: {', '.join(STRATEGIES)} (default: {AUTO})",
    ),
    Option(
        "oneloop_passthrough",
        "DIALECTS",
        "SQLAlchemy dialects whose engines are left alone, such as oracle or oracle+oracledb, "
        "separated by commas or spaces",
        "args",
    ),
    Option(
        "oneloop_alias",
        "ADDRESSES",
        "addresses that mean one database, such as "
        "replica.example/shop=primary.example/shop, separated by commas or spaces",
        "args",
    ),
    Option(
        "oneloop_cache_dir",
        "FOLDER",
        "where things are kept from one run to the next (default: the user's cache folder)",
    ),
    Option(
        "oneloop_postgres_bin",
        "FOLDER",
        "the bin folder of a PostgreSQL to start, instead of the one from the postgres extra",
    ),
    Option(
        "oneloop_restart_sequences",
        "BOOL",
        "whether ids start over with each test (default: true)",
    ),
    Option(
        "oneloop_explain",
        "BOOL",
        "whether a failure that event loops cause is explained (default: true)",
    ),
)
"""Every setting. The plugin loops over it to declare flags and configuration options."""


MAP_NAME = "oneloop_map"
MAP_FLAG = "--oneloop-map"
"""Asks for a picture of one run, so it is a flag alone: no setting of a project."""

MARK_HELP = (
    "oneloop(strategy): how the test is kept apart from others: rollback, commit, clone, or auto, "
    "which finds out"
)
MAP_HELP = "draw what ran on which event loop, with times, as a page"


@dataclass(frozen=True, slots=True)
class Places:
    """The places where settings are looked for.

    Attributes:
        flag: Gives the value of a flag by its `dest`, or `None` (`config.getoption`).
        environ: The environment variables.
        ini: Gives the value in the configuration file, or `None` (`config.getini`).
        rootdir: pytest's root folder; relative folders are below it.
        ini_name: The configuration file's name, for the source (`config.inipath`).
        overridden: The names that `-o` sets.
    """

    flag: Callable[[str], object]
    environ: Mapping[str, str]
    ini: Callable[[str], object]
    rootdir: Path
    ini_name: str = "ini"
    overridden: Sequence[str] = ()

    def find(self, name: str) -> Value[str] | None:
        """Return what is set for the option `name`, or `None`.

        Lists are joined by a space, those of lines by the end of a line.
        """
        option = next(option for option in OPTIONS if option.name == name)
        ini_source = f"-o {name}" if name in self.overridden else self.ini_name
        for found, source in (
            (self.flag(name), option.flag),
            (self.environ.get(option.variable), option.variable),
            (self.ini(name), ini_source),
        ):
            apart = "\n" if option.ini_type == "linelist" else " "
            text = apart.join(map(str, found)) if isinstance(found, list) else str(found or "")
            if text.strip():
                return Value(text.strip(), source)
        return None
