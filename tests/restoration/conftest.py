"""A template with all kinds of tables, and clones of it."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest

from tools.difference import Picture, picture
from tools.restorations import Restored, clone_of, template_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_oneloop.databases.address import ServerAddress

_numbers = itertools.count()


@pytest.fixture(scope="session")
def template(tcp_server: ServerAddress) -> Iterator[ServerAddress]:
    with template_of(tcp_server) as address:
        yield address


@pytest.fixture(scope="session")
def template_picture(template: ServerAddress) -> Picture:
    return picture(template, template.database)


@pytest.fixture
def clone(template: ServerAddress) -> Iterator[ServerAddress]:
    with clone_of(template, f"oneloop_restored_{next(_numbers)}") as address:
        yield address


@pytest.fixture
def restored(
    template: ServerAddress, clone: ServerAddress, template_picture: Picture
) -> Iterator[Restored]:
    with Restored(clone, template.database, template_picture, clone) as restored:
        yield restored


@pytest.fixture(scope="module")
def lasting(template: ServerAddress, template_picture: Picture) -> Iterator[Restored]:
    """One clone for all tests of a module, which is put back by what is tested."""
    name = f"oneloop_restored_{next(_numbers)}"
    with (
        clone_of(template, name) as address,
        Restored(address, template.database, template_picture, address) as one,
    ):
        yield one
