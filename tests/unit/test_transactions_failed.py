"""The stack of virtual transactions, when a statement of one of them fails."""

from __future__ import annotations

from pytest_oneloop.sandbox.entries import Effect
from pytest_oneloop.sandbox.transactions import Transactions
from tools.stacked_statements import fail, run, sent


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


def test_a_statement_alone_that_fails_poisons_nothing() -> None:
    stack = Transactions()
    plan = stack.statement("a", Effect.WRITE, autocommit=True)
    sent(stack)
    stack.failed_on_server(plan)
    assert sent(stack) == ["ROLLBACK TO SAVEPOINT oneloop_1", "RELEASE SAVEPOINT oneloop_1"]
