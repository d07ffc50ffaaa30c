"""As whom a server runs: PostgreSQL refuses to be root."""

from __future__ import annotations

import os
import stat
import sys
from dataclasses import dataclass
from pathlib import Path

_OVERFLOW_ID = 65534  # `nobody` on every Linux, also where no such name is known
_CAP_SETGID, _CAP_SETUID = 6, 7


@dataclass(frozen=True, slots=True)
class Identity:
    """The user of a server's processes.

    Attributes:
        user: The uid and gid to change to, or `None` to stay the same user.
        namespace: The uid to appear as inside a user namespace of its own, or `None` for none.
            To the rest of the machine such a process is still the same user.
    """

    user: tuple[int, int] | None = None
    namespace: int | None = None

    def can_enter(self, folder: Path) -> bool:
        """Tell whether this user may go into a folder, by the modes of all folders above it."""
        if self.user is None:
            return True
        uid, gid = self.user
        return all(_may_pass(path.stat(), uid, gid) for path in (folder, *folder.parents))


def find_identity(*, makes_data: bool) -> Identity:
    """Choose the user that a server of this process runs as.

    An ordinary user stays themselves. Root becomes `nobody`; where it may not change its user (a
    container that took this right away), it appears as `nobody` inside a user namespace.

    Args:
        makes_data: Whether `initdb` is to run, which wants a user with a name; a uid without one
            (as containers of OpenShift have it) appears as `nobody` for it.
    """
    if os.geteuid() == 0:
        if _may_change_user():
            return Identity(user=_nobody())
        return Identity(namespace=_OVERFLOW_ID)
    if makes_data and sys.platform == "linux" and not _has_name(os.geteuid()):
        return Identity(namespace=_OVERFLOW_ID)
    return Identity()


def _nobody() -> tuple[int, int]:
    import pwd  # noqa: PLC0415 - not on every system that imports this module

    try:
        entry = pwd.getpwnam("nobody")
    except KeyError:
        return _OVERFLOW_ID, _OVERFLOW_ID
    return entry.pw_uid, entry.pw_gid


def _has_name(uid: int) -> bool:
    import pwd  # noqa: PLC0415 - not on every system that imports this module

    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True


def _may_change_user() -> bool:
    """Ask the kernel which rights this process has, and which users exist for it."""
    if sys.platform != "linux":
        return True
    status = Path("/proc/self/status").read_text().splitlines()
    rights = next(int(line.split()[1], 16) for line in status if line.startswith("CapEff:"))
    has_rights = all(rights >> number & 1 for number in (_CAP_SETGID, _CAP_SETUID))
    uid, gid = _nobody()
    return has_rights and _is_mapped("uid_map", uid) and _is_mapped("gid_map", gid)


def _is_mapped(name: str, number: int) -> bool:
    ranges = (map(int, line.split()) for line in Path("/proc/self", name).read_text().splitlines())
    return any(first <= number < first + length for first, _, length in ranges)


def _may_pass(status: os.stat_result, uid: int, gid: int) -> bool:
    if status.st_uid == uid:
        return bool(status.st_mode & stat.S_IXUSR)
    if status.st_gid == gid:
        return bool(status.st_mode & stat.S_IXGRP)
    return bool(status.st_mode & stat.S_IXOTH)
