"""`oneloop doctor`: say what will go wrong in a suite, without running a test of it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse

    from pytest_oneloop.doctor.case import Case
    from pytest_oneloop.doctor.findings import Finding
    from pytest_oneloop.project.edits import Edit

CLEAN, FOUND = 0, 1
"""The exit codes."""

_TERMINAL = Path("-")


def add_parser(subparsers: argparse._SubParsersAction[Any]) -> None:
    """Declare the arguments."""
    parser = subparsers.add_parser(
        "doctor",
        help="say what will go wrong in a suite, without running a test",
        description="Collect the tests as pytest does, read the code of fixtures and application, "
        "and say what will go wrong, and what the plugin makes of it. No test is run, no server is "
        "started, and no test and no line of the application is changed.",
        epilog="Exit codes: 0 nothing is found, 1 something is found, 2 the suite cannot be read.",
    )
    parser.add_argument(
        "path",
        nargs="?",
        default=".",
        type=Path,
        metavar="PATH",
        help="a project, a folder of tests, or a file of tests (default: here)",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object instead")
    parser.add_argument(
        "--fix", action="store_true", help="write the part that is configuration; show it first"
    )
    parser.add_argument(
        "--map",
        nargs="?",
        const=_TERMINAL,
        type=Path,
        metavar="FILE.html",
        help="draw which fixtures and tests run on which event loop, here or as a page",
    )


def run(arguments: argparse.Namespace) -> int:
    """Examine the suite, and show what is found.

    Files are written before anything is shown: what is shown has happened then.

    Returns:
        0 if nothing is found, else 1; with `--fix`, what is found after the mending counts.

    Raises:
        UsageError: The suite cannot be read, or a file cannot be written.
    """
    from pytest_oneloop.errors.doctor import MapNameError  # noqa: PLC0415 - light `oneloop --help`

    page = arguments.map if arguments.map != _TERMINAL else None
    if page is not None and page.suffix not in {".html", ".htm"}:
        raise MapNameError(path=page)
    examined = _examine(arguments.path, fix=arguments.fix)
    if page is not None:
        _write_page(examined.after.case, page)
    if arguments.json:
        print(json.dumps(_as_json(examined, with_map=arguments.map == _TERMINAL)))
    else:
        _show(examined, page, fix=arguments.fix, with_map=arguments.map == _TERMINAL)
    return FOUND if examined.after.findings else CLEAN


@dataclass(frozen=True)
class _Examination:
    case: Case
    findings: list[Finding]


@dataclass(frozen=True)
class _Examined:
    """What was found: before the mending, and after it, which is the same where there was none."""

    before: _Examination
    after: _Examination
    edit: Edit | None


def _examine(path: Path, *, fix: bool) -> _Examined:
    from pytest_oneloop.doctor.mending import mend  # noqa: PLC0415

    before = _read(path)
    if not fix or not any(finding.by_configuration for finding in before.findings):
        return _Examined(before, before, None)
    edit = mend(before.case.suite.root)
    edit.write()
    return _Examined(before, _read(path) if edit.changes else before, edit)


def _read(path: Path) -> _Examination:
    from pytest_oneloop.doctor.case import Case  # noqa: PLC0415 - `oneloop --help` does without
    from pytest_oneloop.doctor.collecting import collect  # noqa: PLC0415
    from pytest_oneloop.doctor.rules import examine  # noqa: PLC0415

    case = Case(collect(path))
    return _Examination(case, examine(case))


def _as_json(examined: _Examined, *, with_map: bool) -> dict[str, Any]:
    from pytest_oneloop.doctor.mapping import loop_map  # noqa: PLC0415

    after = examined.after
    return {
        "findings": [one.to_json() for one in after.findings],
        "tests": after.case.suite.tests,
        "deselected": after.case.suite.deselected,
        **({"diff": examined.edit.diff()} if examined.edit else {}),
        **({"map": loop_map(after.case).to_json()} if with_map else {}),
    }


def _show(examined: _Examined, page: Path | None, *, fix: bool, with_map: bool) -> None:
    from pytest_oneloop.cli.output import output  # noqa: PLC0415
    from pytest_oneloop.doctor.mapping import loop_map  # noqa: PLC0415
    from pytest_oneloop.doctor.presenting import show_edit, show_findings  # noqa: PLC0415

    console = output()
    before, after = examined.before, examined.after
    show_findings(console, before.findings, suite=before.case.suite)
    if fix:
        console.print()
        show_edit(console, examined.edit)
    if after is not before:
        console.print()
        show_findings(console, after.findings, suite=after.case.suite)
    if with_map:
        from pytest_oneloop.maps.terminal import draw  # noqa: PLC0415

        console.print()
        draw(loop_map(examined.after.case), console)
    if page is not None:
        console.print(f"The loop map is in {page}", markup=False, soft_wrap=True)


def _write_page(case: Case, file: Path) -> None:
    from pytest_oneloop.doctor.mapping import loop_map  # noqa: PLC0415
    from pytest_oneloop.errors.doctor import PageNotWrittenError  # noqa: PLC0415
    from pytest_oneloop.errors.project import NotWritableError  # noqa: PLC0415
    from pytest_oneloop.maps.page import render  # noqa: PLC0415
    from pytest_oneloop.project.writing import write_whole  # noqa: PLC0415

    try:
        write_whole(file, render(loop_map(case)).encode())
    except NotWritableError as error:
        raise PageNotWrittenError(path=file, problem=error.problem) from None
