"""The rows that every shop starts with: three categories and the gift card."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

categories = sa.table("categories", sa.column("id", sa.Integer), sa.column("name", sa.String))
products = sa.table(
    "products",
    sa.column("category_id", sa.Integer),
    sa.column("sku", sa.String),
    sa.column("name", sa.String),
    sa.column("price_cents", sa.Integer),
    sa.column("stock", sa.Integer),
)


def upgrade() -> None:
    op.bulk_insert(categories, [{"name": "books"}, {"name": "games"}, {"name": "vouchers"}])
    vouchers = sa.select(categories.c.id).where(categories.c.name == "vouchers").scalar_subquery()
    op.execute(
        products.insert().values(
            category_id=vouchers, sku="gift-card", name="Gift card", price_cents=2500, stock=1000
        )
    )


def downgrade() -> None:
    op.execute(products.delete().where(products.c.sku == "gift-card"))
    op.execute(categories.delete().where(categories.c.name.in_(["books", "games", "vouchers"])))
