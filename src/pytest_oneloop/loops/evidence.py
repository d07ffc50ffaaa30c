"""What the frames of a failure show: lines of the project, and objects that are bound to a loop."""

from __future__ import annotations

import asyncio
import inspect
import sysconfig
from contextlib import suppress
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from types import GetSetDescriptorType, MemberDescriptorType
from typing import TYPE_CHECKING, Final, cast

from pytest_oneloop.loops.loopmap import Place
from pytest_oneloop.loops.tracing import ran_in

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from types import FrameType

    from pytest_oneloop.loops.tracks import Ran

_FOREIGN: Final = (Path(sysconfig.get_path("stdlib")), Path(__file__).parents[1])


@dataclass(frozen=True, slots=True)
class Spot:
    """One frame of a traceback.

    Attributes:
        frame: The frame; its names are read while the failure is being reported.
        line: The line in it.
    """

    frame: FrameType
    line: int

    @property
    def module(self) -> str:
        """The name of the module that the code is of."""
        return str(self.frame.f_globals.get("__name__", ""))

    @property
    def function(self) -> str:
        """The name of the function."""
        return self.frame.f_code.co_name

    @property
    def file(self) -> Path:
        """The file of the code."""
        return Path(self.frame.f_code.co_filename)

    @property
    def names(self) -> Mapping[str, object]:
        """The names that the function knows, with their values."""
        return self.frame.f_locals

    @property
    def owner(self) -> object:
        """What the function is a method of; `None` if it is none."""
        return self.names.get("self")

    @property
    def is_of_project(self) -> bool:
        """Whether the code is the project's: its tests or its application."""
        return is_of_project(self.file)


class Trace:
    """The frames of a failure, the outermost first.

    Attributes:
        spots: The frames.
        error: The cause; `None` without any error.

    Args:
        errors: The error that was raised, and those that led to it, the cause last.
        rootdir: What places are relative to.
    """

    def __init__(self, errors: Sequence[BaseException], rootdir: Path) -> None:
        self._rootdir = rootdir
        self.error = errors[-1] if errors else None
        self._cause = tuple(_spots(errors[-1])) if errors else ()
        spots: dict[int, Spot] = {}
        for error in errors:
            for spot in _spots(error):
                # Two errors may have come through one frame: the line is that of the latter.
                spots[id(spot.frame)] = spot
        self.spots: tuple[Spot, ...] = tuple(spots.values())

    @property
    def raised_in(self) -> str:
        """The module whose code raised the error; empty if there is no frame."""
        return self.spots[-1].module if self.spots else ""

    def innermost(self) -> Spot | None:
        """Return the innermost line of the project."""
        return next((spot for spot in reversed(self.spots) if spot.is_of_project), None)

    def below(self) -> list[Spot]:
        """Return the frames below the innermost line of the project, the innermost first."""
        return _below(self.spots)

    def below_cause(self) -> list[Spot]:
        """Return the same of the cause alone: those of an error that it led to are none of them."""
        return _below(self._cause)

    def inside(self) -> Sequence[Spot]:
        """Return the frames from the project's outermost line on, without those of pytest."""
        for number, spot in enumerate(self.spots):
            if spot.is_of_project:
                return self.spots[number:]
        return ()

    def passes(self, *modules: str) -> Spot | None:
        """Return the first frame that is of one of these modules, or of a part of one."""
        for spot in self.spots:
            if any(spot.module == name or spot.module.startswith(f"{name}.") for name in modules):
                return spot
        return None

    def ran(self) -> Ran | None:
        """Return the innermost fixture or test that the failure came through."""
        found = (ran_in(spot.frame) for spot in reversed(self.spots))
        return next((ran for ran in found if ran is not None), None)

    def place(self, spot: Spot | None) -> Place | None:
        """Return where a frame is."""
        return None if spot is None else place_of(str(spot.file), spot.line, self._rootdir)


def place_of(file: str, line: int, rootdir: Path) -> Place:
    """Return a place, relative to pytest's root folder where it lies in it."""
    path = Path(file)
    inside = path.is_absolute() and path.is_relative_to(rootdir)
    return Place(str(path.relative_to(rootdir)) if inside else file, line)


def is_of_project(file: Path) -> bool:
    """Return whether a file is the project's own: no library's, Python's or this plugin's."""
    # What was not read from a file, or was compiled by Cython, has no whole path.
    if not file.is_absolute() or {"site-packages", "dist-packages"}.intersection(file.parts):
        return False
    return not any(file.is_relative_to(folder) for folder in _FOREIGN)


def loop_of(thing: object) -> asyncio.AbstractEventLoop | None:
    """Return the loop that an object is bound to; `None` if it is bound to none, or does not say.

    Public for futures and tasks alone. Locks, queues, events, streams, transports, and the
    connections of drivers all keep it in `_loop`, which nothing public shows; it is read here only,
    and without running code of the object's class: a mock would answer anything, a property raise.
    """
    # Not by isinstance, which believes what a mock says of its class.
    if issubclass(type(thing), asyncio.Future):
        return cast("asyncio.Future[object]", thing).get_loop()
    held = thing
    if not issubclass(type(thing), asyncio.AbstractEventLoop):
        held = inspect.getattr_static(thing, "_loop", None)
    if isinstance(held, MemberDescriptorType | GetSetDescriptorType):
        # A slot, or an attribute of a class that Cython compiled.
        with suppress(AttributeError):  # it is not set
            held = held.__get__(thing)
    return held if isinstance(held, asyncio.AbstractEventLoop) else None


def bound_objects(spots: Sequence[Spot]) -> Iterator[tuple[object, asyncio.AbstractEventLoop]]:
    """Yield what is bound to a loop in these frames, with the loop; owners of methods first."""
    for spot in spots:
        things = [spot.owner, *(one for name, one in spot.names.items() if name != "self")]
        for thing in things:
            loop = loop_of(thing)
            if loop is not None:
                yield thing, loop


def _below(spots: Sequence[Spot]) -> list[Spot]:
    return list(takewhile(lambda spot: not spot.is_of_project, reversed(spots)))


def _spots(error: BaseException) -> Iterator[Spot]:
    traceback = error.__traceback__
    while traceback is not None:
        yield Spot(traceback.tb_frame, traceback.tb_lineno)
        traceback = traceback.tb_next
