"""Settings: which place wins, what its source is called, and how all are described."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pytest_oneloop.errors.settings import InvalidSettingError, UnreadableProjectFileError
from pytest_oneloop.options import OPTIONS
from pytest_oneloop.settings import Settings, Value
from tools.given_settings import read

if TYPE_CHECKING:
    from pathlib import Path


def test_nothing_set_gives_the_defaults(tmp_path: Path) -> None:
    settings = read(tmp_path)

    assert settings == Settings(
        app=Value(None, "default"),
        server=Value(None, "default"),
        schema=Value(None, "default"),
        databases=Value((), "default"),
        strategy=Value("auto", "default"),
        passthrough=Value((), "default"),
        alias=Value((), "default"),
        cache_dir=settings.cache_dir,
        postgres_bin=Value(None, "default"),
        restart_sequences=Value(True, "default"),  # noqa: FBT003 - the setting is a switch
        explain=Value(True, "default"),  # noqa: FBT003 - the setting is a switch
    )
    assert settings.cache_dir.source == "default"
    assert settings.cache_dir.value.is_absolute()
    assert settings.cache_dir.value.name == "pytest-oneloop"


def test_names_of_flags_and_variables_follow_from_the_option() -> None:
    assert [(option.name, option.flag, option.variable) for option in OPTIONS] == [
        ("oneloop_app", "--oneloop-app", "ONELOOP_APP"),
        ("oneloop_server", "--oneloop-server", "ONELOOP_SERVER"),
        ("oneloop_schema", "--oneloop-schema", "ONELOOP_SCHEMA"),
        ("oneloop_databases", "--oneloop-databases", "ONELOOP_DATABASES"),
        ("oneloop_strategy", "--oneloop-strategy", "ONELOOP_STRATEGY"),
        ("oneloop_passthrough", "--oneloop-passthrough", "ONELOOP_PASSTHROUGH"),
        ("oneloop_alias", "--oneloop-alias", "ONELOOP_ALIAS"),
        ("oneloop_cache_dir", "--oneloop-cache-dir", "ONELOOP_CACHE_DIR"),
        ("oneloop_postgres_bin", "--oneloop-postgres-bin", "ONELOOP_POSTGRES_BIN"),
        (
            "oneloop_restart_sequences",
            "--oneloop-restart-sequences",
            "ONELOOP_RESTART_SEQUENCES",
        ),
        ("oneloop_explain", "--oneloop-explain", "ONELOOP_EXPLAIN"),
    ]


def test_the_options_are_the_fields_of_the_settings(tmp_path: Path) -> None:
    described = read(tmp_path).described()

    assert [name for name, _, _ in described] == [option.name for option in OPTIONS]


@pytest.mark.parametrize(
    ("places", "expected"),
    [
        (("flag", "variable", "ini", "project"), Value("a.b:flag", "--oneloop-app")),
        (("variable", "ini", "project"), Value("a.b:variable", "ONELOOP_APP")),
        (("ini", "project"), Value("a.b:ini", "pytest.ini")),
        (("project",), Value("a.b:project", "pyproject.toml [tool.fastapi]")),
    ],
)
def test_the_first_place_that_has_a_value_wins(
    tmp_path: Path, places: tuple[str, ...], expected: Value[str]
) -> None:
    if "project" in places:
        (tmp_path / "pyproject.toml").write_text('[tool.fastapi]\nentrypoint = "a.b:project"\n')

    settings = read(
        tmp_path,
        flags={"oneloop_app": "a.b:flag"} if "flag" in places else {},
        environ={"ONELOOP_APP": "a.b:variable"} if "variable" in places else {},
        ini={"oneloop_app": "a.b:ini"} if "ini" in places else {},
    )

    assert settings.app == expected


@pytest.mark.parametrize("empty", ["", "  "])
def test_an_empty_text_is_not_set(tmp_path: Path, empty: str) -> None:
    settings = read(
        tmp_path,
        flags={"oneloop_app": empty},
        environ={"ONELOOP_APP": empty, "ONELOOP_SERVER": empty, "ONELOOP_CACHE_DIR": empty},
        ini={"oneloop_app": "a:b", "oneloop_passthrough": []},
    )

    assert settings.app == Value("a:b", "pytest.ini")
    assert settings.server == Value(None, "default")
    assert settings.cache_dir.source == "default"
    assert settings.passthrough == Value((), "default")


def test_a_value_from_the_option_o_says_so(tmp_path: Path) -> None:
    settings = read(
        tmp_path,
        ini={"oneloop_app": "a:b", "oneloop_schema": "alembic"},
        overridden=["oneloop_app"],
    )

    assert settings.app.source == "-o oneloop_app"
    assert settings.schema.source == "pytest.ini"


def test_an_entrypoint_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.fastapi]\nentrypoint = 3\n")

    with pytest.raises(InvalidSettingError) as caught:
        read(tmp_path)

    assert caught.value.value == "3"
    assert caught.value.source == "pyproject.toml [tool.fastapi]"


@pytest.mark.parametrize("text", ["", "[tool]\nfastapi = 1\n", "[tool.fastapi]\nport = 1\n"])
def test_a_project_file_without_entrypoint_names_no_application(tmp_path: Path, text: str) -> None:
    (tmp_path / "pyproject.toml").write_text(text)

    assert read(tmp_path).app == Value(None, "default")


def test_a_project_file_that_is_not_toml(tmp_path: Path) -> None:
    path = tmp_path / "pyproject.toml"
    path.write_text("[tool\n")

    with pytest.raises(UnreadableProjectFileError) as caught:
        read(tmp_path)

    assert caught.value.path == path
    assert str(caught.value) == (
        f"OL122: {path} could not be read to find [tool.fastapi] entrypoint: {caught.value.cause}\n"
        "  Likely cause: the file is not valid TOML, or may not be read by this user.\n"
        "  What to do: correct the file, or name the application by oneloop_app, "
        "so that the file is not needed."
    )
    assert read(tmp_path, flags={"oneloop_app": "a:b"}).app.value == "a:b"


@pytest.mark.parametrize(
    ("places", "source"),
    [
        (
            {"flags": {"oneloop_databases": "log = none, stats = shop.stats:Base"}},
            "--oneloop-databases",
        ),
        ({"environ": {"ONELOOP_DATABASES": "log=\nstats=shop.stats:Base"}}, "ONELOOP_DATABASES"),
        (
            {"ini": {"oneloop_databases": ["log = none", "stats = shop.stats:Base"]}},
            "oneloop_databases in pytest.ini",
        ),
        (
            {
                "ini": {"oneloop_databases": ["log = none", "stats = shop.stats:Base"]},
                "overridden": ["oneloop_databases"],
            },
            "-o oneloop_databases",
        ),
    ],
    ids=["flag", "variable", "ini", "override"],
)
def test_databases_are_named_in_each_place(
    tmp_path: Path, places: dict[str, Any], source: str
) -> None:
    settings = read(tmp_path, **places)

    assert settings.databases.value == ("log = none", "stats = shop.stats:Base")
    assert settings.schema_of("log") == Value("none", source)
    assert settings.schema_of("stats").value == "shop.stats:Base"
    assert settings.schema_of("") == settings.schema


def test_settings_are_described_for_people(tmp_path: Path) -> None:
    settings = read(
        tmp_path,
        environ={"ONELOOP_SERVER": "postgresql://me:secret@localhost"},
        ini={
            "oneloop_app": "a:b",
            "oneloop_passthrough": ["oracle", "mssql"],
            "oneloop_cache_dir": "/var/kept",
        },
    )

    assert settings.described() == [
        ("oneloop_app", "a:b", "pytest.ini"),
        ("oneloop_server", "postgresql://me:***@localhost", "ONELOOP_SERVER"),
        ("oneloop_schema", "not set", "default"),
        ("oneloop_databases", "none", "default"),
        ("oneloop_strategy", "auto", "default"),
        ("oneloop_passthrough", "oracle, mssql", "pytest.ini"),
        ("oneloop_alias", "none", "default"),
        ("oneloop_cache_dir", "/var/kept", "pytest.ini"),
        ("oneloop_postgres_bin", "not set", "default"),
        ("oneloop_restart_sequences", "true", "default"),
        ("oneloop_explain", "true", "default"),
    ]


def test_pytest_takes_the_options_as_they_are_declared(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytester.makepyfile(
        declares="""
        import os
        from pytest_oneloop.options import OPTIONS
        from pytest_oneloop.settings import Places, read_settings

        def pytest_addoption(parser):
            for option in OPTIONS:
                parser.addoption(option.flag, dest=option.name, default=None,
                                 metavar=option.metavar, help=option.help)
                parser.addini(option.name, option.help, type=option.ini_type, default=None)

        def pytest_report_header(config):
            places = Places(flag=config.getoption, environ=os.environ, ini=config.getini,
                            rootdir=config.rootpath, ini_name=config.inipath.name)
            return [" ".join(line) for line in read_settings(places).described()]
        """,
    )
    pytester.makeini("[pytest]\noneloop_passthrough = oracle 'mssql'\noneloop_schema = alembic\n")
    pytester.syspathinsert()
    monkeypatch.setenv("ONELOOP_SCHEMA", "shop:metadata")

    result = pytester.runpytest_inprocess(
        "-p", "no:oneloop", "-p", "no:asyncio", "-p", "declares", "--oneloop-app=shop:app"
    )

    result.stdout.fnmatch_lines(
        [
            "oneloop_app shop:app --oneloop-app",
            "oneloop_server not set default",
            "oneloop_schema shop:metadata ONELOOP_SCHEMA",
            "oneloop_passthrough oracle, mssql tox.ini",
        ]
    )
