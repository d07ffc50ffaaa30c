"""The project's own files that a build has used: what its result depends on besides its source."""

from __future__ import annotations

import ast
import hashlib
import site
import sys
import sysconfig
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_CHANGED_MEANWHILE = "changed while it was read"


def digest_of(file: Path) -> str | None:
    """Return the digest of a file's content; `None` if there is no such file."""
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except (FileNotFoundError, NotADirectoryError):
        return None


def changed_inputs(inputs: Mapping[str, str], rootdir: Path) -> list[str]:
    """Return the paths whose files are no longer what `record_inputs` saw. Reads each file once."""
    return [path for path, digest in inputs.items() if digest_of(rootdir / path) != digest]


def record_inputs(
    entries: Iterable[Path], imported: Iterable[str], *, rootdir: Path, since: float
) -> dict[str, str]:
    """Return the project's files that a build has used, with their digests.

    These are the modules that were imported during the build, and those that the entries import,
    by reading their source, directly or through other files of the project: they may have been
    imported before. A file is the project's if it belongs neither to Python nor to an installed
    package.

    Args:
        entries: Files that ran: `env.py`, revisions. They are not recorded themselves; whoever
            names them has their digest.
        imported: Names of the modules that were imported during the build.
        rootdir: The paths are relative to it where they can be, so that checkouts in other places
            agree.
        since: When the build began (seconds since the epoch). A file written later counts as
            changed: what was imported is not what is there.
    """
    foreign = _foreign_folders()
    found: dict[Path, str] = {}

    waiting = [(file, "") for file in entries]

    def visit(module: str) -> None:
        file = _project_file(module, foreign)
        if file is None or file in found:
            return
        written_later = file.stat().st_mtime >= since
        found[file] = _CHANGED_MEANWHILE if written_later else digest_of(file) or ""
        is_package = file.name == "__init__.py"
        waiting.append((file, module if is_package else module.rpartition(".")[0]))

    for name in imported:
        visit(name)
    while waiting:
        for name in _imported_names(*waiting.pop()):
            visit(name)
    return {_relative(file, rootdir): digest for file, digest in sorted(found.items())}


def _imported_names(file: Path, package: str) -> Iterator[str]:
    """Yield every name that an import statement of the file may mean, parents included."""
    try:
        tree = ast.parse(file.read_bytes())
    except (SyntaxError, ValueError):
        # Not Python source (an extension module, say): it imports nothing that can be read.
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from _with_parents(alias.name)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = package.split(".")
                kept = parts[: len(parts) - node.level + 1]
                base = ".".join([*kept, base] if base else kept)
            yield from _with_parents(base)
            # `from package import module`; a name that is no module is not found, and that is all.
            yield from (f"{base}.{alias.name}" for alias in node.names)


def _with_parents(name: str) -> Iterator[str]:
    parts = name.split(".")
    for count in range(1, len(parts) + 1):
        yield ".".join(parts[:count])


def project_place(error: BaseException) -> str | None:
    """Return the innermost line of the project that an error passed through: `file:line`."""
    foreign = _foreign_folders()
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if _is_of_project(Path(frame.filename).resolve(), foreign):
            return f"{frame.filename}:{frame.lineno}"
    return None


def _project_file(module: str, foreign: frozenset[Path]) -> Path | None:
    name = getattr(sys.modules.get(module), "__file__", None)
    if not isinstance(name, str):
        return None
    file = Path(name).resolve()
    return file if _is_of_project(file, foreign) else None


def _is_of_project(file: Path, foreign: frozenset[Path]) -> bool:
    if foreign.intersection(file.parents) or not file.is_file():
        return False
    return not {"site-packages", "dist-packages"}.intersection(file.parts)


def _foreign_folders() -> frozenset[Path]:
    """Return the folders of Python, of installed packages, and of this package."""
    paths = sysconfig.get_paths()
    names = [paths[key] for key in ("stdlib", "platstdlib", "purelib", "platlib")]
    folders = {Path(name).resolve() for name in (*names, *site.getsitepackages())}
    return frozenset((*folders, Path(__file__).resolve().parents[1]))


def _relative(file: Path, rootdir: Path) -> str:
    root = rootdir.resolve()
    return file.relative_to(root).as_posix() if file.is_relative_to(root) else str(file)
