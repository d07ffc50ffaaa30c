"""Applications whose module cannot be imported, and what each mistake says."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

import pytest

from pytest_oneloop.errors.application import EXTRAS, ApplicationImportError
from tools.bazaar import MAIN, load


@pytest.mark.parametrize(
    ("folder", "shown"), [(".", "."), ("src", "src")], ids=["root folder", "src"]
)
def test_a_module_that_lies_beside_the_search_path(tmp_path: Path, folder: str, shown: str) -> None:
    (tmp_path / folder).mkdir(exist_ok=True)
    (tmp_path / folder / "stall.py").write_text(MAIN)

    with pytest.raises(ApplicationImportError) as caught:
        load(tmp_path, "stall:application")

    assert caught.value.pythonpath == shown
    assert str(caught.value) == (
        "OL302: the application 'stall:application' (set by ONELOOP_APP) cannot be imported.\n"
        "    ModuleNotFoundError: No module named 'stall'\n"
        "  Likely cause: stall lies in a folder where Python does not look for modules.\n"
        f'  What to do: write pythonpath = ["{shown}"] under [tool.pytest.ini_options] in '
        f"pyproject.toml (pythonpath = {shown} in pytest.ini), or install the project."
    )


@pytest.mark.parametrize(
    ("setting", "missing", "near"),
    [
        ("bazaar.mian:application", "bazaar.mian", "bazaar.main"),
        ("bazar.main:application", "bazar", "bazaar"),
    ],
)
def test_a_module_whose_name_is_misspelt(
    project: Path, setting: str, missing: str, near: str
) -> None:
    with pytest.raises(ApplicationImportError) as caught:
        load(project, setting)

    assert caught.value.near == (near,)
    assert str(caught.value) == (
        f"OL302: the application {setting!r} (set by ONELOOP_APP) cannot be imported.\n"
        f"    ModuleNotFoundError: No module named {missing!r}\n"
        f"  Likely cause: the name is misspelt; there is {near}.\n"
        "  What to do: correct the name, or install the project that holds it."
    )


def test_a_module_that_is_nowhere(project: Path) -> None:
    with pytest.raises(ApplicationImportError) as caught:
        load(project, "qqqzzz:application")

    assert str(caught.value) == (
        "OL302: the application 'qqqzzz:application' (set by ONELOOP_APP) cannot be imported.\n"
        "    ModuleNotFoundError: No module named 'qqqzzz'\n"
        "  Likely cause: there is no module of that name where Python looks for modules.\n"
        "  What to do: correct the name, or install the project that holds it."
    )


@pytest.mark.parametrize(
    ("text", "error", "line"),
    [
        ("import os\nimport qqqzzz\n", "ModuleNotFoundError: No module named 'qqqzzz'", 2),
        ("\n\nraise ValueError('no DATABASE_URL')\n", "ValueError: no DATABASE_URL", 3),
        ("import sys\nsys.exit(2)\n", "SystemExit: 2", 2),
        ("from json import loads\nloads('{')\n", None, 2),
        ("def broken(:\n", None, 1),
    ],
)
def test_a_module_that_fails_shows_where(
    project: Path, text: str, error: str | None, line: int
) -> None:
    broken = project / "bazaar" / "broken.py"
    broken.write_text(text)

    with pytest.raises(ApplicationImportError) as caught:
        load(project, "bazaar.broken:application")

    cause = caught.value.__cause__
    error = error or f"{type(cause).__name__}: {cause}"
    assert str(caught.value) == (
        "OL302: the application 'bazaar.broken:application' (set by ONELOOP_APP) cannot be "
        "imported.\n"
        f"    {error}\n"
        f"    at {broken}:{line}\n"
        "  Likely cause: the module, or one that it imports, fails while it is imported.\n"
        '  What to do: correct it until python -c "import bazaar.broken" works.'
    )


@pytest.mark.parametrize(("driver", "extra"), EXTRAS.items())
def test_a_driver_that_is_not_installed(
    project: Path, driver: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = project / "bazaar" / "broken.py"
    broken.write_text(f"import {driver}\n")
    monkeypatch.setitem(sys.modules, driver, None)

    with pytest.raises(ApplicationImportError) as caught:
        load(project, "bazaar.broken:application")

    assert caught.value.absent == driver
    assert str(caught.value) == (
        "OL302: the application 'bazaar.broken:application' (set by ONELOOP_APP) cannot be "
        "imported.\n"
        f"    ModuleNotFoundError: {caught.value.__cause__}\n"
        f"    at {broken}:1\n"
        f"  Likely cause: the driver {driver} is not installed in this environment.\n"
        f'  What to do: pip install "pytest-oneloop[{extra}]"'
    )


def test_the_extras_of_drivers_are_those_of_the_project() -> None:
    text = (Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8")
    extras = tomllib.loads(text)["project"]["optional-dependencies"]

    assert [
        driver
        for driver, extra in EXTRAS.items()
        if not any(requirement.startswith(f"{driver}>=") for requirement in extras[extra])
    ] == []
