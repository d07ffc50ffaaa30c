"""What differs from one installation to the next, read from the environment."""

import os
from dataclasses import dataclass, field


def _database_url() -> str:
    return os.environ.get(
        "SHOP_DATABASE_URL", "postgresql+asyncpg://shop:shop@db.internal:5432/shop"
    )


@dataclass(frozen=True)
class Settings:
    database_url: str = field(default_factory=_database_url)


settings = Settings()
