"""The audit log: one row for each request that may change something."""

from collections.abc import Awaitable, Callable

from fastapi import Request, Response

from shop.database import SessionMaker
from shop.models import AuditEntry

READS = {"GET", "HEAD", "OPTIONS"}


async def write_audit_log(
    request: Request, call_next: Callable[[Request], Awaitable[Response]]
) -> Response:
    """Log the request in a session of its own, so that a refused change is logged too."""
    response = await call_next(request)
    if request.method not in READS:
        async with SessionMaker.begin() as session:
            session.add(
                AuditEntry(
                    method=request.method, path=request.url.path, status=response.status_code
                )
            )
    return response
