"""Templates of SQLite: files that are built once for a schema, and kept between runs."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import sqlite3
import time
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from filelock import FileLock, Timeout

from pytest_oneloop.databases.sqlite.folders import attached_to, has_log
from pytest_oneloop.databases.templates import TemplateFacts, noted_drivers
from pytest_oneloop.drivers import TEMPLATE
from pytest_oneloop.errors.schema import SchemaChangedError
from pytest_oneloop.errors.settings import CacheFolderError
from pytest_oneloop.errors.sqlite import TemplateBusyError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from pytest_oneloop.databases.templates import Schema

_KEPT: Final = 8
# One that was found a moment ago may be just about to be read.
_RECENT_SECONDS: Final = 60.0
_DEFERRED: Final = re.compile(r"\bDEFERRABLE\s+INITIALLY\s+DEFERRED\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Template:
    """One template.

    Attributes:
        path: Its file, to which nobody writes any more.
        facts: What was noted when it was built.
    """

    path: Path
    facts: dict[str, Any]


class TemplateCache:
    """The templates of one user. Each is a folder, renamed to its name when it is complete.

    Args:
        root: The folder of the cache; made when needed.
        source: Where it was set, for errors.
    """

    def __init__(self, root: Path, *, source: str = "default") -> None:
        self._source = source
        self.folder = root / "sqlite"

    def find(self, fingerprint: str) -> Template | None:
        """Return the template of that fingerprint if it is complete, and note that it was used."""
        folder = self._folder_of(fingerprint)
        try:
            if os.access(folder, os.W_OK):
                os.utime(folder)  # first, so that nobody takes it for an old one
            facts = json.loads((folder / "facts.json").read_text(encoding="utf-8"))
        except (FileNotFoundError, NotADirectoryError):
            return None
        return Template(folder / "data.db", facts)

    def build(
        self,
        fingerprint: str,
        fill: Callable[[], tuple[Path, dict[str, object]]],
        *,
        timeout: float,
    ) -> Template:
        """Build a template, unless another process has just built it: then return that one.

        Args:
            fingerprint: Names what it will hold; any text.
            fill: Builds a file, and returns it with facts to keep; called in this thread.
            timeout: Seconds to wait at most for another process.

        Raises:
            TemplateBusyError: Another process did not end in time.
            CacheFolderError: The cache cannot be written.
        """
        with self._locked(fingerprint, timeout):
            found = self.find(fingerprint)
            if found is None:
                path, facts = fill()
                try:
                    found = self._store(self._folder_of(fingerprint), path, facts)
                except OSError as error:
                    raise self._refusal(error) from error
        self._prune()
        return found

    def _store(self, folder: Path, path: Path, facts: dict[str, object]) -> Template:
        new = folder.with_suffix(".new")
        if new.exists():
            shutil.rmtree(new)  # of a build that was killed
        new.mkdir(mode=0o700)
        copy(path, new / "data.db")
        for attached, pristine in attached_to(path):
            if attached.read_bytes() != pristine.read_bytes() or has_log(attached):
                copy(attached, new / attached.name.replace(path.stem, TEMPLATE, 1))
        (new / "facts.json").write_text(json.dumps(facts), encoding="utf-8")
        new.rename(folder)
        return Template(folder / "data.db", dict(facts))

    @contextmanager
    def _locked(self, fingerprint: str, timeout: float) -> Iterator[None]:
        # A few lock files for all templates: a lock file must not be removed, and would pile up.
        path = self.folder / f"{_short(fingerprint)[:1]}.lock"
        lock = FileLock(path)
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock.acquire(timeout=timeout)
        except Timeout as error:
            raise TemplateBusyError(path, waited=timeout) from error
        except OSError as error:
            raise self._refusal(error) from error
        try:
            yield
        finally:
            lock.release()

    def _refusal(self, error: OSError) -> CacheFolderError:
        reason = str(error.strerror)
        return CacheFolderError(self.folder, source=self._source, reason=reason)

    def _prune(self) -> None:
        """Remove the templates unused for longest."""
        found = list(self.folder.glob("*.template"))
        found.sort(key=lambda path: path.stat().st_mtime, reverse=True)
        for folder in found[_KEPT:]:
            if time.time() - folder.stat().st_mtime > _RECENT_SECONDS:
                # Another process may do the same just now.
                shutil.rmtree(folder, ignore_errors=True)

    def _folder_of(self, fingerprint: str) -> Path:
        return self.folder / f"{_short(fingerprint)}.template"


def populate(
    path: Path,
    source: Schema,
    redirect: Callable[[], AbstractContextManager[None]],
    *,
    fingerprint: str,
) -> TemplateFacts:
    """Build the schema in an empty file, and read the facts from it.

    Must be called on a thread without a running event loop.

    Args:
        path: The file; made if it is missing.
        source: What to build.
        redirect: A context in which every engine of SQLite reaches the file.
        fingerprint: What the template is built under; it only becomes part of the facts.

    Raises:
        SchemaChangedError: The schema's files changed meanwhile.
        SetupError: The schema cannot be built; the source says why.
    """
    before = source.fingerprint()
    with redirect(), noted_drivers() as drivers:
        inputs = source.build()
    if source.fingerprint() != before:
        raise SchemaChangedError(source.describe())
    with closing(sqlite3.connect(path)) as connection:
        texts = [str(sql) for (sql,) in connection.execute("SELECT sql FROM sqlite_master")]
    return TemplateFacts(
        fingerprint=fingerprint,
        schema=source.describe(),
        has_deferrable=any(_DEFERRED.search(text) for text in texts),
        driver=drivers[0] if drivers else None,
        inputs=inputs,
    )


def copy(source: Path, target: Path) -> None:
    """Copy a database into a new file, by SQLite: connections to the source may be open.

    The copy is in the journal mode in which nothing lies beside a file that nobody uses.
    """
    with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new)
        new.execute("PRAGMA journal_mode = DELETE")


def _short(fingerprint: str) -> str:
    return hashlib.sha256(fingerprint.encode()).hexdigest()[:24]
