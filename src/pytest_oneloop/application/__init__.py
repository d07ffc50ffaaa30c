"""The application under test: found by its name, started up, and given an HTTP client."""

from pytest_oneloop.application.http import client
from pytest_oneloop.application.lifespan import LIFESPAN_DEADLINE, ASGIApplication, Lifespan
from pytest_oneloop.application.loading import check_application, load_application

__all__ = [
    "LIFESPAN_DEADLINE",
    "ASGIApplication",
    "Lifespan",
    "check_application",
    "client",
    "load_application",
]
