from collections.abc import Iterator

from fastapi import Depends, FastAPI, HTTPException
from sqlalchemy import case, create_engine, event, func, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, sessionmaker

from ledger.models import URL, Change, Customer, Entry, Kind

engine = create_engine(URL, connect_args={"options": "-csearch_path=customers,public"})
new_session = sessionmaker(engine)


@event.listens_for(engine, "connect")
def set_name(connection, _record) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET application_name TO 'ledger'")
    connection.commit()


def get_session() -> Iterator[Session]:
    with new_session() as session:
        yield session


app = FastAPI()


@app.post("/customers/{name}", status_code=201)
def add_customer(name: str, session: Session = Depends(get_session)) -> int:
    customer = Customer(name=name)
    session.add_all([customer, Change(change=f"added {name}")])
    try:
        session.commit()
    except IntegrityError:
        raise HTTPException(409) from None
    return customer.id


@app.post("/customers/{number}/entries", status_code=201)
def book(number: int, kind: Kind, cents: int, session: Session = Depends(get_session)) -> int:
    entry = Entry(customer_id=number, kind=kind, cents=cents)
    session.add(entry)
    session.commit()
    return entry.id


@app.get("/customers")
def balances(session: Session = Depends(get_session)) -> dict[str, int]:
    signed = case((Entry.kind == Kind.refund, -Entry.cents), else_=Entry.cents)
    rows = session.execute(
        select(Customer.name, func.coalesce(func.sum(signed), 0))
        .outerjoin(Customer.entries)
        .group_by(Customer.id)
        .order_by(Customer.id)
    )
    return dict(rows.all())


@app.get("/search-path")
def search_path(session: Session = Depends(get_session)) -> list[object]:
    # The schema's name is left out: the engine's own search path finds the table.
    return [
        session.scalar(text("SHOW search_path")),
        session.scalar(text("SHOW application_name")),
        session.scalar(text("SELECT count(*) FROM customer")),
    ]
