"""The words of the picture, the same on a page and in a terminal."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from pytest_oneloop.loops.loopmap import NO_LOOP

if TYPE_CHECKING:
    from pytest_oneloop.loops.loopmap import LoopMap
    from pytest_oneloop.maps.fold import Arrow, Block, Folded, Guest, Loop

TIMES: Final = "\N{MULTIPLICATION SIGN}"

SET_UP_FAILED: Final = "set-up failed"
"""The outcome of a test that did not run, for one of its fixtures failed."""


def summary(loop_map: LoopMap) -> str:
    """Return what the picture shows, in one or two sentences."""
    if not loop_map.steps:
        run = "of this run ran" if loop_map.measured else "of this suite runs"
        return f"No test or fixture {run} on an event loop."
    first = _who_ran(loop_map)
    objects = {(crossing.name, crossing.made_on) for crossing in loop_map.crossings}
    loops = sum(lane.is_loop for lane in loop_map.lanes)
    if not objects:
        return f"{first}. Nothing crosses from one loop to another." if loops else f"{first}."
    cross = "crosses" if len(objects) == 1 else "cross"
    users = {crossing.used_on for crossing in loop_map.crossings}
    return (
        f"{first}. {count(len(objects), 'object')} {cross} from the loop that made "
        f"{'it' if len(objects) == 1 else 'them'}, to {count(len(users), 'other loop')}."
    )


def _who_ran(loop_map: LoopMap) -> str:
    """Return how many tests ran on how many loops, on none, and not at all."""
    # A test that was run again counts once.
    tests = {step.name: step for step in loop_map.steps if step.kind == "test"}.values()
    stopped = sum(step.outcome == SET_UP_FAILED for step in tests)
    apart = sum(step.lane == NO_LOOP for step in tests) - stopped
    on_loops = len(tests) - apart - stopped
    loops = sum(lane.is_loop for lane in loop_map.lanes)
    if on_loops or not apart:
        text = f"{count(on_loops, 'test')} {_verb(loop_map, on_loops)} on "
        text += count(loops, "event loop")
        text += f", {apart:,} on none" if apart else ""
    else:
        text = f"{count(apart, 'test')} {_verb(loop_map, apart)} on no event loop"
    return f"{text}; the set-up of {count(stopped, 'test')} failed" if stopped else text


def origin(loop_map: LoopMap) -> str:
    """Return what the picture was made from."""
    if loop_map.measured:
        return "Times are of one run."
    read = "Read from the suite as pytest collects it; no test was run."
    if loop_map.with_plugin:
        return f"{read} Drawn as it runs with pytest-oneloop, whose fixtures it asks for."
    return read


def folding(folded: Folded) -> str:
    """Return how the picture is folded; empty if it is not."""
    if folded.by == "test":
        return ""
    return f"It is folded by {folded.by}: one box stands for all tests of a {folded.by}."


def lifetime(scope: str) -> str:
    """Return how long a loop of a scope lives; empty for no loop."""
    return {
        NO_LOOP: "",
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
    """Return what is said beside a block's name: what failed, how many, of which scope, time."""
    parts = failures(block)
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


def failures(block: Block) -> list[str]:
    """Return what became of a block's steps, where they failed: `failed`; `3 failed` of several."""
    outcomes = Counter(step.outcome for step in block.steps if step.outcome)
    if len(block.steps) == 1:
        return list(outcomes)
    return [f"{number:,} {outcome}" for outcome, number in outcomes.items()]


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


def _verb(loop_map: LoopMap, number: int) -> str:
    if loop_map.measured:
        return "ran"
    return "runs" if number == 1 else "run"
