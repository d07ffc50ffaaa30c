"""Where things are kept from one run to the next, if the user does not say it."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

from pytest_oneloop.errors.settings import InvalidSettingError

_OTHERS_MAY_WRITE = stat.S_IWGRP | stat.S_IWOTH


def default_folder() -> tuple[Path, str]:
    """Return the folder, and the words for it: `default`, or why it is not the usual one.

    It is the user's cache folder, which need not exist yet. Where there is none, and none can be
    made (as for users without a home), it is one of the user's own among the temporary files, which
    is made.

    Raises:
        InvalidSettingError: That one is in the hands of another user.
    """
    # Imported here: it is needed by runs that have not set the folder, and by no --version.
    from platformdirs import user_cache_path  # noqa: PLC0415

    usual = user_cache_path("pytest-oneloop", appauthor=False)
    # One that is there and cannot be written may hold what is needed, as in an image made for many.
    if usual.is_absolute() and (os.access(usual, os.F_OK) or _can_be_made(usual)):
        return usual, "default"
    return _temporary(), f"default, for {usual.parent} cannot be written"


def _can_be_made(folder: Path) -> bool:
    # Not by `Path.exists`, which raises where a folder may not be searched.
    above = next(place for place in folder.parents if os.access(place, os.F_OK))
    return os.access(above, os.W_OK | os.X_OK)


def _temporary() -> Path:
    folder = Path(tempfile.gettempdir()) / f"pytest-oneloop-{os.geteuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()  # a link would lead where another user wants
    if (
        not stat.S_ISDIR(found.st_mode)
        or found.st_uid != os.geteuid()
        or found.st_mode & _OTHERS_MAY_WRITE
    ):
        raise InvalidSettingError(
            name="oneloop_cache_dir",
            value=str(folder),
            source="default",
            problem="it belongs to another user, or others may write to it; and this user has no "
            "cache folder that can be written.",
            instead="name a folder of this user's own, such as by ONELOOP_CACHE_DIR.",
        )
    return folder
