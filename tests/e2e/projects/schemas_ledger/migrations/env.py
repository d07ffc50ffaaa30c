from alembic import context
from sqlalchemy import create_engine, text

from ledger.models import URL, Base

engine = create_engine(URL)
with engine.connect() as connection:
    connection.execute(text("CREATE SCHEMA IF NOT EXISTS history"))
    connection.commit()
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        include_schemas=True,
        version_table_schema="history",
    )
    with context.begin_transaction():
        context.run_migrations()
engine.dispose()
