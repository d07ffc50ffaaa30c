"""Where a project keeps pytest's configuration: found, read, and edited as a person would."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_oneloop.errors.project import (
    MalformedConfigurationError,
    NotAFolderError,
    UneditableConfigurationError,
)
from pytest_oneloop.project.configuration import find

if TYPE_CHECKING:
    from pathlib import Path

NATIVE = int(pytest.__version__.partition(".")[0]) >= 9
FILES = {
    "pytest.toml": '[pytest]\naddopts = ["-q"]\n',
    ".pytest.toml": '[pytest]\naddopts = ["-q"]\n',
    "pytest.ini": "",
    ".pytest.ini": "" if NATIVE else "[pytest]\n",
    "pyproject.toml": '[tool.pytest.ini_options]\naddopts = "-q"\n',
    "tox.ini": "[pytest]\naddopts = -q\n",
    "setup.cfg": "[tool:pytest]\naddopts = -q\n",
}


def edited(folder: Path, name: str, text: str, **values: str | list[str]) -> str:
    (folder / name).write_bytes(text.encode())
    edit = find(folder).with_values(values or {"asyncio_mode": "auto"})
    edit.write()
    return (folder / name).read_bytes().decode()


def test_the_order_is_that_of_pytest(pytester: pytest.Pytester) -> None:
    inner = pytester.mkdir("inner")
    below = inner / "below"
    below.mkdir()
    names = list(FILES) if NATIVE else [name for name in FILES if "pytest.toml" not in name]
    for name in reversed(names):
        (inner / name).write_text(FILES[name])
        asked = pytester.parseconfig(str(below))
        found = find(below)
        assert found.path == asked.inipath == inner / name
        assert found.root == asked.rootpath


@pytest.mark.skipif(NATIVE, reason="an empty .pytest.ini counts since pytest 9")
def test_an_empty_hidden_file_is_passed_over(pytester: pytest.Pytester) -> None:
    (pytester.path / ".pytest.ini").touch()
    (pytester.path / "tox.ini").write_text("[pytest]\n")
    assert find(pytester.path).path == pytester.parseconfig().inipath == pytester.path / "tox.ini"


@pytest.mark.parametrize("name", ["tox.ini", "setup.cfg", "pyproject.toml"])
def test_a_file_without_pytest_is_passed_over(pytester: pytest.Pytester, name: str) -> None:
    inner = pytester.mkdir("inner")
    (inner / name).write_text('[tool]\nname = "x"\n')
    (pytester.path / "pytest.ini").write_text("[pytest]\n")
    assert find(inner).path == pytester.parseconfig(str(inner)).inipath
    assert find(inner).path == pytester.path / "pytest.ini"


def test_without_any_the_nearest_pyproject_is_where_it_goes(pytester: pytest.Pytester) -> None:
    inner = pytester.mkdir("inner")
    (pytester.path / "pyproject.toml").write_text('[project]\nname = "x"\n')
    assert find(inner).path == pytester.parseconfig(str(inner)).inipath
    assert find(inner).place == "pyproject.toml [tool.pytest.ini_options]"
    assert find(inner).values == {}


@pytest.mark.skipif(not NATIVE, reason="pytest reads it since 9")
def test_the_native_table_of_pytest_9(tmp_path: Path) -> None:
    text = '[tool.pytest]\nasyncio_mode = "auto"\n\n[tool.x]\n'
    assert edited(tmp_path, "pyproject.toml", text, pythonpath=["src"]) == (
        '[tool.pytest]\nasyncio_mode = "auto"\npythonpath = ["src"]\n\n[tool.x]\n'
    )
    assert find(tmp_path).style.section == "[tool.pytest]"
    assert find(tmp_path).get("pythonpath") == "src"


def test_toml_keeps_comments_and_layout(tmp_path: Path) -> None:
    before = (
        '[project]\nname = "x"  # a name\n\n[tool.pytest.ini_options]\naddopts = "-q"   # quiet\n'
        'markers = [\n  "slow: takes long",\n  # one more?\n]\n\n# about ruff\n[tool.ruff]\nx=1\n'
    )
    assert edited(tmp_path, "pyproject.toml", before, asyncio_mode="auto", pythonpath=["."]) == (
        '[project]\nname = "x"  # a name\n\n[tool.pytest.ini_options]\naddopts = "-q"   # quiet\n'
        'markers = [\n  "slow: takes long",\n  # one more?\n]\nasyncio_mode = "auto"\n'
        'pythonpath = ["."]\n\n# about ruff\n[tool.ruff]\nx=1\n'
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "[tool.pytest.ini_options]\n\n[tool.ruff]\n",
            '[tool.pytest.ini_options]\nasyncio_mode = "auto"\n\n[tool.ruff]\n',
        ),
        (
            '[tool.pytest.ini_options]\naddopts = "-q"',
            '[tool.pytest.ini_options]\naddopts = "-q"\nasyncio_mode = "auto"\n',
        ),
        (
            '[tool]\npytest.ini_options.addopts = "-q"\n\n[other]\n',
            (
                '[tool]\npytest.ini_options.addopts = "-q"\n'
                'pytest.ini_options.asyncio_mode = "auto"\n\n[other]\n'
            ),
        ),
        (
            '[project]\nname = "x"\n\n\n',
            '[project]\nname = "x"\n\n[tool.pytest.ini_options]\nasyncio_mode = "auto"\n',
        ),
        (
            "[tool.pytest.ini_options]\na = '1'\n[project]\nb = 1\n[tool.ruff]\nc = 1\n",
            (
                "[tool.pytest.ini_options]\na = '1'\nasyncio_mode = \"auto\"\n"
                "[project]\nb = 1\n[tool.ruff]\nc = 1\n"
            ),
        ),
    ],
)
def test_toml_as_people_write_it(tmp_path: Path, before: str, after: str) -> None:
    assert edited(tmp_path, "pyproject.toml", before) == after


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        (
            "pytest.ini",
            (
                "[pytest]\naddopts=-q\nmarkers =\n    slow: long\n    # hm\n    fast: short\n\n"
                "; about the rest\n[other]\n"
            ),
            (
                "[pytest]\naddopts=-q\nmarkers =\n    slow: long\n    # hm\n    fast: short\n"
                "asyncio_mode = auto\npythonpath = . src\n\n; about the rest\n[other]\n"
            ),
        ),
        (
            "setup.cfg",
            "[metadata]\nname = x\n[tool:pytest]\n# nothing yet\n\n[flake8]\nignore = E1\n",
            (
                "[metadata]\nname = x\n[tool:pytest]\nasyncio_mode = auto\npythonpath = . src\n"
                "# nothing yet\n\n[flake8]\nignore = E1\n"
            ),
        ),
        (
            "tox.ini",
            "[pytest]\naddopts: -q\n\n[testenv]\ndeps =\n    -r{toxinidir}/x%s\n    {[base]deps}\n",
            (
                "[pytest]\naddopts: -q\nasyncio_mode = auto\npythonpath = . src\n\n[testenv]\n"
                "deps =\n    -r{toxinidir}/x%s\n    {[base]deps}\n"
            ),
        ),
        ("pytest.ini", "", "[pytest]\nasyncio_mode = auto\npythonpath = . src\n"),
        (
            ".pytest.ini",
            "[pytest]\naddopts =\n    -q",
            "[pytest]\naddopts =\n    -q\nasyncio_mode = auto\npythonpath = . src\n",
        ),
    ],
)
def test_ini_keeps_comments_and_layout(tmp_path: Path, name: str, before: str, after: str) -> None:
    assert edited(tmp_path, name, before, asyncio_mode="auto", pythonpath=[".", "src"]) == after


def test_a_file_that_is_not_there_is_made(tmp_path: Path) -> None:
    edit = find(tmp_path).with_values({"asyncio_mode": "auto"})
    assert edit.diff() == (
        "--- /dev/null\n+++ pytest.ini\n@@ -0,0 +1,2 @@\n+[pytest]\n+asyncio_mode = auto\n"
    )
    assert not (tmp_path / "pytest.ini").exists()
    edit.write()
    assert (tmp_path / "pytest.ini").read_text() == "[pytest]\nasyncio_mode = auto\n"


@pytest.mark.parametrize("name", [name for name in FILES if NATIVE or "pytest.toml" not in name])
def test_twice_is_once(tmp_path: Path, name: str) -> None:
    wanted: dict[str, str | list[str]] = {"asyncio_mode": "auto", "pythonpath": ["."]}
    (tmp_path / name).write_text(FILES[name])
    find(tmp_path).with_values(wanted).write()
    again = find(tmp_path).with_values(wanted)
    assert (again.changes, again.added, again.kept, again.diff()) == (False, {}, (), "")


@pytest.mark.parametrize("name", ["pyproject.toml", "pytest.ini"])
def test_what_is_set_stays(tmp_path: Path, name: str) -> None:
    text = FILES["pyproject.toml"] if name == "pyproject.toml" else "[pytest]\naddopts = -q\n"
    (tmp_path / name).write_text(text)
    edit = find(tmp_path).with_values({"addopts": "-x", "asyncio_mode": "auto"})
    assert [(kept.name, kept.held, kept.wanted) for kept in edit.kept] == [("addopts", "-q", "-x")]
    edit.write()
    assert find(tmp_path).get("addopts") == "-q"
    assert find(tmp_path).get("asyncio_mode") == "auto"


def test_another_table_of_the_same_file(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "x"\n')
    tables = {"tool.fastapi": {"entrypoint": "shop.main:app"}}
    edit = find(tmp_path).with_values({"asyncio_mode": "auto"}, tables=tables)
    assert edit.after == (
        '[project]\nname = "x"\n\n[tool.fastapi]\nentrypoint = "shop.main:app"\n\n'
        '[tool.pytest.ini_options]\nasyncio_mode = "auto"\n'
    )
    edit.write()
    other = {"tool.fastapi": {"entrypoint": "shop.other:app"}}
    again = find(tmp_path).with_values({}, tables=other)
    assert not again.changes
    assert [(kept.held, kept.wanted) for kept in again.kept] == [
        ("shop.main:app", "shop.other:app")
    ]


def test_newlines_of_windows_stay(tmp_path: Path) -> None:
    before = "[pytest]\r\naddopts = -q\r\n\r\n[other]\r\n"
    assert edited(tmp_path, "pytest.ini", before) == (
        "[pytest]\r\naddopts = -q\r\nasyncio_mode = auto\r\n\r\n[other]\r\n"
    )


def test_each_line_keeps_its_own_newline(tmp_path: Path) -> None:
    before = '[project]\nname = "x"\r\n[tool.pytest.ini_options]\r\na = "b"'
    assert edited(tmp_path, "pyproject.toml", before) == (
        '[project]\nname = "x"\r\n[tool.pytest.ini_options]\r\na = "b"\r\nasyncio_mode = "auto"\r\n'
    )


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("pyproject.toml", b"[tool\n", "Expected ']' at the end of a table declaration"),
        ("pytest.ini", b"[pytest]\naddopts\n", "line 2: unexpected line: 'addopts'"),
        ("setup.cfg", b"[pytest]\n", "its section [pytest] has to be called [tool:pytest]"),
        ("tox.ini", b"[pytest]\na = \xff\n", "it is not UTF-8 (byte 13)"),
        (
            "pyproject.toml",
            b"[tool.pytest]\na = '1'\n[tool.pytest.ini_options]\nb = '1'\n",
            "pytest refuses a file with both [tool.pytest] and [tool.pytest.ini_options]",
        ),
    ],
)
def test_a_file_that_is_not_valid(tmp_path: Path, name: str, text: bytes, problem: str) -> None:
    if "both" in problem and not NATIVE:
        pytest.skip("pytest reads [tool.pytest] since 9")
    (tmp_path / name).write_bytes(text)
    with pytest.raises(MalformedConfigurationError) as caught:
        find(tmp_path)
    assert caught.value.path == tmp_path / name
    assert caught.value.problem.startswith(problem)


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "main.py").touch()
    with pytest.raises(NotAFolderError, match="is a file"):
        find(tmp_path / "main.py")
    with pytest.raises(NotAFolderError, match="is not there"):
        find(tmp_path / "nowhere")


def test_a_layout_that_cannot_be_edited(tmp_path: Path) -> None:
    text = "tool = { ruff = { x = 1 } }\n"
    (tmp_path / "pyproject.toml").write_text(text)
    with pytest.raises(UneditableConfigurationError) as caught:
        find(tmp_path).with_values({"asyncio_mode": "auto"})
    [line] = caught.value.lines
    assert line == 'inside the braces of tool: pytest.ini_options = {asyncio_mode = "auto"}'
    mended = text.replace(" } }", f" }}, {line.partition(': ')[2]} }}")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "pyproject.toml").write_text(mended)
    assert find(tmp_path / "other").get("asyncio_mode") == "auto"
    assert (tmp_path / "pyproject.toml").read_text() == text
