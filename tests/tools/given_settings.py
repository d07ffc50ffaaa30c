"""Settings, read from places that a test makes up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_oneloop.settings import Places, Settings, read_settings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


def read(
    rootdir: Path,
    *,
    flags: Mapping[str, object] | None = None,
    environ: Mapping[str, str] | None = None,
    ini: Mapping[str, object] | None = None,
    overridden: Sequence[str] = (),
) -> Settings:
    return read_settings(
        Places(
            flag=(flags or {}).get,
            environ=environ or {},
            ini=(ini or {}).get,
            rootdir=rootdir,
            ini_name="pytest.ini",
            overridden=overridden,
        )
    )
