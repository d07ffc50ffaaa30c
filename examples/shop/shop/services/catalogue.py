"""Work on many products at once, past the ORM."""

from collections.abc import Sequence

from asyncpg import UniqueViolationError
from sqlalchemy import func, select, update

from shop.database import engine
from shop.errors import ConflictError, NotFoundError
from shop.models import Category, Product
from shop.schemas import ProductIn


async def change_prices(category: str, percent: int) -> int:
    """Raise or lower every price of a category; return how many there were."""
    async with engine.begin() as connection:
        category_id = await connection.scalar(select(Category.id).where(Category.name == category))
        if category_id is None:
            raise NotFoundError(f"There is no category {category!r}.")
        result = await connection.execute(
            update(Product)
            .where(Product.category_id == category_id)
            .values(price_cents=Product.price_cents * (100 + percent) // 100, updated_at=func.now())
        )
        return result.rowcount


async def import_products(products: Sequence[ProductIn]) -> int:
    """Load products with COPY: all of them, or none."""
    async with engine.begin() as connection:
        rows = await connection.execute(select(Category.name, Category.id))
        category_ids = dict(rows.all())
        unknown = {product.category for product in products} - category_ids.keys()
        if unknown:
            raise NotFoundError(f"There is no category {', '.join(sorted(unknown))}.")

        # SQLAlchemy has no COPY; the driver has.
        raw = await connection.get_raw_connection()
        try:
            await raw.driver_connection.copy_records_to_table(
                "products",
                columns=["category_id", "sku", "name", "price_cents", "stock"],
                records=[
                    (category_ids[p.category], p.sku, p.name, p.price_cents, p.stock)
                    for p in products
                ],
            )
        except UniqueViolationError as error:
            raise ConflictError("One of these products is in the catalogue already.") from error
    return len(products)
