-- The schema of auth as the migrations make it. Every name is within the schema "auth".
-- A test compares this file with the sum of the migrations.

-- Keys that sign access tokens from activate_time until retire_time, and verify until expire_time.
CREATE TABLE signing_keys (
    kid text PRIMARY KEY,
    public_x text NOT NULL,
    -- Sealed with the master key (AES-256-GCM); null once the key has expired.
    encrypted_private bytea,
    create_time timestamptz NOT NULL,
    activate_time timestamptz NOT NULL,
    retire_time timestamptz,
    expire_time timestamptz
);

-- Lasting credentials of users. Only a keyed hash of the key is kept.
CREATE TABLE api_keys (
    id uuid PRIMARY KEY,
    tenant text NOT NULL,
    subject text NOT NULL,
    roles text[] NOT NULL,
    digest bytea NOT NULL,
    create_time timestamptz NOT NULL,
    expire_time timestamptz,
    display_name text NOT NULL DEFAULT '',
    creator text NOT NULL DEFAULT 'service:auth',
    scopes text[] NOT NULL DEFAULT '{}',
    requests_per_second integer NOT NULL DEFAULT 0,
    -- Counts rotations, from 1.
    generation integer NOT NULL DEFAULT 1,
    -- What went into the present secret beside the id: the generation and the request_id of the rotation.
    nonce text NOT NULL DEFAULT '0',
    rotate_time timestamptz,
    -- The secret before is good until previous_expire_time.
    previous_digest bytea,
    previous_expire_time timestamptz,
    last_use_time timestamptz,
    revoke_time timestamptz
);
CREATE INDEX api_keys_subject ON api_keys (tenant, subject);
CREATE INDEX api_keys_newest ON api_keys (tenant, create_time DESC, id DESC);

-- Chains of refresh tokens, one for each enrolled agent. The tokens themselves are kept nowhere.
CREATE TABLE refresh_families (
    id uuid PRIMARY KEY,
    tenant text NOT NULL,
    subject text NOT NULL,
    roles text[] NOT NULL,
    labels jsonb NOT NULL,
    -- Counts rotations; only a token of this generation is good.
    generation bigint NOT NULL CHECK (generation > 0),
    -- The request_id of the exchange that gave out the newest token.
    nonce text NOT NULL,
    create_time timestamptz NOT NULL DEFAULT now(),
    use_time timestamptz NOT NULL DEFAULT now(),
    expire_time timestamptz NOT NULL,
    revoke_time timestamptz
);
CREATE INDEX refresh_families_subject ON refresh_families (tenant, subject);

-- What is refused before its time: the tokens of a target that were issued at revoke_time or before.
CREATE TABLE revocations (
    -- Made of tenant, kind and target.
    id uuid PRIMARY KEY,
    tenant text NOT NULL,
    kind text NOT NULL,
    target text NOT NULL,
    revoke_time timestamptz NOT NULL,
    -- From then on no such token is left.
    expire_time timestamptz NOT NULL,
    CONSTRAINT revocations_target UNIQUE (tenant, kind, target)
);
CREATE INDEX revocations_expire_time ON revocations (expire_time);
-- A token is refused when it was issued at revoke_time or before, so nothing that was read before the commit may be
-- issued after revoke_time. The trigger runs at the commit, and leaves it a quarter of a second.
CREATE FUNCTION require_timely_revocation() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF clock_timestamp() > NEW.revoke_time - interval '250 milliseconds' THEN
        RAISE EXCEPTION 'the revocation took longer than it reaches ahead' USING ERRCODE = 'serialization_failure';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER timely AFTER INSERT OR UPDATE ON revocations
    DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.revoke_time < NEW.expire_time) EXECUTE FUNCTION require_timely_revocation();

-- Credentials that earn an agent identity, once.
CREATE TABLE enrollment_tokens (
    id uuid PRIMARY KEY,
    tenant text NOT NULL,
    creator text NOT NULL,
    roles text[] NOT NULL,
    labels jsonb NOT NULL,
    digest bytea NOT NULL,
    create_time timestamptz NOT NULL,
    expire_time timestamptz NOT NULL,
    use_time timestamptz,
    -- The family that its exchange began; null while it is unused.
    family_id uuid REFERENCES refresh_families (id) DEFERRABLE INITIALLY DEFERRED,
    revoke_time timestamptz
);
CREATE INDEX enrollment_tokens_newest ON enrollment_tokens (tenant, create_time DESC, id DESC);

-- Events that leave in the order of their ids.
CREATE TABLE outbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    message_id text NOT NULL,
    subject text NOT NULL,
    payload bytea NOT NULL,
    traceparent text NOT NULL DEFAULT '',
    create_time timestamptz NOT NULL DEFAULT now()
);
-- What every service must know of callers leaves before the rest.
CREATE INDEX outbox_identity ON outbox (id) WHERE split_part(subject, '.', 3) = 'identity';

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
ALTER TABLE api_keys ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON api_keys USING (current_setting('rookery.tenant', true) IN (tenant, '*'));
ALTER TABLE revocations ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON revocations USING (current_setting('rookery.tenant', true) IN (tenant, '*'));
ALTER TABLE refresh_families ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON refresh_families USING (current_setting('rookery.tenant', true) IN (tenant, '*'));
ALTER TABLE enrollment_tokens ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON enrollment_tokens USING (current_setting('rookery.tenant', true) IN (tenant, '*'));
ALTER TABLE idempotency ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON idempotency USING (current_setting('rookery.tenant', true) IN (tenant, '*'));

-- Teams or customers that share the installation; what is deleted stays as a tombstone, so that no name comes twice.
CREATE TABLE tenants (
    id text PRIMARY KEY COLLATE "C",
    display_name text NOT NULL,
    state text NOT NULL DEFAULT 'ACTIVE' CHECK (state IN ('ACTIVE', 'SUSPENDED', 'DELETING', 'DELETED')),
    -- Quotas; 0 in each: no limit.
    requests_per_second bigint NOT NULL DEFAULT 0,
    max_agents bigint NOT NULL DEFAULT 0,
    max_api_keys bigint NOT NULL DEFAULT 0,
    max_mailbox_messages bigint NOT NULL DEFAULT 0,
    max_mailbox_bytes bigint NOT NULL DEFAULT 0,
    revision bigint NOT NULL DEFAULT 1,
    create_time timestamptz NOT NULL DEFAULT now(),
    update_time timestamptz NOT NULL DEFAULT now(),
    -- While DELETING: the services that have not reported in this round, when the last of them did or the round
    -- began, and when they were last told to erase.
    erasing_services text[] NOT NULL DEFAULT '{}',
    erasure_round integer NOT NULL DEFAULT 0,
    round_time timestamptz,
    told_time timestamptz
);
CREATE INDEX tenants_deleting ON tenants (id) WHERE state = 'DELETING';
-- The first tenant manages the others.
ALTER TABLE tenants ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON tenants USING (current_setting('rookery.tenant', true) IN (id, '*', 'default'));

-- The tenants' own roles; the built-in ones are in the code.
CREATE TABLE roles (
    tenant text NOT NULL,
    name text NOT NULL COLLATE "C",
    description text NOT NULL,
    permissions text[] NOT NULL,
    revision bigint NOT NULL DEFAULT 1,
    create_time timestamptz NOT NULL DEFAULT now(),
    update_time timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant, name)
);

-- Roles that subjects have beside those of the credentials they use; built-in ones, too.
CREATE TABLE role_bindings (
    tenant text NOT NULL,
    subject text NOT NULL COLLATE "C",
    role text NOT NULL COLLATE "C",
    creator text NOT NULL,
    create_time timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant, subject, role)
);
CREATE INDEX role_bindings_role ON role_bindings (tenant, role);

-- The audit log, in the order of arrival: for each tenant numbered from 1 without gaps.
CREATE TABLE audit_events (
    tenant text NOT NULL,
    sequence bigint NOT NULL CHECK (sequence > 0),
    id uuid NOT NULL,
    actor text NOT NULL COLLATE "C",
    delegates text[] NOT NULL,
    action text NOT NULL COLLATE "C",
    resource text NOT NULL COLLATE "C",
    outcome text NOT NULL,
    reason text NOT NULL,
    token_id text NOT NULL,
    trace_id text NOT NULL,
    event_time timestamptz NOT NULL,
    details jsonb NOT NULL,
    service text NOT NULL,
    PRIMARY KEY (tenant, sequence),
    CONSTRAINT audit_events_id UNIQUE (tenant, id)
);
CREATE INDEX audit_events_actor ON audit_events (tenant, actor, sequence);
CREATE INDEX audit_events_resource ON audit_events (tenant, resource, sequence);
CREATE INDEX audit_events_time ON audit_events (tenant, event_time);

-- What ties each event to the one before it, written in the event's own transaction.
CREATE TABLE audit_links (
    tenant text NOT NULL,
    sequence bigint NOT NULL CHECK (sequence > 0),
    previous_hash bytea NOT NULL,
    hash bytea NOT NULL,
    PRIMARY KEY (tenant, sequence)
);

ALTER TABLE roles ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON roles USING (current_setting('rookery.tenant', true) IN (tenant, '*'));
ALTER TABLE role_bindings ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON role_bindings USING (current_setting('rookery.tenant', true) IN (tenant, '*'));
ALTER TABLE audit_events ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON audit_events USING (current_setting('rookery.tenant', true) IN (tenant, '*'));
ALTER TABLE audit_links ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON audit_links USING (current_setting('rookery.tenant', true) IN (tenant, '*'));

-- The service may add to the audit log and read it. The trigger stops whoever may more than the service, but for a
-- superuser who removes the trigger; that shows in the chain.
CREATE FUNCTION refuse_change() RETURNS trigger
    LANGUAGE plpgsql
    AS $$ BEGIN RAISE EXCEPTION 'the audit log is only ever added to' USING ERRCODE = 'insufficient_privilege'; END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_events
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_links
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
REVOKE UPDATE, DELETE, TRUNCATE ON audit_events, audit_links FROM rookery_auth;
