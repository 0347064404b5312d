-- The schema of the tool-executor: what the migrations add up to. A test compares the two.

-- One row per running executor process; its lease is renewed in the database's time.
CREATE TABLE executors (
    id uuid PRIMARY KEY,
    lease_expire_time timestamptz NOT NULL
);

-- Every tool call: reserved before the tool is called, finalised afterwards. request_id is NULL where none was given,
-- and where it was given back because the tool was certainly not called. epoch rises with every take-over. delegates are
-- those who acted for the subject, the nearest first.
CREATE TABLE executions (
    tenant text NOT NULL,
    id uuid NOT NULL,
    subject text NOT NULL,
    request_id uuid,
    call_digest bytea NOT NULL,
    task_id uuid,
    server text NOT NULL,
    tool text NOT NULL,
    arguments bytea NOT NULL,
    repeatable boolean NOT NULL,
    state text NOT NULL CHECK (state IN ('RESERVED', 'SUCCEEDED', 'FAILED', 'AMBIGUOUS')),
    executor_id uuid NOT NULL,
    epoch integer NOT NULL DEFAULT 1,
    content bytea,
    structured_content bytea,
    is_error boolean NOT NULL DEFAULT false,
    error_reason text NOT NULL DEFAULT '',
    error_message text NOT NULL DEFAULT '',
    create_time timestamptz NOT NULL DEFAULT now(),
    end_time timestamptz,
    delegates text[] NOT NULL DEFAULT '{}',
    PRIMARY KEY (tenant, id)
);
CREATE UNIQUE INDEX executions_request_id ON executions (tenant, subject, request_id) WHERE request_id IS NOT NULL;
CREATE INDEX executions_server ON executions (tenant, server, id);
CREATE INDEX executions_task_id ON executions (tenant, task_id, id) WHERE task_id IS NOT NULL;
CREATE INDEX executions_reserved ON executions (executor_id) WHERE state = 'RESERVED';

-- The registry's MCP servers as its events told; revision 0 where the registry was asked before an event came.
-- A deleted server stays as a tombstone while older events about it may still arrive.
CREATE TABLE mcp_servers (
    tenant text NOT NULL,
    id uuid NOT NULL,
    name text NOT NULL,
    etag text NOT NULL,
    enabled boolean NOT NULL,
    transport jsonb NOT NULL,
    revision bigint NOT NULL,
    deleted boolean NOT NULL DEFAULT false,
    update_time timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant, id)
);
CREATE INDEX mcp_servers_name ON mcp_servers (tenant, name) WHERE NOT deleted;

-- Events that leave in the order of their ids, written in the transaction of the change they tell of.
CREATE TABLE outbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    message_id text NOT NULL,
    subject text NOT NULL,
    payload bytea NOT NULL,
    traceparent text NOT NULL DEFAULT '',
    create_time timestamptz NOT NULL DEFAULT now()
);

-- Events that have taken effect, so that each takes effect once.
CREATE TABLE inbox (
    consumer text NOT NULL,
    message_id text NOT NULL,
    process_time timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (consumer, message_id)
);
CREATE INDEX inbox_process_time ON inbox (process_time);

-- Answers by request_id, written in the transaction of the change.
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
ALTER TABLE executions ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON executions
    USING (current_setting('rookery.tenant', true) IN (tenant, '*'));
ALTER TABLE mcp_servers ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON mcp_servers
    USING (current_setting('rookery.tenant', true) IN (tenant, '*'));
ALTER TABLE idempotency ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON idempotency
    USING (current_setting('rookery.tenant', true) IN (tenant, '*'));
