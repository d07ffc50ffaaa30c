import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypedDict

from sqlalchemy import delete, func, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from notes.tables import notes, tags, visits

URL = os.environ.get("DATABASE_URL", "postgresql://notes:secret@db.invalid/notes")


class State(TypedDict):
    engine: AsyncEngine


@asynccontextmanager
async def lifespan(_app: Starlette) -> AsyncIterator[State]:
    engine = create_async_engine(URL.replace("postgresql://", "postgresql+asyncpg://"))
    yield {"engine": engine}
    await engine.dispose()


class CountVisits:
    """Pure ASGI middleware with a transaction of its own."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            async with scope["state"]["engine"].begin() as connection:
                await connection.execute(insert(visits).values(path=scope["path"]))
        await self.app(scope, receive, send)


async def list_notes(request: Request) -> JSONResponse:
    async with request.state.engine.connect() as connection:
        result = await connection.stream(select(notes.c.title).order_by(notes.c.id))
        return JSONResponse([title async for title in result.scalars()])


async def write_note(request: Request) -> JSONResponse:
    given = await request.json()
    try:
        async with request.state.engine.begin() as connection:
            number = await connection.scalar(
                insert(notes).values(title=given["title"]).returning(notes.c.id)
            )
            for name in given.get("tags", []):
                await connection.execute(insert(tags).values(note_id=number, name=name))
    except IntegrityError:
        return JSONResponse({"error": "conflict"}, status_code=409)
    return JSONResponse({"id": number}, status_code=201)


async def purge(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await connection.execute(delete(notes))


async def purge_notes(request: Request) -> Response:
    task = BackgroundTask(purge, request.state.engine)
    return Response(status_code=202, background=task)


async def count_visits(request: Request) -> JSONResponse:
    async with request.state.engine.connect() as connection:
        return JSONResponse(await connection.scalar(select(func.count()).select_from(visits)))


async def write_by_socket(websocket: WebSocket) -> None:
    await websocket.accept()
    async for title in websocket.iter_text():
        async with websocket.state.engine.begin() as connection:
            number = await connection.scalar(
                insert(notes).values(title=title).returning(notes.c.id)
            )
        await websocket.send_json(number)


def create_app() -> Starlette:
    return Starlette(
        routes=[
            Route("/notes", list_notes),
            Route("/notes", write_note, methods=["POST"]),
            Route("/notes", purge_notes, methods=["DELETE"]),
            Route("/visits", count_visits),
            WebSocketRoute("/feed", write_by_socket),
        ],
        middleware=[Middleware(CountVisits)],
        lifespan=lifespan,
    )
