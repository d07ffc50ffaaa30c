"""The words of the picture, the same on a page and in a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pytest_oneloop.loops.loopmap import LoopMap
    from pytest_oneloop.maps.fold import Arrow, Block, Folded, Guest, Loop

TIMES: Final = "\N{MULTIPLICATION SIGN}"


def summary(loop_map: LoopMap) -> str:
    """Return what the picture shows, in one or two sentences."""
    if not loop_map.steps:
        run = "of this run ran" if loop_map.measured else "of this suite runs"
        return f"No test or fixture {run} on an event loop."
    tests = sum(step.kind == "test" for step in loop_map.steps)
    loops = len(loop_map.lanes)
    verb = ("ran" if loop_map.measured else "runs") if tests == 1 else _verb(loop_map)
    first = f"{count(tests, 'test')} {verb} on {count(loops, 'event loop')}"
    objects = {(crossing.name, crossing.made_on) for crossing in loop_map.crossings}
    if not objects:
        return f"{first}. Nothing crosses from one loop to another."
    cross = "crosses" if len(objects) == 1 else "cross"
    users = {crossing.used_on for crossing in loop_map.crossings}
    return (
        f"{first}. {count(len(objects), 'object')} {cross} from the loop that made "
        f"{'it' if len(objects) == 1 else 'them'}, to {count(len(users), 'other loop')}."
    )


def folding(folded: Folded) -> str:
    """Return how the picture is folded; empty if it is not."""
    if folded.by == "test":
        return ""
    return f"It is folded by {folded.by}: one box stands for all tests of a {folded.by}."


def lifetime(scope: str) -> str:
    """Return how long a loop of a scope lives."""
    return {
        "session": "lives for the whole run",
        "package": "lives for one package",
        "module": "lives for one module",
        "class": "lives for one class",
        "function": "lives for one test",
    }.get(scope, "made by the code itself")


def count(number: int, noun: str) -> str:
    """Return a number and its noun: `1 test`, `1,000 tests`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def duration(seconds: float) -> str:
    """Return a time for people: `0.4 ms`, `12 ms`, `1.25 s`, `3 min 20 s`."""
    if seconds < 0.0001:  # noqa: PLR2004 - nothing that is of interest here
        return "<0.1 ms"
    if seconds < 0.01:  # noqa: PLR2004 - from here on, whole milliseconds say enough
        return f"{seconds * 1000:.1f} ms"
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:  # noqa: PLR2004 - a minute
        return f"{seconds:.2f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02} s"


def note(block: Block) -> str:
    """Return what is said beside a block's name: how many, of which scope, how long."""
    parts = []
    if block.kind == "fixture" and len(block.steps) == 1 and block.steps[0].scope != "function":
        parts.append(block.steps[0].scope)
    if len(block.steps) > 1:
        parts.append(
            count(len(block.steps), "test")
            if block.kind == "test"
            else f"{TIMES}{len(block.steps):,}"
        )
    if block.seconds is not None:
        parts.append(duration(block.seconds))
    return " · ".join(parts)


def guest_name(guest: Guest) -> str:
    """Return what lives there: `pool of engine`, `12 others`."""
    if not guest.name:
        return count(len(guest.residents), "other")
    many = f" {TIMES}{len(guest.residents):,}" if len(guest.residents) > 1 else ""
    return f"{guest.name}{many}"


def loop_names(loop: Loop) -> list[str]:
    """Return names of a loop, the fullest first: `loop of tests/test_a.py`, `loop of test_a.py`."""
    start, space, owner = loop.name.rpartition(" ")
    return [f"{start}{space}{name}" for name in shortened(owner)]


def shortened(node: str) -> list[str]:
    """Return forms of a node id: all of it, without the folders, without module and class."""
    # What stands in brackets is a parameter, which may hold anything.
    path, bracket, parameter = node.partition("[")
    module, colons, name = path.partition("::")
    file = module.rpartition("/")[2]
    forms = [path, f"{file}{colons}{name}", name.rpartition("::")[2] or file]
    return [f"{form}{bracket}{parameter}" for form in dict.fromkeys(forms)]


def arrow_names(arrow: Arrow, folded: Folded) -> list[str]:
    """Return what crosses, in words, the fullest first."""
    many = f" {TIMES}{len(arrow.crossings):,}" if len(arrow.crossings) > 1 else ""
    name = f"{arrow.name}{many}"
    return [f"{name} of the {folded.loops[arrow.source_loop].name}", name]


def _verb(loop_map: LoopMap) -> str:
    return "ran" if loop_map.measured else "run"
