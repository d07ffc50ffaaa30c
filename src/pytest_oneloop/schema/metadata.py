"""A schema that a SQLAlchemy metadata object holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_oneloop.errors.schema import EmptyMetadataError
from pytest_oneloop.schema.connecting import run_on_connection
from pytest_oneloop.schema.fingerprint import digest_of_parts

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import MetaData


class MetadataSource:
    """Create every table of a metadata object.

    Args:
        target: What the user wrote: `shop.models:Base`.
        metadata: The object.
    """

    kind = "metadata"

    def __init__(self, target: str, metadata: MetaData) -> None:
        self._target = target
        self._metadata = metadata

    def fingerprint(self) -> str:
        """Return a digest of the statements that would create the schema on PostgreSQL.

        Raises:
            EmptyMetadataError: There is no table in it.
        """
        if not self._metadata.tables:
            raise EmptyMetadataError(self._target)
        statements = "\n".join(self._statements())
        return digest_of_parts(("metadata", b""), ("ddl", statements.encode()))

    def create(self) -> None:
        """Run `create_all`, in one transaction."""
        run_on_connection(self._metadata.create_all)

    def entry_files(self) -> list[Path]:
        """Return nothing: the statements say all, those of `after_create` listeners included."""
        return []

    def _statements(self) -> list[str]:
        from sqlalchemy import create_mock_engine  # noqa: PLC0415 - a run that needs it pays

        statements: list[str] = []

        def note(statement: Any, *multiparams: object, **params: object) -> None:
            text = statement.compile(dialect=engine.dialect)
            statements.append(f"{text} {multiparams!r} {params!r}")

        engine = create_mock_engine("postgresql://", note)
        self._metadata.create_all(engine, checkfirst=False)
        return statements
