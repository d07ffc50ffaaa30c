"""One process's share in the server of its run."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import asdict
from errno import EDQUOT, ENOSPC
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_oneloop.databases.leases import Lease, try_lock
from pytest_oneloop.databases.leftovers import bury, sweep
from pytest_oneloop.databases.places import DISK_BYTES, Places, name_of_run
from pytest_oneloop.errors.server import NoRoomError, ServerStartError

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_oneloop.databases.identity import Identity
    from pytest_oneloop.databases.keeper import Job

_KEEPER = Path(__file__).with_name("keeper.py")
_POLL_SECONDS = 0.002
_LOG_LINES = 20


class Tenancy:
    """A share in one run's folder, and in what its keeper keeps there.

    The keeper ends when the last share is given back, or its process is gone.

    Attributes:
        home: The run's folder.
        state: What the keeper said when the share was complete.
        started: Whether this process started the keeper, rather than joined it.
    """

    def __init__(
        self, home: Path, lease: Lease, state: dict[str, object], *, started: bool
    ) -> None:
        self.home = home
        self.state = state
        self.started = started
        self._lease = lease

    def read_state(self) -> dict[str, object]:
        """Return what the keeper says now."""
        return _read_state(self.home) or {}

    def close(self, timeout: float) -> None:
        """Give the share back; if it was the last one, wait until every file is gone.

        A second call does nothing.

        Args:
            timeout: Seconds to wait at most; the keeper goes on by itself after that.
        """
        keeper = None
        with suppress(FileNotFoundError):  # the keeper has ended before
            keeper = os.open(self.home / "keeper", os.O_RDWR | os.O_CLOEXEC)
        if self._lease.release() and keeper is not None:
            _await_end(keeper, time.monotonic() + timeout)
        if keeper is not None:
            os.close(keeper)


def _await_end(keeper: int, until: float) -> None:
    while time.monotonic() < until:
        with suppress(BlockingIOError):
            fcntl.flock(keeper, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return
        time.sleep(_POLL_SECONDS)


class Entry:
    """The way into a run's folder: join the keeper of the run, or be the one who starts it.

    Args:
        bindir: The programs' folder, for errors.
        run_id: Names the run; processes that say the same share one keeper.
        places: Where the run's folders may lie.
        identity: As whom the server runs.
        plan: Makes the keeper's job, given the run's home. Called by the starter alone.
        deadline: Seconds that the entry may take.
        stage: The keeper's state to wait for.
    """

    def __init__(  # noqa: PLR0913 - each is one fact of the run
        self,
        bindir: Path,
        run_id: str,
        *,
        places: Places,
        identity: Identity,
        plan: Callable[[Path], Job],
        deadline: float,
        stage: str = "ready",
    ) -> None:
        self._stage = stage
        self._bindir = bindir
        self._places = places
        self._identity = identity
        self._plan = plan
        self._deadline = deadline
        self._until = time.monotonic() + deadline
        name = name_of_run(run_id)
        self._home = places.for_home(name, identity) / name

    def enter(self) -> Tenancy:
        """Take a share, and wait until the keeper says that all is ready.

        Raises:
            NoRoomError: The data does not fit anywhere.
            ServerStartError: The keeper failed, or time is over.
        """
        while time.monotonic() < self._until:
            _make_home(self._home, self._identity)
            lease = Lease.take(self._home / "lease", self._until)
            if lease is None:
                continue  # the folder of an earlier server was just removed: begin with a new one
            tenancy = None
            try:
                tenancy = self._join(lease)
            finally:
                if tenancy is None:
                    lease.release()
            if tenancy is not None:
                return tenancy
        raise self._failure(f"it was not ready within {self._deadline:g} s")

    def _join(self, lease: Lease) -> Tenancy | None:
        """Wait for the keeper, and start it where there is none; `None` to begin anew."""
        spawned: subprocess.Popen[bytes] | None = None
        try:
            while lease.is_current() and time.monotonic() < self._until:
                # The order matters: a state that is read while no keeper lives is a dead one's.
                lock = try_lock(self._home / "keeper", create=True)
                state = _read_state(self._home)
                if lock is not None:
                    try:
                        # Without this, the folder may be another one by now, and not ours to touch.
                        if not lease.is_current():
                            return None
                        if spawned is not None and state is None:
                            raise self._failure("its keeper ended")
                        if state is not None:
                            bury(self._home, self._places)
                            return None
                        spawned = self._spawn(lock)
                    finally:
                        os.close(lock)
                elif state is not None and state["stage"] == "failed":
                    raise self._said(state)
                elif state is not None and state["stage"] == self._stage:
                    return Tenancy(self._home, lease, state, started=spawned is not None)
                time.sleep(_POLL_SECONDS)
            if spawned is not None and not lease.is_current():
                raise self._failure("its keeper ended, and so did the server")
            return None
        finally:
            if spawned is not None:
                # It has long made itself independent; this takes its parent's end note.
                spawned.wait(self._deadline)

    def _spawn(self, lock: int) -> subprocess.Popen[bytes]:
        """Start the keeper. It takes the lock over: there is no moment without its holder."""
        sweep(self._places)
        try:
            job = self._plan(self._home)
        except NoRoomError:
            bury(self._home, self._places)
            raise
        log = os.open(self._home / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            return subprocess.Popen(
                # Neither the environment nor installed packages change how it runs.
                [sys.executable, "-I", "-S", _KEEPER, str(lock), json.dumps(asdict(job))],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
                start_new_session=True,
                pass_fds=(lock,),
            )
        except OSError as error:
            raise self._failure(f"its keeper ({sys.executable}) does not run ({error})") from error
        finally:
            os.close(log)

    def _said(self, state: dict[str, object]) -> NoRoomError | ServerStartError:
        failure = self._failure(str(state["reason"]))
        said = (failure.reason, *failure.log)
        full = any(os.strerror(cause) in line for cause in (ENOSPC, EDQUOT) for line in said)
        if full or state["full"]:
            place = Path(str(state["data"])).parent.parent
            return NoRoomError([(place, "became full at the start")], needed=DISK_BYTES)
        return failure

    def _failure(self, reason: str) -> ServerStartError:
        try:
            log = (self._home / "log").read_text(errors="replace").splitlines()[-_LOG_LINES:]
        except FileNotFoundError:
            log = []
        return ServerStartError(self._bindir, reason, log=log)


def _make_home(home: Path, identity: Identity) -> None:
    # Others may pass through, to the folders that belong to the server's user, but not look.
    mode = 0o700 if identity.user is None else 0o711
    with suppress(FileExistsError):
        home.mkdir(mode=0o700)
        home.chmod(mode)
    status = home.lstat()
    if status.st_uid != os.geteuid():
        raise NoRoomError([(home, "belongs to another user")], needed=DISK_BYTES)


def _read_state(home: Path) -> dict[str, object] | None:
    try:
        state: dict[str, object] = json.loads((home / "state").read_text())
    except FileNotFoundError:
        return None
    return state
