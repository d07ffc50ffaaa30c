"""Run each probe; it must see what it sees without the plugin, or what the plugin promises."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from capabilities.desk import finish
from capabilities.probes import PROBES, shared_rows

if TYPE_CHECKING:
    from collections.abc import Callable

    from capabilities.desk import AsyncDesk, SyncDesk
    from capabilities.probe import Probe

WANTED = json.loads(os.environ["PROBE_TRUTH"]) if os.environ.get("PROBE_TRUTH") else None
ASYNC = bool(os.environ.get("PROBE_ASYNC"))
TIMES = [
    pytest.param(probe, id=f"{probe.name}-{time}")
    for probe in PROBES
    if probe is not shared_rows
    if WANTED is None or probe.name in WANTED
    for time in range(probe.again)
]


if ASYNC:

    @pytest.mark.parametrize("probe", TIMES)
    async def test_async(
        probe: Probe, async_desk: AsyncDesk, conclude: Callable[[Probe, object], None]
    ) -> None:
        conclude(probe, await probe.look(async_desk))

else:

    @pytest.mark.parametrize("probe", TIMES)
    def test_sync(
        probe: Probe, sync_desk: SyncDesk, conclude: Callable[[Probe, object], None]
    ) -> None:
        conclude(probe, finish(probe.look(sync_desk)))
