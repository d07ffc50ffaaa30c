"""Run SQLAlchemy's compliance suite with the plugin and without: `scripts/compliance`.

Some minutes for all databases. Ends with 1 if a test is worse with the sandbox that
docs/reference/compliance.md does not list, or lists one that is not.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from compliance.comparing import Comparison, compare, count
from compliance.databases import DATABASES
from compliance.page import PAGE, write
from compliance.source import requirements


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/compliance", description=(__doc__ or "").strip())
    parser.add_argument("database", nargs="*", help=f"one of {', '.join(DATABASES)}; or all")
    parser.add_argument("-k", default="", metavar="EXPRESSION", help="only these tests")
    parser.add_argument("--write", action="store_true", help="write docs/reference/compliance.md")
    given = parser.parse_args()
    unknown = [name for name in given.database if name not in DATABASES]
    if unknown:
        parser.error(f"{unknown[0]}: there are {', '.join(DATABASES)}")
    if given.write and (given.database or given.k):
        parser.error("--write is for all tests on all databases")
    comparisons = []
    for name in given.database or DATABASES:
        start = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="compliance-") as folder:
            comparison = compare(DATABASES[name], requirements(), Path(folder), only=given.k)
        _tell(comparison, time.monotonic() - start)
        comparisons.append(comparison)
    if given.write:
        PAGE.write_text(write(comparisons))
    return 0 if all(comparison.faithful for comparison in comparisons) else 1


def _tell(comparison: Comparison, seconds: float) -> None:
    _say(f"{comparison.database}, {seconds:.0f} s")
    for words, outcomes in (
        ("without", comparison.without),
        ("with", comparison.with_plugin),
    ):
        found = count(outcomes)
        numbers = ", ".join(f"{found[v]} {v}" for v in ("passed", "failed", "skipped"))
        _say(f"  {words}: {numbers}")
    for code, number in comparison.refused.most_common():
        _say(f"  refused by {code}, and run under commit: {number}")
    for test, outcome in comparison.worse.items():
        known = "" if test in comparison.surprises else " (known)"
        _say(f"  worse{known}: {test}: {outcome.words}")
    for test in comparison.mended:
        _say(f"  listed, and not worse: {test}")
    for test in sorted(comparison.missing):
        _say(f"  in one of the runs alone: {test}")


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
