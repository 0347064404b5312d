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
-- No GIN index on capabilities or labels either: under row-level security Postgres looks into an index only with
-- leak-proof operators, and those of arrays and jsonb are not, so it would never be used. See agent_capabilities.
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
    type text NOT NULL DEFAULT '',
    version text NOT NULL DEFAULT '',
    endpoint text NOT NULL DEFAULT '',
    skills jsonb NOT NULL DEFAULT '[]',
    config jsonb NOT NULL DEFAULT '{}',
    draining boolean NOT NULL DEFAULT false,
    card_stale boolean NOT NULL DEFAULT false,
    PRIMARY KEY (tenant, id)
) WITH (fillfactor = 70);
CREATE UNIQUE INDEX agents_name ON agents (tenant, name);
-- The few that are online among many that are not, in the order of a listing. A heartbeat leaves `online` as it is.
CREATE INDEX agents_online ON agents (tenant, name) WHERE online;

-- Whether an agent is online, by the database's time.
CREATE FUNCTION is_live(agent agents) RETURNS boolean
    LANGUAGE sql STABLE
    RETURN agent.online AND agent.lease_expire_time > now();

-- Agents by capability and by label, in the order of a listing, so that a page of those with one is a range of an
-- index however many agents there are. Kept by triggers, since they say nothing that `agents` does not.
CREATE TABLE agent_capabilities (
    tenant text NOT NULL,
    capability text NOT NULL COLLATE "C",
    name text NOT NULL COLLATE "C",
    PRIMARY KEY (tenant, capability, name)
);
CREATE TABLE agent_labels (
    tenant text NOT NULL,
    name text NOT NULL COLLATE "C",
    key text NOT NULL COLLATE "C",
    value text NOT NULL COLLATE "C",
    PRIMARY KEY (tenant, name, key)
);
CREATE INDEX agent_labels_value ON agent_labels (tenant, key, value, name);
CREATE FUNCTION index_agent() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        DELETE FROM agent_capabilities
        WHERE tenant = OLD.tenant AND capability = ANY (OLD.capabilities) AND name = OLD.name;
        DELETE FROM agent_labels WHERE tenant = OLD.tenant AND name = OLD.name;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        INSERT INTO agent_capabilities
        SELECT DISTINCT NEW.tenant, capability, NEW.name FROM unnest(NEW.capabilities) AS capability;
        INSERT INTO agent_labels SELECT NEW.tenant, NEW.name, key, value FROM jsonb_each_text(NEW.labels);
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER agents_indexed AFTER INSERT OR DELETE ON agents FOR EACH ROW EXECUTE FUNCTION index_agent();
CREATE TRIGGER agents_reindexed AFTER UPDATE OF capabilities, labels ON agents FOR EACH ROW
    WHEN (OLD.capabilities IS DISTINCT FROM NEW.capabilities OR OLD.labels IS DISTINCT FROM NEW.labels)
    EXECUTE FUNCTION index_agent();

-- When some replica last looked for leases that have run out. A long gap was an outage, in which nobody could beat.
CREATE TABLE lease_sweeps (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    sweep_time timestamptz NOT NULL DEFAULT now()
);
INSERT INTO lease_sweeps DEFAULT VALUES;

-- What agents have reported, in the order in which it came: the oldest, which are removed first, lie together, so a
-- block range index finds them at next to no cost. Nothing here is unique; two reports may have come at once.
CREATE TABLE agent_health (
    tenant text NOT NULL,
    agent_id uuid NOT NULL,
    sample_time timestamptz NOT NULL,
    requests_handled bigint NOT NULL,
    memory_bytes bigint NOT NULL,
    mean_response_ms double precision NOT NULL,
    error_rate double precision NOT NULL,
    cpu_fraction double precision NOT NULL,
    in_flight integer NOT NULL,
    capacity integer NOT NULL
);
CREATE INDEX agent_health_of_agent ON agent_health (tenant, agent_id, sample_time);
CREATE INDEX agent_health_sample_time ON agent_health USING brin (sample_time) WITH (pages_per_range = 32);

-- The latest report of each agent, as far as choosing among agents needs it.
CREATE TABLE agent_load (
    tenant text NOT NULL,
    agent_id uuid NOT NULL,
    in_flight integer NOT NULL,
    capacity integer NOT NULL,
    error_rate double precision NOT NULL,
    mean_response_ms double precision NOT NULL,
    update_time timestamptz NOT NULL,
    PRIMARY KEY (tenant, agent_id)
) WITH (fillfactor = 50);

-- What watchers are told: every change of an agent, as its event. Transactions commit in another order than that in
-- which they draw numbers, so a change has no place when it is written; places are given to committed changes, by one
-- replica at a time, and whoever has seen all up to a place never misses one before it.
CREATE TABLE agent_changes (
    entry bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant text NOT NULL,
    payload bytea NOT NULL,
    place bigint,
    create_time timestamptz NOT NULL DEFAULT now()
);
CREATE SEQUENCE agent_change_places OWNED BY agent_changes.place;
CREATE UNIQUE INDEX agent_changes_place ON agent_changes (place);
CREATE INDEX agent_changes_of_tenant ON agent_changes (tenant, place);
CREATE INDEX agent_changes_unplaced ON agent_changes (entry) WHERE place IS NULL;

-- The highest place of a change that is no longer kept.
CREATE TABLE agent_changes_trimmed (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    place bigint NOT NULL DEFAULT 0
);
INSERT INTO agent_changes_trimmed DEFAULT VALUES;

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
ALTER TABLE agent_capabilities ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON agent_capabilities
    USING (current_setting('rookery.tenant', true) IN (tenant, '*'));
ALTER TABLE agent_labels ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON agent_labels
    USING (current_setting('rookery.tenant', true) IN (tenant, '*'));
ALTER TABLE agent_health ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON agent_health
    USING (current_setting('rookery.tenant', true) IN (tenant, '*'));
ALTER TABLE agent_load ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON agent_load
    USING (current_setting('rookery.tenant', true) IN (tenant, '*'));
ALTER TABLE agent_changes ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON agent_changes
    USING (current_setting('rookery.tenant', true) IN (tenant, '*'));
ALTER TABLE mcp_servers ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON mcp_servers
    USING (current_setting('rookery.tenant', true) IN (tenant, '*'));
ALTER TABLE idempotency ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON idempotency
    USING (current_setting('rookery.tenant', true) IN (tenant, '*'));
