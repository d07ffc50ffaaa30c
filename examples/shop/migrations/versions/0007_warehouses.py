"""Warehouses, and what is stored in them."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "warehouses",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(50), nullable=False),
        sa.Column("capacity", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_warehouses"),
        sa.UniqueConstraint("name", name="uq_warehouses_name"),
    )
    op.create_table(
        "holdings",
        sa.Column("warehouse_id", sa.Integer(), nullable=False),
        sa.Column("product_id", sa.Integer(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("warehouse_id", "product_id", name="pk_holdings"),
        sa.ForeignKeyConstraint(
            ["warehouse_id"], ["warehouses.id"], name="fk_holdings_warehouse_id_warehouses"
        ),
        sa.ForeignKeyConstraint(
            ["product_id"], ["products.id"], name="fk_holdings_product_id_products"
        ),
        sa.CheckConstraint("quantity >= 0", name="ck_holdings_quantity_not_negative"),
    )


def downgrade() -> None:
    op.drop_table("holdings")
    op.drop_table("warehouses")
