"""`oneloop init`: look at a project, show what to add to its configuration, and write it."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from rich.console import Console

    from pytest_oneloop.project.discovery import Project
    from pytest_oneloop.project.proposal import Proposal


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the subcommand."""
    parser = subparsers.add_parser(
        "init",
        help="set a project up: show the lines to add, and write them with --yes",
        description="Look at a project, and show what to add to its configuration and what can be "
        "deleted from its conftest. Nothing of the project is run, and nothing is written without "
        "--yes; a value that is set already stays.",
    )
    parser.add_argument(
        "path", nargs="?", default=".", type=Path, metavar="PATH", help="the project's folder"
    )
    parser.add_argument("--yes", action="store_true", help="write the lines")
    parser.add_argument(
        "--app", metavar="MODULE:APP", help="the application, where there are several"
    )
    parser.add_argument(
        "--schema", metavar="SOURCE", help="what makes the tables, where there are several"
    )


def run(arguments: argparse.Namespace) -> int:
    """Show what was found, what would be added and what can go; write it with `--yes`.

    Returns:
        0.

    Raises:
        UsageError: It cannot be done; nothing has been written.
    """
    from pytest_oneloop.cli.output import output  # noqa: PLC0415  (`oneloop --help` does without)
    from pytest_oneloop.project.discovery import discover  # noqa: PLC0415
    from pytest_oneloop.project.proposal import propose  # noqa: PLC0415

    project = discover(arguments.path)
    proposal = propose(project, app=arguments.app, schema=arguments.schema)
    # Written before anything is shown: what is shown has happened then.
    if arguments.yes:
        proposal.edit.write()
    console = output()
    _show_found(console, project, proposal)
    _show_change(console, project, proposal, written=arguments.yes)
    _show_list(console, "Set already, and left as it is", proposal.kept)
    _show_obsolete(console, project)
    _show_list(console, "For you to do", _to_do(project, proposal))
    _show_end(console, proposal, written=arguments.yes)
    return 0


def _show_found(console: Console, project: Project, proposal: Proposal) -> None:
    from pytest_oneloop.project.requirements import installed  # noqa: PLC0415

    drivers = ", ".join(
        f"{one.name} ({_relative(one.place.path, project)}:{one.place.line})"
        for one in project.drivers
    )
    release = installed("pytest-asyncio")
    runner = f"pytest-asyncio {release}" if release else "pytest-asyncio is not installed here"
    rows = [
        ("application", proposal.application),
        ("tables", proposal.schema),
        ("database", drivers or "its URL is not in the source, and is not needed for the tests"),
        ("configuration", _configuration(project)),
        ("async tests", "anyio" if project.runs_on_anyio else runner),
    ]
    console.print("[bold]Found[/] in ", end="")
    console.print(f"{project.folder}, by reading it alone", markup=False, soft_wrap=True)
    _show_rows(console, rows)


def _show_change(console: Console, project: Project, proposal: Proposal, *, written: bool) -> None:
    edit = proposal.edit
    if not edit.changes:
        return
    console.print()
    console.print(f"[bold]{'Written' if written else 'To be written'}[/]")
    for line in edit.diff(relative_to=project.folder).splitlines():
        colour = {"+": "green", "-": "red", "@": "cyan"}.get(line[0])
        # A line of a file is never wrapped: it may be copied.
        console.print(f"  {line}", style=colour, markup=False, soft_wrap=True)


def _show_obsolete(console: Console, project: Project) -> None:
    if not project.obsolete:
        return
    console.print()
    console.print("[bold]Can be deleted[/] with the plugin on (run the tests after each)")
    places = [
        (f"{_relative(one.place.path, project)}:{one.place.line}", f"{one.name}: {one.reason}")
        for one in project.obsolete
    ]
    _show_rows(console, places)
    for one in project.obsolete:
        if not one.keeps_name:
            console.print(
                f"  Where tests ask for {one.name}: let them ask for {one.successor}, or write\n"
                f"  def {one.name}({one.successor}): return {one.successor}, as a fixture.",
                markup=False,
                soft_wrap=True,
            )


def _to_do(project: Project, proposal: Proposal) -> list[str]:
    unread = [
        f"{_relative(one.path, project)}{f':{one.line}' if one.line else ''} {one.problem}, and "
        "was not looked at."
        for one in project.sources.unread
    ]
    install = (
        [f"Add to the project's test requirements: {' '.join(proposal.packages)}"]
        if proposal.packages
        else []
    )
    outer = project.part_of
    seems = f"{project.folder} seems to be a part of the project in {outer}: run the command there."
    part = [seems] if outer else []
    return [*part, *unread, *proposal.by_hand, *install]


def _show_list(console: Console, title: str, lines: Sequence[str]) -> None:
    if not lines:
        return
    console.print()
    console.print(f"[bold]{title}[/]")
    _show_rows(console, [("-", line) for line in lines])


def _show_rows(console: Console, rows: Sequence[tuple[str, str]]) -> None:
    """Show two columns, the second one wrapped; no word of it is broken, so it can be copied."""
    width = max(len(first) for first, _ in rows) + 3
    for first, second in rows:
        lines = textwrap.wrap(
            second,
            width=max(console.width - width, 20),
            break_long_words=False,
            break_on_hyphens=False,
        )
        for number, line in enumerate(lines):
            start = f"  {first if number == 0 else '':<{width - 2}}"
            console.print(f"{start}{line}", markup=False, soft_wrap=True)


def _show_end(console: Console, proposal: Proposal, *, written: bool) -> None:
    console.print()
    if not proposal.edit.changes:
        console.print("There is nothing to write: what can be set is set.")
    elif written:
        console.print("The lines are written. Run pytest: its first line says what holds.")
    else:
        console.print("Nothing has been written. To write the lines: the same command with --yes")


def _configuration(project: Project) -> str:
    held = project.configuration
    name = _relative(held.path, project)
    return f"{name} {held.style.section}{'' if held.text is not None else ' (a new file)'}"


def _relative(path: Path, project: Project) -> str:
    return str(path.relative_to(project.folder) if path.is_relative_to(project.folder) else path)
