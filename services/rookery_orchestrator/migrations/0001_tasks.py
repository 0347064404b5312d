"""Tasks, their attempts, the projection of agents, and the shared tables."""

from alembic import op
from rookery_kit.postgres.shared_tables import CREATE_SHARED_TABLES, DROP_SHARED_TABLES
from rookery_kit.postgres.tenancy import tenant_isolation

revision = "0001"
down_revision = None

CREATE = f"""
CREATE TABLE tasks (
    id uuid PRIMARY KEY,
    tenant text NOT NULL,
    creator text NOT NULL,
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
    agent_id uuid,
    lease_epoch bigint NOT NULL DEFAULT 0,
    lease_expire_time timestamptz,
    lease_duration interval NOT NULL,
    attempts integer NOT NULL DEFAULT 0,
    max_attempts integer NOT NULL CHECK (max_attempts > 0),
    progress double precision NOT NULL DEFAULT 0,
    progress_message text NOT NULL DEFAULT '',
    revision bigint NOT NULL DEFAULT 1,
    create_time timestamptz NOT NULL DEFAULT now(),
    update_time timestamptz NOT NULL DEFAULT now(),
    start_after timestamptz NOT NULL DEFAULT now(),
    end_time timestamptz,
    deadline timestamptz,
    traceparent text NOT NULL,
    CHECK ((state = 'WORKING') = (lease_expire_time IS NOT NULL)),
    CHECK ((state IN ('SUBMITTED', 'WORKING')) = (end_time IS NULL))
);
CREATE UNIQUE INDEX tasks_request ON tasks (tenant, creator, request_id) WHERE request_id IS NOT NULL;
CREATE INDEX tasks_waiting ON tasks (tenant, capability, priority DESC, id) WHERE state = 'SUBMITTED';
CREATE INDEX tasks_leased ON tasks (lease_expire_time) WHERE state = 'WORKING';
CREATE INDEX tasks_held ON tasks (agent_id) WHERE state = 'WORKING';
CREATE INDEX tasks_due ON tasks (deadline) WHERE deadline IS NOT NULL AND state IN ('SUBMITTED', 'WORKING');
CREATE INDEX tasks_listing ON tasks (tenant, id DESC);
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
{tenant_isolation("tasks", "task_attempts", "agents")}
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(CREATE_SHARED_TABLES)
    op.get_bind().exec_driver_sql(CREATE)


def downgrade() -> None:
    op.get_bind().exec_driver_sql("DROP TABLE agents, task_attempts, tasks")
    op.get_bind().exec_driver_sql(DROP_SHARED_TABLES)
