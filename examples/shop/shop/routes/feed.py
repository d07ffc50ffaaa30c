import asyncio

from anyio.streams.memory import MemoryObjectReceiveStream
from fastapi import APIRouter, WebSocket, status

from shop.services.feed import OrderFeed

router = APIRouter(prefix="/orders", tags=["orders"])


@router.websocket("/feed")
async def watch_orders(websocket: WebSocket) -> None:
    """Send each order that is placed or cancelled, from the moment that this is accepted."""
    feed: OrderFeed = websocket.app.state.order_feed
    async with feed.watch() as changes, asyncio.TaskGroup() as tasks:
        await websocket.accept()
        sending = tasks.create_task(_send(websocket, changes))
        async for _ in websocket.iter_text():
            pass  # a watcher has nothing to say; this ends when it leaves
        sending.cancel()


async def _send(websocket: WebSocket, changes: MemoryObjectReceiveStream[str]) -> None:
    async for change in changes:
        await websocket.send_text(change)
    await websocket.close(status.WS_1013_TRY_AGAIN_LATER)
