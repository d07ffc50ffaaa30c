"""What README and reference say is true: their examples run, and their lists are complete."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pytest_oneloop import fixtures
from pytest_oneloop.options import OPTIONS
from tools.projects import Project, shop

ROOT = Path(__file__).parents[2]
PAGES = ("README.md", "docs/reference/fixtures.md")
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
TOML = re.compile(r"^```toml\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#]*)(?:#([^)]*))?\)")
PREAMBLE = """
import unittest

import pytest
from shop.models import Customer
from sqlalchemy import func, select

"""


def examples(page: str) -> list[str]:
    return BLOCK.findall((ROOT / page).read_text())


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = shop(tmp_path / "shop")
    for test in (made.folder / "tests").glob("test_*.py"):
        test.unlink()
    return made


@pytest.mark.parametrize("page", PAGES)
def test_the_examples_of_a_page_run(page: str, project: Project) -> None:
    found = examples(page)
    for number, example in enumerate(found):
        project.write({f"tests/test_example_{number}.py": PREAMBLE + example})

    finished = project.run("-W", "error")

    assert finished.code == 0, finished.output
    assert finished.counts["passed"] == sum(text.count("def test_") for text in found) > 0


def test_the_examples_need_the_plugin(project: Project) -> None:
    project.write({"tests/test_example.py": PREAMBLE + examples("README.md")[0]})

    finished = project.run("-p", "no:oneloop", "-W", "ignore")

    assert finished.counts == {"error": 1}
    assert "fixture 'client' not found" in finished.output


def test_the_header_is_as_the_readme_shows_it(project: Project) -> None:
    project.write({"tests/test_example.py": PREAMBLE + examples("README.md")[0]})
    [shown] = re.findall(r"^oneloop: .*$", (ROOT / "README.md").read_text(), re.MULTILINE)

    project.run()
    header = project.run().header

    version = re.compile(r"PostgreSQL \S+ ")
    assert version.sub("", header) == version.sub("", shown)


def test_the_configuration_in_the_readme_is_all_that_the_example_has() -> None:
    [shown] = re.findall(
        r"^```toml\n(.*?)^```", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL
    )
    written = (ROOT / "examples/shop/pyproject.toml").read_text()

    for line in filter(None, shown.splitlines()):
        assert line in written
    assert "oneloop_" not in written
    assert not list((ROOT / "examples/shop").rglob("conftest.py"))


def test_the_readme_counts_the_example_s_tests() -> None:
    tests = sum(
        text.read_text().count("\nasync def test_")
        for text in (ROOT / "examples/shop/tests").glob("test_*.py")
    )

    assert f"with {tests} tests and no `conftest.py`" in (ROOT / "README.md").read_text()
    assert tests >= 30


@pytest.mark.parametrize("page", ["README.md", "docs/reference/fixtures.md"])
def test_every_fixture_is_documented(page: str) -> None:
    text = (ROOT / page).read_text()
    public = [
        name
        for name, value in vars(fixtures).items()
        if type(value).__name__ == "FixtureFunctionDefinition" and not name.startswith("_")
    ]

    assert sorted(public) == [
        "client", "db_engine", "db_session", "oneloop", "oneloop_app", "oneloop_database_url",
    ]  # fmt: skip
    for name in public:
        assert f"`{name}`" in text


def test_every_setting_is_documented() -> None:
    text = (ROOT / "docs/reference/settings.md").read_text()
    rows = re.findall(r"^\| `(oneloop_\w+)` \|", text, re.MULTILINE)

    assert rows == [option.name for option in OPTIONS]


@pytest.mark.parametrize(
    "page",
    sorted(str(p.relative_to(ROOT)) for p in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"))),
)
def test_every_link_leads_somewhere(page: str) -> None:
    for target, anchor in LINK.findall((ROOT / page).read_text()):
        if target.startswith("https://"):
            continue
        file = (ROOT / page).parent / target if target else ROOT / page
        assert file.exists(), f"{page}: {target}"
        if anchor:
            headings = re.findall(r"^#+ (.*)$", file.read_text(), re.MULTILINE)
            slugs = [re.sub(r"[^\w -]", "", h.lower()).strip().replace(" ", "-") for h in headings]
            assert anchor in slugs or any(s.startswith(f"{anchor}-") for s in slugs), anchor
