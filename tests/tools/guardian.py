"""Runs one server and outlives it: `python -I -S guardian.py FOLDER UID SIGNALS COMMAND…`.

Standard input is the life line. When it closes, because its owner asked for it or was killed,
the server is stopped by the signals (`INT,QUIT`, one after the other) and the folder removed.
Nothing else has to be remembered to clean up.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import subprocess
import sys

_PATIENCE = 10.0
"""Seconds for each of the ways to stop a server."""


def _die_with_parent() -> None:
    """Have the kernel stop the server if even the guardian is killed (Linux only)."""
    if sys.platform == "linux":
        set_parent_death_signal = 1
        ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGQUIT)


def main(folder: str, uid: int, signs: list[str], command: list[str]) -> None:
    """Run the command until standard input closes, then leave nothing behind."""
    as_user = {"user": uid, "group": uid, "extra_groups": []} if os.geteuid() == 0 else {}
    try:
        with open(os.path.join(folder, "log"), "wb") as log:  # noqa: PTH118, PTH123 - starts faster
            server = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=_die_with_parent,  # noqa: PLW1509 - there are no threads here
                **as_user,  # type: ignore[call-overload]
            )
        sys.stdin.buffer.read()
        for sign in signs:
            server.send_signal(signal.Signals[f"SIG{sign}"])
            try:
                server.wait(_PATIENCE)
            except subprocess.TimeoutExpired:
                continue
            break
        else:
            server.kill()
            server.wait(_PATIENCE)
    finally:
        shutil.rmtree(folder, ignore_errors=False)


if __name__ == "__main__":
    for _sign in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(_sign, signal.SIG_IGN)
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3].split(","), sys.argv[4:])
