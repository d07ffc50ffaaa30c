"""Databases that have several addresses."""

from __future__ import annotations

import pytest

from pytest_oneloop.aliases import alias_pairs, same_databases
from pytest_oneloop.errors.settings import InvalidSettingError
from pytest_oneloop.options import Value


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
