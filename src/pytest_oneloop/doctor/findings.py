"""What the doctor finds: one finding for each cause, not for each test that suffers from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pytest_oneloop.loops.loopmap import Place

Severity = Literal["error", "warning"]
Outcome = Literal["fixed", "slower", "fails"]

_SHOWN = 3
"""How many names are written out before the rest is counted."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that will go wrong, or already costs more than it should.

    Attributes:
        code: `OL401` and on; the documentation has a section of that name.
        severity: Of the suite without the plugin: an `error` fails tests, a `warning` does not.
        place: The line to look at.
        message: What happens.
        fix: What to change, by hand.
        with_oneloop: What becomes of it when the plugin is on and nothing else is changed: it is
            `fixed`, it passes but stays `slower` than it need be, or it `fails` still.
        by_configuration: Three lines of pytest's configuration mend it, or a part of it.
    """

    code: str
    severity: Severity
    place: Place
    message: str
    fix: str
    with_oneloop: Outcome
    by_configuration: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return what `json.dumps` takes."""
        return {
            "code": self.code,
            "severity": self.severity,
            "path": self.place.path,
            "line": self.place.line,
            "message": self.message,
            "fix": self.fix,
            "with_oneloop": self.with_oneloop,
        }


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    """Return each finding once: errors first, then by place."""
    return sorted(
        set(findings),
        key=lambda one: (one.severity, one.place.path, one.place.line, one.code),
    )


def listed(names: Sequence[str]) -> str:
    """Return names as a text: `a`, `a and b`, `a, b, c and 4 more`."""
    shown = list(names[:_SHOWN])
    if len(names) > _SHOWN:
        shown.append(f"{len(names) - _SHOWN} more")
    return " and ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)


def counted(number: int, noun: str) -> str:
    """Return a number with its noun: `1 test`, `3 tests`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
