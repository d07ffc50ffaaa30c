"""Databases that have several addresses, as the user writes them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from pytest_oneloop.errors.settings import InvalidSettingError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_oneloop.options import Value

_PAIR: Final = re.compile(r"[^\s=/@]+/[^\s=/@]+=[^\s=/@]+/[^\s=/@]+")


def alias_pairs(held: Value[str]) -> tuple[str, ...]:
    """Return the pairs in the setting `oneloop_alias`, each once.

    Raises:
        InvalidSettingError: One is not of the form `host/name=host/name`.
    """
    pairs = tuple(dict.fromkeys(held.value.replace(",", " ").split()))
    for pair in pairs:
        if not _PAIR.fullmatch(pair):
            raise InvalidSettingError(
                name="oneloop_alias",
                value=pair,
                source=held.source,
                problem="it is not two addresses of one database.",
                instead="write host/name=host/name, without ports, users and passwords: "
                "oneloop_alias = replica.example/shop=primary.example/shop; a file is ./name.",
            )
    return pairs


def same_databases(pairs: Sequence[str]) -> dict[str, str]:
    """Return, for each address, one that stands for all that mean the same database."""
    same: dict[str, str] = {}
    for pair in pairs:
        left, right = (same.get(one, one) for one in pair.split("="))
        for address in {*same, left}:
            if same.get(address, address) == left:
                same[address] = right
    return same
