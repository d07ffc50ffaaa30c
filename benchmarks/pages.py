"""A page of what one test costs in each of several ways, and the data beside it."""

from __future__ import annotations

import json
import statistics
from importlib.metadata import version
from typing import TYPE_CHECKING

from results import machine, versions

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


def in_cell(seconds: list[float]) -> tuple[float, str]:
    """Return the median in ms, and a cell with the quartiles beside it."""
    low, median, high = (1000 * value for value in statistics.quantiles(seconds, n=4))
    return median, f"{median:.2f} ({low:.2f} to {high:.2f})"


def write(
    folder: Path,
    name: str,
    text: str,
    seconds: object,
    *,
    packages: Iterable[str] = (),
    **values: object,
) -> None:
    """Write `name.md` and `name.json`, and print the page.

    Args:
        folder: Where they go.
        name: Of the two files.
        text: The page, with places for `machine`, `versions` and `values`.
        seconds: What was measured.
        packages: Whose versions count, too.
        values: What goes into the text.
    """
    used = {**versions(), **{name: version(name) for name in packages}}
    page = text.format(
        machine=", ".join(machine().values()),
        versions=", ".join(f"{name} {number}" for name, number in used.items()),
        **values,
    )
    folder.mkdir(parents=True, exist_ok=True)
    document = {"machine": machine(), "versions": used, "seconds": seconds}
    (folder / f"{name}.json").write_text(json.dumps(document, indent=2) + "\n")
    (folder / f"{name}.md").write_text(page)
    print(page)
