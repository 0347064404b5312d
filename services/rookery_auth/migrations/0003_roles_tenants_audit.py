"""Tenants, their own roles, and the audit log."""

from alembic import op
from rookery_kit.postgres.tenancy import tenant_isolation

revision = "0003"
down_revision = "0002"

# The service may add to the audit log and read it. The trigger stops whoever may more than the service, but for a
# superuser who removes the trigger; that shows in the chain.
UPGRADE = f"""
CREATE TABLE tenants (
    id text PRIMARY KEY COLLATE "C",
    display_name text NOT NULL,
    state text NOT NULL DEFAULT 'ACTIVE' CHECK (state IN ('ACTIVE', 'SUSPENDED', 'DELETING', 'DELETED')),
    requests_per_second bigint NOT NULL DEFAULT 0,
    max_agents bigint NOT NULL DEFAULT 0,
    max_api_keys bigint NOT NULL DEFAULT 0,
    max_mailbox_messages bigint NOT NULL DEFAULT 0,
    max_mailbox_bytes bigint NOT NULL DEFAULT 0,
    revision bigint NOT NULL DEFAULT 1,
    create_time timestamptz NOT NULL DEFAULT now(),
    update_time timestamptz NOT NULL DEFAULT now(),
    erasing_services text[] NOT NULL DEFAULT '{{}}',
    erasure_round integer NOT NULL DEFAULT 0,
    round_time timestamptz,
    told_time timestamptz
);
CREATE INDEX tenants_deleting ON tenants (id) WHERE state = 'DELETING';
ALTER TABLE tenants ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON tenants USING (current_setting('rookery.tenant', true) IN (id, '*', 'default'));
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
CREATE TABLE role_bindings (
    tenant text NOT NULL,
    subject text NOT NULL COLLATE "C",
    role text NOT NULL COLLATE "C",
    creator text NOT NULL,
    create_time timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant, subject, role)
);
CREATE INDEX role_bindings_role ON role_bindings (tenant, role);
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
CREATE TABLE audit_links (
    tenant text NOT NULL,
    sequence bigint NOT NULL CHECK (sequence > 0),
    previous_hash bytea NOT NULL,
    hash bytea NOT NULL,
    PRIMARY KEY (tenant, sequence)
);
{tenant_isolation("roles", "role_bindings", "audit_events", "audit_links")}
CREATE FUNCTION refuse_change() RETURNS trigger
    LANGUAGE plpgsql
    AS $$ BEGIN RAISE EXCEPTION 'the audit log is only ever added to' USING ERRCODE = 'insufficient_privilege'; END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_events
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_links
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
REVOKE UPDATE, DELETE, TRUNCATE ON audit_events, audit_links FROM rookery_auth;
"""

TENANTS_SO_FAR = """
INSERT INTO tenants (id, display_name)
SELECT tenant, tenant FROM api_keys UNION SELECT tenant, tenant FROM refresh_families
UNION SELECT tenant, tenant FROM enrollment_tokens;
"""

DOWNGRADE = """
DROP TABLE audit_links, audit_events, role_bindings, roles, tenants;
DROP FUNCTION refuse_change();
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(UPGRADE)
    op.get_bind().exec_driver_sql(TENANTS_SO_FAR)


def downgrade() -> None:
    op.get_bind().exec_driver_sql(DOWNGRADE)
