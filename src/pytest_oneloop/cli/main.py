"""The command `oneloop`: reads its arguments, and hands them to the subcommand."""

from __future__ import annotations

import argparse
import os
import sys
from importlib import import_module
from importlib.metadata import version
from io import TextIOWrapper
from typing import TYPE_CHECKING, NoReturn

from pytest_oneloop.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

COMMANDS = ("demo", "doctor", "init")
"""The subcommands, in the order in which `oneloop --help` lists them.

Each is a module beside this one with two functions: `add_parser(subparsers)`, which declares its
arguments, and `run(arguments) -> int`, which returns the exit code. Both are called here, so such a
module imports what is heavy inside `run`.
"""

USAGE = 2
"""The exit code for what cannot be done as it was asked for."""

INTERRUPTED = 130
"""The exit code after Ctrl-C, as a shell gives it."""

UNHEARD = 141
"""The exit code where the reader of the output has gone, as in `oneloop … | head`: likewise."""


class _Parser(argparse.ArgumentParser):
    """A parser that says what is wrong in one line. Subcommands get one of the same class."""

    def error(self, message: str) -> NoReturn:
        """Leave with one line, instead of the usage of the whole command above it."""
        self.exit(USAGE, f"{self.prog}: {message}; see {self.prog} --help\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        argv: Its arguments; those of this process, if not given.

    Returns:
        The exit code: of the subcommand, or 2 with one line on stderr where it cannot be done.

    Raises:
        SystemExit: After `--help` and `--version`, and with 2 for arguments that do not exist.
    """
    arguments = _parser().parse_args(argv)
    command = import_module(f"{__package__}.{arguments.command}")
    if isinstance(sys.stdout, TextIOWrapper):
        # A character that the terminal's encoding does not have is shown as a question mark.
        sys.stdout.reconfigure(errors="replace")
    try:
        code = int(command.run(arguments))
        sys.stdout.flush()
    except BrokenPipeError:
        # The interpreter flushes once more when it ends, and would complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return UNHEARD
    except UsageError as error:
        print(f"oneloop: {error.line}", file=sys.stderr)
        return USAGE
    except KeyboardInterrupt:
        print("oneloop: interrupted", file=sys.stderr)
        return INTERRUPTED
    return code


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="oneloop",
        description="One event loop, one pool, every test rolled back: see why, and set it up.",
        epilog="Exit codes: 0 done, 1 something was found or has failed, 2 cannot be done.",
    )
    parser.add_argument(
        "--version", action="version", version=f"pytest-oneloop {version('pytest-oneloop')}"
    )
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name in COMMANDS:
        import_module(f"{__package__}.{name}").add_parser(subparsers)
    return parser
