"""`oneloop init --yes` on real projects, whose tests then pass."""

from __future__ import annotations

import re
import shutil
import stat
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

import pytest_oneloop
from tools.command_line import oneloop
from tools.project_files import MIGRATIONS, NOTES
from tools.projects import Project
from tools.unset_projects import FLAT, NAMESPACE, NATIVE, SOURCE_FOLDER, TEST

SETUPS = Path(pytest_oneloop.__file__).parent / "demo" / "setups"
PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "set-up-a-project.md"
MIGRATED = {
    **MIGRATIONS,
    "notes.py": NOTES["notes.py"],
    "api.py": NOTES["api.py"],
    "tests/test_notes.py": TEST,
    "pytest.ini": "[pytest]\n",
}
"""Modules beside each other, Alembic with an asynchronous `env.py`, and an empty `pytest.ini`."""


@pytest.mark.server
@pytest.mark.parametrize(
    ("files", "name", "written"),
    [
        (
            FLAT,
            "pyproject.toml",
            (
                '[project]\nname = "notes"\n\n[tool.ruff]\nline-length = 100\n\n'
                '[tool.fastapi]\nentrypoint = "notes.main:app"\n\n'
                '[tool.pytest.ini_options]\noneloop_schema = "notes.models:Base"\n'
                'asyncio_mode = "auto"\npythonpath = ["."]\n'
            ),
        ),
        pytest.param(
            NATIVE,
            "pyproject.toml",
            (
                '[tool.pytest]\ntestpaths = ["tests"]\noneloop_schema = "notes.models:Base"\n'
                'asyncio_mode = "auto"\npythonpath = ["."]\n\n[tool.ruff]\n\n'
                '[tool.fastapi]\nentrypoint = "notes.main:app"\n'
            ),
            marks=pytest.mark.skipif(int(pytest.__version__[0]) == 8, reason="since pytest 9"),
        ),
        (
            MIGRATED,
            "pytest.ini",
            "[pytest]\noneloop_app = api:app\nasyncio_mode = auto\npythonpath = .\n",
        ),
        (
            SOURCE_FOLDER,
            "setup.cfg",
            (
                "[metadata]\nname = notes\n\n[tool:pytest]\n# where tests are\ntestpaths=tests\n"
                "oneloop_app = notes.main:create_app()\noneloop_schema = notes.models:Base\n"
                "asyncio_mode = auto\npythonpath = src\n"
            ),
        ),
        (
            NAMESPACE,
            "tox.ini",
            (
                "[tox]\nenvlist = py\n\n[pytest]\ntestpaths = tests\noneloop_app = app.main:app\n"
                "oneloop_schema = app.models:Base\nasyncio_mode = auto\npythonpath = .\n\n"
                "[testenv]\ndeps = pytest\n"
            ),
        ),
    ],
    ids=["pyproject", "native", "pytest-ini", "setup-cfg", "tox-ini"],
)
def test_the_tests_of_a_project_pass_after_it(
    tmp_path: Path, cache: Path, files: dict[str, str], name: str, written: str
) -> None:
    project = Project(tmp_path, {"ONELOOP_CACHE_DIR": str(cache)})
    project.write(files)
    before = project.run("-x")
    assert before.code in {1, 2}, before.output

    shown = oneloop(tmp_path, "init")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert (tmp_path / name).read_text() == files[name]
    assert oneloop(tmp_path, "init", "--yes").returncode == 0
    assert (tmp_path / name).read_text() == written
    assert (
        "There is nothing to write: what can be set is set.\n" in oneloop(tmp_path, "init").stdout
    )

    after = project.run()
    assert after.counts == {"passed": 2}, after.output


def test_the_page_has_the_whole_output(tmp_path: Path) -> None:
    Project(tmp_path).write(
        FLAT
        | {
            "tests/conftest.py": """
import pytest
from notes.db.engine import new_session


@pytest.fixture
async def session():
    async with new_session() as session:
        yield session
"""
        }
    )
    done = oneloop(tmp_path, "init")
    shown = done.stdout.replace(str(tmp_path), "/home/ada/notes")
    shown = shown.replace(f"pytest-asyncio {version('pytest-asyncio')}", "pytest-asyncio 1.5.0")
    assert f"```text\n{shown}```\n" in PAGE.read_text()
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.server
def test_what_is_named_can_be_deleted(tmp_path: Path, cache: Path) -> None:
    shutil.copytree(SETUPS / "setup_5", tmp_path / "shop")
    shutil.copy(SETUPS / "app.py", tmp_path / "shop")
    shown = oneloop(tmp_path / "shop", "init").stdout
    conftest = tmp_path / "shop" / "conftest.py"
    named = re.findall(r"^  conftest\.py:\d+ (\w+): ", shown, re.MULTILINE)
    assert named == re.findall(r"^async def (\w+)", conftest.read_text(), re.MULTILINE)
    conftest.unlink()

    url = "postgresql+asyncpg://app:secret@db.invalid:5432/production"
    environ = {"ONELOOP_CACHE_DIR": str(cache), "APP_DATABASE_URL": url}
    after = Project(tmp_path / "shop", environ).run()
    assert after.counts == {"passed": 3}, after.output


def test_nothing_of_the_project_is_run(tmp_path: Path) -> None:
    project = Project(tmp_path)
    sign = f"open({str(tmp_path / 'ran')!r}, 'w')\n"
    project.write({name: (sign if name.endswith(".py") else "") + FLAT[name] for name in FLAT})
    assert oneloop(tmp_path, "init", "--yes").returncode == 0
    assert not (tmp_path / "ran").exists()
    check = [sys.executable, "-c", "import notes.main"]
    subprocess.run(check, cwd=tmp_path, check=True, timeout=60)
    assert (tmp_path / "ran").exists()


def test_the_mode_and_a_link_are_kept(tmp_path: Path) -> None:
    Project(tmp_path).write(FLAT)
    real = tmp_path / "notes" / "settings.toml"
    (tmp_path / "pyproject.toml").rename(real)
    (tmp_path / "pyproject.toml").symlink_to(real)
    real.chmod(0o640)
    assert oneloop(tmp_path, "init", "--yes").returncode == 0
    assert (tmp_path / "pyproject.toml").is_symlink()
    assert "asyncio_mode" in real.read_text()
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
