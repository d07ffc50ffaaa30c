"""What is found, for people: in a terminal, or in a file without colours."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from rich.markup import escape
from rich.text import Text

from pytest_oneloop.doctor.findings import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from pytest_oneloop.doctor.findings import Finding
    from pytest_oneloop.doctor.suite import Suite
    from pytest_oneloop.project.edits import Edit

_COLOURS = {"error": "bold red", "warning": "bold yellow"}
_WITH = {
    "fixed": "fixed.",
    "slower": "passes, but stays slower than it need be.",
    "fails": "fails still.",
}
_INDENT = "    "
_DIFF = {"+": "green", "-": "red", "@": "cyan"}


def show_findings(console: Console, findings: Sequence[Finding], *, suite: Suite) -> None:
    """Show each finding, and the sum of them.

    Args:
        console: Where to.
        findings: In the order in which they are shown.
        suite: What was read.
    """
    for finding in findings:
        colour = _COLOURS[finding.severity]
        console.print(
            f"[{colour}]{finding.severity}[/] {finding.code} {escape(str(finding.place))}",
            soft_wrap=True,
        )
        for label, text in (
            ("", finding.message),
            ("fix: ", finding.fix),
            ("with oneloop: ", _WITH[finding.with_oneloop]),
        ):
            _show_text(console, label, text)
        console.print()
    tests = suite.tests
    errors = sum(finding.severity == "error" for finding in findings)
    if not findings:
        console.print(f"{counted(tests, 'test')} read: nothing is found.")
    else:
        console.print(
            f"{counted(tests, 'test')} read: {counted(errors, 'error')}, "
            f"{counted(len(findings) - errors, 'warning')}."
        )
    if suite.deselected:
        were = "was" if suite.deselected == 1 else "were"
        by = f", by {suite.selection}" if suite.selection else ""
        console.print(
            f"{counted(suite.deselected, 'test')} {were} not read: pytest deselects "
            f"{'it' if suite.deselected == 1 else 'them'}{by}.",
            markup=False,
        )


def _show_text(console: Console, label: str, text: str) -> None:
    lines = textwrap.wrap(
        f"{label}{text}",
        width=max(console.width - len(_INDENT), 20),
        # What somebody may copy stays whole.
        break_long_words=False,
        break_on_hyphens=False,
    )
    for number, line in enumerate(lines):
        dim = len(label) if number == 0 else 0
        console.print(Text.assemble(_INDENT, (line[:dim], "dim"), line[dim:]), soft_wrap=True)


def show_edit(console: Console, edit: Edit | None) -> None:
    """Show what has changed in the configuration, as a diff, and what stays as it was.

    Args:
        console: Where to.
        edit: The change, which is written; `None` if there was nothing to mend by it.
    """
    if edit is None:
        console.print("Nothing is written: no finding is mended by configuration.")
        return
    for line in edit.diff().splitlines():
        console.print(f"  {line}", style=_DIFF.get(line[0]), markup=False, soft_wrap=True)
    for one in edit.kept:
        console.print(
            f"{one.name} is set to {one.held} and stays so: write {one.wanted} there by hand.",
            markup=False,
        )
    if edit.changes:
        console.print(f"{edit.path.name} is written. What is found now:", markup=False)
    else:
        console.print("Nothing is written: the lines are there. The rest is for you to do.")
