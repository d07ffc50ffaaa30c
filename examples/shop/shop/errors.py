"""What the shop refuses to do, and the HTTP status that says so."""

from fastapi import Request
from fastapi.responses import JSONResponse


class ShopError(Exception):
    status_code = 400


class NotFoundError(ShopError):
    status_code = 404


class ConflictError(ShopError):
    status_code = 409


class BusyError(ShopError):
    status_code = 503


async def answer_shop_error(_request: Request, error: ShopError) -> JSONResponse:
    return JSONResponse({"detail": str(error)}, status_code=error.status_code)
