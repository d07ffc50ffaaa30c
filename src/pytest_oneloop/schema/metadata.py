"""A schema that a SQLAlchemy metadata object holds."""

from __future__ import annotations

import sys
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_oneloop.errors.schema import EmptyMetadataError
from pytest_oneloop.schema.connecting import run_on_connection
from pytest_oneloop.schema.fingerprint import digest_of_parts

if TYPE_CHECKING:
    from sqlalchemy import MetaData


class MetadataSource:
    """Create every table of a metadata object.

    Args:
        target: What the user wrote: `shop.models:Base`.
        metadata: The object.
        dialect: The name of SQLAlchemy's dialect of the database.
    """

    kind = "metadata"

    def __init__(self, target: str, metadata: MetaData, dialect: str = "postgresql") -> None:
        self._dialect = dialect
        self._target = target
        self._metadata = metadata

    def fingerprint(self) -> str:
        """Return a digest of the statements that would create the schema.

        Where a listener of the project wants more of the connection than an imitation has, it is
        the digest of the file that the target names instead.

        Raises:
            EmptyMetadataError: There is no table in it.
        """
        if not self._metadata.tables:
            raise EmptyMetadataError(self._target)
        if self._statements is None:
            sources = [(str(file.name), file.read_bytes()) for file in self.entry_files()]
            return digest_of_parts(("metadata", b"sources"), *sources)
        return digest_of_parts(("metadata", b""), ("ddl", self._statements.encode()))

    def create(self) -> None:
        """Run `create_all`, in one transaction."""
        run_on_connection(self._metadata.create_all, self._dialect)

    def entry_files(self) -> list[Path]:
        """Return nothing where the statements say all, those of `after_create` listeners included.

        Otherwise the file of the module that the target names.
        """
        if self._statements is not None:
            return []
        name = getattr(sys.modules.get(self._target.partition(":")[0]), "__file__", None)
        return [Path(name).resolve()] if name else []

    @cached_property
    def _statements(self) -> str | None:
        """What would be sent; `None` where only a real connection would tell."""
        from sqlalchemy import create_mock_engine  # noqa: PLC0415 - a run that needs it pays

        statements: list[str] = []

        def note(statement: Any, *multiparams: object, **params: object) -> None:
            text = statement.compile(dialect=engine.dialect)
            statements.append(f"{text} {multiparams!r} {params!r}")

        engine = create_mock_engine(f"{self._dialect}://", note)
        try:
            self._metadata.create_all(engine, checkfirst=False)
        except Exception:  # noqa: BLE001 - what is really wrong, the real connection will say
            return None
        return "\n".join(statements)
