"""The page of limits in the reference, as the outcomes of the programs have it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from fidelity.catalogue import TOPICS, programs
from fidelity.verdicts import Verdict, judge
from pytest_oneloop.options import STRATEGIES

if TYPE_CHECKING:
    from fidelity.program import Program
    from fidelity.runs import Runs
    from fidelity.verdicts import Outcome

PAGE = Path(__file__).parents[2] / "docs/reference/limits.md"
COLUMNS = [name for name in ("rollback", "commit", "clone", "auto") if name in STRATEGIES]
SAME = "the same"
ONCE_EXPECTED = "the same, once a test expects it"
HEAD = """# Limits

<!-- Written by `make limits`: change the programs in tests/fidelity, not this page. -->

What a strategy cannot show as a real database would. Each line is a small program of
`tests/fidelity`, which the tests run on a plain PostgreSQL and in every strategy, and whose whole
outcomes they compare. A code such as OL201 is an [error](errors.md) that the test gets: it says
why, and what to do.
"""
ABOUT_AUTO = """
Under `auto` a test that meets such a limit is run again on a real database, and that result counts.
*Once a test expects it* means: the plugin does not see this limit by itself, but a test that
asserts what a real database does fails in the sandbox, and is run again for that reason.
"""
SAME_HEAD = """
## The same in every strategy

These {count} programs see in every strategy exactly what they see on a plain database.
"""


def render(runs: Runs) -> str:
    """Return the whole page. Runs all programs in all strategies, unless that was done."""
    plain = runs.plain()
    found = {name: runs.strategy(name) for name in COLUMNS}
    differing: dict[str, list[str]] = {topic: [] for topic in TOPICS}
    same: dict[str, list[str]] = {topic: [] for topic in TOPICS}
    for one in programs():
        cells = [_cell(one, name, plain[one.name], found[name][one.name]) for name in COLUMNS]
        if all(cell == SAME for cell in cells):
            same[one.topic].append(one.real)
        else:
            name = one.body.__name__.replace("_", " ")
            row = [name, one.real, *cells]
            differing[one.topic].append(f"| {' | '.join(row)} |")
    parts = [HEAD, ABOUT_AUTO if "auto" in COLUMNS else ""]
    header = ["program", "a real database", *(f"`{name}`" for name in COLUMNS)]
    for topic, lines in differing.items():
        if lines:
            parts += [f"\n## {_title(topic)}\n\n| {' | '.join(header)} |\n", "|---" * len(header)]
            parts += ["|\n", *(f"{line}\n" for line in lines)]
    parts.append(SAME_HEAD.format(count=sum(map(len, same.values()))))
    for topic, sentences in same.items():
        if sentences:
            parts += [f"\n**{_title(topic)}**\n\n", *(f"- {one}\n" for one in sentences)]
    return "".join(parts)


def _cell(one: Program, strategy: str, plain: Outcome, outcome: Outcome) -> str:
    if strategy == "auto" and outcome != plain:
        # A test of the suite sees to it that this is so.
        return ONCE_EXPECTED
    match judge(one, strategy, plain, outcome):
        case Verdict.SAME:
            return SAME
        case Verdict.NAMED:
            return f"[{outcome.raised}](errors.md)"
        case Verdict.LIMIT:
            return one.limits[strategy]
        case silent:
            return f"**{silent.value}**"


def _title(topic: str) -> str:
    titles = {
        "clock": "The clock",
        "settings": "Settings and roles",
        "failures": "Errors",
        "timeouts": "Deadlines",
        "advisory": "Advisory locks",
        "isolation": "Isolation",
        "autocommit": "AUTOCOMMIT",
        "identifiers": "Ids of transactions and sessions",
        "twophase": "Two-phase commit",
        "copying": "COPY",
        "largeobjects": "Large objects",
        "rowsecurity": "Row-level security",
        "notifications": "LISTEN and NOTIFY",
        "ddl": "Changes of the schema",
        "maintenance": "Statements outside a transaction",
        "hooks": "Hooks of SQLAlchemy",
        "pools": "Pools",
        "engines": "Several engines",
        "temporary": "Temporary tables",
    }
    return titles.get(topic, topic.capitalize())
