"""Digests: a template's name says what it was built from."""

from __future__ import annotations

import hashlib
from importlib import metadata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_NOTED = "5"
"""Counts up when more is noted of a template: one that lacks it is built anew."""

# Packages whose version may change what a schema's source creates.
_PACKAGES = ("alembic", "sqlalchemy", "pytest-oneloop")


def digest_of_parts(*parts: tuple[str, bytes]) -> str:
    """Return one digest for named pieces of content; no two lists of pieces have the same.

    Args:
        parts: Name and content of each piece, in an order that is always the same.
    """
    whole = hashlib.sha256()
    for name, content in parts:
        for piece in (name.encode(), content):
            whole.update(len(piece).to_bytes(8, "big"))
            whole.update(piece)
    return whole.hexdigest()


def template_fingerprint(
    schema: str, *, server: str, extra: Mapping[str, str] | None = None
) -> str:
    """Return the digest of everything that a template depends on.

    Args:
        schema: The fingerprint of the schema's source.
        server: The server's version.
        extra: What else the caller's template depends on, by name.
    """
    facts = {"schema": schema, "server": server, "noted": _NOTED, **(extra or {})}
    for package in _PACKAGES:
        try:
            facts[f"package {package}"] = metadata.version(package)
        except metadata.PackageNotFoundError:
            facts[f"package {package}"] = "absent"
    return digest_of_parts(*((name, facts[name].encode()) for name in sorted(facts)))
