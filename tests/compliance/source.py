"""The requirement class of SQLAlchemy's own source distribution, fetched from PyPI.

It says of each database which tests of the suite it can pass. The wheel does not hold it, and it is
not copied into this project.
"""

from __future__ import annotations

import hashlib
import json
import tarfile
from importlib.metadata import version
from io import BytesIO
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin
from urllib.request import urlopen

from platformdirs import user_cache_path

if TYPE_CHECKING:
    from pathlib import Path

_INDEX = "https://pypi.org/pypi/sqlalchemy/json"
_DEADLINE = 120.0
"""Seconds of silence after which a download is given up."""


class NoSourceError(Exception):
    """PyPI has no source distribution of this version, or not the one that it promises."""


def requirements() -> Path:
    """Return the file for the version that is installed; the first call fetches it (10 MB).

    Raises:
        NoSourceError: What came is not what PyPI says that it should be.
        OSError: PyPI did not answer.
    """
    installed = version("sqlalchemy")
    kept = user_cache_path("pytest-oneloop") / "compliance" / f"requirements-{installed}.py"
    if not kept.exists():
        content = _fetch(installed)
        kept.parent.mkdir(parents=True, exist_ok=True)
        # Under its own name only when it is complete.
        fresh = kept.with_suffix(".part")
        fresh.write_bytes(content)
        fresh.replace(kept)
    return kept


def _fetch(installed: str) -> bytes:
    files: list[dict[str, Any]] = json.loads(_read(_INDEX))["releases"].get(installed, [])
    sources = [file for file in files if file["packagetype"] == "sdist"]
    if not sources:
        message = f"PyPI has no source distribution of SQLAlchemy {installed}"
        raise NoSourceError(message)
    archive = _read(urljoin(_INDEX, sources[0]["url"]))
    found, wanted = hashlib.sha256(archive).hexdigest(), sources[0]["digests"]["sha256"]
    if found != wanted:
        message = f"{sources[0]['filename']} has the hash {found}, and should have {wanted}"
        raise NoSourceError(message)
    with tarfile.open(fileobj=BytesIO(archive)) as tar:
        member = next(m for m in tar if m.name.endswith("/test/requirements.py"))
        file = tar.extractfile(member)
        assert file is not None
        return file.read()


def _read(url: str) -> bytes:
    with urlopen(url, timeout=_DEADLINE) as answer:  # noqa: S310 - an https URL of PyPI's
        content: bytes = answer.read()
        return content
