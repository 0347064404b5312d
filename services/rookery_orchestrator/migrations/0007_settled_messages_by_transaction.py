"""A settled message says in which transaction it was settled; of earlier ones that is not known."""

from alembic import op

revision = "0007"
down_revision = "0006"

# Two statements, so that no row is written anew.
UPGRADE = """
ALTER TABLE settled_messages ADD COLUMN xid xid8;
ALTER TABLE settled_messages ALTER COLUMN xid SET DEFAULT pg_current_xact_id();
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(UPGRADE)


def downgrade() -> None:
    op.get_bind().exec_driver_sql("ALTER TABLE settled_messages DROP COLUMN xid")
