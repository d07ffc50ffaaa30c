"""Settings: which values each takes, and what a bad one says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_oneloop.errors.settings import InvalidSettingError
from pytest_oneloop.options import STRATEGIES
from pytest_oneloop.settings import Value
from tools.given_settings import read

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    "text",
    [
        "main:app",
        "shop.main:app",
        "shop.main:api.inner",
        "shop.main:create_app()",
        "bücher.web:app",
    ],
)
def test_an_application_is_a_module_and_a_name(tmp_path: Path, text: str) -> None:
    assert read(tmp_path, environ={"ONELOOP_APP": text}).app.value == text


@pytest.mark.parametrize(
    "text",
    ["main", "main:", ":app", "main.py:1app", "main:app(1)", "a..b:c", "a b:c", "main:app()()"],
)
def test_an_application_of_another_form_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(InvalidSettingError) as caught:
        read(tmp_path, flags={"oneloop_app": text})

    assert (caught.value.name, caught.value.value, caught.value.source) == (
        "oneloop_app",
        text,
        "--oneloop-app",
    )
    assert str(caught.value) == (
        f"OL121: oneloop_app cannot be {text!r} (set by --oneloop-app).\n"
        "  Likely cause: it is not of the form module:attribute.\n"
        "  What to do: write the module's dotted name, a colon, and the name in it: "
        "oneloop_app = shop.main:app, or shop.main:create_app() for a function to call."
    )


@pytest.mark.parametrize(
    "text",
    [
        *("alembic", "alembic:db/alembic.ini", "none"),
        *("shop.models:metadata", "shop.models:Base.metadata"),
    ],
)
def test_schema_sources(tmp_path: Path, text: str) -> None:
    assert read(tmp_path, ini={"oneloop_schema": text}).schema == Value(text, "pytest.ini")


@pytest.mark.parametrize("text", ["Alembic", "alembic:", "shop.models", "shop.models:make()"])
def test_another_schema_source_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(InvalidSettingError) as caught:
        read(tmp_path, ini={"oneloop_schema": text})

    assert str(caught.value) == (
        f"OL121: oneloop_schema cannot be {text!r} (set by pytest.ini).\n"
        "  Likely cause: it is neither alembic nor of the form module:attribute.\n"
        "  What to do: write oneloop_schema = alembic, or the place of a MetaData object or of a "
        "function, such as oneloop_schema = shop.models:metadata."
    )


@pytest.mark.parametrize("name", STRATEGIES)
def test_strategies(tmp_path: Path, name: str) -> None:
    assert read(tmp_path, flags={"oneloop_strategy": name}).strategy == Value(
        name, "--oneloop-strategy"
    )


def test_a_strategy_that_does_not_exist_names_those_that_do(tmp_path: Path) -> None:
    with pytest.raises(InvalidSettingError) as caught:
        read(tmp_path, flags={"oneloop_strategy": "truncate"})

    assert str(caught.value) == (
        "OL121: oneloop_strategy cannot be 'truncate' (set by --oneloop-strategy).\n"
        "  Likely cause: there is no strategy of that name in this version.\n"
        "  What to do: use one that exists (auto, rollback, commit, clone), or leave it out."
    )


@pytest.mark.parametrize("listed", ["oracle, MSSQL oracle", ["oracle", "mssql"], ["oracle,mssql"]])
def test_passthrough_is_a_list_however_it_is_written(
    tmp_path: Path, listed: str | list[str]
) -> None:
    settings = read(tmp_path, ini={"oneloop_passthrough": listed})

    assert settings.passthrough == Value(("oracle", "mssql"), "pytest.ini")


def test_folders_are_relative_to_the_root_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))

    settings = read(
        tmp_path, environ={"ONELOOP_CACHE_DIR": "~/kept", "ONELOOP_POSTGRES_BIN": "bin"}
    )

    assert settings.cache_dir == Value(tmp_path / "home" / "kept", "ONELOOP_CACHE_DIR")
    assert settings.postgres_bin == Value(tmp_path / "bin", "ONELOOP_POSTGRES_BIN")
    assert not (tmp_path / "home").exists()


def test_a_cache_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "kept").touch()

    with pytest.raises(InvalidSettingError) as caught:
        read(tmp_path, ini={"oneloop_cache_dir": "kept"})

    assert str(caught.value) == (
        "OL121: oneloop_cache_dir cannot be 'kept' (set by pytest.ini).\n"
        f"  Likely cause: {tmp_path / 'kept'} is a file.\n"
        "  What to do: name a folder; it is made where it does not exist."
    )


def test_binaries_in_a_folder_that_is_not_there_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidSettingError) as caught:
        read(tmp_path, ini={"oneloop_postgres_bin": "nowhere"})

    assert str(caught.value) == (
        "OL121: oneloop_postgres_bin cannot be 'nowhere' (set by pytest.ini).\n"
        f"  Likely cause: {tmp_path / 'nowhere'} is not a folder.\n"
        "  What to do: name the folder that holds postgres and initdb, such as "
        "/usr/lib/postgresql/17/bin, or leave it out."
    )


@pytest.mark.parametrize(
    ("word", "explain"),
    [("true", True), ("Yes", True), ("1", True), ("false", False), ("off", False), ("0", False)],
)
def test_a_switch_takes_the_words_of_pytest(tmp_path: Path, word: str, explain: bool) -> None:  # noqa: FBT001
    settings = read(tmp_path, ini={"oneloop_explain": word})

    assert settings.explain == Value(explain, "pytest.ini")
