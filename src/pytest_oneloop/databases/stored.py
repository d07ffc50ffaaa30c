"""Templates on a server that lives on: found again by name, built once by whoever comes first.

A finished template is never changed. Its name carries the fingerprint and something random, so
that two checkouts of one project may have different templates of one fingerprint; its comment
carries the facts, and is the mark that it is complete.
"""

from __future__ import annotations

import json
import secrets
from typing import TYPE_CHECKING, Any

from pytest_oneloop.databases.locks import lock_number, locked_numbers, server_lock
from pytest_oneloop.databases.postgresql import (
    Admin,
    administer,
    quote_literal,
    quote_name,
    sqlstate_of,
)
from pytest_oneloop.databases.templates import Schema, TemplateFacts, populate
from pytest_oneloop.errors.connection import DatabaseRightsError, ServerTimeoutError

if TYPE_CHECKING:
    import contextlib
    from collections.abc import Callable

    from pytest_oneloop.databases.address import ServerAddress

PREFIX = "oneloop_template_"
# Long enough never to meet by chance, short enough for a name of 63 bytes.
_DIGITS = 20
_MARK = "oneloop_template"
_FORMAT = 1
_STAMP_SECONDS = 600
_INSUFFICIENT_PRIVILEGE = "42501"
_NO_SUCH_DATABASE = "3D000"


def ensure_template(
    address: ServerAddress,
    source: Schema,
    *,
    fingerprint: str,
    redirect: Callable[[str], contextlib.AbstractContextManager[None]],
    timeout: float,
) -> tuple[str, TemplateFacts, bool]:
    """Find the template of that fingerprint, or build it.

    Finding costs one connection and one query. Several processes at once build once: the others
    wait. What a crashed build left is dropped. Must be called on a thread without a running loop.

    Args:
        address: The server.
        source: What to build it from.
        fingerprint: A digest of everything it depends on (see `schema.fingerprint`).
        redirect: As `populate` wants it.
        timeout: Seconds to wait for another process that builds it.

    Returns:
        The database's name, its facts, and whether this call built it.

    Raises:
        ServerTimeoutError: Another process did not finish building it in time.
        DatabaseRightsError: The role may not create databases.
        SetupError: The schema cannot be built; the source says why.
    """
    found = _find(address, source, fingerprint)
    if found:
        return (*found, False)
    with server_lock(address, lock_key(fingerprint), timeout=timeout):
        found = _find(address, source, fingerprint)
        if found:
            return (*found, False)
        name = f"{_stem(fingerprint)}{secrets.token_hex(4)}"
        administer(address, lambda admin: _begin(admin, address, fingerprint, name))
        try:
            facts = populate(address, name, source, redirect, fingerprint=fingerprint)
            administer(address, lambda admin: _finish(admin, address, name, facts))
        except BaseException as error:
            try:
                administer(address, lambda admin: drop(admin, name))
            except Exception as second:  # noqa: BLE001 - the first error is the one to show
                error.add_note(f"{name} could not be dropped either; a later run will: {second}")
            raise
    return name, facts, True


def lock_key(fingerprint: str) -> str:
    """Return the name of the lock that the builder of a template holds."""
    return f"template {fingerprint[:_DIGITS]}"


def lock_key_of(name: str) -> str:
    """Return the name of the lock that the builder of the template with that name held."""
    return f"template {name.removeprefix(PREFIX).partition('_')[0]}"


def marks(admin: Admin, like: str = PREFIX) -> dict[str, dict[str, Any] | None]:
    """Return the templates whose names start with `like`: their marks, `None` if incomplete.

    Those of roles whose databases this one may not drop are left out.
    """
    rows = admin.rows(
        "SELECT datname, shobj_description(oid, 'pg_database') FROM pg_database "
        "WHERE starts_with(datname, {}) AND pg_has_role(datdba, 'USAGE') ORDER BY oid DESC",
        like,
    )
    return {str(name): _read_mark(comment) for name, comment in rows}


def drop(admin: Admin, name: str) -> None:
    """Drop a database, template or not, together with the sessions that it still has."""
    rows = admin.rows("SELECT datistemplate FROM pg_database WHERE datname = {}", name)
    if not rows:
        return
    if rows[0][0]:
        try:
            admin.execute(f"ALTER DATABASE {quote_name(name)} WITH IS_TEMPLATE false")
        except Exception as error:
            if sqlstate_of(error) == _NO_SUCH_DATABASE:
                # Another process dropped it between the two statements.
                return
            raise
    admin.wait_until_unused(name, seconds=0.1)
    admin.execute(f"DROP DATABASE IF EXISTS {quote_name(name)} WITH (FORCE)")


def _stem(fingerprint: str) -> str:
    return f"{PREFIX}{fingerprint[:_DIGITS]}_"


def _read_mark(comment: object) -> dict[str, Any] | None:
    try:
        mark = json.loads(str(comment))
    except ValueError:
        return None
    if not isinstance(mark, dict) or mark.get(_MARK) != _FORMAT:
        return None
    return mark


def _write_mark(admin: Admin, name: str, facts: TemplateFacts) -> None:
    [(now,)] = admin.rows("SELECT extract(epoch FROM now())::bigint")
    mark = {_MARK: _FORMAT, "used": int(str(now)), "facts": facts.to_json()}
    comment = quote_literal(json.dumps(mark))
    admin.execute(f"COMMENT ON DATABASE {quote_name(name)} IS {comment}")


def _find(
    address: ServerAddress, source: Schema, fingerprint: str
) -> tuple[str, TemplateFacts] | None:
    def look(admin: Admin) -> tuple[str, TemplateFacts] | None:
        [(now,)] = admin.rows("SELECT extract(epoch FROM now())::bigint")
        for name, mark in marks(admin, _stem(fingerprint)).items():
            if mark is None:
                continue
            facts = TemplateFacts.from_json(mark["facts"])
            if facts.fingerprint != fingerprint or source.changed(facts.inputs):
                continue
            if int(str(now)) - int(mark["used"]) > _STAMP_SECONDS:
                # A template in use is not swept away.
                _write_mark(admin, name, facts)
            return name, facts
        return None

    return administer(address, look, task="list its templates")


def _begin(admin: Admin, address: ServerAddress, fingerprint: str, name: str) -> None:
    # Under the lock, an incomplete template is one whose builder has died; unless another session
    # holds the lock from another database of the server, which the lock does not exclude.
    for left_over, mark in marks(admin, _stem(fingerprint)).items():
        if mark is None and not _built_elsewhere(admin, fingerprint):
            drop(admin, left_over)
    try:
        admin.execute(f"CREATE DATABASE {quote_name(name)}")
    except Exception as error:
        if sqlstate_of(error) == _INSUFFICIENT_PRIVILEGE:
            reason = str(error).splitlines()[0]
            raise DatabaseRightsError(address, reason=reason) from error
        raise


def _built_elsewhere(admin: Admin, fingerprint: str) -> bool:
    number = lock_number(lock_key(fingerprint))
    if number not in locked_numbers(admin):
        return False
    [(elsewhere,)] = admin.rows(
        "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database "
        "WHERE locktype = 'advisory' AND objsubid = 1 AND granted "
        "AND (classid::bigint << 32) | objid::bigint = {}::bigint "
        "AND datname <> current_database()",
        str(number),
    )
    return int(str(elsewhere)) > 0


def _finish(admin: Admin, address: ServerAddress, name: str, facts: TemplateFacts) -> None:
    quoted = quote_name(name)
    admin.execute(f"ALTER DATABASE {quoted} WITH ALLOW_CONNECTIONS false IS_TEMPLATE true")
    # A template that has sessions cannot be cloned; a project's pool may still hold some.
    if not admin.wait_until_unused(name, seconds=0.1):
        admin.rows(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = {}", name
        )
        if not admin.wait_until_unused(name, seconds=10):
            raise ServerTimeoutError(address, task=f"end the sessions of {name}", seconds=10)
    _write_mark(admin, name, facts)
