"""A text file that is replaced as a whole, or not at all."""

from __future__ import annotations

import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

from pytest_oneloop.errors.project import NotWritableError

_WRITABLE = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH


def write_whole(path: Path, content: bytes) -> None:
    """Replace a file's content in one step, or make the file; its mode and owner are kept.

    The new content is complete on disk, beside the file, before it takes the file's name. A
    symbolic link stays one: what it leads to is replaced.

    Raises:
        NotWritableError: The file or its folder may not be written; nothing has changed.
    """
    target = path.resolve()
    try:
        held = target.stat() if target.exists() else None
        # A file that its owner made read-only could be replaced all the same: that is not asked.
        if held and not os.access(target, os.W_OK):
            raise NotWritableError(path, problem="permission denied")
        if held and not held.st_mode & _WRITABLE:  # root may write all the same
            raise NotWritableError(path, problem="it is read-only")
        _replace(target, content, held)
    except OSError as error:
        raise NotWritableError(path, problem=(error.strerror or str(error)).lower()) from error


def _replace(target: Path, content: bytes, held: os.stat_result | None) -> None:
    descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    new = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if held:
            if (held.st_uid, held.st_gid) != (os.geteuid(), os.getegid()):
                os.chown(new, held.st_uid, held.st_gid)
            new.chmod(stat.S_IMODE(held.st_mode))
        else:
            new.chmod(0o666 & ~_umask())
        new.replace(target)
    except BaseException:
        with suppress(FileNotFoundError):
            new.unlink()
        raise


def _umask() -> int:
    """Return the mask for the modes of new files, which can only be read by setting it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
