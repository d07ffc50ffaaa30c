import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.execute("CREATE SCHEMA customers")
    op.execute("CREATE SCHEMA billing")
    op.create_table(
        "customer",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("name", sa.Text(), nullable=False, unique=True),
        schema="customers",
    )
    kind = sa.Enum("charge", "refund", name="kind", schema="billing")
    op.create_table(
        "entry",
        sa.Column("id", sa.Integer(), sa.Identity(start=1000), primary_key=True),
        sa.Column(
            "customer_id", sa.Integer(), sa.ForeignKey("customers.customer.id"), nullable=False
        ),
        sa.Column("kind", kind, nullable=False),
        sa.Column("cents", sa.Integer(), nullable=False),
        schema="billing",
    )
    op.create_table(
        "customer",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("change", sa.Text(), nullable=False),
        schema="history",
    )
    op.execute("INSERT INTO customers.customer (name) VALUES ('the house')")


def downgrade() -> None:
    op.execute("DROP SCHEMA billing CASCADE")
    op.execute("DROP SCHEMA customers CASCADE")
    op.drop_table("customer", schema="history")
