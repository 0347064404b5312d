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
