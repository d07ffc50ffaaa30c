"""The application: `fastapi dev` finds `app` here."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from shop.audit import write_audit_log
from shop.database import engine
from shop.errors import ShopError, answer_shop_error
from shop.routes import customers, feed, office, orders, products, warehouses
from shop.services.feed import OrderFeed
from shop.services.preferences import seed_settings


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    await seed_settings()
    app.state.order_feed = OrderFeed(engine)
    yield
    await engine.dispose()


app = FastAPI(title="Shop", lifespan=lifespan)
app.middleware("http")(write_audit_log)
app.exception_handler(ShopError)(answer_shop_error)
app.include_router(customers.router)
app.include_router(products.router)
app.include_router(orders.router)
app.include_router(feed.router)
app.include_router(warehouses.router)
app.include_router(office.router)
