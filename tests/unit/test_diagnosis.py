"""The kinds of failures, and the names of objects."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from unittest.mock import Mock

import pytest

from pytest_oneloop.loops.diagnosis import TITLES, diagnose
from pytest_oneloop.loops.evidence import Trace, is_of_project, loop_of, place_of
from pytest_oneloop.loops.families import Family, family_of, leading_to
from pytest_oneloop.loops.holders import Holder, holders, kind_of
from pytest_oneloop.loops.record import LoopRecord
from tools.example_around import AROUND

FAILURES = Path(__file__).parents[1] / "failures"
PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "loop-errors.md"


class InterfaceError(Exception):
    """As asyncpg and SQLAlchemy have one."""


class MissingGreenlet(Exception):  # noqa: N818 - SQLAlchemy's name
    """As SQLAlchemy has one."""


NO_TRACE = Trace([], Path("/project"))
TEXTS = [
    (
        RuntimeError(
            "Task <Task pending> got Future <Future pending> attached to a different loop"
        ),
        Family.DIFFERENT_LOOP,
    ),
    (
        ValueError(
            "The future belongs to a different loop than the one specified as the loop argument"
        ),
        Family.DIFFERENT_LOOP,
    ),
    (
        RuntimeError("<asyncio.locks.Lock object> is bound to a different event loop"),
        Family.BOUND_LOOP,
    ),
    (RuntimeError("Event loop is closed"), Family.CLOSED_LOOP),
    (
        InterfaceError("cannot perform operation: another operation is in progress"),
        Family.BUSY,
    ),
    (
        MissingGreenlet("greenlet_spawn has not been called; can't call await_only() here. Was"),
        Family.GREENLET,
    ),
    (
        RuntimeError("Attempted to exit cancel scope in a different task than it was entered in"),
        Family.CANCEL_SCOPE,
    ),
    (
        RuntimeError("asyncio.run() cannot be called from a running event loop"),
        Family.NESTED_RUN,
    ),
    (RuntimeError("This event loop is already running"), Family.NESTED_RUN),
    (AttributeError("'coroutine' object has no attribute 'get'"), Family.UNAWAITED),
    (RuntimeError("the queue is attached to a different loop of the conveyor"), None),
    (RuntimeError("Event loop is closed for the season"), None),
    (ValueError("Event loop is closed"), None),
    (RuntimeError("another operation is in progress"), None),
    (AttributeError("'Coroutine' object has no attribute 'get'"), None),
]


@pytest.mark.parametrize(("error", "family"), TEXTS, ids=lambda part: str(part)[:40])
def test_a_kind_is_known_by_the_whole_text_and_the_class(
    error: Exception, family: Family | None
) -> None:
    assert family_of(error, NO_TRACE) is family


def test_what_the_project_itself_raises_is_none() -> None:
    try:
        raise RuntimeError("Event loop is closed")  # noqa: TRY301 - it is what is tested
    except RuntimeError as error:
        raised = error

    assert family_of(raised, Trace([raised], Path("/"))) is None
    assert diagnose(raised, LoopRecord(), AROUND) is None


def test_a_coroutine_that_is_no_fixtures_is_none() -> None:
    error = AttributeError("'coroutine' object has no attribute 'get'")

    assert diagnose(error, LoopRecord(), AROUND) is None


def test_what_led_to_an_error_is_looked_at() -> None:
    cause, handled, member = KeyError("cause"), KeyError("handled"), KeyError("member")
    error = ExceptionGroup("both", [member])
    error.__cause__ = cause
    cause.__context__ = handled

    paths = [[str(one) for one in path] for path in leading_to(error)]

    group = "both (1 sub-exception)"
    assert paths == [
        [group],
        [group, "'cause'"],
        [group, "'member'"],
        [group, "'cause'", "'handled'"],
    ]


def test_what_was_handled_and_is_not_shown_is_not_looked_at() -> None:
    error = KeyError("raised from None")
    error.__context__ = RuntimeError("Event loop is closed")
    error.__suppress_context__ = True

    assert [len(path) for path in leading_to(error)] == [1]


def test_each_kind_has_a_sentence_and_a_section_in_the_documentation() -> None:
    assert set(TITLES) == set(Family)
    text = PAGE.read_text(encoding="utf-8")
    for family in Family:
        assert len(re.findall(rf"^## .*\({family.value}\)$", text, re.MULTILINE)) == 1, family


def test_the_example_of_the_documentation_is_a_real_one() -> None:
    [example] = re.findall(r"^```text\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)

    assert example in {file.read_text() for file in FAILURES.glob("*/*.txt")}


# -- what is bound -------------------------------------------------------------------------------


class Slotted:
    __slots__ = ("_loop", "held")

    def __init__(self, loop: object, held: object = None) -> None:
        self._loop = loop
        self.held = held


class Touchy:
    """Whatever is asked of it, it raises."""

    @property
    def _loop(self) -> object:
        pytest.fail("the property was asked for")

    def __getattr__(self, name: str) -> object:
        pytest.fail(f"{name} was asked for")


class Mute(Exception):  # noqa: N818 - it is no error of anybody
    def __str__(self) -> str:
        raise AssertionError("the text was asked for")


def test_an_object_says_its_loop() -> None:
    loop = asyncio.new_event_loop()
    future = loop.create_future()
    loop.close()

    assert loop_of(future) is loop
    assert loop_of(Slotted(loop)) is loop
    assert loop_of(loop) is loop
    assert loop_of(Slotted("no loop")) is None
    assert loop_of(Slotted.__new__(Slotted)) is None
    assert loop_of(Touchy()) is None
    assert loop_of(Mock(spec=asyncio.Future)) is None
    assert loop_of(Mock(spec=asyncio.AbstractEventLoop)) is None


def test_an_error_of_no_kind_is_asked_for_nothing() -> None:
    assert diagnose(Mute(), LoopRecord(), AROUND) is None


def test_a_lock_keeps_its_loop_where_it_is_looked_for() -> None:
    lock = asyncio.Lock()

    async def wait() -> asyncio.AbstractEventLoop:
        await lock.acquire()
        waiting = asyncio.ensure_future(lock.acquire())
        await asyncio.sleep(0)
        lock.release()
        await waiting
        return asyncio.get_running_loop()

    used = asyncio.run(wait())

    assert loop_of(lock) is used


@pytest.mark.parametrize(
    ("file", "own"),
    [
        ("/project/tests/test_a.py", True),
        ("/project/.venv/lib/python3.11/site-packages/redis/client.py", False),
        (asyncio.__file__, False),
        ("asyncpg/protocol/protocol.pyx", False),
        ("<string>", False),
    ],
)
def test_a_file_is_the_projects_or_not(file: str, own: bool) -> None:  # noqa: FBT001
    assert is_of_project(Path(file)) is own


def test_a_place_is_relative_to_the_root() -> None:
    assert str(place_of("/project/tests/test_a.py", 3, Path("/project"))) == "tests/test_a.py:3"
    assert str(place_of("/elsewhere/a.py", 3, Path("/project"))) == "/elsewhere/a.py:3"


def test_a_name_is_a_fixtures_or_its_attributes() -> None:
    thing = object()
    holder = Slotted(None, thing)
    values = {"other": 1, "cache": holder, "lock": thing}

    assert list(holders(thing, values, [])) == [
        Holder("fixture", "lock", "lock"),
        Holder("fixture", "cache.held", "cache"),
    ]


def test_a_name_leads_into_containers() -> None:
    thing = object()
    values = {"gates": {"open": thing, ("no", "name"): thing}, "boxes": [0, Slotted(None, thing)]}

    assert [holder.name for holder in holders(thing, values, [])] == [
        'gates["open"]',
        "boxes[1].held",
    ]


def test_none_has_no_name() -> None:
    assert list(holders(None, {"environment": None, "cache": Slotted(None)}, [])) == []


def test_a_class_is_called_by_its_shortest_import() -> None:
    assert kind_of(asyncio.Lock()) == "asyncio.Lock"
    assert kind_of(Slotted(None)).endswith("test_diagnosis.Slotted")
