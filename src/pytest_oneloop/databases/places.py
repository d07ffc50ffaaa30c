"""In which folders of the machine the files of a run may lie."""

from __future__ import annotations

import hashlib
import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_oneloop.errors.server import NoRoomError

if TYPE_CHECKING:
    from pytest_oneloop.databases.identity import Identity

# What a server with a few databases takes in memory, with a margin; Docker's 64 MB do not do.
MEMORY_BYTES = 512 * 2**20
# The same on a disk, where it matters less when a run needs more.
DISK_BYTES = 128 * 2**20
# Lock, log and state.
HOME_BYTES = 2**20
# The length of a socket's path that every system allows (macOS; Linux has 107), and its end.
_SOCKET_PATH_BYTES = 103
_SOCKET_END = "/s/.s.PGSQL.5432"


def name_of_run(run_id: str) -> str:
    """Return the name of a run's folders: short, and different for each run and user."""
    digest = hashlib.sha256(run_id.encode()).hexdigest()
    return f"oneloop-{os.geteuid()}-{digest[:12]}"


def _temporary() -> Path:
    try:
        return Path(tempfile.gettempdir())
    except FileNotFoundError:  # Python found none that can be written; ours will say it better
        return Path(os.environ.get("TMPDIR", "/tmp"))  # noqa: S108 - only named in an error


@dataclass(frozen=True, slots=True)
class Places:
    """The folders under which a run may make folders of its own.

    Attributes:
        memory: A folder whose files lie in memory, or `None`.
        temporary: The folder for temporary files, as Python chooses it: `TMPDIR` first.
        short: Folders whose paths are short enough for a socket, should the others not be.
    """

    memory: Path | None = Path("/dev/shm")  # noqa: S108 - run folders in it are private
    temporary: Path = field(default_factory=_temporary)
    short: tuple[Path, ...] = (Path("/tmp"), Path("/var/tmp"))  # noqa: S108 - as above

    def all(self) -> tuple[Path, ...]:
        """Return every folder once, the best first."""
        first = () if self.memory is None else (self.memory,)
        return tuple(dict.fromkeys((*first, self.temporary, *self.short)))

    def for_home(self, name: str, identity: Identity) -> Path:
        """Choose where a run's home lies: lock, log, state and socket.

        Each process of a run must choose the same, so the choice rests on nothing that changes
        during a run, except that a folder that is entirely full does not do.

        Raises:
            NoRoomError: No folder does.
        """
        refusals = []
        for place in self.all():
            refusal = _refusal(place, HOME_BYTES, identity)
            if len(os.fsencode(place / name)) + len(_SOCKET_END) > _SOCKET_PATH_BYTES:
                refusal = "has a path too long for a socket"
            if refusal is None:
                return place
            refusals.append((place, refusal))
        raise NoRoomError(refusals, needed=HOME_BYTES)

    def for_data(self, identity: Identity) -> Path:
        """Choose where the server's data lies: in memory where there is room, else on the disk.

        Raises:
            NoRoomError: Neither has room.
        """
        refusals = []
        for place, needed in ((self.memory, MEMORY_BYTES), (self.temporary, DISK_BYTES)):
            if place is None:
                continue
            refusal = _refusal(place, needed, identity)
            if refusal is None:
                return place
            refusals.append((place, refusal))
        raise NoRoomError(refusals, needed=DISK_BYTES)

    def for_programs(self, identity: Identity) -> Path:
        """Choose where programs may be copied to and run from.

        Raises:
            NoRoomError: There is no such folder.
        """
        refusals = []
        for place in self.all():
            refusal = _refusal(place, DISK_BYTES, identity)
            if refusal is None and os.statvfs(place).f_flag & os.ST_NOEXEC:
                refusal = "may not hold programs (noexec)"
            if refusal is None:
                return place
            refusals.append((place, refusal))
        raise NoRoomError(refusals, needed=DISK_BYTES)


def _refusal(place: Path, needed: int, identity: Identity) -> str | None:
    """Say why a folder does not do, or `None` if it does."""
    if not place.is_dir():
        return "is not a folder"
    if not os.access(place, os.W_OK | os.X_OK):
        return "may not be written by this user"
    if not identity.can_enter(place):
        return "may not be entered by the server's user (PostgreSQL does not run as root)"
    status = os.statvfs(place)
    free = status.f_bavail * status.f_frsize
    if free < needed:
        return f"has {free // 2**20} MB free, {needed // 2**20} MB are needed"
    return None
