"""Settings: which place wins, what its source is called, and what a bad value says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pytest_oneloop.errors.settings import InvalidSettingError, UnreadableProjectFileError
from pytest_oneloop.options import OPTIONS, STRATEGIES
from pytest_oneloop.settings import Places, Settings, Value, read_settings, without_password

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_UNQUOTED = "it is not a valid URL; a / or @ in a password has to be written as %2F or %40."


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
    "url",
    [
        "postgresql://localhost",
        "postgres://me:secret@db.example:5433/postgres",
        "postgresql+asyncpg://me@[::1]:5432",
        "postgresql://me@tenant:secret@localhost",
        "postgresql:///postgres?host=/run/postgresql",
        "mysql://me:secret@localhost:3306/",
        "mysql+aiomysql://me@db",
        "mariadb://me@db",
    ],
)
def test_urls_of_servers(tmp_path: Path, url: str) -> None:
    assert read(tmp_path, environ={"ONELOOP_SERVER": url}).server == Value(url, "ONELOOP_SERVER")


@pytest.mark.parametrize(
    ("url", "shown", "problem"),
    [
        (
            "oracle://me:secret@localhost",
            "oracle://me:***@localhost",
            "it is not the URL of a PostgreSQL, MySQL or MariaDB server.",
        ),
        (
            "localhost:5432",
            "localhost:5432",
            "it is not the URL of a PostgreSQL, MySQL or MariaDB server.",
        ),
        (
            "mysq://me:secret@localhost",
            "mysq://me:***@localhost",
            "it is not the URL of a PostgreSQL, MySQL or MariaDB server.",
        ),
        (
            "mysql://me:secret@127.0.0.1:abc",
            "mysql://me:***@127.0.0.1:abc",
            "its port is not a number.",
        ),
        ("mysql://me@[::1]:abc/x@y", "mysql://me@[::1]:abc/x@y", _UNQUOTED),
        ("mysql://[::1]:abc/", "mysql://[::1]:abc/", "its port is not a number."),
        ("mysql://me@db:65536", "mysql://me@db:65536", "its port is not below 65536."),
        (
            "mysql://me@[::1",
            "mysql://me@[::1",
            "its host is not valid; an IPv6 address stands in [ and ].",
        ),
        ("postgresql:///postgres", "postgresql:///postgres", "it names no host."),
        (
            "postgresql://me:secr@t@localhost:5432",
            "postgresql://me:***@localhost:5432",
            _UNQUOTED,
        ),
        (
            "postgresql://me:sec/r@t@localhost:5432",
            "postgresql://me:***@localhost:5432",
            _UNQUOTED,
        ),
    ],
)
def test_a_bad_server_url_is_refused_and_its_password_not_shown(
    tmp_path: Path, url: str, shown: str, problem: str
) -> None:
    with pytest.raises(InvalidSettingError) as caught:
        read(tmp_path, environ={"ONELOOP_SERVER": url})

    assert str(caught.value) == (
        f"OL121: oneloop_server cannot be {shown!r} (set by ONELOOP_SERVER).\n"
        f"  Likely cause: {problem}\n"
        "  What to do: write oneloop_server = postgresql://user:password@host:5432 or "
        "mysql://user:password@host:3306 (for MariaDB too), for a user who may create databases; "
        "or leave it out to use the embedded PostgreSQL."
    )


@pytest.mark.parametrize(
    ("url", "masked"),
    [
        ("postgresql://me:s@localhost", "postgresql://me:***@localhost"),
        ("postgresql://me:@localhost", "postgresql://me:***@localhost"),
        ("postgresql://:s@localhost", "postgresql://:***@localhost"),
        ("postgresql://me@localhost:1/d?x=1", "postgresql://me@localhost:1/d?x=1"),
        ("postgresql:///d?host=h&password=s&x=1", "postgresql:///d?host=h&password=***&x=1"),
        ("postgresql://h/d?Password=s", "postgresql://h/d?Password=***"),
        ("/not/a/url", "/not/a/url"),
    ],
)
def test_passwords_are_masked(url: str, masked: str) -> None:
    assert without_password(url) == masked


@pytest.mark.parametrize(
    "text",
    [
        *("alembic", "alembic:db/alembic.ini", "none"),
        *("shop.models:metadata", "shop.models:Base.metadata"),
    ],
)
def test_schema_sources(tmp_path: Path, text: str) -> None:
    assert read(tmp_path, ini={"oneloop_schema": text}).schema == Value(text, "pytest.ini")


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
