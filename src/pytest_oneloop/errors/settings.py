"""What can be wrong with a setting (OL12x)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pytest_oneloop.errors import SetupError

if TYPE_CHECKING:
    from pathlib import Path


class InvalidSettingError(SetupError):
    """A setting has a value that cannot work.

    Args:
        name: The setting, such as `oneloop_server`.
        value: What it was set to, without any password.
        source: Where it was set, such as `ONELOOP_SERVER`.
        problem: What is wrong with the value; one clause.
        instead: What to write.
    """

    code: ClassVar[str] = "OL121"

    def __init__(self, *, name: str, value: str, source: str, problem: str, instead: str) -> None:
        self.name = name
        self.value = value
        self.source = source
        self.problem = problem
        super().__init__(
            f"{name} cannot be {value!r} (set by {source}).",
            why=problem,
            instead=instead,
        )


class CacheFolderError(SetupError):
    """What is kept from one run to the next cannot be written.

    Args:
        folder: The folder.
        source: Where it was set, such as `ONELOOP_CACHE_DIR`, or words that begin with `default`.
        reason: The system's own words.
    """

    code: ClassVar[str] = "OL123"

    def __init__(self, folder: Path, *, source: str, reason: str) -> None:
        self.folder = folder
        self.source = source
        self.reason = reason
        # Any other source than a file wins over files.
        setting = "ONELOOP_CACHE_DIR" if source.startswith("default") else source
        if setting.endswith((".ini", ".toml", ".cfg")):
            setting = f"oneloop_cache_dir in {source}"
        super().__init__(
            f"Prepared databases cannot be kept in {folder} (set by {source}): {reason}.",
            why="the disk is full, or this user may not write there.",
            instead=f"let {setting} name a folder that this user may write to, with 64 MB free.",
        )


class UnreadableProjectFileError(SetupError):
    """The `pyproject.toml` that may name the application is not valid TOML.

    Args:
        path: The file.
        cause: What the TOML reader said.
    """

    code: ClassVar[str] = "OL122"

    def __init__(self, *, path: Path, cause: Exception) -> None:
        self.path = path
        self.cause = cause
        super().__init__(
            f"{path} could not be read to find [tool.fastapi] entrypoint: {cause}",
            why="the file is not valid TOML, or may not be read by this user.",
            instead="correct the file, or name the application by oneloop_app, "
            "so that the file is not needed.",
        )
