"""All programs."""

from __future__ import annotations

from importlib import import_module

from fidelity.program import Program

TOPICS = (
    *("constraints", "clock", "sequences", "temporary", "settings", "cursors", "savepoints"),
    *("failures", "timeouts", "locks", "advisory", "isolation", "snapshots", "autocommit"),
    *("identifiers", "twophase", "copying", "largeobjects", "rowsecurity", "notifications"),
    *("ddl", "maintenance", "hooks", "pools", "engines"),
)
"""The modules of programs, in the order of the table of limits."""


def programs() -> tuple[Program, ...]:
    """Return all programs, in the order in which they are written."""
    modules = [import_module(f"fidelity.programs.{topic}") for topic in TOPICS]
    return tuple(
        found for module in modules for found in vars(module).values() if isinstance(found, Program)
    )
