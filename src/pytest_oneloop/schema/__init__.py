"""What a database is built from: Alembic, a metadata object, or a callable."""
