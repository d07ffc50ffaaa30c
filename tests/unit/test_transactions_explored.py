"""The stack of virtual transactions beside a server and the ideal: exhaustively, and at random."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tools.transaction_model import EVENTS, Twins

if TYPE_CHECKING:
    from collections.abc import Iterable


def explore(owners: int, events: Iterable[str], depth: int) -> tuple[int, int]:
    """Give every sequence of events to both; return how many states and refusals there were."""
    seen: set[object] = set()
    edge = [Twins()]
    refusals = 0
    for _ in range(depth):
        following = []
        for twins in edge:
            for owner in range(owners):
                for event in events:
                    if not twins.can(owner, event):
                        continue
                    after = copy.deepcopy(twins)
                    after.do(owner, event)
                    refusals += after.refusals
                    key = after.key()
                    if key not in seen:
                        seen.add(key)
                        following.append(after)
        edge = following
    return len(seen), refusals


def test_every_short_sequence_of_two_owners_is_exact_or_refused() -> None:
    states, refusals = explore(2, EVENTS, 4)
    assert states > 4000
    assert refusals > 50


def test_every_short_sequence_of_three_owners_is_exact_or_refused() -> None:
    states, refusals = explore(3, ("reserve", "read", "write", "fail", "commit", "rollback"), 4)
    assert states > 2000
    assert refusals > 20


def test_every_longer_sequence_of_writes_and_ends_is_exact_or_refused() -> None:
    states, refusals = explore(2, ("write", "fail", "commit", "rollback", "savepoint"), 5)
    assert states > 1000
    assert refusals > 100


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from(EVENTS)), max_size=60))
def test_any_sequence_of_four_owners_is_exact_or_refused(sequence: list[tuple[int, str]]) -> None:
    twins = Twins()
    for owner, event in sequence:
        if twins.can(owner, event):
            twins.do(owner, event)
