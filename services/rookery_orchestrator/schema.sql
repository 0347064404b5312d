-- The schema of the orchestrator as the migrations make it. Every name is within the schema "orchestrator".
-- A test compares this file with the sum of the migrations.

-- Tasks. What an agent reports counts only under the current lease_epoch.
CREATE TABLE tasks (
    -- A UUID of version 7: sorts by creation.
    id uuid PRIMARY KEY,
    tenant text NOT NULL,
    creator text NOT NULL,
    -- The same request_id by the same creator is the same task; the digest tells another request apart.
    request_id uuid,
    request_digest bytea NOT NULL,
    title text NOT NULL,
    capability text NOT NULL,
    priority smallint NOT NULL,
    state text NOT NULL DEFAULT 'SUBMITTED',
    input_type text,
    input_data bytea,
    output_type text,
    output_data bytea,
    error_reason text,
    error_message text,
    labels jsonb NOT NULL,
    -- Who holds the lease, or held the last one.
    agent_id uuid,
    -- The fence: counts leases.
    lease_epoch bigint NOT NULL DEFAULT 0,
    lease_expire_time timestamptz,
    lease_duration interval NOT NULL,
    attempts integer NOT NULL DEFAULT 0,
    max_attempts integer NOT NULL CHECK (max_attempts > 0),
    progress double precision NOT NULL DEFAULT 0,
    progress_message text NOT NULL DEFAULT '',
    -- Counts changes; watches go by it.
    revision bigint NOT NULL DEFAULT 1,
    create_time timestamptz NOT NULL DEFAULT now(),
    update_time timestamptz NOT NULL DEFAULT now(),
    -- Not claimed before; set by the backoff of a retry.
    start_after timestamptz NOT NULL DEFAULT now(),
    end_time timestamptz,
    deadline timestamptz,
    traceparent text NOT NULL,
    CHECK ((state = 'WORKING') = (lease_expire_time IS NOT NULL)),
    CHECK ((state IN ('SUBMITTED', 'WORKING')) = (end_time IS NULL))
);
CREATE UNIQUE INDEX tasks_request ON tasks (tenant, creator, request_id) WHERE request_id IS NOT NULL;
-- The queue: a claim reads its beginning.
CREATE INDEX tasks_waiting ON tasks (tenant, capability, priority DESC, id) WHERE state = 'SUBMITTED';
CREATE INDEX tasks_leased ON tasks (lease_expire_time) WHERE state = 'WORKING';
CREATE INDEX tasks_held ON tasks (agent_id) WHERE state = 'WORKING';
CREATE INDEX tasks_due ON tasks (deadline) WHERE deadline IS NOT NULL AND state IN ('SUBMITTED', 'WORKING');
CREATE INDEX tasks_listing ON tasks (tenant, id DESC);

-- One row for each lease of a task.
CREATE TABLE task_attempts (
    tenant text NOT NULL,
    task_id uuid NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
    lease_epoch bigint NOT NULL,
    agent_id uuid NOT NULL,
    start_time timestamptz NOT NULL DEFAULT now(),
    end_time timestamptz,
    outcome text,
    error_message text NOT NULL DEFAULT '',
    PRIMARY KEY (task_id, lease_epoch)
);

-- The agents, as the registry's events tell of them. One that is gone stays, so that a late event is known as late.
CREATE TABLE agents (
    tenant text NOT NULL,
    id uuid NOT NULL,
    name text NOT NULL,
    capabilities text[] NOT NULL,
    online boolean NOT NULL,
    registered boolean NOT NULL,
    session_epoch bigint NOT NULL,
    revision bigint NOT NULL,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX agents_name ON agents (tenant, name) WHERE registered;

-- Messages that could not be handled. The stream DLQ brings them; this is what is asked and acted upon.
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
    -- Where the last attempt failed.
    agent_version text NOT NULL,
    handler text NOT NULL,
    -- rookery.events.v1.DeadLetter: the message with its payload, and every attempt.
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

-- The audit trail of messages. It has a partition for each day, made ahead and dropped when its time is over.
CREATE TABLE messages (
    tenant text NOT NULL,
    create_time timestamptz NOT NULL,
    id uuid NOT NULL,
    sender text NOT NULL,
    -- Null: an answer to a request, and no agent asked.
    recipient_agent_id uuid,
    priority text NOT NULL,
    type text NOT NULL,
    correlation_id text NOT NULL,
    expire_time timestamptz,
    -- What became of it, but for ACKED: that is in settled_messages, and both together in message_records.
    state text NOT NULL DEFAULT 'SENT',
    end_time timestamptz,
    delivery integer NOT NULL DEFAULT 0,
    -- rookery.orchestrator.v1.Message, with its payload where the service is set to keep it.
    envelope bytea NOT NULL,
    -- What settled_messages knows it by.
    key bytea,
    -- Of a request and of its answer the same.
    reply_address uuid,
    PRIMARY KEY (tenant, create_time, id, sender)
) PARTITION BY RANGE (create_time);
CREATE INDEX messages_recipient ON messages (tenant, recipient_agent_id, create_time DESC, id DESC);
CREATE INDEX messages_sender ON messages (tenant, sender, create_time DESC, id DESC);
CREATE INDEX messages_correlation ON messages (tenant, correlation_id, create_time DESC, id DESC)
    WHERE correlation_id <> '';
CREATE INDEX messages_reply_address ON messages (tenant, reply_address) WHERE reply_address IS NOT NULL;

-- The service's role changes rows and no tables; partitions are made and dropped by these, which run as the owner.
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

-- Topics. The id names a topic on the bus, so that a later one of the same name begins empty.
CREATE TABLE topics (
    tenant text NOT NULL,
    name text NOT NULL,
    id uuid NOT NULL UNIQUE,
    description text NOT NULL,
    creator text NOT NULL,
    create_time timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant, name)
);

-- Who has joined which topic.
CREATE TABLE topic_members (
    tenant text NOT NULL,
    topic_id uuid NOT NULL REFERENCES topics (id) ON DELETE CASCADE,
    agent_id uuid NOT NULL,
    join_time timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (topic_id, agent_id)
);
CREATE INDEX topic_members_agent ON topic_members (tenant, agent_id);

-- Messages on their way to many, in the order of acceptance.
CREATE TABLE fan_outs (
    place bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- Follows from the sender and the id that it gave the message.
    id uuid NOT NULL UNIQUE,
    tenant text NOT NULL,
    sender text NOT NULL,
    -- Null for a broadcast.
    topic_id uuid,
    -- The message as it crosses the bus; empty once it was carried to everyone.
    mail bytea NOT NULL,
    -- Who gets it, as decided when it was accepted.
    recipients uuid[] NOT NULL,
    create_time timestamptz NOT NULL DEFAULT now(),
    -- When it was offered to every mailbox.
    offer_time timestamptz,
    -- When the last of them had taken it.
    end_time timestamptz
);
CREATE INDEX fan_outs_fresh ON fan_outs (place) WHERE offer_time IS NULL;
CREATE INDEX fan_outs_open ON fan_outs (tenant) WHERE end_time IS NULL;
CREATE INDEX fan_outs_end_time ON fan_outs (end_time) WHERE end_time IS NOT NULL;

-- Copies for mailboxes that took none when they were offered one, or for which an earlier copy waits.
CREATE TABLE fan_out_copies (
    tenant text NOT NULL,
    place bigint NOT NULL REFERENCES fan_outs (place) ON DELETE CASCADE,
    sender text NOT NULL,
    recipient uuid NOT NULL,
    attempts integer NOT NULL DEFAULT 1,
    retry_time timestamptz NOT NULL,
    PRIMARY KEY (place, recipient)
);
CREATE INDEX fan_out_copies_order ON fan_out_copies (tenant, sender, recipient, place);
CREATE INDEX fan_out_copies_retry_time ON fan_out_copies (retry_time);

-- Messages that have been settled, by a digest of tenant, sender and id: sent again, they are not delivered again.
CREATE TABLE settled_messages (
    tenant text NOT NULL,
    key bytea PRIMARY KEY,
    settle_time timestamptz NOT NULL DEFAULT now(),
    -- Which delivery was acknowledged.
    delivery integer NOT NULL DEFAULT 0,
    -- In which transaction; not known of the earliest. What others have not committed yet is read on from there.
    xid xid8 DEFAULT pg_current_xact_id()
);
CREATE INDEX settled_messages_age ON settled_messages USING brin (settle_time);
CREATE INDEX settled_messages_xid ON settled_messages (xid) WHERE xid IS NOT NULL;

-- The audit trail with what became of each message. Nobody tells that a message expired: its time does.
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

-- Messages that wait for their time of delivery. Then they go to the stream of mail, under the same id.
CREATE TABLE delayed_messages (
    tenant text NOT NULL,
    sender text NOT NULL,
    id uuid NOT NULL,
    recipient uuid NOT NULL,
    priority text NOT NULL,
    deliver_time timestamptz NOT NULL,
    -- rookery.events.v1.Mail.
    mail bytea NOT NULL,
    PRIMARY KEY (tenant, sender, id)
);
CREATE INDEX delayed_messages_due ON delayed_messages (deliver_time);
CREATE INDEX delayed_messages_mailbox ON delayed_messages (tenant, recipient);

-- Events that leave in the order of their ids.
CREATE TABLE outbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    message_id text NOT NULL,
    subject text NOT NULL,
    payload bytea NOT NULL,
    traceparent text NOT NULL DEFAULT '',
    create_time timestamptz NOT NULL DEFAULT now()
);

-- Events that have taken effect.
CREATE TABLE inbox (
    consumer text NOT NULL,
    message_id text NOT NULL,
    process_time timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (consumer, message_id)
);
CREATE INDEX inbox_process_time ON inbox (process_time);

-- Answers by request_id.
CREATE TABLE idempotency (
    tenant text NOT NULL,
    subject text NOT NULL,
    method text NOT NULL,
    request_id uuid NOT NULL,
    request_digest bytea NOT NULL,
    answer bytea,
    create_time timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant, subject, method, request_id)
);
CREATE INDEX idempotency_create_time ON idempotency (create_time);

-- A transaction sees the rows of the tenant it names; '*' is the service's own work across tenants.
ALTER TABLE tasks ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON tasks USING (current_setting('rookery.tenant', true) IN (tenant, '*'));
ALTER TABLE task_attempts ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON task_attempts USING (current_setting('rookery.tenant', true) IN (tenant, '*'));
ALTER TABLE agents ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON agents USING (current_setting('rookery.tenant', true) IN (tenant, '*'));
ALTER TABLE idempotency ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON idempotency USING (current_setting('rookery.tenant', true) IN (tenant, '*'));
ALTER TABLE dead_letters ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON dead_letters USING (current_setting('rookery.tenant', true) IN (tenant, '*'));
ALTER TABLE messages ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON messages USING (current_setting('rookery.tenant', true) IN (tenant, '*'));
ALTER TABLE topics ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON topics USING (current_setting('rookery.tenant', true) IN (tenant, '*'));
ALTER TABLE topic_members ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON topic_members USING (current_setting('rookery.tenant', true) IN (tenant, '*'));
ALTER TABLE fan_outs ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON fan_outs USING (current_setting('rookery.tenant', true) IN (tenant, '*'));
ALTER TABLE fan_out_copies ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON fan_out_copies USING (current_setting('rookery.tenant', true) IN (tenant, '*'));
ALTER TABLE settled_messages ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON settled_messages USING (current_setting('rookery.tenant', true) IN (tenant, '*'));
ALTER TABLE delayed_messages ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON delayed_messages USING (current_setting('rookery.tenant', true) IN (tenant, '*'));
