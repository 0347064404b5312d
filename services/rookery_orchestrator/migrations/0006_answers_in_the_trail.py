"""Answers to requests are in the audit trail, also those that went to nobody who is an agent."""

from alembic import op

revision = "0006"
down_revision = "0005"

UPGRADE = """
ALTER TABLE messages ALTER COLUMN recipient_agent_id DROP NOT NULL;
ALTER TABLE messages ADD COLUMN reply_address uuid;
CREATE INDEX messages_reply_address ON messages (tenant, reply_address) WHERE reply_address IS NOT NULL;
"""

DOWNGRADE = """
DELETE FROM messages WHERE recipient_agent_id IS NULL;
ALTER TABLE messages DROP COLUMN reply_address;
ALTER TABLE messages ALTER COLUMN recipient_agent_id SET NOT NULL;
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(UPGRADE)


def downgrade() -> None:
    op.get_bind().exec_driver_sql(DOWNGRADE)
