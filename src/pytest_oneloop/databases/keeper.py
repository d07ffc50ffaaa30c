"""The process that owns one embedded server, and leaves nothing behind.

Run by itself, with the standard library alone: `python -I -S keeper.py <lock> <JSON of a Job>`.

The processes of a run hold a shared `flock` on the file `lease` of the run's folder. The kernel
takes it back when they end, however they end. So when the keeper gets that lock for itself, nobody
is left; it stops the server and removes every file. It holds the lock of the file `keeper` for as
long as it lives. Should the keeper be killed, the kernel stops the server (on Linux), and the next
run removes the folder.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_CLONE_NEWUSER, _PR_SET_PDEATHSIG = 0x10000000, 1  # from <linux/sched.h> and <linux/prctl.h>
_POLL_SECONDS = 0.002
_END_SECONDS, _FULL_BYTES = 10.0, 2**20


@dataclass(frozen=True)
class Job:
    """What one keeper has to do; travels as JSON.

    Attributes:
        home: The run's folder, made by the client: lease, lock, log and state lie in it.
        annexes: The run's folders in other places; made and removed here.
        data: The server's data folder; made here.
        sockets: The folder of its socket; made here.
        copies: Pairs of folders: programs that the server's user cannot reach, and the copy.
        seed: A tar file of a stopped data folder, or `None` to make a new one and stop there.
        initdb: The command that makes a data folder.
        postgres: The command of the server.
        user: The uid and gid to run as, or `None` for the keeper's own.
        namespace: The uid to appear as inside a user namespace, or `None` for no namespace.
        seconds: The time that the start may take.
        linger: Whether the files stay, once the server has ended, until the last lease is gone.
    """

    home: str
    annexes: Sequence[str]
    data: str
    sockets: str
    copies: Sequence[tuple[str, str]]
    seed: str | None
    initdb: Sequence[str]
    postgres: Sequence[str]
    user: tuple[int, int] | None
    namespace: int | None
    seconds: float
    linger: bool


class _AbandonedError(Exception):
    """The last lease is gone: nobody waits for the server any more."""


class _FailureError(Exception):
    """The server cannot be started; the text says why."""


class Keeper:
    """Owns the server of one run from the first file to the last."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._home = Path(job.home)
        self._until = time.monotonic() + job.seconds
        self._lease = os.open(self._home / "lease", os.O_RDWR | os.O_CLOEXEC)
        self._child: subprocess.Popen[bytes] | None = None

    def run(self) -> None:
        """Start the server, wait for its end or the last lease's, and remove every file."""
        job = self._job
        try:
            try:
                server = self._prepare()
            except (_FailureError, OSError, subprocess.SubprocessError) as error:
                self._stop()
                # A full disk did not take the log's line that says so.
                full = shutil.disk_usage(Path(job.data).parents[1]).free < _FULL_BYTES
                remove_tree(Path(job.data))
                self._report(stage="failed", reason=str(error), full=full, data=job.data)
                fcntl.flock(self._lease, fcntl.LOCK_EX)  # the clients have to read it first
            else:
                self._serve(server)
        except _AbandonedError:
            pass
        finally:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            self._stop()
            self._remove()

    def _prepare(self) -> subprocess.Popen[bytes] | None:
        """Make the folders and fill them; start a server, if one is wanted."""
        job = self._job
        for annex in map(Path, job.annexes):
            annex.mkdir(mode=0o700)
            (annex / "home").write_text(job.home)
            annex.chmod(0o700 if job.user is None else 0o711)
        for source, copy in job.copies:
            self._check_lease()
            shutil.copytree(source, copy, ignore=_superfluous)
        for top in (job.home, *job.annexes):
            for folder, _, files in os.walk(f"{top}/programs"):
                for path in (folder, *(f"{folder}/{name}" for name in files)):
                    Path(path).chmod(0o755)
        for folder in (job.sockets, job.data):
            Path(folder).mkdir(mode=0o700)
            if job.user is not None:
                os.chown(folder, *job.user)
        if job.seed is None:
            self._finish(self._spawn(job.initdb, signal.SIGKILL), "initdb")
            return None
        # Faster than any way of copying a folder: one file is read, in one go. It is opened
        # here, since the server's user may not be able to.
        with Path(job.seed).open("rb") as archive:
            tar = self._spawn(("tar", "-xf", "-"), signal.SIGKILL, archive.fileno())
            self._finish(tar, "tar")
        return self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        """Start the server, and return when it accepts connections."""
        server = self._spawn(self._job.postgres, signal.SIGQUIT)
        status = Path(self._job.data, "postmaster.pid")
        while not _is_ready(status):
            self._check("postgres")
            if server.poll() is not None:
                raise _FailureError(f"postgres ended with {server.returncode}")
        return server

    def _serve(self, server: subprocess.Popen[bytes] | None) -> None:
        """Wait until the server ends, by itself or because the last lease is gone."""
        # Started only now: until here processes are forked, which a process does best alone.
        watch = threading.Thread(target=self._stop_when_unleased, daemon=True)
        if server is None:
            self._report(stage="stopped", code=0, data=self._job.data)
            watch.start()
        else:
            where = {"data": self._job.data, "sockets": self._job.sockets}
            self._report(stage="ready", keeper=os.getpid(), postmaster=server.pid, **where)
            watch.start()
            self._report(stage="stopped", code=server.wait())
        if self._job.linger:
            watch.join()

    def _stop_when_unleased(self) -> None:
        fcntl.flock(self._lease, fcntl.LOCK_EX)
        self._stop()

    def _stop(self) -> None:
        """Stop the child at once: its files are about to be removed."""
        if (child := self._child) is None or child.poll() is not None:
            return
        child.send_signal(signal.SIGQUIT)
        try:
            child.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()

    def _remove(self) -> None:
        """Remove every file; the home is renamed first, so that nobody joins it any more."""
        gone = Path(f"{self._home}.{os.getpid()}.gone")
        with contextlib.suppress(FileNotFoundError):  # the server died long ago, and was swept
            self._home.rename(gone)
        for folder in (*map(Path, self._job.annexes), gone):
            remove_tree(folder)

    def _spawn(
        self, command: Sequence[str], death_signal: signal.Signals, stdin: int = subprocess.DEVNULL
    ) -> subprocess.Popen[bytes]:
        """Start a child as the server's user, which the kernel ends when the keeper dies."""
        user, group = self._job.user or (None, None)
        # PostgreSQL would read these.
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("PG", "LC_", "LANG"))}
        self._child = subprocess.Popen(
            command,
            stdin=stdin,
            stdout=sys.stderr.fileno(),
            stderr=sys.stderr.fileno(),
            cwd=self._job.data,
            env={**kept, "LC_ALL": "C"},
            user=user,
            group=group,
            extra_groups=None if user is None else [],
            preexec_fn=_birth(death_signal, self._job.namespace),  # noqa: PLW1509 - one thread yet
        )
        return self._child

    def _finish(self, child: subprocess.Popen[bytes], name: str) -> None:
        while child.poll() is None:
            self._check(name)
        if child.returncode != 0:
            raise _FailureError(f"{name} ended with {child.returncode}")

    def _check(self, name: str) -> None:
        """Pause for a moment; give up when nobody waits any more, or time is over."""
        self._check_lease()
        if time.monotonic() > self._until:
            raise _FailureError(f"{name} was not done within {self._job.seconds:g} s")
        time.sleep(_POLL_SECONDS)

    def _check_lease(self) -> None:
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(self._lease, fcntl.LOCK_EX | fcntl.LOCK_NB)
            raise _AbandonedError

    def _report(self, **state: object) -> None:
        """Tell the clients; they read the whole new state, or the whole old one."""
        new = self._home / "state.new"
        new.write_text(json.dumps(state))
        new.rename(self._home / "state")


def _birth(death_signal: signal.Signals, namespace: int | None) -> Callable[[], None] | None:
    """Make what a child does before it becomes another program."""
    if sys.platform != "linux":
        return None  # a server whose keeper was killed ends when its data folder is gone
    libc = ctypes.CDLL(None, use_errno=True)
    keeper, uid, gid = os.getpid(), os.geteuid(), os.getegid()

    def be_born() -> None:
        if namespace is not None:
            if libc.unshare(_CLONE_NEWUSER) != 0:
                raise OSError(ctypes.get_errno(), "no user namespace")
            Path("/proc/self/setgroups").write_text("deny")
            Path("/proc/self/uid_map").write_text(f"{namespace} {uid} 1")
            Path("/proc/self/gid_map").write_text(f"{namespace} {gid} 1")
        # Last, since a change of user or namespace clears it.
        libc.prctl(_PR_SET_PDEATHSIG, int(death_signal))
        if os.getppid() != keeper:
            os._exit(1)  # the keeper died before the kernel knew

    return be_born


def _superfluous(folder: str, names: list[str]) -> set[str]:
    if Path(folder).name == "bin":
        return {name for name in names if name not in ("postgres", "initdb")}
    return {name for name in names if name.endswith(".a")}


def _is_ready(status: Path) -> bool:
    """Read the server's own status: the eighth line of its lock file."""
    with contextlib.suppress(FileNotFoundError, IndexError):
        return status.read_text().splitlines()[7].strip() == "ready"
    return False


def remove_tree(folder: Path) -> None:
    """Remove a folder that a process which is just ending may still write to."""
    until = time.monotonic() + _END_SECONDS
    while folder.exists():
        try:
            shutil.rmtree(folder)
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(_POLL_SECONDS)


def _end(*_: object) -> NoReturn:
    raise SystemExit


def main(lock: int, job: Job) -> None:
    """Become a process of its own, and keep the server until it is over.

    `lock`, a descriptor of the locked file `keeper`, stays open until this process ends.
    """
    os.set_inheritable(lock, False)  # noqa: FBT003 - the server must not hold it
    if os.fork() != 0:
        os._exit(0)  # the client has waited for this: the keeper is nobody's child
    os.chdir("/")
    os.umask(0o077)
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _end)
    Keeper(job).run()


if __name__ == "__main__":
    main(int(sys.argv[1]), Job(**json.loads(sys.argv[2])))
