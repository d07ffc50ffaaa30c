"""One small program, and what is said of it."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

Seen = dict[str, object]
"""All that a program can observe, by name; it must survive JSON. Times and ids: as relations."""


@dataclass(frozen=True)
class Program:
    """A program that observes a database through an engine of SQLAlchemy.

    Attributes:
        body: The function; its only argument is an engine, an `AsyncEngine` if it is asynchronous.
        real: What a real database does, for the table of limits.
        limits: The differences, by strategy, as the table says them. None is declared where there
            is no difference, or where an error of the plugin says it.
    """

    body: Callable[[Any], Any]
    real: str
    limits: dict[str, str] = field(default_factory=dict)

    @property
    def topic(self) -> str:
        """The name of its module."""
        return self.body.__module__.rpartition(".")[2]

    @property
    def name(self) -> str:
        """Its name, unique among all."""
        return f"{self.topic}.{self.body.__name__}"

    @property
    def is_async(self) -> bool:
        return inspect.iscoroutinefunction(self.body)


def program(real: str, **limits: str) -> Callable[[Callable[[Any], Any]], Program]:
    """Declare a function to be a program; see `Program`."""
    return lambda body: Program(body, real, limits)
