"""pytest's hooks: argument handling, then one call."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from pytest_oneloop.loops.scopes import default_loop_scopes, follow_fixtures, runner_of
from pytest_oneloop.options import MAP_FLAG, MAP_HELP, MAP_NAME, MARK_HELP, OPTIONS

if TYPE_CHECKING:
    from collections.abc import Generator
    from types import ModuleType

    from pytest_oneloop.choices import Choices
    from pytest_oneloop.loops.scopes import LoopScopes
    from pytest_oneloop.report.diagnosis import Explainer
    from pytest_oneloop.report.summary import Account
    from pytest_oneloop.run import TestRun

RUN: pytest.StashKey[TestRun] = pytest.StashKey()
"""The run, in `config.stash`."""

SCOPES: pytest.StashKey[LoopScopes | None] = pytest.StashKey()
"""The loop scopes that hold, in `config.stash`."""

ACCOUNTS: pytest.StashKey[list[Account]] = pytest.StashKey()
"""What each process of the run has done, in `config.stash`."""

CHOICES: pytest.StashKey[Choices] = pytest.StashKey()
"""The strategies of the tests, in `config.stash`."""

EXPLAINER: pytest.StashKey[Explainer | None] = pytest.StashKey()
"""What watches the loops, in `config.stash`; `None` if nobody wants to know."""

SEEN: pytest.StashKey[list[BaseException]] = pytest.StashKey()
"""The errors that a test has shown, in `item.stash`."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options."""
    group = parser.getgroup("oneloop", "pytest-oneloop")
    for option in OPTIONS:
        group.addoption(
            option.flag, dest=option.name, metavar=option.metavar, default=None, help=option.help
        )
        parser.addini(option.name, option.help, type=option.ini_type, default=None)
    group.addoption(MAP_FLAG, dest=MAP_NAME, metavar="FILE.html", help=MAP_HELP)


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config, parser: pytest.Parser) -> None:
    """Choose the loop scopes, and answer for every engine before a conftest can make one."""
    flags = early_config.known_args_namespace
    if flags.version or flags.help:
        return
    from pytest_oneloop.start import close_run, make_run  # noqa: PLC0415 - not for `pytest --version`

    early_config.stash[SCOPES] = default_loop_scopes(parser, early_config.getini)
    early_config.stash[RUN] = run = make_run(early_config)
    early_config.add_cleanup(partial(close_run, run))
    run.start()


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Join the other workers of the run, and add the fixtures for the runners that are here."""
    from pytest_oneloop import fixtures  # noqa: PLC0415 - not for `pytest --version`

    config.addinivalue_line("markers", MARK_HELP)

    # xdist says so only now, when conftest files have been loaded.
    worker: dict[str, str] | None = getattr(config, "workerinput", None)
    if worker is not None:
        config.stash[RUN].join(run_id=worker["testrunuid"], worker=worker["workerid"])
    config.stash[EXPLAINER] = None
    if RUN in config.stash:  # there is none for `pytest --help`
        from pytest_oneloop.start import make_explainer  # noqa: PLC0415

        run, scopes = config.stash[RUN], config.stash[SCOPES]
        config.stash[EXPLAINER] = make_explainer(run, config, scopes, worker)
    modules: list[ModuleType] = [fixtures]
    if config.pluginmanager.hasplugin("asyncio"):
        from pytest_oneloop import fixtures_asyncio  # noqa: PLC0415 - only beside pytest-asyncio

        modules.append(fixtures_asyncio)
    for module in modules:
        if not config.pluginmanager.is_registered(module):
            config.pluginmanager.register(module)


def pytest_sessionstart(session: pytest.Session) -> None:
    """Read what is remembered of the tests, now that pytest's cache is there."""
    from pytest_oneloop.choices import Choices  # noqa: PLC0415 - not for `pytest --version`

    config = session.config
    config.stash[CHOICES] = Choices(config.stash[RUN], getattr(config, "cache", None))
    config.pluginmanager.register(config.stash[CHOICES])


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Let tests follow the loop scope of fixtures, where a project has set that alone."""
    scopes = config.stash[SCOPES]
    if scopes is not None and scopes.follows:
        follow_fixtures(scopes, items, pytest.mark.asyncio)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """Run a test in the sandbox, and let others run it if it needs a real database."""
    return item.config.stash[CHOICES].run_first(item, nextitem) or None


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, None, None]:
    """Begin a sandbox before the test's fixtures."""
    from pytest_oneloop.choices import CHOICE, UNREADY  # noqa: PLC0415 - as above

    item.stash[SEEN] = []
    item.stash[UNREADY] = []
    strategy = item.stash[CHOICE].strategy
    run = item.config.stash[RUN]
    try:
        run.scoped.before_test(real=strategy != "rollback")
    except BaseException as error:  # noqa: BLE001 - raised where other plugins are prepared for it
        item.stash[UNREADY].append(error)
    run.begin(item.nodeid, hosted=runner_of(item) == "sync", strategy=strategy)
    return (yield)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """Let the test note the loop that it runs on."""
    explainer = item.config.stash[EXPLAINER]
    replaced = explainer.watch_test(item) if explainer else None
    try:
        return (yield)
    finally:
        if replaced is not None:
            setattr(*replaced)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_fixture_setup(
    fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
) -> Generator[None, object, object]:
    """Let a fixture note its loop; let what one of a wider scope writes stay for its scope."""
    run = request.config.stash[RUN]
    test = run.router.sandbox.test
    explainer = request.config.stash[EXPLAINER]
    replaced = explainer.watch_fixture(fixturedef, test) if explainer else None
    wider = fixturedef.scope != "function"
    before = run.scoped.begin() if wider else None
    done = False
    try:
        result = yield
        done = True
    finally:
        if replaced is not None:
            setattr(*replaced)
        left_open = before is not None and run.scoped.end(fixturedef, request, before, done=done)
    if left_open:
        from pytest_oneloop.errors.sandbox import ScopedRowsWarning  # noqa: PLC0415 - if it is so

        warning = ScopedRowsWarning(fixture=fixturedef.argname, scope=fixturedef.scope, test=test)
        request.node.warn(warning)
    return result


def pytest_fixture_post_finalizer(
    fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
) -> None:
    """Let the rows of a fixture of a wider scope go with it."""
    if fixturedef.scope != "function":
        request.config.stash[RUN].scoped.finalized(fixturedef)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(
    item: pytest.Item, nextitem: pytest.Item | None
) -> Generator[None, None, None]:
    """End the sandbox after the test's fixtures; show what the application has swallowed."""
    from pytest_oneloop.choices import ENDING  # noqa: PLC0415 - not for `pytest --version`
    from pytest_oneloop.report.failures import raise_unseen, warn_of_left_open  # noqa: PLC0415

    run = item.config.stash[RUN]
    run.finish()
    try:
        result = yield
        run.scoped.tear_down()
    except BaseException:
        item.stash[ENDING] = run.end(last=nextitem is None)
        raise
    item.stash[ENDING] = ending = run.end(last=nextitem is None)
    warn_of_left_open(item, ending)
    raise_unseen(ending.problems, item.stash[SEEN])
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show an error that stops the run as its text alone, once; explain one of event loops."""
    from pytest_oneloop.report.emptiness import tell_of_empty_database  # noqa: PLC0415 - see below
    from pytest_oneloop.report.failures import show_failure  # noqa: PLC0415 - on first need

    report = yield
    if call.excinfo is not None:
        show_failure(item, call.excinfo.value, report, item.stash[SEEN])
        tell_of_empty_database(item.config.stash[RUN], item.stash[SEEN], report)
        explainer = item.config.stash[EXPLAINER]
        if explainer is not None and report.failed:
            explainer.explain(item, call.excinfo.value, report)
    item.config.stash[CHOICES].note(item, report)
    return report


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Say what the run will use."""
    from pytest_oneloop.report import header  # noqa: PLC0415 - not for `pytest --version`

    run = config.stash[RUN]
    lines = header.lines(run, config.stash[SCOPES], encoding=_encoding())
    return lines + (header.settings_lines(run.settings) if config.get_verbosity() > 0 else [])


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Count what this process has done; a worker hands it to xdist's controller."""
    from pytest_oneloop.report.summary import account  # noqa: PLC0415 - not for `pytest --version`

    done = account(session.config.stash[RUN])
    if not hasattr(session.config, "workeroutput"):
        session.config.stash[CHOICES].save()
    if done is None:
        return
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["oneloop"] = done.to_json()
    else:
        session.config.stash.setdefault(ACCOUNTS, []).append(done)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take what an xdist worker has done; one that crashed hands over nothing."""
    from pytest_oneloop.report.summary import Account  # noqa: PLC0415 - only beside xdist

    done = getattr(node, "workeroutput", {}).get("oneloop")
    if done:
        node.config.stash.setdefault(ACCOUNTS, []).append(Account(**done))


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Say under `-v` what the plugin did; in any case what people should know."""
    from pytest_oneloop.report.summary import (  # noqa: PLC0415 - not for `--version`
        shared_databases,
        summary_line,
    )

    accounts = config.stash.get(ACCOUNTS, [])
    line = summary_line(accounts, encoding=_encoding())
    lines = config.stash[CHOICES].lines() if config.get_verbosity() >= 0 else []
    for shared in shared_databases(accounts):
        lines += str(shared).splitlines()
    if line and config.get_verbosity() > 0:
        lines.append(line)
    if lines:
        terminalreporter.section("oneloop")
    for line in lines:
        terminalreporter.write_line(line)


def _encoding() -> str:
    return getattr(sys.stdout, "encoding", None) or "utf-8"
