"""That a message was acknowledged is told by the inbox of settled messages alone."""

from alembic import op

revision = "0005"
down_revision = "0004"

UPGRADE = """
ALTER TABLE settled_messages ADD COLUMN delivery integer NOT NULL DEFAULT 0;
ALTER TABLE messages ADD COLUMN key bytea;
DROP FUNCTION message_state;
CREATE VIEW message_records WITH (security_invoker = true) AS
SELECT
    m.tenant, m.create_time, m.id, m.sender, m.recipient_agent_id, m.type, m.correlation_id, m.envelope,
    CASE
        WHEN s.key IS NOT NULL THEN 'ACKED'
        WHEN m.state = 'SENT' AND m.expire_time <= now() THEN 'EXPIRED'
        ELSE m.state
    END AS state,
    coalesce(s.settle_time, m.end_time) AS end_time,
    coalesce(s.delivery, m.delivery) AS delivery
FROM messages AS m LEFT JOIN settled_messages AS s ON s.key = m.key;
"""

DOWNGRADE = """
DROP VIEW message_records;
UPDATE messages AS m SET state = 'ACKED', end_time = s.settle_time, delivery = s.delivery
FROM settled_messages AS s WHERE s.key = m.key;
CREATE FUNCTION message_state(message messages) RETURNS text
LANGUAGE sql STABLE RETURN CASE
    WHEN message.state = 'SENT' AND message.expire_time <= now() THEN 'EXPIRED'
    ELSE message.state
END;
ALTER TABLE messages DROP COLUMN key;
ALTER TABLE settled_messages DROP COLUMN delivery;
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(UPGRADE)


def downgrade() -> None:
    op.get_bind().exec_driver_sql(DOWNGRADE)
