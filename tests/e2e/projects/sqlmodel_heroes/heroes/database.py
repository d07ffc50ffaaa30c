import os
from collections.abc import Iterator
from typing import Annotated

from fastapi import Depends
from sqlmodel import Session, create_engine

URL = os.environ.get("DATABASE_URL", "postgresql://heroes:secret@db.invalid/heroes")
engine = create_engine(URL.replace("postgresql://", "postgresql+psycopg://"), pool_pre_ping=True)


def get_session() -> Iterator[Session]:
    with Session(engine) as session:
        yield session


SessionDep = Annotated[Session, Depends(get_session)]
