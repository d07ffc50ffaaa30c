"""The contract's transactions, through the drivers of MySQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from contract.test_contract_transactions import IN_EVERY_POOL, IN_ONE_POOL

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Engine

    from tools.mysql_laboratory import MySQLLaboratory

PORTABLE = [body for body in (*IN_EVERY_POOL, *IN_ONE_POOL) if callable(body)]
"""Those that need nothing that MySQL lacks: a mark makes another of the rest."""


@pytest.mark.parametrize("body", PORTABLE)
def test_transactions(mysql_lab: MySQLLaboratory, body: Callable[[Engine], None]) -> None:
    mysql_lab.check(body)
