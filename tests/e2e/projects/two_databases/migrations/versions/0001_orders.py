import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "orders",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("item", sa.Text(), nullable=False, unique=True),
    )
    op.execute("INSERT INTO orders (item) VALUES ('the first')")


def downgrade() -> None:
    op.drop_table("orders")
