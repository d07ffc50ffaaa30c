"""Run each program, and record what it saw; if the truth is known, once more, and compare."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from fidelity.catalogue import programs

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Engine
    from sqlalchemy.ext.asyncio import AsyncEngine

    from fidelity.program import Program

TRUTH: dict[str, Any] | None = (
    json.loads(Path(os.environ["FIDELITY_TRUTH"]).read_text(encoding="utf-8"))
    if "FIDELITY_TRUTH" in os.environ
    else None
)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    wanted = [
        one for one in programs() if one.is_async == ("async_engine" in metafunc.fixturenames)
    ]
    cases = [pytest.param(one, False, id=one.name) for one in wanted]
    if TRUTH is not None:
        cases += [pytest.param(one, True, id=f"{one.name}-checked") for one in wanted]
    metafunc.parametrize(("program", "checked"), cases)


@pytest.fixture
def conclude(record_property: Callable[[str, object], None]) -> Callable[..., None]:
    """Record what a program saw, and compare it with the truth if that is wanted."""

    def conclude(program: Program, seen: object, *, checked: bool) -> None:
        record_property("seen", seen)
        if checked and TRUTH is not None:
            assert json.loads(json.dumps(seen)) == TRUTH[program.name]

    return conclude


async def test_async(
    program: Program, async_engine: AsyncEngine, conclude: Callable[..., None], *, checked: bool
) -> None:
    conclude(program, await program.body(async_engine), checked=checked)


def test_sync(
    program: Program, sync_engine: Engine, conclude: Callable[..., None], *, checked: bool
) -> None:
    conclude(program, program.body(sync_engine), checked=checked)
