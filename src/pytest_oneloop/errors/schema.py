"""Why a schema could not be built: one class per mistake that projects make."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pytest_oneloop.errors import SetupError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def words_of(error: BaseException) -> str:
    """Return an error's type and text, without advertisement and on few lines."""
    lines = [line.strip() for line in str(error).splitlines()]
    kept = [line for line in lines if line and not line.startswith("(Background on this error")]
    return f"{type(error).__name__}: {' '.join(kept)}" if kept else type(error).__name__


def _place(file: Path, line: int | None) -> str:
    return f"{file}:{line}" if line else str(file)


class SchemaTargetError(SetupError):
    """`oneloop_schema` names something that cannot be used.

    Args:
        target: The text of the setting.
        source: Where it was set.
        reason: What is wrong, as a whole sentence without its full stop.
        near: Names that exist and look alike.
        root: Where relative paths start, if what is missing is a file; else `None`.
    """

    code: ClassVar[str] = "OL111"

    def __init__(
        self,
        target: str,
        *,
        source: str,
        reason: str,
        near: Sequence[str] = (),
        root: Path | None = None,
    ) -> None:
        self.target = target
        self.source = source
        self.reason = reason
        self.near = tuple(near)
        self.root = root
        meant = f" Did you mean {' or '.join(self.near)}?" if self.near else ""
        super().__init__(
            f"The schema {target!r} (set by {source}) cannot be used: {reason}.{meant}",
            why="the name is misspelt, or the package cannot be imported from where pytest runs."
            if root is None
            else f"the path is misspelt, or is not written as from the root folder {root}.",
            instead=(
                'write "alembic", "alembic:path/to/alembic.ini" or '
                '"package.module:name" (a MetaData, a declarative base, or a function that creates '
                "the tables); "
                "pytest's setting pythonpath says where packages are found."
            )
            if root is None
            else (
                "correct the path, which may be absolute too; "
                '"alembic" alone finds the alembic.ini or pyproject.toml of the project.'
            ),
        )


class NoRevisionsError(SetupError):
    """Alembic is configured, and has nothing to run.

    Args:
        config: The file that configures Alembic.
        reason: What is missing, as a whole sentence without its full stop.
    """

    code: ClassVar[str] = "OL112"

    def __init__(self, config: Path, *, reason: str) -> None:
        self.config = config
        self.reason = reason
        super().__init__(
            f"Alembic, as {config} configures it, has no revisions to build the database from: "
            f"{reason}.",
            why="the path in the file is wrong, or no revision has been written yet.",
            instead=(
                "correct script_location (or version_locations), or run: "
                "alembic revision --autogenerate; or set oneloop_schema to a MetaData, "
                'such as "package.models:Base".'
            ),
        )


class SeveralHeadsError(SetupError):
    """The revisions end in more than one head.

    Args:
        config: The file that configures Alembic.
        heads: Each head: its id, and the file it is in.
    """

    code: ClassVar[str] = "OL113"

    def __init__(self, config: Path, *, heads: Sequence[tuple[str, Path]]) -> None:
        self.config = config
        self.heads = tuple(heads)
        names = ", ".join(f"{name} ({file.name})" for name, file in self.heads)
        super().__init__(
            f"The revisions of {config} end in {len(self.heads)} heads: {names}.",
            why="two branches of the project each added a revision to the same parent.",
            instead=(
                f"alembic merge -m merge {' '.join(name for name, _ in self.heads)}; "
                "heads that are meant each carry a branch label of their own."
            ),
        )


class RevisionError(SetupError):
    """A revision raised while the template was migrated; `__cause__` is the original.

    Args:
        revision: The id of the revision; `None` when its file could not even be read.
        file: The file of the revision.
        line: The line in it that was running.
        error: The original error.
    """

    code: ClassVar[str] = "OL114"

    def __init__(
        self, revision: str | None, *, file: Path, line: int | None, error: BaseException
    ) -> None:
        self.revision = revision
        self.file = file
        self.line = line
        self.error = error
        name = f"The revision {revision}" if revision else "A revision"
        super().__init__(
            f"{name} failed on an empty database, at {_place(file, line)}: {words_of(error)}",
            why="the revision is wrong, or needs something that no earlier revision creates.",
            instead=f"correct {file.name}; it must run on an empty database: alembic upgrade head.",
        )


class MigrationEnvironmentError(SetupError):
    """Alembic itself, or `env.py`, raised; `__cause__` is the original.

    Args:
        file: The file that was running, or the one that configures Alembic.
        line: The line in it, where known.
        error: The original error.
    """

    code: ClassVar[str] = "OL115"

    def __init__(self, file: Path, *, line: int | None, error: BaseException) -> None:
        self.file = file
        self.line = line
        self.error = error
        super().__init__(
            f"The migration failed outside of any revision, at {_place(file, line)}: "
            f"{words_of(error)}",
            why=(
                "env.py needs something that is not there while tests run, such as an environment "
                "variable, or the configuration of Alembic is wrong."
            ),
            instead=(
                f"correct {file.name}; this must work on an empty database: alembic upgrade head."
            ),
        )


class SchemaBuildError(SetupError):
    """A metadata object or a callable raised; `__cause__` is the original.

    Args:
        target: What `oneloop_schema` names.
        place: The file and line of the project that was running, where known.
        error: The original error.
    """

    code: ClassVar[str] = "OL116"

    def __init__(self, target: str, *, place: str | None, error: BaseException) -> None:
        self.target = target
        self.place = place
        self.error = error
        where = f", at {place}" if place else ""
        super().__init__(
            f"The schema {target!r} could not be created in an empty database{where}: "
            f"{words_of(error)}",
            why="something in it needs what an empty database does not have.",
            instead=(
                "correct it, or let oneloop_schema name a function that first creates what it "
                "needs, such as an extension."
            ),
        )


class EmptyMetadataError(SetupError):
    """The metadata object holds no table.

    Args:
        target: What `oneloop_schema` names.
    """

    code: ClassVar[str] = "OL117"

    def __init__(self, target: str) -> None:
        self.target = target
        super().__init__(
            f"The metadata {target!r} holds no table.",
            why="the modules with the models have not been imported, so it knows none of them.",
            instead=(
                "let oneloop_schema name it through a module that imports every model, such as "
                "package.models:Base."
            ),
        )


class MissingAlembicError(SetupError):
    """The project has Alembic's files, and Alembic is not installed.

    Args:
        config: The file that configures Alembic.
    """

    code: ClassVar[str] = "OL118"

    def __init__(self, config: Path) -> None:
        self.config = config
        super().__init__(
            f"{config} asks for Alembic, and Alembic is not installed.",
            why="pytest runs in another environment than the application.",
            instead="pip install alembic",
        )


class SchemaChangedError(SetupError):
    """The schema's files changed while the template was built from them.

    Args:
        description: The schema, as the header shows it.
    """

    code: ClassVar[str] = "OL119"

    def __init__(self, description: str) -> None:
        self.description = description
        super().__init__(
            f"The files of the schema ({description}) changed while the template was built.",
            why="an editor or a version control command wrote them at that moment.",
            instead="run the tests again.",
        )
