"""Outages of leases, instructions, health reports, and the log of changes that watchers follow."""

from alembic import op
from rookery_kit.postgres.tenancy import tenant_isolation

revision = "0003"
down_revision = "0002"

CREATE = f"""
ALTER TABLE agents ADD COLUMN draining boolean NOT NULL DEFAULT false;
ALTER TABLE agents ADD COLUMN card_stale boolean NOT NULL DEFAULT false;
CREATE TABLE lease_sweeps (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    sweep_time timestamptz NOT NULL DEFAULT now()
);
INSERT INTO lease_sweeps DEFAULT VALUES;
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
CREATE TABLE agent_changes_trimmed (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    place bigint NOT NULL DEFAULT 0
);
INSERT INTO agent_changes_trimmed DEFAULT VALUES;
{tenant_isolation("agent_health", "agent_load", "agent_changes")}
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(CREATE)


def downgrade() -> None:
    op.get_bind().exec_driver_sql("DROP TABLE agent_changes_trimmed, agent_changes, agent_load, agent_health")
    op.get_bind().exec_driver_sql("DROP TABLE lease_sweeps")
    op.get_bind().exec_driver_sql("ALTER TABLE agents DROP COLUMN card_stale, DROP COLUMN draining")
