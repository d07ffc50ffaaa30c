"""The proxy that the demonstration counts with; the tests count with it as well."""

from __future__ import annotations

from pytest_oneloop.demo.proxy import CountingProxy
from pytest_oneloop.demo.traffic import Traffic

__all__ = ["CountingProxy", "Traffic"]
