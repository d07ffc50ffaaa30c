from advanced_alchemy.base import UUIDAuditBase
from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship


class Author(UUIDAuditBase):
    __tablename__ = "author"

    name: Mapped[str] = mapped_column(String(80), unique=True)
    books: Mapped[list["Book"]] = relationship(
        back_populates="author", lazy="selectin", cascade="all, delete-orphan"
    )


class Book(UUIDAuditBase):
    __tablename__ = "book"

    title: Mapped[str]
    author_id: Mapped[str] = mapped_column(ForeignKey("author.id"))
    author: Mapped[Author] = relationship(back_populates="books", lazy="joined", innerjoin=True)


metadata = UUIDAuditBase.metadata
