"""A plugin that registers a driver like asyncpg, which no plugin isolates: a real database."""

from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg


class Unled(PGDialect_asyncpg):
    driver = "unled"
    supports_statement_cache = True


registry.register("postgresql.unled", __name__, "Unled")
