"""Stopped data folders, kept between runs: what a server starts from in a moment."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tarfile
import time
import uuid
from contextlib import contextmanager
from dataclasses import dataclass
from errno import EACCES, EPERM, EROFS
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from pytest_oneloop.databases.embedded import initdb_command, make_data, start_server
from pytest_oneloop.errors.server import SeedBusyError
from pytest_oneloop.errors.settings import CacheFolderError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_oneloop.databases.address import ServerAddress
    from pytest_oneloop.databases.binaries import Binaries
    from pytest_oneloop.databases.places import Places

# Changed whenever what is in a seed changes its meaning.
_FORMAT = 1
_KEPT = 8
# A seed that was found a moment ago may be just about to be read.
_RECENT_SECONDS = 60.0
_BASE_SECONDS = 60.0
_BASE = "base"


@dataclass(frozen=True, slots=True)
class Seed:
    """One stopped data folder.

    Attributes:
        path: A tar file of it, for `start_server`.
        facts: What was noted when it was built.
    """

    path: Path
    facts: dict[str, object]


class SeedCache:
    """The seeds of one user and one installation of PostgreSQL.

    Each seed is a folder that is renamed to its name when it is complete. So whatever has the
    name is complete, and whatever a killed process leaves does not have it.

    Args:
        root: The folder of the cache; made when needed. Seeds take some 30 MB each.
        binaries: The programs.
        places: Where servers that build seeds may lie; the usual folders if not given.
        kept: How many seeds stay, the most recently used ones.
        source: Where the folder was set, for errors.
    """

    def __init__(
        self,
        root: Path,
        binaries: Binaries,
        *,
        places: Places | None = None,
        kept: int = _KEPT,
        source: str = "default",
    ) -> None:
        self._source = source
        self._binaries = binaries
        self._places = places
        self._kept = kept
        self.folder = root / "seeds" / _key(binaries)

    def base(self, *, timeout: float = _BASE_SECONDS) -> Path:
        """Return the seed with nothing in it, as `initdb` makes it; once, some 600 ms.

        Args:
            timeout: Seconds to wait at most, for another process that makes it too.

        Raises:
            SetupError: It cannot be made; each situation has its class.
        """
        seed = self.find(_BASE)
        if seed is not None:
            return seed.path
        with self._locked(_BASE, timeout):
            seed = self.find(_BASE)
            if seed is None:
                made = make_data(self._binaries, deadline=timeout, places=self._places)
                try:
                    seed = self._store(_BASE, Path(str(made.state["data"])), {})
                finally:
                    made.close(timeout)
        return seed.path

    def find(self, fingerprint: str) -> Seed | None:
        """Return the seed of that name if it is complete, and note that it was used."""
        folder = self._folder_of(fingerprint)
        try:
            _note_use(folder)  # first, so that nobody takes it for an old one
            facts: dict[str, object] = json.loads((folder / "facts.json").read_text())
        except (FileNotFoundError, NotADirectoryError):
            return None
        return Seed(folder / "data.tar", facts)

    def build(
        self,
        fingerprint: str,
        populate: Callable[[ServerAddress], dict[str, object]],
        *,
        timeout: float,
    ) -> Seed:
        """Build a seed, unless another process has just built it: then return that one.

        A server is started on an empty data folder, filled, and stopped cleanly. Some 300 ms and
        the time of `populate`, which is called in this thread. Nothing stays if it raises.

        Args:
            fingerprint: Names what the seed will hold; any text.
            populate: Fills the server at the given address; returns facts to keep (as JSON can).
            timeout: Seconds to wait at most: for another process, for the start, for the stop.

        Raises:
            SetupError: It cannot be built; each situation has its class.
        """
        base = self.base(timeout=timeout)
        with self._locked(fingerprint, timeout):
            seed = self.find(fingerprint)
            if seed is None:
                seed = self._build(fingerprint, base, populate, timeout)
        self._prune()
        return seed

    def _build(
        self,
        fingerprint: str,
        base: Path,
        populate: Callable[[ServerAddress], dict[str, object]],
        timeout: float,
    ) -> Seed:
        with start_server(
            self._binaries,
            base,
            run_id=uuid.uuid4().hex,
            deadline=timeout,
            places=self._places,
            linger=True,
        ) as server:
            facts = populate(server.address)
            server.stop(timeout)
            return self._store(fingerprint, server.data, facts)

    def _store(self, fingerprint: str, data: Path, facts: dict[str, object]) -> Seed:
        """Put a stopped data folder into the cache; the caller holds the fingerprint's lock."""
        folder = self._folder_of(fingerprint)
        new = folder.with_suffix(".new")
        if new.exists():
            shutil.rmtree(new)  # of a build that was killed
        try:
            new.mkdir(mode=0o700)
            with tarfile.open(new / "data.tar", "w") as archive:
                for path in sorted(data.iterdir()):
                    if path.name not in ("postmaster.opts", "postmaster.pid"):
                        archive.add(path, path.name)
            (new / "facts.json").write_text(json.dumps(facts))
            new.rename(folder)
        except BaseException as error:
            shutil.rmtree(new, ignore_errors=True)  # the first error is the one to tell
            if isinstance(error, OSError):
                raise self._refusal(error) from error
            raise
        return Seed(folder / "data.tar", facts)

    def _refusal(self, error: OSError) -> CacheFolderError:
        reason = str(error.strerror)
        return CacheFolderError(self.folder, source=self._source, reason=reason)

    @contextmanager
    def _locked(self, fingerprint: str, timeout: float) -> Iterator[None]:
        path = self._lock_of(_short(fingerprint))
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = FileLock(path)
            lock.acquire(timeout=timeout)
        except Timeout as error:
            raise SeedBusyError(path, waited=timeout) from error
        except OSError as error:
            raise self._refusal(error) from error
        try:
            yield
        finally:
            lock.release()

    def _prune(self) -> None:
        """Remove the seeds unused for longest, and what killed builds left; never one in use."""
        try:
            with FileLock(self.folder / "prune.lock", timeout=0):
                seeds = [path for path in self.folder.glob("*.seed") if path.stem != _BASE]
                seeds.sort(key=lambda path: path.stat().st_mtime, reverse=True)
                for folder in seeds[self._kept :]:
                    if time.time() - folder.stat().st_mtime > _RECENT_SECONDS:
                        self._remove(folder)
                for folder in self.folder.glob("*.new"):
                    self._remove(folder)
        except Timeout:
            pass  # another process does it just now

    def _remove(self, folder: Path) -> None:
        try:
            with FileLock(self._lock_of(folder.stem), timeout=0):
                gone = folder.with_suffix(".new")
                folder.rename(gone)
                shutil.rmtree(gone)
        except Timeout:
            pass  # somebody is at it just now

    def _folder_of(self, fingerprint: str) -> Path:
        return self.folder / f"{_short(fingerprint)}.seed"

    def _lock_of(self, name: str) -> Path:
        # A few lock files for all seeds: a lock file must not be removed, and would pile up.
        return self.folder / f"{name[:1]}.lock"


def _note_use(folder: Path) -> None:
    try:
        os.utime(folder)
    except OSError as error:
        # Where this user may not write, as in an image made for many, nobody removes old ones.
        if error.errno not in (EROFS, EACCES, EPERM):
            raise


def _short(fingerprint: str) -> str:
    if fingerprint == _BASE:
        return _BASE
    return hashlib.sha256(fingerprint.encode()).hexdigest()[:24]


def _key(binaries: Binaries) -> str:
    """Name everything that a data folder's bytes depend on, and whose it is."""
    program = (binaries.bindir / "postgres").stat()
    facts = (
        _FORMAT,
        binaries.version,
        str(binaries.bindir),
        program.st_size,
        program.st_mtime_ns,
        initdb_command(Path("bin"), Path("data"), binaries.major),
    )
    digest = hashlib.sha256(repr(facts).encode()).hexdigest()[:12]
    return f"{binaries.version}-{os.geteuid()}-{digest}"
