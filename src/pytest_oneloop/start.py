"""What a process of pytest begins with: the run, of the user's settings, and who watches loops."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from pytest_oneloop.errors import OneloopError
from pytest_oneloop.options import MAP_NAME, Places
from pytest_oneloop.run import TestRun
from pytest_oneloop.settings import read_settings

if TYPE_CHECKING:
    from pytest_oneloop.loops.scopes import LoopScopes
    from pytest_oneloop.report.diagnosis import Explainer


def make_run(config: pytest.Config) -> TestRun:
    """Return the run that the settings ask for.

    Args:
        config: pytest's, as it is before conftest files are loaded.

    Raises:
        pytest.UsageError: A setting is not understood.
    """
    flags = config.known_args_namespace
    overrides = [text.partition("=")[0] for text in flags.override_ini or ()]
    places = Places(
        flag=lambda name: getattr(flags, name, None),
        environ=os.environ,
        ini=config.getini,
        rootdir=config.rootpath,
        ini_name=config.inipath.name if config.inipath else "ini",
        overridden=overrides,
    )
    try:
        return TestRun(read_settings(places), rootdir=config.rootpath)
    except OneloopError as error:
        raise pytest.UsageError(str(error)) from None


def close_run(run: TestRun) -> None:
    """End all that the run has started.

    Raises:
        pytest.UsageError: Something could not be ended; pytest shows no traceback of it.
    """
    try:
        run.close()
    except OneloopError as error:
        raise pytest.UsageError(str(error)) from None


def make_explainer(
    run: TestRun, config: pytest.Config, scopes: LoopScopes | None, worker: dict[str, str] | None
) -> Explainer | None:
    """Return what watches the loops; `None` if nobody wants to know.

    Args:
        run: The run.
        config: pytest's.
        scopes: The loop scopes that hold.
        worker: What xdist has told its worker; `None` in any other process.
    """
    page: str | None = config.getoption(MAP_NAME)
    if not (run.settings.explain.value or page):
        return None
    from pytest_oneloop.loops.record import LoopRecord  # noqa: PLC0415 - if it is wanted
    from pytest_oneloop.report.diagnosis import Explainer  # noqa: PLC0415

    record = LoopRecord(keep_all=bool(page), worker=worker["workerid"] if worker else "")
    if page:
        from pytest_oneloop.report.mapfile import add_map  # noqa: PLC0415

        add_map(config, page, record, run.router)
    return Explainer(record, config, scopes, sections=run.settings.explain.value)
