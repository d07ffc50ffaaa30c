"""What the page says of each thing that is drawn: name, loop, file and line, time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from pytest_oneloop.maps import wording

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_oneloop.loops.loopmap import Crossing, Place, Step
    from pytest_oneloop.maps.fold import Arrow, Block, Folded, Guest, Loop

_UNKNOWN: Final = "not known"


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing.

    Attributes:
        id: Its anchor in the page.
        name: What it is called.
        kind: What it is, in a few words.
        facts: Each a term, its text, and whether the text is code.
        members: What it stands for, if that is more than one: each a name and a place.
    """

    id: str
    name: str
    kind: str
    facts: tuple[tuple[str, str, bool], ...]
    members: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Section:
    """The entries of one loop, or the crossings."""

    name: str
    scope: str
    entries: list[Entry] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Told:
    """One arrow, for a sentence."""

    what: str
    made_on: str
    made_by: str
    used_on: str
    used_by: str
    place: str


def sections(folded: Folded) -> list[Section]:
    """Return all entries: a section for each lane, and one for what crosses."""
    found = [
        Section(loop.name, loop.scope, [_loop_entry(number, loop)])
        for number, loop in enumerate(folded.loops)
    ]
    for number, guest in enumerate(folded.guests):
        found[guest.loop].entries.append(_guest_entry(number, guest, folded))
    for number, block in enumerate(folded.blocks):
        found[block.loop].entries.append(_block_entry(number, block, folded))
    if folded.arrows:
        crossing_entries = [_arrow_entry(n, arrow, folded) for n, arrow in enumerate(folded.arrows)]
        found.append(Section("What crosses", "other", crossing_entries))
    return found


def crossing(arrow: Arrow, folded: Folded) -> Told:
    """Return an arrow in words."""
    first = arrow.crossings[0]
    more = len(arrow.crossings) - 1
    made_by = first.made_by if arrow.source is None else folded.blocks[arrow.source].name
    return Told(
        what=wording.arrow_names(arrow, folded)[-1],
        made_on=folded.loops[arrow.source_loop].name,
        made_by=made_by,
        used_on=folded.loops[arrow.target_loop].name,
        used_by=first.used_by if not more else f"{first.used_by} and {more:,} more",
        place=str(first.place or ""),
    )


def told(arrow: Arrow, folded: Folded) -> str:
    """Return an arrow as a sentence, for a screen reader."""
    it = crossing(arrow, folded)
    return (
        f"{it.what} crosses: made on the {it.made_on} by {it.made_by}, "
        f"used on the {it.used_on} by {it.used_by}"
    )


def spoken(block: Block) -> str:
    """Return a block in one line, for a screen reader and as a tooltip."""
    note = wording.note(block)
    place = block.steps[0].place if len(block.steps) == 1 else None
    parts = [f"{block.kind} {block.name}", note, str(place or "")]
    return ", ".join(filter(None, parts))


def loop_label(loop: Loop) -> str:
    """Return a loop in one line, for a screen reader."""
    return f"event loop: {loop.name}, {wording.lifetime(loop.scope)}"


def _loop_entry(number: int, loop: Loop) -> Entry:
    one = len(loop.lanes) == 1
    return Entry(
        id=f"l{number}",
        name=loop.name,
        kind="event loop" if one else f"{len(loop.lanes):,} event loops, one after another",
        facts=(("Scope", loop.scope, False), ("Life", wording.lifetime(loop.scope), False)),
        members=() if one else tuple((lane.name, "") for lane in loop.lanes),
    )


def _guest_entry(number: int, guest: Guest, folded: Folded) -> Entry:
    first = guest.residents[0]
    one = len(guest.residents) == 1
    facts = [("Bound to", folded.loops[guest.loop].name, True)]
    if one:
        facts += [("Made by", first.owner, True), ("Made at", _place(first.place), True)]
    return Entry(
        id=f"g{number}",
        name=wording.guest_name(guest),
        kind="lives on the loop until the loop ends",
        facts=tuple(facts),
        members=()
        if one
        else tuple((f"{it.name}, made by {it.owner}", _place(it.place)) for it in guest.residents),
    )


def _block_entry(number: int, block: Block, folded: Folded) -> Entry:
    first = block.steps[0]
    facts = [("Runs on", folded.loops[block.loop].name, True)]
    if block.kind == "fixture":
        facts.append(("Scope", first.scope, False))
    if len({step.place for step in block.steps}) == 1:
        facts.append(("Written at", _place(first.place), True))
    if block.started is not None:
        facts.append(("Began", f"{block.started:.3f} s after the start", False))
    if block.seconds is not None:
        facts.append(("Took", wording.duration(block.seconds), False))
    kind = block.kind
    if len(block.steps) > 1:
        kind = f"{wording.count(len(block.steps), block.kind)}, shown as one"
    return Entry(
        id=f"s{number}",
        name=block.name,
        kind=kind,
        facts=tuple(facts),
        members=tuple(_members(block.steps)) if len(block.steps) > 1 else (),
    )


def _members(steps: Iterable[Step]) -> Iterable[tuple[str, str]]:
    for step in steps:
        took = "" if step.seconds is None else f" · {wording.duration(step.seconds)}"
        yield step.name, f"{_place(step.place)}{took}"


def _arrow_entry(number: int, arrow: Arrow, folded: Folded) -> Entry:
    it = crossing(arrow, folded)
    facts = [
        ("Made on", it.made_on, True),
        ("Made by", it.made_by, True),
        ("Used on", it.used_on, True),
        ("Used by", it.used_by, True),
        ("Look at", it.place or _UNKNOWN, True),
    ]
    many = len(arrow.crossings) > 1
    return Entry(
        id=f"a{number}",
        name=it.what,
        kind="crosses from one loop to another",
        facts=tuple(facts),
        members=tuple(map(_used, arrow.crossings)) if many else (),
    )


def _used(one: Crossing) -> tuple[str, str]:
    return f"used by {one.used_by}", _place(one.place)


def _place(place: Place | None) -> str:
    return _UNKNOWN if place is None else str(place)
