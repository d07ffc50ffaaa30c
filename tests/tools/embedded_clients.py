"""Processes that use an embedded server as a test run's processes do, to be killed at will.

Run by itself it is such a process: it enters the run, prints what it got as one line of JSON, and
ends when its input ends.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg

from pytest_oneloop.databases.binaries import find_binaries
from pytest_oneloop.databases.embedded import start_server
from pytest_oneloop.databases.places import Places
from pytest_oneloop.databases.seeds import SeedCache

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_oneloop.databases.address import ServerAddress

_SECONDS = 20.0
_ROOT = Path(__file__).parents[2]


def ask(address: ServerAddress, sql: str) -> object:
    """Run one query over a connection of its own; return its first value."""

    async def answer() -> object:
        connection = await asyncpg.connect(
            host=address.host, port=address.port, user=address.user, database=address.database
        )
        try:
            return await connection.fetchval(sql)
        finally:
            await connection.close()

    return asyncio.run(answer())


def wait_until(condition: Callable[[], bool], what: str) -> None:
    """Wait for something that happens by itself, and fail if it does not."""
    until = time.monotonic() + _SECONDS
    while not condition():
        assert time.monotonic() < until, f"not within {_SECONDS} s: {what}"
        time.sleep(0.005)


def processes_under(folder: Path) -> dict[int, str]:
    """Return the living processes that name the folder in their command, or work in it."""
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            works_in = str((entry / "cwd").readlink())
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue  # it has just ended, or belongs to somebody else
        is_client = "embedded_clients.py" in command
        if not is_client and (f"{folder}/" in command or works_in.startswith(f"{folder}/")):
            found[int(entry.name)] = command
    return found


def has_ended(pid: int) -> bool:
    """Tell whether a process holds nothing any more: it is gone, or waits for its parent only."""
    try:
        # The state comes behind the name, which stands in brackets and may hold anything.
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return True
    return state in "ZX"


def is_empty(places: Places) -> bool:
    """Tell whether no process and no file of any run is left."""
    return all(
        not processes_under(place) and not any(place.iterdir())
        for place in places.all()
        if place.exists()
    )


class Client:
    """One such process."""

    def __init__(
        self,
        places: Places,
        run_id: str,
        *,
        seed: Path | None = None,
        cache: Path | None = None,
        bindir: Path | None = None,
        python: str = sys.executable,
        uid: int | None = None,
        child: str = "",
    ) -> None:
        job = {
            "memory": None if places.memory is None else str(places.memory),
            "temporary": str(places.temporary),
            "short": [str(place) for place in places.short],
            "run_id": run_id,
            "seed": None if seed is None else str(seed),
            "cache": str(cache),
            "bindir": None if bindir is None else str(bindir),
            "child": child,
        }
        path = os.pathsep.join(folder for folder in sys.path if "site-packages" in folder)
        # With an own user there is no group but its own, and no home that it could read.
        self.process = subprocess.Popen(
            [python, __file__, json.dumps(job)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": f"{_ROOT / 'src'}{os.pathsep}{path}"},
            cwd="/",
            start_new_session=True,
            user=uid,
            group=uid,
            extra_groups=None if uid is None else [],
        )

    def said(self) -> dict[str, object]:
        """Wait for what it got."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, "the client ended without a word"
        answer: dict[str, object] = json.loads(line)
        return answer

    def end(self) -> None:
        """Let it end as a process does that has done its work."""
        self.process.communicate(timeout=_SECONDS)

    def kill(self, *, children: bool = True) -> None:
        """End it in the way that no process can prepare for."""
        if not children:
            self.process.kill()
            self.process.wait(_SECONDS)
            return
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.communicate(timeout=_SECONDS)


def _main(job: dict[str, str]) -> None:
    places = Places(
        memory=Path(job["memory"]) if job["memory"] else None,
        temporary=Path(job["temporary"]),
        short=tuple(map(Path, job["short"])),
    )
    binaries = find_binaries(Path(job["bindir"]) if job["bindir"] else None)
    if job["seed"]:
        seed = Path(job["seed"])
    else:
        seed = SeedCache(Path(job["cache"]), binaries, places=places).base()
    with start_server(binaries, seed, run_id=job["run_id"], places=places) as server:
        if job["child"] == "fork" and os.fork() == 0:
            time.sleep(_SECONDS)
            os._exit(0)
        if job["child"] == "exec":
            subprocess.Popen(["sleep", str(_SECONDS)], close_fds=False)
        print(  # noqa: T201 - this is how it answers
            json.dumps(
                {
                    "started": server.started,
                    "host": server.address.host,
                    "data": str(server.data),
                    "in_memory": server.in_memory,
                    "postmaster": server.postmaster,
                    "keeper": server.keeper,
                    "answer": ask(server.address, "SELECT lower('ÄÉЖ')"),
                }
            ),
            flush=True,
        )
        sys.stdin.read()


if __name__ == "__main__":
    _main(json.loads(sys.argv[1]))
