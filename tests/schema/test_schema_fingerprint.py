"""Digests, and what is left unimported."""

from __future__ import annotations

import subprocess
import sys
from importlib import metadata
from typing import TYPE_CHECKING

from pytest_oneloop.schema.fingerprint import digest_of_parts, template_fingerprint

if TYPE_CHECKING:
    import pytest


def test_pieces_do_not_run_together() -> None:
    digests = {
        digest_of_parts(("a", b"bc")),
        digest_of_parts(("ab", b"c")),
        digest_of_parts(("a", b"b"), ("c", b"")),
        digest_of_parts(("a", b""), ("bc", b"")),
        digest_of_parts(),
    }
    assert len(digests) == 5


def test_everything_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    first = template_fingerprint("s", server="18.6")
    assert template_fingerprint("s", server="18.6", extra={}) == first
    others = {
        template_fingerprint("t", server="18.6"),
        template_fingerprint("s", server="18.7"),
        template_fingerprint("s", server="18.6", extra={"seed": "1"}),
    }
    real = metadata.version
    for package in ("alembic", "sqlalchemy", "pytest-oneloop"):
        with monkeypatch.context() as patch:
            patch.setattr(
                metadata, "version", lambda name, p=package: "0" if name == p else real(name)
            )
            others.add(template_fingerprint("s", server="18.6"))
    assert len(others | {first}) == 7


def test_naming_a_schema_imports_neither_alembic_nor_sqlalchemy() -> None:
    script = (
        "import sys, pytest_oneloop.schema, pytest_oneloop.databases.stored, "
        "pytest_oneloop.databases.workers, pytest_oneloop.databases.serverinfo\n"
        "print([name for name in ('alembic', 'sqlalchemy', 'asyncpg', 'psycopg', 'pytest') "
        "if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "[]\n"
