"""The measurements as one self-contained page: no request to any other place."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from pytest_oneloop.demo import wording

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_oneloop.demo.measurement import Measurement
    from pytest_oneloop.demo.setups import SetUp


@dataclass(frozen=True, slots=True)
class _Entry:
    """One set-up and what was measured of it."""

    setup: SetUp
    about: str
    measured: list[Measurement]


def render(setups: Sequence[SetUp], measured: Sequence[Measurement], version: str) -> str:
    """Return the page, as text of a file in UTF-8."""
    entries = [
        _Entry(setup, _about(setup), [one for one in measured if one.number == setup.number])
        for setup in setups
    ]
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(_text("page.html.j2")).render(
        summary=wording.summary(measured),
        notes=wording.notes(setups, measured),
        origin=wording.origin(version),
        entries=entries,
        # Of this package, so nothing in it is to be escaped.
        style=Markup(_text("page.css")),  # noqa: S704
    )


def _about(setup: SetUp) -> str:
    """Return the first line of its conftest, which says what it is."""
    line = setup.conftest.partition("\n")[0].strip('"')
    said = line.partition(": ")[2]
    return said[:1].upper() + said[1:]


def _text(name: str) -> str:
    return (files(__package__) / name).read_text(encoding="utf-8")
