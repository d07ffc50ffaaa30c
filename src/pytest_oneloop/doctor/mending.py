"""The part of the mending that is configuration: three lines, which are written for the user."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from pytest_oneloop.doctor.wording import LINES
from pytest_oneloop.project.configuration import find

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_oneloop.project.configuration import Configuration
    from pytest_oneloop.project.edits import Edit


def mend(root: Path) -> Edit:
    """Return the change that puts fixtures and tests on one loop. Writes nothing.

    A line that sets one of the options to another value is changed in its place; where it cannot
    be told from the text, the value stays, and `Edit.kept` has it.

    Args:
        root: pytest's root folder.

    Raises:
        UsageError: The file with pytest's configuration is not valid, or cannot be edited.
    """
    configuration = find(root)
    changed = configuration
    for name, value in LINES:
        changed = _with_line(changed, name, value)
    return replace(changed.with_values(dict(LINES)), before=configuration.text)


def _with_line(configuration: Configuration, name: str, value: str) -> Configuration:
    """Return the configuration with another value in a line that is there."""
    held = configuration.get(name)
    if held is None or held == value or configuration.text is None:
        return configuration
    line = re.compile(
        rf"^([ \t]*{name}[ \t]*[=:][ \t]*)([\"']?){re.escape(held)}\2(?=[ \t]*(?:[#;].*)?\r?$)",
        re.MULTILINE,
    )
    if len(line.findall(configuration.text)) != 1:
        return configuration
    return replace(
        configuration,
        text=line.sub(rf"\g<1>\g<2>{value}\g<2>", configuration.text),
        values={**configuration.values, name: value},
    )
