"""Which messages have been settled, and messages that wait for their time of delivery."""

from alembic import op
from rookery_kit.postgres.tenancy import tenant_isolation

revision = "0004"
down_revision = "0003"

CREATE = f"""
CREATE TABLE settled_messages (
    tenant text NOT NULL,
    key bytea PRIMARY KEY,
    settle_time timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX settled_messages_age ON settled_messages USING brin (settle_time);
CREATE TABLE delayed_messages (
    tenant text NOT NULL,
    sender text NOT NULL,
    id uuid NOT NULL,
    recipient uuid NOT NULL,
    priority text NOT NULL,
    deliver_time timestamptz NOT NULL,
    mail bytea NOT NULL,
    PRIMARY KEY (tenant, sender, id)
);
CREATE INDEX delayed_messages_due ON delayed_messages (deliver_time);
CREATE INDEX delayed_messages_mailbox ON delayed_messages (tenant, recipient);
{tenant_isolation("settled_messages", "delayed_messages")}
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(CREATE)


def downgrade() -> None:
    op.get_bind().exec_driver_sql("DROP TABLE delayed_messages, settled_messages")
