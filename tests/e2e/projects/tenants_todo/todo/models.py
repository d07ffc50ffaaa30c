from sqlalchemy import ForeignKey, MetaData
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    metadata = MetaData()


class Tenant(Base):
    __tablename__ = "tenant"
    __table_args__ = {"schema": "shared"}

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)


class Task(Base):
    """In each tenant's own schema, which `schema_translate_map` names."""

    __tablename__ = "task"
    __table_args__ = {"schema": "tenant"}

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(unique=True)
    tenant_id: Mapped[int] = mapped_column(ForeignKey(Tenant.id))


TENANT_TABLES = [Task.__table__]
SHARED_TABLES = [Tenant.__table__]
