"""Topics, their members, and messages on their way to many."""

from alembic import op
from rookery_kit.postgres.tenancy import tenant_isolation

revision = "0003"
down_revision = "0002"

CREATE = f"""
CREATE TABLE topics (
    tenant text NOT NULL,
    name text NOT NULL,
    id uuid NOT NULL UNIQUE,
    description text NOT NULL,
    creator text NOT NULL,
    create_time timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant, name)
);
CREATE TABLE topic_members (
    tenant text NOT NULL,
    topic_id uuid NOT NULL REFERENCES topics (id) ON DELETE CASCADE,
    agent_id uuid NOT NULL,
    join_time timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (topic_id, agent_id)
);
CREATE INDEX topic_members_agent ON topic_members (tenant, agent_id);
CREATE TABLE fan_outs (
    place bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id uuid NOT NULL UNIQUE,
    tenant text NOT NULL,
    sender text NOT NULL,
    topic_id uuid,
    mail bytea NOT NULL,
    recipients uuid[] NOT NULL,
    create_time timestamptz NOT NULL DEFAULT now(),
    offer_time timestamptz,
    end_time timestamptz
);
CREATE INDEX fan_outs_fresh ON fan_outs (place) WHERE offer_time IS NULL;
CREATE INDEX fan_outs_open ON fan_outs (tenant) WHERE end_time IS NULL;
CREATE INDEX fan_outs_end_time ON fan_outs (end_time) WHERE end_time IS NOT NULL;
CREATE TABLE fan_out_copies (
    tenant text NOT NULL,
    place bigint NOT NULL REFERENCES fan_outs (place) ON DELETE CASCADE,
    sender text NOT NULL,
    recipient uuid NOT NULL,
    attempts integer NOT NULL DEFAULT 1,
    retry_time timestamptz NOT NULL,
    PRIMARY KEY (place, recipient)
);
CREATE INDEX fan_out_copies_order ON fan_out_copies (tenant, sender, recipient, place);
CREATE INDEX fan_out_copies_retry_time ON fan_out_copies (retry_time);
{tenant_isolation("topics", "topic_members", "fan_outs", "fan_out_copies")}
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(CREATE)


def downgrade() -> None:
    op.get_bind().exec_driver_sql("DROP TABLE fan_out_copies, fan_outs, topic_members, topics")
