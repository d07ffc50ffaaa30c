import os
from typing import Any

from sqlalchemy import Delete, Insert, Update, create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, sessionmaker

URL = os.environ.get("DATABASE_URL", "postgresql://news:secret@primary.invalid/news")
REPLICA_URL = os.environ.get("DATABASE_URL", "postgresql://news:secret@replica.invalid/news")

primary = create_engine(URL.replace("postgresql://", "postgresql+psycopg://"))
replica = create_engine(REPLICA_URL.replace("postgresql://", "postgresql+psycopg://"))


class Base(DeclarativeBase):
    pass


class Article(Base):
    __tablename__ = "article"

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(unique=True)


class Visit(Base):
    __tablename__ = "visit"

    id: Mapped[int] = mapped_column(primary_key=True)
    article_id: Mapped[int]


class RoutingSession(Session):
    """Reads from the replica; writes to the primary."""

    def get_bind(self, mapper: Any = None, *, clause: Any = None, **kwargs: Any) -> Any:
        if self._flushing or isinstance(clause, Insert | Update | Delete):
            return primary
        return replica


new_session = sessionmaker(class_=RoutingSession)
new_mapped_session = sessionmaker(binds={Article: primary, Visit: replica})
