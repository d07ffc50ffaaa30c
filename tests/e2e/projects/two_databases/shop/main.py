from collections.abc import AsyncIterator

from fastapi import BackgroundTasks, Depends, FastAPI, HTTPException
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from shop.analytics import Event
from shop.orders import Order
from shop.sessions import new_session


async def get_session() -> AsyncIterator[AsyncSession]:
    async with new_session() as session:
        yield session


async def note(what: str) -> None:
    async with new_session() as session:
        session.add(Event(what=what))
        await session.commit()


app = FastAPI()


@app.post("/orders", status_code=201)
async def order(item: str, session: AsyncSession = Depends(get_session)) -> int:
    await note(f"asked for {item}")
    placed = Order(item=item)
    session.add_all([placed, Event(what=f"sold {item}")])
    try:
        await session.commit()
    except IntegrityError:
        await session.rollback()
        raise HTTPException(409) from None
    return placed.id


@app.get("/orders")
async def orders(
    background: BackgroundTasks, session: AsyncSession = Depends(get_session)
) -> list[str]:
    background.add_task(note, "looked")
    return list(await session.scalars(select(Order.item).order_by(Order.id)))


@app.get("/events")
async def events(session: AsyncSession = Depends(get_session)) -> dict[str, int]:
    word = func.split_part(Event.what, " ", 1).label("word")
    rows = await session.execute(select(word, func.count()).group_by("word"))
    return dict(rows.all())
