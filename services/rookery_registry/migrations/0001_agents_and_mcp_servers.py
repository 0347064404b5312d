"""Agents with their leases, MCP servers, and the shared tables."""

from alembic import op
from rookery_kit.postgres.shared_tables import CREATE_SHARED_TABLES, DROP_SHARED_TABLES
from rookery_kit.postgres.tenancy import tenant_isolation

revision = "0001"
down_revision = None

CREATE = f"""
CREATE SEQUENCE revisions;
CREATE SEQUENCE session_epochs;
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
CREATE FUNCTION is_live(agent agents) RETURNS boolean
    LANGUAGE sql STABLE
    RETURN agent.online AND agent.lease_expire_time > now();
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
{tenant_isolation("agents", "mcp_servers")}
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(CREATE_SHARED_TABLES)
    op.get_bind().exec_driver_sql(CREATE)


def downgrade() -> None:
    op.get_bind().exec_driver_sql("DROP TABLE mcp_servers")
    op.get_bind().exec_driver_sql("DROP FUNCTION is_live")
    op.get_bind().exec_driver_sql("DROP TABLE agents")
    op.get_bind().exec_driver_sql("DROP SEQUENCE session_epochs, revisions")
    op.get_bind().exec_driver_sql(DROP_SHARED_TABLES)
