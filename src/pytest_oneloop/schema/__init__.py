"""What a database is built from: Alembic, a metadata object, or a callable."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from pytest_oneloop.errors.schema import NoRevisionsError, SchemaTargetError
from pytest_oneloop.schema.alembic import AlembicSource
from pytest_oneloop.schema.scripts import alembic_toml, find_alembic
from pytest_oneloop.schema.targets import TargetSource

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["SchemaSource", "find_schema"]


class SchemaSource(Protocol):
    """Something that can create a schema in an empty database."""

    @property
    def name(self) -> str:
        """What kind it is, and its name: `alembic`, `metadata shop.models:Base`."""
        ...

    def describe(self) -> str:
        """Say in few words what it is, for the header. Cheap; imports nothing of the project."""
        ...

    def fingerprint(self) -> str:
        """Return a digest of everything that it is built from."""
        ...

    def build(self) -> dict[str, str]:
        """Create the schema, with connections that the caller has redirected.

        Returns:
            The project's files that took part, besides those in the fingerprint, with their
            digests.
        """
        ...

    def changed(self, inputs: Mapping[str, str]) -> list[str]:
        """Return those files of an earlier `build` that are not as they were."""
        ...


def find_schema(
    option: str | None, *, source: str, rootdir: Path, dialect: str = "postgresql"
) -> SchemaSource | None:
    """Find what the tests' database is built from. Imports nothing of the project.

    Args:
        option: `alembic`, `alembic:path/to/alembic.ini` (from `rootdir`), or `package.module:name`
            of a `MetaData`, a declarative base or a function (see `CallableSource`), or `none`.
            `None` looks for an `alembic.ini`, or a table `[tool.alembic]` in `pyproject.toml`, from
            `rootdir` upwards.
        source: Where the option was set, for the errors.
        rootdir: The root of the project.
        dialect: The name of SQLAlchemy's dialect of the database.

    Returns:
        The source; `None` if there is to be none, or no option is given and nothing is found.

    Raises:
        SchemaTargetError: The option is of no known form, or names a file that is not there.
        NoRevisionsError: The option says `alembic`, and there is no configuration of it.
    """
    if option == "none":
        return None
    if option is None or option == "alembic":
        found = find_alembic(rootdir)
        if found is None:
            if option is None:
                return None
            raise NoRevisionsError(
                rootdir / "alembic.ini",
                reason=f"there is no such file, nor one above it (set by {source})",
            )
        return AlembicSource(*found, rootdir=rootdir)
    if option.startswith("alembic:") and not option.endswith(":"):
        file = rootdir / option.removeprefix("alembic:")
        if not file.is_file():
            raise SchemaTargetError(
                option, source=source, reason=f"there is no file {file}", root=rootdir
            )
        if file.suffix == ".toml":
            return AlembicSource(None, file, rootdir=rootdir)
        return AlembicSource(file, alembic_toml(file.parent), rootdir=rootdir)
    if ":" not in option:
        raise SchemaTargetError(
            option, source=source, reason="the colon and a name after it are missing"
        )
    return TargetSource(option, source=source, rootdir=rootdir, dialect=dialect)
