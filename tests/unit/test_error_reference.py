"""The reference of errors holds the whole text of each one, as the classes write it today."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tools.example_errors import EXAMPLES

if TYPE_CHECKING:
    from pytest_oneloop.errors import OneloopError, OneloopWarning

    Named = OneloopError | OneloopWarning

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "errors.md"


def sections() -> dict[str, str]:
    """Return the page's sections by their codes."""
    parts = re.split(r"^## (OL\d{3})", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: error.code)
def test_the_page_has_the_whole_text(error: Named) -> None:
    assert f"\n```text\n{error}\n```\n" in sections()[error.code]


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: error.code)
def test_a_text_has_three_parts(error: Named) -> None:
    assert str(error) == (
        f"{error.code}: {error.what}\n  Likely cause: {error.why}\n  What to do: {error.instead}"
    )
    assert "secret" not in str(error)


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: error.code)
def test_a_section_says_when_why_and_what_to_do(error: Named) -> None:
    section = sections()[error.code]
    assert [
        word for word in ("**When.**", "**Why.**", "**What to do.**") if f"\n{word} " in section
    ] == ["**When.**", "**Why.**", "**What to do.**"]


def test_the_sections_are_those_of_the_errors_in_order() -> None:
    assert list(sections()) == sorted(error.code for error in EXAMPLES)


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: error.code)
def test_a_heading_is_made_of_words_of_the_text(error: OneloopError) -> None:
    heading = sections()[error.code].partition("\n")[0].removeprefix(":")
    assert [words.strip() for words in heading.split("…") if words.strip() not in str(error)] == []
