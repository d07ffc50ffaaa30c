"""A schema that Alembic migrates."""

from __future__ import annotations

import contextlib
import io
import os
import sys
import time
import traceback
import warnings
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_oneloop.errors import OneloopError
from pytest_oneloop.errors.schema import (
    MigrationEnvironmentError,
    MissingAlembicError,
    NoRevisionsError,
    RevisionError,
    SeveralHeadsError,
)
from pytest_oneloop.schema.fingerprint import digest_of_parts
from pytest_oneloop.schema.inputs import changed_inputs, record_inputs
from pytest_oneloop.schema.loggers import untouched_logging
from pytest_oneloop.schema.proxies import untouched_proxies
from pytest_oneloop.schema.scripts import AlembicProject, alembic_table, read_project

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from alembic.config import Config
    from alembic.script import ScriptDirectory


class AlembicSource:
    """Migrate an empty database to the head, by the project's own `env.py`.

    Args:
        ini: The `alembic.ini`, if there is one.
        toml: The `pyproject.toml` with a table `[tool.alembic]`, if there is one.
        rootdir: The root of the project.
    """

    name = "alembic"

    def __init__(self, ini: Path | None, toml: Path | None, *, rootdir: Path) -> None:
        self._ini = ini
        self._toml = toml
        self._rootdir = rootdir

    def describe(self) -> str:
        """Count the revisions, for the header. Imports nothing of Alembic or of the project.

        Raises:
            NoRevisionsError: The configuration leads to no revision.
        """
        count = len(self._read()[1])
        return f"alembic {count} revision{'' if count == 1 else 's'}"

    def fingerprint(self) -> str:
        """Return a digest of the configuration and of every file below the script location.

        Raises:
            NoRevisionsError: The configuration leads to no revision.
        """
        project, _ = self._read()
        table = repr(sorted(alembic_table(project.toml).items())) if project.toml else ""
        files = ((name, file.read_bytes()) for name, file in project.files())
        return digest_of_parts(("alembic", b""), ("toml", table.encode()), *files)

    def build(self) -> dict[str, str]:
        """Run `alembic upgrade head` in this thread, which must have no running event loop.

        Logging and warnings are as before when it returns, and what `prepend_sys_path` adds to
        `sys.path` is gone again; nothing is printed.

        Returns:
            The project's files that were imported, with their digests.

        Raises:
            NoRevisionsError: The configuration leads to no revision.
            SeveralHeadsError: The revisions end in several heads that carry no labels of their own.
            RevisionError: A revision raised.
            MigrationEnvironmentError: `env.py`, or Alembic itself, raised.
            MissingAlembicError: Alembic is not installed.
        """
        project, revisions = self._read()
        try:
            import alembic.command  # noqa: F401, PLC0415 - only a build pays for it
        except ModuleNotFoundError as error:
            raise MissingAlembicError(project.config) from error
        since = time.time()
        imported_before = set(sys.modules)
        with (
            untouched_logging(),
            untouched_proxies(),
            _search_path(project),
            warnings.catch_warnings(),
        ):
            # What a migration warns of is for those who run it, not for the tests, which may turn
            # every warning into an error.
            warnings.simplefilter("ignore")
            try:
                _upgrade(project)
            except OneloopError:
                raise
            except (Exception, SystemExit) as error:
                raise _explained(error, project, revisions) from error
        return record_inputs(
            [project.env, *revisions],
            set(sys.modules) - imported_before,
            rootdir=self._rootdir,
            since=since,
        )

    def changed(self, inputs: Mapping[str, str]) -> list[str]:
        """Return those files of an earlier `build` that are not as they were."""
        return changed_inputs(inputs, self._rootdir)

    def _read(self) -> tuple[AlembicProject, dict[Path, str]]:
        project = read_project(self._ini, self._toml)
        revisions = project.revisions()
        if not revisions:
            folders = ", ".join(str(folder) for folder in project.versions)
            raise NoRevisionsError(project.config, reason=f"{folders} holds no revision")
        return project, revisions


def _upgrade(project: AlembicProject) -> None:
    from alembic import command  # noqa: PLC0415 - only a build pays for it
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    config = _config(project)
    script = ScriptDirectory.from_config(config)
    heads = script.get_heads()
    if len(heads) > 1 and not _labelled_apart(script, heads):
        files = [(head, Path(script.get_revision(head).path)) for head in heads]
        raise SeveralHeadsError(project.config, heads=files)
    command.upgrade(config, "heads" if len(heads) > 1 else "head")


def _config(project: AlembicProject) -> Config:
    from alembic.config import Config  # noqa: PLC0415 - only a build pays for it

    # Before 1.16, Alembic did not know pyproject.toml.
    toml = {"toml_file": str(project.toml)} if project.toml else {}
    ini = str(project.ini.absolute()) if project.ini else None
    config = Config(ini, stdout=io.StringIO(), **toml)  # type: ignore[arg-type]
    if Path.cwd() != project.config.absolute().parent:
        # Alembic takes relative paths from the current folder; the file's own folder is meant.
        config.set_main_option("script_location", _escaped(project.folder))
        # The second is what the first was called before 1.16.
        config.set_main_option("path_separator", "os")
        config.set_main_option("version_path_separator", "os")
        config.set_main_option("version_locations", _escaped(*project.versions))
        config.set_main_option("prepend_sys_path", _escaped(*project.sys_path))
    return config


def _escaped(*paths: Path | str) -> str:
    return os.pathsep.join(str(path) for path in paths).replace("%", "%%")


def _labelled_apart(script: ScriptDirectory, heads: list[str]) -> bool:
    """Tell whether each head has a branch label that no other has: then the branches are meant."""
    labels = [script.get_revision(head).branch_labels for head in heads]
    counts = Counter(label for some in labels for label in some)
    return all(any(counts[label] == 1 for label in some) for some in labels)


@contextlib.contextmanager
def _search_path(project: AlembicProject) -> Iterator[None]:
    """Put `prepend_sys_path` before everything else on `sys.path`, and take it away again.

    Alembic prepends as well, each time that it reads the configuration, and leaves it there. The
    list is not replaced as a whole: another thread may have added to it meanwhile.
    """
    names = {*project.sys_path, *project.prepended}
    before = Counter(sys.path)
    sys.path[:0] = project.sys_path
    try:
        yield
    finally:
        for name in names:
            while sys.path.count(name) > before[name]:
                sys.path.remove(name)


def _explained(
    error: BaseException, project: AlembicProject, revisions: dict[Path, str]
) -> RevisionError | MigrationEnvironmentError:
    """Find out which file of the migrations was running when it failed."""
    places = [
        (Path(frame.filename).resolve(), frame.lineno)
        for frame in traceback.extract_tb(error.__traceback__)
    ]
    if isinstance(error, SyntaxError) and error.filename:
        places.append((Path(error.filename).resolve(), error.lineno))
    folders = [folder.resolve() for folder in project.versions]
    for file, line in reversed(places):
        if file in revisions or (file.parent in folders and file.suffix == ".py"):
            return RevisionError(revisions.get(file), file=file, line=line, error=error)
    inside = [
        (file, line) for file, line in places if file.is_relative_to(project.folder.resolve())
    ]
    file, line = inside[-1] if inside else (project.config, None)
    return MigrationEnvironmentError(file, line=line, error=error)
