"""A change of one configuration file: shown as a diff, and written as a whole."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_oneloop.project.writing import write_whole

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_oneloop.project.formats import Value


@dataclass(frozen=True, slots=True)
class Kept:
    """A value that was to be set, and is left as it is, since the project has set it.

    Attributes:
        name: The option.
        held: What it is set to, as text.
        wanted: What it would have been set to.
    """

    name: str
    held: str
    wanted: str


@dataclass(frozen=True, slots=True)
class Edit:
    """What a configuration file is, and what it would be.

    Attributes:
        path: The file, which need not exist yet.
        before: Its content, with the newlines that it has; `None` for a file that is not there.
        after: What it would hold.
        added: The options that would be added, by table or section.
        kept: The options that are set to something else already, and stay.
    """

    path: Path
    before: str | None
    after: str
    added: dict[str, dict[str, Value]]
    kept: tuple[Kept, ...]

    @property
    def changes(self) -> bool:
        """Whether there is anything to write."""
        return self.after != (self.before or "")

    def diff(self, *, relative_to: Path | None = None) -> str:
        """Return the change as a unified diff; empty if there is none.

        Args:
            relative_to: The folder that the file is named from; its own folder if not given.
        """
        base = relative_to or self.path.parent
        inside = self.path.is_relative_to(base)
        name = str(self.path.relative_to(base) if inside else self.path)
        lines = difflib.unified_diff(
            (self.before or "").splitlines(),
            self.after.splitlines(),
            fromfile=name if self.before is not None else "/dev/null",
            tofile=name,
            lineterm="",
        )
        return "".join(f"{line}\n" for line in lines)

    def write(self) -> None:
        """Write the file, as a whole, with its mode kept. Does nothing without a change.

        Raises:
            NotWritableError: It may not be written; nothing has changed.
        """
        if self.changes:
            write_whole(self.path, self.after.encode())


def with_newlines_of(before: str, after: str) -> str:
    r"""Return `after` with the newlines of `before`: each line's own, and the usual one for others.

    Args:
        before: The file as it is; its lines may end in `\n` or `\r\n`.
        after: The same after an edit, with `\n` alone.
    """
    if "\r\n" not in before:
        return after
    old = before.splitlines(keepends=True)
    new = after.splitlines(keepends=True)
    windows = sum(line.endswith("\r\n") for line in old)
    usual = "\r\n" if windows * 2 >= len(old) else "\n"
    ends = [usual if line.endswith("\n") else "" for line in new]
    matcher = difflib.SequenceMatcher(
        None, [line.rstrip("\r\n") for line in old], [line.rstrip("\n") for line in new]
    )
    for first, second, count in matcher.get_matching_blocks():
        for offset in range(count):
            line = old[first + offset]
            end = line[len(line.rstrip("\r\n")) :]
            # The file's last line may have had none, and has one now that more follows.
            ends[second + offset] = end or ends[second + offset]
    return "".join(line.rstrip("\n") + end for line, end in zip(new, ends, strict=True))
