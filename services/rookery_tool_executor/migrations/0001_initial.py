"""The ledger of executions, the executors that own them, and the projection of the registry's MCP servers."""

from alembic import op
from rookery_kit.postgres.shared_tables import CREATE_SHARED_TABLES, DROP_SHARED_TABLES
from rookery_kit.postgres.tenancy import tenant_isolation

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(CREATE_SHARED_TABLES)
    op.execute(
        f"""
-- One row per running executor process; its lease is renewed in the database's time.
CREATE TABLE executors (
    id uuid PRIMARY KEY,
    lease_expire_time timestamptz NOT NULL
);
-- Every tool call: reserved before the tool is called, finalised afterwards. request_id is NULL where none was given,
-- and where it was given back because the tool was certainly not called. epoch rises with every take-over.
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
{tenant_isolation("executions", "mcp_servers")}
"""
    )


def downgrade() -> None:
    op.execute("DROP TABLE mcp_servers, executions, executors")
    op.execute(DROP_SHARED_TABLES)
