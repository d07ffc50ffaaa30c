"""How an engine of psycopg converts JSON: `json_serializer` and `json_deserializer`.

SQLAlchemy's dialect gives each engine a map of adapters, and a connection takes it when it is
opened. The real one was opened for one engine, and others use it too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from psycopg.adapt import AdaptersMap


@dataclass(frozen=True, slots=True)
class JsonAdapters:
    """What psycopg converts JSON by.

    Attributes:
        dumpers: Pairs of psycopg's wrapper of a value, and what writes it.
        loaders: Pairs of a type's number, and what reads it.
    """

    dumpers: tuple[tuple[Any, Any], ...]
    loaders: tuple[tuple[int, Any], ...]

    @classmethod
    def of(cls, adapters: AdaptersMap) -> JsonAdapters:
        """Read them from a map."""
        from psycopg.adapt import PyFormat  # noqa: PLC0415 - only where psycopg is used
        from psycopg.pq import Format  # noqa: PLC0415
        from psycopg.types.json import Json, Jsonb  # noqa: PLC0415

        formats = (PyFormat.TEXT, PyFormat.BINARY)
        numbers = [adapters.types[name].oid for name in ("json", "jsonb")]
        return cls(
            tuple(
                (kind, adapters.get_dumper(kind, way)) for kind in (Json, Jsonb) for way in formats
            ),
            tuple((oid, adapters.get_loader(oid, way)) for oid in numbers for way in Format),
        )

    def register(self, adapters: AdaptersMap) -> None:
        """Put them into a map, in place of those that are there."""
        for kind, dumper in self.dumpers:
            adapters.register_dumper(kind, dumper)
        for oid, loader in self.loaders:
            adapters.register_loader(oid, loader)
