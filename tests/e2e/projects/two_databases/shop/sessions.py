from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import async_sessionmaker

from shop import analytics, orders

new_session = async_sessionmaker(
    binds={orders.Base: orders.engine, analytics.Base: analytics.engine}, expire_on_commit=False
)


def create_all(connection: Connection) -> None:
    """Make all tables in one database, to try things out."""
    orders.Base.metadata.create_all(connection)
    analytics.Base.metadata.create_all(connection)
    connection.execute(orders.Order.__table__.insert().values(item="the first"))
