"""Databases that have several addresses, and engines that point to several databases."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import create_engine, event
from sqlalchemy.engine import Engine

from pytest_oneloop.aliases import alias_pairs, same_databases
from pytest_oneloop.errors.settings import InvalidSettingError
from pytest_oneloop.options import Value
from pytest_oneloop.report.summary import Account, shared_database
from pytest_oneloop.sandbox.addresses import Addresses

PRIMARY = {"host": "primary", "dbname": "shop"}
REPLICA = {"host": "replica", "database": "shop"}
ACCOUNT = Account("PostgreSQL 18.6", "no schema", 0.1, 1, 0, 1, 1)


def test_pairs_are_separated_by_commas_or_spaces() -> None:
    pairs = alias_pairs(Value("a/b=c/d, e/f=c/d a/b=c/d", "pytest.ini"))
    assert pairs == ("a/b=c/d", "e/f=c/d")


@pytest.mark.parametrize("pair", ["replica", "replica/shop", "a=b", "a/b=c/d=e/f", "u@a/b=c/d"])
def test_what_is_no_pair_is_refused(pair: str) -> None:
    with pytest.raises(InvalidSettingError) as caught:
        alias_pairs(Value(f"a/b=c/d {pair}", "pytest.ini"))
    assert caught.value.value == pair
    assert caught.value.source == "pytest.ini"


@pytest.mark.parametrize(
    "pairs",
    [
        ("a/x=b/x", "b/x=c/x"),
        ("b/x=c/x", "a/x=b/x"),
        ("a/x=c/x", "b/x=a/x"),
        ("a/x=b/x", "a/x=c/x"),
        ("a/x=b/x", "b/x=a/x", "b/x=c/x"),
    ],
)
def test_pairs_join_however_they_are_written(pairs: tuple[str, ...]) -> None:
    same = same_databases(pairs)
    assert len({same.get(one, one) for one in ("a/x", "b/x", "c/x")}) == 1
    assert same.get("d/x", "d/x") == "d/x"


def test_what_is_one_database_is_found_once() -> None:
    addresses = Addresses(same_databases(["replica/shop=primary/shop"]))
    for parameters in (PRIMARY, REPLICA, {"host": "primary", "db": "log"}):
        addresses.note(parameters)
    assert addresses.found == ["primary/shop", "primary/log"]


def test_without_an_alias_a_host_is_a_database_of_its_own() -> None:
    addresses = Addresses({})
    for parameters in (PRIMARY, REPLICA, PRIMARY, {"dbname": "shop"}):
        addresses.note(parameters)
    assert addresses.found == ["primary/shop", "replica/shop", "localhost/shop"]


def test_neither_the_plugin_s_own_databases_count_nor_engines_that_name_none() -> None:
    addresses = Addresses({})
    addresses.note({"host": "/tmp/server", "database": "oneloop_run_1a_main"})  # noqa: S108
    addresses.note({"host": "primary"})
    assert addresses.found == []


def test_engines_are_heard_before_the_one_that_answers_for_them() -> None:
    class AnsweredError(Exception):
        pass

    def answer(*_: object) -> None:
        raise AnsweredError

    addresses = Addresses({})
    addresses.listen()
    event.listen(Engine, "do_connect", answer)
    try:
        for name in ("one", "two"):
            engine = create_engine(f"postgresql+psycopg://u:secret@h.invalid/{name}")
            with pytest.raises(AnsweredError):
                engine.connect()
        with addresses.unheard(), pytest.raises(AnsweredError):
            create_engine("postgresql+psycopg://u@h.invalid/three").connect()
        with pytest.raises(AnsweredError):
            create_engine("sqlite:///four.db").connect()
    finally:
        event.remove(Engine, "do_connect", answer)
        addresses.close()
    assert addresses.found == ["h.invalid/one", "h.invalid/two"]


def test_workers_that_have_seen_one_database_each_have_seen_two() -> None:
    one, two = (replace(ACCOUNT, addresses=[f"h/{name}"]) for name in ("one", "two"))
    assert shared_database([one, one]) is None
    assert shared_database([]) is None
    warning = shared_database([one, two, Account(**one.joined(two).to_json())])
    assert warning is not None
    assert warning.addresses == ("h/one", "h/two")
