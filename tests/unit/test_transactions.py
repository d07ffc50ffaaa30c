"""The stack of virtual transactions: by rows of its table, exhaustively, and at random."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_oneloop.sandbox.entries import Effect, InterleavedError, State
from pytest_oneloop.sandbox.transactions import Transactions
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


def test_what_is_pending_stays_short_when_nothing_is_sent_for_long() -> None:
    stack = Transactions()
    stack.reserve("a")
    for _ in range(100):
        stack.savepoint("a", "s")
        entry = stack.find("a", "s")
        assert entry is not None
        stack.rollback_to(entry)
        stack.release(entry)
    assert stack.pending == ["BEGIN", "SAVEPOINT oneloop_1"]


# -- the table, row by row -----------------------------------------------------------------------


def sent(stack: Transactions) -> list[str]:
    """Return what the server must get now, and take it as sent."""
    pending = list(stack.pending)
    stack.pending.clear()
    return pending


def run(stack: Transactions, owner: object, effect: Effect = Effect.WRITE) -> list[str]:
    """Run a statement that succeeds; return what had to be sent before it."""
    plan = stack.statement(owner, effect)
    before = sent(stack)
    stack.succeeded(plan)
    return before


def fail(stack: Transactions, owner: object) -> list[str]:
    """Run a statement that the server refuses; return what had to be sent before it."""
    plan = stack.statement(owner, Effect.WRITE)
    before = sent(stack)
    stack.failed_on_server(plan)
    return before


def test_the_first_statement_opens_the_test_and_a_frame() -> None:
    stack = Transactions()
    assert run(stack, "a") == ["BEGIN", "SAVEPOINT oneloop_1"]
    assert run(stack, "a") == []


def test_a_checkout_reserves_the_frame_that_the_first_statement_uses() -> None:
    stack = Transactions()
    stack.reserve("a")
    assert sent(stack) == ["BEGIN", "SAVEPOINT oneloop_1"]
    assert [e.state for e in stack.entries] == [State.RESERVED]
    assert run(stack, "a") == []


def test_the_next_test_rolls_back_and_begins_in_one_go() -> None:
    stack = Transactions(["ROLLBACK", "BEGIN"])
    stack.reserve("a")
    assert sent(stack) == ["ROLLBACK", "BEGIN", "SAVEPOINT oneloop_1"]


def test_a_commit_on_top_releases_with_the_next_message() -> None:
    stack = Transactions()
    run(stack, "a")
    stack.commit("a")
    assert stack.pending == ["RELEASE SAVEPOINT oneloop_1"]
    assert run(stack, "a") == ["RELEASE SAVEPOINT oneloop_1", "SAVEPOINT oneloop_1"]


def test_a_commit_below_others_is_marked_and_released_with_them() -> None:
    stack = Transactions()
    run(stack, "a")
    run(stack, "b")
    stack.commit("a")
    assert sent(stack) == []
    assert [e.state for e in stack.entries] == [State.DONE, State.OPEN]
    stack.commit("b")
    assert sent(stack) == ["RELEASE SAVEPOINT oneloop_1"]
    assert stack.entries == []


def test_a_rollback_on_top_undoes_to_its_savepoint() -> None:
    stack = Transactions()
    run(stack, "a")
    stack.rollback("a")
    assert sent(stack) == ["ROLLBACK TO SAVEPOINT oneloop_1", "RELEASE SAVEPOINT oneloop_1"]


def test_a_rollback_of_a_reader_around_a_commit_undoes_nothing() -> None:
    stack = Transactions()
    run(stack, "reader", Effect.READ)
    run(stack, "writer")
    stack.commit("writer")
    sent(stack)
    stack.rollback("reader")
    assert sent(stack) == ["RELEASE SAVEPOINT oneloop_1"]


def test_a_rollback_of_a_reader_under_an_open_writer_undoes_nothing() -> None:
    stack = Transactions()
    run(stack, "reader", Effect.READ)
    run(stack, "writer")
    stack.rollback("reader")
    assert sent(stack) == []
    stack.rollback("writer")
    assert sent(stack) == ["ROLLBACK TO SAVEPOINT oneloop_2", "RELEASE SAVEPOINT oneloop_1"]


def test_a_rollback_of_a_writer_around_a_commit_is_refused_before_anything_is_sent() -> None:
    stack = Transactions()
    run(stack, "a")
    run(stack, "b")
    stack.commit("b")
    sent(stack)
    with pytest.raises(InterleavedError) as raised:
        stack.rollback("a")
    assert raised.value.others == []
    assert sent(stack) == []
    stack.commit("a")
    assert sent(stack) == ["RELEASE SAVEPOINT oneloop_1"]


def test_a_rollback_of_a_writer_under_an_open_writer_is_refused_and_names_it() -> None:
    stack = Transactions()
    run(stack, "a")
    run(stack, "b")
    with pytest.raises(InterleavedError) as raised:
        stack.rollback("a")
    assert [e.owner for e in raised.value.others] == ["b"]


def test_work_of_its_own_in_the_savepoint_of_a_reader_can_be_undone() -> None:
    stack = Transactions()
    run(stack, "writer")
    run(stack, "reader", Effect.READ)
    run(stack, "writer")
    stack.rollback("writer")
    assert (
        sent(stack)
        == [
            "RELEASE SAVEPOINT oneloop_3",
            "ROLLBACK TO SAVEPOINT oneloop_1",
            "SAVEPOINT oneloop_2",
        ][1:]
    )


def test_a_reader_moves_to_the_top_before_it_writes() -> None:
    stack = Transactions()
    run(stack, "reader", Effect.READ)
    run(stack, "writer")
    stack.commit("writer")
    assert run(stack, "reader") == ["RELEASE SAVEPOINT oneloop_1", "SAVEPOINT oneloop_1"]
    stack.rollback("reader")
    assert sent(stack) == ["ROLLBACK TO SAVEPOINT oneloop_1", "RELEASE SAVEPOINT oneloop_1"]


def test_a_failure_alone_is_refused_by_the_server_until_rolled_back() -> None:
    stack = Transactions()
    run(stack, "a")
    fail(stack, "a")
    assert stack.failed("a")
    plan = stack.statement("a", Effect.READ)
    assert (plan.guard, plan.poison, sent(stack)) == (None, False, [])
    stack.failed_on_server(plan)
    stack.rollback("a")
    assert sent(stack) == ["ROLLBACK TO SAVEPOINT oneloop_1", "RELEASE SAVEPOINT oneloop_1"]
    assert not stack.failed("a")


def test_a_failure_below_others_is_guarded_and_leaves_them_alone() -> None:
    stack = Transactions()
    run(stack, "a")
    run(stack, "b")
    assert fail(stack, "a") == ["SAVEPOINT oneloop_3"]
    assert sent(stack) == ["ROLLBACK TO SAVEPOINT oneloop_3", "RELEASE SAVEPOINT oneloop_3"]
    assert stack.failed("a")
    assert not stack.failed("b")
    assert run(stack, "b") == []


def test_a_failed_frame_stays_failed_although_the_server_goes_on() -> None:
    stack = Transactions()
    run(stack, "a")
    run(stack, "b")
    fail(stack, "a")
    assert stack.statement("a", Effect.READ).poison


def test_the_failure_of_one_is_cleared_before_another_goes_on() -> None:
    stack = Transactions()
    run(stack, "a")
    fail(stack, "a")
    assert run(stack, "b") == ["ROLLBACK TO SAVEPOINT oneloop_1", "SAVEPOINT oneloop_2"]
    assert stack.failed("a")


def test_a_commit_of_a_failed_transaction_is_a_rollback() -> None:
    stack = Transactions()
    fail(stack, "a")
    stack.commit("a")
    assert sent(stack) == ["ROLLBACK TO SAVEPOINT oneloop_1", "RELEASE SAVEPOINT oneloop_1"]


def test_the_applications_savepoints_lie_on_the_same_stack() -> None:
    stack = Transactions()
    run(stack, "a")
    stack.savepoint("a", "mine")
    assert run(stack, "a") == ["SAVEPOINT oneloop_2"]
    entry = stack.find("a", "mine")
    assert entry is not None
    stack.rollback_to(entry)
    assert sent(stack) == ["ROLLBACK TO SAVEPOINT oneloop_2"]
    run(stack, "a")
    stack.release(entry)
    stack.commit("a")
    assert sent(stack) == ["RELEASE SAVEPOINT oneloop_1"]


def test_a_savepoint_released_below_another_frame_still_counts_as_written() -> None:
    stack = Transactions()
    stack.savepoint("a", "mine")
    run(stack, "a")
    run(stack, "b")
    entry = stack.find("a", "mine")
    assert entry is not None
    stack.release(entry)
    assert stack.wrote("a")
    with pytest.raises(InterleavedError):
        stack.rollback("a")


def test_a_statement_alone_is_guarded_and_kept() -> None:
    stack = Transactions()
    plan = stack.statement("a", Effect.WRITE, autocommit=True)
    assert sent(stack) == ["BEGIN", "SAVEPOINT oneloop_1"]
    stack.succeeded(plan)
    assert sent(stack) == ["RELEASE SAVEPOINT oneloop_1"]
    assert stack.entries == []


def test_a_statement_alone_that_fails_poisons_nothing() -> None:
    stack = Transactions()
    plan = stack.statement("a", Effect.WRITE, autocommit=True)
    sent(stack)
    stack.failed_on_server(plan)
    assert sent(stack) == ["ROLLBACK TO SAVEPOINT oneloop_1", "RELEASE SAVEPOINT oneloop_1"]


def test_a_transaction_of_nothing_sends_nothing() -> None:
    stack = Transactions()
    stack.commit("a")
    stack.rollback("a")
    assert sent(stack) == ["BEGIN"]


def test_the_drivers_own_connection_counts_as_having_written() -> None:
    stack = Transactions()
    stack.reserve("a")
    sent(stack)
    stack.use_raw("a", begins=True)
    assert stack.wrote("a")
    stack.rollback("a")
    assert sent(stack)[-2:] == ["ROLLBACK TO SAVEPOINT oneloop_1", "RELEASE SAVEPOINT oneloop_1"]


def test_what_the_drivers_own_connection_does_after_a_savepoint_is_undone_too() -> None:
    stack = Transactions()
    stack.savepoint("a", "mine")
    sent(stack)
    stack.use_raw("a", begins=True)
    entry = stack.find("a", "mine")
    assert entry is not None
    stack.rollback_to(entry)
    stack.release(entry)
    sent(stack)
    stack.rollback("a")
    assert sent(stack) == ["ROLLBACK TO SAVEPOINT oneloop_1", "RELEASE SAVEPOINT oneloop_1"]


def test_what_a_driver_does_outside_of_its_transactions_is_committed() -> None:
    stack = Transactions()
    stack.reserve("a")
    sent(stack)
    stack.use_raw("a", begins=False)
    stack.rollback("a")
    assert sent(stack) == ["RELEASE SAVEPOINT oneloop_1"]


def test_the_end_of_a_test_leaves_what_cannot_be_undone_and_says_so() -> None:
    stack = Transactions()
    run(stack, "a")
    run(stack, "b")
    stack.commit("b")
    stack.abandon("a")
    assert stack.tainted is not None
    assert stack.owned("a") == []


def test_those_who_wrote_or_may_soon_hold_the_turn() -> None:
    stack = Transactions()
    stack.reserve("idle")
    run(stack, "reader", Effect.READ)
    run(stack, "writer")
    assert stack.holders("new") == ["idle", "writer"]
    assert stack.holders("writer") == ["idle"]
