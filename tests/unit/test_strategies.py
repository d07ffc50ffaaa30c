"""Which strategy a test runs under."""

from __future__ import annotations

import json

import pytest

from pytest_oneloop.errors.strategies import InvalidMarkError
from pytest_oneloop.options import STRATEGIES, Value
from pytest_oneloop.strategies import Choice, Need, choose, fingerprint, headline, strategy_of_mark

NEED = Need("clone", "CREATE DATABASE", "3f")
FLAG = "--oneloop-strategy"


@pytest.mark.parametrize("needed", [None, NEED])
@pytest.mark.parametrize("marked", [None, *STRATEGIES])
def test_the_flag_forces_one_for_a_whole_run(marked: str | None, needed: Need | None) -> None:
    for strategy in ("rollback", "commit", "clone"):
        assert choose(Value(strategy, FLAG), marked, needed) == Choice(strategy)


@pytest.mark.parametrize("source", ["default", "pytest.ini", "ONELOOP_STRATEGY"])
@pytest.mark.parametrize("setting", STRATEGIES)
def test_a_mark_comes_before_the_setting(setting: str, source: str) -> None:
    for marked in ("rollback", "commit", "clone"):
        assert choose(Value(setting, source), marked, NEED) == Choice(marked)
    assert choose(Value(setting, source), None, None) == Choice(setting)


@pytest.mark.parametrize(
    ("setting", "source", "marked"),
    [("auto", "default", None), ("auto", FLAG, None), ("commit", "pytest.ini", "auto")],
)
def test_what_was_needed_counts_under_auto(setting: str, source: str, marked: str | None) -> None:
    value = Value(setting, source)
    assert choose(value, marked, NEED) == Choice("clone", "CREATE DATABASE")
    assert choose(value, marked, None) == Choice("auto")
    assert choose(Value("commit", source if source != FLAG else "ini"), None, NEED) == (
        Choice("commit")
    )


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_mark_names_a_strategy(strategy: str) -> None:
    assert strategy_of_mark((), {"strategy": strategy}, place="test_it") == strategy


@pytest.mark.parametrize(
    ("args", "kwargs", "given"),
    [
        (("commit",), {}, "'commit'"),
        ((), {}, ""),
        ((), {"strategy": "comit"}, "strategy='comit'"),
        ((), {"strategy": None}, "strategy=None"),
        ((), {"strategy": "commit", "scope": "module"}, "strategy='commit', scope='module'"),
        ((1,), {"strategy": "commit"}, "1, strategy='commit'"),
    ],
)
def test_a_mark_that_names_none(
    args: tuple[object, ...], kwargs: dict[str, object], given: str
) -> None:
    with pytest.raises(InvalidMarkError) as raised:
        strategy_of_mark(args, kwargs, place="tests/test_it.py::test_it")
    assert str(raised.value) == (
        f"OL212: the mark oneloop({given}) of tests/test_it.py::test_it names no strategy.\n"
        "  Likely cause: the name is misspelt, or is not given as `strategy=...`, the only "
        "argument\n"
        "  What to do: write one that exists, such as "
        '@pytest.mark.oneloop(strategy="commit") (auto, rollback, commit, clone)'
    )
    assert (raised.value.test, raised.value.given) == ("tests/test_it.py::test_it", given)


def test_a_need_survives_a_file() -> None:
    assert Need.from_json(json.loads(json.dumps(NEED.to_json()))) == NEED


@pytest.mark.parametrize(
    "data",
    [
        None,
        "commit",
        [],
        {},
        {"strategy": "truncate", "reason": "", "fingerprint": ""},
        {"strategy": "commit", "reason": 1, "fingerprint": ""},
        {"strategy": "commit", "reason": ""},
    ],
)
def test_what_else_a_file_may_hold_is_no_need(data: object) -> None:
    assert Need.from_json(data) is None


def test_a_fingerprint_tells_texts_apart() -> None:
    assert fingerprint("a", "b") == fingerprint("a", "b")
    assert (
        len({fingerprint(*texts) for texts in (("a", "b"), ("ab",), ("a", "c"), ("b", "a"))}) == 4
    )


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("\n  assert 1 == 2\n +  where", "assert 1 == 2"),
        ("", "no text"),
        ("word " * 24, ("word " * 24).strip()),
        ("word " * 25, ("word " * 24).strip() + "…"),
        ("x" * 121, "x" * 120 + "…"),
    ],
)
def test_a_headline_says_where_it_was_cut(text: str, line: str) -> None:
    assert headline(text) == line
