"""What the page says of each thing that is drawn: name, loop, file and line, time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from pytest_oneloop.loops.loopmap import NO_LOOP
from pytest_oneloop.maps import wording

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_oneloop.loops.loopmap import Crossing, Place
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
    """One object that crosses, for a sentence.

    Attributes:
        used_by: The first step that uses it elsewhere.
        more: How many others do; empty if none does.
    """

    what: str
    made_on: str
    made_by: str
    used_on: str
    used_by: str
    more: str
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


def objects(folded: Folded) -> list[Told]:
    """Return what crosses, once for each object, whatever the number of its arrows."""
    together: dict[tuple[str, int, str], list[Arrow]] = {}
    for arrow in folded.arrows:
        key = (arrow.name, arrow.source_loop, arrow.crossings[0].made_by)
        together.setdefault(key, []).append(arrow)
    return [_told(arrows, folded) for arrows in together.values()]


def _users(arrows: list[Arrow], folded: Folded) -> tuple[str, str]:
    """Return the first step that uses it, and how many tests and fixtures do besides."""
    names = list(dict.fromkeys(one.used_by for arrow in arrows for one in arrow.crossings))
    blocks = [folded.blocks[arrow.target] for arrow in arrows if arrow.target is not None]
    tests = {step.name for block in blocks if block.kind == "test" for step in block.steps}
    more = [one in tests for one in names[1:]]
    counted = [
        wording.count(number, f"other {noun}")
        for number, noun in ((sum(more), "test"), (len(more) - sum(more), "fixture"))
        if number
    ]
    return names[0], " and ".join(counted)


def told(arrow: Arrow, folded: Folded) -> str:
    """Return an arrow as a sentence, for a screen reader."""
    it = _told([arrow], folded)
    return (
        f"{it.what} crosses: made on the {it.made_on} by {it.made_by}, "
        f"used on {it.used_on} by {it.used_by}{it.more}"
    )


def _told(arrows: list[Arrow], folded: Folded) -> Told:
    crossings = [crossing for arrow in arrows for crossing in arrow.crossings]
    loops = list(dict.fromkeys(crossing.used_on for crossing in crossings))
    places = list(dict.fromkeys(str(crossing.place or "") for crossing in crossings))
    target = folded.loops[arrows[0].target_loop]
    user, others = _users(arrows, folded)
    return Told(
        what=crossings[0].name,
        made_on=folded.loops[arrows[0].source_loop].name,
        made_by=crossings[0].made_by,
        used_on=f"the {target.name}" if len(arrows) == 1 else f"{len(loops):,} other loops",
        used_by=user,
        more=f" and {others}" if others else "",
        place=places[0] if len(places) == 1 else "",
    )


def spoken(block: Block) -> str:
    """Return a block in one line, for a screen reader and as a tooltip."""
    note = wording.note(block)
    place = block.steps[0].place if len(block.steps) == 1 else None
    parts = [f"{block.kind} {block.name}", note, str(place or "")]
    return ", ".join(filter(None, parts))


def loop_label(loop: Loop) -> str:
    """Return a loop in one line, for a screen reader."""
    if loop.scope == NO_LOOP:
        return "what runs on no event loop"
    return f"event loop: {loop.name}, {wording.lifetime(loop.scope)}"


def _loop_entry(number: int, loop: Loop) -> Entry:
    if loop.scope == NO_LOOP:
        kind = "what is not asynchronous, and tests that did not come to run"
        return Entry(id=f"l{number}", name=loop.name, kind=kind, facts=())
    one = len(loop.lanes) == 1
    return Entry(
        id=f"l{number}",
        name=loop.name,
        kind="event loop" if one else f"{len(loop.lanes):,} event loops, one after another",
        facts=(("Scope", loop.scope, False), ("Life", wording.lifetime(loop.scope), False)),
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
        else _distinct(
            (f"{it.name}, made by {it.owner}", _place(it.place)) for it in guest.residents
        ),
    )


def _block_entry(number: int, block: Block, folded: Folded) -> Entry:
    first = block.steps[0]
    facts = [("Runs on", folded.loops[block.loop].name, True)]
    facts += [("Outcome", ", ".join(found), False) for found in [wording.failures(block)] if found]
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
        members=tuple(_members(block)) if len(block.steps) > 1 else (),
    )


def _members(block: Block) -> Iterable[tuple[str, str]]:
    if block.kind == "fixture":
        # One function, run again and again: its places are few, and its times say little.
        yield from _distinct((step.name, _place(step.place)) for step in block.steps)
        return
    for step in block.steps:
        took = wording.duration(step.seconds) if step.seconds is not None else ""
        yield step.name, " · ".join(filter(None, (_place(step.place), step.outcome, took)))


def _arrow_entry(number: int, arrow: Arrow, folded: Folded) -> Entry:
    it = _told([arrow], folded)
    facts = [
        ("Made on", it.made_on, True),
        ("Made by", it.made_by, True),
        ("Used on", it.used_on.removeprefix("the "), True),
        ("Used by", f"{it.used_by}{it.more}", True),
        ("Look at", it.place or _UNKNOWN, True),
    ]
    return Entry(
        id=f"a{number}",
        name=wording.arrow_names(arrow, folded)[-1],
        kind="crosses from one loop to another",
        facts=tuple(facts),
        members=_distinct(map(_used, arrow.crossings)) if len(arrow.crossings) > 1 else (),
    )


def _used(one: Crossing) -> tuple[str, str]:
    return f"used by {one.used_by}", _place(one.place)


def _distinct(members: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    return tuple(dict.fromkeys(members))


def _place(place: Place | None) -> str:
    return _UNKNOWN if place is None else str(place)
