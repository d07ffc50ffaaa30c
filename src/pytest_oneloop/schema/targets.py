"""A schema that is named by `package.module:name`."""

from __future__ import annotations

import difflib
import importlib
import pkgutil
import sys
import time
import warnings
from typing import TYPE_CHECKING, Any

from pytest_oneloop.errors import OneloopError
from pytest_oneloop.errors.schema import SchemaBuildError, SchemaTargetError, words_of
from pytest_oneloop.schema.callables import CallableSource
from pytest_oneloop.schema.inputs import changed_inputs, project_place, record_inputs
from pytest_oneloop.schema.loggers import untouched_logging
from pytest_oneloop.schema.metadata import MetadataSource
from pytest_oneloop.schema.proxies import untouched_proxies

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path


class TargetSource:
    """Build what an object of the project describes: a metadata object, or a function.

    Nothing is imported before the first fingerprint is asked for.

    Args:
        target: What the user wrote: `shop.models:Base`.
        source: Where it was set, for the errors.
        rootdir: The root of the project.
        dialect: The name of SQLAlchemy's dialect of the database.
    """

    def __init__(
        self, target: str, *, source: str, rootdir: Path, dialect: str = "postgresql"
    ) -> None:
        self._dialect = dialect
        self._target = target
        self._source = source
        self._rootdir = rootdir
        self._found: MetadataSource | CallableSource | None = None

    @property
    def name(self) -> str:
        """`metadata shop.models:Base`; without the kind before anything was imported."""
        return f"{self._found.kind} {self._target}" if self._found else self._target

    def describe(self) -> str:
        """Return what the user wrote. Imports nothing."""
        return self._target

    def fingerprint(self) -> str:
        """Return the digest of what the object describes; imports it.

        Raises:
            SchemaTargetError: The name leads to nothing that can be used.
            EmptyMetadataError: It is a metadata object without tables.
            SchemaBuildError: Its statements cannot be written.
        """
        found = self._find()
        try:
            return found.fingerprint()
        except OneloopError:
            raise
        except Exception as error:
            raise self._explained(error) from error

    def build(self) -> dict[str, str]:
        """Create the schema in this thread, which must have no running event loop.

        Logging and warnings are as before when it returns.

        Returns:
            The project's files that were imported, with their digests.

        Raises:
            SchemaTargetError: The name leads to nothing that can be used.
            SchemaBuildError: It raised.
        """
        since = time.time()
        imported_before = set(sys.modules)
        found = self._find()
        with untouched_logging(), untouched_proxies(), warnings.catch_warnings():
            # What a schema warns of is for those who run it, not for the tests, which may turn
            # every warning into an error.
            warnings.simplefilter("ignore")
            try:
                found.create()
            except OneloopError:
                raise
            except (Exception, SystemExit) as error:
                raise self._explained(error) from error
        return record_inputs(
            found.entry_files(),
            set(sys.modules) - imported_before,
            rootdir=self._rootdir,
            since=since,
        )

    def changed(self, inputs: Mapping[str, str]) -> list[str]:
        """Return those files of an earlier `build` that are not as they were."""
        return changed_inputs(inputs, self._rootdir)

    def _explained(self, error: BaseException) -> SchemaBuildError:
        return SchemaBuildError(self._target, place=project_place(error), error=error)

    def _find(self) -> MetadataSource | CallableSource:
        if self._found is None:
            self._found = self._of_kind(self._load())
        return self._found

    def _of_kind(self, found: Any) -> MetadataSource | CallableSource:
        from sqlalchemy import MetaData  # noqa: PLC0415 - only a run that needs it pays

        for one in (found, getattr(found, "metadata", None)):
            if isinstance(one, MetaData):
                return MetadataSource(self._target, one, self._dialect)
        if not callable(found):
            kind = type(found).__name__
            reason = f"it is a {kind}, not a MetaData, a declarative base, or a function"
            raise self._error(reason)
        wanted = CallableSource.wanted_arguments(found)
        if wanted > 1:
            reason = f"the function wants {wanted} arguments; it is given a connection, or nothing"
            raise self._error(reason)
        return CallableSource(self._target, found, self._dialect)

    def _load(self) -> object:
        module_name, colon, path = self._target.partition(":")
        if not module_name or not path:
            missing = "the colon and a name after it" if not colon else "a name beside the colon"
            raise self._error(f"{missing} is missing")
        found: object = self._import(module_name)
        for name in path.split("."):
            if not hasattr(found, name):
                near = difflib.get_close_matches(name, dir(found), n=2)
                where = "the module" if found is sys.modules.get(module_name) else f"{found!r}"
                raise self._error(f"{where} has no {name!r}", near)
            found = getattr(found, name)
        return found

    def _import(self, name: str) -> object:
        try:
            return importlib.import_module(name)
        except ModuleNotFoundError as error:
            missing = error.name or ""
            if name == missing or name.startswith(f"{missing}."):
                reason = f"there is no module {missing!r}"
                raise self._error(reason, _near_modules(missing)) from error
            raise self._failed(name, error) from error
        except (Exception, SystemExit) as error:
            raise self._failed(name, error) from error

    def _failed(self, name: str, error: BaseException) -> SchemaTargetError:
        place = project_place(error)
        where = f", at {place}" if place else ""
        return self._error(f"importing {name} failed{where}: {words_of(error)}")

    def _error(self, reason: str, near: Iterable[str] = ()) -> SchemaTargetError:
        return SchemaTargetError(self._target, source=self._source, reason=reason, near=tuple(near))


def _near_modules(missing: str) -> list[str]:
    """Return the modules that lie where the missing one should, and are called much like it."""
    parent, dot, name = missing.rpartition(".")
    path = getattr(sys.modules.get(parent), "__path__", None) if parent else None
    # Whatever Python itself brings is not what was meant.
    names = {module.name for module in pkgutil.iter_modules(path)} - sys.stdlib_module_names
    return [f"{parent}{dot}{near}" for near in difflib.get_close_matches(name, names, n=2)]
