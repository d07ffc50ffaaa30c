import asyncio

from fastapi import FastAPI, HTTPException
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from shipping import jobs
from shipping.models import Parcel, new_async_session

app = FastAPI()


@app.post("/parcels", status_code=201)
async def add(address: str) -> int:
    async with new_async_session() as session:
        parcel = Parcel(address=address)
        session.add(parcel)
        try:
            await session.commit()
        except IntegrityError:
            raise HTTPException(409) from None
        return parcel.id


@app.get("/parcels")
async def waiting() -> list[str]:
    async with new_async_session() as session:
        found = select(Parcel.address).where(Parcel.sent.is_(False)).order_by(Parcel.id)
        return list(await session.scalars(found))


@app.post("/send")
async def send() -> int:
    return await asyncio.to_thread(jobs.send_parcels)


@app.post("/import")
def import_many(addresses: list[str]) -> int:
    """Run in the thread pool, as every `def` endpoint."""
    jobs.import_parcels(addresses)
    return jobs.count_parcels()
