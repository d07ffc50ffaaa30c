"""The work of a queue's worker, which is synchronous."""

from sqlalchemy import func, select

from shipping.models import Parcel, new_session


def send_parcels() -> int:
    with new_session.begin() as session:
        waiting = session.scalars(
            select(Parcel).where(Parcel.sent.is_(False)).with_for_update(skip_locked=True)
        ).all()
        for parcel in waiting:
            parcel.sent = True
    return len(waiting)


def import_parcels(addresses: list[str]) -> None:
    with new_session.begin() as session:
        session.add_all(Parcel(address=address) for address in addresses)


def count_parcels() -> int:
    with new_session() as session:
        return session.scalar(select(func.count(Parcel.id)))
