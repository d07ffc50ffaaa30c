"""A pytest plugin that notes what its process does: `pytest -p tools.witness`, `tests` on the path.

At the end it writes JSON to the file that the variable `WITNESS` names. It notes by the
interpreter's own audit events, so that nothing slips by: processes, connections, new folders.
"""

from __future__ import annotations

import atexit
import json
import os
import sys
from pathlib import Path

_STARTS = {"subprocess.Popen", "os.posix_spawn", "os.fork", "os.forkpty", "os.exec", "os.system"}


class Witness:
    """Gathers what happens.

    Attributes:
        events: For each kind of event, what it was about.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._pid = os.getpid()
        self.events: dict[str, list[str]] = {"process": [], "connection": [], "folder": []}

    def hear(self, event: str, arguments: tuple[object, ...]) -> None:
        """Take one audit event."""
        if event in _STARTS:
            self.events["process"].append(str(arguments[:2]))
        elif event == "socket.connect":
            self.events["connection"].append(str(arguments[1]))
        elif event == "os.mkdir":
            self.events["folder"].append(str(arguments[0]))

    def write(self) -> None:
        """Write all down, with the modules that were loaded."""
        if os.getpid() == self._pid:
            self._file.write_text(json.dumps({**self.events, "modules": sorted(sys.modules)}))


if "WITNESS" in os.environ:
    _witness = Witness(Path(os.environ["WITNESS"]))
    sys.addaudithook(_witness.hear)
    atexit.register(_witness.write)
