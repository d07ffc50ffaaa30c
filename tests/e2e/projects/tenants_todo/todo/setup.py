from sqlalchemy import Connection
from sqlalchemy.schema import CreateSchema

from todo.models import SHARED_TABLES, TENANT_TABLES, Base, Tenant


def create_shared(connection: Connection) -> None:
    """Make what all tenants share, and one tenant for demonstrations."""
    connection.execute(CreateSchema("shared"))
    Base.metadata.create_all(connection, tables=SHARED_TABLES)
    connection.execute(Tenant.__table__.insert().values(name="demo"))
    create_tenant(connection, "demo")


def create_tenant(connection: Connection, name: str) -> None:
    connection.execute(CreateSchema(f"tenant_{name}"))
    mapped = connection.execution_options(schema_translate_map={"tenant": f"tenant_{name}"})
    Base.metadata.create_all(mapped, tables=TENANT_TABLES)
