"""The inbox of settled messages can be read on from a moment."""

from alembic import op

revision = "0007"
down_revision = "0006"

UPGRADE = """
DROP INDEX settled_messages_age;
CREATE INDEX settled_messages_age ON settled_messages (settle_time);
"""

DOWNGRADE = """
DROP INDEX settled_messages_age;
CREATE INDEX settled_messages_age ON settled_messages USING brin (settle_time);
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(UPGRADE)


def downgrade() -> None:
    op.get_bind().exec_driver_sql(DOWNGRADE)
