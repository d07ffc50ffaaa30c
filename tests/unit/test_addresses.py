"""Which database of a run an engine means, by what its URL says."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import make_url

from pytest_oneloop.aliases import same_databases
from pytest_oneloop.report.summary import Account, shared_databases, summary_line
from pytest_oneloop.sandbox.addresses import Addresses

if TYPE_CHECKING:
    from sqlalchemy.engine import Dialect

ACCOUNT = Account("PostgreSQL 18.6", "no schema", 0.1, 1, 0, 1, 1)

SPELLINGS = [
    "postgresql+asyncpg://u:secret@{}",
    "postgresql+psycopg://u:secret@{}",
    "postgresql+psycopg2://u:secret@{}",
    "mysql+aiomysql://u:secret@{}",
    "mysql+asyncmy://u:secret@{}",
    "mysql+pymysql://u:secret@{}",
]


def connecting(url: str) -> tuple[Dialect, list[Any], dict[str, Any]]:
    """Return what an engine of that URL gives its driver."""
    made = make_url(url)
    dialect = made.get_dialect()()
    arguments, parameters = dialect.create_connect_args(made)
    return dialect, list(arguments), dict(parameters)


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize(
    ("name", "others"),
    [
        ("analytics", ["db/shop", "db/old-analytics", "analytics/shop", "db:5433/shop"]),
        ("db/analytics", ["other/analytics", "db/shop", "mydb/analytics"]),
        ("db:5433/analytics", ["db/analytics", "db:5434/analytics"]),
    ],
)
def test_a_name_means_the_addresses_that_end_with_it(
    spelling: str, name: str, others: list[str]
) -> None:
    addresses = Addresses(names=[name])
    dialect = spelling.partition("+")[0]
    met = addresses.key(*connecting(spelling.format("db:5433/analytics")))
    assert met == f"{dialect}:{name}"
    for other in others:
        assert addresses.key(*connecting(spelling.format(other))) == dialect


@pytest.mark.parametrize(
    ("url", "port"), [("postgresql+asyncpg://db/stats", 5432), ("mysql+pymysql://db/stats", 3306)]
)
def test_a_port_that_is_left_out_is_the_usual_one(url: str, port: int) -> None:
    dialect = url.partition("+")[0]
    key = Addresses(names=[f"db:{port}/stats"]).key(*connecting(url))
    assert key == f"{dialect}:db:{port}/stats"


@pytest.mark.parametrize("driver", ["aiosqlite", "pysqlite"])
@pytest.mark.parametrize("name", ["stats.db", "data/stats.db", "/srv/data/stats.db"])
@pytest.mark.parametrize("path", ["/srv/data/stats.db", "file:/srv/data/stats.db?mode=ro&uri=true"])
def test_a_file_is_named_by_the_end_of_its_path(driver: str, name: str, path: str) -> None:
    addresses = Addresses(names=[name])
    assert addresses.key(*connecting(f"sqlite+{driver}:///{path}")) == f"sqlite:{name}"
    for other in ("/srv/data/stats.db.old", "/srv/data/mystats.db", "stats.db/shop.db"):
        assert addresses.key(*connecting(f"sqlite+{driver}:///{other}")) == "sqlite"


def test_the_longest_name_wins_in_whatever_order_they_are_given() -> None:
    names = ["stats", "db:5433/stats", "db/stats"]
    for given in (names, names[::-1]):
        addresses = Addresses(names=given)
        keys = [
            addresses.key(*connecting(f"postgresql+asyncpg://{end}"))
            for end in ("other/stats", "db/stats", "db:5433/stats")
        ]
        assert keys == ["postgresql:stats", "postgresql:db/stats", "postgresql:db:5433/stats"]


def test_an_alias_of_a_named_database_is_that_database() -> None:
    same = same_databases(["replica/stats2=db/stats"])
    addresses = Addresses(same, ["db/stats"])
    assert addresses.key(*connecting("postgresql+asyncpg://replica/stats2")) == (
        "postgresql:db/stats"
    )
    assert addresses.key(*connecting("postgresql+asyncpg://replica/stats")) == "postgresql"


def test_the_first_of_several_hosts_counts() -> None:
    addresses = Addresses(names=["one/stats"])
    for driver in ("asyncpg", "psycopg", "psycopg2"):
        url = f"postgresql+{driver}://u@/stats?host=one:5432&host=two:5432"
        assert addresses.key(*connecting(url)) == "postgresql:one/stats"


def test_the_plugin_s_own_databases_are_known_again() -> None:
    addresses = Addresses(names=["stats"])
    addresses.learn("oneloop_run_1ad1_main", "stats")
    addresses.learn("/dev/shm/oneloop/test.db", "")  # noqa: S108 - nothing is made there
    url = "postgresql+psycopg://u@/oneloop_run_1ad1_main?host=/tmp/x"
    assert addresses.key(*connecting(url)) == "postgresql:stats"
    assert addresses.key(*connecting("sqlite:////dev/shm/oneloop/test.db")) == "sqlite"


def test_what_is_one_database_is_found_once() -> None:
    addresses = Addresses(same_databases(["replica/shop=primary/shop"]))
    for end in ("primary/shop", "replica/shop", "primary/log"):
        addresses.note(*connecting(f"postgresql+asyncpg://{end}"))
    assert addresses.found == {"postgresql": ["primary/shop", "primary/log"]}


def test_without_an_alias_a_host_is_a_database_of_its_own() -> None:
    addresses = Addresses()
    for end in ("primary/shop", "replica/shop", "primary/shop", "/shop"):
        addresses.note(*connecting(f"postgresql+psycopg2://{end}"))
    assert addresses.found == {"postgresql": ["primary/shop", "replica/shop", "localhost/shop"]}


def test_databases_of_two_kinds_share_nothing() -> None:
    addresses = Addresses()
    for url in ("postgresql+asyncpg://db/shop", "mysql+pymysql://db/stats", "sqlite:///a.db"):
        addresses.note(*connecting(url))
    found = addresses.found
    assert found == {
        "postgresql": ["db/shop"],
        "mysql": ["db/stats"],
        "sqlite": ["./a.db"],
    }
    assert shared_databases([replace(ACCOUNT, addresses=found)]) == []


def test_named_databases_are_not_shared_and_are_met() -> None:
    addresses = Addresses(names=["stats", "log"])
    for end in ("db/shop", "db/stats", "other/stats"):
        addresses.note(*connecting(f"postgresql+asyncpg://{end}"))
    assert addresses.found == {"postgresql": ["db/shop"]}
    assert addresses.unmet == ["log"]


def test_neither_the_plugin_s_own_databases_count_nor_engines_that_name_none() -> None:
    addresses = Addresses()
    for end in ("u@/oneloop_run_1a_main?host=/tmp/x", "u@primary"):
        addresses.note(*connecting(f"postgresql+psycopg2://{end}"))
    assert addresses.found == {}


def test_a_file_is_one_in_whatever_folder_and_what_is_in_memory_is_none() -> None:
    addresses = Addresses(same_databases(["./copy.db=./shop.db"]), ["stats.db"])
    addresses.learn("/own/data.db", "")
    for rest in (
        *("/one/shop.db", "/two/shop.db", "copy.db", "stats.db", "/own/data.db"),
        *("", ":memory:", "file:shared?mode=memory&cache=shared&uri=true"),
    ):
        for driver in ("aiosqlite", "pysqlite"):
            addresses.note(*connecting(f"sqlite+{driver}:///{rest}"))
    assert addresses.found == {"sqlite": ["./shop.db"]}
    addresses.note(*connecting("sqlite:///file:/srv/log.db?mode=ro&uri=true"))
    [warning] = shared_databases([replace(ACCOUNT, addresses=addresses.found)])
    assert str(warning) == (
        "OL230: engines point to 2 databases, and share one test database: ./shop.db, ./log.db.\n"
        "  Likely cause: the application has several databases, or one that has several addresses: "
        "a read replica, or a URL for tests.\n"
        "  What to do: if they are one database, write oneloop_alias = ./log.db=./shop.db; if not, "
        "give each but the one that oneloop_schema makes the tables of (which one that is, is not "
        "known here) a template of its own: oneloop_databases = shop.db = package.module:Base, or "
        "log.db = package.module:Base (or whatever makes its tables)."
    )


def test_of_many_addresses_some_are_named() -> None:
    many = [f"./{number}.db" for number in range(40)]
    [warning] = shared_databases([replace(ACCOUNT, addresses={"sqlite": many})])
    shown = "./0.db, ./1.db, ./2.db, ./3.db, ./4.db and 35 more."
    assert warning.what == (f"engines point to 40 databases, and share one test database: {shown}")
    assert warning.instead.count("=./0.db") == 5
    assert warning.instead.count(" = package.module:Base") == 5


def test_workers_that_have_seen_one_database_each_have_seen_two() -> None:
    one, two = (
        replace(ACCOUNT, addresses={"postgresql": [f"h/{name}"]}, unmet=[name, "log"])
        for name in ("one", "two")
    )
    assert shared_databases([one, one]) == []
    assert shared_databases([]) == []
    [warning] = shared_databases([one, two, Account(**one.joined(two).to_json())])
    assert warning.addresses == ("h/one", "h/two")
    assert warning.unmet == ("log",)


def test_the_database_that_the_schema_was_built_from_is_not_the_one_to_name() -> None:
    addresses = Addresses()
    for url in ("postgresql+asyncpg://db/stats", "postgresql+asyncpg://db/shop"):
        addresses.note(*connecting(url))
    assert addresses.sources == {}
    addresses.note_source(*connecting("postgresql+psycopg://db:5432/shop"))
    built, later = (
        replace(ACCOUNT, addresses=addresses.found, sources=sources)
        for sources in (addresses.sources, {})
    )

    [warning] = shared_databases([Account(**later.joined(built).to_json())])

    assert warning.built == "db/shop"
    assert str(warning) == (
        "OL230: engines point to 2 databases, and share one test database: db/stats, db/shop.\n"
        "  Likely cause: the application has several databases, or one that has several addresses: "
        "a read replica, or a URL for tests.\n"
        "  What to do: if they are one database, write oneloop_alias = db/stats=db/shop; if not, "
        "give each but db/shop, which the schema was built from, a template of its own: "
        "oneloop_databases = db/stats = package.module:Base (or whatever makes its tables)."
    )


@pytest.mark.parametrize("sources", [[], ["db/shop", "db/stats"], ["localhost/dev"]])
def test_all_are_named_if_it_is_not_known_what_the_schema_was_built_from(
    sources: list[str],
) -> None:
    account = replace(
        ACCOUNT,
        addresses={"postgresql": ["db/stats", "db/shop"]},
        sources={"postgresql": sources, "mysql": ["db/shop"]},
    )

    [warning] = shared_databases([account])

    assert warning.built is None
    assert warning.instead == (
        "if they are one database, write oneloop_alias = db/shop=db/stats; if not, give each but "
        "the one that oneloop_schema makes the tables of (which one that is, is not known here) a "
        "template of its own: oneloop_databases = db/stats = package.module:Base, or db/shop = "
        "package.module:Base (or whatever makes its tables)."
    )


def test_the_source_of_a_schema_is_known_by_its_alias() -> None:
    addresses = Addresses(same_databases(["replica/shop=primary/shop"]))
    for end in ("replica/shop", "primary/shop"):
        addresses.note_source(*connecting(f"mysql+pymysql://{end}"))
    assert addresses.sources == {"mysql": ["primary/shop"]}


def test_a_name_that_nobody_has_used_is_told_of_in_the_summary() -> None:
    line = summary_line([replace(ACCOUNT, unmet=["log"]), replace(ACCOUNT, unmet=["log", "stats"])])
    assert str(line).endswith(" \u00b7 no engine has connected to log")
    assert "connected" not in str(summary_line([ACCOUNT]))
