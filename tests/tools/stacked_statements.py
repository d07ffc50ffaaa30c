"""Statements on the stack of virtual transactions, and what the server gets of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_oneloop.sandbox.entries import Effect

if TYPE_CHECKING:
    from pytest_oneloop.sandbox.transactions import Transactions


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
