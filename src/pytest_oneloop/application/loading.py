"""The application, found by its name: `shop.main:app`, or `shop.main:create_app()`.

It is imported as a test would import it. `sys.path` is left as pytest has made it: an entry that
the plugin added would let `import shop` work in tests that fail as soon as the plugin is
off, and would change which of two modules of one name is found. Where the project's root folder,
or `src` in it, holds the module, the error says which line of configuration adds that folder.
"""

from __future__ import annotations

import inspect
import sys
import sysconfig
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from traceback import extract_tb
from typing import TYPE_CHECKING, cast

from pytest_oneloop.errors.application import (
    ApplicationAttributeError,
    ApplicationFactoryError,
    ApplicationImportError,
    ApplicationNotConfiguredError,
    NotAnApplicationError,
)

if TYPE_CHECKING:
    from types import ModuleType

    from pytest_oneloop.application.lifespan import ASGIApplication
    from pytest_oneloop.options import Value

_SOURCE_FOLDERS = (".", "src")


def load_application(setting: Value[str | None], *, rootdir: Path) -> ASGIApplication:
    """Import the application that the setting names, and call it where the setting says so.

    Args:
        setting: `module:attribute`, with dots in both if need be, and `()` for a factory.
        rootdir: pytest's root folder, looked into only to explain why an import failed.

    Raises:
        ApplicationNotConfiguredError: Nothing is set.
        ApplicationImportError: The module is not there, or fails.
        ApplicationAttributeError: The module has nothing of that name.
        ApplicationFactoryError: The factory raised.
        NotAnApplicationError: What is there is not an ASGI application.
    """
    if setting.value is None:
        raise ApplicationNotConfiguredError
    module_name, _, path = setting.value.partition(":")
    found: object = _import(module_name, setting.value, setting.source, rootdir)
    owner = module_name
    for name in path.removesuffix("()").split("."):
        if not hasattr(found, name):
            near = tuple(get_close_matches(name, [n for n in dir(found) if n[:2] != "__"]))
            raise ApplicationAttributeError(
                setting=setting.value, source=setting.source, owner=owner, name=name, near=near
            )
        found = getattr(found, name)
        owner = f"{owner}.{name}"
    if path.endswith("()"):
        found = _call(found, setting.value, setting.source)
    return check_application(found, name=setting.value, source=setting.source)


def check_application(found: object, *, name: str, source: str) -> ASGIApplication:
    """Return `found` if it can be an ASGI application.

    Args:
        found: Any object; also what a project's own fixture returned.
        name: What to call it in an error.
        source: Where it comes from.

    Raises:
        NotAnApplicationError: It cannot.
    """
    factory = _is_factory(found)
    if factory or not _takes_a_scope(found):
        if inspect.iscoroutine(found):
            found.close()  # or Python warns that nobody awaited it
        raise NotAnApplicationError(
            setting=name, source=source, found=_description(found), factory=factory
        )
    return cast("ASGIApplication", found)


def _import(module: str, setting: str, source: str, rootdir: Path) -> ModuleType:
    try:
        return import_module(module)
    except (Exception, SystemExit) as error:
        missing = getattr(error, "name", None) if isinstance(error, ModuleNotFoundError) else None
        ours = missing is not None and f"{module}.".startswith(f"{missing}.")
        raise ApplicationImportError(
            setting=setting,
            source=source,
            module=module,
            error=f"{type(error).__name__}: {error}",
            place=None if ours else _place_of(error),
            near=_modules_near(missing, rootdir) if ours and missing else (),
            pythonpath=_folder_with(missing, rootdir) if ours and missing else None,
            absent=None if ours else missing,
        ) from error


def _call(factory: object, setting: str, source: str) -> object:
    if not callable(factory):
        raise NotAnApplicationError(
            setting=setting,
            source=source,
            found=f"{_description(factory)}, which cannot be called",
            factory=False,
        )
    try:
        return factory()
    except (Exception, SystemExit) as error:
        raise ApplicationFactoryError(
            setting=setting,
            source=source,
            error=f"{type(error).__name__}: {error}",
            place=_place_of(error),
        ) from error


def _place_of(error: BaseException) -> str | None:
    """Return where the error was raised: the last line of the project's own code, if any."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}:{error.lineno}"
    frames = [
        frame
        for frame in extract_tb(error.__traceback__)
        if not frame.filename.startswith("<") and frame.filename != __file__
    ]
    own = [frame for frame in frames if not _is_installed(frame.filename)]
    # The standard library's own import function is on the way to every module, ours included.
    chosen = own or [frame for frame in frames if "importlib" not in Path(frame.filename).parts]
    return f"{chosen[-1].filename}:{chosen[-1].lineno}" if chosen else None


def _is_installed(filename: str) -> bool:
    path = Path(filename)
    return bool({"site-packages", "dist-packages"} & set(path.parts)) or path.is_relative_to(
        sysconfig.get_path("stdlib")
    )


def _folder_with(missing: str, rootdir: Path) -> str | None:
    """Return the folder of the project that holds the module, though Python does not look there."""
    for folder in _SOURCE_FOLDERS:
        place = rootdir / folder / missing
        if place.is_dir() or place.with_suffix(".py").is_file():
            return folder
    return None


def _modules_near(missing: str, rootdir: Path) -> tuple[str, ...]:
    package, dot, _ = missing.rpartition(".")
    searched = (
        list(getattr(sys.modules.get(package), "__path__", ()))
        if package
        else [*sys.path, *(str(rootdir / folder) for folder in _SOURCE_FOLDERS)]
    )
    names = {f"{package}{dot}{module.name}" for module in iter_modules(searched)}
    # Whatever Python itself brings is not what was meant.
    names -= {missing, *sys.stdlib_module_names}
    return tuple(get_close_matches(missing, sorted(names)))


def _is_factory(found: object) -> bool:
    """Whether it is a plain function that can be called with nothing."""
    return (
        inspect.isroutine(found)
        and not inspect.iscoroutinefunction(found)
        and _can_be_called(found, 0)
    )


def _takes_a_scope(found: object) -> bool:
    if isinstance(found, type):
        # A class is an application when its instances are what is awaited.
        return hasattr(found, "__await__") and _can_be_called(found, 3)
    return callable(found) and _can_be_called(found, 3)


def _can_be_called(found: object, arguments: int) -> bool:
    if not callable(found):
        return False
    try:
        inspect.signature(found).bind(*range(arguments))
    except TypeError:
        return False
    except ValueError:  # a compiled callable that does not say what it takes
        return True
    return True


def _description(found: object) -> str:
    if found is None:
        return "None"
    if isinstance(found, type):
        return f"the class {found.__qualname__}"
    if inspect.ismodule(found):
        return f"the module {found.__name__}"
    if inspect.isroutine(found):
        return f"the function {found.__qualname__}{_signature_of(found)}"
    return f"an object of the class {type(found).__module__}.{type(found).__qualname__}"


def _signature_of(function: object) -> str:
    try:
        names = inspect.signature(cast("type", function)).parameters
    except (TypeError, ValueError):
        return ""
    return f"({', '.join(names)})"
