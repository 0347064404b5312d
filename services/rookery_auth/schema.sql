-- The schema of auth as the migrations make it. Every name is within the schema "auth".
-- A test compares this file with the sum of the migrations.

-- Keys that sign access tokens. The private part is sealed with the master key (AES-256-GCM).
CREATE TABLE signing_keys (
    kid text PRIMARY KEY,
    public_x text NOT NULL,
    encrypted_private bytea NOT NULL,
    create_time timestamptz NOT NULL
);

-- Lasting credentials of users. Only a keyed hash of the key is kept.
CREATE TABLE api_keys (
    id uuid PRIMARY KEY,
    tenant text NOT NULL,
    subject text NOT NULL,
    roles text[] NOT NULL,
    digest bytea NOT NULL,
    create_time timestamptz NOT NULL,
    expire_time timestamptz
);
CREATE INDEX api_keys_subject ON api_keys (tenant, subject);

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
    family_id uuid REFERENCES refresh_families (id) DEFERRABLE INITIALLY DEFERRED
);

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
ALTER TABLE api_keys ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON api_keys USING (current_setting('rookery.tenant', true) IN (tenant, '*'));
ALTER TABLE refresh_families ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON refresh_families USING (current_setting('rookery.tenant', true) IN (tenant, '*'));
ALTER TABLE enrollment_tokens ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON enrollment_tokens USING (current_setting('rookery.tenant', true) IN (tenant, '*'));
ALTER TABLE idempotency ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON idempotency USING (current_setting('rookery.tenant', true) IN (tenant, '*'));
