"""Where things are kept between runs, for users with a home and without."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from pytest_oneloop.cachefolder import default_folder
from pytest_oneloop.errors.settings import CacheFolderError, InvalidSettingError

NAME = f"pytest-oneloop-{os.geteuid()}"


@pytest.fixture
def homeless(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files of a user whose home is none, not even for root."""
    (tmp_path / "file").touch()
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "file"))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    return temporary


def test_a_user_with_a_home_has_it_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)

    folder, words = default_folder()

    assert folder.is_relative_to(tmp_path / "home")
    assert words == "default"
    assert list(tmp_path.iterdir()) == []


def test_a_user_without_a_home_has_it_among_temporary_files(homeless: Path) -> None:
    folder, words = default_folder()

    assert folder == homeless / NAME
    assert words.startswith(f"default, for {homeless.parent / 'file'}{os.sep}")
    assert words.endswith(" cannot be written")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert default_folder() == (folder, words)


@pytest.mark.parametrize("state", ["open", "a link", "another's"])
def test_a_folder_in_other_hands_is_refused(homeless: Path, state: str) -> None:
    folder = homeless / NAME
    if state == "a link":
        folder.symlink_to(homeless)
    else:
        folder.mkdir(mode=0o700)
    if state == "open":
        folder.chmod(0o777)
    elif state == "another's":
        if os.geteuid() != 0:
            pytest.skip("gives a folder to another user")
        os.chown(folder, 65534, 65534)

    with pytest.raises(InvalidSettingError) as caught:
        default_folder()

    assert str(caught.value) == (
        f"OL121: oneloop_cache_dir cannot be {str(folder)!r} (set by default).\n"
        "  Likely cause: it belongs to another user, or others may write to it; and this user has "
        "no cache folder that can be written.\n"
        "  What to do: name a folder of this user's own, such as by ONELOOP_CACHE_DIR."
    )


@pytest.mark.parametrize(
    ("source", "named"),
    [
        ("default, for /.cache cannot be written", "ONELOOP_CACHE_DIR"),
        ("ONELOOP_CACHE_DIR", "ONELOOP_CACHE_DIR"),
        ("--oneloop-cache-dir", "--oneloop-cache-dir"),
        ("-o oneloop_cache_dir", "-o oneloop_cache_dir"),
        ("pytest.ini", "oneloop_cache_dir in pytest.ini"),
        ("pyproject.toml", "oneloop_cache_dir in pyproject.toml"),
    ],
)
def test_what_has_set_a_folder_is_what_has_to_be_changed(source: str, named: str) -> None:
    error = CacheFolderError(Path("/proc/x"), source=source, reason="No such file or directory")

    assert str(error) == (
        f"OL123: Prepared databases cannot be kept in /proc/x (set by {source}): No such file or "
        "directory.\n"
        "  Likely cause: the disk is full, or this user may not write there.\n"
        f"  What to do: let {named} name a folder that this user may write to, with 64 MB free."
    )
