"""The inbox of settled messages can be read on. A revision of its own: mail is delivered while the index is built."""

from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.get_bind().exec_driver_sql("CREATE INDEX settled_messages_xid ON settled_messages (xid) WHERE xid IS NOT NULL")


def downgrade() -> None:
    op.get_bind().exec_driver_sql("DROP INDEX settled_messages_xid")
