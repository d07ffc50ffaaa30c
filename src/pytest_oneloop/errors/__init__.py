"""The errors that the plugin raises, each with a code and a page in the documentation.

One class per situation: facts go in, the sentence comes out, and the facts stay as attributes.
The classes live beside this module, by topic; this module holds what they share.
"""

from __future__ import annotations

from typing import ClassVar


class _Explained(BaseException):
    """The text of an error or a warning, in three parts.

    Args:
        what: What happened, and where; one or two sentences.
        why: The cause that is most likely.
        instead: What to do: the exact line or setting.

    Attributes:
        code: Stable, `OLnnn`; the documentation has a section of that name.
    """

    code: ClassVar[str] = "OL000"

    def __init__(self, what: str, *, why: str, instead: str) -> None:
        self.what = what
        self.why = why
        self.instead = instead
        super().__init__(f"{self.code}: {what}\n  Likely cause: {why}\n  What to do: {instead}")


class OneloopError(_Explained, Exception):
    """Base of every error of this package."""


class OneloopWarning(_Explained, UserWarning):
    """Base of every warning of this package."""


class SetupError(OneloopError):
    """The run cannot have a database: no test that needs one can work.

    The first test that meets it shows the text, without a traceback, and the run stops.
    """


class UsageError(OneloopError):
    """The command `oneloop` cannot do what it was asked for; nothing has been changed.

    The command shows it as one line, and ends with exit code 2.
    """

    @property
    def line(self) -> str:
        """The code, what happened, and what to do, for one line of a terminal."""
        return f"{self.code}: {self.what} {self.instead[:1].upper()}{self.instead[1:]}"
