"""One frozen `Settings` for a run: each value checked, with the place that it came from."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, fields
from pathlib import Path

from pytest_oneloop.aliases import alias_pairs
from pytest_oneloop.cachefolder import default_folder
from pytest_oneloop.errors.settings import InvalidSettingError, UnreadableProjectFileError
from pytest_oneloop.named import database_entries, is_schema_source, named_schemas
from pytest_oneloop.options import AUTO, STRATEGIES, Places, Value
from pytest_oneloop.passthrough import passthrough_names
from pytest_oneloop.servers import kind_of_server, problem_of_server, split_urls

__all__ = ["FASTAPI_ENTRYPOINT", "Places", "Settings", "Value", "read_settings", "without_password"]

FASTAPI_ENTRYPOINT = "pyproject.toml [tool.fastapi]"
"""The source of an application that was named for FastAPI's own command."""

_OBJECT = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*(\.[^\W\d]\w*)*(?P<call>\(\))?")
_ON = ("1", "yes", "true", "on")
_OFF = ("0", "no", "false", "off")
# Up to the last `@`, for a password that should have been percent-encoded must not show either.
_PASSWORD_IN_URL = re.compile(r"(?<=://)(?P<user>[^:/?#@]*):.*(?=@)")
_PASSWORD_IN_QUERY = re.compile(r"(?<=[?&])(?P<name>password|sslpassword)=[^&#]*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings of a run, checked.

    Attributes:
        app: `module:attribute`, perhaps with `()`, or `None`.
        server: The URLs of servers, with their passwords, at most one for each kind of database;
            or `None`.
        schema: `alembic`, `alembic:path/to/alembic.ini`, `module:attribute`, `none`, or `None` for
            "find it".
        databases: The databases with templates of their own, each as `name = schema`.
        strategy: One of `STRATEGIES`.
        passthrough: Names of dialects, some with a driver (`oracle+oracledb`), in lower case.
        alias: Pairs of addresses of one database, `host/name=host/name`.
        cache_dir: An absolute path, which need not exist yet.
        postgres_bin: A folder that exists, or `None`.
        restart_sequences: Whether ids start over with each test.
        explain: Whether failures that event loops cause are explained.
    """

    app: Value[str | None]
    server: Value[tuple[str, ...] | None]
    schema: Value[str | None]
    databases: Value[tuple[str, ...]]
    strategy: Value[str]
    passthrough: Value[tuple[str, ...]]
    alias: Value[tuple[str, ...]]
    cache_dir: Value[Path]
    postgres_bin: Value[Path | None]
    restart_sequences: Value[bool]
    explain: Value[bool]

    def schema_of(self, name: str) -> Value[str | None]:
        """Return where a database's tables come from.

        Args:
            name: The database's, as `databases` has it; empty for the main one.
        """
        if not name:
            return self.schema
        source = self.databases.source
        if not source.startswith(("-o ", "--", "ONELOOP_")):
            source = f"oneloop_databases in {source}"
        return Value(named_schemas(self.databases.value)[name], source)

    def server_of(self, dialect: str) -> Value[str | None]:
        """Return the URL of the server for one kind of database; `None` if none was named."""
        urls = (url for url in self.server.value or () if kind_of_server(url) == dialect)
        return Value(next(urls, None), self.server.source)

    def described(self) -> list[tuple[str, str, str]]:
        """Return (name, value, source) of each setting, as text for people, passwords masked."""
        return [
            (f"oneloop_{field.name}", _described(held.value), held.source)
            for field in fields(self)
            for held in [getattr(self, field.name)]
        ]


def read_settings(places: Places) -> Settings:
    """Return the settings that hold for a run.

    Reads `pyproject.toml` in the root folder where nothing else names the application, and asks
    the file system about the folders that were named. Touches nothing else, but may make a folder
    for temporary files where the user has none to keep things in.

    Raises:
        InvalidSettingError: A value cannot work.
        UnreadableProjectFileError: `pyproject.toml` is needed, and is not valid TOML.
    """
    app = places.find("oneloop_app") or _fastapi_entrypoint(places.rootdir)
    server = places.find("oneloop_server")
    schema = places.find("oneloop_schema")
    return Settings(
        app=_object_path("oneloop_app", app) if app else Value(None, "default"),
        server=_server_urls(server) if server else Value(None, "default"),
        schema=_schema_source(schema) if schema else Value(None, "default"),
        databases=_databases(places.find("oneloop_databases") or Value("", "default")),
        strategy=_strategy(places.find("oneloop_strategy") or Value(AUTO, "default")),
        passthrough=_names(places.find("oneloop_passthrough") or Value("", "default")),
        alias=_aliases(places.find("oneloop_alias") or Value("", "default")),
        cache_dir=_cache_dir(places.find("oneloop_cache_dir"), places.rootdir),
        postgres_bin=_existing_folder(places.find("oneloop_postgres_bin"), places.rootdir),
        restart_sequences=_switch(
            "oneloop_restart_sequences",
            places.find("oneloop_restart_sequences") or Value("on", "default"),
        ),
        explain=_switch(
            "oneloop_explain", places.find("oneloop_explain") or Value("on", "default")
        ),
    )


def without_password(url: str) -> str:
    """Return `url` with each password in it replaced by `***`."""
    masked = _PASSWORD_IN_URL.sub(r"\g<user>:***", url)
    return _PASSWORD_IN_QUERY.sub(r"\g<name>=***", masked)


def _switch(name: str, held: Value[str]) -> Value[bool]:
    """Return whether a setting is on, in the words that pytest's own settings take."""
    word = held.value.lower()
    if word not in {*_ON, *_OFF}:
        raise InvalidSettingError(
            name=name,
            value=held.value,
            source=held.source,
            problem="it is neither yes nor no.",
            instead=f"write {name} = true, or {name} = false.",
        )
    return Value(word in _ON, held.source)


def _described(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(without_password, value)) or "none"
    if value is None:
        return "not set"
    if isinstance(value, bool):
        return "true" if value else "false"
    return without_password(str(value))


def _fastapi_entrypoint(rootdir: Path) -> Value[str] | None:
    """Return the application that `[tool.fastapi]` names, which `fastapi dev` would run."""
    path = rootdir / "pyproject.toml"
    try:
        table: object = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as cause:
        raise UnreadableProjectFileError(path=path, cause=cause) from cause
    for key in ("tool", "fastapi", "entrypoint"):
        table = table.get(key) if isinstance(table, dict) else None
    return Value(str(table).strip(), FASTAPI_ENTRYPOINT) if table else None


def _object_path(name: str, held: Value[str]) -> Value[str]:
    if not _OBJECT.fullmatch(held.value):
        raise InvalidSettingError(
            name=name,
            value=held.value,
            source=held.source,
            problem="it is not of the form module:attribute.",
            instead=f"write the module's dotted name, a colon, and the name in it: "
            f"{name} = shop.main:app, or shop.main:create_app() for a function to call.",
        )
    return held


def _server_urls(held: Value[str]) -> Value[tuple[str, ...] | None]:
    urls = split_urls(held.value)
    found = ((url, problem_of_server(url)) for url in urls)
    kinds = [kind_of_server(url) for url in urls]
    wrong = next((one for one in found if one[1]), None)
    if wrong is None and len({*kinds}) < len(kinds):
        wrong = (held.value, "it names two servers of one kind of database.")
    if wrong is not None:
        raise InvalidSettingError(
            name="oneloop_server",
            value=without_password(wrong[0]),
            source=held.source,
            problem=str(wrong[1]),
            instead="write oneloop_server = postgresql://user:password@host:5432 or "
            "mysql://user:password@host:3306 (for MariaDB too), or both with a space between, for "
            "a user who may create databases; or leave it out to use the embedded PostgreSQL.",
        )
    return Value(urls, held.source)


def _schema_source(held: Value[str]) -> Value[str]:
    if is_schema_source(held.value):
        return held
    raise InvalidSettingError(
        name="oneloop_schema",
        value=held.value,
        source=held.source,
        problem="it is neither alembic nor of the form module:attribute.",
        instead="write oneloop_schema = alembic, or the place of a MetaData object or of a "
        "function, such as oneloop_schema = shop.models:metadata.",
    )


def _strategy(held: Value[str]) -> Value[str]:
    if held.value not in STRATEGIES:
        raise InvalidSettingError(
            name="oneloop_strategy",
            value=held.value,
            source=held.source,
            problem="there is no strategy of that name in this version.",
            instead=f"use one that exists ({', '.join(STRATEGIES)}), or leave it out.",
        )
    return held


def _names(held: Value[str]) -> Value[tuple[str, ...]]:
    return Value(passthrough_names(held), held.source)


def _aliases(held: Value[str]) -> Value[tuple[str, ...]]:
    return Value(alias_pairs(held), held.source)


def _databases(held: Value[str]) -> Value[tuple[str, ...]]:
    return Value(database_entries(held), held.source)


def _cache_dir(held: Value[str] | None, rootdir: Path) -> Value[Path]:
    if held is None:
        return Value(*default_folder())
    path = rootdir / Path(held.value).expanduser()
    if path.exists() and not path.is_dir():
        raise InvalidSettingError(
            name="oneloop_cache_dir",
            value=held.value,
            source=held.source,
            problem=f"{path} is a file.",
            instead="name a folder; it is made where it does not exist.",
        )
    return Value(path, held.source)


def _existing_folder(held: Value[str] | None, rootdir: Path) -> Value[Path | None]:
    if held is None:
        return Value(None, "default")
    path = rootdir / Path(held.value).expanduser()
    if not path.is_dir():
        raise InvalidSettingError(
            name="oneloop_postgres_bin",
            value=held.value,
            source=held.source,
            problem=f"{path} is not a folder.",
            instead="name the folder that holds postgres and initdb, such as "
            "/usr/lib/postgresql/17/bin, or leave it out.",
        )
    return Value(path, held.source)
