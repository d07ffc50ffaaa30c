"""Tell whoever listens on the channel `orders` of each new order, and of each change of status.

A notification is sent when the transaction commits, and not at all if it is rolled back.
"""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE FUNCTION tell_of_order() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            PERFORM pg_notify(
                'orders', json_build_object('id', NEW.id, 'status', NEW.status)::text
            );
            RETURN NULL;
        END
        $$
    """)
    op.execute("""
        CREATE TRIGGER tell_of_order AFTER INSERT OR UPDATE OF status ON orders
        FOR EACH ROW EXECUTE FUNCTION tell_of_order()
    """)


def downgrade() -> None:
    op.execute("DROP TRIGGER tell_of_order ON orders")
    op.execute("DROP FUNCTION tell_of_order")
