from collections.abc import Sequence

from fastapi import APIRouter
from sqlalchemy import select

from shop.database import Session
from shop.errors import NotFoundError
from shop.models import Category, Product
from shop.schemas import Changed, PriceChange, ProductIn, ProductOut, ProductPatch
from shop.services.catalogue import change_prices, import_products

router = APIRouter(prefix="/products", tags=["products"])


@router.get("", response_model=list[ProductOut])
async def list_products(session: Session, category: str | None = None) -> Sequence[Product]:
    query = select(Product).order_by(Product.sku)
    if category is not None:
        query = query.join(Category).where(Category.name == category)
    return (await session.scalars(query)).all()


@router.patch("/{product_id}", response_model=ProductOut)
async def change_product(product_id: int, data: ProductPatch, session: Session) -> Product:
    product = await session.get(Product, product_id)
    if product is None:
        raise NotFoundError(f"There is no product {product_id}.")
    for name, value in data.model_dump(exclude_none=True).items():
        setattr(product, name, value)
    await session.commit()
    # The database sets updated_at.
    await session.refresh(product)
    return product


@router.post("/import", status_code=201)
async def import_catalogue(data: list[ProductIn]) -> Changed:
    return Changed(rows=await import_products(data))


@router.post("/prices")
async def change_category_prices(data: PriceChange) -> Changed:
    return Changed(rows=await change_prices(data.category, data.percent))
