-- The schema of the registry: what the migrations add up to. A test compares the two.

-- Every change of an agent or a server takes the next number, so the revisions of each only ever rise, also where
-- a name or an identity is removed and comes back.
CREATE SEQUENCE revisions;

-- Every registration of an agent takes the next number as its session's epoch. A sequence, and not a count in the
-- row: the epoch must rise past that of a row which is gone, with nothing left behind to remember it.
CREATE SEQUENCE session_epochs;

-- An agent whose lease has run out is offline, whatever `online` says; that column holds what consumers were told,
-- and the sweep brings the two together. `labels` are those in force; `enrolment_labels` win over all others
-- and are kept for the next update.
--
-- No index on lease_expire_time: a heartbeat then touches no indexed column, which costs a third of the write-ahead
-- log (182 bytes against 584) and leaves the indexes alone, while the sweep reads 10,000 agents in 2 ms. The fill
-- factor leaves room on the page for the new version of the row.
--
-- No GIN index on capabilities either: under row-level security Postgres looks into an index only with leak-proof
-- operators, and those of arrays are not, so it would never be used.
CREATE TABLE agents (
    tenant text NOT NULL,
    id uuid NOT NULL,
    name text NOT NULL COLLATE "C",
    subject text NOT NULL,
    description text NOT NULL,
    capabilities text[] NOT NULL,
    labels jsonb NOT NULL,
    enrolment_labels jsonb NOT NULL,
    lease_duration interval NOT NULL,
    lease_expire_time timestamptz NOT NULL,
    online boolean NOT NULL,
    session_epoch bigint NOT NULL,
    revision bigint NOT NULL,
    create_time timestamptz NOT NULL DEFAULT now(),
    update_time timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant, id)
) WITH (fillfactor = 70);
CREATE UNIQUE INDEX agents_name ON agents (tenant, name);

-- Whether an agent is online, by the database's time.
CREATE FUNCTION is_live(agent agents) RETURNS boolean
    LANGUAGE sql STABLE
    RETURN agent.online AND agent.lease_expire_time > now();

-- A server is reached in one of two ways: as a child process (command, args, env, cwd) or at a url.
CREATE TABLE mcp_servers (
    tenant text NOT NULL,
    id uuid NOT NULL,
    name text NOT NULL COLLATE "C",
    description text NOT NULL,
    command text,
    args text[],
    env jsonb,
    cwd text,
    url text,
    enabled boolean NOT NULL,
    revision bigint NOT NULL,
    create_time timestamptz NOT NULL DEFAULT now(),
    update_time timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant, id),
    CONSTRAINT mcp_servers_one_transport CHECK (
        num_nulls(command, args, env, cwd) = 0 AND url IS NULL
        OR num_nonnulls(command, args, env, cwd) = 0 AND url IS NOT NULL
    )
);
CREATE UNIQUE INDEX mcp_servers_name ON mcp_servers (tenant, name);

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
ALTER TABLE agents ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON agents
    USING (current_setting('rookery.tenant', true) IN (tenant, '*'));
ALTER TABLE mcp_servers ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON mcp_servers
    USING (current_setting('rookery.tenant', true) IN (tenant, '*'));
ALTER TABLE idempotency ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON idempotency
    USING (current_setting('rookery.tenant', true) IN (tenant, '*'));
