"""Locks that the kernel gives back when a process ends, however it ends."""

from __future__ import annotations

import os
import sys
import time
import weakref
from contextlib import suppress
from typing import TYPE_CHECKING

if sys.platform != "win32":
    import fcntl

if TYPE_CHECKING:
    from pathlib import Path

_POLL_SECONDS = 0.002


class Lease:
    """A share in a folder: its keeper leaves it alone while any process holds one.

    The lock belongs to the open file. Programs that this process starts do not inherit it, and a
    forked copy of this process closes its own end: only this process keeps the folder alive.
    """

    def __init__(self, path: Path, descriptor: int) -> None:
        self._path = path
        self._descriptor: int | None = descriptor
        held = weakref.ref(self)

        def let_go_in_child() -> None:
            lease = held()
            # Closed, not released: the lock is one, and the parent still wants it.
            if lease is not None and lease._descriptor is not None:  # noqa: SLF001 - its own class
                os.close(lease._descriptor)  # noqa: SLF001
                lease._descriptor = None  # noqa: SLF001

        os.register_at_fork(after_in_child=let_go_in_child)

    @classmethod
    def take(cls, path: Path, until: float) -> Lease | None:
        """Take a share of the lock at `path`, making the file if it is missing.

        Args:
            path: The lock's file.
            until: The moment, by `time.monotonic`, to wait for at most.

        Returns:
            The lease, or `None` if the folder was removed meanwhile or time was over.
        """
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except FileNotFoundError:
            return None
        lease = cls(path, descriptor)
        while time.monotonic() < until:
            with suppress(BlockingIOError):
                fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
                if lease.is_current():
                    return lease
                break
            time.sleep(_POLL_SECONDS)
        lease.release()
        return None

    def is_current(self) -> bool:
        """Tell whether the folder is still the one that this lease was taken on."""
        if self._descriptor is None:
            return False
        try:
            return os.path.samestat(self._path.stat(), os.fstat(self._descriptor))
        except FileNotFoundError:
            return False

    def release(self) -> bool:
        """Give the share back; a second call does nothing.

        Returns:
            Whether it was the last one, so that the keeper now ends.
        """
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is None:
            return False
        try:
            return _is_last(descriptor)
        finally:
            os.close(descriptor)


def _is_last(descriptor: int) -> bool:
    # Changing the kind of a lock gives it up for a moment: the keeper, who waits for it, may get it
    # in between. Then even a share is refused.
    for kind, is_last in ((fcntl.LOCK_EX, True), (fcntl.LOCK_SH, False)):
        with suppress(BlockingIOError):
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
            return is_last
    return True


def try_lock(path: Path, *, create: bool) -> int | None:
    """Lock a file for this process alone, without waiting.

    Args:
        path: The file.
        create: Whether to make it if it is missing.

    Returns:
        The open descriptor that holds the lock, or `None` if another process holds it, or the file
        (or its folder) is missing.
    """
    flags = os.O_RDWR | os.O_CLOEXEC | (os.O_CREAT if create else 0)
    try:
        descriptor = os.open(path, flags, 0o600)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor
