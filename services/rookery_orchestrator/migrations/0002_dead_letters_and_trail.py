"""Dead letters, and the audit trail of messages in partitions of a day."""

from alembic import op
from rookery_kit.postgres.tenancy import tenant_isolation

revision = "0002"
down_revision = "0001"

CREATE = """
CREATE TABLE dead_letters (
    id uuid PRIMARY KEY,
    tenant text NOT NULL,
    agent_id uuid NOT NULL,
    sender text NOT NULL,
    message_id text NOT NULL,
    type text NOT NULL,
    correlation_id text NOT NULL,
    reason text NOT NULL,
    detail text NOT NULL,
    deliveries integer NOT NULL,
    agent_version text NOT NULL,
    handler text NOT NULL,
    letter bytea NOT NULL,
    state text NOT NULL DEFAULT 'DEAD',
    create_time timestamptz NOT NULL,
    update_time timestamptz NOT NULL DEFAULT now(),
    updated_by text NOT NULL DEFAULT ''
);
CREATE INDEX dead_letters_listing ON dead_letters (tenant, create_time DESC, id DESC);
CREATE INDEX dead_letters_mailbox ON dead_letters (tenant, agent_id, create_time DESC, id DESC);
CREATE INDEX dead_letters_requeuing ON dead_letters (update_time) WHERE state = 'REQUEUING';
CREATE INDEX dead_letters_age ON dead_letters (create_time);
CREATE TABLE messages (
    tenant text NOT NULL,
    create_time timestamptz NOT NULL,
    id uuid NOT NULL,
    sender text NOT NULL,
    recipient_agent_id uuid NOT NULL,
    priority text NOT NULL,
    type text NOT NULL,
    correlation_id text NOT NULL,
    expire_time timestamptz,
    state text NOT NULL DEFAULT 'SENT',
    end_time timestamptz,
    delivery integer NOT NULL DEFAULT 0,
    envelope bytea NOT NULL,
    PRIMARY KEY (tenant, create_time, id, sender)
) PARTITION BY RANGE (create_time);
CREATE INDEX messages_recipient ON messages (tenant, recipient_agent_id, create_time DESC, id DESC);
CREATE INDEX messages_sender ON messages (tenant, sender, create_time DESC, id DESC);
CREATE INDEX messages_correlation ON messages (tenant, correlation_id, create_time DESC, id DESC)
    WHERE correlation_id <> '';
CREATE FUNCTION message_state(message messages) RETURNS text
LANGUAGE sql STABLE RETURN CASE
    WHEN message.state = 'SENT' AND message.expire_time <= now() THEN 'EXPIRED'
    ELSE message.state
END;
CREATE FUNCTION ensure_message_partition(day date) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    partition text := 'messages_' || to_char(day, 'YYYYMMDD');
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext(current_schema() || '.messages'));
    IF to_regclass(partition) IS NULL THEN
        EXECUTE format(
            'CREATE TABLE %I PARTITION OF messages FOR VALUES FROM (%L) TO (%L)',
            partition, day::timestamp AT TIME ZONE 'UTC', (day + 1)::timestamp AT TIME ZONE 'UTC'
        );
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', partition);
    END IF;
END
$$;
CREATE FUNCTION drop_message_partitions(before date) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    partition regclass;
    dropped integer := 0;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext(current_schema() || '.messages'));
    FOR partition IN
        SELECT i.inhrelid::regclass FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'messages'::regclass AND c.relname < 'messages_' || to_char(before, 'YYYYMMDD')
    LOOP
        EXECUTE format('DROP TABLE %s', partition);
        dropped := dropped + 1;
    END LOOP;
    RETURN dropped;
END
$$;
REVOKE ALL ON FUNCTION ensure_message_partition, drop_message_partitions FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ensure_message_partition, drop_message_partitions TO rookery_orchestrator;
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(CREATE.replace("%", "%%"))
    op.get_bind().exec_driver_sql(tenant_isolation("dead_letters", "messages"))


def downgrade() -> None:
    op.get_bind().exec_driver_sql("DROP FUNCTION ensure_message_partition, drop_message_partitions, message_state")
    op.get_bind().exec_driver_sql("DROP TABLE messages, dead_letters")
