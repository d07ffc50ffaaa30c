"""An application in the module `bazaar.main`, loaded by its name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_oneloop.application import load_application
from pytest_oneloop.options import Value

if TYPE_CHECKING:
    from pathlib import Path

MAIN = """\
from types import SimpleNamespace
from fastapi import FastAPI

application = FastAPI()
inner = SimpleNamespace(api=application)
number = 3

def create_application():
    return application

def create_nothing():
    pass

def create_from(settings):
    return application

def create_badly():
    return application.no_such_thing

async def create_later():
    return application
"""


def load(project: Path, setting: str | None) -> object:
    return load_application(Value(setting, "ONELOOP_APP"), rootdir=project)
