"""The stack of virtual transactions, by the rows of its table."""

from __future__ import annotations

import pytest

from pytest_oneloop.sandbox.entries import Effect, InterleavedError, State
from pytest_oneloop.sandbox.transactions import Transactions
from tools.stacked_statements import run, sent


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
