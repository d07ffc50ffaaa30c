"""Databases with templates of their own, as the user names them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from pytest_oneloop.errors.addresses import DatabaseEntryError, RepeatedDatabaseError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_oneloop.options import Value

_OBJECT: Final = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*(\.[^\W\d]\w*)*")
_APART: Final = re.compile(r"[\n,]")
_NONE: Final = "none"
# The user and the password of a URL: up to the last `@`, whatever they hold.
_LOGIN: Final = re.compile(r"\S*@")


def is_schema_source(text: str) -> bool:
    """Whether a text is of a form that names where tables come from."""
    kind, colon, file = text.partition(":")
    alembic = kind == "alembic" and bool(colon) == bool(file)
    return text == _NONE or alembic or _OBJECT.fullmatch(text) is not None


def database_entries(held: Value[str]) -> tuple[str, ...]:
    """Return the entries in the setting `oneloop_databases`, each as `name = source`.

    Raises:
        DatabaseEntryError: One is not of that form.
        RepeatedDatabaseError: Two have the same name.
    """
    entries = [entry.strip() for entry in _APART.split(held.value) if entry.strip()]
    found: dict[str, list[str]] = {}
    for entry in entries:
        name, equals, schema = (part.strip() for part in entry.partition("="))
        problem = _problem(name, equals, schema or _NONE)
        if problem:
            shown = _LOGIN.sub("***@", entry)
            raise DatabaseEntryError(entry=shown, source=held.source, problem=problem)
        found.setdefault(name, []).append(schema or _NONE)
    for name, schemas in found.items():
        if len(schemas) > 1:
            raise RepeatedDatabaseError(name=name, source=held.source, schemas=schemas)
    return tuple(f"{name} = {schema}" for name, [schema] in found.items())


def named_schemas(entries: Sequence[str]) -> dict[str, str]:
    """Return the sources of the entries by their names."""
    pairs = (entry.partition(" = ") for entry in entries)
    return {name: schema for name, _, schema in pairs}


def _problem(name: str, equals: str, schema: str) -> str | None:
    if not name:
        return "it has no name before the =."
    if "@" in name or "://" in name:
        return "its name is a URL, of which only the end is wanted, without user and password."
    if not equals:
        return "it has no =, after which the source of its tables comes."
    if not is_schema_source(schema):
        return "its source is neither alembic, nor of the form module:attribute, nor none."
    return None
