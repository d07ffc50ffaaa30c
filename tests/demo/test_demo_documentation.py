"""What is written about the demonstration is what it does."""

from __future__ import annotations

import re
from argparse import ArgumentParser
from pathlib import Path

from pytest_oneloop.cli import demo
from pytest_oneloop.demo.setups import SETUPS
from tools.example_measurements import MEASURED

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
REFERENCE = (ROOT / "docs" / "reference" / "demo.md").read_text(encoding="utf-8")
RESULT = (ROOT / "benchmarks" / "results" / "demo.txt").read_text(encoding="utf-8")


def test_the_table_of_the_readme_is_one_that_was_measured() -> None:
    [block] = re.findall(r"<!-- demo -->\n```text\n(.*?)```\n<!-- /demo -->", README, re.DOTALL)
    assert RESULT.startswith(block)
    titles = re.findall(r"^\d  (.*?)  +\d", block, re.MULTILINE)
    assert titles == 2 * [setup.title for setup in SETUPS]


def test_the_reference_has_every_option() -> None:
    subparsers = ArgumentParser().add_subparsers()
    demo.add_parser(subparsers)
    usage = subparsers.choices["demo"].format_usage()
    assert set(re.findall(r"--\w+", usage)) == set(
        re.findall(r"^\| `(--\w+)", REFERENCE, re.MULTILINE)
    )


def test_the_reference_has_every_key() -> None:
    assert list(MEASURED[0].as_json()) == re.findall(
        r"^\| [#\w ]*\| `(\w+)` \|", REFERENCE, re.MULTILINE
    )
